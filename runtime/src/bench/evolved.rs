//! What came of runs in which the server was changed under load: a row for each update, counts, the verdict, and the report.
//!
//! Counts decide whether it passed. Ratios are compared with their targets, and said to be met or not; they are of a machine.

use crate::bench::cpu::median;
use crate::bench::live::Seen;
use crate::bench::timeline::{self, Effect, P99_TARGET, WINDOW_US};
use crate::cli::SCHEMA_VERSION;
use crate::load::Outcome;
use crate::load::outcome::Counts;
use crate::load::stats::timeline as steps;
use crate::load::stats::{Summary, Window};
use crate::report;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// One run.
struct Round {
    outcome: Outcome,
    mixed: u64,
    updates: Vec<Change>,
    control: Window,
}

/// One update of a run.
struct Change {
    name: String,
    at_us: u64,
    took_us: u64,
    effect: Effect,
}

/// What came of all runs.
pub struct Evolved {
    title: String,
    rounds: Vec<Round>,
    facts: Vec<(String, String)>,
}

/// One update in all runs: medians, but the windows below the floor are those of all.
struct Row<'a> {
    name: &'a str,
    changes: Vec<&'a Change>,
}

impl Evolved {
    pub(super) fn new(title: &str, runs: Vec<Seen>, settle: Duration, facts: Vec<(String, String)>) -> Self {
        let rounds = runs.into_iter().map(|run| Round::of(run, settle)).collect();
        Self { title: title.into(), rounds, facts }
    }

    /// Whether requests were answered and updates applied, and all that must be zero is.
    pub fn passed(&self) -> bool {
        let counts = self.counts();
        let some = self.rounds.iter().all(|round| round.outcome.counts.ok > 0 && !round.updates.is_empty());
        !self.rounds.is_empty() && some && counts.iter().all(|count| !count.is_fault || count.value == 0)
    }

    fn total(&self) -> Counts {
        self.rounds.iter().fold(Counts::default(), |sum, round| sum.and(round.outcome.counts))
    }

    /// All but the first must be zero.
    fn counts(&self) -> Vec<report::Count> {
        let c = self.total();
        let fault = |name: &str, value| report::Count { name: name.into(), value, is_fault: true };
        vec![
            report::Count { name: "requests".into(), value: c.requests, is_fault: false },
            fault("failed", c.failed()),
            fault("reset", c.reset),
            fault("connections closed", c.closed + c.stray + c.refused),
            fault("wrong", c.wrong_body + c.wrong_length),
            fault("mixed", self.rounds.iter().map(|round| round.mixed).sum()),
        ]
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let Some(first) = self.rounds.first() else { return Vec::new() };
        let row = |(number, change): (usize, &'_ Change)| Row {
            name: first.updates[number].name.as_str(),
            changes: self
                .rounds
                .iter()
                .filter_map(|r| r.updates.iter().filter(|c| c.name == change.name).nth(0))
                .collect(),
        };
        first.updates.iter().enumerate().map(row).collect()
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let named = |(name, value): &(String, String)| json!({ "name": name, "value": value });
        json!({
            "schema_version": SCHEMA_VERSION,
            "title": self.title,
            "passed": self.passed(),
            "machine": self.facts.iter().map(named).collect::<Vec<_>>(),
            "counts": self.counts(),
            "updates": self.rows().iter().map(Row::json).collect::<Vec<_>>(),
            "rounds": self.rounds.iter().map(Round::json).collect::<Vec<_>>(),
        })
    }

    /// The page: the timeline is that of the last run.
    pub fn html(&self) -> String {
        self.report().html()
    }

    fn report(&self) -> report::Report {
        let last = self.rounds.last();
        let rounds = ("rounds".to_owned(), format!("{}; the timeline is that of the last", self.rounds.len()));
        report::Report {
            title: self.title.clone(),
            verdict: report::Verdict { passed: self.passed(), sentence: self.sentence() },
            counts: self.counts(),
            latencies: last.map_or_else(Vec::new, Round::latencies),
            timeline: report::Timeline {
                bucket_us: WINDOW_US,
                buckets: last.map_or_else(Vec::new, |round| steps(&round.outcome.samples, WINDOW_US)),
                control: last.map(|round| round.control),
            },
            updates: last.map_or_else(Vec::new, |round| round.updates.iter().map(Change::told).collect()),
            checks: Vec::new(),
            facts: self.rows().iter().flat_map(Row::facts).chain(self.facts.clone()).chain([rounds]).collect(),
        }
    }

    fn sentence(&self) -> String {
        let faults =
            self.counts().iter().filter(|c| c.is_fault).map(|c| format!("{} {}", c.value, c.name)).collect::<Vec<_>>();
        format!("{} requests: {}", self.total().requests, faults.join(", "))
    }
}

impl Round {
    fn of(run: Seen, settle: Duration) -> Self {
        let outcome = run.outcome;
        let mut from_us = settle.as_micros() as u64;
        let end_us = outcome.length.as_micros() as u64;
        let marks: Vec<u64> = run.applied.iter().map(|applied| outcome.offset_us(applied.submitted)).collect();
        let mut updates = Vec::new();
        let first = timeline::control(from_us, marks.first().copied().unwrap_or(end_us));
        for (number, applied) in run.applied.iter().enumerate() {
            let at_us = marks[number];
            // Its last windows are short of requests since the clients end.
            let until = marks
                .get(number + 1)
                .map_or(end_us.saturating_sub(300_000), |next| timeline::control(at_us, *next).to_us);
            let after = timeline::after(at_us, until);
            let effect = Effect::of(&outcome.samples, at_us, timeline::control(from_us, at_us), after);
            let took_us = applied.to_last_operator().as_micros() as u64;
            updates.push(Change { name: applied.name.clone(), at_us, took_us, effect });
            from_us = after.from_us;
        }
        Self { mixed: run.mixed, outcome, updates, control: first }
    }

    fn latencies(&self) -> Vec<report::Latency> {
        let latency = |phase: String, summary: Summary| report::Latency { phase, summary };
        let pair = |change: &Change| {
            [
                latency(format!("before {}", change.name), change.effect.control),
                latency(format!("1 s around {}", change.name), change.effect.around),
            ]
        };
        self.updates.iter().flat_map(pair).collect()
    }

    fn json(&self) -> Value {
        json!({
            "counts": self.outcome.counts,
            "mixed": self.mixed,
            "control": self.control,
            "updates": self.updates.iter().map(Change::told).collect::<Vec<_>>(),
            "timeline": { "bucket_us": WINDOW_US, "buckets": steps(&self.outcome.samples, WINDOW_US) },
        })
    }
}

impl Change {
    fn told(&self) -> report::Update {
        report::Update {
            name: self.name.clone(),
            direction: self.name.clone(),
            submitted_us: self.at_us,
            took_us: Some(self.took_us),
        }
    }
}

impl Row<'_> {
    fn middle(&self, value: impl Fn(&Change) -> f64) -> f64 {
        median(self.changes.iter().map(|change| value(change)).collect())
    }

    fn ratio(&self) -> f64 {
        self.middle(|c| c.effect.p99_ratio())
    }

    fn below(&self) -> usize {
        self.changes.iter().map(|change| change.effect.below).sum()
    }

    fn gain(&self) -> f64 {
        self.middle(|c| c.effect.after / c.effect.before)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "submitted_s": self.middle(|c| c.at_us as f64 / 1e6),
            "took_ms": self.middle(|c| c.took_us as f64 / 1e3),
            "p99_before_ms": self.middle(|c| c.effect.control.p99_us as f64 / 1e3),
            "p99_around_ms": self.middle(|c| c.effect.around.p99_us as f64 / 1e3),
            "p99_ratio": self.ratio(),
            "p99_target_met": self.ratio() <= P99_TARGET,
            "worst_second_ratio": self.middle(|c| c.effect.noise_ratio()),
            "least_window_before": self.middle(|c| c.effect.control_least),
            "least_window_around": self.middle(|c| c.effect.least),
            "windows_below": self.below(),
            "windows_target_met": self.below() == 0,
            "requests_per_second_before": self.middle(|c| c.effect.before),
            "requests_per_second_after": self.middle(|c| c.effect.after),
            "gain": self.gain(),
        })
    }

    fn facts(&self) -> [(String, String); 3] {
        let fact = |what: &str, value: String| (format!("{}: {what}", self.name), value);
        [
            fact(
                "p99 in the second around, to the control",
                format!(
                    "× {:.2}, target at most {P99_TARGET}: {}; worst second without a change × {:.2}",
                    self.ratio(),
                    met(self.ratio() <= P99_TARGET),
                    self.middle(|c| c.effect.noise_ratio())
                ),
            ),
            fact(
                "windows more than 5% below the control's least",
                format!("{}, target none: {}", self.below(), met(self.below() == 0)),
            ),
            fact(
                "requests per second, median window",
                format!(
                    "{:.0} before, {:.0} after, × {:.2}",
                    self.middle(|c| c.effect.before),
                    self.middle(|c| c.effect.after),
                    self.gain()
                ),
            ),
        ]
    }
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "not met" }
}

impl fmt::Display for Evolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.title, self.sentence())?;
        writeln!(
            f,
            "\n{:10} {:>6} {:>8} {:>9} {:>9} {:>7} {:>9} {:>7} {:>9} {:>9} {:>6} {:>7} {:>9} {:>9} {:>6}",
            "update",
            "at s",
            "took ms",
            "p99 ms",
            "around",
            "ratio",
            "target",
            "noise",
            "least",
            "around",
            "below",
            "target",
            "req/s",
            "after",
            "gain"
        )?;
        self.rows().iter().try_for_each(|row| writeln!(f, "{row}"))?;
        writeln!(f)?;
        for (name, value) in &self.facts {
            writeln!(f, "{name}: {value}")?;
        }
        writeln!(
            f,
            "rounds: {}; verdict by counts: {}",
            self.rounds.len(),
            if self.passed() { "passed" } else { "FAILED" }
        )
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let m = |value: fn(&Change) -> f64| self.middle(value);
        write!(f, "{:10} {:6.1} {:8.2}", self.name, m(|c| c.at_us as f64 / 1e6), m(|c| c.took_us as f64 / 1e3))?;
        write!(f, " {:9.2}", m(|c| c.effect.control.p99_us as f64 / 1e3))?;
        write!(f, " {:9.2} {:7.2}", m(|c| c.effect.around.p99_us as f64 / 1e3), self.ratio())?;
        write!(f, " {:>9} {:7.2}", met(self.ratio() <= P99_TARGET), m(|c| c.effect.noise_ratio()))?;
        write!(f, " {:9.0} {:9.0}", m(|c| c.effect.control_least), m(|c| c.effect.least))?;
        write!(f, " {:6} {:>7}", self.below(), met(self.below() == 0))?;
        write!(f, " {:9.0} {:9.0} {:6.2}", m(|c| c.effect.before), m(|c| c.effect.after), self.gain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::timeline::tests::held_up;
    use crate::engine::Applied;
    use neurath_model::id::UpdateId;
    use neurath_model::plan::Scheduler;
    use std::time::Instant;

    fn seen(from_us: u64, to_us: u64, counts: Counts, mixed: u64) -> Seen {
        let start = Instant::now();
        let submitted = start + Duration::from_secs(6);
        let applied = Applied {
            update: UpdateId(1),
            name: "nio".into(),
            scheduler: Scheduler::Scoped,
            submitted,
            operators: vec![("load".into(), submitted + Duration::from_millis(3))],
            came: Vec::new(),
            went: Vec::new(),
            holds: Vec::new(),
            answered: submitted + Duration::from_millis(4),
        };
        let (samples, length) = (held_up(from_us, to_us), Duration::from_secs(10));
        let outcome = Outcome { start, length, counts, samples, busy: None };
        Seen { outcome, applied: vec![applied], mixed, is_pinned: false }
    }

    fn evolved(runs: Vec<Seen>) -> Evolved {
        Evolved::new("a test", runs, Duration::from_secs(1), vec![("cores".into(), "2".into())])
    }

    const GOOD: Counts = Counts {
        requests: 10_000,
        ok: 10_000,
        status: 0,
        malformed: 0,
        timed_out: 0,
        reset: 0,
        wrong_length: 0,
        wrong_body: 0,
        unsent: 0,
        closed: 0,
        stray: 0,
        refused: 0,
    };

    #[test]
    fn targets_that_are_met_are_said_to_be() {
        let evolved = evolved(vec![seen(0, 0, GOOD, 0)]);
        let row = &evolved.json()["updates"][0];
        assert_eq!((&row["p99_target_met"], &row["windows_target_met"]), (&true.into(), &true.into()));
        assert_eq!((&row["took_ms"], &row["submitted_s"], &row["gain"]), (&3.0.into(), &6.0.into(), &1.0.into()));
        assert!(evolved.passed() && !evolved.to_string().contains("not met"));
    }

    #[test]
    fn a_dip_is_said_in_table_data_and_page_and_does_not_fail_by_itself() {
        let dip = || seen(6_000_000, 6_250_000, GOOD, 0);
        let evolved = evolved(vec![dip(), seen(0, 0, GOOD, 0), dip()]);
        let value = evolved.json();
        let row = &value["updates"][0];
        assert_eq!((&row["p99_target_met"], &row["windows_below"]), (&false.into(), &4.into()));
        assert!(evolved.passed() && evolved.to_string().contains("not met"));
        assert!(evolved.html().contains("target none: not met") && evolved.html().contains("class=\"chart\""));
        assert_eq!(value["rounds"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn each_count_that_must_be_zero_fails_alone() {
        let faulty: [fn(&mut Counts); 7] = [
            |c| c.status = 1,
            |c| c.unsent = 1,
            |c| c.reset = 1,
            |c| c.wrong_body = 1,
            |c| c.wrong_length = 1,
            |c| c.closed = 1,
            |c| c.refused = 1,
        ];
        for (number, spoil) in faulty.iter().enumerate() {
            let mut counts = GOOD;
            spoil(&mut counts);
            assert!(!evolved(vec![seen(0, 0, GOOD, 0), seen(0, 0, counts, 0)]).passed(), "{number}");
        }
        assert!(!evolved(vec![seen(0, 0, GOOD, 1)]).passed());
        assert!(!evolved(Vec::new()).passed(), "nothing measured is nothing passed");
    }
}
