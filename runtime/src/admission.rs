//! Admission: an update is model-checked against the flow that runs, before it is committed.
//!
//! The instance is small (two lineages a source, arcs that hold one packet), and the search has a budget, so that
//! admission takes milliseconds for a flow like the HTTP server and never long. A search that does not end in time
//! lets the update through, and the answer says `undecided`.

use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap, Thing};
use neurath_model::graph::FlowGraph;
use neurath_model::plan::Plan;
use neurath_sim::check::Check;
use neurath_sim::explore::{Budget, Verdict};
use neurath_sim::instance::{Bounds, Instance};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What admission found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// `holds` or `undecided`.
    pub verdict: String,
    /// Distinct states looked at.
    pub states: u64,
    /// How long it took.
    pub micros: u64,
}

/// Checks how an update is to be carried out in a flow. `Err` if a run breaks a property.
pub fn admit(graph: &FlowGraph, plan: &Plan, map: &SourceMap) -> Result<Admission, Diagnostics> {
    let instance = Instance::new(graph, std::slice::from_ref(plan), Bounds::default());
    let budget = Budget { states_max: 500_000, time_max: Some(Duration::from_secs(2)) };
    let exploration = Check::new(&instance).budget(budget).run().exploration;
    let verdict = match exploration.verdict {
        Verdict::Holds => "holds",
        Verdict::Undecided { .. } => "undecided",
        Verdict::Breached { breach, run, .. } => {
            return Err(Diagnostics(vec![refuted(&plan.update, map, breach.property, &breach.story, run.len())]));
        }
    };
    let micros = exploration.elapsed.as_micros() as u64;
    Ok(Admission { verdict: verdict.into(), states: exploration.distinct, micros })
}

fn refuted(update: &str, map: &SourceMap, property: &str, story: &str, steps: usize) -> Diagnostic {
    Diagnostic {
        code: Code::R06,
        message: format!("update `{update}` breaks {property} in a run of {steps} steps"),
        places: map.place(&Thing::UpdateName, "this update").into_iter().collect(),
        expected: format!("{property} in every run"),
        found: story.into(),
        hint: "run `neurath check` on the flow and this update to see the whole run".into(),
    }
}
