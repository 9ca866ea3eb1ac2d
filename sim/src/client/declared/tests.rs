//! Each kind of property holds where it should, and is broken where it should be.

use super::*;
use crate::check::{Check, Search};
use crate::explore::Verdict;
use crate::instance::Bounds;
use crate::properties::teeth::with_updates;
use crate::scenario::{self, Scenario};
use std::sync::Arc;

fn kind(text: &str) -> Kind {
    serde_json::from_str(text).expect("a kind")
}

fn stated(scenario: &Scenario, packets: u64, kinds: &[&str]) -> Instance {
    let instance = scenario.instance(Bounds { packets, capacity: 1, ends: false, hangups: false });
    let property = |text: &&str| Property { name: "stated".into(), kind: kind(text) };
    let predicate = |p: Property| -> Arc<dyn Predicate> { Arc::new(Declared::new(&p, &instance)) };
    let predicates = kinds.iter().map(property).map(predicate).collect();
    instance.with_clients(predicates)
}

/// How the property is broken, by reduced or full search as it deserves; and the full search agrees.
fn broken(scenario: &Scenario, packets: u64, text: &str) -> Option<String> {
    let instance = stated(scenario, packets, &[text]);
    let story = |search| match Check::new(&instance).search(search).only(&["stated"]).run().exploration.verdict {
        Verdict::Breached { breach, .. } => Some(breach.story),
        Verdict::Holds => None,
        Verdict::Undecided { why } => panic!("{why}"),
    };
    let (reduced, full) = (story(Search::Reduced), story(Search::Full));
    assert_eq!(reduced, full, "{text}");
    full
}

#[test]
fn never() {
    let chain = with_updates(scenario::chain(2), &[&[("x1", "step@2")]]);
    let at = |after| format!(r#"{{"kind": "never", "at": "x1", "after": {after}}}"#);
    assert_eq!(broken(&chain, 1, &at("null")).as_deref(), Some("source#0 is processed at x1"));
    let after = "source#0 is processed at x1 after `u1` was applied there";
    assert_eq!(broken(&chain, 1, &at("\"u1\"")).as_deref(), Some(after));
    let elsewhere = r#"{"kind": "never", "at": "x2", "after": "u1"}"#;
    assert_eq!(broken(&chain, 1, elsewhere), None, "it is not applied there");
}

#[test]
fn once() {
    let once = r#"{"kind": "once", "at": "sink"}"#;
    assert_eq!(broken(&scenario::diamond(), 1, once).as_deref(), Some("source#0 is processed at sink a second time"));
    assert_eq!(broken(&scenario::routed(), 2, once), None);
}

#[test]
fn responds() {
    let responds = r#"{"kind": "responds", "from": "source", "to": "sink"}"#;
    assert_eq!(broken(&scenario::chain(2), 2, responds), None);
    let lost = "source#0 was processed at source, and ends without sink";
    assert_eq!(broken(&scenario::filtered(), 1, responds).as_deref(), Some(lost));
}

#[test]
fn in_order() {
    let order = r#"{"kind": "in-order", "from": "split", "to": "sink"}"#;
    let overtakes = broken(&scenario::routed(), 2, order);
    assert_eq!(overtakes.as_deref(), Some("source#0 comes to sink after source#1, and was at split before it"));
    let chain = r#"{"kind": "in-order", "from": "source", "to": "sink"}"#;
    assert_eq!(broken(&with_updates(scenario::chain(2), &[&[("x1", "step@2")]]), 3, chain), None);
}

#[test]
fn before() {
    let before = |from: &str, to: &str| format!(r#"{{"kind": "before", "from": "{from}", "to": "{to}"}}"#);
    assert_eq!(broken(&scenario::chain(2), 2, &before("x1", "x2")), None);
    let other = "source#0 is processed at b, and was not at a";
    assert_eq!(broken(&scenario::diamond(), 1, &before("a", "b")).as_deref(), Some(other));
}

#[test]
fn at_most() {
    let at_most = |limit: u32| format!(r#"{{"kind": "at-most", "from": "source", "to": "sink", "limit": {limit}}}"#);
    // Two arcs of capacity 1, an operator that holds one for its full arc, a source that does.
    let chain = scenario::chain(1);
    assert_eq!(broken(&chain, 6, &at_most(4)), None);
    let five = "4 lineages were at source and not yet at sink, with source#3";
    assert_eq!(broken(&chain, 6, &at_most(3)).as_deref(), Some(five));
}

#[test]
fn what_is_sensitive_to_order_is_searched_in_full() {
    let searched = |text: &str| Check::new(&stated(&scenario::chain(1), 1, &[text])).run().search;
    assert_eq!(searched(r#"{"kind": "before", "from": "source", "to": "sink"}"#), Search::Full);
    assert_eq!(searched(r#"{"kind": "in-order", "from": "source", "to": "sink"}"#), Search::Reduced);
}
