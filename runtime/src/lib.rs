//! The threaded runtime, the HTTP server flow and the `neurath` command.
//!
//! Read in this order: what an author of operators writes ([`function`], [`packet`]); what runs it ([`engine`]); the HTTP
//! server flow ([`http`]), which uses only the former; how a running flow is reached ([`admin`], [`admission`]); load and
//! reports ([`load`], [`report`]), and the demo that puts all together ([`demo`]); the command line ([`cli`]).
//!
//! What is absent here: decisions about updates. When a marker may be read, what is applied and what follows is decided in
//! `neurath_model::protocol`; what a plan is, in `neurath_model::plan`.

pub mod function;
pub mod packet;

pub mod update_files;

pub mod admin;
pub mod admission;
pub mod engine;

pub mod http;

pub mod load;
pub mod report;

pub mod bench;
pub mod demo;

pub mod cli;
