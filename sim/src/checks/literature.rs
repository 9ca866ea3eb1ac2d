//! How the notions of a safe update relate, decided run by run.
//!
//! One notion implies another if no run keeps the first and breaks the second. So all runs of a collection of small flows and updates
//! are looked at, to their ends, with every notion judged at once, by schedulers that promise something and by `direct`, which does
//! not. What is not an implication is shown by an instance in which some run has one and not the other. What looks like one is one
//! in these instances. The table is in the book, too (`docs/src/literature.md`).

use super::reduction::choices;
use super::{cells, table};
use crate::explore::fingerprint;
use crate::instance::Instance;
use crate::ledger::PROPERTIES;
use crate::properties::named::NAMED;
use crate::properties::teeth::{self, bounds, with_updates};
use crate::scenario::{self, Scenario};
use crate::world::World;
use neurath_model::plan::Scheduler;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The notions that are compared. S3 is left out: our protocol never applies an update amid a firing.
const NOTIONS: [&str; 9] =
    ["quiescence", "tranquillity", "freeness", "version-consistency", "per-packet", "fries", "freeze", "S4", "S5"];

/// A cache that is filled from the side: what comes to FILL is used up.
const CACHE: &str = "
[[component]]
name = 'cache'
inputs = { IN = 't', FILL = { type = 't', absorbs = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'each'
";

/// The instances, the simpler ones first: the first that shows something is the one that is named.
fn collection() -> Vec<(&'static str, Instance)> {
    let direct = |scenario: Scenario| scenario.scheduled(Scheduler::Direct);
    let one: [&[_]; 1] = [&[("x1", "step@2")]];
    let crossed: [&[_]; 2] = [&[("x2", "step@2")], &[("x1", "step@2")]];
    let routed: [&[_]; 2] = [&[("split", "route@2")], &[("rejoin", "merge@2")]];
    let filled = "left(source) OUT -> IN x1(step) OUT -> FILL m(cache) OUT -> IN x2(step) OUT -> IN sink(sink)\nright(source) OUT -> IN m";
    let filled = Scenario::read(filled, &(scenario::library() + CACHE)).expect("valid");
    let both: [&[_]; 1] = [&[("x1", "step@2"), ("x2", "step@2")]];
    let scoped = |scenario: Scenario| scenario.scheduled(Scheduler::Scoped);
    let stopped = |scenario: Scenario| scenario.scheduled(Scheduler::StopTheWorld);
    vec![
        ("one", with_updates(direct(scenario::chain(1)), &one).instance(bounds(2, 1))),
        ("two-direct", teeth::two_change(Scheduler::Direct)),
        ("two-marked", teeth::two_change(Scheduler::Epoch)),
        ("two-stopped", teeth::two_change(Scheduler::StopTheWorld)),
        ("held", teeth::buffer_changes()),
        (
            "held-between",
            with_updates(scenario::buffered(), &[&[("x", "buffer@2"), ("sink", "sink@2")]]).instance(bounds(1, 1)),
        ),
        ("twice", teeth::rejoin_changes(direct(scenario::diamond()), "merge@2")),
        ("crossed", with_updates(scoped(scenario::chain(2)), &crossed).instance(bounds(2, 1))),
        ("filled", with_updates(direct(filled), &both).instance(bounds(1, 1))),
        ("overtaken", with_updates(scoped(scenario::routed()), &routed[..1]).instance(bounds(2, 1))),
        ("routed-scoped", with_updates(scoped(scenario::routed()), &routed).instance(bounds(2, 1))),
        ("routed-direct", with_updates(direct(scenario::routed()), &routed).instance(bounds(2, 1))),
        ("routed-marked", with_updates(scenario::routed(), &routed).instance(bounds(2, 1))),
        ("routed-stopped", with_updates(stopped(scenario::routed()), &routed).instance(bounds(2, 1))),
        ("deleted", teeth::deletion()),
        (
            "nio-direct",
            scenario::http()
                .scheduled(Scheduler::Direct)
                .updated(scenario::NIO)
                .expect("planned")
                .instance(bounds(2, 1)),
        ),
        ("nio", teeth::http_switch(2)),
    ]
}

/// For each run, to its end, the notions that it breaks; each combination once.
fn broken(instance: &Instance) -> BTreeSet<BTreeSet<&'static str>> {
    let (mut known, mut found) = (HashSet::new(), BTreeSet::new());
    let mut frontier = vec![World::new(instance)];
    while let Some(world) = frontier.pop() {
        let open = choices(instance, &world);
        if open.is_empty() {
            let codes = world.breaches.iter().map(|breach| breach.property);
            found.insert(codes.filter(|code| NOTIONS.contains(code)).collect());
        }
        for choice in open {
            let mut next = world.clone();
            next.step(instance, &choice, &mut |_| {});
            if known.insert(fingerprint(&next)) {
                frontier.push(next);
            }
        }
    }
    found
}

/// The first instance with a run that keeps one notion and breaks another.
fn separations() -> BTreeMap<(&'static str, &'static str), &'static str> {
    let mut found = BTreeMap::new();
    for (name, instance) in collection() {
        for codes in broken(&instance.asking(&NOTIONS)) {
            let kept = NOTIONS.iter().filter(|kept| !codes.contains(*kept));
            for (kept, broken) in kept.flat_map(|kept| codes.iter().map(move |broken| (*kept, *broken))) {
                found.entry((kept, broken)).or_insert(name);
            }
        }
    }
    found
}

#[test]
fn notions_imply_each_other_as_the_book_says() {
    let separations = separations();
    let head = std::iter::once("has, and lacks").chain(NOTIONS).map(str::to_owned).collect();
    let cell = |row, column| match separations.get(&(row, column)) {
        _ if row == column => "",
        Some(instance) => *instance,
        None => "implied",
    };
    let row = |row: &&'static str| std::iter::once(*row).chain(NOTIONS.map(|column| cell(row, column)));
    let mut lines: Vec<Vec<String>> = vec![head];
    lines.extend(NOTIONS.iter().map(|notion| row(notion).map(str::to_owned).collect()));
    let table = table(&lines);
    assert!(include_str!("../../../docs/src/literature.md").contains(&table), "literature.md is to show: {table}");
    insta::assert_snapshot!(table);
}

/// What every run of an instance keeps, of the notions.
#[test]
fn what_each_instance_keeps() {
    let mut lines = vec![cells(&[&"instance", &"kept by every run", &"broken by some", &"broken by all"])];
    for (name, instance) in collection() {
        let all = broken(&instance.asking(&NOTIONS));
        let kept = |notion: &&&str| all.iter().all(|codes| !codes.contains(**notion));
        let never = |notion: &&&str| all.iter().all(|codes| codes.contains(**notion));
        let list =
            |is: &dyn Fn(&&&str) -> bool| NOTIONS.iter().filter(|n| is(n)).copied().collect::<Vec<_>>().join(" ");
        lines.push(cells(&[&name, &list(&kept), &list(&|n| !kept(n) && !never(n)), &list(&never)]));
    }
    insta::assert_snapshot!(table(&lines));
}

#[test]
fn notions_are_properties() {
    let known = PROPERTIES.iter().chain(NAMED.iter().map(|named| &named.about)).map(|about| about.code);
    let known: BTreeSet<&str> = known.collect();
    assert!(NOTIONS.iter().all(|notion| known.contains(notion)));
}
