//! The world: operators and arcs as values, moved by one [`Choice`] at a time.
//!
//! ```text
//!   choice --> take from the arc --> protocol::Operator::step --> effects, performed here --> properties observe
//! ```
//!
//! The world is the checker's, the simulator's and the replayer's driver of the protocol: it does what the threads of
//! the runtime do (take a head, perform effects in order, hold outputs that find no room) with queues instead of rings
//! and declared behaviour instead of functions. A step is one atomic action of one operator. Outputs that find no
//! room are held, and go in as soon as the consumer makes room; until then the operator does nothing else. That they
//! go in at once rather than some time later hides nothing: nobody can see the difference but the operator itself,
//! which is waiting.

use crate::instance::{Behaviour, Fault, Instance};
use crate::ledger::Ledger;
use crate::net::{Item, Net, Parcel};
use crate::observation::Observation;
use crate::properties::{L1, Property};
use crate::system::Breach;
use neurath_model::choice::{Choice, Emits};
use neurath_model::component::Wake;
use neurath_model::id::{ArcId, Lineage, OperatorId, PortIndex, PortSet, UpdateId};
use neurath_model::marker::{Marker, Outcome};
use neurath_model::plan::Scheduler;
use neurath_model::protocol::{Effect, Effects, Event, Readable};
use neurath_model::update::StatePolicy;
use smallvec::SmallVec;

/// A state of an instance: where everything is, and what the properties remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// Operators and arcs.
    pub net: Net,
    /// What the properties remember.
    pub ledger: Ledger,
    /// The properties broken so far, each at its first breach, the earliest first. A property that is broken sees
    /// nothing more.
    pub breaches: Vec<Breach>,
}

/// What a step took in and what it is to emit: what the effects need to know of the choice.
struct Taking {
    parcels: SmallVec<[Parcel; 2]>,
    /// Whether they crossed a feedback arc, where a lineage ends.
    came_back: bool,
    releases: Option<Lineage>,
    emits: Emits,
}

impl Taking {
    fn nothing() -> Self {
        Self { parcels: SmallVec::new(), came_back: false, releases: None, emits: Emits::new() }
    }
}

/// Who listens to a run besides the properties.
pub type Listener<'a> = &'a mut dyn FnMut(&Observation);

impl World {
    /// The world before the first step.
    pub fn new(instance: &Instance) -> Self {
        Self { net: Net::new(instance), ledger: Ledger::new(instance), breaches: Vec::new() }
    }

    /// Adds every choice that is open, in a fixed order: the environment first, then the operators by id.
    pub fn choices(&self, instance: &Instance, choices: &mut Vec<Choice>) {
        let next = UpdateId(self.net.submitted + 1);
        if next.0 as usize <= instance.updates.len() && !self.net.ended {
            choices.push(Choice::Submit { update: next });
        }
        if instance.bounds.ends && !self.net.ended {
            choices.push(Choice::End);
        }
        for (at, _) in instance.program.operators() {
            self.choices_at(instance, at, choices);
        }
    }

    /// Adds every choice that is open at one operator.
    pub fn choices_at(&self, instance: &Instance, at: OperatorId, choices: &mut Vec<Choice>) {
        let cell = self.net.cell(at);
        let readable = self.readable(instance, at);
        if !cell.pending.is_empty() {
            if instance.fault == Some(Fault::ApplyMidFiring) {
                self.marker_choices(instance, at, readable.ports, choices);
            }
            return;
        }
        choices.extend(cell.mail.iter().map(|&update| Choice::Deliver { at, update }));
        let behaviour = instance.behaviour(at, cell.operator.version());
        self.wakes(instance, at, behaviour, choices);
        if readable.tuple {
            choices.extend(behaviour.alternatives().into_iter().map(|emits| Choice::Join { at, emits }));
        }
        for port in readable.ports.iter() {
            self.port_choices(instance, at, port, behaviour, choices);
        }
    }

    /// Whether a choice may be taken now: the rule behind [`choices`](Self::choices) without its bounds on how much a
    /// source or a `many` emits, so that a trace of a real run can be held to it.
    pub fn permits(&self, instance: &Instance, choice: &Choice) -> bool {
        let free = |at: OperatorId| self.net.cell(at).pending.is_empty();
        let behaviour = |at: OperatorId| instance.behaviour(at, self.net.cell(at).operator.version());
        match choice {
            Choice::Submit { update } => {
                update.0 == self.net.submitted + 1 && update.0 as usize <= instance.updates.len() && !self.net.ended
            }
            Choice::End => !self.net.ended,
            Choice::Deliver { at, update } => free(*at) && self.net.cell(*at).mail.contains(update),
            Choice::Fire { at, port, emits } => {
                free(*at)
                    && self.stands(instance, *at, *port, |i| matches!(i, Item::Packet(_)))
                    && if self.net.cell(*at).operator.is_closed() {
                        emits.is_empty()
                    } else {
                        behaviour(*at).admits(emits)
                    }
            }
            Choice::Join { at, emits } => {
                free(*at) && self.readable(instance, *at).tuple && behaviour(*at).admits(emits)
            }
            Choice::Mark { at, port } => {
                free(*at) && self.stands(instance, *at, *port, |i| matches!(i, Item::Marker(_)))
            }
            Choice::Ended { at, port } => free(*at) && self.stands(instance, *at, *port, |i| matches!(i, Item::End)),
            Choice::Wake { at, releases, emits } => {
                free(*at) && self.permits_wake(*at, behaviour(*at), *releases, emits)
            }
        }
    }

    /// Takes a step. The choice must be open (or permitted); properties observe it, and so may a listener.
    pub fn step(&mut self, instance: &Instance, choice: &Choice, listener: Listener<'_>) {
        match choice {
            Choice::Submit { update } => self.submit(instance, *update, listener),
            Choice::End => {
                self.net.ended = true;
                self.protocol(instance, instance.program.entrance, Event::End, &Taking::nothing(), listener);
            }
            Choice::Deliver { at, update } => self.deliver(instance, *at, *update, listener),
            Choice::Fire { at, port, emits } => self.fire(instance, *at, *port, emits, listener),
            Choice::Join { at, emits } => self.join(instance, *at, emits, listener),
            Choice::Mark { at, port } => self.mark(instance, *at, *port, listener),
            Choice::Ended { at, port } => {
                self.pop(instance, *at, *port, listener);
                self.protocol(instance, *at, Event::Closed { port: *port }, &Taking::nothing(), listener);
            }
            Choice::Wake { at, releases, emits } => {
                let taking = Taking { releases: *releases, emits: emits.clone(), ..Taking::nothing() };
                self.protocol(instance, *at, Event::Wake, &taking, listener);
            }
        }
        if let Some(at) = choice.at().or(matches!(choice, Choice::End).then_some(instance.program.entrance)) {
            self.finish(instance, at, listener);
        }
        for lineage in self.ledger.lineages_that_ended() {
            self.observe(instance, Observation::Ended { lineage }, listener);
        }
        self.observe(instance, Observation::Stepped, listener);
    }

    /// What is wrong with this world as far as the properties that `judged` names are concerned: what was broken
    /// first on the way, or else, if no choice is open here (`ended`), what should have happened and did not. That an
    /// update is never answered says least about why, so of those it comes last.
    pub fn judge(&self, instance: &Instance, ended: bool, judged: impl Fn(&str) -> bool) -> Option<Breach> {
        let latched = self.breaches.iter().find(|breach| judged(breach.property)).cloned();
        if latched.is_some() || !ended {
            return latched;
        }
        let mut breaches = self.ledger.at_end(instance, &self.net);
        breaches.retain(|breach| judged(breach.property));
        breaches.into_iter().min_by_key(|breach| breach.property == L1::ABOUT.code)
    }

    // --- choices ---------------------------------------------------------------------------------------------------

    fn readable(&self, instance: &Instance, at: OperatorId) -> Readable {
        let interface = &instance.program.operator(at).interface;
        self.net.cell(at).operator.readable(interface, |port| self.net.head(instance, at, port))
    }

    fn port_choices(
        &self,
        instance: &Instance,
        at: OperatorId,
        port: PortIndex,
        behaviour: &Behaviour,
        choices: &mut Vec<Choice>,
    ) {
        match self.net.arc(instance.program.feeding(at, port)).items.first() {
            Some(Item::Packet(_)) if self.net.cell(at).operator.is_closed() => {
                choices.push(Choice::Fire { at, port, emits: Emits::new() });
            }
            Some(Item::Packet(_)) => {
                choices.extend(behaviour.alternatives().into_iter().map(|emits| Choice::Fire { at, port, emits }));
            }
            Some(Item::Marker(_)) => choices.push(Choice::Mark { at, port }),
            Some(Item::End) => choices.push(Choice::Ended { at, port }),
            None => {}
        }
    }

    fn marker_choices(&self, instance: &Instance, at: OperatorId, ports: PortSet, choices: &mut Vec<Choice>) {
        let marked = |port: &PortIndex| self.stands(instance, at, *port, |i| matches!(i, Item::Marker(_)));
        choices.extend(ports.iter().filter(marked).map(|port| Choice::Mark { at, port }));
    }

    fn wakes(&self, instance: &Instance, at: OperatorId, behaviour: &Behaviour, choices: &mut Vec<Choice>) {
        let cell = self.net.cell(at);
        let may_begin = cell.begun < instance.bounds.packets;
        match (behaviour.wake, behaviour.has_inputs) {
            (Wake::None, _) => {}
            (Wake::Source, false) if may_begin && cell.operator.may_wake() && !cell.operator.is_finishing() => {
                let emissions = behaviour.alternatives().into_iter().filter(|e| !e.is_empty());
                choices.extend(emissions.map(|emits| Choice::Wake { at, releases: None, emits }));
            }
            (Wake::Source, false) => {}
            (Wake::Source, true) => {
                let may_drop = instance.bounds.hangups || cell.operator.is_finishing();
                self.releases(at, behaviour, choices, |emits| if emits.is_empty() { may_drop } else { may_begin });
            }
            (Wake::Resume, _) => self.releases(at, behaviour, choices, |_| true),
        }
    }

    fn releases(
        &self,
        at: OperatorId,
        behaviour: &Behaviour,
        choices: &mut Vec<Choice>,
        allowed: impl Fn(&Emits) -> bool,
    ) {
        // Packets of one lineage are alike: it does not matter which of them is let go.
        let mut open_work = self.net.cell(at).held.clone();
        open_work.dedup();
        for held in open_work {
            let emissions = behaviour.releases().into_iter().filter(&allowed);
            choices.extend(emissions.map(|emits| Choice::Wake { at, releases: Some(held), emits }));
        }
    }

    fn permits_wake(&self, at: OperatorId, behaviour: &Behaviour, releases: Option<Lineage>, emits: &Emits) -> bool {
        let cell = self.net.cell(at);
        match (behaviour.wake, releases) {
            (Wake::None, _) => false,
            (Wake::Source, None) => {
                !behaviour.has_inputs && behaviour.admits(emits) && cell.operator.may_wake() && !emits.is_empty()
            }
            (Wake::Resume, None) => false,
            (Wake::Source | Wake::Resume, Some(lineage)) => {
                cell.held.contains(&lineage) && behaviour.releases().contains(emits)
            }
        }
    }

    fn stands(&self, instance: &Instance, at: OperatorId, port: PortIndex, is: impl Fn(&Item) -> bool) -> bool {
        self.readable(instance, at).ports.contains(port)
            && self.net.arc(instance.program.feeding(at, port)).items.first().is_some_and(is)
    }

    // --- steps -----------------------------------------------------------------------------------------------------

    fn submit(&mut self, instance: &Instance, update: UpdateId, listener: Listener<'_>) {
        self.net.submitted += 1;
        self.observe(instance, Observation::Submitted { update }, listener);
        match instance.scheduler {
            Scheduler::Epoch => {
                let event = Event::Command { marker: Marker { update }, actions: 0 };
                self.protocol(instance, instance.program.entrance, event, &Taking::nothing(), listener);
            }
            Scheduler::Direct => {
                for (at, _) in &instance.update(update).actions {
                    self.net.cell_mut(*at).mail.push(update);
                }
            }
        }
    }

    fn deliver(&mut self, instance: &Instance, at: OperatorId, update: UpdateId, listener: Listener<'_>) {
        self.net.cell_mut(at).mail.retain(|u| *u != update);
        let actions = instance.update(update).actions_at(at).len() as u16;
        let event = Event::Command { marker: Marker { update }, actions };
        self.protocol(instance, at, event, &Taking::nothing(), listener);
        let done = |(o, _): &(OperatorId, _)| self.net.cell(*o).applied.contains(update);
        if instance.update(update).actions.iter().all(done) {
            self.answer(instance, update, Outcome::Applied, listener);
        }
    }

    fn fire(&mut self, instance: &Instance, at: OperatorId, port: PortIndex, emits: &Emits, listener: Listener<'_>) {
        let parcel = self.take_packet(instance, at, port, listener);
        let came_back = instance.program.arc(instance.program.feeding(at, port)).feedback;
        let parcels = SmallVec::from_slice(&[parcel]);
        let taking = Taking { parcels, came_back, releases: None, emits: emits.clone() };
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
        let actions = instance.update(marker.update).actions_at(at).len() as u16;
        self.protocol(instance, at, Event::Marker { port, marker, actions }, &Taking::nothing(), listener);
    }

    fn take_packet(&mut self, instance: &Instance, at: OperatorId, port: PortIndex, listener: Listener<'_>) -> Parcel {
        let Item::Packet(parcel) = self.pop(instance, at, port, listener) else {
            unreachable!("a packet is taken where one stands")
        };
        let arc = instance.program.feeding(at, port);
        let taken = Observation::Taken { arc, lineage: parcel.lineage, serial: parcel.serial };
        self.observe(instance, taken, listener);
        parcel
    }

    /// Takes the head of an input port's arc; what its producer holds for it moves up. A producer that waited for that
    /// room with the last of its open work ends here: it has no step of its own left in which it could.
    fn pop(&mut self, instance: &Instance, at: OperatorId, port: PortIndex, listener: Listener<'_>) -> Item {
        let arc = instance.program.feeding(at, port);
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

    /// Gives an event to an operator and performs what follows.
    fn protocol(&mut self, instance: &Instance, at: OperatorId, event: Event, taking: &Taking, listener: Listener<'_>) {
        let mut effects = Effects::new();
        let interface = &instance.program.operator(at).interface;
        self.net.cell_mut(at).operator.step(interface, event, &mut effects);
        for effect in effects {
            self.perform(instance, at, effect, taking, listener);
        }
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
            Effect::Apply { update, action } => self.apply(instance, at, update, action, listener),
            Effect::Broadcast { marker, ports } => self.broadcast(instance, at, marker, ports, listener),
            Effect::Answer { update, outcome } => self.answer(instance, update, outcome, listener),
            Effect::Finish => {}
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
        if behaviour.holds() {
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

    fn apply(&mut self, instance: &Instance, at: OperatorId, update: UpdateId, action: u16, listener: Listener<'_>) {
        let actions = instance.update(update).actions_at(at);
        let state = actions[usize::from(action)].clone();
        let cell = self.net.cell_mut(at);
        let (unflushed, before) = (cell.pending.len(), cell.held.len());
        match &state {
            None | Some(StatePolicy::Keep) => {}
            Some(StatePolicy::Reset) => cell.memory = crate::net::Memory::default(),
            Some(StatePolicy::Transfer(_)) => {
                cell.memory.transfers += if instance.fault == Some(Fault::TransferTwice) { 2 } else { 1 };
            }
        }
        if instance.fault == Some(Fault::DropOpenWork) {
            cell.held.clear();
        }
        if instance.judged {
            cell.applied.insert(update);
            cell.past.insert(update);
        }
        let applied = Observation::Applied {
            at,
            update,
            action: (action, actions.len() as u16),
            state,
            unflushed,
            open_work: (before, cell.held.len()),
            memory: cell.memory,
        };
        self.observe(instance, applied, listener);
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
            self.net.cell_mut(at).passed.insert(marker.update);
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

    fn answer(&mut self, instance: &Instance, update: UpdateId, outcome: Outcome, listener: Listener<'_>) {
        self.observe(instance, Observation::Answered { update, outcome }, listener);
        if instance.judged {
            self.net.answered.insert(update);
        }
    }

    /// An operator that was told to finish, and holds nothing any more, ends.
    fn finish(&mut self, instance: &Instance, at: OperatorId, listener: Listener<'_>) {
        let cell = self.net.cell(at);
        if cell.operator.is_finishing() && cell.held.is_empty() && cell.pending.is_empty() {
            self.protocol(instance, at, Event::Finished, &Taking::nothing(), listener);
        }
    }

    fn observe(&mut self, instance: &Instance, observation: Observation, listener: Listener<'_>) {
        if instance.judged {
            self.ledger.observe(instance, &self.net, &observation, &mut self.breaches);
        }
        listener(&observation);
    }

    /// The arc ids on which something waits, for messages.
    pub fn occupied(&self) -> impl Iterator<Item = ArcId> {
        (0..self.net.arcs.len() as u32).map(ArcId).filter(|a| !self.net.arc(*a).items.is_empty())
    }
}

impl crate::system::System for Instance {
    type State = World;
    type Choice = Choice;

    fn initial(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn choices(&self, world: &World, choices: &mut Vec<Choice>) {
        world.choices(self, choices);
    }

    fn next(&self, world: &World, choice: &Choice) -> World {
        let mut next = world.clone();
        next.step(self, choice, &mut |_| {});
        next
    }

    fn breach(&self, world: &World, ended: bool) -> Option<Breach> {
        world.judge(self, ended, |_| true)
    }

    fn breach_among(&self, world: &World, ended: bool, properties: &[&str]) -> Option<Breach> {
        world.judge(self, ended, |property| properties.contains(&property))
    }

    fn kind(&self, choice: &Choice) -> &'static str {
        choice.kind()
    }

    fn kinds(&self) -> &'static [&'static str] {
        Choice::KINDS
    }

    fn witnesses(&self) -> &'static [&'static str] {
        crate::ledger::WITNESSES
    }

    fn witnessed(&self, world: &World, witness: usize) -> bool {
        world.ledger.witnessed(self, &world.net, witness)
    }
}
