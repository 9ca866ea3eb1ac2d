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
//!
//! Reading order: what may be chosen ([`choices`]), what a choice does ([`steps`]), what the protocol then asks for
//! ([`effects`]), where arcs go ([`arcs`]), and what there is to do ([`tasks`]).

mod arcs;
mod choices;
mod effects;
mod steps;
mod tasks;

pub use tasks::Work;

use crate::client::{Client, Memory};
use crate::instance::Instance;
use crate::ledger::{Ledger, WITNESSES};
use crate::net::{Item, Net, Parcel};
use crate::observation::Observation;
use crate::picture::{diagram, svg};
use crate::properties::named::{Asked, NAMED};
use crate::properties::{L1, Property, View};
use crate::system::Breach;
use neurath_model::choice::{Choice, Emits};
use neurath_model::id::{ArcId, InPort, Lineage};
use smallvec::SmallVec;
use std::sync::LazyLock;

/// A state of an instance: where everything is, and what the properties remember.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Operators and arcs.
    pub net: Net,
    /// What the properties remember.
    pub ledger: Ledger,
    /// What users' predicates remember, in the order of the instance's.
    pub clients: Vec<Memory>,
    /// What properties remember that were asked for by name; nothing, as a rule.
    pub asked: Asked,
    /// The properties broken so far, each at its first breach, the earliest first. A property that is broken sees
    /// nothing more.
    pub breaches: Vec<Breach>,
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self {
            net: self.net.clone(),
            ledger: self.ledger.clone(),
            clients: self.clients.clone(),
            asked: self.asked.clone(),
            breaches: self.breaches.clone(),
        }
    }

    /// A search does this for every choice: what memory there is, is used again.
    fn clone_from(&mut self, source: &Self) {
        self.net.clone_from(&source.net);
        self.ledger = source.ledger.clone();
        self.clients.clone_from(&source.clients);
        self.asked.clone_from(&source.asked);
        self.breaches.clone_from(&source.breaches);
    }
}

/// What a step took in and what it is to emit: what the effects need to know of the choice.
struct Taking {
    parcels: SmallVec<[Parcel; 2]>,
    /// Whether they crossed a feedback arc, where a lineage ends.
    came_back: bool,
    /// Whether they are used up at once.
    absorbed: bool,
    releases: Option<Lineage>,
    emits: Emits,
}

impl Taking {
    fn nothing() -> Self {
        Self { parcels: SmallVec::new(), came_back: false, absorbed: false, releases: None, emits: Emits::new() }
    }
}

/// Who listens to a run besides the properties.
pub type Listener<'a> = &'a mut dyn FnMut(&Observation);

impl World {
    /// The world before the first step.
    pub fn new(instance: &Instance) -> Self {
        Self {
            net: Net::new(instance),
            ledger: Ledger::new(instance),
            clients: vec![Memory::default(); instance.clients.len()],
            asked: Asked::new(instance),
            breaches: Vec::new(),
        }
    }

    /// What is wrong with this world as far as the properties that `judged` names are concerned: what was broken
    /// first on the way, or else, if no choice is open here (`ended`), what should have happened and did not. That an
    /// update is never answered says least about why, so of those it comes last.
    pub fn judge(&self, instance: &Instance, ended: bool, judged: impl Fn(&str) -> bool) -> Option<Breach> {
        let latched = self.breaches.iter().find(|breach| judged(breach.property)).cloned();
        if latched.is_some() {
            return latched;
        }
        let at_rest = self.is_at_rest(instance).then(|| self.asked.at_rest(instance, &self.net)).flatten();
        if let Some(breach) = at_rest.filter(|breach| judged(breach.property)) {
            return Some(breach);
        }
        if !ended {
            return None;
        }
        let mut breaches = self.ledger.at_end(instance, &self.net);
        breaches.extend(self.clients_at_end(instance));
        breaches.retain(|breach| judged(breach.property));
        breaches.into_iter().min_by_key(|breach| breach.property == L1::ABOUT.code)
    }

    /// Whether only the environment can go on, as far as a property that was asked for minds it.
    fn is_at_rest(&self, instance: &Instance) -> bool {
        self.asked.minds_rest() && {
            let mut open = Vec::new();
            self.choices(instance, &mut open);
            open.iter().all(|choice| self.is_of_environment(instance, choice))
        }
    }

    fn observe(&mut self, instance: &Instance, observation: Observation, listener: Listener<'_>) {
        if instance.judged {
            self.ledger.observe(instance, &self.net, &observation, &mut self.breaches);
            self.show_clients(instance, &observation);
            self.asked.observe(instance, &self.net, &observation, &mut self.breaches);
        }
        listener(&observation);
    }

    /// Shows an event to the users' predicates that are not broken yet.
    fn show_clients(&mut self, instance: &Instance, observation: &Observation) {
        let view = View { instance, net: &self.net };
        for (client, memory) in instance.clients.iter().zip(&mut self.clients) {
            let is_broken = self.breaches.iter().any(|breach| breach.property == client.name);
            if !is_broken && let Err(story) = client.predicate.observe(view, observation, memory) {
                self.breaches.push(Breach { property: client.name, story });
            }
        }
    }

    fn clients_at_end<'a>(&'a self, instance: &'a Instance) -> impl Iterator<Item = Breach> + 'a {
        let judged = move |(client, memory): (&Client, &Memory)| {
            let judged = client.predicate.at_end(View { instance, net: &self.net }, memory);
            judged.err().map(|story| Breach { property: client.name, story })
        };
        instance.clients.iter().zip(&self.clients).filter_map(judged)
    }

    /// The arcs on which something waits, for messages. The end of an arc stays on it, but waits only until it was read.
    pub fn occupied(&self) -> impl Iterator<Item = ArcId> {
        let was_read = |to: InPort| self.net.cell(to.operator).operator.ended_ports().contains(to.port);
        let waits = move |arc: &ArcId| match self.net.arc(*arc).items.first() {
            None => false,
            Some(Item::End) => !self.net.arc(*arc).to.is_some_and(was_read),
            Some(Item::Packet(_) | Item::Marker(_)) => true,
        };
        (0..self.net.arcs.len() as u32).map(ArcId).filter(waits)
    }
}

/// The witnesses of the default properties, and of those that have to be asked for.
static ALL_WITNESSES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| WITNESSES.iter().copied().chain(NAMED.iter().map(|named| named.about.witness)).collect());

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

    fn next_in(&self, world: &World, choice: &Choice, place: &mut World) {
        place.clone_from(world);
        place.step(self, choice, &mut |_| {});
    }

    fn breach(&self, world: &World, ended: bool) -> Option<Breach> {
        world.judge(self, ended, |_| true)
    }

    fn breach_among(&self, world: &World, ended: bool, properties: &[&str]) -> Option<Breach> {
        world.judge(self, ended, |property| properties.contains(&property))
    }

    fn picture(&self, run: &[Choice]) -> Option<String> {
        Some(svg::draw(&diagram(self, run)))
    }

    fn kind(&self, choice: &Choice) -> &'static str {
        choice.kind()
    }

    fn kinds(&self) -> &'static [&'static str] {
        Choice::KINDS
    }

    fn witnesses(&self) -> &'static [&'static str] {
        if self.asks_any() { &ALL_WITNESSES } else { WITNESSES }
    }

    fn witnessed(&self, world: &World, witness: usize) -> bool {
        match witness.checked_sub(WITNESSES.len()) {
            None => world.ledger.witnessed(self, &world.net, witness),
            Some(witness) => world.asked.witnessed(self, &world.net, witness),
        }
    }
}
