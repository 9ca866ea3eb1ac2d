//! What crosses crates. One binary; a module per subject:
//!
//! * `serving`: the HTTP server under load and updates, its trace replayed against the model.
//! * `refusals`: bad requests and updates to a running server, which serves on.
//! * `threads`: flows of other shapes on real threads, and functions that fail.
//! * `transcripts`: commands with all they print.

mod refusals;
mod serving;
mod support;
mod threads;
mod transcripts;
