//! One world of operators and arcs, and the ways to explore it.
//!
//! Read in this order: what can be explored ([`system`]); the world, which is one such system ([`instance`], [`net`],
//! [`mod@world`]), and what is asked of it ([`observation`], [`properties`], [`ledger`], [`client`]); the ways to explore ([`explore`],
//! [`reduction`], [`check`], [`stateright_model`], [`simulate`] with [`generate`], [`conformance`], [`replay`], [`schedule`],
//! [`bisect`], [`crash`]) and to tell of it
//! ([`narrate`], [`picture`]); ready-made flows for tests ([`scenario`]) and yardsticks of explorers ([`mod@reference`]).
//!
//! What is absent here: protocol code. The world drives `neurath_model::protocol`, which the threads of the runtime drive too.

pub mod few;
pub mod shared;
pub mod system;

pub mod instance;
pub mod scenario;
pub mod update_set;

pub mod net;
pub mod observation;

pub mod client;
pub mod ledger;
pub mod properties;
pub mod world;

pub mod bisect;
pub mod check;
pub mod conformance;
pub mod crash;
pub mod explore;
pub mod fold;
pub mod lasso;
pub mod rank;
pub mod reduction;
pub mod replay;
pub mod stateright_model;

pub mod generate;
pub mod narrate;
pub mod picture;
pub mod schedule;
pub mod simulate;
pub mod strategies;

pub mod reference;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod example;
