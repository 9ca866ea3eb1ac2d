//! F08, F09, F11, F15: acyclic but for feedback, reached from a source, and feedback that closes loops.
//!
//! Where a component or an end is not known, the flow gets the benefit of the doubt: an arc into an unknown port may
//! be feedback, an unknown component may be a source.

use super::{End, Wire, Wiring, diagnostic};
use crate::component::{Component, Wake};
use crate::diagnostic::{Code, Diagnostic, Thing};
use crate::graph::{self, Forward};
use crate::id::{ArcId, OperatorId};
use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::visit::EdgeRef;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The violations: cycles first.
pub(super) fn check(wiring: &Wiring<'_>, order: &[OperatorId]) -> Vec<Diagnostic> {
    let is_acyclic = order.len() == wiring.components.len();
    let mut found = if is_acyclic { Vec::new() } else { cycles(wiring) };
    found.extend(sources(wiring));
    found.extend(feedback(wiring, order));
    found
}

/// Whether packets can begin at an operator of this component with no help from others.
fn is_source(component: &Component) -> bool {
    component.wake == Wake::Source && component.inputs.iter().all(|input| input.feedback)
}

/// One diagnostic per cycle of a family that, cut at the arcs proposed, leaves no cycle at all.
fn cycles(wiring: &Wiring<'_>) -> Vec<Diagnostic> {
    let mut graph = wiring.forward();
    let mut found = Vec::new();
    while let Some(cycle) = shortest_cycle(&graph) {
        let arcs: Vec<usize> = cycle.iter().map(|edge| graph[*edge].0 as usize).collect();
        found.push(cyclic(wiring, &arcs));
        graph.remove_edge(*cycle.last().expect("a cycle has an arc"));
    }
    found
}

fn cyclic(wiring: &Wiring<'_>, arcs: &[usize]) -> Diagnostic {
    let flow_arcs: Vec<_> = arcs.iter().map(|&arc| &wiring.flow.arcs[arc]).collect();
    let start = &flow_arcs[0].from.operator;
    let round = flow_arcs.iter().map(|arc| format!(" -> {}", arc.to.operator)).collect::<String>();
    let closing = &flow_arcs[flow_arcs.len() - 1].to;
    diagnostic(
        Code::F08,
        format!("the flow goes round in a cycle: {start}{round}"),
        arcs.iter().filter_map(|&arc| wiring.map.place(&Thing::Arc(arc), "on the cycle")),
        "a feedback port on every cycle",
        arcs.iter().map(|&arc| format!("`{}`", wiring.arc_name(arc))).collect::<Vec<_>>().join(", "),
        format!("if `{closing}` closes the loop, declare it a feedback port in its component; or take an arc out"),
    )
}

/// The arcs of a shortest cycle through the first operator that is on one; the last arc leads back to that operator.
fn shortest_cycle(graph: &Forward) -> Option<Vec<EdgeIndex>> {
    let mut on_cycle: Vec<NodeIndex> = // Tarjan's search recurses, as deep as the flow is.
        petgraph::algo::kosaraju_scc(graph)
        .into_iter()
        .filter(|part| part.len() > 1 || graph.contains_edge(part[0], part[0]))
        .flatten()
        .collect();
    on_cycle.sort();
    let start = *on_cycle.first()?;
    let mut came_by = BTreeMap::<NodeIndex, EdgeIndex>::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        let mut edges: Vec<_> = graph.edges(at).map(|edge| (*edge.weight(), edge.target(), edge.id())).collect();
        edges.sort();
        for (_, target, edge) in edges {
            if target == start {
                return Some(path_to(graph, &came_by, start, edge));
            }
            came_by.entry(target).or_insert_with(|| {
                queue.push_back(target);
                edge
            });
        }
    }
    unreachable!("an operator in a strongly connected part lies on a cycle");
}

fn path_to(
    graph: &Forward,
    came_by: &BTreeMap<NodeIndex, EdgeIndex>,
    start: NodeIndex,
    last: EdgeIndex,
) -> Vec<EdgeIndex> {
    let mut path = vec![last];
    loop {
        let (from, _) = graph.edge_endpoints(path[path.len() - 1]).expect("the arc was just found in this graph");
        if from == start {
            path.reverse();
            return path;
        }
        path.push(came_by[&from]);
    }
}

fn sources(wiring: &Wiring<'_>) -> Vec<Diagnostic> {
    let roots: Vec<OperatorId> =
        wiring.operators().filter(|(_, c)| c.is_none_or(is_source)).map(|(id, _)| id).collect();
    if roots.is_empty() && wiring.flow.inports.is_empty() { vec![no_source(wiring)] } else { unreached(wiring, roots) }
}

fn no_source(wiring: &Wiring<'_>) -> Diagnostic {
    diagnostic(
        Code::F15,
        "the flow has no source",
        wiring.map.place(&Thing::Whole, "no operator here begins anything"),
        "an operator whose component has wake `source` and no input, or only feedback inputs",
        format!("{} operators, none of them such", wiring.flow.operators.len()),
        "add an operator that brings packets in",
    )
}

fn unreached(wiring: &Wiring<'_>, mut roots: Vec<OperatorId>) -> Vec<Diagnostic> {
    let (graph, unknown) = doubtful(wiring);
    roots.push(unknown);
    let reached = graph::reachable(&graph, roots);
    wiring
        .operators()
        .filter(|(id, _)| !reached.contains(*id))
        .map(|(id, _)| {
            diagnostic(
                Code::F09,
                format!("no source reaches operator `{}`", wiring.name(id)),
                wiring.place_operator(id, "never fires, and can never be updated"),
                "a path of arcs from a source, feedback arcs not counted",
                "none",
                "connect it behind a source; a source has wake `source` and no input, or only feedback inputs",
            )
        })
        .collect()
}

fn feedback(wiring: &Wiring<'_>, order: &[OperatorId]) -> Vec<Diagnostic> {
    if wiring.wires.iter().all(|wire| !wire.feedback) {
        return Vec::new();
    }
    let (graph, unknown) = doubtful(wiring);
    let ways = Between::of(&graph, order, unknown);
    let loops = |from: OperatorId, to: OperatorId| ways.lead(to, from);
    let arcs = wiring.wires.iter().enumerate().filter(|(_, wire)| wire.feedback);
    arcs.filter_map(|(i, wire)| {
        let (from, to) = (wire.from.operator?, wire.to.operator?);
        (!loops(from, to)).then(|| open_loop(wiring, graph::arc_id(i), from, to))
    })
    .collect()
}

/// Ways from one operator to another, looked for among those that can be between them only.
struct Between<'a> {
    graph: &'a Forward,
    /// The place of each operator in the order, where all have one: then a way leads from a lower to a higher place.
    places: Option<Vec<usize>>,
}

impl<'a> Between<'a> {
    fn of(graph: &'a Forward, order: &[OperatorId], unknown: OperatorId) -> Self {
        let complete = order.len() + 1 == graph.node_count() && graph.neighbors(graph::node(unknown)).next().is_none();
        let places = complete.then(|| {
            let mut places = vec![usize::MAX; graph.node_count()];
            order.iter().enumerate().for_each(|(place, at)| places[at.0 as usize] = place);
            places
        });
        Self { graph, places }
    }

    fn lead(&self, from: OperatorId, to: OperatorId) -> bool {
        let place = |at: OperatorId| self.places.as_ref().map_or(0, |places| places[at.0 as usize]);
        let (mut open, mut seen) = (vec![from], BTreeSet::from([from]));
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            let next = self.graph.neighbors(graph::node(at)).map(|n| graph::operator_id(n.index()));
            open.extend(next.filter(|next| place(*next) <= place(to) && seen.insert(*next)));
        }
        false
    }
}

/// The arcs that are not feedback, and one operator more: the unknown. Arcs that are loose or missing (F03, F05, F06,
/// F16) and unknown components (F02) lead there and come from there, so that a path cut by one of them is not missed
/// a second time.
fn doubtful(wiring: &Wiring<'_>) -> (Forward, OperatorId) {
    let mut graph = wiring.arcs_where(|wire| !wire.feedback);
    let unknown = graph.add_node(());
    let ends = |end: fn(&Wire) -> End| wiring.wires.iter().filter_map(|w| end(w).at()).collect::<BTreeSet<_>>();
    let (fed, driven) = (ends(|wire| wire.to), ends(|wire| wire.from));
    let mut from_unknown = BTreeSet::new();
    let mut to_unknown = BTreeSet::new();
    for (id, component) in wiring.operators() {
        let inputs = component.map_or(&[][..], |c| &c.inputs);
        let unfed = inputs.iter().enumerate().any(|(i, input)| !input.feedback && !fed.contains(&(id, i)));
        from_unknown.extend((unfed || component.is_none()).then_some(id));
        let undriven = (0..component.map_or(0, |c| c.outputs.len())).any(|i| !driven.contains(&(id, i)));
        to_unknown.extend((undriven || component.is_none()).then_some(id));
    }
    from_unknown.extend(wiring.wires.iter().filter(|wire| wire.from.operator.is_none()).filter_map(|w| w.to.operator));
    to_unknown.extend(wiring.wires.iter().filter(|wire| wire.to.operator.is_none()).filter_map(|w| w.from.operator));
    // The arcs' names do not matter: only paths do.
    for id in from_unknown {
        graph.add_edge(unknown, graph::node(id), graph::arc_id(0));
    }
    for id in to_unknown {
        graph.add_edge(graph::node(id), unknown, graph::arc_id(0));
    }
    (graph, graph::operator_id(unknown.index()))
}

fn open_loop(wiring: &Wiring<'_>, arc: ArcId, from: OperatorId, to: OperatorId) -> Diagnostic {
    let (from, to, i) = (wiring.name(from), wiring.name(to), arc.0 as usize);
    diagnostic(
        Code::F11,
        format!("`{}` ends in a feedback port but closes no loop", wiring.arc_name(i)),
        wiring.place_end(Thing::ArcTo(i), i, "a feedback port"),
        format!("a path of other arcs from `{to}` to `{from}`"),
        "none",
        format!("use an ordinary input port of `{to}`, or connect the feedback port from an operator behind `{to}`"),
    )
}
