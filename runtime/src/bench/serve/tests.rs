//! Every request of a small load is answered, and what is answered wrongly is seen.

use super::client::{Faults, Seen, Span, saturate};
use super::limit::Limit;
use super::load::{Files, Load, loads};
use super::servers::{Kind, NIO, cached_flow, open_flow};
use super::{Report, Round};
use crate::engine::{Options, Placement};
use crate::http::server::{self, Server};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const REQUESTS: u64 = 400;
const CLIENTS: usize = 3;

fn files(root: &Path) -> Vec<Load> {
    loads(root, Files { medium: 5, small: 4, large: 3 }, CLIENTS).expect("files")
}

/// A number of requests, however long they take.
fn asked(load: &Load, address: SocketAddr) -> (Seen, usize) {
    let span = Span { warm_up: Duration::ZERO, measured: Duration::from_secs(3600), requests_max: REQUESTS };
    let mut ticks = 0;
    let seen = saturate(load, address, span, &AtomicBool::new(false), &mut || ticks += 1).expect("a poll");
    (seen, ticks)
}

fn all_right(seen: &Seen) -> bool {
    (seen.begun, seen.answered, seen.latency_us.len(), seen.compared, seen.faults)
        == (REQUESTS, REQUESTS, REQUESTS, REQUESTS / 64, Faults::default())
}

/// Starts the loop, does some work with it, and ends it; what the work gave, and how many requests the loop says it answered.
fn with_limit<T>(root: &Path, work: impl FnOnce(SocketAddr) -> T) -> (T, u64) {
    let stop = AtomicBool::new(false);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let limit = Limit::open(root).expect("a free port");
            tell.send(limit.address().expect("bound")).expect("awaited");
            limit.run(&stop).expect("it serves")
        });
        let made = work(told.recv().expect("it listens"));
        stop.store(true, Ordering::Relaxed);
        (made, server.join().expect("it ends"))
    })
}

#[test]
fn the_limit_answers_every_request_rightly() {
    let root = tempfile::tempdir().expect("a folder");
    for load in files(root.path()) {
        let ((seen, ticks), answered) = with_limit(root.path(), |address| asked(&load, address));
        assert!(all_right(&seen), "{}: {seen:?}", load.name);
        assert_eq!((answered, ticks), (REQUESTS, 2), "{}", load.name);
    }
}

#[test]
fn our_server_answers_every_request_rightly() {
    let root = tempfile::tempdir().expect("a folder");
    let loads = files(root.path());
    for text in [NIO.to_owned(), open_flow(), cached_flow()] {
        let (flow, map) = neurath_model::spec::update::parse_flow("flow.fbp", &text).expect("it is made here");
        for placement in [Placement::Fused, Placement::ThreadEach] {
            let options = Options { placement, ..Options::default() };
            let site = server::site(root.path(), "127.0.0.1:0");
            let server = Server::start_flow(&flow, &map, &site, options).expect("it starts");
            let address = server.address().expect("it listens");
            for load in &loads {
                let (seen, _) = asked(load, address);
                assert!(all_right(&seen), "{}, {placement}: {seen:?}\n{text}", load.name);
            }
            server.flow.stop().expect("it ends");
            assert_eq!(server.observations.answered(), loads.len() as u64 * REQUESTS, "{placement}");
        }
    }
}

/// What is on disk is not what was promised: each kind of fault is counted as what it is, and nothing else is.
#[test]
fn wrong_answers_are_seen() {
    let root = tempfile::tempdir().expect("a folder");
    let load = || files(root.path()).swap_remove(0);
    let change = |change: &dyn Fn(&Path)| {
        let load = load();
        (0..5).for_each(|number| change(&root.path().join(format!("medium/000/{number:06}.bin"))));
        with_limit(root.path(), |address| asked(&load, address)).0.0
    };
    let gone = change(&|file| std::fs::remove_file(file).expect("ours"));
    assert_eq!((gone.answered, gone.faults), (0, Faults { status: REQUESTS, ..Faults::default() }));
    let shorter = change(&|file| std::fs::write(file, [7; 49_999]).expect("ours"));
    assert_eq!((shorter.answered, shorter.faults), (0, Faults { length: REQUESTS, ..Faults::default() }));
    let other = change(&|file| std::fs::write(file, [7; 50_000]).expect("ours"));
    assert_eq!(other.faults, Faults { body: REQUESTS / 64, ..Faults::default() });
    assert_eq!(other.answered, REQUESTS - REQUESTS / 64, "the others were not compared");
}

#[test]
fn a_server_that_is_not_there_or_hangs_up_is_seen() {
    let root = tempfile::tempdir().expect("a folder");
    let load = files(root.path()).swap_remove(0);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let rude = std::thread::spawn(move || (0..REQUESTS).for_each(|_| drop(listener.accept())));
    let (seen, _) = asked(&load, address);
    rude.join().expect("it ends");
    assert_eq!((seen.begun, seen.answered, seen.faults.cut), (REQUESTS, 0, REQUESTS));
    // Nobody listens there; and a socket, whose own port is never so low, cannot meet itself.
    let (seen, _) = asked(&load, SocketAddr::from(([127, 0, 0, 1], 1)));
    assert_eq!((seen.answered, seen.faults), (0, Faults { refused: REQUESTS, ..Faults::default() }));
}

#[test]
fn the_report_compares_within_rounds_and_fails_with_any_fault() {
    let root = tempfile::tempdir().expect("a folder");
    let loads = files(root.path());
    let (seen, _) = with_limit(root.path(), |address| asked(&loads[0], address)).0;
    let round = |server, seconds, faults| {
        let seen = Seen { seconds, faults, ..seen.clone() };
        Round { server, load: loads[0].name, seen, cpu: Some(0.004) }
    };
    let none = Faults::default();
    let nginx = [round(Kind::Nginx, 1.0, none), round(Kind::Nginx, 4.0, none)];
    let ours =
        |faults| [round(Kind::Cached(Placement::Fused), 2.0, none), round(Kind::Cached(Placement::Fused), 8.0, faults)];
    let report = |faults| Report::new(&loads, &[nginx.clone(), ours(faults)].concat(), Vec::new(), Vec::new());
    let value = report(none).json();
    assert_eq!((&value["passed"], &value["rows"][0]["to_nginx"]), (&true.into(), &0.5.into()));
    assert_eq!(value["rows"][0]["server_cpu_us_per_request"], 10.0);
    assert_eq!((&value["rows"][1]["server"], &value["rows"][1]["to_limit"]), (&"nginx".into(), &().into()));
    assert!(report(none).html().contains("nginx") && report(none).to_string().contains("0 failed"));
    let failed = report(Faults { cut: 1, ..none });
    assert!(!failed.passed() && failed.to_string().contains("1 failed"));
    assert!(!Report::new(&loads, &[], Vec::new(), Vec::new()).passed(), "nothing measured is nothing passed");
    let skipped = |kind: Kind| Report::new(&loads, &nginx, vec![(kind.name(), "why".into())], Vec::new());
    let peers = [Kind::Limit, Kind::Hyper].map(skipped);
    assert!(peers.iter().all(Report::passed) && peers[1].to_string().contains("hyper was not measured: why"));
    assert!(!skipped(Kind::Open(Placement::Fused)).passed());
}
