//! The threaded runtime: the third driver of the protocol.
//!
//! ```text
//!   submit --> control: plan, build --> entrance ==> operators on workers ==> exit --> control: answer
//! ```
//!
//! Reading order: [`signal`] (how a sleeping thread is woken), [`arc`] (bounded FIFO queues), [`carried`] (what a
//! marker brings along), [`activation`] (an operator that runs), [`worker`] (a thread with its operators),
//! [`placement`] (which operator on which thread), [`running`] (a flow that runs, and what can be asked of it),
//! [`tracer`] (the run as a trace).
//!
//! Operators know nothing of threads, threads nothing of updates: an activation performs the effects of the protocol
//! wherever it is placed.

pub(crate) mod activation;
pub(crate) mod arc;
pub(crate) mod carried;
pub mod placement;
pub mod running;
pub(crate) mod signal;
pub(crate) mod tracer;
pub(crate) mod worker;

pub use placement::Placement;
pub use running::{Applied, Options, Running, Status, Ticket};
