//! Where arcs go: taken from a port, under way, attached to another.
//!
//! An arc that was taken away is *in transit*: the update's marker owns it. From its computation time on, an operator's port
//! expects it, and attaches it in a step of its own when it has come. Nobody can tell that step from the computation time, for the
//! port reads nothing in between; and so it does not matter which of the two operators, the one that lets go or the one that
//! gets, is first.

use super::{Listener, Taking, World};
use crate::instance::{Fault, Instance};
use crate::net::Item;
use crate::observation::Observation;
use neurath_model::id::{ArcId, InPort, OperatorId, UpdateId};
use neurath_model::program::{Feed, Move};
use neurath_model::protocol::Event;

impl World {
    /// An operator takes the arc of a move from its own port, and hands it on.
    pub(super) fn disconnect(
        &mut self,
        instance: &Instance,
        at: OperatorId,
        update: UpdateId,
        a_move: Move,
        listener: Listener<'_>,
    ) {
        let from = a_move.from.expect("an arc is taken from somewhere");
        // With a fault put in, the arc may have been lost, or fetched.
        let Feed::Arc(arc) = self.net.feed(from) else { return };
        self.net.set_feed(from, Feed::Vacant);
        self.net.arcs[arc.0 as usize].to = a_move.to;
        let left = a_move.to.is_none().then(|| self.left(instance, arc));
        self.observe(instance, Observation::Disconnected { at, from, arc, update, left }, listener);
        if a_move.to.is_some() {
            self.net.transit.push(arc);
            self.net.transit.sort();
            self.widen(instance, arc, listener);
        }
    }

    /// An arc that comes to a feedback port has room for all that its producer holds. That must not wait until it is attached:
    /// the producer may be the one to attach it.
    fn widen(&mut self, instance: &Instance, arc: ArcId, listener: Listener<'_>) {
        let producer = instance.program.arc(arc).from.operator;
        if !self.net.cell(producer).pending.is_empty() && self.net.has_room(instance, arc) {
            self.net.flush(instance, producer);
            self.finish(instance, producer, listener);
        }
    }

    /// How many packets are left of an arc: on it, or waiting for room on it.
    fn left(&self, instance: &Instance, arc: ArcId) -> usize {
        let from = instance.program.arc(arc).from;
        let pending = self.net.cell(from.operator).pending.iter().filter(|(port, _)| *port == from.port);
        self.net.arc(arc).packets() + pending.filter(|(_, item)| matches!(item, Item::Packet(_))).count()
    }

    /// From now on a port is for the arc of a move.
    pub(super) fn connect(&mut self, instance: &Instance, at: OperatorId, a_move: Move, listener: Listener<'_>) {
        let to = a_move.to.expect("an arc comes to somewhere");
        if let Feed::Arc(lost) = self.net.feed(to) {
            self.observe(instance, Observation::Attached { to, arc: a_move.arc, lost: Some(lost) }, listener);
        }
        self.net.set_feed(to, Feed::Expects(a_move.arc));
        if instance.fault == Some(Fault::FetchArc) {
            self.fetch(instance, at, a_move.arc, to, listener);
        }
    }

    /// The fault: an operator takes an arc from wherever it stands.
    fn fetch(&mut self, instance: &Instance, at: OperatorId, arc: ArcId, to: InPort, listener: Listener<'_>) {
        let Some(from) = self.net.arc(arc).to.filter(|port| self.net.feed(*port) == Feed::Arc(arc)) else { return };
        self.net.set_feed(from, Feed::Vacant);
        self.net.arcs[arc.0 as usize].to = Some(to);
        self.net.transit.push(arc);
        let update = self.net.cell(at).operator.version();
        self.observe(instance, Observation::Disconnected { at, from, arc, update, left: None }, listener);
    }

    /// Whether the arc that a port waits for was taken away where it stood, to come here: it may be under way to another port
    /// still, from which a later update then moves it on.
    pub(super) fn has_come(&self, to: InPort) -> bool {
        let is_for = |arc: ArcId| self.net.transit.contains(&arc) && self.net.arc(arc).to == Some(to);
        matches!(self.net.feed(to), Feed::Expects(arc) if is_for(arc))
    }

    /// Attaches the arc that a port waits for, which has come.
    pub(super) fn attach(&mut self, instance: &Instance, to: InPort, listener: Listener<'_>) {
        self.put(instance, to, listener);
        self.protocol(instance, to.operator, Event::Attached { port: to.port }, &Taking::nothing(), listener);
    }

    /// Puts the arc in its place; the operator is yet to be told.
    fn put(&mut self, instance: &Instance, to: InPort, listener: Listener<'_>) {
        let Feed::Expects(arc) = self.net.feed(to) else { unreachable!("an arc is attached where it is expected") };
        self.net.transit.retain(|other| *other != arc);
        self.net.set_feed(to, Feed::Arc(arc));
        self.net.arcs[arc.0 as usize].to = Some(to);
        self.observe(instance, Observation::Attached { to, arc, lost: None }, listener);
    }
}
