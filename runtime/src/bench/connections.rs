//! `neurath bench connections`: thousands of kept-alive connections that do nothing, held while the server is changed.
//!
//! ```text
//!   server, a process of its own   start -+---- hold N -+-- updates under load --+- ask each again
//!   its memory                            1             2                        3
//! ```
//!
//! What a held connection takes up is the difference of 1 and 2, over N: memory of the process, without that of the kernel for its
//! sockets. Every held connection has been answered once. The updates are the cycle of [`evolution`](crate::http::evolution), by
//! the admin socket, while thirty other clients ask without a pause; how long one takes is also measured with none held. nginx
//! is told to reload instead, which closes what is idle.

mod held;
mod report;
mod servers;

pub use report::Report;

use super::live::{cannot, told_to_stop};
use super::machine;
use super::serve::client::{Faults, Seen, Span, saturate};
use super::serve::cores::Cores;
use super::serve::load::{Files, Load, loads};
use super::serve::servers::versions;
use held::{Again, Held};
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use rustix::process::{Resource, getrlimit};
use servers::{Kind, Server};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Beside those that are held: other clients, files that are served, sockets of servers.
const MORE_FILES: usize = 200;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Connections held.
    connections: usize,
    rounds: usize,
    /// How often the server goes through the cycle of updates while they are held.
    cycles: usize,
}

impl Size {
    /// One round, in under a minute.
    pub const FAST: Self = Self { connections: 10_000, rounds: 1, cycles: 2 };
    /// Medians of five.
    pub const FULL: Self = Self { connections: 10_000, rounds: 5, cycles: 10 };
}

/// One server in one round.
#[derive(Debug, Clone)]
struct Round {
    kind: Kind,
    /// Resident memory of its own when it had answered a few, with all connections held, and after it was changed; in kB.
    memory_kb: [u64; 3],
    /// What updates took, in milliseconds, without held connections and with.
    took_ms: [Vec<f64>; 2],
    /// Other clients, while it was changed.
    answered: u64,
    faults: Faults,
    again: Again,
}

/// Measures, telling what is under way. `Err` if this machine does not let it, or it was told to stop.
pub fn measure(size: Size, stop: &AtomicBool, tell: &mut dyn FnMut(&str)) -> Result<Report, Diagnostics> {
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    enough_open_files(allowed, size.connections + MORE_FILES)?;
    let mut facts = machine::facts();
    facts.extend(versions());
    let folder = tempfile::tempdir().map_err(|e| cannot("make a temporary folder", &e))?;
    let root = folder.path().join("root");
    let files = Files { medium: 1, small: 500, large: 500 };
    let all = loads(&root, files, 15).map_err(|e| cannot("write files", &e))?;
    let load = all.into_iter().find(|load| load.name == "evolution").expect("it is one of them");
    let cores = Cores::find();
    facts.push(("pinned".into(), Cores::told(cores)));
    let (mut rounds, mut skipped) = (Vec::new(), Vec::<(String, String)>::new());
    for number in 0..size.rounds {
        for kind in Kind::ALL {
            if skipped.iter().any(|(who, _)| who == kind.name()) {
                continue;
            }
            tell(&format!("round {} of {}: {}", number + 1, size.rounds, kind.name()));
            let scratch = tempfile::tempdir_in(folder.path()).map_err(|e| cannot("make a temporary folder", &e))?;
            match round(kind, (&root, scratch.path()), &load, size, (cores, stop)) {
                Ok(round) => rounds.push(round),
                Err(why) => skipped.push((kind.name().into(), why)),
            }
            if stop.load(Ordering::Relaxed) {
                return Err(told_to_stop());
            }
        }
    }
    Ok(Report { connections: size.connections, rounds, skipped, facts })
}

/// R05, if this process, and servers that it starts, may not have so many files open.
fn enough_open_files(allowed: u64, wanted: usize) -> Result<(), Diagnostics> {
    if allowed >= wanted as u64 {
        return Ok(());
    }
    Err(Diagnostics(vec![Diagnostic {
        code: Code::R05,
        message: "the bench cannot hold its connections".into(),
        places: Vec::new(),
        expected: format!("{wanted} open files for this process, and as many for each server"),
        found: format!("a limit of {allowed}"),
        hint: "raise the hard limit on open files (`ulimit -Hn`) for this shell".into(),
    }]))
}

fn round(
    kind: Kind,
    (root, scratch): (&Path, &Path),
    load: &Load,
    size: Size,
    (cores, stop): (Option<Cores>, &AtomicBool),
) -> Result<Round, String> {
    let cap = size.connections + MORE_FILES;
    let start = || Cores::on_server(cores, || Server::start(kind, root, scratch, cap)).0;
    // On a server of its own, for caches that have come and gone leave memory behind that connections would take.
    let took_before = start()?.change(cap, 2)?;
    let server = start()?;
    let ask = &load.groups[0].files;
    drop(Held::open(server.address, 50, ask)?);
    let started = server.memory_kb()?;
    let mut held = Held::open(server.address, size.connections, ask)?;
    let with_all = server.memory_kb()?;
    let (took_held, seen) = change_under_load(&server, load, (cap, size.cycles), stop)?;
    let changed = server.memory_kb()?;
    Ok(Round {
        kind,
        memory_kb: [started, with_all, changed],
        took_ms: [took_before, took_held],
        answered: seen.answered,
        faults: seen.faults,
        again: held.ask_again(ask),
    })
}

/// Other clients ask until the changes are done.
fn change_under_load(
    server: &Server,
    load: &Load,
    (cap, cycles): (usize, usize),
    stop: &AtomicBool,
) -> Result<(Vec<f64>, Seen), String> {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            let took = server.change(cap, cycles);
            ended.store(true, Ordering::Relaxed);
            took
        });
        let mut seen: Option<Seen> = None;
        let span = Span { warm_up: Duration::ZERO, measured: Duration::from_millis(500), requests_max: u64::MAX };
        while !ended.load(Ordering::Relaxed) {
            let more = saturate(load, server.address, span, stop, &mut || {}).map_err(|why| why.to_string())?;
            seen = Some(match seen {
                None => more,
                Some(before) => before.and(&more),
            });
        }
        let took = changes.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((took, seen.ok_or("it was changed before anybody asked")?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::evolution;

    /// Our own server is the program that runs, which here is a test: it is skipped, and so is nginx where it is not installed.
    #[test]
    fn what_cannot_be_started_is_skipped_and_nothing_passes() {
        let tiny = Size { connections: 20, rounds: 1, cycles: 1 };
        let report = measure(tiny, &AtomicBool::new(false), &mut |_| {}).expect("loopback");
        let value = report.json();
        assert_eq!(value["passed"], false, "{value:#}");
        assert_eq!(value["skipped"][0]["who"], "ours");
    }

    #[test]
    fn too_few_open_files_are_told_before_anything_is_begun() {
        let told = enough_open_files(999, 1_000).expect_err("one is missing").to_string();
        assert!(told.contains("1000 open files") && told.contains("a limit of 999"), "{told}");
        enough_open_files(1_000, 1_000).expect("there are as many");
    }

    #[test]
    fn told_to_stop_it_ends_without_figures() {
        let tiny = Size { connections: 1, rounds: 1, cycles: 1 };
        assert!(measure(tiny, &AtomicBool::new(true), &mut |_| {}).is_err());
    }

    #[test]
    fn the_updates_that_are_sent_keep_the_cap() {
        for files in servers::updates(4321) {
            let (update, _) = files.read().expect("valid");
            let told = update.flow.iter().flat_map(|flow| &flow.initial);
            assert!(update.flow.is_none() || told.filter(|packet| packet.value == "4321").count() == 1, "{files:?}");
        }
        assert_eq!(servers::updates(1).len(), evolution::cycle_texts().len());
    }
}
