//! stateright explores the same instances: the same counts, the same verdicts.

use crate::explore::{Explorer, Verdict};
use crate::instance::{Bounds, Instance};
use crate::properties::teeth::{self, bounds, specimens, with_updates};
use crate::scenario;
use crate::stateright_model::{Checked, NOTHING_BREACHED};
use neurath_model::plan::Scheduler;
use stateright::{Checker, Model};

fn assert_counted_alike(name: &str, instance: Instance) {
    let ours = Explorer::new(&instance).run();
    assert_eq!(ours.verdict, Verdict::Holds, "{name}");
    let theirs = Checked(instance).checker().spawn_bfs().join();
    assert!(theirs.discovery(NOTHING_BREACHED).is_none(), "{name}");
    let counts = (theirs.state_count() as u64, theirs.unique_state_count() as u64, theirs.max_depth() as u64);
    assert_eq!((ours.generated, ours.distinct, ours.depth), counts, "{name}");
    let witnesses = ours.witnesses.iter().filter(|(_, held)| *held).count();
    assert_eq!(witnesses, theirs.discoveries().len(), "{name}");
}

#[test]
fn stateright_counts_what_holds_alike() {
    let updates: [&[_]; 2] = [&[("a", "step@2"), ("rejoin", "merge@2")], &[("a", "step@3")]];
    assert_counted_alike("router and merge", with_updates(scenario::routed(), &updates).instance(bounds(2, 1)));
    assert_counted_alike("http, nio", teeth::http_switch(2));
    let all = Bounds { ends: true, hangups: true, ..bounds(2, 1) };
    assert_counted_alike("chain, `x2` goes", teeth::deletion());
    assert_counted_alike("chain, `x1` and `x2` change places", teeth::exchange());
    assert_counted_alike("contended", teeth::contention());
    assert_counted_alike("http, all", scenario::http().updated(scenario::NIO).expect("planned").instance(all));
}

#[test]
fn stateright_finds_every_fault_too() {
    let direct = ("direct", teeth::two_change(Scheduler::Direct));
    let faults = specimens().into_iter().map(|(_, name, instance)| (name, instance));
    for (name, instance) in faults.chain([direct]) {
        let theirs = Checked(instance).checker().spawn_bfs().join();
        assert!(theirs.discovery(NOTHING_BREACHED).is_some(), "{name}");
    }
}
