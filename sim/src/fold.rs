//! Worlds that differ only in what was counted are one: so that a run that goes round for ever comes back to where it was.
//!
//! ```text
//!   x has begun 7 lineages, x#6 is on an arc       x has begun 2 lineages, x#0 is on an arc
//!   41 packets were sent on it, this is the 41st   3 packets were sent on it, this is the 3rd
//!   y has fired 40 times                           y has fired once
//!                          '-------- fold --------'
//! ```
//!
//! A world counts: the packets sent on an arc (S1 and S2 know a packet by its number), the lineages begun at an operator, the firings
//! that a function remembers (S11 compares them). Where a packet goes round a loop that nobody bounds, these numbers grow for ever and no
//! world occurs twice. What can happen, and what a property says of it, depends on less:
//!
//! * *packets*: on how the numbers on one arc compare with each other. As many are taken off all of them as leaves the oldest packet on
//!   the arc the fourth (the fault `lossy-arc` knows the second, and the property the one before);
//! * *lineages*: on which are the same, and which came first. Those that are still spoken of are numbered anew, in their order. That some
//!   ended is kept as one that did. Sources count for good, for the bounds say how much they begin;
//! * *firings*: on whether there was one, and on the two counts being equal.
//!
//! What a broken property remembers is forgotten, as it sees nothing more, and so is its story, which names lineages by their numbers.
//!
//! Two worlds that fold to one have the same choices, and these lead to worlds that fold to one (a bisimulation), with the same
//! properties broken. That is not believed but tested, as the reduction is: along random runs of random flows, for every choice open on
//! the way (`checks::fold`). A run found among folded worlds is taken again among those that are not ([`Folded::unfolded`]).

use crate::instance::Instance;
use crate::lasso::{Doing, Recurrent, Task};
use crate::net::{Cell, Item, Queue};
use crate::properties::{Debt, Less};
use crate::system::{Breach, System};
use crate::world::{Work, World};
use neurath_model::choice::Choice;
use neurath_model::component::Wake;
use neurath_model::id::{ArcId, Lineage, OperatorId, UpdateId};
use smallvec::SmallVec;

/// The number of the oldest packet on an arc, at most.
const OLDEST: u32 = 3;

/// An instance whose worlds are folded.
#[derive(Debug, Clone)]
pub struct Folded<'a> {
    /// The instance.
    pub instance: &'a Instance,
    /// By operator: as long as it has begun no more lineages than this, they keep their numbers.
    kept: Vec<u64>,
}

impl<'a> Folded<'a> {
    /// The instance whose worlds are to be folded.
    pub fn new(instance: &'a Instance) -> Self {
        let versions = || std::iter::once(UpdateId::NONE).chain(instance.update_ids());
        let counts = |at| versions().any(|version| instance.behaviour(at, version).wake == Wake::Source);
        let kept = instance.program.operators().map(|(at, _)| if counts(at) { instance.bounds.packets } else { 0 });
        Self { instance, kept: kept.collect() }
    }

    /// Folds a world.
    pub fn fold(&self, world: &mut World) {
        self.forget(world);
        self.recount(world);
        self.rename(world);
    }

    /// Whether two worlds fold to one.
    pub fn is_same(&self, one: &World, two: &World) -> bool {
        let [one, two] = [one, two].map(|world| {
            let mut folded = world.clone();
            self.fold(&mut folded);
            folded
        });
        one == two
    }

    /// A run of folded worlds as a run of the instance's own, in which lineages have other numbers.
    ///
    /// # Panics
    /// If a choice is not open where it is to be taken.
    pub fn unfolded(&self, run: &[Choice]) -> Vec<Choice> {
        let (mut folded, mut world) = (World::new(self.instance), World::new(self.instance));
        let (mut open, mut own) = (Vec::new(), Vec::new());
        run.iter()
            .map(|choice| {
                open.clear();
                own.clear();
                folded.choices(self.instance, &mut open);
                world.choices(self.instance, &mut own);
                let index = open.iter().position(|other| other == choice).expect("a choice of a run is open");
                assert_eq!(open.len(), own.len(), "worlds that fold to one have the same choices");
                folded = System::next(self, &folded, choice);
                world.step(self.instance, &own[index], &mut |_| {});
                own.swap_remove(index)
            })
            .collect()
    }

    fn forget(&self, world: &mut World) {
        let World { ledger, clients, asked, breaches, .. } = world;
        if breaches.is_empty() {
            return;
        }
        breaches.iter_mut().for_each(|breach| breach.story.clear());
        ledger.forget(self.instance, breaches);
        asked.forget(self.instance, breaches);
        for (client, memory) in self.instance.clients.iter().zip(clients) {
            if breaches.iter().any(|breach| breach.property == client.name) {
                *memory = Default::default();
            }
        }
    }

    fn recount(&self, world: &mut World) {
        let less = self.surplus(world);
        if less.is_nothing() {
            return;
        }
        for at in world.net.operators() {
            let outputs = &self.instance.program.operator(at).outputs;
            if less.fired_at(at) > 0 || outputs.iter().any(|arc| less.sent_on(*arc) > 0) {
                let cell = world.net.cell_mut(at);
                cell.memory.fired -= less.fired_at(at);
                for (port, item) in cell.pending.iter_mut() {
                    recount_item(item, less.sent_on(outputs[usize::from(port.0)]));
                }
            }
        }
        for arc in (0..world.net.arcs.len() as u32).map(ArcId).filter(|arc| less.sent_on(*arc) > 0) {
            let queue: &mut Queue = &mut world.net.arcs[arc.0 as usize];
            queue.sent -= less.sent_on(arc);
            queue.items.iter_mut().for_each(|item| recount_item(item, less.sent_on(arc)));
        }
        world.ledger.recount(&less);
    }

    /// What is counted and makes no difference.
    fn surplus(&self, world: &World) -> Less {
        let net = &world.net;
        let oldest = |arc: ArcId| {
            let from = self.instance.program.arc(arc).from;
            let pending = net.cell(from.operator).pending.iter().filter(|(port, _)| *port == from.port);
            let items = net.arc(arc).items.iter().chain(pending.map(|(_, item)| item));
            items.filter_map(serial).min().unwrap_or(net.arc(arc).sent)
        };
        Less {
            sent: (0..net.arcs.len() as u32).map(|arc| oldest(ArcId(arc)).saturating_sub(OLDEST)).collect(),
            fired: net.cells.iter().map(|cell| cell.memory.fired.saturating_sub(1)).collect(),
        }
    }

    fn rename(&self, world: &mut World) {
        let is_renamed = |at: OperatorId, cell: &Cell| cell.begun > self.kept[at.0 as usize];
        let origins: SmallVec<[OperatorId; 8]> =
            world.net.operators().filter(|at| is_renamed(*at, world.net.cell(*at))).collect();
        if origins.is_empty() {
            return;
        }
        let names = Names::of(world, &origins);
        for at in origins {
            let (live, begun) = (names.count(at), world.net.cell(at).begun);
            let ended = u64::from(begun > live);
            let renumbered = (live + ended).max(self.kept[at.0 as usize]);
            if renumbered != begun {
                world.net.cell_mut(at).begun = renumbered;
            }
        }
        if !names.are_as_they_were() {
            names.give(world);
        }
    }
}

/// A packet's number.
fn serial(item: &Item) -> Option<u32> {
    match item {
        Item::Packet(parcel) => Some(parcel.serial),
        Item::Marker(_) | Item::End => None,
    }
}

fn recount_item(item: &mut Item, less: u32) {
    if let Item::Packet(parcel) = item {
        parcel.serial -= less;
    }
}

/// The lineages of some origins that anything still speaks of, in order: each is given its place among those of its origin.
struct Names(SmallVec<[Lineage; 8]>);

impl Names {
    fn of(world: &mut World, origins: &[OperatorId]) -> Self {
        let mut live = SmallVec::new();
        let mut note = |lineage: Lineage| {
            if origins.contains(&lineage.origin()) {
                live.push(lineage);
            }
        };
        world.net.cells.iter().flat_map(|cell| lineages_in(cell)).for_each(&mut note);
        world.net.arcs.iter().flat_map(|queue| queue.items.iter().filter_map(lineage)).for_each(&mut note);
        remembered(world, &mut |lineage| note(*lineage));
        live.sort_unstable();
        live.dedup();
        Self(live)
    }

    fn of_origin(&self, origin: OperatorId) -> &[Lineage] {
        let first = self.0.partition_point(|lineage| lineage.origin() < origin);
        let count = self.0[first..].partition_point(|lineage| lineage.origin() == origin);
        &self.0[first..first + count]
    }

    fn count(&self, origin: OperatorId) -> u64 {
        self.of_origin(origin).len() as u64
    }

    fn name(&self, lineage: &mut Lineage) {
        if let Ok(place) = self.of_origin(lineage.origin()).binary_search(lineage) {
            *lineage = Lineage::new(lineage.origin(), place as u64);
        }
    }

    fn are_as_they_were(&self) -> bool {
        self.0.iter().all(|lineage| !self.changes(*lineage))
    }

    fn changes(&self, lineage: Lineage) -> bool {
        let mut named = lineage;
        self.name(&mut named);
        named != lineage
    }

    /// What is shared with other worlds is left alone where nothing changes.
    fn give(&self, world: &mut World) {
        for cell in &mut world.net.cells {
            if lineages_in(cell).any(|lineage| self.changes(lineage)) {
                cell.held.iter_mut().for_each(|held| self.name(held));
                cell.pending.iter_mut().for_each(|(_, item)| self.name_in(item));
            }
        }
        for queue in &mut world.net.arcs {
            if queue.items.iter().filter_map(lineage).any(|lineage| self.changes(lineage)) {
                queue.items.iter_mut().for_each(|item| self.name_in(item));
            }
        }
        remembered(world, &mut |lineage| self.name(lineage));
    }

    fn name_in(&self, item: &mut Item) {
        if let Item::Packet(parcel) = item {
            self.name(&mut parcel.lineage);
        }
    }
}

fn lineage(item: &Item) -> Option<Lineage> {
    match item {
        Item::Packet(parcel) => Some(parcel.lineage),
        Item::Marker(_) | Item::End => None,
    }
}

/// The lineages of what an operator holds.
fn lineages_in(cell: &Cell) -> impl Iterator<Item = Lineage> + '_ {
    cell.held.iter().copied().chain(cell.pending.iter().filter_map(|(_, item)| lineage(item)))
}

/// Shows every lineage that properties remember.
fn remembered(world: &mut World, visit: &mut dyn FnMut(&mut Lineage)) {
    world.ledger.rename(visit);
    world.clients.iter_mut().for_each(|memory| memory.rename(visit));
    world.asked.rename(visit);
}

impl System for Folded<'_> {
    type State = World;
    type Choice = Choice;

    fn initial(&self) -> Vec<World> {
        vec![World::new(self.instance)]
    }

    fn choices(&self, world: &World, choices: &mut Vec<Choice>) {
        world.choices(self.instance, choices);
    }

    fn next(&self, world: &World, choice: &Choice) -> World {
        let mut next = self.instance.next(world, choice);
        self.fold(&mut next);
        next
    }

    fn next_in(&self, world: &World, choice: &Choice, place: &mut World) {
        self.instance.next_in(world, choice, place);
        self.fold(place);
    }

    fn breach(&self, world: &World, ended: bool) -> Option<Breach> {
        self.instance.breach(world, ended)
    }

    fn breach_among(&self, world: &World, ended: bool, properties: &[&str]) -> Option<Breach> {
        self.instance.breach_among(world, ended, properties)
    }

    fn picture(&self, run: &[Choice]) -> Option<String> {
        self.instance.picture(&self.unfolded(run))
    }

    fn kind(&self, choice: &Choice) -> &'static str {
        self.instance.kind(choice)
    }

    fn kinds(&self) -> &'static [&'static str] {
        self.instance.kinds()
    }

    fn witnesses(&self) -> &'static [&'static str] {
        self.instance.witnesses()
    }

    fn witnessed(&self, world: &World, witness: usize) -> bool {
        self.instance.witnessed(world, witness)
    }
}

impl Recurrent for Folded<'_> {
    type Agent = OperatorId;
    type Work = Work;
    type Debt = Debt;

    fn tasks(&self, world: &World, open: &[Choice], tasks: &mut Vec<Task<OperatorId, Work>>) {
        self.instance.tasks(world, open, tasks);
    }

    fn doing(&self, world: &World, choice: &Choice) -> Option<Doing<OperatorId, Work>> {
        self.instance.doing(world, choice)
    }

    fn owed(&self, world: &World, debts: &mut Vec<Debt>) {
        self.instance.owed(world, debts);
    }

    /// Before lineages get other names.
    fn next_paying(&self, world: &World, choice: &Choice, place: &mut World, paid: &mut Vec<Debt>) {
        self.instance.next_paying(world, choice, place, paid);
        self.fold(place);
    }

    fn property(&self, debt: Debt) -> &'static str {
        self.instance.property(debt)
    }

    fn breach_of(&self, world: &World, debt: Debt) -> Breach {
        self.instance.breach_of(world, debt)
    }
}
