//! The reduction leaves out nothing that matters.
//!
//! Persistence is shown by its induction step. Let `C(p)` be the smallest closed set with process `p` in a state. If every step of a
//! process outside `C(p)` leaves the choices of `p` as they are, commutes with them, and leaves `C(p)` no larger, then no run of
//! steps outside a closed set can make a difference to the steps inside. That is asked of every process in every reachable state of
//! instances of all shapes, arcs that travel in markers first, and in states along random runs of larger ones.

use super::random_updates::{self, PROMISING};
use super::{cells, table};
use crate::explore::{Budget, Explorer, Verdict};
use crate::instance::{Bounds, Instance};
use crate::properties::named::NAMED;
use crate::properties::teeth::{self, bounds, specimens, with_updates};
use crate::reduction::{Dependence, Process, Processes, Reduced, is_reduced};
use crate::scenario;
use crate::strategies;
use crate::system::System;
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::plan::Scheduler;
use neurath_model::property::Property;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Debug;

pub(super) fn choices(instance: &Instance, world: &World) -> Vec<Choice> {
    let mut open = Vec::new();
    System::choices(instance, world, &mut open);
    open
}

fn of(choices: &[Choice], process: Process) -> Vec<&Choice> {
    choices.iter().filter(|choice| Process::of(choice.at()) == process).collect()
}

/// A world but for what the exceptions of the reduction are about; of one in breach, whose properties have stopped looking, only
/// which are broken.
fn comparable(mut world: World) -> Result<World, Vec<&'static str>> {
    if !world.breaches.is_empty() {
        let mut broken: Vec<_> = world.breaches.iter().map(|breach| breach.property).collect();
        broken.sort_unstable();
        return Err(broken);
    }
    world.ledger.forget_commits();
    Ok(world)
}

/// Where two worlds differ, line by line.
pub(super) fn difference<T: PartialEq + Debug>(one: &T, two: &T) -> Option<String> {
    if one == two {
        return None;
    }
    let (one, two) = (format!("{one:#?}"), format!("{two:#?}"));
    let differ = one.lines().zip(two.lines()).filter(|(a, b)| a != b).take(20);
    Some(differ.map(|(a, b)| format!("{} / {}\n", a.trim(), b.trim())).collect())
}

/// The induction step, in one world.
fn independent(instance: &Instance, world: &World) -> Result<(), String> {
    let dependence = Dependence { instance, world };
    let open = choices(instance, world);
    let processes: Vec<Process> =
        std::iter::once(None).chain(world.net.operators().map(Some)).map(Process::of).collect();
    let closures: Vec<Processes> = processes.iter().map(|p| dependence.closure(*p)).collect();
    for step in &open {
        let after = instance.next(world, step);
        let stepping = Process::of(step.at());
        let outside = processes.iter().zip(&closures).filter(|(_, closed)| !closed.contains(stepping));
        for (process, closed) in outside {
            unmoved(instance, (world, &open), (step, &after), (*process, *closed))
                .map_err(|why| format!("{step:?} and {process:?}, which waits for {closed:?}: {why}"))?;
        }
    }
    Ok(())
}

/// A step from outside a closed set leaves a process in it with the same choices, the same effects of them, and no more to wait for.
fn unmoved(
    instance: &Instance,
    (world, open): (&World, &[Choice]),
    (step, after): (&Choice, &World),
    (process, closed): (Process, Processes),
) -> Result<(), String> {
    let (own, open_after) = (of(open, process), choices(instance, after));
    if own != of(&open_after, process) {
        return Err(format!("{own:?} becomes {:?}", of(&open_after, process)));
    }
    let later = Dependence { instance, world: after }.closure(process);
    if !later.is_within(closed) {
        return Err(format!("it then waits for {later:?}"));
    }
    for choice in own {
        let (one, two) = (instance.next(after, choice), instance.next(&instance.next(world, choice), step));
        if let Some(difference) = difference(&comparable(one), &comparable(two)) {
            return Err(format!("{choice:?} does not commute:\n{difference}"));
        }
    }
    Ok(())
}

/// How runs end.
pub(super) type Ends = HashSet<Result<World, Vec<&'static str>>>;

/// All reachable worlds, and those in which no choice is open or something is broken.
pub(super) fn reachable(system: &impl System<State = World, Choice = Choice>) -> (HashSet<World>, Ends) {
    let mut all: HashSet<World> = system.initial().into_iter().collect();
    let (mut frontier, mut ended): (Vec<World>, _) = (all.iter().cloned().collect(), HashSet::new());
    while let Some(world) = frontier.pop() {
        let mut open = Vec::new();
        system.choices(&world, &mut open);
        if open.is_empty() || !world.breaches.is_empty() {
            ended.insert(comparable(world));
            continue;
        }
        for choice in open {
            let next = system.next(&world, &choice);
            if all.insert(next.clone()) {
                frontier.push(next);
            }
        }
    }
    (all, ended)
}

/// The arc from `reply` comes to have an end: what was a feedback arc, with room for anything, leads to an operator that comes.
///
/// A trophy: `reply` lets go of one more before `read` gives the arc away, and it is on the arc; or afterwards, and it waits for room.
/// The two were taken for steps that commute.
fn tallied(scheduler: Scheduler) -> Instance {
    let scenario = scenario::http().scheduled(scheduler).changed_to(scenario::HTTP_TALLIED, "").expect("planned");
    scenario.instance(bounds(3, 1))
}

pub(super) fn instances() -> Vec<(&'static str, Instance)> {
    let updates: [&[_]; 2] = [&[("a", "step@2"), ("rejoin", "merge@2")], &[("a", "step@3")]];
    let all = Bounds { ends: true, hangups: true, ..bounds(1, 1) };
    let stopped = scenario::chain(2).scheduled(Scheduler::StopTheWorld);
    let stopped = with_updates(stopped, &[&[("x1", "step@2"), ("x2", "step@2")], &[("x1", "step@3")]]);
    vec![
        ("chain, `x2` goes", teeth::deletion()),
        ("chain, `x1` and `x2` change places", teeth::exchange()),
        ("fork and merge, both branches get an operator", teeth::two_dependents()),
        ("arcs come one by one", teeth::arcs_come_one_by_one()),
        ("buffer, `x` goes", teeth::buffer_goes()),
        ("contended, two updates overlap", teeth::contention()),
        ("chain, `x1` and `x2` change", teeth::two_change(Scheduler::Epoch)),
        ("chain, `x1` and `x2` change directly", teeth::two_change(Scheduler::Direct)),
        ("chain, stopped twice, and the flow ends", stopped.instance(Bounds { ends: true, ..bounds(2, 1) })),
        ("router and merge, two updates", with_updates(scenario::routed(), &updates).instance(bounds(2, 1))),
        ("the same, with properties that a user states", {
            let stated = r#"[
                {"name": "a", "kind": "once", "at": "sink"}, {"name": "b", "kind": "never", "at": "a", "after": "u2"},
                {"name": "c", "kind": "responds", "from": "split", "to": "sink"},
                {"name": "d", "kind": "in-order", "from": "source", "to": "rejoin"}]"#;
            let stated: Vec<Property> = serde_json::from_str(stated).expect("properties");
            with_updates(scenario::routed(), &updates).instance(bounds(2, 1)).with_properties(&stated)
        }),
        ("routed, in its scope", teeth::scoped_rejoin()),
        ("http, an operator comes on the way back", tallied(Scheduler::Epoch)),
        ("the same, in its scope", tallied(Scheduler::Scoped)),
        ("http, nio", teeth::http_switch(2)),
        ("http, nio, all that can happen", scenario::http().updated(scenario::NIO).expect("planned").instance(all)),
    ]
}

#[test]
fn steps_outside_a_closed_set_make_no_difference() {
    for (name, instance) in instances() {
        for world in reachable(&instance).0.iter().filter(|world| world.breaches.is_empty()) {
            independent(&instance, world).unwrap_or_else(|why| panic!("{name}: {why}\n{world:#?}"));
        }
    }
}

/// With the properties that have to be asked for, and that say that they commute: what they remember, too, is the same in either order.
#[test]
fn steps_outside_a_closed_set_make_no_difference_to_properties_that_commute() {
    let asked: Vec<&str> = NAMED.iter().filter(|named| named.commutes).map(|named| named.about.code).collect();
    for (name, instance) in instances() {
        let instance = instance.asking(&asked);
        assert!(is_reduced(&instance), "{name}");
        for world in reachable(&instance).0.iter().filter(|world| world.breaches.is_empty()) {
            independent(&instance, world).unwrap_or_else(|why| panic!("{name}: {why}\n{world:#?}"));
        }
    }
}

#[test]
fn properties_that_do_not_commute_are_searched_in_full() {
    for named in NAMED.iter().filter(|named| !named.commutes) {
        let instance = teeth::two_change(Scheduler::Epoch).asking(&[named.about.code]);
        assert!(!is_reduced(&instance), "{}", named.about.code);
    }
}

/// The same for updates of flows that nobody thought of, two in flight together, along the runs that the simulator takes.
#[test]
fn steps_outside_a_closed_set_make_no_difference_in_random_flows() {
    random_updates::along_random_runs(400, independent);
}

/// Where both searches are small enough, they end alike.
#[test]
fn random_flows_end_in_the_same_states() {
    let all = random_updates::catalogue();
    let cases = (strategies::updated_flow_times(&all, 2), 0..16_usize);
    let (compared, states, reduced) = (Cell::new(0), Cell::new(0), Cell::new(0));
    random_updates::for_all(60, &cases, |((graph, updates), mix)| {
        let schedulers = [PROMISING[mix % 4], PROMISING[mix / 4]];
        let Ok(plans) = random_updates::planned(graph, updates, &schedulers, &all) else { return Ok(()) };
        let instance = Instance::new(graph, &plans, random_updates::SMALL);
        let budget = Budget { states_max: 20_000, time_max: None };
        if !matches!(Explorer::new(&instance).budget(budget).run().verdict, Verdict::Holds) {
            return Ok(());
        }
        let (full, less) = (reachable(&instance), reachable(&Reduced(&instance)));
        if full.1 != less.1 {
            let why = format!("{} ends, and reduced {}", full.1.len(), less.1.len());
            return Err(random_updates::told(graph, updates, &schedulers, &why, (&instance, &[])));
        }
        compared.set(compared.get() + 1);
        states.set(states.get() + full.0.len());
        reduced.set(reduced.get() + less.0.len());
        Ok(())
    });
    assert!(compared.get() >= 30, "{}", compared.get());
    assert!(reduced.get() * 5 < states.get(), "{} of {}", reduced.get(), states.get());
}

#[test]
fn reduced_and_full_search_end_in_the_same_states() {
    let mut lines = vec![cells(&[&"instance", &"states", &"reduced", &"ends"])];
    for (name, instance) in instances() {
        let (all, ended) = reachable(&instance);
        let (reduced, ended_reduced) = reachable(&Reduced(&instance));
        assert!(ended == ended_reduced, "{name}: {} and {}", ended.len(), ended_reduced.len());
        lines.push(cells(&[&name, &all.len(), &reduced.len(), &ended.len()]));
    }
    insta::assert_snapshot!(table(&lines));
}

#[test]
fn reduced_search_finds_every_fault() {
    let direct = ("direct".to_owned(), teeth::two_change(Scheduler::Direct), "S4");
    let faults = specimens().into_iter().map(|(fault, _, instance)| (fault.to_string(), instance, fault.breaks()));
    for (name, instance, property) in faults.chain([direct]) {
        let seen = Explorer::new(&Reduced(&instance)).only(&[property]).run();
        assert!(matches!(seen.verdict, Verdict::Breached { .. }), "{name}: {:?}", seen.verdict);
    }
}
