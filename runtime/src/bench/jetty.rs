//! `neurath bench jetty`: a server is changed while it serves, ours and those of others, side by side in one run.
//!
//! ```text
//!   each round, each contestant in turn:
//!     start ---- clients ---- change ---- end
//!                38 kept-alive, each a file of 20 kB every 20 ms (the paper), and for some 30 without a pause
//! ```
//!
//! The clients keep to their schedule whatever the server does. A request whose connection is gone waits until it can be opened
//! again, and counts as late after a second; it would have failed for a client that does not wait.
//!
//! Only ours must be without a fault for the bench to pass: what the others do is what is shown.

mod contestants;
mod table;

pub use table::Report;

use crate::bench::live::{cannot, pause_until};
use crate::bench::machine;
use crate::bench::serve::cores::Cores;
use crate::bench::serve::servers::versions;
use crate::load::{Corpus, Load, Outcome};
pub(in crate::bench) use contestants::children;
use contestants::{Contestant, Kind};
use neurath_model::diagnostic::Diagnostics;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    rounds: usize,
    files: usize,
    /// From the beginning of the load to the change, and from there to its end.
    half: Duration,
}

impl Size {
    /// One round of 5 s each.
    pub const FAST: Self = Self { rounds: 1, files: 200, half: Duration::from_millis(2500) };
    /// Five rounds of 22 s each, the 41,800 requests of the paper.
    pub const FULL: Self = Self { rounds: 5, files: 1_000, half: Duration::from_secs(11) };
}

/// What the clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// A file every 20 ms each.
    Paced,
    Saturating,
}

impl Pace {
    fn name(self) -> &'static str {
        match self {
            Self::Paced => "38 clients, 20 kB every 20 ms",
            Self::Saturating => "30 clients without a pause",
        }
    }

    /// Whether it is shown for that one.
    fn is_for(self, kind: Kind) -> bool {
        match self {
            Self::Paced => true,
            Self::Saturating => matches!(kind, Kind::Ours | Kind::NginxReload),
        }
    }
}

/// One contestant in one round.
struct Round {
    kind: Kind,
    pace: Pace,
    outcome: Outcome,
    changed_us: u64,
    took: Duration,
}

/// Measures, telling what is under way. `Err` if this machine does not let it, or it was told to stop.
pub fn measure(size: Size, pinned: bool, stop: &AtomicBool, tell: &mut dyn FnMut(&str)) -> Result<Report, Diagnostics> {
    measure_of(&Kind::ALL, size, pinned, stop, tell)
}

fn measure_of(
    kinds: &[Kind],
    size: Size,
    pinned: bool,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&str),
) -> Result<Report, Diagnostics> {
    let mut facts = machine::facts();
    facts.extend(versions());
    facts.extend(contestants::versions());
    let folder = tempfile::tempdir().map_err(|e| cannot("make a temporary folder", &e))?;
    let corpus = Corpus::create(&folder.path().join("root"), size.files, 20_000, 1);
    let corpus = Arc::new(corpus.map_err(|e| cannot("write files", &e))?);
    let cores = Cores::find().filter(|_| pinned);
    facts.push(("pinned".into(), Cores::told(cores)));
    let (mut rounds, mut skipped) = (Vec::new(), Vec::<(String, String)>::new());
    let mut order = kinds.to_vec();
    for number in 0..size.rounds {
        for (kind, pace) in turns(&order) {
            if skipped.iter().any(|(who, _)| who == kind.name()) {
                continue;
            }
            tell(&format!("round {} of {}: {}, {}", number + 1, size.rounds, kind.name(), pace.name()));
            let scratch = tempfile::tempdir_in(folder.path()).map_err(|e| cannot("make a temporary folder", &e))?;
            let started = Cores::on_server(cores, || Contestant::start(kind, corpus.root(), scratch.path())).0;
            match started.and_then(|server| round(server, (kind, pace), &corpus, size, cores, stop)) {
                Ok(round) => rounds.push(round),
                Err(why) => skipped.push((kind.name().into(), why)),
            }
            pause_until(Instant::now(), stop)?;
        }
        let first = 1.min(order.len());
        order.rotate_left(first);
    }
    Ok(Report::new(kinds, rounds, skipped, facts))
}

fn turns(order: &[Kind]) -> Vec<(Kind, Pace)> {
    let paces = [Pace::Paced, Pace::Saturating].into_iter();
    paces
        .flat_map(|pace| order.iter().map(move |kind| (*kind, pace)))
        .filter(|(kind, pace)| pace.is_for(*kind))
        .collect()
}

fn round(
    mut server: Contestant,
    (kind, pace): (Kind, Pace),
    corpus: &Arc<Corpus>,
    size: Size,
    cores: Option<Cores>,
    stop: &AtomicBool,
) -> Result<Round, String> {
    let open = Load::new(server.address, Arc::clone(corpus));
    let load = match pace {
        Pace::Paced => Load { connections: 38, rate_per_second: 38 * 50, ..open },
        Pace::Saturating => Load { without_pause: true, ..open },
    };
    // It ends by itself, whatever becomes of this thread.
    let length = Some(size.half * 2 + Duration::from_secs(40));
    let running = Load { length, ..load }.start().map_err(|why| format!("the clients cannot connect: {why}"))?;
    let start = running.start();
    let told_to_stop = |_| "told to stop".to_owned();
    pause_until(start + size.half, stop).map_err(told_to_stop)?;
    let begun = Instant::now();
    let (changed, _) = Cores::on_server(cores, || server.change());
    let took = begun.elapsed();
    pause_until((start + size.half * 2).max(Instant::now()), stop).map_err(told_to_stop)?;
    let outcome = running.stop();
    changed?;
    Ok(Round { kind, pace, changed_us: outcome.offset_us(begun), outcome, took })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: Size = Size { rounds: 1, files: 5, half: Duration::from_millis(300) };

    /// Those that are not installed are said to be skipped; no other reason will do.
    #[test]
    fn a_small_run_changes_those_that_are_there() {
        let kinds = [Kind::NginxReload, Kind::NginxUpgrade, Kind::HaproxyReload];
        let report = measure_of(&kinds, TINY, false, &AtomicBool::new(false), &mut |_| {}).expect("loopback");
        let value = report.json();
        let skipped = value["skipped"].as_array().expect("a list");
        assert!(skipped.iter().all(|s| s["why"].to_string().contains("not installed")), "{value:#}");
        let rows = value["rows"].as_array().expect("a list");
        assert!(rows.len() + skipped.len() >= kinds.len());
        assert!(rows.iter().all(|row| row["requests"].as_u64() > Some(0)), "{value:#}");
        assert!(!report.passed(), "ours was not among them");
    }

    #[test]
    fn told_to_stop_it_ends_without_figures() {
        assert!(measure_of(&[Kind::NginxReload], TINY, false, &AtomicBool::new(true), &mut |_| {}).is_err());
    }

    #[test]
    fn saturated_are_only_those_for_whom_it_matters() {
        let all = turns(&Kind::ALL);
        assert_eq!(all.len(), Kind::ALL.len() + 2);
        assert!(
            all.contains(&(Kind::Ours, Pace::Saturating)) && !all.contains(&(Kind::JettyRestart, Pace::Saturating))
        );
    }
}
