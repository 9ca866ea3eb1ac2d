//! Ways to explore a world of operators and arcs.

pub mod system;

pub mod instance;
pub mod scenario;
pub mod update_set;

pub mod net;
pub mod observation;

pub mod ledger;
pub mod properties;
pub mod world;

pub mod conformance;
pub mod explore;
pub mod replay;
pub mod stateright_model;

pub mod generate;
pub mod narrate;
pub mod schedule;
pub mod simulate;

pub mod reference_chain;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod example;
