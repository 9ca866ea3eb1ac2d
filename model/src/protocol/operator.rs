//! One operator as the protocol sees it: which ports may be read, and what follows from what was read.
//!
//! ```text
//!   Waiting --Inherited--> Running --all inputs ended, or it retires--> Finishing --Finished--> Closed
//!                                                                                                 | retired, and every port
//!                                                                                                 v of it vacant
//!                                                                                              Released
//! ```

use super::{Effect, Effects, Event, Interface, Mutant};
use crate::component::Firing;
use crate::id::{PortIndex, PortSet, UpdateId, Version};
use crate::marker::{Marker, Orders, Report};
use smallvec::SmallVec;

/// What stands at the head of an input port's arc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Nothing yet.
    Empty,
    /// A packet.
    Packet,
    /// The marker of an update.
    Marker(UpdateId),
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
    orders: Orders,
    arrived: PortSet,
    commanded: bool,
    /// Whether it only waits for open work to be finished.
    draining: bool,
    /// How many actions a [`Mutant::SplitReconnections`] has performed already.
    performed: u16,
}

/// How far an operator has come towards its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Life {
    Waiting,
    Running,
    Finishing,
    Closed,
    Released,
}

/// An operator as the protocol sees it. A value: the checker clones and compares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operator {
    version: Version,
    passed: UpdateId,
    closed: PortSet,
    vacant: PortSet,
    /// Vacant ports to which an arc is to come.
    expecting: PortSet,
    life: Life,
    paused: bool,
    retired: bool,
    joins: SmallVec<[Join; 1]>,
    /// The marker that goes on when a retired operator has finished.
    leaving: Option<(Marker, Orders)>,
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
        Self::born(UpdateId::NONE, PortSet::EMPTY, false)
    }

    /// An operator that an update brings in. Arcs to `vacant` ports are yet to come, and if it `inherits`, its state too.
    pub fn born(update: UpdateId, vacant: PortSet, inherits: bool) -> Self {
        Self {
            version: update,
            passed: update,
            closed: PortSet::EMPTY,
            vacant,
            expecting: vacant,
            life: if inherits { Life::Waiting } else { Life::Running },
            paused: false,
            retired: false,
            joins: SmallVec::new(),
            leaving: None,
            owed: None,
        }
    }

    /// The same, stopped: it begins nothing until it is told to go on.
    #[must_use]
    pub fn stopped(self) -> Self {
        Self { paused: true, ..self }
    }

    /// The last update applied here.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The last update that has passed here.
    pub fn passed(&self) -> UpdateId {
        self.passed
    }

    /// The ports that wait in a marker join.
    pub fn blocked(&self) -> PortSet {
        self.joins.iter().fold(PortSet::EMPTY, |set, join| set.union(join.arrived))
    }

    /// The ports whose arc has ended.
    pub fn ended_ports(&self) -> PortSet {
        self.closed
    }

    /// The ports whose arc was taken and to which no other has come yet.
    pub fn vacant(&self) -> PortSet {
        self.vacant
    }

    /// The updates whose join has begun here and is not complete.
    pub fn joining(&self) -> impl Iterator<Item = UpdateId> {
        self.joins.iter().map(|j| j.marker.update)
    }

    /// The updates that are under way here: joining, or waiting for the operator to finish before their marker goes on.
    pub fn under_way(&self) -> impl Iterator<Item = UpdateId> {
        self.joining().chain(self.leaving.map(|(marker, _)| marker.update))
    }

    /// The ports at which the oldest join still awaits its marker.
    pub fn missing(&self) -> PortSet {
        let first = self.joins.first();
        first.map_or(PortSet::EMPTY, |j| j.orders.awaited.minus(j.arrived).minus(self.closed))
    }

    /// Whether its function is finishing open work: all its inputs have ended, it retires, or an update drains it.
    pub fn is_finishing(&self) -> bool {
        self.life == Life::Finishing || self.joins.iter().any(|j| j.draining)
    }

    /// Whether its function was told that it ends.
    pub fn is_ending(&self) -> bool {
        self.life == Life::Finishing
    }

    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self.life, Life::Closed | Life::Released)
    }

    /// Whether it has left the program, or is about to.
    pub fn is_retired(&self) -> bool {
        self.retired
    }

    /// Whether it has left the program and nothing can reach it any more.
    pub fn is_released(&self) -> bool {
        self.life == Life::Released
    }

    /// Whether it waits for its state.
    pub fn is_waiting(&self) -> bool {
        self.life == Life::Waiting
    }

    /// The input ports that may be read now: neither vacant, nor waiting in a marker join, nor at their end. Of an operator
    /// that has ended only feedback arcs are still read, so that what comes back does not pile up.
    #[inline]
    pub fn ready(&self, interface: &Interface) -> PortSet {
        let open = interface.inputs.minus(self.closed).minus(self.vacant).minus(self.blocked());
        match self.life {
            Life::Waiting | Life::Released => PortSet::EMPTY,
            Life::Running | Life::Finishing => open,
            Life::Closed => open.intersection(interface.feedback),
        }
    }

    /// What may be read now, given what stands at each port: a join takes its tuple only when it is complete, so that
    /// no function ever holds half of one. Mail goes before the markers of later updates, which may know nothing of this
    /// operator any more, and before the end of an arc. `mail` is the oldest update that mail is about, the word that the flow
    /// ends being later than all. A marker that may not be taken yet ([`takes_marker`](Self::takes_marker)) is for the driver to leave
    /// out, as if nothing stood there.
    pub fn readable(
        &self,
        interface: &Interface,
        mail: Option<UpdateId>,
        mut head: impl FnMut(PortIndex) -> Head,
    ) -> Readable {
        let ready = self.ready(interface);
        let (mut packets, mut others) = (PortSet::EMPTY, PortSet::EMPTY);
        for port in ready.iter() {
            match head(port) {
                Head::Empty => {}
                Head::Packet => {
                    packets.insert(port);
                }
                Head::Marker(update)
                    if mail.is_some_and(|mail| mail < update) && !interface.feedback.contains(port) => {}
                Head::Closed if mail.is_some() && !interface.feedback.contains(port) => {}
                Head::Marker(_) | Head::Closed => {
                    others.insert(port);
                }
            }
        }
        let joins = interface.firing == Firing::All && !self.is_closed();
        if joins {
            Readable { ports: others, tuple: !interface.inputs.is_empty() && packets == interface.inputs }
        } else {
            Readable { ports: packets.union(others), tuple: false }
        }
    }

    /// Whether mail may be taken now: an operator that was stopped takes only what it was stopped for (see [`Mail::ends_pause`])
    /// unless it retires, and stays stopped; one that waits for its state takes nothing.
    ///
    /// [`Mail::ends_pause`]: crate::marker::Mail::ends_pause
    pub fn takes_mail(&self, ends_pause: bool) -> bool {
        self.life != Life::Waiting && (!self.paused || ends_pause || self.retired)
    }

    /// Whether a marker that says this may be taken from its arc. Not before the updates that it must come after have passed: what they
    /// do here may take that arc to another operator, and then the marker is for that one.
    pub fn takes_marker(&self, interface: &Interface, orders: &Orders) -> bool {
        self.passed >= orders.after || interface.mutant == Some(Mutant::NoGlobalOrder)
    }

    /// Whether the function may fire without a packet. A source whose entrance has ended begins nothing new.
    pub fn may_wake(&self) -> bool {
        matches!(self.life, Life::Running | Life::Finishing)
    }

    /// Whether it was stopped, and waits to be told to go on.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether a source may begin something new.
    pub fn may_begin(&self) -> bool {
        self.life == Life::Running && !self.paused
    }

    /// The input ports whose packets do nothing but invoke the function: [`Event::Packet`] has [`Effect::Invoke`] as its only effect there, and
    /// leaves the operator as it is. So a driver may fire on a run of packets without a step for each, as long as nothing else
    /// happens to the operator meanwhile.
    #[inline]
    pub fn fires_freely(&self, interface: &Interface) -> PortSet {
        let is_free = self.life == Life::Running && self.owed.is_none() && !self.is_finishing();
        if is_free && interface.firing == Firing::Any { self.ready(interface) } else { PortSet::EMPTY }
    }

    /// One step. The driver performs the effects in order before the operator's next step.
    pub fn step(&mut self, interface: &Interface, event: Event, out: &mut Effects) {
        match event {
            Event::Packet { .. } | Event::Tuple => self.on_packet(out),
            Event::Marker { port, marker, orders } => self.on_marker(interface, port, marker, orders, out),
            Event::Closed { port } => self.on_closed(interface, port, out),
            Event::Wake => {
                assert!(self.may_wake(), "an operator that has ended does not fire");
                out.push(Effect::InvokeWake);
            }
            Event::Command { marker, orders } => self.on_command(interface, marker, orders, out),
            Event::Resume => self.paused = false,
            Event::End => {
                if self.life == Life::Running {
                    self.finish(out);
                }
            }
            Event::Attached { port } => self.on_attached(interface, port, out),
            Event::Inherited => {
                assert!(self.life == Life::Waiting, "state is inherited once");
                self.life = Life::Running;
            }
            Event::Finished => self.on_finished(interface, out),
        }
    }

    fn on_packet(&mut self, out: &mut Effects) {
        self.pay_owed(out);
        out.push(if self.is_closed() { Effect::Discard } else { Effect::Invoke });
    }

    fn on_marker(&mut self, interface: &Interface, port: PortIndex, marker: Marker, orders: Orders, out: &mut Effects) {
        assert!(self.ready(interface).contains(port), "a vacant, blocked or ended port is not read");
        if interface.feedback.contains(port) && interface.mutant != Some(Mutant::AwaitFeedback) {
            return self.switch(interface, port, marker, orders, out);
        }
        if interface.mutant == Some(Mutant::ApplyOnEveryMarker) {
            let (arrived, commanded, draining, performed) = (PortSet::only(port), false, false, 0);
            return self.pass(interface, &Join { marker, orders, arrived, commanded, draining, performed }, out);
        }
        let join = self.join(marker, orders);
        join.arrived.insert(port);
        if interface.mutant == Some(Mutant::SplitReconnections) && join.performed == 0 && orders.actions > 0 {
            join.performed = 1;
            let first = Orders { leaves: orders.leaves.iter().take(1).collect(), gets: PortSet::EMPTY, ..orders };
            self.rewire(first);
            out.push(Effect::Apply { update: marker.update, port: None, action: 0 });
        }
        self.complete_joins(interface, out);
    }

    fn join(&mut self, marker: Marker, orders: Orders) -> &mut Join {
        let known = self.joins.iter().position(|j| j.marker == marker);
        let i = known.unwrap_or_else(|| {
            let (arrived, commanded, draining, performed) = (PortSet::EMPTY, false, false, 0);
            self.joins.push(Join { marker, orders, arrived, commanded, draining, performed });
            self.joins.len() - 1
        });
        &mut self.joins[i]
    }

    /// The marker came along a feedback arc: what it is to change at that port has its computation time here.
    fn switch(&mut self, interface: &Interface, port: PortIndex, marker: Marker, orders: Orders, out: &mut Effects) {
        let update = marker.update;
        self.rewire(orders);
        out.extend((0..orders.actions).map(|action| Effect::Apply { update, port: Some(port), action }));
        out.push(Effect::Report { update, report: Report::Switched(port) });
        self.release(interface, out);
    }

    fn on_closed(&mut self, interface: &Interface, port: PortIndex, out: &mut Effects) {
        self.closed.insert(port);
        self.complete_joins(interface, out);
        self.finish_if_ended(interface, out);
    }

    /// An operator ends when every input has, but for feedback; open joins drain first, and those that only wait for arcs to come take
    /// effect first, for nobody would read their marker behind the end.
    fn finish_if_ended(&mut self, interface: &Interface, out: &mut Effects) {
        let inputs = interface.forward();
        let ended = !inputs.is_empty() && self.closed.covers(inputs);
        let is_held_up = self.joins.iter().any(|j| j.draining || self.has_come(interface, j));
        if ended && self.life == Life::Running && !is_held_up {
            self.finish(out);
        }
    }

    fn on_command(&mut self, interface: &Interface, marker: Marker, orders: Orders, out: &mut Effects) {
        self.join(marker, orders).commanded = true;
        self.complete_joins(interface, out);
    }

    fn on_attached(&mut self, interface: &Interface, port: PortIndex, out: &mut Effects) {
        assert!(self.vacant.contains(port), "S9: an arc is attached where none is");
        self.vacant.remove(port);
        self.expecting.remove(port);
        self.complete_joins(interface, out);
        self.finish_if_ended(interface, out);
    }

    fn on_finished(&mut self, interface: &Interface, out: &mut Effects) {
        assert!(self.is_finishing(), "a function finishes after it was told to");
        if let Some(i) = self.joins.iter().position(|j| j.draining) {
            let join = self.joins.remove(i);
            self.pass(interface, &join, out);
            self.complete_joins(interface, out);
            return self.finish_if_ended(interface, out);
        }
        self.life = Life::Closed;
        match self.leaving.take() {
            Some((marker, orders)) => self.forward(interface, marker, orders, out),
            None => out.push(Effect::Close),
        }
        self.release(interface, out);
    }

    /// Joins whose marker has come everywhere, or whose missing ports have ended, take effect: oldest first.
    fn complete_joins(&mut self, interface: &Interface, out: &mut Effects) {
        while let Some(i) = self.joins.iter().position(|j| self.is_complete(interface, j)) {
            if self.joins[i].orders.drains {
                self.joins[i].draining = true;
                out.push(Effect::Drain);
            } else {
                let join = self.joins.remove(i);
                self.pass(interface, &join, out);
            }
        }
    }

    fn is_complete(&self, interface: &Interface, join: &Join) -> bool {
        self.has_come(interface, join)
            && !join.draining
            // An arc that is yet to come cannot be taken away.
            && self.vacant.intersection(join.orders.leaves).iter().nth(join.performed.into()).is_none()
            && !self.joins.iter().any(|j| j.draining)
    }

    /// Whether an update's marker has come everywhere, and those of the updates before it.
    fn has_come(&self, interface: &Interface, join: &Join) -> bool {
        let orders = &join.orders;
        let awaited = match interface.mutant {
            Some(Mutant::AwaitFeedback) => orders.awaited.union(interface.feedback),
            Some(Mutant::AwaitConnected) => orders.awaited.minus(self.vacant),
            Some(Mutant::AwaitAllPorts) => interface.forward(),
            _ => orders.awaited,
        };
        self.takes_marker(interface, orders)
            && (join.commanded || !orders.commanded)
            && join.arrived.union(self.closed).covers(awaited)
    }

    /// The computation time of the update at this operator: its actions are performed, then the marker goes on.
    fn pass(&mut self, interface: &Interface, join: &Join, out: &mut Effects) {
        let (marker, orders) = (join.marker, join.orders);
        self.apply(interface, join, out);
        if orders.settles {
            self.passed = marker.update;
        }
        self.paused = self.paused || orders.pauses;
        if !orders.retires {
            return self.forward(interface, marker, orders, out);
        }
        self.retired = true;
        if interface.mutant == Some(Mutant::RetireUndrained) {
            self.life = Life::Closed;
        }
        match self.life {
            Life::Running => {
                self.leaving = Some((marker, orders));
                self.finish(out);
            }
            Life::Finishing => self.leaving = Some((marker, orders)),
            Life::Waiting | Life::Closed | Life::Released => {
                self.forward(interface, marker, orders, out);
                self.release(interface, out);
            }
        }
    }

    fn apply(&mut self, interface: &Interface, join: &Join, out: &mut Effects) {
        let (update, orders) = (join.marker.update, join.orders);
        if orders.actions == 0 && !orders.retires {
            return;
        }
        self.version = update;
        self.rewire(orders);
        let order: SmallVec<[u16; 4]> = match interface.mutant {
            Some(Mutant::ConnectFirst) => (0..orders.actions).rev().collect(),
            Some(Mutant::SplitActions) => (0..orders.actions.min(1)).collect(),
            _ => (join.performed..orders.actions).collect(),
        };
        let split = interface.mutant == Some(Mutant::SplitActions) && orders.actions > 1;
        self.owed = split.then_some((update, orders.actions));
        out.extend(order.into_iter().map(|action| Effect::Apply { update, port: None, action }));
        out.push(Effect::Report { update, report: Report::Applied });
    }

    /// Arcs are taken away, and others are to come: whatever had ended there, the next one has not.
    fn rewire(&mut self, orders: Orders) {
        self.vacant = self.vacant.union(orders.leaves);
        self.closed = self.closed.minus(orders.leaves);
        self.expecting = self.expecting.minus(orders.leaves).union(orders.gets);
    }

    /// What [`Mutant::SplitActions`] left for later.
    fn pay_owed(&mut self, out: &mut Effects) {
        if let Some((update, actions)) = self.owed.take() {
            out.extend((1..actions).map(|action| Effect::Apply { update, port: None, action }));
        }
    }

    fn forward(&self, interface: &Interface, marker: Marker, orders: Orders, out: &mut Effects) {
        let ports = match interface.mutant {
            Some(Mutant::MarkerOnOneOutput) => orders.forward.iter().take(1).collect(),
            Some(Mutant::TargetAbsorbsMarker) if orders.actions > 0 => PortSet::EMPTY,
            Some(Mutant::BroadcastEverywhere) => interface.outputs,
            _ => orders.forward,
        };
        if !ports.is_empty() {
            out.push(Effect::Broadcast { marker, ports });
        }
        if orders.last {
            out.push(Effect::Report { update: marker.update, report: Report::Passed });
        }
    }

    fn finish(&mut self, out: &mut Effects) {
        self.life = Life::Finishing;
        out.push(Effect::Finish);
    }

    /// A retired operator that has finished, has no arc left, and is to get none is released.
    fn release(&mut self, interface: &Interface, out: &mut Effects) {
        let unreachable = self.vacant.covers(interface.inputs) && self.expecting.is_empty();
        let gone = self.retired && self.life == Life::Closed && unreachable;
        if gone && interface.mutant != Some(Mutant::NeverReleased) {
            self.life = Life::Released;
            out.push(Effect::Release);
        }
    }
}

#[cfg(test)]
mod tests;
