//! Updates planned one after the other, each against the flow as the one before leaves it.
//!
//! ```text
//!   flow --plan 1--> after 1 --plan 2--> after 2 ...
//! ```
//!
//! An update that its scheduler does not promise to carry out correctly is planned all the same, with what is found
//! against it (U07, U11): the checker then shows what goes wrong.

use crate::cli::input::Session;
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::{Diagnostic, Diagnostics, SourceMap};
use neurath_model::graph::FlowGraph;
use neurath_model::plan::{Plan, Scheduler, plan, plan_unpromised};
use neurath_model::update::{StatePolicy, Update};
use std::path::PathBuf;

/// An update with its plan.
pub struct Planned {
    /// The file it was read from, as given.
    pub source: String,
    /// What it says.
    pub update: Update,
    /// How it is carried out.
    pub plan: Plan,
    /// What is found against it, though it can be explored.
    pub findings: Vec<Diagnostic>,
}

/// Reads and plans the updates in these files, in order.
pub fn plans(
    session: &mut Session,
    graph: &FlowGraph,
    files: &[PathBuf],
    catalogue: &Catalogue,
    scheduler: Option<Scheduler>,
) -> Result<Vec<Planned>, Diagnostics> {
    let mut planned: Vec<Planned> = Vec::new();
    for file in files {
        let (update, map) = session.update(file)?;
        let before = planned.last().map_or(graph, |p| &p.plan.after);
        let (plan, findings) = plan_or_find(before, &update, &map, catalogue, scheduler)?;
        planned.push(Planned { source: file.display().to_string(), update, plan, findings });
    }
    Ok(planned)
}

fn plan_or_find(
    before: &FlowGraph,
    update: &Update,
    map: &SourceMap,
    catalogue: &Catalogue,
    scheduler: Option<Scheduler>,
) -> Result<(Plan, Vec<Diagnostic>), Diagnostics> {
    plan(before, update, map, catalogue, scheduler).map(|plan| (plan, Vec::new())).or_else(|refused| {
        match plan_unpromised(before, update, map, catalogue, scheduler) {
            Ok((plan, _)) => Ok((plan, refused.0)),
            Err(_) => Err(refused),
        }
    })
}

/// The declarations that a flow and its updates use: what a saved run needs to be taken again elsewhere.
pub fn declarations(catalogue: &Catalogue, graph: &FlowGraph, updates: &[Update]) -> Catalogue {
    let mut used = Catalogue::default();
    let changes = || updates.iter().flat_map(|update| update.changes.values());
    let in_flows = updates.iter().filter_map(|update| update.flow.as_ref()).flat_map(|flow| &flow.operators);
    let installed = changes().filter_map(|c| c.component.as_ref()).chain(in_flows.map(|o| &o.component));
    let components = graph.operators().map(|(_, node)| &node.component);
    for component in components.chain(installed.filter_map(|id| catalogue.shared(id))) {
        used.add(component.clone());
    }
    let policies = changes().flat_map(|change| std::iter::once(&change.state).chain(&change.back));
    let names = policies.filter_map(|policy| match policy {
        StatePolicy::Transfer(name) => Some(name),
        StatePolicy::Keep | StatePolicy::Reset => None,
    });
    for transfer in names.filter_map(|name| catalogue.transfer(name)) {
        used.add_transfer(transfer.clone());
    }
    used
}
