//! What every drawing shows: operators in layers, arcs between them, and what an update changes.
//!
//! With an update it is the *union* of the flow before and the flow after: what stays is there once, what goes and what comes
//! stand side by side, and an arc that moves is there twice, as it was and as it will be.
//!
//! ```text
//!              .. moves from ............................
//!             :                                          v
//!   parse.OUT +-- moves to --> cache (comes) -- comes --> load
//! ```

use super::layers::Layers;
use neurath_model::flow::PortRef;
use neurath_model::graph::{FlowGraph, GraphArc};
use neurath_model::id::OperatorId;
use neurath_model::plan::{Action, Plan, Scheduler};
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
    /// The flow's name after the update, if it gets another.
    pub(super) name_after: Option<String>,
    /// The way of the update's marker.
    pub(super) marker: Option<Marker>,
    /// The operators in declaration order, and after them those that come.
    pub(super) operators: Vec<Shown>,
    /// The arcs in declaration order, and after them those that come, or that an arc moves to.
    pub(super) arcs: Vec<Line>,
    /// State that one operator gives to another.
    pub(super) hand_overs: Vec<HandOver>,
    /// The operators, producers before consumers.
    pub(super) layers: Vec<Vec<usize>>,
}

/// What becomes of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fate {
    /// It is there before and after.
    Stays,
    /// It is there only after.
    Comes,
    /// It is there only before.
    Goes,
}

/// What becomes of an arc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Course {
    /// It leads to the same port before and after.
    Stays,
    /// It is new, as its producer is.
    Comes,
    /// It ends with its producer.
    Goes,
    /// This is how it leads before it moves.
    MovesFrom,
    /// This is how it leads once it has moved.
    MovesTo,
}

/// The way of an update's marker.
#[derive(Debug, Serialize)]
pub(super) struct Marker {
    /// How the update travels.
    pub(super) scheduler: Scheduler,
    /// Where it enters.
    pub(super) heads: Vec<usize>,
    /// Every operator that it passes.
    pub(super) passes: Vec<usize>,
}

/// State that one operator gives to another.
#[derive(Debug, Serialize)]
pub(super) struct HandOver {
    pub(super) from: usize,
    pub(super) to: usize,
    /// What becomes of it.
    pub(super) state: String,
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
    /// What becomes of it.
    pub(super) fate: Fate,
    /// What the update does to its function.
    pub(super) change: Option<Change>,
    /// What it does at its computation time, in sentences.
    pub(super) steps: Vec<String>,
}

/// What an update does to the function of an operator.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
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
    /// What becomes of it.
    pub(super) course: Course,
    /// Whether the update's marker goes along it.
    pub(super) marker: bool,
    /// Whether it leads to an earlier layer, or the same.
    pub(super) backward: bool,
}

impl Picture {
    /// A flow, and what a plan changes in it.
    pub(super) fn of(graph: &FlowGraph, plan: Option<&Plan>) -> Self {
        let sides = Sides { graph, plan };
        let operators: Vec<Shown> = sides.operators().collect();
        let mut arcs: Vec<Line> = sides.arcs().collect();
        let Layers { layers, backward } = Layers::of(operators.len(), &arcs);
        for (arc, backward) in arcs.iter_mut().zip(backward) {
            arc.backward = backward;
        }
        let name_after = plan.and_then(|plan| plan.after.name()).filter(|name| Some(*name) != graph.name());
        Self {
            name: graph.name().map(str::to_owned),
            update: plan.map(|plan| plan.update.clone()),
            name_after: name_after.map(str::to_owned),
            marker: plan.map(|plan| Marker {
                scheduler: plan.scheduler,
                heads: plan.route.heads.iter().copied().map(index).collect(),
                passes: plan.scope.iter().copied().map(index).collect(),
            }),
            hand_overs: sides.hand_overs(),
            operators,
            arcs,
            layers,
        }
    }

    /// How an arc leads once it has moved.
    pub(super) fn moved(&self, arc: &Line) -> Option<&Line> {
        let same = |other: &&Line| (other.from, &other.from_port) == (arc.from, &arc.from_port);
        self.arcs.iter().filter(same).find(|other| other.course == Course::MovesTo)
    }

    /// Whether an operator comes or goes, or an arc moves.
    pub(super) fn reshapes(&self) -> bool {
        self.arcs.iter().any(|arc| arc.course != Course::Stays)
            || self.operators.iter().any(|operator| operator.fate != Fate::Stays)
    }

    /// Whether the marker enters at an operator.
    pub(super) fn is_head(&self, operator: usize) -> bool {
        self.marker.as_ref().is_some_and(|marker| marker.heads.contains(&operator))
    }

    /// Whether the marker passes an operator.
    pub(super) fn is_passed(&self, operator: usize) -> bool {
        self.marker.as_ref().is_some_and(|marker| marker.passes.contains(&operator))
    }

    /// The names of operators.
    pub(super) fn names(&self, operators: &[usize]) -> Vec<&str> {
        operators.iter().map(|operator| self.operators[*operator].name.as_str()).collect()
    }
}

impl Marker {
    /// What its heads do where the flow is drained.
    pub(super) fn stop(&self) -> &'static str {
        if self.heads.len() == 1 { "stops" } else { "stop" }
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

impl Shown {
    /// A word for what becomes of it; none if it stays.
    pub(super) fn fate_word(&self) -> Option<&'static str> {
        match self.fate {
            Fate::Stays => None,
            Fate::Comes => Some("comes"),
            Fate::Goes => Some("goes"),
        }
    }
}

impl Course {
    /// In words; none for an arc that stays.
    pub(super) fn words(self) -> Option<&'static str> {
        match self {
            Self::Stays => None,
            Self::Comes => Some("comes"),
            Self::Goes => Some("goes"),
            Self::MovesFrom => Some("moves away"),
            Self::MovesTo => Some("moves here"),
        }
    }

    /// Whether it leads so after the update.
    pub(super) fn is_after(self) -> bool {
        match self {
            Self::Stays | Self::Comes | Self::MovesTo => true,
            Self::Goes | Self::MovesFrom => false,
        }
    }
}

/// The flow before, and the plan that holds the flow after.
struct Sides<'a> {
    graph: &'a FlowGraph,
    plan: Option<&'a Plan>,
}

impl Sides<'_> {
    fn operators(&self) -> impl Iterator<Item = Shown> {
        let comes = self.plan.into_iter().flat_map(|plan| plan.extension.iter().map(|id| coming(plan, *id)));
        self.graph.operators().map(|(id, _)| self.old(id)).chain(comes)
    }

    fn old(&self, id: OperatorId) -> Shown {
        let shown = shown(self.graph, id);
        let Some(plan) = self.plan else { return shown };
        Shown {
            fate: if plan.retired.contains(&id) { Fate::Goes } else { Fate::Stays },
            change: plan.actions.get(&id).and_then(|actions| change(actions)),
            steps: plan.steps(self.graph, id),
            ..shown
        }
    }

    fn arcs(&self) -> impl Iterator<Item = Line> {
        let after =
            self.plan.into_iter().flat_map(|plan| plan.after.arcs().filter_map(|(_, arc)| self.fresh(plan, arc)));
        self.graph.arcs().map(|(_, arc)| self.standing(arc)).chain(after)
    }

    /// An arc of the flow before.
    fn standing(&self, arc: &GraphArc) -> Line {
        let graph = self.graph;
        let (from, to) = (graph.output(arc.from), graph.input(arc.to));
        let mut line = line(arc, (index(arc.from.operator), &from), (index(arc.to.operator), &to), Course::Stays);
        let Some(plan) = self.plan else { return line };
        let driven = plan.after.driven(&from);
        line.course = match driven.map(|port| plan.after.input(port)) {
            Some(after) if after == to => Course::Stays,
            Some(_) => Course::MovesFrom,
            None => Course::Goes,
        };
        line.marker =
            plan.route.passes.get(&arc.from.operator).is_some_and(|pass| pass.forward.contains(arc.from.port));
        if let (Course::Stays, Some(port)) = (line.course, driven) {
            let after = &plan.after.arc(plan.after.operator(port.operator).inputs[usize::from(port.port.0)]).carries;
            line.carries_after = (*after != arc.carries).then(|| after.to_string());
        }
        line
    }

    /// An arc of the flow after, if the flow before has none such.
    fn fresh(&self, plan: &Plan, arc: &GraphArc) -> Option<Line> {
        let (from, to) = (plan.after.output(arc.from), plan.after.input(arc.to));
        let course = match self.graph.driven(&from) {
            Some(before) if self.graph.input(before) == to => return None,
            Some(_) => Course::MovesTo,
            None => Course::Comes,
        };
        Some(line(arc, (self.number(&from.operator)?, &from), (self.number(&to.operator)?, &to), course))
    }

    fn hand_overs(&self) -> Vec<HandOver> {
        let actions = self.plan.into_iter().flat_map(|plan| &plan.actions);
        let each = actions.flat_map(|(from, actions)| actions.iter().map(move |action| (*from, action)));
        each.filter_map(|(from, action)| match action {
            Action::HandOver { to, state } => {
                Some(HandOver { from: index(from), to: self.number(to)?, state: state.to_string() })
            }
            Action::Replace { .. }
            | Action::Configure { .. }
            | Action::Disconnect { .. }
            | Action::Connect { .. }
            | Action::Retire => None,
        })
        .collect()
    }

    /// The place of an operator in the picture.
    fn number(&self, name: &str) -> Option<usize> {
        let new = |plan: &Plan| plan.extension.iter().position(|id| plan.after.operator(*id).name == name);
        self.graph.find(name).map(index).or_else(|| Some(self.graph.len() + new(self.plan?)?))
    }
}

fn shown(graph: &FlowGraph, id: OperatorId) -> Shown {
    let node = graph.operator(id);
    Shown {
        name: node.name.clone(),
        component: node.component.id.to_string(),
        properties: node.properties.clone(),
        source: graph.awaited(id).is_empty(),
        sink: graph.broadcast(id).is_empty(),
        fate: Fate::Stays,
        change: None,
        steps: Vec::new(),
    }
}

fn coming(plan: &Plan, id: OperatorId) -> Shown {
    Shown { fate: Fate::Comes, ..shown(&plan.after, id) }
}

fn change(actions: &[Action]) -> Option<Change> {
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
    (change != Change::default()).then_some(change)
}

fn line(arc: &GraphArc, from: (usize, &PortRef), to: (usize, &PortRef), course: Course) -> Line {
    Line {
        from: from.0,
        from_port: from.1.port_name(),
        to: to.0,
        to_port: to.1.port_name(),
        carries: arc.carries.to_string(),
        carries_after: None,
        feedback: arc.feedback,
        course,
        marker: false,
        backward: false,
    }
}

fn index(id: OperatorId) -> usize {
    id.0 as usize
}
