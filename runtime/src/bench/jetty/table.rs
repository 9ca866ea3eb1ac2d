//! What came of it: a row for each contestant and pace, data, and a page with bars and a timeline each.

use super::contestants::Kind;
use super::{Pace, Round};
use crate::bench::cpu::median;
use crate::bench::timeline::{WINDOW_US, longest_gap};
use crate::cli::SCHEMA_VERSION;
use crate::load::Sample;
use crate::load::outcome::Counts;
use crate::load::stats::{Window, timeline};
use crate::report;
use crate::report::comparison::{Bar, Comparison, Part};
use crate::report::outcome::Outcome;
use serde_json::{Value, json};
use std::fmt;

/// After so long a request is late.
const LATE_US: u32 = 1_000_000;

/// What was measured.
pub struct Report {
    rows: Vec<Row>,
    /// Those that could not be measured, and why.
    skipped: Vec<(String, String)>,
    facts: Vec<(String, String)>,
}

/// One contestant under one load: counts of all rounds, medians of times.
struct Row {
    kind: Kind,
    pace: Pace,
    rounds: Vec<Round>,
}

impl Report {
    pub(super) fn new(
        kinds: &[Kind],
        mut rounds: Vec<Round>,
        skipped: Vec<(String, String)>,
        facts: Vec<(String, String)>,
    ) -> Self {
        let mut rows = Vec::new();
        for pace in [Pace::Paced, Pace::Saturating] {
            for kind in kinds {
                let (own, others) = rounds.into_iter().partition(|r: &Round| (r.kind, r.pace) == (*kind, pace));
                rounds = others;
                rows.push(Row { kind: *kind, pace, rounds: own });
            }
        }
        rows.retain(|row| !row.rounds.is_empty());
        Self { rows, skipped, facts }
    }

    /// Whether ours was measured, and none of its requests or connections suffered.
    pub fn passed(&self) -> bool {
        let mut ours = self.rows.iter().filter(|row| row.kind == Kind::Ours).peekable();
        let is_skipped = self.skipped.iter().any(|(who, _)| who == Kind::Ours.name());
        !is_skipped && ours.peek().is_some() && ours.all(|row| row.counts().clean() && row.counts().ok > 0)
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let named = |(name, value): &(String, String)| json!({ "name": name, "value": value });
        json!({
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed(),
            "machine": self.facts.iter().map(named).collect::<Vec<_>>(),
            "skipped": self.skipped.iter().map(|(who, why)| json!({ "server": who, "why": why })).collect::<Vec<_>>(),
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }

    /// The page.
    pub fn html(&self) -> String {
        let part = |pace: Pace| Part {
            caption: pace.name().into(),
            bars: self.rows.iter().filter(|row| row.pace == pace).map(Row::bar).collect(),
        };
        Comparison {
            title: "Servers that are changed while they serve".into(),
            outcome: Outcome::of(self.passed()),
            sentence: self.sentence(),
            unit: "longest gap, ms".into(),
            parts: [Pace::Paced, Pace::Saturating].map(part).into_iter().filter(|p| !p.bars.is_empty()).collect(),
            charts: self.rows.iter().map(|row| (row.title(), row.chart())).collect(),
            facts: [self.facts.clone(), self.skipped.clone()].concat(),
        }
        .html()
    }

    fn sentence(&self) -> String {
        let ours = self.rows.iter().filter(|row| row.kind == Kind::Ours);
        let counts = ours.fold(Counts::default(), |sum, row| sum.and(row.counts()));
        format!(
            "ours: {} requests, {} failed, {} connections closed",
            counts.requests,
            failed(&counts),
            closed(&counts)
        )
    }
}

fn failed(counts: &Counts) -> u64 {
    counts.failed() + counts.reset + counts.wrong_body + counts.wrong_length
}

fn closed(counts: &Counts) -> u64 {
    counts.closed + counts.stray
}

impl Row {
    fn title(&self) -> String {
        format!("{}: {}", self.kind.name(), self.pace.name())
    }

    fn counts(&self) -> Counts {
        self.rounds.iter().fold(Counts::default(), |sum, round| sum.and(round.outcome.counts))
    }

    fn late(&self) -> usize {
        self.rounds.iter().flat_map(|r| &r.outcome.samples).filter(|s| s.latency_us > LATE_US).count()
    }

    fn gap_ms(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.gap_us() as f64 / 1e3).collect())
    }

    fn took_ms(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.took.as_secs_f64() * 1e3).collect())
    }

    fn json(&self) -> Value {
        let counts = self.counts();
        json!({
            "server": self.kind.name(),
            "load": self.pace.name(),
            "rounds": self.rounds.len(),
            "requests": counts.requests,
            "failed": failed(&counts),
            "late": self.late(),
            "closed": closed(&counts),
            "connections_refused": counts.refused,
            "longest_gap_ms": self.gap_ms(),
            "took_ms": self.took_ms(),
            "counts": counts,
            "timelines": self.rounds.iter().map(|r| json!({
                "changed_us": r.changed_us,
                "bucket_us": WINDOW_US,
                "buckets": timeline(&r.outcome.samples, WINDOW_US),
            })).collect::<Vec<_>>(),
        })
    }

    fn bar(&self) -> Bar {
        let counts = self.counts();
        let notes = format!(
            "{} requests, {} failed, {} later than 1 s, {} connections closed, changed in {:.0} ms",
            counts.requests,
            failed(&counts),
            self.late(),
            closed(&counts),
            self.took_ms()
        );
        Bar { name: self.kind.name().into(), value: self.gap_ms(), notes }
    }

    /// The timeline of the last round.
    fn chart(&self) -> String {
        let Some(round) = self.rounds.last() else { return String::new() };
        report::Report {
            title: self.title(),
            verdict: report::Verdict { passed: true, sentence: String::new() },
            counts: Vec::new(),
            latencies: Vec::new(),
            timeline: report::Timeline {
                bucket_us: WINDOW_US,
                buckets: timeline(&round.outcome.samples, WINDOW_US),
                control: None,
            },
            updates: vec![report::Update {
                name: self.kind.name().into(),
                direction: self.kind.name().into(),
                submitted_us: round.changed_us,
                took_us: Some(round.took.as_micros() as u64),
            }],
            checks: Vec::new(),
            facts: Vec::new(),
        }
        .chart()
    }
}

impl Round {
    /// From a second before the change on, until the clients end.
    fn gap_us(&self) -> u64 {
        let to_us = self.outcome.samples.iter().filter(|s| s.ok).map(Sample::end_us).max().unwrap_or(0);
        let end_us = if to_us > self.changed_us { to_us } else { self.outcome.length.as_micros() as u64 };
        let from_us = self.changed_us.saturating_sub(1_000_000);
        longest_gap(&self.outcome.samples, Window { from_us, to_us: end_us })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:30} {:20} {:>9} {:>7} {:>7}", "load", "change", "requests", "failed", "late")?;
        writeln!(f, " {:>7} {:>10} {:>10}", "closed", "gap ms", "took ms")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        for (who, why) in &self.skipped {
            writeln!(f, "{who} was skipped: {why}")?;
        }
        writeln!(f, "\n{}; gap and took: medians of the rounds; late: after more than 1 s", self.sentence())?;
        self.facts.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        write!(f, "{:30} {:20} {:9}", self.pace.name(), self.kind.name(), counts.requests)?;
        write!(f, " {:7} {:7} {:7}", failed(&counts), self.late(), closed(&counts))?;
        write!(f, " {:10.1} {:10.1}", self.gap_ms(), self.took_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::timeline::tests::held_up;
    use crate::load::Outcome;
    use std::time::{Duration, Instant};

    fn round(kind: Kind, counts: Counts) -> Round {
        let samples = held_up(5_000_000, 7_500_000);
        let outcome = Outcome { start: Instant::now(), length: Duration::from_secs(10), counts, samples, busy: None };
        Round { kind, pace: Pace::Paced, outcome, changed_us: 5_000_000, took: Duration::from_millis(40) }
    }

    fn report(rounds: Vec<Round>, skipped: Vec<(String, String)>) -> Report {
        Report::new(&Kind::ALL, rounds, skipped, vec![("cores".into(), "2".into())])
    }

    #[test]
    fn a_gap_and_what_is_late_stand_in_table_data_and_page() {
        let good = Counts { requests: 10_000, ok: 10_000, ..Counts::default() };
        let skipped = vec![(Kind::HaproxyReload.name().to_owned(), "it is not installed".to_owned())];
        let report = report(vec![round(Kind::Ours, good), round(Kind::JettyRestart, good)], skipped);
        let row = &report.json()["rows"][1];
        assert_eq!((&row["server"], &row["longest_gap_ms"]), (&"Jetty stop, start".into(), &2500.0.into()));
        assert_eq!((&row["late"], &row["took_ms"]), (&1500.into(), &40.0.into()));
        assert!(report.passed() && report.to_string().contains("HAProxy reload was skipped: it is not installed"));
        assert_eq!(report.html().matches("class=\"chart\"").count(), 2);
    }

    #[test]
    fn only_a_fault_of_ours_fails() {
        let good = Counts { requests: 5, ok: 5, ..Counts::default() };
        let (cut, closed) = (Counts { ok: 4, reset: 1, ..good }, Counts { closed: 1, ..good });
        assert!(report(vec![round(Kind::Ours, good), round(Kind::NginxReload, cut)], Vec::new()).passed());
        for bad in [cut, closed] {
            assert!(!report(vec![round(Kind::Ours, good), round(Kind::Ours, bad)], Vec::new()).passed());
        }
        let skipped = vec![(Kind::Ours.name().to_owned(), "why".to_owned())];
        assert!(!report(vec![round(Kind::Ours, good)], skipped).passed());
    }
}
