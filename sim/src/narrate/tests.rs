//! Stories of real runs: the control that must fail, and an update that takes effect in order.

use super::*;
use crate::example;
use crate::explore::{Explorer, Verdict};
use crate::instance::{Bounds, Fault};
use crate::simulate::{Options, simulate, simulate_many};
use neurath_model::plan::Scheduler;

fn http(scheduler: Scheduler) -> Instance {
    let subject = example::http(scheduler).with_updates(&[example::nio()]).expect("planned");
    let plans: Vec<_> = subject.given.iter().map(|given| given.plans[0].clone()).collect();
    Instance::new(&subject.graph, &plans, Bounds { packets: 2, capacity: 1, ends: false, hangups: false })
}

#[test]
fn the_shortest_run_in_which_direct_messages_mix_versions() {
    let instance = http(Scheduler::Direct);
    let Verdict::Breached { run, .. } = Explorer::new(&instance).only(&["S4"]).run().verdict else {
        panic!("direct promises nothing")
    };
    insta::assert_snapshot!(narrate(&instance, &run), @r"
    > 1  environment  submits update `nio`: a message goes to load and reply
      2  accept       begins accept#0, emits OUT
      3  read         takes accept#0 from CONN, holds it
    > 4  read         lets accept#0 go, and begins read#0 with it, emits OUT
    > 5  parse        takes read#0 from IN, emits OUT
    > 6  load         is changed by `nio`: http/load@1 -> http/load@nio
    > 7  load         (http/load@nio) takes read#0 from IN, emits OUT
    > 8  compose      takes read#0 from IN, emits OUT
    > 9  reply        (http/reply@1) takes read#0 from IN, holds it   <-- S4: read#0 is processed by the old version of reply, after one that `nio` installs

    read#0: load on http/load@nio (after `nio`), reply on http/reply@1 (before `nio`)
    S4 is broken by step 9: read#0 is processed by the old version of reply, after one that `nio` installs
    ");
}

#[test]
fn a_run_in_which_an_update_takes_effect_in_order() {
    let subject = example::http(Scheduler::Epoch).with_updates(&[example::nio()]).expect("planned");
    let short = (0..200).map(|seed| simulate(&subject, seed, &Options::default()));
    // The shortest of those in which requests are processed on both sides of the update.
    let told = short
        .filter(|outcome| outcome.counts.applied == 1 && !outcome.swarm.bounds.ends)
        .map(|outcome| (outcome.choices.len(), narrate(&outcome.swarm.instance(None), &outcome.choices)));
    let both = |story: &Story| ["before", "after"].iter().all(|side| story.lineages.iter().any(|l| l.contains(side)));
    let (_, story) = told.filter(|(_, story)| both(story)).min_by_key(|(steps, _)| *steps).expect("found");
    insta::assert_snapshot!(story);
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
    let subject = example::http(Scheduler::Epoch);
    let fault = Fault::named("silent-exit");
    let failure = simulate_many(&subject.clone().into(), 0..200, &Options { fault, ..Options::default() }, |_| {})
        .failure
        .expect("found");
    let story = narrate(&failure.swarm.instance(fault), &failure.choices);
    assert_eq!(story.breach.as_ref().map(|(breach, step)| (Some(breach.clone()), *step)), Some((failure.breach, None)));
    assert!(story.to_string().contains("for nothing can happen any more"), "{story}");
}
