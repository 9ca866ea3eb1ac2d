//! What a property sees of a step: the events that the properties' sentences speak of.

use crate::net::Memory;
use neurath_model::id::{ArcId, InPort, Lineage, OperatorId, PortIndex, UpdateId, Version};
use neurath_model::marker::Outcome;
use neurath_model::update::StatePolicy;

/// One event of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// The environment submitted an update.
    Submitted {
        /// The update.
        update: UpdateId,
    },
    /// A source packet came into being.
    Began {
        /// The source.
        at: OperatorId,
        /// The lineage that begins.
        lineage: Lineage,
    },
    /// A packet was emitted onto an arc (or waits for room on it).
    Sent {
        /// The arc.
        arc: ArcId,
        /// The packet's lineage.
        lineage: Lineage,
    },
    /// A packet was taken from an arc.
    Taken {
        /// The arc.
        arc: ArcId,
        /// The packet's lineage.
        lineage: Lineage,
        /// Its place among all packets sent on the arc.
        serial: u32,
    },
    /// A function fired on packets.
    Fired {
        /// The operator.
        at: OperatorId,
        /// The version of its function.
        version: Version,
        /// The lineage of the packet that triggered it.
        lineage: Lineage,
    },
    /// A packet became open work. `ends` says that its lineage ends here (what is let go will begin another).
    Held {
        /// The operator.
        at: OperatorId,
        /// The lineage it came in with.
        lineage: Lineage,
        /// Whether the lineage ends here.
        ends: bool,
    },
    /// Open work was let go.
    Released {
        /// The operator.
        at: OperatorId,
        /// The lineage it came in with.
        lineage: Lineage,
        /// Whether the lineage had ended when it came in.
        ended: bool,
    },
    /// An action of an update was performed.
    Applied {
        /// The operator.
        at: OperatorId,
        /// The update.
        update: UpdateId,
        /// The feedback port at which it was, if it was there.
        port: Option<PortIndex>,
        /// The action's index, and how many the update has there.
        action: (u16, u16),
        /// What becomes of the state, if the action concerns it.
        state: Option<StatePolicy>,
        /// Outputs of an earlier firing that had not gone out.
        unflushed: usize,
        /// How many packets were open work before and after.
        open_work: (usize, usize),
        /// What the new function remembers.
        memory: Memory,
    },
    /// The state of an operator that goes was given to one that comes.
    HandedOver {
        /// The operator that goes.
        from: OperatorId,
        /// The operator that comes.
        to: OperatorId,
        /// What becomes of the state.
        state: StatePolicy,
        /// How many packets were open work before, and how many came over.
        open_work: (usize, usize),
        /// What the one that comes remembers.
        memory: Memory,
    },
    /// An operator took an arc away.
    Disconnected {
        /// The operator.
        at: OperatorId,
        /// The port from which it was taken.
        from: InPort,
        /// The arc.
        arc: ArcId,
        /// The update.
        update: UpdateId,
        /// Whether the arc is dead, and how many packets were left on it then.
        left: Option<usize>,
    },
    /// An arc came to a port.
    Attached {
        /// The port.
        to: InPort,
        /// The arc.
        arc: ArcId,
        /// An arc that stood there, and is lost.
        lost: Option<ArcId>,
    },
    /// An operator that has gone was released.
    Gone {
        /// The operator.
        at: OperatorId,
    },
    /// A marker was taken from a port, or by mail.
    Marked {
        /// The operator.
        at: OperatorId,
        /// The update.
        update: UpdateId,
    },
    /// An update's marker went on from an operator.
    Passed {
        /// The operator.
        at: OperatorId,
        /// The update.
        update: UpdateId,
    },
    /// The submitter got an answer.
    Answered {
        /// The update.
        update: UpdateId,
        /// What the answer was.
        outcome: Outcome,
    },
    /// A packet reached an operator that has ended, and goes nowhere.
    Discarded {
        /// The operator.
        at: OperatorId,
        /// The packet's lineage.
        lineage: Lineage,
    },
    /// Nothing of a lineage is left in the flow.
    Ended {
        /// The lineage.
        lineage: Lineage,
    },
    /// The step is over.
    Stepped,
}
