//! `neurath bench contention`: many updates per second of a server under saturating load.
//!
//! ```text
//!   for each rate, and each kind of update:   [ load alone | load and updates ] x rounds
//!                                                control        throughput against it, requests failed or mixed
//! ```
//!
//! Thirty kept-alive clients ask again as soon as they are answered. *Overlapping* updates change two operators each, one of which the next
//! changes as well, so that they must take effect in one order; *disjoint* ones change operators that the one before leaves alone.
//! Nobody waits for an answer before the next is submitted. Load with and without updates takes turns, since a machine's pace
//! drifts, and what is compared is within a turn.

mod report;

pub use report::Report;

use super::cpu::timed;
use super::machine;
use super::serve::client::{Faults, Seen, Span, saturate};
use super::serve::load::{Files, Load, loads};
use crate::demo::contention::{Contended, Steady, submit_steadily};
use crate::demo::count_mixed;
use crate::engine::Options;
use crate::http::Server;
use neurath_model::diagnostic::Diagnostics;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Updates per second.
    rates: &'static [u32],
    /// Load alone and load with updates take so many turns.
    rounds: usize,
    /// How long one is, and how long what comes before it and is not counted.
    turn: Duration,
    warm_up: Duration,
    /// Once that many requests were answered, the turn is over.
    requests_max: u64,
    files: usize,
    clients: usize,
}

impl Size {
    /// Four rates, in under a minute.
    pub const FAST: Self = Self {
        rates: &[1, 10, 100, 1_000],
        rounds: 3,
        turn: Duration::from_millis(900),
        warm_up: Duration::from_millis(100),
        requests_max: u64::MAX,
        files: 500,
        clients: 30,
    };
    /// Seven rates, and medians of more turns.
    pub const FULL: Self = Self {
        rates: &[1, 10, 50, 100, 200, 500, 1_000],
        rounds: 5,
        turn: Duration::from_millis(1_500),
        warm_up: Duration::from_millis(200),
        requests_max: u64::MAX,
        files: 2_000,
        clients: 30,
    };
}

/// Load alone and then with updates, as often as there were turns.
#[derive(Debug, Clone)]
struct Step {
    which: Steady,
    per_second: u32,
    turns: Vec<Turn>,
    contended: Contended,
    /// Requests that met both sides of an update, since the server was started.
    mixed: u64,
}

/// Requests per second alone, and with updates; and CPU time of the process for a request, clients included, in microseconds.
#[derive(Debug, Clone)]
struct Turn {
    alone: f64,
    updated: f64,
    alone_cpu_us: f64,
    updated_cpu_us: f64,
    answered: u64,
    faults: Faults,
}

/// Measures, telling what is under way. `Err` if this machine does not let it.
pub fn measure(size: Size, stop: &AtomicBool, tell: &mut dyn FnMut(&str)) -> io::Result<Report> {
    let facts = machine::facts();
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    tell("writing files");
    let files = Files { medium: size.files, small: 1, large: 1 };
    let load = loads(&root, files, size.clients)?.into_iter().next().expect("the first load is of medium files");
    let mut steps = Vec::new();
    for which in [Steady::Disjoint, Steady::Overlapping] {
        for &per_second in size.rates {
            tell(&format!("{} updates a second, {}", per_second, report::name(which)));
            // A server for each, so that what is counted belongs to one history of updates.
            let server = Server::start(&root, "127.0.0.1:0", Options::default()).map_err(told)?;
            steps.push(step(&server, size, &load, which, per_second, stop)?);
            server.flow.stop().map_err(told)?;
        }
    }
    Ok(Report { steps, facts })
}

fn told(diagnostics: Diagnostics) -> io::Error {
    let messages: Vec<&str> = diagnostics.0.iter().map(|d| d.message.as_str()).collect();
    io::Error::other(messages.join("; "))
}

fn step(
    server: &Server,
    size: Size,
    load: &Load,
    which: Steady,
    per_second: u32,
    stop: &AtomicBool,
) -> io::Result<Step> {
    let address = server.address().expect("the built-in flow listens");
    let mut contended = Contended::default();
    let mut turns = Vec::new();
    for _ in 0..size.rounds {
        let (alone, alone_cpu) = timed(|| ask(load, address, size, stop));
        let alone = alone?;
        let updates = Updates { which, per_second, before: contended.submitted() };
        let (asked, updated_cpu) = timed(|| ask_while(server, load, size, updates, stop));
        let (updated, updates) = asked?;
        contended.join(updates);
        turns.push(Turn {
            alone: rate(&alone),
            updated: rate(&updated),
            alone_cpu_us: alone_cpu * 1e6 / alone.begun.max(1) as f64,
            updated_cpu_us: updated_cpu * 1e6 / updated.begun.max(1) as f64,
            answered: alone.answered + updated.answered,
            faults: alone.faults.and(updated.faults),
        });
    }
    let mixed = count_mixed(server, &contended.applied);
    Ok(Step { which, per_second, turns, contended, mixed })
}

fn ask(load: &Load, address: SocketAddr, size: Size, stop: &AtomicBool) -> io::Result<Seen> {
    let span = Span { warm_up: size.warm_up, measured: size.turn, requests_max: size.requests_max };
    saturate(load, address, span, stop, &mut || {})
}

/// What is submitted while requests come.
#[derive(Clone, Copy)]
struct Updates {
    which: Steady,
    per_second: u32,
    before: u64,
}

/// Asks while another thread submits updates.
fn ask_while(
    server: &Server,
    load: &Load,
    size: Size,
    updates: Updates,
    stop: &AtomicBool,
) -> io::Result<(Seen, Contended)> {
    let address = server.address().expect("the built-in flow listens");
    let Updates { which, per_second, before } = updates;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let submitter = scope.spawn(|| submit_steadily(&server.flow, which, per_second, before, &over));
        let seen = ask(load, address, size, stop);
        over.store(true, Ordering::Relaxed);
        let contended = submitter.join().expect("a submitter does not panic");
        Ok((seen?, contended))
    })
}

fn rate(seen: &Seen) -> f64 {
    seen.answered as f64 / seen.seconds.max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_are_applied_and_no_request_fails() {
        let tiny = Size {
            rates: &[200],
            rounds: 1,
            turn: Duration::from_secs(3600),
            warm_up: Duration::ZERO,
            requests_max: 300,
            files: 5,
            clients: 3,
        };
        let report = measure(tiny, &AtomicBool::new(false), &mut |_| {}).expect("measured");
        assert_eq!(report.steps.len(), 2);
        for step in &report.steps {
            assert!(!step.contended.applied.is_empty() && step.contended.refused.is_empty(), "{step:?}");
            assert_eq!((step.mixed, step.turns[0].faults), (0, Faults::default()), "{step:?}");
            assert_eq!(step.turns[0].answered, 600);
        }
        assert!(report.passed());
        assert!(report.html().contains("<svg") && report.json()["passed"] == true);
    }

    #[test]
    fn a_failed_or_mixed_request_fails_the_run() {
        let turn = Turn {
            alone: 100.0,
            updated: 99.0,
            alone_cpu_us: 10.0,
            updated_cpu_us: 10.0,
            answered: 10,
            faults: Faults::default(),
        };
        let step = Step {
            which: Steady::Disjoint,
            per_second: 1,
            turns: vec![turn.clone()],
            contended: Contended::default(),
            mixed: 0,
        };
        let report = |step: Step| Report { steps: vec![step], facts: Vec::new() };
        assert!(report(step.clone()).passed());
        assert!(!report(Step { mixed: 1, ..step.clone() }).passed());
        let wrong = Turn { faults: Faults { body: 1, ..Faults::default() }, ..turn };
        assert!(!report(Step { turns: vec![wrong], ..step }).passed());
    }
}
