//! Flows in which something goes round for ever.

use super::{cells, table};
use crate::check::{Check, Checked, judge};
use crate::explore::{Budget, Verdict};
use crate::fold::Folded;
use crate::instance::{Fault, Instance};
use crate::properties::teeth::{bounds, with_updates};
use crate::replay::replay;
use crate::scenario::{self, Scenario};
use crate::system::System;
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::component::Catalogue;
use neurath_model::plan::Scheduler;
use neurath_model::spec::components;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What the library lacks: operators that take what comes back and let it go at once, so that nobody counts how often.
pub(super) const LOOPS: &str = "
[[component]]
name = 'again'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'each'

[[component]]
name = 'again'
version = '2'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'each'

[[component]]
name = 'again-or-on'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't', ON = 't' }
firing = 'any'
emission = 'route'
state = 'Count'

[[component]]
name = 'again-later'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'buffer'
wake = 'resume'
state = 'Held'
";

/// The library, with these.
pub(super) fn library() -> String {
    scenario::library() + LOOPS
}

/// Theirs are the only loops.
pub(super) fn catalogue() -> Catalogue {
    components::parse("library", &library()).expect("readable").0
}

/// The first steps of a run, any choice as likely as the others.
pub(super) fn steps(instance: &Instance, rng: &mut ChaCha8Rng) -> Vec<Choice> {
    let (mut world, mut taken) = (World::new(instance), Vec::new());
    for _ in 0..120 {
        let mut open = Vec::new();
        world.choices(instance, &mut open);
        if open.is_empty() {
            break;
        }
        let choice = open.swap_remove(rng.random_range(0..open.len()));
        world.step(instance, &choice, &mut |_| {});
        taken.push(choice);
    }
    taken
}

/// Where no run ends: what a packet has come to is sent on, and it goes round again.
const ENDLESS: &str =
    "in(source) OUT -> IN x(again) OUT -> IN y(step) OUT -> IN split(fork) A -> IN sink(sink)\nsplit B -> BACK x";

/// A packet is sent round for ever, or on. What it passes on its way changes, so that the marker has to get past it.
fn scenario(scheduler: Scheduler) -> Scenario {
    let flow =
        "in(source) OUT -> IN x(again) OUT -> IN y(step) OUT -> IN split(route) A -> IN sink(sink)\nsplit B -> BACK x";
    changing(flow, scheduler)
}

fn changing(flow: &str, scheduler: Scheduler) -> Scenario {
    let scenario = Scenario::read(flow, &library()).expect("valid").scheduled(scheduler);
    with_updates(scenario, &[&[("x", "again@2"), ("y", "step@2")]])
}

fn round(scheduler: Scheduler, packets: u64) -> Instance {
    scenario(scheduler).instance(bounds(packets, 1))
}

/// What is found, and that a run to a breach is one of the instance itself, which shows it there.
fn checked(instance: &Instance) -> (&'static str, Checked) {
    let checked = Check::new(instance).run();
    assert!(checked.goes_round);
    let found = match &checked.exploration.verdict {
        Verdict::Holds => "-",
        Verdict::Undecided { why } => panic!("{why}"),
        Verdict::Breached { breach, run, round, .. } => {
            let worlds = replay(instance, run).expect("a run that is told can be taken");
            let folding = Folded::new(instance);
            match round {
                Some(round) => {
                    assert!(folding.is_same(&worlds[*round], worlds.last().expect("a state")));
                    let judged = judge(&folding, run, *round, |_| true).expect("a lasso");
                    assert_eq!(judged.property, breach.property);
                }
                None => {
                    let mut open = Vec::new();
                    let last = worlds.last().expect("a state");
                    last.choices(instance, &mut open);
                    assert_eq!(System::breach(instance, last, open.is_empty()).as_ref(), Some(breach));
                }
            }
            breach.property
        }
    };
    (found, checked)
}

/// What each scheduler does there. By markers nothing goes wrong and nothing waits for ever. A stop of the world waits for a flow that
/// is empty, which this never is: it was promised all the same, and what came round met both versions, until this table showed it.
#[test]
fn schedulers_that_travel_by_markers_keep_their_promise_where_packets_go_round_for_ever() {
    let mut lines = vec![cells(&[&"scheduler", &"promised", &"packets", &"breaks", &"states", &"rounds"])];
    for scheduler in Scheduler::ALL.iter().copied() {
        for packets in 1..=2 {
            let (property, Checked { exploration, .. }) = checked(&round(scheduler, packets));
            let is_promised = scenario(scheduler).is_promised();
            assert_eq!(exploration.verdict == Verdict::Holds, is_promised, "{scheduler}, {packets}");
            assert!(!is_promised || exploration.rounds.is_some_and(|rounds| rounds > 0), "{scheduler}, {packets}");
            let promised = if is_promised { "yes" } else { "no" };
            let rounds = exploration.rounds.map_or("-".to_owned(), |rounds| rounds.to_string());
            lines.push(cells(&[&scheduler, &promised, &packets, &property, &exploration.distinct, &rounds]));
        }
    }
    insta::assert_snapshot!(table(&lines));
}

/// Faults that can show in that flow.
const FAULTS: [&str; 6] = [
    "marker-on-one-output",
    "target-absorbs-marker",
    "await-feedback",
    "answer-at-entrance",
    "silent-exit",
    "lossy-arc",
];

#[test]
fn what_is_owed_for_ever_is_found_where_packets_go_round() {
    let mut lines = vec![cells(&[&"fault", &"property", &"states", &"stem", &"round"])];
    let mut lassos = 0;
    for name in FAULTS {
        let fault = Fault::named(name).expect("known");
        let instance = changing(ENDLESS, Scheduler::Epoch).instance(bounds(1, 1)).with_fault(fault);
        let (property, Checked { exploration, .. }) = checked(&instance);
        let (stem, steps) = match &exploration.verdict {
            Verdict::Breached { run, round: Some(round), .. } => (*round, run.len() - round),
            Verdict::Breached { run, round: None, .. } => (run.len(), 0),
            Verdict::Holds | Verdict::Undecided { .. } => (0, 0),
        };
        lassos += usize::from(steps > 0);
        lines.push(cells(&[&name, &property, &exploration.distinct, &stem, &steps]));
    }
    assert!(lassos > 0, "something is owed for ever that is not owed at an end");
    insta::assert_snapshot!(table(&lines));
}

/// Beyond the budget nothing is said, though no state that was looked at is in breach.
#[test]
fn beyond_the_budget_it_is_undecided() {
    let instance = round(Scheduler::Epoch, 1);
    let checked = Check::new(&instance).budget(Budget { states_max: 20, ..Budget::default() }).run();
    assert!(matches!(checked.exploration.verdict, Verdict::Undecided { .. }));
    assert_eq!((checked.goes_round, checked.exploration.rounds), (true, None));
}
