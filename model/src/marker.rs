//! The update marker: what travels in order with the packets, and what it tells an operator.
//!
//! A marker is small and copyable. What it carries for each operator (new functions, properties, transfers) belongs
//! to the driver: the checker looks it up in the plan, the runtime sends it along. The protocol needs to know only
//! *how many* actions there are for the operator at hand, and emits one [`Effect::Apply`](crate::protocol::Effect)
//! for each, in the plan's order.

use crate::id::UpdateId;
use serde::{Deserialize, Serialize};

/// An update marker on an arc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marker {
    /// The update it belongs to.
    pub update: UpdateId,
}

/// How an update ended, as the exit answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took effect at every operator concerned.
    Applied,
    /// It took effect nowhere.
    Rejected,
}
