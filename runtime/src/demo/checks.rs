//! What the model checker says of the updates of the cycle, before any of them is applied.

use crate::http::{evolution, server};
use neurath_model::diagnostic::Diagnostics;
use neurath_model::plan::plan;
use neurath_sim::check::Check;
use neurath_sim::explore::Verdict;
use neurath_sim::instance::{Bounds, Instance};
use std::sync::Arc;

/// What the checker said of one update.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The update's name.
    pub update: String,
    /// Whether no run breaks a property.
    pub holds: bool,
    /// Distinct states.
    pub states: u64,
    /// The bounds, in words, and the time it took.
    pub sentence: String,
}

/// Model-checks the updates of the cycle, each on the flow that it will find: 2 lineages a source, arcs that hold one packet.
pub fn check() -> Result<Vec<Checked>, Diagnostics> {
    let registry = crate::cli::input::compiled_in(Arc::default());
    let mut graph = server::built_in_graph();
    let bounds = Bounds::default();
    let mut checked = Vec::new();
    for (update, map) in evolution::cycle() {
        let plan = plan(&graph, &update, &map, registry.catalogue(), None)?;
        let scheduler = plan.scheduler;
        let after = plan.after.clone();
        let exploration = Check::new(&Instance::new(&graph, &[plan], bounds)).run().exploration;
        let holds = matches!(exploration.verdict, Verdict::Holds);
        let verdict = match exploration.verdict {
            Verdict::Holds => "holds",
            Verdict::Breached { .. } => "is REFUSED",
            Verdict::Undecided { .. } => "is undecided",
        };
        checked.push(Checked {
            update: update.name.clone(),
            holds,
            states: exploration.distinct,
            sentence: format!(
                "update `{}` under `{scheduler}` {verdict}: {} states, {} steps at most, in {:.0} ms",
                update.name,
                exploration.distinct,
                exploration.depth.saturating_sub(1),
                exploration.elapsed.as_secs_f64() * 1e3,
            ),
        });
        graph = after;
    }
    Ok(checked)
}
