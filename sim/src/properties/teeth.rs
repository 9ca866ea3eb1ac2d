//! What the tests of the properties share: a property has teeth when a fault makes it fail, by a shortest run, and
//! nothing else does.

use crate::explore::{Explorer, Verdict};
use crate::instance::{Bounds, Fault, Instance};
use crate::replay::replay;
use crate::scenario::{self, Scenario};
use crate::system::System;
use crate::world::World;
use neurath_model::plan::Scheduler;
use std::collections::HashSet;

/// A run to a breach, as a test pins it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) steps: usize,
    pub(crate) story: String,
}

/// The shortest run that breaks a property, whatever else it breaks.
///
/// The run is executed again, and its length is compared with that of a search that has nothing in common with the
/// explorer: level by level, whole states, nothing remembered of earlier levels.
pub(crate) fn breach(instance: &Instance, property: &str) -> Found {
    let seen = Explorer::new(instance).only(&[property]).run();
    let Verdict::Breached { breach, run, .. } = seen.verdict else { panic!("{property}: {:?}", seen.verdict) };
    assert_eq!(breach.property, property);
    let states = replay(instance, &run).expect("a run that was found can be taken again");
    let broken = |world: &World| breached(instance, world, property);
    assert_eq!(states.iter().position(broken), Some(run.len()), "{property} breaks with the last step");
    assert_eq!(steps_to_breach(instance, property), run.len(), "no shorter run breaks {property}");
    Found { steps: run.len(), story: breach.story }
}

/// Asserts that all properties hold, and that what this one speaks of happened.
pub(crate) fn holds(instance: &Instance, property: &str) {
    let seen = Explorer::new(instance).run();
    assert_eq!(seen.verdict, Verdict::Holds, "{property}");
    let about = crate::properties::about(property).expect("a known property");
    assert!(!seen.never_witnessed().any(|w| w == about.witness), "{property}: never seen: {}", about.witness);
}

fn breached(instance: &Instance, world: &World, property: &str) -> bool {
    let mut open = Vec::new();
    System::choices(instance, world, &mut open);
    instance.breach_among(world, open.is_empty(), &[property]).is_some()
}

fn steps_to_breach(instance: &Instance, property: &str) -> usize {
    let mut level: HashSet<World> = instance.initial().into_iter().collect();
    let mut steps = 0;
    while !level.iter().any(|world| breached(instance, world, property)) {
        assert!(!level.is_empty(), "nothing breaks {property}");
        level = level.iter().flat_map(|world| successors(instance, world)).collect();
        steps += 1;
    }
    steps
}

fn successors(instance: &Instance, world: &World) -> Vec<World> {
    let mut open = Vec::new();
    System::choices(instance, world, &mut open);
    open.iter().map(|choice| instance.next(world, choice)).collect()
}

/// `packets` from each source, arcs of that capacity, and no more from the environment.
pub(crate) fn bounds(packets: u64, capacity: usize) -> Bounds {
    Bounds { packets, capacity, ends: false, hangups: false }
}

/// A scenario with updates `u1`, `u2`, ..., each of which replaces operators by other versions.
pub(crate) fn with_updates(scenario: Scenario, updates: &[&[(&str, &str)]]) -> Scenario {
    updates.iter().zip(1..).fold(scenario, |scenario, (changes, k)| {
        scenario.updated(&scenario::replacing(&format!("u{k}"), changes)).expect("planned")
    })
}

/// `x1` of a chain is replaced: one packet, one update.
pub(crate) fn one_changes(packets: u64, capacity: usize) -> Instance {
    with_updates(scenario::chain(1), &[&[("x1", "step@2")]]).instance(bounds(packets, capacity))
}

/// `x1` and `x2`, one after the other in a chain, are replaced together.
pub(crate) fn two_change(scheduler: Scheduler) -> Instance {
    let scenario = scenario::chain(2).scheduled(scheduler);
    with_updates(scenario, &[&[("x1", "step@2"), ("x2", "step@2")]]).instance(bounds(2, 1))
}

/// The HTTP server is switched to non-blocking I/O.
pub(crate) fn http_switch(packets: u64) -> Instance {
    scenario::http().updated(scenario::NIO).expect("planned").instance(bounds(packets, 1))
}

/// The update of `merge` or `join` behind a fork.
pub(crate) fn rejoin_changes(scenario: Scenario, component: &str) -> Instance {
    with_updates(scenario, &[&[("rejoin", component)]]).instance(bounds(1, 1))
}

/// An update that replaces `x1` and sets a property of it: two actions at one operator.
pub(crate) fn two_actions() -> Instance {
    let text = "[update]\nname = 'u1'\n[operator.x1]\ncomponent = 'step@2'\nproperties = { LEVEL = 1 }\nstate = 'keep'";
    scenario::chain(1).updated(text).expect("planned").instance(bounds(1, 1))
}

/// An update whose transfer makes the new state of a `count`.
pub(crate) fn transferred() -> Instance {
    let flow = "source(source) OUT -> IN x(count) OUT -> IN sink(sink)";
    let text = "[update]\nname = 'u1'\n[operator.x]\ncomponent = 'count@2'\nstate = { transfer = 'recount' }";
    let scenario = Scenario::read(flow, &scenario::library()).expect("valid");
    scenario.updated(text).expect("planned").instance(bounds(1, 1))
}

/// The update of an operator that may hold packets.
pub(crate) fn buffer_changes() -> Instance {
    with_updates(scenario::buffered(), &[&[("x", "buffer@2")]]).instance(bounds(1, 1))
}

/// `x2` of a chain goes, as in the paper's figure 5.12.
pub(crate) fn deletion() -> Instance {
    let scenario = scenario::chain(3).scheduled(Scheduler::Epoch);
    scenario.changed_to(scenario::CHAIN_DELETED, "").expect("planned").instance(bounds(2, 1))
}

/// `x1` and `x2` of a chain change places: `x1` then gets an arc that is taken away only later.
pub(crate) fn exchange() -> Instance {
    let flow = "source(source) OUT -> IN x2(step) OUT -> IN x1(step) OUT -> IN sink(sink)";
    scenario::chain(2).changed_to(flow, "").expect("planned").instance(bounds(2, 1))
}

/// Both arcs into `rejoin` move, each to an operator that comes: two reconnections at one operator.
pub(crate) fn two_dependents() -> Instance {
    let flow = |a: &str, b: &str| {
        format!(
            "source(source) OUT -> IN split(fork) A -> {a}A rejoin(merge) OUT -> IN sink(sink)\nsplit B -> {b}B rejoin"
        )
    };
    let scenario = Scenario::read(&flow("", ""), &scenario::library()).expect("valid");
    let after = flow("IN y(step) OUT -> ", "IN z(step) OUT -> ");
    scenario.changed_to(&after, "").expect("planned").instance(bounds(1, 1))
}

/// An operator that may hold packets goes.
pub(crate) fn buffer_goes() -> Instance {
    let flow = "source(source) OUT -> IN sink(sink)";
    scenario::buffered().changed_to(flow, "").expect("planned").instance(bounds(1, 1))
}

/// `x1` of a chain changes, and nobody else is concerned.
pub(crate) fn scoped_change() -> Instance {
    let scenario = scenario::chain(2).scheduled(Scheduler::Scoped);
    with_updates(scenario, &[&[("x1", "step@2")]]).instance(bounds(1, 1))
}

/// Only one of the ways into `rejoin` is concerned.
pub(crate) fn scoped_rejoin() -> Instance {
    let scenario = scenario::routed().scheduled(Scheduler::Scoped);
    with_updates(scenario, &[&[("a", "step@2"), ("rejoin", "merge@2")]]).instance(bounds(1, 1))
}

/// Two updates that meet behind their heads (protocol rule 11).
pub(crate) fn contention() -> Instance {
    let scenario = scenario::contended().scheduled(Scheduler::Scoped);
    let updates: [&[_]; 2] = [&[("h1", "route@2"), ("j", "merge@2")], &[("h2", "route@2"), ("j", "merge@3")]];
    with_updates(scenario, &updates).instance(bounds(0, 1))
}

/// `x` is replaced by `y`, whose two arcs are taken away by operators that go at times of their own; then `y` changes.
pub(crate) fn arcs_come_one_by_one() -> Instance {
    let before = "left(source) OUT -> IN a(step) OUT -> A x(merge) OUT -> IN sink(sink)\nright(source) OUT -> IN b(step) OUT -> B x";
    let after = "left(source) OUT -> A y(merge) OUT -> IN sink(sink)\nright(source) OUT -> B y";
    let scenario = Scenario::read(before, &scenario::library()).expect("valid");
    let scenario = scenario.changed_to(after, "").expect("planned");
    scenario.updated(&scenario::replacing("u2", &[("y", "merge@2")])).expect("planned").instance(bounds(0, 1))
}

/// Each fault with the name of the instance in which it is looked for.
pub(crate) fn specimens() -> Vec<(Fault, &'static str, Instance)> {
    Fault::ALL.iter().map(|&(_, fault)| specimen(fault)).map(|(f, name, i)| (f, name, i.with_fault(f))).collect()
}

fn specimen(fault: Fault) -> (Fault, &'static str, Instance) {
    use neurath_model::protocol::Mutant;
    let (name, instance) = match fault {
        Fault::Protocol(Mutant::MarkerOnOneOutput) => {
            ("routed, `a` changes", with_updates(scenario::routed(), &[&[("a", "step@2")]]).instance(bounds(1, 1)))
        }
        Fault::Protocol(Mutant::TargetAbsorbsMarker) => ("chain, `x1` changes", one_changes(1, 1)),
        Fault::Protocol(Mutant::ApplyOnEveryMarker) => {
            ("diamond, `rejoin` changes", rejoin_changes(scenario::diamond(), "merge@2"))
        }
        Fault::Protocol(Mutant::AwaitFeedback) => ("http, nio", http_switch(1)),
        Fault::Protocol(Mutant::SplitActions) => ("chain, `x1` changes in two ways", two_actions()),
        Fault::Protocol(Mutant::SplitReconnections) => {
            ("fork and merge, both branches get an operator", two_dependents())
        }
        Fault::Protocol(Mutant::AnswerAtEntrance) => ("chain, `x1` changes", one_changes(1, 1)),
        Fault::Protocol(Mutant::SilentExit) => ("chain, `x1` changes", one_changes(1, 1)),
        Fault::Protocol(Mutant::AwaitConnected) => ("arcs come one by one", arcs_come_one_by_one()),
        Fault::Protocol(Mutant::AwaitAllPorts) => ("routed, `a` and `rejoin` change in their scope", scoped_rejoin()),
        Fault::Protocol(Mutant::NoGlobalOrder) => ("contended, two updates overlap", contention()),
        Fault::Protocol(Mutant::BroadcastEverywhere) => ("chain, `x1` changes in its scope", scoped_change()),
        Fault::Protocol(Mutant::ConnectFirst) => ("chain, `x2` goes", deletion()),
        Fault::Protocol(Mutant::RetireUndrained | Mutant::NeverReleased) => ("buffer, `x` goes", buffer_goes()),
        Fault::FetchArc => ("chain, `x1` and `x2` change places", exchange()),
        Fault::LossyArc => ("chain, `x1` changes", one_changes(2, 1)),
        Fault::LastInFirstOut => ("chain of capacity 2, `x1` changes", one_changes(2, 2)),
        Fault::MarkerAtHead => ("chain, `x1` changes twice", x1_changes_twice()),
        Fault::ApplyMidFiring => ("chain, `x1` changes", one_changes(2, 1)),
        Fault::TransferTwice => ("count, `x` is transferred", transferred()),
        Fault::DropOpenWork => ("buffer, `x` changes", buffer_changes()),
    };
    (fault, name, instance)
}

/// `x1` of a chain is replaced, and replaced again.
pub(crate) fn x1_changes_twice() -> Instance {
    with_updates(scenario::chain(1), &[&[("x1", "step@2")], &[("x1", "step@3")]]).instance(bounds(1, 1))
}
