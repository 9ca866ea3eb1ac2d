//! Where Algorithm 3, as it is printed, goes wrong: three examples, told in the book with the runs that are found here.

use crate::explore::{Explorer, Verdict};
use crate::instance::{Fault, Instance};
use crate::narrate::narrate_as_judged;
use crate::properties::teeth::{self, bounds, with_updates};
use crate::scenario;
use neurath_model::plan::Scheduler;
use neurath_model::protocol::Mutant;

const PAGE: &str = include_str!("../../../docs/src/printed-algorithm.md");

/// The page shows the shortest run in which a printed rule breaks a property; without it nothing is broken.
fn assert_shown(sound: &Instance, rule: Mutant, property: &'static str) {
    assert_eq!(Explorer::new(sound).run().verdict, Verdict::Holds);
    let printed = sound.clone().with_fault(Fault::Protocol(rule));
    let Verdict::Breached { run, .. } = Explorer::new(&printed).only(&[property]).run().verdict else {
        panic!("{rule:?} breaks {property}")
    };
    let story = narrate_as_judged(&printed, &run, |judged| judged == property).to_string();
    let shown = format!("```text\n{}\n```", story.trim_end());
    assert!(PAGE.contains(&shown), "docs/src/printed-algorithm.md is to show:\n{shown}");
}

#[test]
fn two_dependents_into_one_operator() {
    assert_shown(&teeth::two_dependents(), Mutant::SplitReconnections, "L2");
}

#[test]
fn reconnections_in_the_wrong_order() {
    assert_shown(&teeth::deletion(), Mutant::ConnectFirst, "S9");
}

/// The origin is `a`, in the middle of the flow: `rejoin` is behind it by one port only.
#[test]
fn a_join_on_all_ports_below_an_origin() {
    let routed = scenario::routed().scheduled(Scheduler::Dependent);
    let sound = with_updates(routed, &[&[("a", "step@2"), ("rejoin", "merge@2")]]).instance(bounds(1, 1));
    assert_shown(&sound, Mutant::AwaitAllPorts, "L2");
}
