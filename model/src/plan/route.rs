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
use crate::graph::FlowGraph;
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

/// Operators by number, in order.
type Set = BTreeSet<OperatorId>;

impl Route {
    /// The way to `targets`. `marked` output ports carry the marker although their arcs are feedback.
    pub(super) fn of(
        scheduler: Scheduler,
        graph: &FlowGraph,
        targets: &[OperatorId],
        marked: &BTreeSet<OutPort>,
    ) -> Self {
        let ways = Ways::of(graph);
        let targets: Set = targets.iter().copied().collect();
        let mut route = match scheduler {
            Scheduler::Direct => Self::messages(&targets),
            Scheduler::Epoch | Scheduler::StopTheWorld => Self::within(graph, &ways.all()),
            Scheduler::Dependent => Self::by_origin(graph, &ways, &targets),
            Scheduler::Scoped => Self::within(graph, &scope(graph, &ways, &targets)),
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
    fn messages(targets: &Set) -> Self {
        let pass = Pass { commanded: true, ..Pass::default() };
        Self { heads: targets.iter().copied().collect(), passes: targets.iter().map(|at| (*at, pass)).collect() }
    }

    /// In at the operators of a scope that no other of it leads to, along every arc inside.
    fn within(graph: &FlowGraph, scope: &Set) -> Self {
        let passes: BTreeMap<OperatorId, Pass> = scope
            .iter()
            .map(|at| (*at, pass(graph, *at, |other| scope.contains(&other), |other| scope.contains(&other))))
            .collect();
        let heads = passes.iter().filter(|(_, pass)| pass.commanded).map(|(at, _)| *at).collect();
        Self { heads, passes }
    }

    /// From the sources to the origin and nowhere else; behind the origin everywhere.
    fn by_origin(graph: &FlowGraph, ways: &Ways, targets: &Set) -> Self {
        let Some(origin) = origin(graph, ways, targets) else { return Self::within(graph, &ways.all()) };
        let (above, below) = (ways.before(origin), ways.behind(origin));
        let to_origin = |other| above.contains(&other) || other == origin;
        let mut passes = BTreeMap::new();
        for at in &above {
            passes.insert(*at, pass(graph, *at, to_origin, to_origin));
        }
        passes.insert(origin, pass(graph, origin, |other| above.contains(&other), |other| below.contains(&other)));
        for at in below {
            passes.insert(
                *at,
                pass(graph, *at, |other| other == origin || below.contains(&other), |other| below.contains(&other)),
            );
        }
        let heads = passes.iter().filter(|(_, pass)| pass.commanded).map(|(at, _)| *at).collect();
        Self { heads, passes }
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
        let all: Set = self.passes.keys().chain(others).copied().collect();
        let mut route = Self::within(graph, &scope(graph, &Ways::of(graph), &all));
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

/// Who can be reached from whom without crossing a feedback arc.
pub(super) struct Ways {
    behind: Vec<Set>,
}

impl Ways {
    pub(super) fn of(graph: &FlowGraph) -> Self {
        let mut behind = vec![Set::new(); graph.len()];
        for at in graph.order().into_iter().rev() {
            let node = graph.operator(at);
            let next = node.outputs.iter().map(|arc| graph.arc(*arc)).filter(|arc| !arc.feedback);
            let next: Set = next.map(|arc| arc.to.operator).collect();
            let further: Set = next.iter().flat_map(|to| behind[to.0 as usize].iter().copied()).collect();
            behind[at.0 as usize] = next.into_iter().chain(further).collect();
        }
        Self { behind }
    }

    fn all(&self) -> Set {
        (0..self.behind.len() as u32).map(OperatorId).collect()
    }

    /// What is behind an operator, itself not included.
    pub(super) fn behind(&self, at: OperatorId) -> &Set {
        &self.behind[at.0 as usize]
    }

    /// What is before an operator, itself not included.
    pub(super) fn before(&self, at: OperatorId) -> Set {
        self.all().into_iter().filter(|other| self.behind(*other).contains(&at)).collect()
    }

    fn leads(&self, from: OperatorId, to: OperatorId) -> bool {
        from == to || self.behind(from).contains(&to)
    }

    /// With everything on a way from one of a set to another.
    fn hull(&self, set: &Set) -> Set {
        let from = |at: OperatorId| set.iter().any(|other| self.leads(*other, at));
        let to = |at: OperatorId| set.iter().any(|other| self.leads(at, *other));
        self.all().into_iter().filter(|at| from(*at) && to(*at)).collect()
    }
}

/// The first target, if all others are behind it; or else the last operator that every way to a target passes. None if there
/// is no such operator.
pub(super) fn origin(graph: &FlowGraph, ways: &Ways, targets: &Set) -> Option<OperatorId> {
    let first = targets.iter().copied().find(|first| targets.iter().all(|other| ways.leads(*first, *other)));
    first.or_else(|| dominator(graph, ways, targets))
}

/// The last operator that every way from a source to one of these passes.
fn dominator(graph: &FlowGraph, ways: &Ways, targets: &Set) -> Option<OperatorId> {
    let candidates = graph.order().into_iter().rev().filter(|at| targets.iter().all(|target| ways.leads(*at, *target)));
    candidates.into_iter().find(|at| targets.iter().all(|target| dominates(graph, ways, *at, *target)))
}

/// Whether every way from a source to `target` passes `at`.
pub(super) fn dominates(graph: &FlowGraph, ways: &Ways, at: OperatorId, target: OperatorId) -> bool {
    if at == target {
        return true;
    }
    let mut seen = Set::new();
    let mut open: Vec<OperatorId> = graph.sources().into_iter().filter(|source| *source != at).collect();
    while let Some(next) = open.pop() {
        if next == target {
            return false;
        }
        if !seen.insert(next) || !ways.leads(next, target) {
            continue;
        }
        let outputs = graph.operator(next).outputs.iter().map(|arc| graph.arc(*arc));
        open.extend(outputs.filter(|arc| !arc.feedback && arc.to.operator != at).map(|arc| arc.to.operator));
    }
    true
}

/// The smallest part of the flow that a marker must pass for its targets to change at one computation time.
fn scope(graph: &FlowGraph, ways: &Ways, targets: &Set) -> Set {
    let mut scope = ways.hull(targets);
    loop {
        let splitting = splitters(graph, ways, targets, &scope);
        let mut larger: Set = scope.iter().copied().chain(splitting).collect();
        if is_entered_from_behind(graph, ways, &larger) {
            match dominator(graph, ways, &larger) {
                Some(at) => drop(larger.insert(at)),
                None => larger = larger.iter().flat_map(|at| ways.before(*at)).chain(larger.clone()).collect(),
            }
        }
        let larger = ways.hull(&larger);
        if larger == scope {
            return scope;
        }
        scope = larger;
    }
}

/// Operators outside a scope from which one lineage reaches its targets by several packets: some could come before the change
/// and some after.
pub(super) fn splitters(graph: &FlowGraph, ways: &Ways, targets: &Set, scope: &Set) -> Vec<OperatorId> {
    let splits = |at: &OperatorId| {
        let node = graph.operator(*at);
        let leads = |arc: &&crate::id::ArcId| {
            let arc = graph.arc(**arc);
            !arc.feedback && targets.iter().any(|target| ways.leads(arc.to.operator, *target))
        };
        let outputs = node.outputs.iter().filter(leads).count();
        match node.component.emission {
            Emission::Each | Emission::Filter => outputs > 1,
            Emission::Route | Emission::Buffer => false,
            Emission::Many => outputs > 0,
        }
    };
    ways.all().into_iter().filter(|at| !scope.contains(at) && splits(at)).collect()
}

/// Whether what happens in a scope could come round by a feedback arc and enter the scope where the marker does not: behind
/// its head, or at another head.
pub(super) fn is_entered_from_behind(graph: &FlowGraph, ways: &Ways, scope: &Set) -> bool {
    let outside = |at: &OperatorId| {
        let inputs = graph.operator(*at).inputs.iter().map(|arc| graph.arc(*arc));
        inputs
            .filter(|arc| !arc.feedback && !scope.contains(&arc.from.operator))
            .map(|arc| arc.from.operator)
            .collect::<Set>()
    };
    let heads: Set =
        scope.iter().copied().filter(|at| scope.iter().all(|other| !ways.behind(*other).contains(at))).collect();
    let entries: Set = match heads.len() {
        1 => scope.iter().filter(|at| !heads.contains(at)).flat_map(outside).collect(),
        _ => scope.iter().flat_map(outside).collect(),
    };
    entries.iter().any(|entry| comes_round(graph, ways, scope, *entry))
}

/// Whether a feedback arc leads from behind a scope to an operator or to something before it.
fn comes_round(graph: &FlowGraph, ways: &Ways, scope: &Set, to: OperatorId) -> bool {
    let feedback = graph.arcs().map(|(_, arc)| arc).filter(|arc| arc.feedback);
    let mut reached: Set =
        scope.iter().flat_map(|at| ways.behind(*at).iter().copied()).chain(scope.iter().copied()).collect();
    // A feedback arc may lead to where another begins.
    let arcs: Vec<_> = feedback.map(|arc| (arc.from.operator, arc.to.operator)).collect();
    let mut back = Set::new();
    loop {
        let landed: Set = arcs.iter().filter(|(from, _)| reached.contains(from)).map(|(_, into)| *into).collect();
        let more: Set =
            landed.iter().flat_map(|at| ways.behind(*at).iter().copied()).chain(landed.iter().copied()).collect();
        if more.is_subset(&back) {
            return back.contains(&to);
        }
        back.extend(more.iter().copied());
        reached.extend(more);
    }
}
