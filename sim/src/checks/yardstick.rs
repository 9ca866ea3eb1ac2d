//! The reference chain as a flow in the real world, beside the chain that was written as a yardstick.
//!
//! The real world does more, and more happens in it. What that is can be switched off, one thing after the other:
//!
//! ```text
//!   real      as it is: the source has mail, markers need no room, what finds no room is held, ledgers differ
//!   waiting   an operator steps only when the arc behind it has room, for markers too; nothing is ever held
//!   fused     a submission goes on into the source at once: no mail on its way
//!   bare      the properties remember nothing
//! ```
//!
//! The last is the yardstick, state for state: the real protocol, on a chain, is the chain.

use crate::explore::{Exploration, Explorer, Verdict};
use crate::instance::Instance;
use crate::ledger::Ledger;
use crate::properties::teeth::bounds;
use crate::reference::chain::Chain;
use crate::scenario;
use crate::system::{Breach, System};
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::id::{OperatorId, PortIndex};

/// Source, three operators, sink.
const SOURCE: OperatorId = OperatorId(0);
const SINK: OperatorId = OperatorId(4);

/// How much of the real world is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Real,
    Waiting,
    Fused,
    Bare,
}

struct Likened {
    instance: Instance,
    likeness: Likeness,
}

impl Likened {
    /// All five operators are changed by every update.
    fn new(capacity: usize, packets: u64, updates: usize, likeness: Likeness) -> Self {
        let version = |component: &str, k: usize| format!("{component}@{}", k + 2);
        let changes = |k| {
            let steps = ["x1", "x2", "x3"].map(|x| (x, version("step", k)));
            let ends = [("source", version("source", k)), ("sink", version("sink", k))];
            steps.into_iter().chain(ends).collect::<Vec<_>>()
        };
        let scenario = (0..updates).map(changes).fold(scenario::chain(3), |scenario, changes| {
            let changes: Vec<(&str, &str)> = changes.iter().map(|(at, to)| (*at, to.as_str())).collect();
            let name = format!("u{}", changes[0].1);
            scenario.updated(&scenario::replacing(&name, &changes)).expect("planned")
        });
        Self { instance: scenario.instance(bounds(packets, capacity)), likeness }
    }

    /// Whether the arc that an operator's step adds to has room, for packet or marker alike.
    fn has_room(&self, world: &World, choice: &Choice) -> bool {
        let at = choice.at().unwrap_or(SOURCE);
        if self.likeness == Likeness::Real
            || at.0 >= SINK.0
            || (self.likeness == Likeness::Waiting && choice.at().is_none())
        {
            return true;
        }
        let arc = self.instance.program.driven(at, PortIndex(0));
        world.net.arc(arc).items.len() < self.instance.bounds.capacity
    }

    /// Takes the markers that the source has by mail.
    fn fuse(&self, world: &mut World) {
        let mut open = Vec::new();
        world.choices_at(&self.instance, SOURCE, &mut open);
        if let Some(mail) = open.into_iter().find(|choice| matches!(choice, Choice::Deliver { .. })) {
            world.step(&self.instance, &mail, &mut |_| {});
        }
    }
}

impl System for Likened {
    type State = World;
    type Choice = Choice;

    fn initial(&self) -> Vec<World> {
        self.instance.initial()
    }

    fn choices(&self, world: &World, choices: &mut Vec<Choice>) {
        System::choices(&self.instance, world, choices);
        choices.retain(|choice| self.has_room(world, choice));
    }

    fn next(&self, world: &World, choice: &Choice) -> World {
        let mut next = self.instance.next(world, choice);
        if self.likeness >= Likeness::Fused {
            self.fuse(&mut next);
        }
        if self.likeness == Likeness::Bare {
            (next.ledger, next.breaches) = (Ledger::new(&self.instance), Vec::new());
        }
        next
    }

    /// Without their memory, the properties have nothing to say.
    fn breach(&self, world: &World, ended: bool) -> Option<Breach> {
        if self.likeness == Likeness::Bare { None } else { self.instance.breach(world, ended) }
    }

    fn kind(&self, choice: &Choice) -> &'static str {
        choice.kind()
    }

    fn kinds(&self) -> &'static [&'static str] {
        Choice::KINDS
    }
}

fn counts<C: PartialEq + std::fmt::Debug>(seen: &Exploration<C>) -> (u64, u64, u64) {
    assert_eq!(seen.verdict, Verdict::Holds);
    (seen.generated, seen.distinct, seen.depth)
}

fn ladder(capacity: u32, packets: u8, updates: u8) -> [(u64, u64, u64); 5] {
    let likened = |likeness| {
        let real = Likened::new(capacity as usize, packets.into(), updates.into(), likeness);
        counts(&Explorer::new(&real).run())
    };
    let [real, waiting, fused, bare] =
        [Likeness::Real, Likeness::Waiting, Likeness::Fused, Likeness::Bare].map(likened);
    [real, waiting, fused, bare, counts(&Explorer::new(&Chain::new(capacity, packets, updates)).run())]
}

/// Capacity 2, 4 packets and 2 updates: of the 3.0 times as many states, 1.8 come from markers that need no room and
/// from outputs that are held instead of a step not being taken, 1.3 from submissions that are mail on its way to the source,
/// and 1.3 from what the properties remember (which versions met the lineages that have ended). These factors grow with the
/// size. The sink needs no step to answer: the exit is told with the last marker.
#[test]
fn the_real_chain_is_the_yardstick_but_for_what_is_more_in_it() {
    assert_eq!(ladder(1, 2, 1), [(354, 178, 17), (179, 106, 17), (140, 89, 16), (135, 82, 16), (135, 82, 16)]);
    let larger = [(20_430, 6_879, 33), (10_401, 3_761, 33), (7_498, 2_906, 31), (6_245, 2_312, 31), (6_245, 2_312, 31)];
    assert_eq!(ladder(2, 4, 2), larger);
}

/// Capacity 6, 12 packets and 3 updates: with what is more in it switched off, the real world has the very numbers of the
/// yardstick on which three independent tools agree.
#[test]
fn the_real_chain_has_the_numbers_of_the_yardstick_at_its_full_size() {
    let bare = Explorer::new(&Likened::new(6, 12, 3, Likeness::Bare)).run();
    assert_eq!(counts(&bare), (7_882_981, 1_982_456, 76));
}
