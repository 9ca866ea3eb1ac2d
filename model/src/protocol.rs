//! The update protocol at one operator: what it may read next, and what follows from what it read.
//!
//! ```text
//!            +-------------------- Operator ---------------------+
//!   arcs --> | ready(): ports that may be read                   |
//!            |   packet  -> Invoke the function                  |
//!            |   marker  -> block the port; when the last awaited|
//!            |              port has it: Apply..., Broadcast     |
//!            |   closed  -> counts as arrived; all: Finish       | --> effects, performed in order by the driver
//!            +---------------------------------------------------+
//! ```
//!
//! This is the one piece of code that the checker, the simulator and the threads all run. They differ in who picks
//! the next ready port and in who performs the effects. It is pure: it never runs a function, never blocks, cannot
//! fail, and knows only its own ports, not the graph and not the plan. A port waiting in a marker join is not ready;
//! the operator itself goes on with its other ports. (The alternative, stopping the operator, deadlocks when a
//! branch is full.)
//!
//! The scheduler is `epoch`: the entrance broadcasts one marker per update; every operator joins it on all awaited
//! ports (all but those of feedback arcs), performs the actions meant for it, and broadcasts the marker in order; the
//! exit joins and answers. An out-of-band command performs its actions at once, with neither join nor broadcast: that
//! is the `direct` scheduler, kept as the control that must fail.
//!
//! Paper: section 5.5 for the marker join and its reason ("a time t at which rewriting logically took place"); the
//! propagation fills in Algorithms 1 and 2.

use crate::component::Firing;
use crate::id::{PortIndex, PortSet, UpdateId, Version};
use crate::marker::{Marker, Outcome};
use smallvec::SmallVec;

/// Where an operator stands in the flow graph that is run: between entrance and exit, or one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Takes submissions and sends their markers to every source.
    Entrance,
    /// An operator of the flow.
    Inner,
    /// Joins the markers of every sink and answers.
    Exit,
}

/// What an operator declares: fixed for as long as it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its place.
    pub role: Role,
    /// When its function fires on packets.
    pub firing: Firing,
    /// All its input ports.
    pub inputs: PortSet,
    /// The input ports at which markers are awaited: those whose arc is not a feedback arc.
    pub awaited: PortSet,
    /// The output ports on which markers are sent: those whose arc is not a feedback arc.
    pub broadcast: PortSet,
    /// A fault put in on purpose, to show that the checker finds it. Never set by the runtime.
    pub mutant: Option<Mutant>,
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
    /// Only the first action is performed at the join, the others at the next packet: breaks S8.
    SplitActions,
    /// The entrance answers as soon as it has sent the marker: breaks S6, and S14 after it.
    AnswerAtEntrance,
    /// The exit joins but does not answer: breaks L1.
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
        /// How many actions it carries for this operator.
        actions: u16,
    },
    /// The arc at a port has ended and is empty.
    Closed {
        /// The port.
        port: PortIndex,
    },
    /// The function wants to fire without a packet.
    Wake,
    /// Out of band: a submission at the entrance, or a direct message to an operator.
    Command {
        /// The update's marker.
        marker: Marker,
        /// How many actions it carries for this operator.
        actions: u16,
    },
    /// Out of band, at the entrance: no more submissions, the flow shall end.
    End,
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
    /// Perform the action of that index that the update carries for this operator.
    Apply {
        /// The update.
        update: UpdateId,
        /// The action's index in the operator's ordered list.
        action: u16,
    },
    /// Send the marker on every port of the set, behind all packets already emitted.
    Broadcast {
        /// The marker.
        marker: Marker,
        /// The output ports.
        ports: PortSet,
    },
    /// Tell the submitter.
    Answer {
        /// The update.
        update: UpdateId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Tell the function that no packets will come; give [`Event::Finished`] once it holds no open work.
    Finish,
    /// End every output arc, behind all packets already emitted.
    Close,
    /// The packet taken goes nowhere: the operator has ended.
    Discard,
}

/// Effects of one step; rarely more than three.
pub type Effects = SmallVec<[Effect; 4]>;

/// What stands at the head of an input port's arc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Nothing yet.
    Empty,
    /// A packet.
    Packet,
    /// A marker.
    Marker,
    /// The end of the arc.
    Closed,
}

/// What may be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readable {
    /// Ports whose head may be taken on its own.
    pub ports: PortSet,
    /// Whether one packet may be taken from every input together.
    pub tuple: bool,
}

/// A marker join in progress: the ports that have brought the marker are blocked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Join {
    marker: Marker,
    actions: u16,
    arrived: PortSet,
}

/// How far an operator has come towards its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Life {
    Running,
    Finishing,
    Closed,
}

/// An operator as the protocol sees it. A value: the checker clones and compares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operator {
    version: Version,
    closed: PortSet,
    life: Life,
    joins: SmallVec<[Join; 1]>,
    /// Actions that a [`Mutant::SplitActions`] still owes.
    owed: Option<(UpdateId, u16)>,
}

impl Default for Operator {
    fn default() -> Self {
        Self::new()
    }
}

impl Operator {
    /// An operator at the start of a program.
    pub fn new() -> Self {
        Self {
            version: UpdateId::NONE,
            closed: PortSet::EMPTY,
            life: Life::Running,
            joins: SmallVec::new(),
            owed: None,
        }
    }

    /// The last update applied here.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The ports that wait in a marker join.
    pub fn blocked(&self) -> PortSet {
        self.joins.iter().fold(PortSet::EMPTY, |set, join| set.union(join.arrived))
    }

    /// The updates whose join has begun here and is not complete.
    pub fn joining(&self) -> impl Iterator<Item = UpdateId> {
        self.joins.iter().map(|j| j.marker.update)
    }

    /// Whether all its inputs have ended and its function is finishing open work.
    pub fn is_finishing(&self) -> bool {
        self.life == Life::Finishing
    }

    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        self.life == Life::Closed
    }

    /// The input ports that may be read now: neither waiting in a marker join nor at their end. Of an operator that
    /// has ended only feedback arcs are still read, so that what comes back does not pile up.
    pub fn ready(&self, interface: &Interface) -> PortSet {
        let open = interface.inputs.minus(self.closed).minus(self.blocked());
        match self.life {
            Life::Running | Life::Finishing => open,
            Life::Closed => open.minus(interface.awaited),
        }
    }

    /// What may be read now, given what stands at each port: a join takes its tuple only when it is complete, so that
    /// no function ever holds half of one.
    pub fn readable(&self, interface: &Interface, mut head: impl FnMut(PortIndex) -> Head) -> Readable {
        let ready = self.ready(interface);
        let (mut packets, mut others) = (PortSet::EMPTY, PortSet::EMPTY);
        for port in ready.iter() {
            match head(port) {
                Head::Empty => {}
                Head::Packet => {
                    packets.insert(port);
                }
                Head::Marker | Head::Closed => {
                    others.insert(port);
                }
            }
        }
        match interface.firing {
            Firing::Any | Firing::None => Readable { ports: packets.union(others), tuple: false },
            Firing::All => {
                Readable { ports: others, tuple: !interface.inputs.is_empty() && packets == interface.inputs }
            }
        }
    }

    /// Whether the function may fire without a packet. A source whose entrance has ended begins nothing new.
    pub fn may_wake(&self) -> bool {
        self.life != Life::Closed
    }

    /// One step. The driver performs the effects in order before the operator's next step.
    pub fn step(&mut self, interface: &Interface, event: Event, out: &mut Effects) {
        match event {
            Event::Packet { .. } | Event::Tuple => self.on_packet(interface, out),
            Event::Marker { port, marker, actions } => self.on_marker(interface, port, marker, actions, out),
            Event::Closed { port } => self.on_closed(interface, port, out),
            Event::Wake => {
                assert!(self.may_wake(), "an operator that has ended does not fire");
                out.push(Effect::InvokeWake);
            }
            Event::Command { marker, actions } => self.on_command(interface, marker, actions, out),
            Event::End => {
                assert!(interface.role == Role::Entrance, "only the entrance is told to end");
                self.finish(out);
            }
            Event::Finished => {
                assert!(self.is_finishing(), "a function finishes after it was told to");
                self.life = Life::Closed;
                out.push(Effect::Close);
            }
        }
    }

    fn on_packet(&mut self, interface: &Interface, out: &mut Effects) {
        assert!(interface.role == Role::Inner, "no packet reaches entrance or exit: their arcs carry markers only");
        self.pay_owed(out);
        out.push(if self.is_closed() { Effect::Discard } else { Effect::Invoke });
    }

    fn on_marker(&mut self, interface: &Interface, port: PortIndex, marker: Marker, actions: u16, out: &mut Effects) {
        assert!(self.ready(interface).contains(port), "a blocked or ended port is not read");
        if interface.mutant == Some(Mutant::ApplyOnEveryMarker) {
            return self.pass(interface, marker, actions, out);
        }
        match self.joins.iter_mut().find(|j| j.marker == marker) {
            Some(join) => {
                join.arrived.insert(port);
            }
            None => self.joins.push(Join { marker, actions, arrived: PortSet::only(port) }),
        }
        self.complete_joins(interface, out);
    }

    fn on_closed(&mut self, interface: &Interface, port: PortIndex, out: &mut Effects) {
        self.closed.insert(port);
        if !interface.awaited.contains(port) || self.life != Life::Running {
            return;
        }
        self.complete_joins(interface, out);
        if self.closed.covers(interface.awaited) {
            self.finish(out);
        }
    }

    fn on_command(&mut self, interface: &Interface, marker: Marker, actions: u16, out: &mut Effects) {
        match interface.role {
            Role::Entrance => {
                self.pass(interface, marker, 0, out);
                if interface.mutant == Some(Mutant::AnswerAtEntrance) {
                    out.push(Effect::Answer { update: marker.update, outcome: Outcome::Applied });
                }
            }
            Role::Inner => self.apply(interface, marker, actions, out),
            Role::Exit => unreachable!("the exit takes markers only"),
        }
    }

    /// Joins whose every awaited port has brought the marker, or has ended, take effect: oldest first.
    fn complete_joins(&mut self, interface: &Interface, out: &mut Effects) {
        let awaited = match interface.mutant {
            Some(Mutant::AwaitFeedback) => interface.inputs,
            _ => interface.awaited,
        };
        while let Some(i) = self.joins.iter().position(|j| j.arrived.union(self.closed).covers(awaited)) {
            let Join { marker, actions, .. } = self.joins.remove(i);
            self.pass(interface, marker, actions, out);
        }
    }

    /// The computation time of the update at this operator: its actions are performed, then the marker goes on.
    fn pass(&mut self, interface: &Interface, marker: Marker, actions: u16, out: &mut Effects) {
        self.apply(interface, marker, actions, out);
        match interface.role {
            Role::Exit if interface.mutant == Some(Mutant::SilentExit) => {}
            Role::Exit => out.push(Effect::Answer { update: marker.update, outcome: Outcome::Applied }),
            Role::Entrance | Role::Inner => self.broadcast(interface, marker, actions, out),
        }
    }

    fn apply(&mut self, interface: &Interface, marker: Marker, actions: u16, out: &mut Effects) {
        if actions == 0 {
            return;
        }
        self.version = marker.update;
        let now = if interface.mutant == Some(Mutant::SplitActions) { 1 } else { actions };
        out.extend((0..now).map(|action| Effect::Apply { update: marker.update, action }));
        self.owed = (now < actions).then_some((marker.update, actions));
    }

    /// What [`Mutant::SplitActions`] left for later.
    fn pay_owed(&mut self, out: &mut Effects) {
        if let Some((update, actions)) = self.owed.take() {
            out.extend((1..actions).map(|action| Effect::Apply { update, action }));
        }
    }

    fn broadcast(&self, interface: &Interface, marker: Marker, actions: u16, out: &mut Effects) {
        let ports = match interface.mutant {
            Some(Mutant::MarkerOnOneOutput) => interface.broadcast.iter().take(1).collect(),
            Some(Mutant::TargetAbsorbsMarker) if actions > 0 => PortSet::EMPTY,
            _ => interface.broadcast,
        };
        if !ports.is_empty() {
            out.push(Effect::Broadcast { marker, ports });
        }
    }

    fn finish(&mut self, out: &mut Effects) {
        self.life = Life::Finishing;
        out.push(Effect::Finish);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const U1: Marker = Marker { update: UpdateId(1) };
    const P: [PortIndex; 3] = [PortIndex(0), PortIndex(1), PortIndex(2)];

    fn merge(awaited: usize, outputs: usize) -> Interface {
        Interface {
            role: Role::Inner,
            firing: Firing::Any,
            inputs: PortSet::first(awaited),
            awaited: PortSet::first(awaited),
            broadcast: PortSet::first(outputs),
            mutant: None,
        }
    }

    fn step(op: &mut Operator, interface: &Interface, event: Event) -> Effects {
        let mut out = Effects::new();
        op.step(interface, event, &mut out);
        out
    }

    fn marker(port: PortIndex, actions: u16) -> Event {
        Event::Marker { port, marker: U1, actions }
    }

    #[test]
    fn a_join_blocks_its_port_and_no_other() {
        let (mut op, i) = (Operator::new(), merge(2, 1));
        assert!(step(&mut op, &i, marker(P[0], 1)).is_empty());
        assert_eq!(op.ready(&i), PortSet::only(P[1]));
        assert_eq!(step(&mut op, &i, Event::Packet { port: P[1] })[..], [Effect::Invoke]);
    }

    #[test]
    fn the_last_marker_applies_then_broadcasts_on_all_outputs() {
        let (mut op, i) = (Operator::new(), merge(2, 3));
        step(&mut op, &i, marker(P[1], 2));
        let effects = step(&mut op, &i, marker(P[0], 2));
        let apply = |action| Effect::Apply { update: U1.update, action };
        assert_eq!(effects[..], [apply(0), apply(1), Effect::Broadcast { marker: U1, ports: PortSet::first(3) }]);
        assert_eq!(op.version(), U1.update);
        assert!(op.blocked().is_empty());
    }

    #[test]
    fn a_feedback_port_is_neither_awaited_nor_sent_on() {
        let (mut op, mut i) = (Operator::new(), merge(2, 2));
        i.awaited = PortSet::only(P[0]);
        i.broadcast = PortSet::only(P[1]);
        assert_eq!(
            step(&mut op, &i, marker(P[0], 0))[..],
            [Effect::Broadcast { marker: U1, ports: PortSet::only(P[1]) }]
        );
    }

    #[test]
    fn a_closed_port_counts_as_arrived() {
        let (mut op, i) = (Operator::new(), merge(2, 1));
        step(&mut op, &i, marker(P[0], 0));
        let effects = step(&mut op, &i, Event::Closed { port: P[1] });
        assert!(matches!(effects[..], [Effect::Broadcast { .. }]), "{effects:?}");
    }

    #[test]
    fn an_operator_ends_when_its_last_awaited_port_has_ended() {
        let (mut op, mut i) = (Operator::new(), merge(3, 1));
        i.awaited = PortSet::first(2);
        assert!(step(&mut op, &i, Event::Closed { port: P[0] }).is_empty());
        assert_eq!(step(&mut op, &i, Event::Closed { port: P[1] })[..], [Effect::Finish]);
        assert_eq!(step(&mut op, &i, Event::Finished)[..], [Effect::Close]);
        assert_eq!(op.ready(&i), PortSet::only(P[2]), "feedback is still read, and discarded");
        assert_eq!(step(&mut op, &i, Event::Packet { port: P[2] })[..], [Effect::Discard]);
    }

    #[test]
    fn an_all_join_takes_whole_tuples_and_lets_markers_through() {
        let (op, mut i) = (Operator::new(), merge(2, 1));
        i.firing = Firing::All;
        let half = op.readable(&i, |p| if p == P[0] { Head::Packet } else { Head::Empty });
        assert_eq!(half, Readable::default());
        let mixed = op.readable(&i, |p| if p == P[0] { Head::Packet } else { Head::Marker });
        assert_eq!(mixed, Readable { ports: PortSet::only(P[1]), tuple: false });
        assert!(op.readable(&i, |_| Head::Packet).tuple);
    }

    #[test]
    fn the_exit_answers_once_all_sinks_have_the_marker() {
        let (mut op, mut i) = (Operator::new(), merge(2, 0));
        i.role = Role::Exit;
        assert!(step(&mut op, &i, marker(P[0], 0)).is_empty());
        assert_eq!(
            step(&mut op, &i, marker(P[1], 0))[..],
            [Effect::Answer { update: U1.update, outcome: Outcome::Applied }]
        );
    }

    #[test]
    fn a_command_applies_at_once_and_is_not_passed_on() {
        let (mut op, i) = (Operator::new(), merge(2, 1));
        let effects = step(&mut op, &i, Event::Command { marker: U1, actions: 1 });
        assert_eq!(effects[..], [Effect::Apply { update: U1.update, action: 0 }]);
    }
}
