//! The threaded runtime, the HTTP server flow and the `neurath` command.

pub mod function;
pub mod packet;

pub mod admin;
pub mod admission;
pub mod engine;

pub mod http;

pub mod load;
pub mod report;

pub mod demo;

pub mod cli;
