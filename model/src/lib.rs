//! Flows, updates and the update protocol as pure data and pure functions.
//!
//! Read in this order: words ([`id`], [`flow`], [`component`], [`packet_type`], [`update`], [`diagnostic`], and [`spec`] for
//! their texts); what is found valid ([`graph`], [`mod@validate`], [`reconnection`]) and planned ([`plan`]); what runs ([`program`], [`marker`],
//! [`protocol`]) and what a run is ([`choice`], [`trace`]).
//!
//! What is absent here: I/O, clocks, threads, randomness, unordered collections and unsafe code; `clippy.toml` beside this
//! crate bans them, each with its reason. And [`protocol`] sees neither graph nor plan: an operator knows its own ports and
//! what arrives at them.

#![forbid(unsafe_code)]

pub mod id;
mod sheaf;

pub mod component;
pub mod diagnostic;
pub mod flow;
pub mod packet_type;
pub mod property;
pub mod spec;
pub mod update;

pub mod graph;
pub mod reconnection;
pub mod validate;

pub mod plan;
pub mod program;

pub mod marker;
pub mod protocol;

pub mod choice;
pub mod trace;

#[cfg(test)]
mod example;
