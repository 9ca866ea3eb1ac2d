//! Must-show 5: what an independent model of markers said of small flows, asked again of ours; one test for each line.
//!
//! The independent model was a throw-away: queues, markers and nothing else. What it found *stuck* is stuck here, by the same
//! cause; what it found safe is proved here within the same bounds.

use crate::explore::{Explorer, Verdict};
use crate::instance::{Fault, Instance};
use crate::observation::Observation;
use crate::properties::teeth::{self, bounds, with_updates, x1_changes_twice};
use crate::scenario::{self, BLOCKING, NIO, Scenario, replacing};
use crate::simulate::{Weights, run};
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::component::Firing;
use neurath_model::id::UpdateId;
use neurath_model::marker::Outcome;
use neurath_model::plan::Scheduler;
use neurath_model::protocol::Mutant;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn assert_holds(instance: &Instance) {
    assert_eq!(Explorer::new(instance).run().verdict, Verdict::Holds);
}

fn broken(instance: Instance, mutant: Mutant, property: &str) -> String {
    teeth::breach(&instance.with_fault(Fault::Protocol(mutant)), property).story
}

fn rejoining(scenario: Scenario, rejoin: &str, updates: usize) -> Instance {
    let versions: Vec<String> = (2..4).map(|v| format!("{rejoin}@{v}")).collect();
    let changes: Vec<Vec<(&str, &str)>> =
        versions.iter().zip(["step@2", "step@3"]).map(|(r, a)| vec![("a", a), ("rejoin", r.as_str())]).collect();
    let changes: Vec<&[(&str, &str)]> = changes.iter().take(updates).map(Vec::as_slice).collect();
    with_updates(scenario, &changes).instance(bounds(2, 1))
}

/// The marker of one branch waits at `rejoin` and blocks that port only, so the other branch can run empty: with arcs that hold
/// one packet and sends that block, there is always a step, for one update and for two.
#[test]
fn aligned_markers_on_a_diamond_are_never_stuck_whatever_takes_both_branches() {
    for updates in [1, 2] {
        assert_holds(&rejoining(scenario::diamond(), "merge", updates));
        assert_holds(&rejoining(scenario::balanced(), "join", updates));
    }
}

/// `x` takes one packet from each of two sources that know nothing of each other: one has sent a packet before its marker, the
/// other has not, and `x` waits for the partner of that packet behind a marker. Without an update all is well. The
/// validator refuses such a flow (F10), so it is made here of a valid one, by giving `x` another rule of firing.
#[test]
fn two_independent_sources_into_a_join_of_all_are_stuck_with_a_marker_and_fine_without() {
    let zipped = |scenario: Scenario, packets| {
        let mut instance = scenario.instance(bounds(packets, 1));
        let x = instance.program.find("x").expect("the join");
        instance.program = instance.program.with_firing(x, Firing::All);
        instance
    };
    assert_holds(&zipped(scenario::two_sources(), 2));
    let updated = zipped(with_updates(scenario::two_sources(), &[&[("x", "merge@2")]]), 1);
    assert_eq!(teeth::breach(&updated, "L2").story, "x waits for ever in the marker join of `u1`");
    let flow = "left(source) OUT -> A x(join) OUT -> IN sink(sink)\nright(source) OUT -> B x";
    let refused = Scenario::read(flow, &scenario::library()).expect_err("such a flow is refused");
    assert_eq!(refused.0.iter().map(|d| d.code.to_string()).collect::<Vec<_>>(), ["F10"]);
}

/// A merge takes what comes, so what one source sent before its marker does not wait for the other.
#[test]
fn two_independent_sources_into_a_merge_are_fine() {
    let updates: [&[_]; 2] = [&[("x", "merge@2")], &[("left", "source@2"), ("x", "merge@3")]];
    assert_holds(&with_updates(scenario::two_sources(), &updates).instance(bounds(2, 1)));
}

/// A marker that is put at the head of the queue overtakes the one before it where that still waits.
#[test]
fn markers_at_the_head_of_the_queue_arrive_in_the_wrong_order() {
    let found = teeth::breach(&x1_changes_twice().with_fault(Fault::MarkerAtHead), "S7");
    assert_eq!(found.story, "`u2` is applied at x1, planned for the version after `u1`, which is not");
}

/// The branch that a router did not choose gets no marker, and where the branches meet again it is awaited for ever.
#[test]
fn a_marker_on_the_chosen_output_only_is_stuck() {
    let instance = teeth::rejoin_changes(scenario::routed(), "merge@2");
    let story = broken(instance, Mutant::MarkerOnOneOutput, "L2");
    assert_eq!(story, "rejoin waits for ever in the marker join of `u1`");
}

/// `x2` goes; an update that was planned before, and is to change it, comes after: its marker meets no `x2` on any way. It is
/// answered `rejected`, is applied nowhere, and nothing else is broken.
#[test]
fn an_update_aimed_at_what_was_deleted_is_rejected() {
    let scenario = scenario::chain(3).changed_to(scenario::CHAIN_DELETED, "").expect("planned");
    let scenario = scenario.updated_late(&replacing("late", &[("x2", "step@2")])).expect("planned for what was");
    let instance = scenario.instance(bounds(2, 1));
    assert_holds(&instance);
    let operators = vec![1; instance.program.operators().len()];
    let weights = Weights { kinds: vec![1; Choice::KINDS.len()], drops: 1, operators };
    for seed in 0..50 {
        let told = run(&instance, &weights, &mut ChaCha8Rng::seed_from_u64(seed));
        let (mut world, mut answers, mut applied) = (World::new(&instance), Vec::new(), 0);
        for choice in &told.choices {
            world.step(&instance, choice, &mut |o| match o {
                Observation::Answered { update, outcome } => answers.push((*update, *outcome)),
                Observation::Applied { update: UpdateId(2), .. } => applied += 1,
                _ => {}
            });
        }
        assert_eq!(answers, [(UpdateId(1), Outcome::Applied), (UpdateId(2), Outcome::Rejected)]);
        assert_eq!(applied, 0);
    }
}

/// `x` was replaced by `y`, one of whose arcs has not come when the next marker arrives by the other. If `y` awaits only the
/// ports that have an arc then, it lets the marker go on, and holds the second one, when that comes, for ever.
#[test]
fn a_join_of_connected_ports_is_stuck_when_an_arc_comes_late() {
    let story = broken(teeth::arcs_come_one_by_one(), Mutant::AwaitConnected, "L2");
    assert_eq!(story, "y waits for ever in the marker join of `u2`");
    assert_holds(&teeth::arcs_come_one_by_one());
}

/// No marker crosses the feedback arc from `reply` to `read` (it would have to have left `read` first).
#[test]
fn a_feedback_port_that_is_awaited_is_stuck() {
    let there_and_back = scenario::http().updated(NIO).expect("planned").updated(BLOCKING).expect("planned");
    let story = broken(there_and_back.clone().instance(bounds(1, 1)), Mutant::AwaitFeedback, "L2");
    assert_eq!(story, "read waits for ever in the marker join of `nio`");
    assert_holds(&there_and_back.scheduled(Scheduler::Epoch).instance(bounds(1, 1)));
}
