//! Verdicts and state counts of instances that decide how markers must travel.
//!
//! The counts are pinned: a change of the protocol, of a property's memory or of the world shows in them, and whoever
//! changes them says why. States are distinct by what is on the arcs and in the operators *and* by what the properties
//! remember.

use super::{cells, table, word};
use crate::explore::{Exploration, Explorer, Verdict};
use crate::instance::{Bounds, Fault, Instance};
use crate::ledger::PROPERTIES;
use crate::properties::teeth::{self, bounds, with_updates, x1_changes_twice};
use crate::scenario::{self, BLOCKING, NIO, Scenario};
use neurath_model::choice::Choice;
use neurath_model::protocol::Mutant;

/// Explores each instance, asserts its verdict, and tabulates what was seen.
fn tabulate(rows: Vec<(&str, &str, Instance)>) -> String {
    let mut lines = vec![cells(&[&"instance", &"verdict", &"generated", &"distinct", &"depth", &"ended"])];
    for (name, verdict, instance) in rows {
        let seen = Explorer::new(&instance).run();
        assert_eq!(word(&seen), verdict, "{name}: {:?}", seen.verdict);
        lines.push(cells(&[&name, &verdict, &seen.generated, &seen.distinct, &seen.depth, &seen.ended]));
    }
    table(&lines)
}

fn changed(scenario: Scenario, updates: &[&[(&str, &str)]], packets: u64) -> Instance {
    with_updates(scenario, updates).instance(bounds(packets, 1))
}

/// Markers that wait for each other on every input and go out on every output, behind the packets, get through the smallest
/// arcs there are.
#[test]
fn aligned_markers_pass_arcs_of_capacity_one() {
    let merged: [&[_]; 2] = [&[("a", "step@2"), ("rejoin", "merge@2")], &[("a", "step@3"), ("split", "fork@2")]];
    let joined: [&[_]; 2] = [&[("a", "step@2"), ("rejoin", "join@2")], &[("a", "step@3"), ("split", "fork@2")]];
    let routed: [&[_]; 2] = [&[("a", "step@2"), ("rejoin", "merge@2")], &[("a", "step@3"), ("split", "route@2")]];
    let sources: [&[_]; 2] = [&[("left", "source@2"), ("x", "merge@2")], &[("x", "merge@3"), ("sink", "sink@2")]];
    let table = tabulate(vec![
        ("diamond with merge, one update", "holds", changed(scenario::diamond(), &merged[..1], 2)),
        ("diamond with merge, two updates", "holds", changed(scenario::diamond(), &merged, 2)),
        ("diamond with join, one update", "holds", changed(scenario::balanced(), &joined[..1], 2)),
        ("diamond with join, two updates", "holds", changed(scenario::balanced(), &joined, 2)),
        ("router and merge, one update", "holds", changed(scenario::routed(), &routed[..1], 2)),
        ("router and merge, two updates", "holds", changed(scenario::routed(), &routed, 2)),
        ("two sources into a merge, one update", "holds", changed(scenario::two_sources(), &sources[..1], 2)),
        ("two sources into a merge, two updates", "holds", changed(scenario::two_sources(), &sources, 2)),
        ("filter, one update", "holds", changed(scenario::filtered(), &[&[("x", "filter@2"), ("sink", "sink@2")]], 3)),
        ("buffer, one update", "holds", changed(scenario::buffered(), &[&[("x", "buffer@2")]], 3)),
    ]);
    insta::assert_snapshot!(table);
}

/// A limit of markers: a packet that an operator holds when the marker passes is behind it afterwards. If operators on
/// both sides of it change, its lineage meets the old version of one and the new version of the other. The cut is
/// consistent all the same, and a change of the holding operator alone is safe.
#[test]
fn what_is_held_while_a_marker_passes_meets_both_sides() {
    let both = || changed(scenario::buffered(), &[&[("x", "buffer@2"), ("sink", "sink@2")]], 1);
    let found = teeth::breach(&both(), "S4");
    let story = "source#0 is processed by the new version of sink, after one that `u1` replaces";
    assert_eq!((found.steps, found.story.as_str()), (8, story));
    let others: Vec<&str> = PROPERTIES.iter().map(|about| about.code).filter(|code| *code != "S4").collect();
    assert_eq!(Explorer::new(&both()).only(&others).run().verdict, Verdict::Holds);
}

#[test]
fn markers_that_travel_otherwise_do_not() {
    let http = || scenario::http().updated(NIO).expect("planned").instance(bounds(2, 1));
    let routed = || changed(scenario::routed(), &[&[("a", "step@2")]], 2);
    let table = tabulate(vec![
        ("chain, at the head of the queue, two updates", "S7", x1_changes_twice().with_fault(Fault::MarkerAtHead)),
        ("router and merge, on one output", "L2", routed().with_fault(Fault::Protocol(Mutant::MarkerOnOneOutput))),
        (
            "router and merge, kept by the target",
            "L2",
            routed().with_fault(Fault::Protocol(Mutant::TargetAbsorbsMarker)),
        ),
        ("http, awaited on the feedback arc", "L2", http().with_fault(Fault::Protocol(Mutant::AwaitFeedback))),
    ]);
    insta::assert_snapshot!(table);
}

/// With two packets: two connections and, keep-alive included, two requests.
#[test]
fn the_http_server_is_switched_to_nonblocking_io() {
    let switch = |bounds| scenario::http().updated(NIO).expect("planned").instance(bounds);
    let and_back = |bounds| {
        let there = scenario::http().updated(NIO).expect("planned");
        there.updated(BLOCKING).expect("planned").instance(bounds)
    };
    let ends = |packets| Bounds { ends: true, ..bounds(packets, 1) };
    let hangups = |packets| Bounds { hangups: true, ..bounds(packets, 1) };
    let both = |packets| Bounds { ends: true, ..hangups(packets) };
    let table = tabulate(vec![
        ("1 packet", "holds", switch(bounds(1, 1))),
        ("2 packets", "holds", switch(bounds(2, 1))),
        ("3 packets", "holds", switch(bounds(3, 1))),
        ("2 packets, capacity 2", "holds", switch(bounds(2, 2))),
        ("2 packets, the flow ends", "holds", switch(ends(2))),
        ("2 packets, clients hang up", "holds", switch(hangups(2))),
        ("2 packets, both", "holds", switch(both(2))),
        ("2 packets, and back", "holds", and_back(bounds(2, 1))),
        ("2 packets, and back, both", "holds", and_back(both(2))),
        ("3 packets, and back", "holds", and_back(bounds(3, 1))),
    ]);
    insta::assert_snapshot!(table);
}

/// What properties speak of happens somewhere in these instances, and so does every kind of choice.
#[test]
fn every_witness_is_met() {
    let actions =
        "[update]\nname = 'u2'\n[operator.a]\ncomponent = 'step@3'\nproperties = { LEVEL = 1 }\nstate = 'keep'";
    let diamond = with_updates(scenario::balanced(), &[&[("a", "step@2"), ("rejoin", "join@2")]]);
    let diamond = diamond.updated(actions).expect("planned").instance(Bounds { ends: true, ..bounds(2, 2) });
    let http = scenario::http().updated(NIO).expect("planned").instance(bounds(2, 1));
    let instances = [diamond, http, teeth::exchange(), teeth::buffer_goes(), teeth::scoped_change()];
    let seen = instances.map(|instance| Explorer::new(&instance).run());
    let in_all = |missing: &dyn Fn(&Exploration<Choice>) -> Vec<&'static str>| {
        let first = missing(&seen[0]);
        first.into_iter().filter(|m| seen.iter().all(|s| missing(s).contains(m))).collect::<Vec<_>>()
    };
    assert_eq!(in_all(&|seen| seen.never_witnessed().collect()), <[&str; 0]>::default());
    assert_eq!(in_all(&|seen| seen.never_taken().collect()), <[&str; 0]>::default());
}

/// A fork sends two packets of one lineage to an operator that holds both: each is let go on its own.
#[test]
fn packets_of_one_lineage_are_let_go_one_by_one() {
    let flow = "s(source) OUT -> IN f(fork) A -> A m(merge) OUT -> IN x(buffer) OUT -> IN sink(sink)\nf B -> B m";
    let scenario = Scenario::read(flow, &scenario::library()).expect("valid");
    let instance = changed(scenario, &[&[("x", "buffer@2")]], 1);
    assert_eq!(Explorer::new(&instance).run().verdict, Verdict::Holds);
}
