//! The server evolves while it serves: operators come and go, arcs move, a second source joins; nothing is lost, and what
//! happened is a behaviour of the model.

use crate::support::{Site, get, site, until};
use neurath_model::flow::{Flow, InitialPacket, PortRef};
use neurath_model::id::UpdateId;
use neurath_model::trace::Trace;
use neurath_model::update::Update;
use neurath_runtime::demo::contention::{contend, lead_back};
use neurath_runtime::engine::{Applied, Home, Options, Placement, Running, Ticket};
use neurath_runtime::http::{self, evolution};
use neurath_runtime::load::client::Load;
use neurath_runtime::load::outcome::Outcome;
use neurath_sim::conformance::verify;
use serde_json::Value;
use std::fs::File;
use std::io::BufWriter;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Goes through the cycle while clients send; each update waits until some requests have met the one before.
fn evolve_under_load(site: &Site, cycles: usize) -> (Outcome, Vec<Applied>) {
    let load = Load { connections: 8, rate_per_second: 800, ..Load::new(site.address, site.corpus.clone()) };
    let load = load.start().expect("clients connect");
    let mut applied = Vec::new();
    for _ in 0..cycles {
        for (update, map) in evolution::cycle() {
            let seen = load.progress().ok();
            while load.progress().ok() < seen + 20 {
                std::thread::yield_now();
            }
            let ticket = site.server.flow.submit(&update, &map).unwrap_or_else(|e| panic!("{}: {e}", update.name));
            applied.push(ticket.wait().expect("answered"));
        }
    }
    (load.stop(), applied)
}

fn mixed(site: &Site, applied: &[Applied]) -> u64 {
    let names: Vec<(UpdateId, Vec<&str>)> =
        applied.iter().map(|a| (a.update, a.operators.iter().map(|(name, _)| name.as_str()).collect())).collect();
    let history: Vec<(UpdateId, &[&str])> = names.iter().map(|(id, operators)| (*id, operators.as_slice())).collect();
    http::mixed(&site.server.observations.met_counts(), &history)
}

/// The flow that runs, whatever it is called.
fn shape(site: &Site) -> Flow {
    Flow { annotations: [].into(), ..site.server.flow.graph().to_flow() }
}

fn traced(path: &Path, placement: Placement) -> Options {
    let file = BufWriter::new(File::create(path).expect("a trace file"));
    Options { capacity: 4, placement, trace: Some(Box::new(file)), gate: None }
}

/// Changes the server while clients send, and looks whether all is well: in what the clients saw, in what is there afterwards,
/// and in the trace.
fn changed_and_verified(placement: Placement, change: impl Fn(&Site) -> (Outcome, Vec<Applied>)) {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("run.trace");
    let site = site(traced(&path, placement));
    let before = shape(&site);
    let threads = site.server.flow.status().threads;
    let (outcome, applied) = change(&site);
    assert!(outcome.counts.clean(), "{:?}", outcome.counts);
    assert_eq!(mixed(&site, &applied), 0, "mixed-version requests");
    assert_eq!(shape(&site), before, "the changes lead back");
    assert!(until(|| site.server.flow.status().leaving.is_empty()), "what has gone is released");
    assert!(until(|| site.server.flow.status().threads == threads), "and its threads with it");
    site.server.flow.stop().expect("it ends in order");
    let text = std::fs::read_to_string(&path).expect("a trace");
    let trace = Trace::parse("run.trace", &text).expect("readable");
    let verified = verify(&trace).expect("a behaviour of the model");
    assert_eq!(verified.updates, applied.len());
    assert!(verified.judged);
}

#[test]
fn the_cycle_with_a_thread_each_loses_nothing_and_is_a_behaviour_of_the_model() {
    changed_and_verified(Placement::ThreadEach, |site| evolve_under_load(site, 2));
}

#[test]
fn the_cycle_on_one_thread_loses_nothing_and_is_a_behaviour_of_the_model() {
    changed_and_verified(Placement::OneThread, |site| evolve_under_load(site, 2));
}

/// Two submitters that do not know of each other, for two seconds.
fn contend_under_load(site: &Site) -> (Outcome, Vec<Applied>) {
    let load = Load { connections: 8, rate_per_second: 800, ..Load::new(site.address, site.corpus.clone()) };
    let load = load.start().expect("clients connect");
    let before = shape(site);
    let contended = contend(&site.server.flow, Duration::from_secs(2), 7, &mut |_| {});
    let back = lead_back(&site.server.flow, &before).expect("there is a way back");
    assert!(!contended.applied.is_empty() && !contended.refused.is_empty(), "{contended:?}");
    (load.stop(), [contended.applied, back.applied].concat())
}

#[test]
fn updates_that_overlap_with_a_thread_each_lose_nothing_and_are_a_behaviour_of_the_model() {
    changed_and_verified(Placement::ThreadEach, contend_under_load);
}

#[test]
fn updates_that_overlap_on_one_thread_lose_nothing_and_are_a_behaviour_of_the_model() {
    changed_and_verified(Placement::OneThread, contend_under_load);
}

/// The story: two clients had contended for a minute when a worker panicked, since outputs had not gone out when an update was
/// applied. The operator had been waiting for the state of the one before it. When that came it passed the marker of its own
/// update on, and the marker of the next update stood there already: both in one step, the second before the first marker had
/// left. Markers go out at once since. Here each update is submitted without waiting for the ones before.
#[test]
fn an_operator_that_has_just_come_is_changed_at_once() {
    let site = site(Options::default());
    let before = shape(&site);
    let load = Load { connections: 4, rate_per_second: 400, ..Load::new(site.address, site.corpus.clone()) };
    let load = load.start().expect("clients connect");
    for _ in 0..20 {
        let submit = |(update, map)| site.server.flow.submit(&update, &map).expect("accepted");
        let tickets: Vec<Ticket> = evolution::cycle().into_iter().map(submit).collect();
        tickets.into_iter().for_each(|ticket| drop(ticket.wait().expect("applied")));
    }
    let outcome = load.stop();
    assert!(outcome.counts.clean(), "{:?}", outcome.counts);
    assert_eq!(shape(&site), before);
    site.server.flow.stop().expect("it ends in order");
}

#[test]
fn a_second_port_comes_and_goes_and_the_first_is_not_touched() {
    let site = site(Options::default());
    let load = Load { connections: 4, rate_per_second: 400, ..Load::new(site.address, site.corpus.clone()) };
    let load = load.start().expect("clients connect");
    for _ in 0..3 {
        let update = evolution::second_port(&site.server.flow.graph().to_flow(), "127.0.0.1:0");
        let applied =
            site.server.flow.submit(&update, &Default::default()).expect("accepted").wait().expect("answered");
        assert!(!applied.operators.iter().any(|(name, _)| name == "accept"), "{applied:?}");
        let addresses: Vec<SocketAddr> = site.server.observations.listening_all();
        assert_eq!((addresses.len(), addresses[0]), (2, site.address));
        assert_eq!(get(addresses[1], "/000/000000.bin"), "HTTP/1.1 200 OK");
        let back = evolution::second_port(&site.server.flow.graph().to_flow(), "");
        site.server.flow.submit(&back, &Default::default()).expect("accepted").wait().expect("answered");
        assert!(until(|| site.server.observations.listening_all() == [site.address]));
        assert_eq!(get(site.address, "/000/000000.bin"), "HTTP/1.1 200 OK");
    }
    let outcome = load.stop();
    assert!(outcome.counts.clean(), "{:?}", outcome.counts);
    site.server.flow.stop().expect("it ends in order");
}

#[test]
fn an_update_is_taken_back_and_applied_again() {
    let site = site(Options::default());
    let before = site.server.flow.graph();
    for (update, map) in evolution::cycle().into_iter().take(3) {
        site.server.flow.submit(&update, &map).expect("accepted").wait().expect("answered");
    }
    let after = site.server.flow.graph();
    let back = site.server.flow.rollback().expect("there is a way back");
    site.server.flow.submit(&back, &Default::default()).expect("accepted").wait().expect("answered");
    let names: Vec<String> = site.server.flow.history().into_iter().map(|past| past.name).collect();
    assert_eq!(names, ["nio", "cache-in", "cache-replaced", "rollback of cache-replaced"]);
    assert_ne!(site.server.flow.graph(), after);
    let (again, scheduler) = site.server.flow.past_update(3).expect("it is remembered");
    let ticket = site.server.flow.submit_by(&again, &Default::default(), Some(scheduler)).expect("accepted");
    ticket.wait().expect("answered");
    assert_eq!(site.server.flow.graph(), after);
    assert_ne!(before, after);
    assert_eq!(get(site.address, "/000/000000.bin"), "HTTP/1.1 200 OK");
    site.server.flow.stop().expect("it ends in order");
}

/// The story: a flow that said a place was taken back by the flow before, which said none, and so left the operator where it was: without a
/// word where something else was taken back as well, and with a refusal (U08) where nothing else was.
#[test]
fn a_place_that_a_flow_brought_is_taken_back_with_the_rest() {
    for with_another in [false, true] {
        let site = site(Options::default());
        let before = site.server.flow.graph();
        let packet = |value: Value, operator: &str, property: &str| InitialPacket {
            value,
            to: PortRef::new(operator, property),
        };
        let mut flow = before.to_flow();
        flow.initial.retain(|packet| packet.to != PortRef::new("read", "HEAD_MAX"));
        flow.initial.push(packet(if with_another { 8000 } else { 16 << 10 }.into(), "read", "HEAD_MAX"));
        flow.initial.extend(["load", "reply"].map(|operator| packet("disk".into(), operator, "PLACE")));
        let apply = |update: &Update| {
            site.server.flow.submit(update, &Default::default()).expect("accepted").wait().expect("answered")
        };
        apply(&Update::to_flow("both", flow));
        assert!(until(|| site.server.flow.status().threads == 2), "load and reply share a thread");
        let together = Home::Shared(String::new());
        let [disk, own] = [Home::Shared("disk".into()), Home::Own];
        assert_eq!(homes(&site.server.flow, ["read", "load", "reply"]), [together.clone(), disk.clone(), disk]);
        apply(&site.server.flow.rollback().expect("there is a way back"));
        let after = site.server.flow.graph();
        for (_, node) in before.operators() {
            let now = after.operator(after.find(&node.name).expect("all are there"));
            let said = now.properties.iter().filter(|(_, value)| **value != "");
            assert_eq!(said.collect::<Vec<_>>(), node.properties.iter().collect::<Vec<_>>(), "{}", node.name);
        }
        assert_eq!(homes(&site.server.flow, ["read", "load", "reply"]), [together, own.clone(), own]);
        assert_eq!(get(site.address, "/000/000000.bin"), "HTTP/1.1 200 OK");
        site.server.flow.stop().expect("it ends in order");
    }
}

/// Where these operators run, as the flow tells.
fn homes(flow: &Running, names: [&str; 3]) -> [Home; 3] {
    let operators = flow.status().operators;
    names.map(|name| operators.iter().find(|operator| operator.name == name).expect("it is there").home.clone())
}

/// The story: the rollback of an update of two operators was kept as "become the flow that was there", and when it was applied
/// again later, a port that had come in between went.
#[test]
fn what_takes_back_an_update_of_operators_leaves_the_rest_alone() {
    let site = site(Options::default());
    let flow = &site.server.flow;
    let apply = |update: &Update| flow.submit(update, &Default::default()).expect("accepted").wait().expect("answered");
    let nio = evolution::cycle().remove(0).0;
    apply(&nio);
    apply(&flow.rollback().expect("there is a way back"));
    apply(&evolution::second_port(&flow.graph().to_flow(), "127.0.0.1:0"));
    apply(&nio);
    let (again, _) = flow.past_update(2).expect("the rollback is remembered");
    apply(&again);
    let graph = flow.graph();
    let component = |name: &str| graph.find(name).map(|at| graph.operator(at).component.id.to_string());
    assert_eq!(component("accept2").as_deref(), Some("http/accept@1"), "the second port is still there");
    assert_eq!(component("reply").as_deref(), Some("http/reply@1"));
    apply(&flow.rollback().expect("what was taken back can be applied again"));
    assert_eq!(flow.history().last().map(|past| past.name.as_str()), Some("nio"));
    flow.stop().expect("it ends in order");
}
