//! The server under load, switched back and forth: nothing is lost, and what happened is a behaviour of the model.

use crate::support::{Site, blocking, nio, site};
use neurath_model::id::UpdateId;
use neurath_model::trace::Trace;
use neurath_runtime::engine::{Options, Placement};
use neurath_runtime::http;
use neurath_runtime::load::client::Load;
use neurath_runtime::load::outcome::Outcome;
use neurath_sim::conformance::verify;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

const SWITCHES: u32 = 20;

/// Twenty switches while eight clients send; each switch waits until some requests have met the one before.
fn switch_under_load(site: &Site) -> Outcome {
    let load = Load { connections: 8, rate_per_second: 800, ..Load::new(site.address, site.corpus.clone()) };
    let load = load.start().expect("clients connect");
    let updates = [nio(), blocking()];
    for k in 0..SWITCHES {
        let seen = load.progress().ok();
        while load.progress().ok() < seen + 20 {
            std::thread::yield_now();
        }
        let (update, map) = &updates[k as usize % 2];
        let applied = site.server.flow.submit(update, map).expect("accepted").wait().expect("answered");
        assert_eq!(applied.update, UpdateId(k + 1));
        let changed: Vec<&str> = applied.operators.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(changed, ["load", "reply"], "in the order of the flow");
    }
    load.stop()
}

fn mixed(site: &Site) -> u64 {
    let changed: &[&str] = &["load", "reply"];
    let history: Vec<(UpdateId, &[&str])> = (1..=SWITCHES).map(|k| (UpdateId(k), changed)).collect();
    http::mixed(&site.server.observations.met_counts(), &history)
}

fn traced(path: &Path, placement: Placement) -> Options {
    let file = BufWriter::new(File::create(path).expect("a trace file"));
    Options { capacity: 4, placement, trace: Some(Box::new(file)), gate: None }
}

fn served_and_verified(placement: Placement) {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("run.trace");
    let site = site(traced(&path, placement));
    let outcome = switch_under_load(&site);
    assert!(outcome.counts.clean(), "{:?}", outcome.counts);
    assert_eq!(mixed(&site), 0, "mixed-version requests");
    let versions_met = site.server.observations.met_counts().len();
    assert!(versions_met > 10, "the switches were met by requests: {versions_met} combinations of versions");
    site.server.flow.stop().expect("it ends in order");
    let text = std::fs::read_to_string(&path).expect("a trace");
    let trace = Trace::parse("run.trace", &text).expect("readable");
    let verified = verify(&trace).expect("a behaviour of the model");
    assert_eq!(verified.updates, SWITCHES as usize);
    assert!(verified.judged);
}

#[test]
fn twenty_switches_with_a_thread_each_lose_nothing_and_are_a_behaviour_of_the_model() {
    served_and_verified(Placement::ThreadEach);
}

#[test]
fn twenty_switches_on_one_thread_lose_nothing_and_are_a_behaviour_of_the_model() {
    served_and_verified(Placement::OneThread);
}

#[test]
fn an_idle_server_is_switched_too() {
    let site = site(Options::default());
    for (update, map) in [nio(), blocking(), nio()] {
        site.server.flow.submit(&update, &map).expect("accepted").wait().expect("answered");
    }
    let status = site.server.flow.status();
    assert_eq!(status.applied, 3);
    let names: Vec<String> = site.server.flow.history().into_iter().map(|past| past.name).collect();
    assert_eq!(names, ["nio", "blocking", "nio"]);
    assert_eq!(status.operators[3].component, "http/load@nio");
    site.server.flow.stop().expect("it ends in order");
}

/// The checker's own tests use a copy of the server's declarations, since they may not depend on the server.
#[test]
fn the_flow_that_the_checker_is_tested_on_is_the_one_that_is_served() {
    let theirs = neurath_sim::scenario::http();
    let ours = http::server::built_in_graph();
    assert_eq!(theirs.flow().len(), ours.len());
    for ((_, a), (_, b)) in theirs.flow().operators().zip(ours.operators()) {
        let rules = |n: &neurath_model::graph::Node| {
            let c = &n.component;
            (
                n.name.clone(),
                c.id.clone(),
                c.firing,
                c.emission,
                c.wake,
                c.inputs.clone(),
                c.outputs.clone(),
                c.state.clone(),
            )
        };
        assert_eq!(rules(a), rules(b));
    }
}
