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
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};
use neurath_model::graph::FlowGraph;
use neurath_model::id::PortSet;
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
    let components = graph.operators().map(|(_, node)| &node.component);
    let installed = updates.iter().flat_map(|update| update.changes.values()).filter_map(|c| c.component.as_ref());
    for component in components.chain(installed.filter_map(|id| catalogue.component(id))) {
        used.add(component.clone());
    }
    let policies = updates.iter().flat_map(|update| update.changes.values()).map(|change| &change.state);
    let names = policies.filter_map(|policy| match policy {
        StatePolicy::Transfer(name) => Some(name),
        StatePolicy::Keep | StatePolicy::Reset => None,
    });
    for transfer in names.filter_map(|name| catalogue.transfer(name)) {
        used.add_transfer(transfer.clone());
    }
    used
}

/// Whether a flow can be explored and simulated: its entrance and exit are operators too, with a port for each of its
/// sources and sinks.
pub fn explorable(graph: &FlowGraph) -> Result<(), Diagnostics> {
    let ends = [("sources", graph.sources().len()), ("sinks", graph.sinks().len())];
    let too_many = ends.into_iter().filter(|(_, count)| *count > PortSet::CAPACITY);
    let found: Vec<Diagnostic> = too_many.map(|(what, count)| too_many_ends(what, count)).collect();
    if found.is_empty() { Ok(()) } else { Err(Diagnostics(found)) }
}

fn too_many_ends(what: &str, count: usize) -> Diagnostic {
    Diagnostic {
        code: Code::F13,
        message: format!("the flow has {count} {what}"),
        places: Vec::new(),
        expected: format!("at most {} {what}, as entrance and exit have a port for each", PortSet::CAPACITY),
        found: count.to_string(),
        hint: "check parts of the flow as flows of their own, or merge some of their streams".into(),
    }
}
