//! A crash at any step leaves the old program or the new one, and what is told agrees with which.

use super::*;
use crate::explore::{Explorer, Verdict};
use crate::instance::{Bounds, Fault};
use crate::properties::teeth;
use crate::scenario::{self, Scenario, replacing};
use neurath_model::plan::Scheduler;
use neurath_model::protocol::Mutant;

/// A part of a diamond goes, with the arcs around it.
fn part_goes() -> Instance {
    let flow = |left: &str| {
        format!(
            "source(source) OUT -> IN split(fork) A -> {left}A rejoin(merge) OUT -> IN sink(sink)\nsplit B -> IN right(step) OUT -> B rejoin"
        )
    };
    let before = Scenario::read(&flow("IN left(step) OUT -> "), &scenario::library()).expect("a flow");
    before.changed_to(&flow(""), "").expect("planned").instance(Bounds { packets: 1, ..Bounds::default() })
}

#[test]
fn every_crash_at_every_step_of_every_run_agrees_with_what_is_told() {
    let bounds = Bounds { packets: 1, ..Bounds::default() };
    let two = scenario::chain(3).updated(&replacing("u1", &[("x1", "step@2"), ("x3", "step@2")])).expect("planned");
    let two = two.updated(&replacing("u2", &[("x2", "step@2")])).expect("planned");
    for instance in [part_goes(), two.instance(bounds), teeth::buffer_changes()] {
        let seen = Explorer::new(&Crashing(&instance)).run();
        assert_eq!(seen.verdict, Verdict::Holds);
        for who in ["submitter", "operator", "runtime"] {
            assert!(seen.coverage.iter().any(|(kind, taken)| *kind == who && *taken > 0), "{who} never crashes");
        }
    }
}

#[test]
fn an_answer_before_the_cut_does_not_agree_with_what_a_crash_leaves() {
    let bounds = Bounds { packets: 1, ..Bounds::default() };
    let one = scenario::chain(2).updated(&replacing("u1", &[("x1", "step@2")])).expect("planned").instance(bounds);
    let faulty = one.with_fault(Fault::Protocol(Mutant::AnswerAtEntrance));
    let seen = Explorer::new(&Crashing(&faulty)).run();
    assert!(matches!(seen.verdict, Verdict::Breached { breach, .. } if breach.property == "S6"), "it is found");
}

#[test]
fn a_mix_is_found_at_the_crash() {
    let mixed = teeth::two_change(Scheduler::Direct);
    let seen = Explorer::new(&Crashing(&mixed)).run();
    assert!(matches!(seen.verdict, Verdict::Breached { breach, .. } if breach.property == "S4"), "direct mixes");
}

#[test]
fn what_took_effect_without_a_commit_is_a_disagreement() {
    let instance = part_goes();
    let mut world = World::new(&instance);
    assert_eq!(disagreement(&instance, &world), None);
    let (at, _) = instance.update(UpdateId(1)).changed().next().expect("something changes");
    world.net.cell_mut(at).applied.insert(UpdateId(1));
    let story = disagreement(&instance, &world).expect("found").story;
    assert!(story.contains("though it was not committed, at"), "{story}");
}

#[test]
fn the_table_has_every_moment_of_an_updates_life() {
    let rows = table(&part_goes());
    let program = |who: usize| rows.iter().map(|row| row.left[who].program).collect::<Vec<_>>();
    let is_new = |programs: &[Program]| programs.iter().position(|p| *p == Program::New);
    assert_eq!((is_new(&program(1)), is_new(&program(2))), (Some(1), Some(1)), "committed at the second moment");
    insta::assert_snapshot!(markdown(&rows));
}
