//! What the protocol asks for, done: functions as their components declare them, markers, state, answers.

use super::{Listener, Taking, World};
use crate::instance::{Behaviour, Fault, Instance};
use crate::net::{Item, Memory, Parcel};
use crate::observation::Observation;
use neurath_model::choice::Emits;
use neurath_model::component::Wake;
use neurath_model::id::{Lineage, OperatorId, PortIndex, PortSet, UpdateId};
use neurath_model::marker::{Mail, Marker};
use neurath_model::program::Act;
use neurath_model::protocol::{Effect, Effects, Event, Next};
use neurath_model::update::StatePolicy;

impl World {
    /// Gives an event to an operator and performs what follows.
    pub(super) fn protocol(
        &mut self,
        instance: &Instance,
        at: OperatorId,
        event: Event,
        taking: &Taking,
        listener: Listener<'_>,
    ) {
        let mut effects = Effects::new();
        let interface = &instance.program.operator(at).interface;
        self.net.cell_mut(at).operator.step(interface, event, &mut effects);
        for effect in effects {
            self.perform(instance, at, effect, taking, listener);
        }
        // What was attached among these effects may let the next update take effect: after all of them, not amid them.
        while let Some(port) = self.attached_unannounced(at) {
            self.protocol(instance, at, Event::Attached { port }, &Taking::nothing(), listener);
        }
    }

    /// A port that has an arc again, of which its operator has not been told.
    fn attached_unannounced(&self, at: OperatorId) -> Option<PortIndex> {
        self.net.cell(at).operator.vacant().iter().find(|port| self.net.feeding(at, *port).is_some())
    }

    fn perform(
        &mut self,
        instance: &Instance,
        at: OperatorId,
        effect: Effect,
        taking: &Taking,
        listener: Listener<'_>,
    ) {
        match effect {
            Effect::Invoke => self.invoke(instance, at, taking, listener),
            Effect::InvokeWake => self.invoke_wake(instance, at, taking, listener),
            Effect::Apply { update, port, action } => self.apply(instance, at, (update, port, action), listener),
            Effect::Broadcast { marker, ports } => self.broadcast(instance, at, marker, ports, listener),
            Effect::Report { update, report } => {
                let tally = &mut self.net.tallies[update.0 as usize - 1];
                let next = tally.report(at, report, instance.program.mutant());
                self.conclude(instance, update, next, listener);
            }
            Effect::Finish | Effect::Drain => {}
            Effect::Release => self.observe(instance, Observation::Gone { at }, listener),
            Effect::Close => {
                for port in 0..instance.program.operator(at).outputs.len() {
                    self.net.cell_mut(at).pending.push((PortIndex(port as u8), Item::End));
                }
                self.net.flush(instance, at);
            }
            Effect::Discard => {
                for parcel in &taking.parcels {
                    let discarded = Observation::Discarded { at, lineage: parcel.lineage };
                    self.observe(instance, discarded, listener);
                }
            }
        }
    }

    fn invoke(&mut self, instance: &Instance, at: OperatorId, taking: &Taking, listener: Listener<'_>) {
        let version = self.net.cell(at).operator.version();
        let behaviour = instance.behaviour(at, version);
        let cell = self.net.cell_mut(at);
        cell.memory.fired += u32::from(behaviour.stateful);
        for parcel in &taking.parcels {
            cell.past = cell.past.union(parcel.past);
        }
        let trigger = taking.parcels.first().expect("a firing on packets took one").lineage;
        // A source ends the lineage of what it takes in anyway, and begins one with what it lets go.
        let begins = taking.came_back && behaviour.wake != Wake::Source;
        let lineage = if begins { self.begin(instance, at, listener) } else { trigger };
        self.observe(instance, Observation::Fired { at, version, lineage }, listener);
        if behaviour.holds() && !taking.absorbed {
            self.hold(instance, at, behaviour, lineage, listener);
        }
        self.emit(instance, at, lineage, &taking.emits, listener);
    }

    fn begin(&mut self, instance: &Instance, at: OperatorId, listener: Listener<'_>) -> Lineage {
        let cell = self.net.cell_mut(at);
        let lineage = Lineage::new(at, cell.begun);
        cell.begun += 1;
        self.observe(instance, Observation::Began { at, lineage }, listener);
        lineage
    }

    fn hold(
        &mut self,
        instance: &Instance,
        at: OperatorId,
        behaviour: &Behaviour,
        lineage: Lineage,
        listener: Listener<'_>,
    ) {
        let cell = self.net.cell_mut(at);
        let place = cell.held.partition_point(|held| *held < lineage);
        cell.held.insert(place, lineage);
        let ends = behaviour.wake == Wake::Source;
        self.observe(instance, Observation::Held { at, lineage, ends }, listener);
    }

    fn invoke_wake(&mut self, instance: &Instance, at: OperatorId, taking: &Taking, listener: Listener<'_>) {
        let behaviour = instance.behaviour(at, self.net.cell(at).operator.version());
        let begins = behaviour.wake == Wake::Source;
        if let Some(held) = taking.releases {
            let open_work = &mut self.net.cell_mut(at).held;
            let place = open_work.iter().position(|h| *h == held).expect("what is let go is held");
            open_work.remove(place);
            self.observe(instance, Observation::Released { at, lineage: held, ended: begins }, listener);
        }
        if taking.emits.is_empty() {
            return;
        }
        let lineage = if begins {
            self.begin(instance, at, listener)
        } else {
            taking.releases.expect("a function that resumes lets something go")
        };
        self.emit(instance, at, lineage, &taking.emits, listener);
    }

    fn emit(&mut self, instance: &Instance, at: OperatorId, lineage: Lineage, emits: &Emits, listener: Listener<'_>) {
        for &port in emits {
            let arc = instance.program.driven(at, port);
            let queue = &mut self.net.arcs[arc.0 as usize];
            let serial = queue.sent;
            queue.sent += 1;
            self.observe(instance, Observation::Sent { arc, lineage }, listener);
            if instance.fault == Some(Fault::LossyArc) && serial == 1 {
                continue;
            }
            let cell = self.net.cell_mut(at);
            let parcel = Parcel { lineage, serial, past: cell.past };
            cell.pending.push((port, Item::Packet(parcel)));
        }
        self.net.flush(instance, at);
    }

    fn apply(
        &mut self,
        instance: &Instance,
        at: OperatorId,
        (update, port, action): (UpdateId, Option<PortIndex>, u16),
        listener: Listener<'_>,
    ) {
        let deployment = instance.update(update);
        let acts = port.map_or_else(|| deployment.acts(at), |port| deployment.acts_at(at, port));
        let cell = self.net.cell_mut(at);
        let (unflushed, before) = (cell.pending.len(), cell.held.len());
        if instance.judged && port.is_none() {
            cell.applied.insert(update);
            // One that goes does nothing new: what it still sends while it finishes is from before the update.
            if !deployment.retired.contains(&at) {
                cell.past.insert(update);
            }
        }
        let act = &acts[usize::from(action)];
        let state = self.act(instance, at, update, act, listener);
        let cell = self.net.cell(at);
        let applied = Observation::Applied {
            at,
            update,
            port,
            action: (action, acts.len() as u16),
            state,
            unflushed,
            // What was handed over is told of by that.
            open_work: if matches!(act, Act::HandOver(..)) { (0, 0) } else { (before, cell.held.len()) },
            memory: cell.memory,
        };
        self.observe(instance, applied, listener);
    }

    /// Performs an action; says what became of the operator's own state, if that is what it is about.
    fn act(
        &mut self,
        instance: &Instance,
        at: OperatorId,
        update: UpdateId,
        act: &Act,
        listener: Listener<'_>,
    ) -> Option<StatePolicy> {
        match act {
            Act::Replace(policy) => {
                let cell = self.net.cell_mut(at);
                become_of(&mut cell.memory, policy, instance.fault);
                if instance.fault == Some(Fault::DropOpenWork) {
                    cell.held.clear();
                }
                return Some(policy.clone());
            }
            Act::Configure => {}
            Act::HandOver(to, policy) => self.hand_over(instance, at, *to, policy, listener),
            Act::Disconnect(a_move) => self.disconnect(instance, at, update, *a_move, listener),
            Act::Connect(a_move) => self.connect(instance, at, *a_move, listener),
        }
        None
    }

    /// The state of an operator that goes, with its open work, to one that comes and has waited for it.
    fn hand_over(
        &mut self,
        instance: &Instance,
        from: OperatorId,
        to: OperatorId,
        policy: &StatePolicy,
        listener: Listener<'_>,
    ) {
        let old = self.net.cell_mut(from);
        let (mut memory, held, past) = (old.memory, std::mem::take(&mut old.held), old.past);
        become_of(&mut memory, policy, instance.fault);
        let before = held.len();
        let new = self.net.cell_mut(to);
        new.past = new.past.union(past);
        new.memory = memory;
        if instance.fault != Some(Fault::DropOpenWork) {
            new.held = held;
        }
        let open_work = (before, new.held.len());
        self.protocol(instance, to, Event::Inherited, &Taking::nothing(), listener);
        let handed = Observation::HandedOver { from, to, state: policy.clone(), open_work, memory };
        self.observe(instance, handed, listener);
    }

    fn broadcast(
        &mut self,
        instance: &Instance,
        at: OperatorId,
        marker: Marker,
        ports: PortSet,
        listener: Listener<'_>,
    ) {
        if instance.judged {
            let cell = self.net.cell_mut(at);
            cell.passed.insert(marker.update);
            if cell.operator.is_retired() {
                cell.past.insert(marker.update);
            }
        }
        self.observe(instance, Observation::Passed { at, update: marker.update }, listener);
        for port in ports.iter() {
            if instance.fault == Some(Fault::MarkerAtHead) {
                let arc = instance.program.driven(at, port);
                self.net.arcs[arc.0 as usize].items.insert(0, Item::Marker(marker));
            } else {
                self.net.cell_mut(at).pending.push((port, Item::Marker(marker)));
            }
        }
        self.net.flush(instance, at);
    }

    /// What a report leads to.
    pub(super) fn conclude(&mut self, instance: &Instance, update: UpdateId, next: Next, listener: Listener<'_>) {
        let deployment = instance.update(update);
        match next {
            Next::Wait => {}
            Next::Quiet => {
                for at in deployment.second_part() {
                    self.net.cell_mut(at).mail.push(Mail::Apply(update));
                }
            }
            Next::Answer(outcome) => {
                for at in &deployment.stopped {
                    self.net.cell_mut(*at).mail.push(Mail::Resume(update));
                }
                self.observe(instance, Observation::Answered { update, outcome }, listener);
                if instance.judged {
                    self.net.answered.insert(update);
                }
            }
        }
    }

    /// An operator that was told to finish, and holds nothing any more, ends.
    pub(super) fn finish(&mut self, instance: &Instance, at: OperatorId, listener: Listener<'_>) {
        let cell = self.net.cell(at);
        if cell.operator.is_finishing() && cell.held.is_empty() && cell.pending.is_empty() {
            self.protocol(instance, at, Event::Finished, &Taking::nothing(), listener);
        }
    }
}

/// What a state policy makes of what a function remembers.
fn become_of(memory: &mut Memory, policy: &StatePolicy, fault: Option<Fault>) {
    match policy {
        StatePolicy::Keep => {}
        StatePolicy::Reset => *memory = Memory::default(),
        StatePolicy::Transfer(_) => memory.transfers += if fault == Some(Fault::TransferTwice) { 2 } else { 1 },
    }
}
