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
        .map(|outcome| (outcome.choices.len(), narrate(&outcome.swarm.instance(&subject, None), &outcome.choices)));
    let both = |story: &Story| ["before", "after"].iter().all(|side| story.lineages.iter().any(|l| l.contains(side)));
    let (_, story) = told.filter(|(_, story)| both(story)).min_by_key(|(steps, _)| *steps).expect("found");
    insta::assert_snapshot!(story, @r"
       1  accept       begins accept#0, emits OUT
       2  read         takes accept#0 from CONN, holds it
       3  read         lets accept#0 go, and begins read#0 with it, emits OUT
       4  parse        takes read#0 from IN, emits OUT
       5  environment  submits update `nio`: its marker goes to accept
       6  load         (http/load@1) takes read#0 from IN, emits OUT
       7  accept       gets the marker of `nio`, passes the marker of `nio` on
       8  read         takes a marker from CONN, passes the marker of `nio` on
       9  parse        takes a marker from IN, passes the marker of `nio` on
      10  compose      takes read#0 from IN, emits OUT
      11  accept       begins accept#1, emits OUT
      12  read         takes accept#1 from CONN, holds it
      13  read         lets accept#1 go, and begins read#1 with it, emits OUT
      14  parse        takes read#1 from IN, emits OUT
      15  reply        (http/reply@1) takes read#0 from IN, holds it
      16  reply        (http/reply@1) lets read#0 go, emits BACK
      17  read         takes read#0 from BACK, holds it
      18  load         takes a marker from IN, is changed by `nio`: http/load@1 -> http/load@nio, passes the marker of `nio` on
      19  compose      takes a marker from IN, passes the marker of `nio` on
      20  load         (http/load@nio) takes read#1 from IN, emits OUT
      21  compose      takes read#1 from IN, emits OUT
      22  reply        takes a marker from IN, is changed by `nio`: http/reply@1 -> http/reply@nio, `nio` is answered: applied
      23  reply        (http/reply@nio) takes read#1 from IN, holds it
      24  reply        (http/reply@nio) lets read#1 go, emits BACK
      25  read         takes read#1 from BACK, holds it

    read#0: load on http/load@1 (before `nio`), reply on http/reply@1 (before `nio`)
    read#1: load on http/load@nio (after `nio`), reply on http/reply@nio (after `nio`)
    no property is broken
    ");
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
    let failure = simulate_many(&subject, 0..200, &Options { fault }, |_| {}).failure.expect("found");
    let story = narrate(&failure.swarm.instance(&subject, fault), &failure.choices);
    assert_eq!(story.breach.as_ref().map(|(breach, step)| (Some(breach.clone()), *step)), Some((failure.breach, None)));
    assert!(story.to_string().contains("for nothing can happen any more"), "{story}");
}
