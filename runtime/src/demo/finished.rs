//! What came of a demo: counts, latencies, the verdict, and the report.

use crate::demo::checks::Checked;
use crate::demo::contention::Contended;
use crate::demo::footprint::Footprint;
use crate::demo::{Size, Updates};
use crate::engine::Applied;
use crate::http::{self, Server};
use crate::load::outcome::Outcome;
use crate::load::stats::{Summary, Window, Windows, timeline};
use crate::report;
use neurath_model::id::UpdateId;
use std::thread;
use std::time::Duration;

/// What came of a demo.
pub struct Finished {
    /// What the checker said, before anything was started.
    pub checked: Vec<Checked>,
    /// What the clients saw.
    pub outcome: Outcome,
    /// The updates, and what became of them.
    pub contended: Contended,
    /// Requests that met both sides of an update.
    pub mixed: u64,
    /// Whether the flow is again what it was at first.
    pub is_back: bool,
    /// What the process took up before the first update, after half of them, and after the last, each time with the same flow.
    pub footprints: Vec<Footprint>,
    /// The control phase, in microseconds of the load.
    pub control: Window,
    pub(super) size: Size,
}

/// Requests that met some operators before an update and some after it.
pub(crate) fn count_mixed(server: &Server, applied: &[Applied]) -> u64 {
    let names: Vec<(UpdateId, Vec<&str>)> =
        applied.iter().map(|a| (a.update, a.operators.iter().map(|(name, _)| name.as_str()).collect())).collect();
    let history: Vec<(UpdateId, &[&str])> = names.iter().map(|(id, operators)| (*id, operators.as_slice())).collect();
    http::mixed(&server.observations.met_counts(), &history)
}

impl Finished {
    /// Whether every count that must be zero is zero, and the flow is back where it began, with the threads it had.
    pub fn passed(&self) -> bool {
        let counts = self.counts();
        counts.iter().all(|c| !c.is_fault || c.value == 0)
            && self.checked.iter().all(|c| c.holds)
            && self.is_back
            && self.footprints.windows(2).all(|w| w[0].threads == w[1].threads)
    }

    /// What was counted; all but the first must be zero.
    pub fn counts(&self) -> Vec<report::Count> {
        let c = &self.outcome.counts;
        let fault = |name: &str, value| report::Count { name: name.into(), value, is_fault: true };
        vec![
            report::Count { name: "requests".into(), value: c.requests, is_fault: false },
            fault("failed", c.failed()),
            fault("resets", c.reset),
            fault("kept-alive connections closed", c.closed + c.stray + c.refused),
            fault("bodies wrong", c.wrong_body + c.wrong_length),
            fault("mixed-version requests", self.mixed),
        ]
    }

    /// Latencies of the control phase, and of the windows around the updates.
    pub fn latencies(&self) -> [(String, Summary); 2] {
        let marks = self.contended.applied.iter().map(|a| self.outcome.offset_us(a.submitted));
        let around = Windows::around(marks, self.size.half_window.as_micros() as u64);
        let control = Windows::from(self.control);
        let window = self.size.half_window.as_secs_f64() * 2.0;
        [
            ("control phase".into(), control.summary(&self.outcome.samples)),
            (format!("{window:.1} s around each update"), around.summary(&self.outcome.samples)),
        ]
    }

    /// From submission to the last operator changed: median and maximum.
    pub fn times_to_last_operator(&self) -> (Duration, Duration) {
        let mut times: Vec<Duration> = self.contended.applied.iter().map(Applied::to_last_operator).collect();
        times.sort_unstable();
        let median = times.get(times.len().saturating_sub(1) / 2).copied().unwrap_or_default();
        (median, times.last().copied().unwrap_or_default())
    }

    /// The report, for a page or as JSON.
    pub fn report(&self) -> report::Report {
        let (median, max) = self.times_to_last_operator();
        let update = |a: &Applied| report::Update {
            name: a.name.clone(),
            direction: a.name.clone(),
            submitted_us: self.outcome.offset_us(a.submitted),
            took_us: Some(a.to_last_operator().as_micros() as u64),
        };
        const BUCKET_US: u64 = 100_000;
        report::Report {
            title: "Neurath: an HTTP server that evolves under load".into(),
            verdict: report::Verdict { passed: self.passed(), sentence: self.sentence() },
            counts: self.counts(),
            latencies: self
                .latencies()
                .into_iter()
                .map(|(phase, summary)| report::Latency { phase, summary })
                .collect(),
            timeline: report::Timeline {
                bucket_us: BUCKET_US,
                buckets: timeline(&self.outcome.samples, BUCKET_US),
                control: Some(self.control),
            },
            updates: self.contended.applied.iter().map(update).collect(),
            checks: self.checked.iter().map(|c| c.sentence.clone()).collect(),
            facts: self.facts(median, max),
        }
    }

    fn sentence(&self) -> String {
        let (updates, requests) = (self.contended.applied.len(), self.outcome.counts.requests);
        let refused = match self.size.updates {
            Updates::Cycles(_) => String::new(),
            Updates::Contention(_) => format!(" and {} refused", self.contended.refused.values().sum::<u64>()),
        };
        let begun = format!("{updates} updates applied{refused} under {requests} requests");
        if self.passed() {
            format!("{begun}: none failed, none mixed, no connection closed, and all is back where it was")
        } else {
            format!("{begun}: something went wrong, see the counts")
        }
    }

    /// What became of updates that overlap, and what the process took up; name and value.
    pub fn aftermath(&self) -> Vec<(String, String)> {
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = Vec::new();
        if let Updates::Contention(_) = self.size.updates {
            let c = &self.contended;
            facts.push(fact("submitted at random", format!("{}, of which {} applied", c.submitted(), c.applied.len())));
            facts.push(fact("refused", c.reasons()));
            facts.push(fact("applied while another was under way", c.overlapping().to_string()));
        }
        let when = ["before the first update", "after half of the updates", "after the last update"];
        facts.extend(when.iter().zip(&self.footprints).map(|(when, footprint)| fact(when, footprint.to_string())));
        let flow = if self.is_back { "what it was at first" } else { "not what it was at first" };
        facts.push(fact("flow at the end", flow.into()));
        facts
    }

    fn facts(&self, median: Duration, max: Duration) -> Vec<(String, String)> {
        let cores = thread::available_parallelism().map_or(0, usize::from);
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = vec![
            fact("neurath", env!("CARGO_PKG_VERSION").into()),
            fact("cores", cores.to_string()),
            fact("files", format!("{} of {} bytes", self.size.files, self.size.bytes_each)),
            fact(
                "clients",
                format!("{} kept-alive, {} requests per second", self.size.clients, self.size.rate_per_second),
            ),
            fact("submit to last operator changed", format!("median {median:?}, at most {max:?}")),
        ];
        facts.extend(self.aftermath());
        facts
    }
}
