//! `neurath bench serve`: how many requests per second servers of files answer, side by side in one run.
//!
//! ```text
//!   files, once ----> page cache
//!                        |
//!   server processes: ours (flow x placement), nginx, hyper, the limit     all started once, one busy at a time, core 0
//!        ^
//!        | rounds: for each load, each server in turn               one thread of clients, core 1
//!        v
//!   requests per second (median of rounds), ratios to nginx and to the limit, latency, CPU time of the server per request
//! ```
//!
//! Figures of one machine mean little and drift within minutes; ratios between servers that take turns mean something. So there are
//! rounds, every one with all servers, each beginning with another one. Every response is checked, and a wrong one fails the run.

pub(super) mod child;
pub(super) mod client;
pub(super) mod cores;
mod limit;
pub(super) mod load;
mod report;
pub(super) mod servers;

#[cfg(test)]
mod tests;

pub(crate) use limit::Limit;
pub use report::Report;

use super::machine;
use child::Child;
use client::{Faults, Seen, Span};
use cores::Cores;
use load::{Files, Load};
use servers::{Kind, Server, Starter};
use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    rounds: usize,
    files: Files,
    clients: usize,
    span: Span,
}

impl Size {
    /// Three short rounds with fewer files, in under a minute.
    pub const FAST: Self = Self::of(3, 2_000, Duration::from_millis(500));
    /// Medians of five rounds.
    pub const FULL: Self = Self::of(5, 10_000, Duration::from_secs(3));

    const fn of(rounds: usize, medium: usize, measured: Duration) -> Self {
        let files = Files { medium, small: 1_000, large: 1_000 };
        let span = Span { warm_up: Duration::from_millis(150), measured, requests_max: u64::MAX };
        Self { rounds, files, clients: 30, span }
    }
}

/// One server under one load, in one round.
#[derive(Debug, Clone)]
struct Round {
    server: Kind,
    load: &'static str,
    seen: Seen,
    /// CPU time that the server spent while it was measured, in seconds.
    cpu: Option<f64>,
}

/// Measures, telling what is under way. `Err` if this machine does not let it, or it was told to stop.
pub fn measure(size: Size, pinned: bool, stop: &AtomicBool, tell: &mut dyn FnMut(&str)) -> io::Result<Report> {
    // Before this thread has only one core left.
    let mut facts = machine::facts();
    facts.extend(servers::versions().into_iter().chain(servers::hyper_version()));
    let folder = tempfile::tempdir()?;
    let (root, scratch) = (folder.path().join("root"), folder.path().join("scratch"));
    std::fs::create_dir(&scratch)?;
    tell("writing files");
    let loads = load::loads(&root, size.files, size.clients)?;
    let starter = Starter { root: &root, scratch: &scratch };
    let cores = Cores::find().filter(|_| pinned);
    let ((mut servers, skipped), is_pinned) = Cores::on_server(cores, || start_all(&starter));
    let mut rounds = Vec::new();
    for number in 0..size.rounds {
        for load in &loads {
            tell(&format!("round {} of {}: {}", number + 1, size.rounds, load.name));
            for server in &servers {
                rounds.push(round(server, load, size.span, stop)?);
            }
        }
        let first = 1.min(servers.len());
        servers.rotate_left(first);
    }
    facts.push(("pinned".into(), Cores::told(cores.filter(|_| is_pinned))));
    Ok(Report::new(&loads, &rounds, skipped, facts))
}

/// The servers that run, and those that do not, with why.
fn start_all(starter: &Starter<'_>) -> (Vec<Server>, Vec<(String, String)>) {
    let (mut servers, mut skipped) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        match starter.start(kind) {
            Ok(server) => servers.push(server),
            Err(why) => skipped.push((kind.name(), why)),
        }
    }
    (servers, skipped)
}

fn round(server: &Server, load: &Load, span: Span, stop: &AtomicBool) -> io::Result<Round> {
    let mut spent = Vec::new();
    let seen =
        client::saturate(load, server.address, span, stop, &mut || spent.push(Child::cpu_seconds(&server.child)))?;
    let cpu = match spent[..] {
        [Some(before), Some(after)] => Some(after - before),
        _ => None,
    };
    Ok(Round { server: server.kind, load: load.name, seen, cpu })
}

/// All faults of these rounds.
fn faults<'a>(rounds: impl Iterator<Item = &'a Round>) -> Faults {
    rounds.fold(Faults::default(), |sum, round| sum.and(round.seen.faults))
}
