//! The update protocol: what an operator may read next and what follows from what it read, and when an update is answered.
//!
//! ```text
//!            +-------------------- Operator ---------------------+
//!   arcs --> | ready(): ports that may be read                   |
//!   mail --> |   packet  -> Invoke the function                  |
//!            |   marker  -> block the port; when it has come     |
//!            |              everywhere: Apply..., Broadcast      | --> effects, performed in order by the driver
//!            |   closed  -> counts as arrived; all: Finish       |
//!            +-------------------------|-------------------------+
//!                                  Report --> Tally --> answer
//! ```
//!
//! This is the one piece of code that the checker, the simulator and the threads all run. They differ in who picks
//! the next ready port and in who performs the effects. It is pure: it never runs a function, never blocks, cannot
//! fail, and knows only its own ports, not the graph and not the plan. A port waiting in a marker join is not ready;
//! the operator itself goes on with its other ports. (The alternative, stopping the operator, deadlocks when a
//! branch is full.)
//!
//! What an update's marker means here is in the [`Orders`] it brings: where else it is awaited, how
//! many actions follow, where it goes on. All five schedulers are such orders; none of them has code of its own.
//!
//! # Arcs that move
//!
//! An arc belongs to the output port that drives it; its other end moves. At its computation time an operator takes arcs
//! from its own input ports, and none from those of another (S10). A port whose arc was taken is *vacant* until the driver
//! tells that another was attached: it cannot be read, and a later update that would take its arc waits for it to come.
//! An operator that retires has no arc left, finishes its open work, and lets the marker go on as the last thing it
//! ever sends: who takes the marker from that arc has seen all of it.
//!
//! No join waits for a feedback arc. Where such an arc has to change hands at one place among its packets, a marker is sent
//! on it all the same, and has a computation time of its own at the port where it arrives: a lineage ends there anyway.
//!
//! Paper: section 5.5 for the marker join and its reason ("a time t at which rewriting logically took place") and Algorithm 3
//! for the reconnections; the propagation fills in Algorithms 1 and 2.

mod exit;
mod operator;

pub use exit::{Next, Tally};
pub use operator::{Head, Operator, Readable};

use crate::component::Firing;
use crate::id::{PortIndex, PortSet, UpdateId};
use crate::marker::{Marker, Orders, Report};
use smallvec::SmallVec;

/// What an operator declares: fixed for as long as it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// When its function fires on packets.
    pub firing: Firing,
    /// All its input ports.
    pub inputs: PortSet,
    /// Those at which a lineage ends and no marker is awaited.
    pub feedback: PortSet,
    /// All its output ports.
    pub outputs: PortSet,
    /// A fault put in on purpose, to show that the checker finds it. Never set by the runtime.
    pub mutant: Option<Mutant>,
}

impl Interface {
    /// The input ports that are not feedback: when all of them have ended, the operator ends.
    pub fn forward(&self) -> PortSet {
        self.inputs.minus(self.feedback)
    }
}

/// A protocol with one rule broken. The checker must find each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// A marker is sent only on the first output, as if a router had chosen it: breaks L2.
    MarkerOnOneOutput,
    /// An operator that is changed does not pass the marker on: breaks L1, or L2 where a join waits further down.
    TargetAbsorbsMarker,
    /// No join: every marker that arrives is acted upon: breaks S6.
    ApplyOnEveryMarker,
    /// A feedback port is awaited like any other: breaks L2.
    AwaitFeedback,
    /// Only ports that have an arc at the moment are awaited: breaks S5, or L2 where the marker then comes late.
    AwaitConnected,
    /// Every port is awaited, also where the plan knows that no marker will come: breaks L2.
    AwaitAllPorts,
    /// An update does not wait for the one before it: breaks S7, and L2 where each then waits for the other (protocol rule 11).
    NoGlobalOrder,
    /// The marker goes on to operators outside the scope: breaks S13.
    BroadcastEverywhere,
    /// Only the first action is performed at the join, the others at the next packet: breaks S8.
    SplitActions,
    /// The first copy of a marker to come performs the first action, without waiting for the others, as if each reconnection had
    /// a marker of its own: breaks S8, and L2 where the arc that is cut had another copy on it.
    SplitReconnections,
    /// An arc is attached before the one that is there was taken away: breaks S9.
    ConnectFirst,
    /// A retired operator does not finish its open work before the marker goes on: breaks S12.
    RetireUndrained,
    /// A retired operator is never released: breaks L7.
    NeverReleased,
    /// The entrance answers as soon as it has sent the marker: breaks S6, and S14 after it.
    AnswerAtEntrance,
    /// The exit hears the reports but does not answer: breaks L1.
    SilentExit,
}

/// What happened at an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// One packet was taken from a port.
    Packet {
        /// The port.
        port: PortIndex,
    },
    /// One packet was taken from every input port.
    Tuple,
    /// A marker was taken from a port.
    Marker {
        /// The port.
        port: PortIndex,
        /// The marker.
        marker: Marker,
        /// What it says to this operator; at a feedback port, what it says there.
        orders: Orders,
    },
    /// The arc at a port has ended and is empty.
    Closed {
        /// The port.
        port: PortIndex,
    },
    /// The function wants to fire without a packet.
    Wake,
    /// By mail: an update begins here, or its second part.
    Command {
        /// The update's marker.
        marker: Marker,
        /// What it says to this operator.
        orders: Orders,
    },
    /// By mail: the update for which it was stopped is applied.
    Resume,
    /// By mail: no more submissions, the flow shall end.
    End,
    /// An arc was attached to a vacant port.
    Attached {
        /// The port.
        port: PortIndex,
    },
    /// The state that it waited for has come.
    Inherited,
    /// The function has finished: it holds no open work any more.
    Finished,
}

/// What the driver must do, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Run the function on the packet or tuple taken.
    Invoke,
    /// Run the function without a packet.
    InvokeWake,
    /// Perform the action of that index that the update carries for this operator, or for one of its feedback ports.
    Apply {
        /// The update.
        update: UpdateId,
        /// The feedback port that the action is about; none for the operator's own list.
        port: Option<PortIndex>,
        /// The action's index in the ordered list.
        action: u16,
    },
    /// Send the marker on every port of the set, behind all packets already emitted.
    Broadcast {
        /// The marker.
        marker: Marker,
        /// The output ports.
        ports: PortSet,
    },
    /// Tell the exit.
    Report {
        /// The update.
        update: UpdateId,
        /// What.
        report: Report,
    },
    /// Tell the function that no packets will come; give [`Event::Finished`] once it holds no open work.
    Finish,
    /// Give [`Event::Finished`] once the function holds no open work: it goes on afterwards.
    Drain,
    /// End every output arc, behind all packets already emitted.
    Close,
    /// The operator has left the program: nothing can reach it any more.
    Release,
    /// The packet taken goes nowhere: the operator has ended.
    Discard,
}

/// Effects of one step; rarely more than three.
pub type Effects = SmallVec<[Effect; 4]>;
