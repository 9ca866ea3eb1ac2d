//! Every step of every run lowers the rank: in all reachable states of instances of all shapes, and along random runs.

use super::random_updates;
use super::reduction::{choices, instances, reachable};
use super::{cells, table};
use crate::instance::{Bounds, Instance};
use crate::properties::teeth::{bounds, with_updates};
use crate::rank::{Endless, Rank, rank};
use crate::scenario::{self, HTTP, HTTP_TALLIED, Scenario};
use crate::system::System;
use crate::world::World;
use neurath_model::plan::Scheduler;

fn of(instance: &Instance, world: &World) -> Result<Rank, String> {
    rank(instance, &world.net).map_err(|Endless { at }| format!("endless at {}", instance.name(at)))
}

/// The rank of a state is above those of all that may follow it.
fn falls(instance: &Instance, world: &World) -> Result<(), String> {
    let before = of(instance, world)?;
    for choice in choices(instance, world) {
        let after = of(instance, &instance.next(world, &choice))?;
        if after >= before {
            return Err(format!("{choice:?}: {after:?} is not below {before:?}"));
        }
    }
    Ok(())
}

/// Besides the instances by which the reduction is tested: every emission, feedback arcs that move, every scheduler, ends and
/// hangups.
fn shapes() -> Vec<(String, Instance)> {
    let all = Bounds { ends: true, hangups: true, ..bounds(1, 1) };
    let mut found: Vec<(String, Instance)> = instances().into_iter().map(|(name, i)| (name.to_owned(), i)).collect();
    for scheduler in [Scheduler::StopTheWorld, Scheduler::Direct, Scheduler::Epoch, Scheduler::Scoped] {
        let flow = |scenario: Scenario| scenario.scheduled(scheduler);
        let merged = with_updates(flow(scenario::diamond()), &[&[("a", "step@2"), ("rejoin", "merge@2")]]);
        let joined = with_updates(flow(scenario::balanced()), &[&[("rejoin", "join@2")]]);
        let buffered = with_updates(flow(scenario::buffered()), &[&[("x", "buffer@2")], &[("sink", "sink@2")]]);
        found.push((format!("diamond by {scheduler}"), merged.instance(Bounds { ends: true, ..bounds(2, 1) })));
        found.push((
            format!("diamond with join by {scheduler}"),
            joined.instance(Bounds { ends: true, ..bounds(2, 1) }),
        ));
        found.push((format!("buffer by {scheduler}"), buffered.instance(Bounds { ends: true, ..bounds(2, 1) })));
        if scheduler != Scheduler::Direct {
            let tallied = flow(scenario::http()).changed_to(HTTP_TALLIED, "").expect("planned");
            let and_back = tallied.clone().changed_to(HTTP, "").expect("planned");
            found.push((format!("http, tallied, by {scheduler}"), tallied.instance(bounds(2, 1))));
            found.push((format!("http, tallied and back, by {scheduler}"), and_back.instance(all)));
        }
    }
    let several = "source(source) OUT -> IN x(several) OUT -> IN f(filter) OUT -> IN sink(sink)";
    let several = Scenario::read(several, &(scenario::library() + scenario::MORE)).expect("valid");
    found.push((
        "many".into(),
        with_updates(several, &[&[("f", "filter@2")]]).instance(Bounds { ends: true, ..bounds(2, 1) }),
    ));
    found
}

#[test]
fn every_step_lowers_the_rank() {
    let mut lines = vec![cells(&[&"instance", &"states", &"steps"])];
    for (name, instance) in shapes() {
        let worlds = reachable(&instance).0;
        for world in &worlds {
            falls(&instance, world).unwrap_or_else(|why| panic!("{name}: {why}\n{world:#?}"));
        }
        let steps: usize = worlds.iter().map(|world| choices(&instance, world).len()).sum();
        lines.push(cells(&[&name, &worlds.len(), &steps]));
    }
    insta::assert_snapshot!(table(&lines));
}

#[test]
fn every_step_lowers_the_rank_in_random_flows() {
    random_updates::along_random_runs(400, falls);
}

/// A packet goes round a loop for ever that is not closed by a source: the one kind of flow without a rank.
#[test]
fn a_loop_that_nobody_counts_has_no_rank() {
    let flow = "in(source) OUT -> IN x(again) OUT -> IN split(route) A -> IN sink(sink)\nsplit B -> BACK x";
    let again = "
[[component]]
name = 'again'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'each'
";
    let instance = Scenario::read(flow, &(scenario::library() + again)).expect("valid").instance(bounds(1, 1));
    let mut world = World::new(&instance);
    assert!(of(&instance, &world).is_ok(), "nothing is on its way into it");
    let begins = choices(&instance, &world).remove(0);
    world.step(&instance, &begins, &mut |_| {});
    assert_eq!(of(&instance, &world), Err("endless at split".to_owned()));
}
