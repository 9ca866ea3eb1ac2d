//! One decision in a run of a program: what the checker tries, the simulator draws, a thread takes and a replay repeats.
//!
//! A `Choice` names everything that is not determined: which operator steps, what it takes, and, where its function may
//! do one thing or another (a router's output, a filter's verdict, which held packet a buffer lets go), what it
//! emitted. Everything else follows from the protocol.

use crate::id::{Lineage, OperatorId, PortIndex, UpdateId};
use crate::marker::Mail;
use smallvec::SmallVec;

/// The output ports on which packets were emitted, in order; one entry a packet.
pub type Emits = SmallVec<[PortIndex; 8]>;

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The environment submits an update at the entrance.
    Submit {
        /// The update, the next in order.
        update: UpdateId,
    },
    /// The environment ends the flow: the entrance takes no more.
    End,
    /// An operator takes the first of its mail, which came from the entrance, outside the arcs.
    Deliver {
        /// The operator.
        at: OperatorId,
        /// What it was.
        mail: Mail,
    },
    /// An operator takes one packet from a port and fires.
    Fire {
        /// The operator.
        at: OperatorId,
        /// The port.
        port: PortIndex,
        /// What it emitted.
        emits: Emits,
    },
    /// An operator takes one packet from every input port and fires.
    Join {
        /// The operator.
        at: OperatorId,
        /// What it emitted.
        emits: Emits,
    },
    /// An operator takes a marker from a port.
    Mark {
        /// The operator.
        at: OperatorId,
        /// The port.
        port: PortIndex,
    },
    /// An arc that was taken away elsewhere comes to a port that waits for it.
    Attach {
        /// The operator.
        at: OperatorId,
        /// The port.
        port: PortIndex,
    },
    /// An operator finds that the arc at a port has ended.
    Ended {
        /// The operator.
        at: OperatorId,
        /// The port.
        port: PortIndex,
    },
    /// An operator fires without a packet.
    Wake {
        /// The operator.
        at: OperatorId,
        /// The held packet that it lets go, by the lineage it came in with.
        releases: Option<Lineage>,
        /// What it emitted.
        emits: Emits,
    },
}

impl Choice {
    /// The operator that steps; `None` for the environment.
    pub fn at(&self) -> Option<OperatorId> {
        match self {
            Self::Submit { .. } | Self::End => None,
            Self::Deliver { at, .. }
            | Self::Fire { at, .. }
            | Self::Join { at, .. }
            | Self::Mark { at, .. }
            | Self::Attach { at, .. }
            | Self::Ended { at, .. }
            | Self::Wake { at, .. } => Some(*at),
        }
    }

    /// Every kind of choice.
    pub const KINDS: &'static [&'static str] =
        &["submit", "end", "deliver", "fire", "join", "mark", "attach", "ended", "wake"];

    /// The kind of this choice, one of [`Self::KINDS`].
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Submit { .. } => "submit",
            Self::End => "end",
            Self::Deliver { .. } => "deliver",
            Self::Fire { .. } => "fire",
            Self::Join { .. } => "join",
            Self::Mark { .. } => "mark",
            Self::Attach { .. } => "attach",
            Self::Ended { .. } => "ended",
            Self::Wake { .. } => "wake",
        }
    }
}
