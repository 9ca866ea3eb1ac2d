//! Measurements that anyone can repeat: side by side in one run, medians of several rounds, in CPU time where only one thread works.
//!
//! [`check`] measures the checker, [`serve`] the server of files; [`nio`], [`evolution`] and [`jetty`] what it costs to change a server
//! that serves.

pub mod check;
mod cpu;
pub mod evolution;
mod evolved;
pub mod jetty;
mod live;
pub mod nio;
pub mod serve;
mod spin;
mod timeline;

pub use evolved::Evolved;
pub use live::Setting;
