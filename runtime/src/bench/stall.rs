//! `neurath bench stall`: what an update holds up, and for how long.
//!
//! ```text
//!                     .-> left ---.              an update of left and right, under load: the arcs to the slow one are full
//!   in -> .. -> fork <             > join -> out
//!                     '-> right --'              epoch: a marker has come to join by left, and what comes by left waits
//!                         (slow)                        until it has come by right, too
//! ```
//!
//! Two measures. What the runtime notes of each update: an input port at which the marker had come and was still awaited elsewhere, an
//! operator that finished open work, a source that was stopped. And what the sink sees: the longest time without a packet, which
//! also counts what nobody notes, as arcs that stand empty because a source far away was stopped.

mod report;
mod run;

pub use report::Report;

use neurath_model::diagnostic::Diagnostics;
use neurath_model::plan::Scheduler;
use std::time::Duration;

/// What is compared, the baseline last.
const SCHEDULERS: [Scheduler; 4] = [Scheduler::Scoped, Scheduler::Dependent, Scheduler::Epoch, Scheduler::StopTheWorld];

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Updates by each scheduler.
    rounds: usize,
    /// How many packets an arc holds.
    capacity: usize,
    /// From one update to the next, so that the arcs are full again.
    pause: Duration,
}

impl Size {
    /// A few updates by each scheduler, in seconds.
    pub const FAST: Self = Self { rounds: 10, capacity: 64, pause: Duration::from_millis(60) };
    /// A hundred.
    pub const FULL: Self = Self { rounds: 100, capacity: 64, pause: Duration::from_millis(150) };
}

/// Measures, telling what is under way.
pub fn measure(size: Size, tell: &mut dyn FnMut(&str)) -> Result<Report, Diagnostics> {
    let facts = super::machine::facts();
    let mut runs = Vec::new();
    for scheduler in SCHEDULERS {
        tell(&format!("{} updates by {scheduler}", size.rounds));
        runs.push(run::updates(scheduler, size.rounds, size.capacity, size.pause)?);
    }
    Ok(Report { runs, facts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_scheduler_holds_is_noted() {
        let tiny = Size { rounds: 3, capacity: 4, pause: Duration::ZERO };
        let report = measure(tiny, &mut |_| {}).expect("measured");
        assert_eq!(report.runs.len(), SCHEDULERS.len());
        for run in &report.runs {
            assert_eq!(run.took_us.len(), 3, "{run:?}");
            assert!(run.packets > 0 && run.lost == 0, "{run:?}");
            let stops = run.holds.iter().any(|hold| hold.what == "in");
            assert_eq!(stops, run.scheduler == "stop-the-world", "only that stops the source: {run:?}");
            // A port that is held is one of the two of the join: no other operator has two.
            assert!(run.holds.iter().all(|hold| hold.what == "in" || hold.what.starts_with("join.")), "{run:?}");
        }
        assert!(report.html().contains("<svg") && report.json()["schedulers"].is_array());
    }
}
