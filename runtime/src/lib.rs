//! The threaded runtime, the HTTP server flow and the `neurath` command.

pub mod function;
pub mod http;
pub mod packet;
