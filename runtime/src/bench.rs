//! Measurements that anyone can repeat: side by side in one run, medians of several rounds, in CPU time where only one thread works.
//!
//! [`check`] measures the checker, [`serve`] the server of files, [`overhead`] what a flow costs; [`nio`], [`evolution`] and [`jetty`] what
//! it costs to change a server that serves; [`scale`] updates of flows of up to a hundred thousand operators, [`stall`] what an update
//! holds up and for how long, [`contention`] many updates per second under load, [`connections`] thousands of idle connections through updates.

pub mod check;
pub mod connections;
pub mod contention;
mod cpu;
pub mod evolution;
mod evolved;
mod flows;
pub mod jetty;
mod live;
mod machine;
pub mod nio;
pub mod overhead;
pub mod scale;
pub mod serve;
mod spin;
pub mod stall;
mod timeline;

pub use evolved::Evolved;
pub use live::Setting;
