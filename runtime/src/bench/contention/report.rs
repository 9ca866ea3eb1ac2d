//! What was measured: a table, data, and a page with lines.

use super::{Step, Turn};
use crate::bench::cpu::median;
use crate::bench::scale::time;
use crate::bench::serve::client::Faults;
use crate::cli::SCHEMA_VERSION;
use crate::demo::contention::Steady;
use crate::report::outcome::Outcome;
use crate::report::study::{Part, Picture, Study, Table};
use serde_json::{Value, json};
use std::fmt;

/// At this rate, throughput is to be within this share of what it is without updates.
const TARGET: (u32, f64) = (100, 0.05);

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    pub(super) steps: Vec<Step>,
    pub(super) facts: Vec<(String, String)>,
}

/// What a kind of updates is called.
pub(super) fn name(which: Steady) -> &'static str {
    match which {
        Steady::Overlapping => "overlapping",
        Steady::Disjoint => "disjoint",
    }
}

impl Step {
    fn faults(&self) -> Faults {
        self.turns.iter().fold(Faults::default(), |all, turn| all.and(turn.faults))
    }

    fn answered(&self) -> u64 {
        self.turns.iter().map(|turn| turn.answered).sum()
    }

    /// The median of a value of the turns.
    fn middle(&self, value: fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(value).collect())
    }

    /// Throughput with updates for one without: the median of what turns say.
    fn share(&self) -> f64 {
        self.middle(|turn| turn.updated / turn.alone)
    }

    /// CPU time for a request without updates for one with: like the share of throughput, but for what else the machine does.
    fn share_by_cpu(&self) -> f64 {
        self.middle(|turn| turn.alone_cpu_us / turn.updated_cpu_us)
    }

    fn took_us(&self) -> f64 {
        let took = self.contended.applied.iter().map(|a| a.answered.duration_since(a.submitted));
        median(took.map(|took| took.as_secs_f64() * 1e6).collect())
    }

    fn json(&self) -> Value {
        let Faults { refused, cut, status, length, body, stalled } = self.faults();
        json!({
            "updates": name(self.which), "per_second": self.per_second,
            "applied": self.contended.applied.len(), "refused": self.contended.submitted() - self.contended.applied.len() as u64,
            "overlapping": self.contended.overlapping(), "took_us": self.took_us(),
            "requests_per_second": { "alone": self.middle(|t| t.alone), "updated": self.middle(|t| t.updated), "share": self.share() },
            "cpu_us_per_request": {
                "alone": self.middle(|t| t.alone_cpu_us), "updated": self.middle(|t| t.updated_cpu_us), "share": self.share_by_cpu(),
            },
            "answered": self.answered(), "mixed": self.mixed,
            "faults": {
                "refused": refused, "cut": cut, "status": status, "length": length, "body": body, "stalled": stalled,
            },
        })
    }
}

impl Report {
    /// Whether no request failed or met both sides of an update, no update was refused, and there were requests.
    pub fn passed(&self) -> bool {
        let is_clean = |step: &Step| {
            step.faults().count() == 0 && step.mixed == 0 && step.contended.refused.is_empty() && step.answered() > 0
        };
        !self.steps.is_empty() && self.steps.iter().all(is_clean)
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        json!({
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed(),
            "target_met": self.target().map(|(met, _)| met),
            "machine": self.facts.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
            "steps": self.steps.iter().map(Step::json).collect::<Vec<_>>(),
        })
    }

    /// The page.
    pub fn html(&self) -> String {
        self.study().html()
    }

    /// Whether throughput is as it should be at the rate for which that is said, and how it is; none if that was not measured.
    fn target(&self) -> Option<(bool, f64)> {
        let shares = self.steps.iter().filter(|step| step.per_second == TARGET.0).map(Step::share);
        let least = shares.fold(None, |least: Option<f64>, share| Some(least.map_or(share, |l| l.min(share))));
        least.map(|least| (least >= 1.0 - TARGET.1, least))
    }

    fn study(&self) -> Study {
        let sum = |count: fn(&Step) -> u64| self.steps.iter().map(count).sum::<u64>();
        let (requests, updates) = (sum(Step::answered), sum(|step| step.contended.applied.len() as u64));
        let (failed, mixed) = (sum(|step| step.faults().count()), sum(|step| step.mixed));
        Study {
            title: "Many updates per second under load".into(),
            outcome: Outcome::of(self.passed()),
            sentence: format!("{updates} updates under {requests} requests: {failed} failed, {mixed} mixed"),
            parts: vec![self.part()],
            facts: self.facts.clone(),
        }
    }

    fn part(&self) -> Part {
        let row = |step: &Step| {
            vec![
                format!("{} {}", step.per_second, name(step.which)),
                step.contended.applied.len().to_string(),
                step.contended.overlapping().to_string(),
                time(step.took_us()),
                format!("{:.0}", step.middle(|turn| turn.alone)),
                format!("{:.0}", step.middle(|turn| turn.updated)),
                format!("{:.3}", step.share()),
                format!("{:.3}", step.share_by_cpu()),
                step.answered().to_string(),
                step.faults().count().to_string(),
                step.mixed.to_string(),
            ]
        };
        let line = |which: Steady, value: fn(&Step) -> f64| {
            let of = self.steps.iter().filter(|step| step.which == which);
            of.map(|step| (f64::from(step.per_second), value(step))).collect::<Vec<_>>()
        };
        let kinds = [Steady::Disjoint, Steady::Overlapping];
        let updated = kinds.map(|which| (name(which).to_owned(), line(which, |step| step.middle(|t| t.updated))));
        let alone =
            kinds.map(|which| (format!("alone, beside {}", name(which)), line(which, |s| s.middle(|t| t.alone))));
        let note = match self.target() {
            None => "The rate of the target was not measured.".to_owned(),
            Some((met, least)) => format!(
                "Target: at {} updates a second, throughput within {:.0}% of the control: {}, {:.1}% off. By CPU: the share of CPU time for a request, which depends less on what else the machine does.",
                TARGET.0,
                TARGET.1 * 100.0,
                if met { "met" } else { "not met" },
                (1.0 - least) * 100.0
            ),
        };
        Part {
            caption: "Updates per second".into(),
            picture: Some(Picture::Lines {
                x: "updates per second",
                y: "requests per second",
                lines: updated.into_iter().chain(alone).collect(),
            }),
            table: Table {
                columns: vec![
                    "updates a second",
                    "applied",
                    "overlapped",
                    "took",
                    "req/s alone",
                    "req/s updated",
                    "share",
                    "by CPU",
                    "requests",
                    "failed",
                    "mixed",
                ],
                rows: self.steps.iter().map(row).collect(),
            },
            note,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.study().fmt(f)
    }
}
