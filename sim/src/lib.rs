//! Ways to explore a world of operators and arcs.

pub mod system;

pub mod explore;
pub mod reference_chain;
pub mod replay;
pub mod stateright_model;
