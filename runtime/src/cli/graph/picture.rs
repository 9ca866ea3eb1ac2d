//! What every drawing shows: operators in layers, arcs between them, and what an update changes.

use neurath_model::graph::{FlowGraph, GraphArc};
use neurath_model::id::OperatorId;
use neurath_model::plan::{Action, Plan};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A flow to be drawn. Operators are indices into `operators`.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    /// The flow's name, if it has one.
    pub(super) name: Option<String>,
    /// The update's name, if one is shown.
    pub(super) update: Option<String>,
    /// The operators, in declaration order.
    pub(super) operators: Vec<Shown>,
    /// The arcs, in declaration order.
    pub(super) arcs: Vec<Line>,
    /// The operators, producers before consumers.
    pub(super) layers: Vec<Vec<usize>>,
}

/// An operator.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) component: String,
    pub(super) properties: BTreeMap<String, Value>,
    /// Whether markers enter here.
    pub(super) source: bool,
    /// Whether markers leave here.
    pub(super) sink: bool,
    /// What the update does here.
    pub(super) change: Option<Change>,
}

/// What an update does at an operator.
#[derive(Debug, Default, Serialize)]
pub(super) struct Change {
    /// The component it runs from then on, if another.
    pub(super) component: Option<String>,
    /// What becomes of its state then.
    pub(super) state: Option<String>,
    /// Properties that take another value.
    pub(super) properties: BTreeMap<String, Value>,
}

/// An arc.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) from_port: String,
    pub(super) to: usize,
    pub(super) to_port: String,
    pub(super) carries: String,
    /// What it carries after the update, if something else.
    pub(super) carries_after: Option<String>,
    pub(super) feedback: bool,
}

impl Picture {
    /// A flow, and what a plan changes in it.
    pub(super) fn of(graph: &FlowGraph, plan: Option<&Plan>) -> Self {
        Self {
            name: graph.name().map(str::to_owned),
            update: plan.map(|plan| plan.update.clone()),
            operators: graph.operators().map(|(id, _)| operator(graph, id, plan)).collect(),
            arcs: graph.arcs().map(|(_, arc)| line(graph, arc, plan)).collect(),
            layers: layers(graph),
        }
    }
}

impl Line {
    /// The packet types it carries, before and after the update if they differ.
    pub(super) fn types(&self) -> String {
        match &self.carries_after {
            Some(after) => format!("{} => {after}", self.carries),
            None => self.carries.clone(),
        }
    }
}

fn operator(graph: &FlowGraph, id: OperatorId, plan: Option<&Plan>) -> Shown {
    let node = graph.operator(id);
    Shown {
        name: node.name.clone(),
        component: node.component.id.to_string(),
        properties: node.properties.clone(),
        source: graph.awaited(id).is_empty(),
        sink: graph.broadcast(id).is_empty(),
        change: plan.and_then(|plan| plan.actions.get(&id)).map(|actions| change(actions)),
    }
}

fn change(actions: &[Action]) -> Change {
    let mut change = Change::default();
    for action in actions {
        match action {
            Action::Replace { to, state, .. } => {
                change.component = Some(to.to_string());
                change.state = Some(state.to_string());
            }
            Action::Configure { properties } => change.properties.extend(properties.clone()),
            Action::HandOver { .. } | Action::Disconnect { .. } | Action::Connect { .. } | Action::Retire => {}
        }
    }
    change
}

fn line(graph: &FlowGraph, arc: &GraphArc, plan: Option<&Plan>) -> Line {
    let port = |name: String, operator: OperatorId| name[graph.operator(operator).name.len() + 1..].to_owned();
    let after = plan.and_then(|plan| {
        let to = plan.after.driven(&graph.output(arc.from))?;
        Some(&plan.after.arc(plan.after.operator(to.operator).inputs[usize::from(to.port.0)]).carries)
    });
    let after = after.filter(|after| **after != arc.carries);
    Line {
        from: index(arc.from.operator),
        from_port: port(graph.output_name(arc.from), arc.from.operator),
        to: index(arc.to.operator),
        to_port: port(graph.input_name(arc.to), arc.to.operator),
        carries: arc.carries.to_string(),
        carries_after: after.map(ToString::to_string),
        feedback: arc.feedback,
    }
}

fn index(id: OperatorId) -> usize {
    id.0 as usize
}

fn layers(graph: &FlowGraph) -> Vec<Vec<usize>> {
    let mut layer = vec![0; graph.len()];
    for id in graph.order() {
        let next = layer[index(id)] + 1;
        for arc in graph.operator(id).outputs.iter().map(|arc| graph.arc(*arc)).filter(|arc| !arc.feedback) {
            let consumer = &mut layer[index(arc.to.operator)];
            *consumer = next.max(*consumer);
        }
    }
    let count = layer.iter().max().map_or(0, |last| last + 1);
    let mut layers = vec![Vec::new(); count];
    for (operator, layer) in layer.into_iter().enumerate() {
        layers[layer].push(operator);
    }
    layers
}
