//! Ways to explore a world of operators and arcs.

pub mod system;

pub mod instance;
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

pub mod reference_chain;
