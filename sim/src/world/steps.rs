//! What a choice does: something is taken, the protocol is told, and what it asks for is done.

use super::{Listener, Taking, World};
use crate::instance::{Fault, Instance};
use crate::net::{Item, Parcel};
use crate::observation::Observation;
use crate::shared::Shared;
use neurath_model::choice::{Choice, Emits};
use neurath_model::id::{InPort, OperatorId, PortIndex, UpdateId};
use neurath_model::marker::{Mail, Marker};
use neurath_model::protocol::{Event, Tally};
use smallvec::SmallVec;

impl World {
    /// Takes a step. The choice must be open (or permitted); properties observe it, and so may a listener.
    pub fn step(&mut self, instance: &Instance, choice: &Choice, listener: Listener<'_>) {
        match choice {
            Choice::Submit { update } => self.submit(instance, *update, listener),
            Choice::End => self.end(instance),
            Choice::Deliver { at, .. } => self.deliver(instance, *at, listener),
            Choice::Fire { at, port, emits } => self.fire(instance, *at, *port, emits, listener),
            Choice::Join { at, emits } => self.join(instance, *at, emits, listener),
            Choice::Mark { at, port } => self.mark(instance, *at, *port, listener),
            Choice::Attach { at, port } => self.attach(instance, InPort { operator: *at, port: *port }, listener),
            // The end stays on its arc: if that is moved, it has ended for its next reader, too.
            Choice::Ended { at, port } => {
                self.protocol(instance, *at, Event::Closed { port: *port }, &Taking::nothing(), listener);
            }
            Choice::Wake { at, releases, emits } => {
                let taking = Taking { releases: *releases, emits: emits.clone(), ..Taking::nothing() };
                self.protocol(instance, *at, Event::Wake, &taking, listener);
            }
        }
        if let Some(at) = choice.at() {
            self.finish(instance, at, listener);
        }
        for lineage in self.ledger.lineages_that_ended() {
            self.observe(instance, Observation::Ended { lineage }, listener);
        }
        self.observe(instance, Observation::Stepped, listener);
    }

    /// Whatever the update brings in is there from now on; its marker goes to those at which it begins.
    fn submit(&mut self, instance: &Instance, update: UpdateId, listener: Listener<'_>) {
        let deployment = instance.update(update);
        self.net.submitted += 1;
        self.net.extend(instance);
        let tally = Tally::new(&deployment.expected);
        let next = tally.submitted(instance.program.mutant());
        self.net.tallies.push(Shared::new(tally));
        self.observe(instance, Observation::Submitted { update }, listener);
        for at in &deployment.heads {
            self.net.cell_mut(*at).mail.push(Mail::Marker(update));
        }
        self.conclude(instance, update, next, listener);
    }

    /// Every source is told; those on their way out need no telling.
    fn end(&mut self, instance: &Instance) {
        self.net.ended = true;
        let submitted = &instance.updates[..self.net.submitted as usize];
        for at in self.net.operators() {
            let is_source = instance.program.operator(at).interface.forward().is_empty();
            if is_source && !submitted.iter().any(|update| update.retired.contains(&at)) {
                self.net.cell_mut(at).mail.push(Mail::End);
            }
        }
    }

    fn deliver(&mut self, instance: &Instance, at: OperatorId, listener: Listener<'_>) {
        let (place, mail) = self.net.cell(at).next_mail().expect("mail is taken where there is some");
        self.net.cell_mut(at).mail.remove(place);
        let event = match mail {
            Mail::Marker(update) | Mail::Apply(update) => {
                self.observe(instance, Observation::Marked { at, update }, listener);
                let orders = instance.update(update).orders_by_mail(&instance.program.operator(at).interface, at, mail);
                Event::Command { marker: Marker { update }, orders }
            }
            Mail::Resume(_) => Event::Resume,
            Mail::End => Event::End,
        };
        self.protocol(instance, at, event, &Taking::nothing(), listener);
    }

    fn fire(&mut self, instance: &Instance, at: OperatorId, port: PortIndex, emits: &Emits, listener: Listener<'_>) {
        let parcel = self.take_packet(instance, at, port, listener);
        let came_back = instance.program.is_feedback(InPort { operator: at, port });
        let parcels = SmallVec::from_slice(&[parcel]);
        let absorbed = instance.behaviour(at, self.net.cell(at).operator.version()).absorbs.contains(port);
        let taking = Taking { parcels, came_back, absorbed, releases: None, emits: emits.clone() };
        self.protocol(instance, at, Event::Packet { port }, &taking, listener);
    }

    fn join(&mut self, instance: &Instance, at: OperatorId, emits: &Emits, listener: Listener<'_>) {
        let ports = instance.program.operator(at).interface.inputs;
        let parcels = ports.iter().map(|port| self.take_packet(instance, at, port, listener)).collect();
        self.protocol(
            instance,
            at,
            Event::Tuple,
            &Taking { parcels, emits: emits.clone(), ..Taking::nothing() },
            listener,
        );
    }

    fn mark(&mut self, instance: &Instance, at: OperatorId, port: PortIndex, listener: Listener<'_>) {
        let Item::Marker(marker) = self.pop(instance, at, port, listener) else {
            unreachable!("a mark is chosen where a marker stands")
        };
        self.observe(instance, Observation::Marked { at, update: marker.update }, listener);
        let orders = instance.update(marker.update).orders_at(&instance.program.operator(at).interface, at, port);
        self.protocol(instance, at, Event::Marker { port, marker, orders }, &Taking::nothing(), listener);
    }

    fn take_packet(&mut self, instance: &Instance, at: OperatorId, port: PortIndex, listener: Listener<'_>) -> Parcel {
        let arc = self.net.feeding(at, port);
        let Item::Packet(parcel) = self.pop(instance, at, port, listener) else {
            unreachable!("a packet is taken where one stands")
        };
        let arc = arc.expect("just taken from it");
        let taken = Observation::Taken { arc, lineage: parcel.lineage, serial: parcel.serial };
        self.observe(instance, taken, listener);
        parcel
    }

    /// Takes the head of an input port's arc; what its producer holds for it moves up. A producer that waited for that
    /// room with the last of its open work ends here: it has no step of its own left in which it could.
    fn pop(&mut self, instance: &Instance, at: OperatorId, port: PortIndex, listener: Listener<'_>) -> Item {
        let arc = self.net.feeding(at, port).expect("something stands there");
        let items = &mut self.net.arcs[arc.0 as usize].items;
        let newest_first = instance.fault == Some(Fault::LastInFirstOut);
        let index = match (newest_first, items.first()) {
            (true, Some(Item::Packet(_))) => items.iter().take_while(|i| matches!(i, Item::Packet(_))).count() - 1,
            (true | false, _) => 0,
        };
        let item = items.remove(index);
        let producer = instance.program.arc(arc).from.operator;
        if !self.net.cell(producer).pending.is_empty() {
            self.net.flush(instance, producer);
            self.finish(instance, producer, listener);
        }
        item
    }
}
