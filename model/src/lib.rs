//! Flows, updates and the update protocol as pure data and pure functions.

pub mod id;

pub mod component;
pub mod diagnostic;
pub mod flow;
pub mod packet_type;
pub mod spec;
pub mod update;

pub mod graph;
pub mod validate;

pub mod plan;
pub mod program;

pub mod marker;
pub mod protocol;

pub mod choice;
pub mod trace;

#[cfg(test)]
mod example;
