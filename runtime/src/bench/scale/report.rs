//! What was measured: which targets are met, tables, data and a page with lines.

use super::measure::{Run, Saturated, Sized};
use crate::bench::cpu::median;
use crate::cli::SCHEMA_VERSION;
use crate::report::outcome::Outcome;
use crate::report::study::{Part, Picture, Study, Table};
use serde_json::{Value, json};
use std::fmt;

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    pub(super) idle: Vec<Sized>,
    pub(super) saturated: Vec<Saturated>,
    /// Microseconds of each update of the idle server.
    pub(super) server: Vec<f64>,
    pub(super) facts: Vec<(String, String)>,
}

/// What is to be reached, whether it was, and by what.
struct Target {
    what: &'static str,
    met: bool,
    seen: String,
}

/// Microseconds of an epoch marker for each operator, all on one thread.
const EPOCH_MICROS_EACH: f64 = 1.0;
/// Of the server's updates, the median.
const SERVER_MICROS: f64 = 1000.0;
/// By how much the cost of an operator may differ between the sizes: caches are left behind on the way.
const LINEAR: f64 = 4.0;
/// By how much a time may differ that does not depend on something.
const INDEPENDENT: f64 = 2.0;
/// Of all operators, their arcs and this process.
const MEGABYTES: f64 = 24_000.0;

impl Report {
    /// The report for programs.
    pub fn json(&self) -> Value {
        let target = |t: &Target| json!({ "target": t.what, "met": t.met, "seen": t.seen });
        json!({
            "schema_version": SCHEMA_VERSION,
            "targets": self.targets().iter().map(target).collect::<Vec<_>>(),
            "machine": self.facts.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
            "idle": self.idle,
            "saturated": self.saturated,
            "server_micros": self.server,
        })
    }

    /// The page.
    pub fn html(&self) -> String {
        self.study().html()
    }

    fn study(&self) -> Study {
        let targets = self.targets();
        let met = targets.iter().filter(|target| target.met).count();
        let largest = self.idle.iter().map(|flow| flow.operators).max().unwrap_or(0);
        Study {
            title: "Updates of flows of any size".into(),
            outcome: Outcome::aimed(met == targets.len()),
            sentence: format!("{met} of {} targets met, with flows of up to {largest} operators", targets.len()),
            parts: vec![self.target_part(&targets), self.flow_part(), self.update_part(), self.saturated_part()],
            facts: self.facts.clone(),
        }
    }

    fn targets(&self) -> Vec<Target> {
        let mut targets = vec![self.linear(), self.fast_enough(), self.in_memory()];
        targets.extend(self.independent());
        let server = median(self.server.clone());
        targets.push(Target {
            what: "the idle server's median from submission to applied is below 1 ms",
            met: server < SERVER_MICROS,
            seen: time(server),
        });
        targets
    }

    /// Microseconds of an epoch marker for each operator, of flows of a thousand and more, where what is the same for all flows
    /// matters no longer; of all flows, where there is none so large.
    fn epoch_each(&self) -> Vec<f64> {
        let each = |flow: &Sized| flow.run("epoch").map(|run| median(run.micros.clone()) / flow.operators as f64);
        let large = |flow: &&Sized| flow.operators >= 1_000;
        let flows: Vec<&Sized> = self.idle.iter().filter(large).collect();
        let flows = if flows.is_empty() { self.idle.iter().collect() } else { flows };
        flows.into_iter().filter_map(each).collect()
    }

    fn linear(&self) -> Target {
        let each = self.epoch_each();
        let (least, most) = range(&each);
        Target {
            what: "epoch takes as long for each operator, however many there are",
            met: most <= least * LINEAR,
            seen: format!("{least:.2} to {most:.2} us for each"),
        }
    }

    fn fast_enough(&self) -> Target {
        let (_, most) = range(&self.epoch_each());
        Target {
            what: "epoch takes less than 1 us for each operator on one thread",
            met: most < EPOCH_MICROS_EACH,
            seen: format!("at most {most:.2} us"),
        }
    }

    fn in_memory(&self) -> Target {
        let most = self.idle.iter().map(|flow| flow.resident_mb).fold(0.0, f64::max);
        let largest = self.idle.iter().map(|flow| flow.operators).max().unwrap_or(0);
        Target {
            what: "100,000 operators run and are updated within 24 GB (not measured with --fast)",
            met: largest >= 100_000 && most < MEGABYTES,
            seen: format!("{largest} operators in {most:.0} MB"),
        }
    }

    fn independent(&self) -> Option<Target> {
        let of = |scheduler: &str| -> Vec<f64> {
            let runs = self.saturated.iter().filter(|run| run.scheduler == scheduler);
            runs.map(|run| median(run.micros.clone())).collect()
        };
        let ((least, most), (shortest, longest)) = (range(&of("scoped")), range(&of("epoch")));
        (!self.saturated.is_empty()).then(|| Target {
            what: "scoped does not wait for what is queued upstream",
            met: most <= least * INDEPENDENT,
            seen: format!(
                "{} to {}, while epoch takes {} to {}",
                time(least),
                time(most),
                time(shortest),
                time(longest)
            ),
        })
    }

    fn target_part(&self, targets: &[Target]) -> Part {
        let row =
            |t: &Target| vec![t.what.to_owned(), if t.met { "met" } else { "not met" }.to_owned(), t.seen.clone()];
        Part {
            caption: "Targets".into(),
            picture: None,
            table: Table { columns: vec!["target", "", "seen"], rows: targets.iter().map(row).collect() },
            note: "Times are medians. A target that is not met is no fault: nothing was lost or mixed.".into(),
        }
    }

    fn flow_part(&self) -> Part {
        let row = |flow: &Sized| {
            let bytes = flow.bytes_each.map_or("-".into(), |bytes| format!("{bytes:.0}"));
            let (validate, start) = (format!("{:.2}", flow.validate_ms), format!("{:.2}", flow.start_ms));
            let resident = format!("{:.0}", flow.resident_mb);
            vec![
                flow.kind.to_owned(),
                flow.operators.to_string(),
                flow.arcs.to_string(),
                validate,
                start,
                bytes,
                resident,
            ]
        };
        Part {
            caption: "Flows".into(),
            picture: None,
            table: Table {
                columns: vec!["shape", "operators", "arcs", "validate ms", "start ms", "bytes each", "resident MB"],
                rows: self.idle.iter().map(row).collect(),
            },
            note: "Bytes each: what the process grew by when the flow started, for each operator with its arcs; less where memory of an earlier flow was used again."
                .into(),
        }
    }

    fn update_part(&self) -> Part {
        let runs = || self.idle.iter().flat_map(|flow| flow.runs.iter().map(move |run| (flow, run)));
        let row = |(flow, run): (&Sized, &Run)| {
            let mut cells = vec![format!("{} {}", flow.kind, flow.operators), run.scheduler.clone()];
            match &run.refused {
                Some(_) => cells.push("refused: it does not promise what is asked here".into()),
                None => cells.extend([
                    run.scope.to_string(),
                    run.markers.to_string(),
                    time(median(run.plan_micros.clone())),
                    time(median(run.micros.clone())),
                    format!("{:.3}", median(run.micros.clone()) / run.scope.max(1) as f64),
                ]),
            }
            cells
        };
        let mut lines: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
        for (flow, run) in runs().filter(|(flow, run)| flow.kind == "chain" && run.refused.is_none()) {
            let point = (flow.operators as f64, median(run.micros.clone()) / 1e3);
            match lines.iter_mut().find(|(name, _)| *name == run.scheduler) {
                Some((_, points)) => points.push(point),
                None => lines.push((run.scheduler.clone(), vec![point])),
            }
        }
        Part {
            caption: "Updates of idle flows: two operators change".into(),
            picture: Some(Picture::Lines { x: "operators of a chain", y: "submitted to applied, ms", lines }),
            table: Table {
                columns: vec![
                    "flow",
                    "scheduler",
                    "scope",
                    "markers",
                    "plan",
                    "submitted to applied",
                    "us for each in scope",
                ],
                rows: runs().map(row).collect(),
            },
            note: "Plan is before anything is held up. Markers: those on arcs, and messages from the entrance.".into(),
        }
    }

    fn saturated_part(&self) -> Part {
        let row = |run: &Saturated| {
            let (least, most) = range(&run.micros);
            let spread = format!("{} to {}", time(least), time(most));
            let capacity = run.capacity.to_string();
            vec![run.scheduler.clone(), run.upstream.to_string(), capacity, time(median(run.micros.clone())), spread]
        };
        let mut lines: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
        for run in &self.saturated {
            let point = (run.upstream as f64, median(run.micros.clone()) / 1e3);
            match lines.iter_mut().find(|(name, _)| *name == run.scheduler) {
                Some((_, points)) => points.push(point),
                None => lines.push((run.scheduler.clone(), vec![point])),
            }
        }
        Part {
            caption: "Updates of saturated chains: two operators near the end change".into(),
            picture: Some(Picture::Lines { x: "packets queued upstream", y: "submitted to applied, ms", lines }),
            table: Table {
                columns: vec!["scheduler", "queued upstream", "arc holds", "submitted to applied", "spread"],
                rows: self.saturated.iter().map(row).collect(),
            },
            note: "The source sends without end, and the sink takes 2 ms for each packet. Ten operators are behind the two.".into(),
        }
    }
}

impl Sized {
    fn run(&self, scheduler: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.scheduler == scheduler && run.refused.is_none())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.study().fmt(f)
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, 0.0), |(least, most), value| (value.min(least), value.max(most)))
}

/// Microseconds in a fitting unit.
pub(in crate::bench) fn time(micros: f64) -> String {
    match micros {
        m if m.is_nan() => "-".into(),
        // A sum of nothing is minus zero, and would be shown as that.
        m if m < 1e3 => format!("{:.0} us", m + 0.0),
        m if m < 1e6 => format!("{:.2} ms", m / 1e3),
        m => format!("{:.2} s", m / 1e6),
    }
}
