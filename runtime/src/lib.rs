//! The threaded runtime, the HTTP server flow and the `neurath` command.

pub mod function;
pub mod load;
pub mod packet;
pub mod report;
