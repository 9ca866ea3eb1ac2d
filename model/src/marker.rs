//! The update marker: what travels in order with the packets, and what it tells an operator.
//!
//! A marker is small and copyable. What it carries for each operator (new functions, properties, transfers) belongs
//! to the driver: the checker looks it up in the deployment, the runtime sends it along. The protocol needs to know only
//! the [`Orders`] for the operator at hand: where else the marker is awaited, *how many* actions follow, where it goes on.
//!
//! ```text
//!   scheduler        heads get the marker by mail   awaited at                       goes on to
//!   epoch            every source                   every input but feedback         every output but feedback
//!   dependent        every source                   inputs that lead to the origin   the origin; behind it everything
//!   scoped           the heads of the scope         inputs from within the scope     outputs within the scope
//!   direct           every operator that changes    nowhere                          nowhere
//!   stop-the-world   as epoch, to stop the sources; then as direct, when all is quiet
//! ```
//!
//! So five schedulers are five tables of orders, and one protocol.

use crate::id::{OperatorId, PortIndex, PortSet, UpdateId};
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
    /// It reached the exit without having met an operator that it was to change.
    Rejected,
}

/// What the entrance sends to one operator, outside the arcs and in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mail {
    /// An update's marker, for an operator at which it begins.
    Marker(UpdateId),
    /// All is quiet: the update may be applied (stop-the-world).
    Apply(UpdateId),
    /// The update is applied: a source that was stopped for it goes on (stop-the-world).
    Resume(UpdateId),
    /// No more submissions: the flow shall end.
    #[default]
    End,
}

impl Mail {
    /// Its place among updates: that of the update that it is about, and the last of all for the end.
    pub fn place(self) -> UpdateId {
        self.update().unwrap_or(UpdateId(u32::MAX))
    }

    /// Whether it is what an operator that was stopped waits for: that the update it was stopped for is applied, here or all in
    /// all. Everything else comes after that.
    pub fn ends_pause(self) -> bool {
        matches!(self, Self::Apply(_) | Self::Resume(_))
    }

    /// The update that it is about.
    pub fn update(self) -> Option<UpdateId> {
        match self {
            Self::Marker(update) | Self::Apply(update) | Self::Resume(update) => Some(update),
            Self::End => None,
        }
    }
}

/// What an update's marker says to one operator: a row of the table above, for that operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Orders {
    /// The update that must have passed here before: the last one before this that has orders for the operator. So
    /// updates that overlap take effect in one order wherever they do (protocol rule 11).
    pub after: UpdateId,
    /// Whether the marker is awaited from the entrance too.
    pub commanded: bool,
    /// The input ports at which it is awaited: those that it will come to, declared by the plan (protocol rule 3).
    pub awaited: PortSet,
    /// How many actions are performed when it has come to all of them.
    pub actions: u16,
    /// The input ports whose arc these actions take away.
    pub leaves: PortSet,
    /// The input ports to which an arc is to come by these actions.
    pub gets: PortSet,
    /// Whether open work must be finished first.
    pub drains: bool,
    /// Whether the operator begins nothing new from then on, until it is told to go on.
    pub pauses: bool,
    /// Whether the operator leaves the program: it finishes its open work and only then lets the marker go on.
    pub retires: bool,
    /// The output ports on which the marker goes on.
    pub forward: PortSet,
    /// Whether the exit is told when it has passed: the marker does not go on from here to any other operator.
    pub last: bool,
    /// Whether the update is done here when the marker has passed; else there is a second part to it.
    pub settles: bool,
}

/// What an operator tells the exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// The update's actions were performed.
    Applied,
    /// The marker has passed, and goes no further.
    Passed,
    /// The marker came along the feedback arc at this port, and what it had to change there is changed.
    Switched(PortIndex),
}

/// Whom the exit waits for before it answers an update.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Expected {
    /// Operators at which the marker ends.
    pub passed: Vec<OperatorId>,
    /// Operators that perform actions.
    pub applied: Vec<OperatorId>,
    /// Feedback ports that are switched.
    pub switched: Vec<(OperatorId, PortIndex)>,
    /// Whether the marker ends anywhere; messages to each target do not.
    pub has_last: bool,
    /// Whether the marker only makes everything quiet, and the actions come in a second part.
    pub in_two_parts: bool,
}
