//! What was held: a table for each scheduler, data, and a page with the spans of a typical update.

use super::run::{Held, Updates};
use crate::bench::cpu::median;
use crate::bench::scale::time;
use crate::cli::SCHEMA_VERSION;
use crate::report::outcome::Outcome;
use crate::report::study::{Part, Picture, Study, Table};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    pub(super) runs: Vec<Updates>,
    pub(super) facts: Vec<(String, String)>,
}

impl Report {
    /// Whether every packet came through, in order.
    pub fn passed(&self) -> bool {
        !self.runs.is_empty() && self.runs.iter().all(|run| run.lost == 0 && run.packets > 0)
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        json!({
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed(),
            "machine": self.facts.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
            "schedulers": self.runs,
        })
    }

    /// The page.
    pub fn html(&self) -> String {
        self.study().html()
    }

    fn study(&self) -> Study {
        let (updates, packets) = self.runs.iter().fold((0, 0), |(u, p), run| (u + run.took_us.len(), p + run.packets));
        let lost: usize = self.runs.iter().map(|run| run.lost).sum();
        Study {
            title: "What an update holds up".into(),
            outcome: Outcome::of(self.passed()),
            sentence: format!("{updates} updates under {packets} packets, {lost} of them lost or out of order"),
            parts: vec![self.schedulers(), self.held()],
            facts: self.facts.clone(),
        }
    }

    fn schedulers(&self) -> Part {
        let row = |run: &Updates| {
            let longest = run.silence_us.iter().copied().fold(0.0, f64::max);
            vec![
                run.scheduler.clone(),
                time(median(run.took_us.clone())),
                time(median(run.silence_us.clone())),
                time(longest),
                time(run.usual_us),
                run.packets.to_string(),
                run.lost.to_string(),
            ]
        };
        Part {
            caption: "Updates under load, by scheduler".into(),
            picture: None,
            table: Table {
                columns: vec![
                    "scheduler",
                    "submitted to applied",
                    "silence at the sink",
                    "the longest",
                    "usual gap",
                    "packets",
                    "lost",
                ],
                rows: self.runs.iter().map(row).collect(),
            },
            note: "Silence: the longest time without a packet at the sink while an update is under way, median of all updates.".into(),
        }
    }

    fn held(&self) -> Part {
        let mut rows = Vec::new();
        let mut spans = Vec::new();
        for run in &self.runs {
            let names: BTreeSet<&str> = run.holds.iter().map(|hold| hold.what.as_str()).collect();
            if names.is_empty() {
                rows.push(vec![run.scheduler.clone(), "nothing".into()]);
            }
            let typical = typical(run);
            for what in names {
                let each: Vec<f64> = (0..run.took_us.len()).map(|update| total(run, update, what)).collect();
                let longest = each.iter().copied().fold(0.0, f64::max);
                rows.push(vec![run.scheduler.clone(), what.to_owned(), time(median(each)), time(longest)]);
                let of = |hold: &&Held| hold.update == typical && hold.what == what;
                let shown = run.holds.iter().filter(of).map(|hold| (hold.from_us / 1e3, hold.until_us / 1e3));
                spans.push((format!("{}: {what}", run.scheduler), shown.collect()));
            }
        }
        Part {
            caption: "Held ports and stopped sources".into(),
            picture: Some(Picture::Spans { unit: "ms since the update was submitted, in the update of median length", rows: spans }),
            table: Table { columns: vec!["scheduler", "what was held", "median", "longest"], rows },
            note: "A port: the marker had come there and was awaited elsewhere. A source: it was stopped. All others went on.".into(),
        }
    }
}

/// The update that took as long as the median.
fn typical(run: &Updates) -> usize {
    let mut order: Vec<usize> = (0..run.took_us.len()).collect();
    order.sort_by(|a, b| run.took_us[*a].total_cmp(&run.took_us[*b]));
    order.get(order.len() / 2).copied().unwrap_or(0)
}

/// How long something was held in one update.
fn total(run: &Updates, update: usize, what: &str) -> f64 {
    let of = run.holds.iter().filter(|hold| hold.update == update && hold.what == what);
    of.map(|hold| hold.until_us - hold.from_us).sum()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.study().fmt(f)
    }
}
