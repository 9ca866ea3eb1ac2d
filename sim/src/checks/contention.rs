//! Must-show 3: updates in scopes that overlap need one order, at every operator and every head (protocol rule 11).
//!
//! ```text
//!   s1 -> h1 --> x --.             u1 = {h1, j}        u2 = {h2, j}
//!            \ /      > j
//!            / \     /             x may see u1 first and y u2: then j waits for u1 at one port
//!   s2 -> h2 --> y -'              and for u2 at the other
//! ```

use crate::explore::{Explorer, Verdict};
use crate::instance::{Fault, Instance};
use crate::narrate::narrate;
use crate::properties::teeth::{bounds, contention, with_updates};
use crate::scenario::{self, Scenario};
use neurath_model::plan::Scheduler;
use neurath_model::protocol::Mutant;

fn without_order(instance: Instance) -> Instance {
    instance.with_fault(Fault::Protocol(Mutant::NoGlobalOrder))
}

/// The design page says 8 steps, for a model in which the controllers have commanded `h1` and `h2` when a run begins. Here it
/// is the same 8 steps of operators, and the two submissions before them.
#[test]
fn without_one_order_two_updates_wait_for_each_other() {
    let instance = without_order(contention());
    let Verdict::Breached { run, .. } = Explorer::new(&instance).only(&["L2"]).run().verdict else {
        panic!("each waits for the other")
    };
    assert_eq!(run.iter().filter(|choice| choice.at().is_some()).count(), 8);
    insta::assert_snapshot!(narrate(&instance, &run));
}

#[test]
fn with_one_order_both_are_applied_whatever_is_on_the_way() {
    let updates: [&[_]; 2] = [&[("h1", "route@2"), ("j", "merge@2")], &[("h2", "route@2"), ("j", "merge@3")]];
    let scoped = scenario::contended().scheduled(Scheduler::Scoped);
    let instance = with_updates(scoped, &updates).instance(bounds(1, 1));
    let seen = Explorer::new(&instance).run();
    assert_eq!(seen.verdict, Verdict::Holds);
    assert!(!seen.never_witnessed().any(|w| w == "two updates that pass an operator in common are under way together"));
    insta::assert_snapshot!(format!("{} generated, {} distinct, depth {}", seen.generated, seen.distinct, seen.depth));
}

/// Found by the simulator under `scoped` (the diamond of its tests, seed 193: `right` and `join` change, then `left` and `right`),
/// and the same here. The scopes of `u1`, `b` and `rejoin`, and of `u2`, from `p` to `b`, have `b` in common, and the updates were
/// in order there. But what the new `p` sent by `a` came to the old `rejoin`, and what the old `p` had sent met the new `b`: no
/// serial order explains both. The later update now enters at every head of the union of the scopes, and follows the earlier one
/// everywhere.
#[test]
fn scopes_that_overlap_are_passed_in_one_order_also_beside_what_they_share() {
    let updates: [&[_]; 2] = [&[("b", "step@2"), ("rejoin", "merge@2")], &[("p", "step@2"), ("b", "step@3")]];
    let flow = "source(source) OUT -> IN p(step) OUT -> IN split(route) A -> IN a(step) OUT -> A rejoin(merge)\n\
                split B -> IN b(step) OUT -> B rejoin OUT -> IN sink(sink)";
    let scoped = Scenario::read(flow, &scenario::library()).expect("valid").scheduled(Scheduler::Scoped);
    let instance = with_updates(scoped, &updates).instance(bounds(2, 1));
    assert_eq!(Explorer::new(&instance).run().verdict, Verdict::Holds);
    let name = |at| instance.name(at);
    assert_eq!(instance.updates[0].scope.iter().map(|at| name(*at)).collect::<Vec<_>>(), ["rejoin", "b"]);
    let wide: Vec<&str> = instance.updates[1].scope.iter().map(|at| name(*at)).collect();
    assert_eq!(wide, ["p", "split", "a", "rejoin", "b"]);
    let verdict = Explorer::new(&without_order(instance.clone())).only(&["S4"]).run().verdict;
    let Verdict::Breached { breach, .. } = verdict else { panic!("two orders") };
    assert!(breach.story.starts_with("no serial order of the updates explains what the lineages met"), "{breach:?}");
}
