//! The threaded runtime: the third driver of the protocol.
//!
//! ```text
//!   submit --> control: plan, build, commit --> mail ==> operators on workers ==> reports --> control: answer
//! ```
//!
//! Reading order: [`sync`] (what the next few are made of), [`signal`] (how operators are called, and sleeping threads woken),
//! [`arc`] (bounded FIFO queues whose ends move), [`outlet`] (an operator's outputs), [`carried`] (what a marker brings along), [`passage`] (how far it has come), [`mailbox`] (what comes outside the arcs), [`activation`] (an
//! operator that runs), [`worker`] (a thread with its operators), [`placement`] (which operator on which thread), [`control`]
//! (entrance and exit: the order of updates, and their answers), [`applied`] (what is told and remembered of an update), [`crew`] (how operators are put to work), [`gate`] (steps taken
//! as a schedule says), [`shard`] (a replica of a flow that runs),
//! [`running`] (a flow that runs, in all its shards, and what can be asked of it), [`status`] (what it says of itself),
//! [`tracer`] (the run as a trace). In tests, `models` explores how threads interleave in the first of these.
//!
//! Operators know nothing of threads, threads nothing of updates: an activation performs the effects of the protocol
//! wherever it is placed.

pub(crate) mod activation;
pub(crate) mod applied;
pub(crate) mod arc;
pub(crate) mod carried;
pub(crate) mod control;
pub(crate) mod crew;
pub mod gate;
pub(crate) mod mailbox;
pub(crate) mod outlet;
pub(crate) mod passage;
pub mod placement;
pub mod running;
pub(crate) mod shard;
pub(crate) mod signal;
pub mod status;
pub(crate) mod sync;
pub(crate) mod tracer;
pub(crate) mod worker;

#[cfg(test)]
#[path = "engine/arc/tests.rs"]
mod arc_tests;
#[cfg(test)]
mod models;

pub use applied::Applied;
pub use passage::Hold;
pub use placement::{Home, Placement};
pub use running::{Prepared, Running, Ticket};
pub use shard::Options;
pub use status::{PastStatus, Status};
