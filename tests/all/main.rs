//! What crosses crates. One binary; a module per subject:
//!
//! * `book`: the book says what the code says, and its links lead somewhere.
//! * `operator`: the worked example of the book, run.
//! * `serving`: the HTTP server under load and updates, its trace replayed against the model.
//! * `forced`: schedules of the checker, carried out by real threads.
//! * `refusals`: bad requests and updates to a running server, which serves on.
//! * `invalid_updates`: a table of updates that are refused, with all that is said; none reaches the flow.
//! * `shards`: one flow in several shards, changed as one.
//! * `threads`: flows of other shapes on real threads, and functions that fail.
//! * `trophies`: runs of such flows that once went wrong, each with its story.
//! * `transcripts`: commands with all they print.

mod book;
mod cycle;
mod evolution;
mod forced;
mod invalid_updates;
mod numbers;
mod operator;
mod refusals;
mod serving;
mod shards;
mod support;
mod threads;
mod transcripts;
mod trophies;
mod written;
