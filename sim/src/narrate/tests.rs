//! Stories of real runs: the control that must fail, and an update that takes effect in order.

use super::*;
use crate::example;
use crate::explore::{Explorer, Verdict};
use crate::instance::{Bounds, Fault};
use crate::simulate::{Options, simulate, simulate_many};
use neurath_model::plan::Scheduler;

fn http(scheduler: Scheduler) -> Instance {
    let subject = example::http(scheduler).with_updates(&[example::nio()]).expect("planned");
    let plans: Vec<_> = subject.given.iter().map(|(_, plan)| plan.clone()).collect();
    Instance::new(&subject.graph, &plans, Bounds { packets: 2, capacity: 1, ends: false, hangups: false })
}

#[test]
fn the_shortest_run_in_which_direct_messages_mix_versions() {
    let instance = http(Scheduler::Direct);
    let Verdict::Breached { run, .. } = Explorer::new(&instance).only(&["S4"]).run().verdict else {
        panic!("direct promises nothing")
    };
    insta::assert_snapshot!(narrate(&instance, &run), @"");
}

#[test]
fn a_run_in_which_an_update_takes_effect_in_order() {
    let subject = example::http(Scheduler::Epoch).with_updates(&[example::nio()]).expect("planned");
    let short = (0..200).map(|seed| simulate(&subject, seed, &Options::default()));
    // The shortest of those in which requests are processed on both sides of the update.
    let told = short.filter(|outcome| outcome.counts.applied == 1 && !outcome.swarm.bounds.ends).map(|outcome| {
        (outcome.choices.len(), narrate(&outcome.swarm.instance(&subject, None), &outcome.choices))
    });
    let both = |story: &Story| ["before", "after"].iter().all(|side| story.lineages.iter().any(|l| l.contains(side)));
    let (_, story) = told.filter(|(_, story)| both(story)).min_by_key(|(steps, _)| *steps).expect("found");
    insta::assert_snapshot!(story, @"");
}

#[test]
fn every_line_is_told_and_what_the_breach_names_is_marked() {
    let instance = http(Scheduler::Direct);
    let Verdict::Breached { run, .. } = Explorer::new(&instance).only(&["S4"]).run().verdict else {
        panic!("direct promises nothing")
    };
    let story = narrate(&instance, &run);
    assert_eq!(story.lines.len(), run.len());
    let (breach, step) = story.breach.expect("a breach");
    assert_eq!((breach.property, step), ("S4", Some(run.len())));
    assert!(story.lines.last().expect("a step").concerned);
    assert!(story.lines.iter().any(|line| !line.concerned), "accept#0 does not matter");
}

#[test]
fn a_breach_at_the_end_is_told_after_the_last_step() {
    let subject = example::diamond(Scheduler::Epoch);
    let fault = Fault::named("marker-on-one-output");
    let failure = simulate_many(&subject, 0..200, &Options { fault }, |_| {}).failure.expect("found");
    let story = narrate(&failure.swarm.instance(&subject, fault), &failure.choices);
    assert_eq!(story.breach.as_ref().map(|(breach, step)| (Some(breach.clone()), *step)), Some((failure.breach, None)));
    assert!(story.to_string().contains("for nothing can happen any more"), "{story}");
}
