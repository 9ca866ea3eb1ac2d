//! Routes: where an update's marker enters, at which ports it is awaited, and where it goes on; one way for each scheduler.
//!
//! ```text
//!              .-> a --.                   targets a and j
//!   source -> f         > j -> sink        epoch:     from source, everywhere, to sink
//!              '-> b --'                   dependent: from source to a (the origin) by f, then a, j, sink; b is left alone
//!                                          scoped:    from f, since what f sends both ways must not meet old and new:
//!                                                     f, a, b, j
//! ```
//!
//! Paper: Algorithms 1 and 2 are not printed in what we have; `dependent` is our reading of the text around them. `scoped`
//! follows the minimal covering sub-DAG of Fries (Wang et al., VLDB 2022).

use super::relied;
use super::scheduler::Scheduler;
use crate::component::Emission;
use crate::graph::{FlowGraph, Members};
use crate::id::{OperatorId, OutPort, PortSet};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The way of an update's marker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Route {
    /// Operators that get the marker from the entrance.
    pub heads: Vec<OperatorId>,
    /// Every operator that it passes, and how.
    pub passes: BTreeMap<OperatorId, Pass>,
}

/// How a marker passes an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pass {
    /// The input ports at which it is awaited.
    pub awaited: PortSet,
    /// Whether it is awaited from the entrance.
    pub commanded: bool,
    /// The output ports on which it goes on.
    pub forward: PortSet,
    /// Those among them whose arcs are not feedback.
    pub ordinary: PortSet,
    /// Whether it ends here.
    pub last: bool,
}

impl Route {
    /// The way to `targets`. `marked` output ports carry the marker although their arcs are feedback.
    pub(super) fn of(
        scheduler: Scheduler,
        graph: &FlowGraph,
        targets: &[OperatorId],
        marked: &BTreeSet<OutPort>,
    ) -> Self {
        let all = || Members::none(graph.len()).with(graph.shape().all());
        let mut route = match scheduler {
            Scheduler::Direct => Self::messages(targets),
            Scheduler::Epoch | Scheduler::StopTheWorld => Self::within(graph, &all()),
            Scheduler::Dependent => Self::by_origin(graph, targets),
            Scheduler::Scoped => Self::within(graph, &scope(graph, targets)),
        };
        for out in marked {
            route.passes.entry(out.operator).or_default().forward.insert(out.port);
        }
        route
    }

    /// The way of an update from one flow to another: to `targets`, and to whatever a later plan may rely on.
    pub(super) fn to(
        scheduler: Scheduler,
        (before, after): (&FlowGraph, &FlowGraph),
        targets: &[OperatorId],
        marked: &BTreeSet<OutPort>,
    ) -> Self {
        let route = Self::of(scheduler, before, targets, marked);
        if !scheduler.is_local() {
            return route;
        }
        let relied = relied::upon(before, after);
        let passes_all = relied.iter().all(|at| route.passes.contains_key(at));
        if passes_all { route } else { route.widened(before, &relied) }
    }

    /// A message to each, which goes no further.
    fn messages(targets: &[OperatorId]) -> Self {
        let pass = Pass { commanded: true, ..Pass::default() };
        let targets: BTreeSet<OperatorId> = targets.iter().copied().collect();
        Self { heads: targets.iter().copied().collect(), passes: targets.iter().map(|at| (*at, pass)).collect() }
    }

    /// In at the operators of a scope that no other of it leads to, along every arc inside.
    fn within(graph: &FlowGraph, scope: &Members) -> Self {
        let inside = |other| scope.contains(other);
        Self::passing(scope.iter().map(|at| (at, pass(graph, at, inside, inside))).collect())
    }

    fn passing(passes: BTreeMap<OperatorId, Pass>) -> Self {
        let heads = passes.iter().filter(|(_, pass)| pass.commanded).map(|(at, _)| *at).collect();
        Self { heads, passes }
    }

    /// From the sources to the origin and nowhere else; behind the origin everywhere.
    fn by_origin(graph: &FlowGraph, targets: &[OperatorId]) -> Self {
        let Some(origin) = origin(graph, targets) else {
            return Self::within(graph, &Members::none(graph.len()).with(graph.shape().all()));
        };
        let (to, below) = (graph.shape().to([origin]), graph.shape().behind([origin]));
        let from = below.clone().with([origin]);
        let pass = |at| match (to.contains(at), at == origin) {
            (_, true) => pass(graph, at, |other| to.contains(other), |other| below.contains(other)),
            (true, false) => pass(graph, at, |other| to.contains(other), |other| to.contains(other)),
            (false, false) => pass(graph, at, |other| from.contains(other), |other| below.contains(other)),
        };
        let passed = to.clone().with(below.iter());
        Self::passing(passed.iter().map(|at| (at, pass(at))).collect())
    }

    /// The same way, widened to pass `others` too, and whatever must then change at one computation time with them.
    ///
    /// ```text
    ///              .-> left ---.               u1 = {right, join}, u2 = {in, right}, each in its own scope:
    ///   in -> split             > join         a packet that the new `in` sends by `left` comes to the old `join`,
    ///              '-> right --'               another is sent by the old `in`, and meets the new `right`
    /// ```
    ///
    /// So the two would be in one order at `right`, and for some packets in the other. Where scopes overlap, the later update
    /// enters at every head of their union, and follows the earlier one everywhere (protocol.md, section 4).
    pub(crate) fn widened(&self, graph: &FlowGraph, others: &BTreeSet<OperatorId>) -> Self {
        let all: Vec<OperatorId> = self.passes.keys().chain(others).copied().collect();
        let mut route = Self::within(graph, &scope(graph, &all));
        for (at, pass) in &self.passes {
            let wide = route.passes.entry(*at).or_default();
            // Feedback arcs that carry the marker all the same.
            wide.forward = wide.forward.union(pass.forward.minus(pass.ordinary));
        }
        route
    }

    /// The operators that it passes.
    pub fn scope(&self) -> Vec<OperatorId> {
        self.passes.keys().copied().collect()
    }
}

fn pass(
    graph: &FlowGraph,
    at: OperatorId,
    comes_from: impl Fn(OperatorId) -> bool,
    goes_to: impl Fn(OperatorId) -> bool,
) -> Pass {
    let node = graph.operator(at);
    let awaited = graph.awaited(at).iter().filter(|p| {
        let arc = graph.arc(node.inputs[usize::from(p.0)]);
        comes_from(arc.from.operator)
    });
    let forward = graph.broadcast(at).iter().filter(|p| {
        let arc = graph.arc(node.outputs[usize::from(p.0)]);
        goes_to(arc.to.operator)
    });
    let (awaited, forward): (PortSet, PortSet) = (awaited.collect(), forward.collect());
    Pass { awaited, commanded: awaited.is_empty(), forward, ordinary: forward, last: forward.is_empty() }
}

/// With everything on a way from one of a set to another.
fn hull(graph: &FlowGraph, set: &Members) -> Members {
    let some = || set.iter().collect::<Vec<_>>();
    graph.shape().from(some()).and(&graph.shape().to(some()))
}

/// The first target, if all others are behind it; or else the last operator that every way to a target passes. None if there
/// is no such operator.
pub(super) fn origin(graph: &FlowGraph, targets: &[OperatorId]) -> Option<OperatorId> {
    // One that all others are behind has none before it, and then no other target has none.
    let behind = graph.shape().behind(targets.iter().copied());
    let mut foremost = targets.iter().copied().filter(|at| !behind.contains(*at));
    match (foremost.next(), foremost.next()) {
        (Some(first), None) => Some(first),
        (None | Some(_), _) => dominator(graph, targets),
    }
}

/// The last operator that every way from a source to one of these passes.
///
/// Of the operators that lead to one of them, in order: an operator is on every such way if no arc leads from before it to
/// behind it, no target is before it, and no way begins behind it.
///
/// ```text
///   source -> a -> f -> x -> y (target)      f is the last that no arc passes over
///                   '-------^
/// ```
fn dominator(graph: &FlowGraph, targets: &[OperatorId]) -> Option<OperatorId> {
    let shape = graph.shape();
    if targets.is_empty() {
        return graph.order().last().copied();
    }
    let (relevant, ends) =
        (shape.to(targets.iter().copied()), Members::none(graph.len()).with(targets.iter().copied()));
    let order: Vec<OperatorId> = graph.order().into_iter().filter(|at| relevant.contains(*at)).collect();
    let mut rank = vec![usize::MAX; graph.len()];
    order.iter().enumerate().for_each(|(place, at)| rank[at.0 as usize] = place);
    let last_source = order.iter().rposition(|at| shape.previous(*at).is_empty()).unwrap_or(0);
    let (mut reached, mut found) = (last_source, None);
    for (place, at) in order.iter().enumerate() {
        if reached <= place {
            found = Some(*at);
        }
        if ends.contains(*at) {
            break;
        }
        let furthest =
            shape.next(*at).iter().filter(|next| relevant.contains(**next)).map(|next| rank[next.0 as usize]);
        reached = furthest.fold(reached, usize::max);
    }
    found
}

/// Those that can be reached from a source without passing an operator.
pub(super) fn beside(graph: &FlowGraph, at: OperatorId) -> Members {
    let shape = graph.shape();
    let mut seen = Members::none(graph.len());
    let mut open: Vec<OperatorId> =
        graph.sources().into_iter().filter(|source| *source != at && seen.insert(*source)).collect();
    while let Some(next) = open.pop() {
        open.extend(shape.next(next).iter().copied().filter(|next| *next != at && seen.insert(*next)));
    }
    seen
}

/// The smallest part of the flow that a marker must pass for its targets to change at one computation time.
fn scope(graph: &FlowGraph, targets: &[OperatorId]) -> Members {
    let leading = graph.shape().to(targets.iter().copied());
    let mut scope = hull(graph, &Members::none(graph.len()).with(targets.iter().copied()));
    loop {
        let splitting = splitters(graph, &leading, &scope);
        let mut larger = scope.clone().with(splitting);
        if is_entered_from_behind(graph, &larger) {
            let all: Vec<OperatorId> = larger.iter().collect();
            larger = match dominator(graph, &all) {
                Some(at) => larger.with([at]),
                None => graph.shape().to(all),
            };
        }
        let larger = hull(graph, &larger);
        if larger == scope {
            return scope;
        }
        scope = larger;
    }
}

/// Operators outside a scope from which one lineage reaches its targets by several packets: some could come before the change
/// and some after. `leading` are those that lead to a target, targets included.
pub(super) fn splitters(graph: &FlowGraph, leading: &Members, scope: &Members) -> Vec<OperatorId> {
    let splits = |at: &OperatorId| {
        let outputs = graph.shape().next(*at).iter().filter(|next| leading.contains(**next)).count();
        match graph.operator(*at).component.emission {
            Emission::Each | Emission::Filter => outputs > 1,
            Emission::Route | Emission::Buffer => false,
            Emission::Many => outputs > 0,
        }
    };
    leading.iter().filter(|at| !scope.contains(*at) && splits(at)).collect()
}

/// Whether what happens in a scope could come round by a feedback arc and enter the scope where the marker does not: behind
/// its head, or at another head.
pub(super) fn is_entered_from_behind(graph: &FlowGraph, scope: &Members) -> bool {
    if !graph.shape().has_feedback() {
        return false;
    }
    let behind = graph.shape().behind(scope.iter());
    let is_head = |at: &OperatorId| !behind.contains(*at);
    let one_head = scope.iter().filter(is_head).count() == 1;
    let entered = scope.iter().filter(|at| !(one_head && is_head(at)));
    let back = coming_round(graph, scope);
    entered
        .flat_map(|at| graph.shape().previous(at).iter().copied())
        .any(|entry| !scope.contains(entry) && back.contains(entry))
}

/// Where a feedback arc leads to from behind a scope, and what is behind that; and so on, for a feedback arc may lead to where another
/// begins.
fn coming_round(graph: &FlowGraph, scope: &Members) -> Members {
    let shape = graph.shape();
    let mut back = Members::none(graph.len());
    let mut seen = scope.clone();
    let mut open: Vec<(OperatorId, bool)> = scope.iter().map(|at| (at, false)).collect();
    while let Some((at, has_come_round)) = open.pop() {
        let mut go = |next: OperatorId, comes_round: bool| {
            let new = if comes_round { back.insert(next) } else { seen.insert(next) };
            if new {
                open.push((next, comes_round));
            }
        };
        shape.next(at).iter().for_each(|next| go(*next, has_come_round));
        let arcs = graph.operator(at).outputs.iter().map(|arc| graph.arc(*arc)).filter(|arc| arc.feedback);
        arcs.for_each(|arc| go(arc.to.operator, true));
    }
    back
}
