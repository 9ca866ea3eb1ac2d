//! What a marker overtakes: packets that reach a changed operator on the wrong side of it.
//!
//! A marker travels in order with the packets on arcs. Two kinds of packets are not in order with it: what an operator holds as open
//! work, and what comes round by a feedback arc, along which no marker goes. Where such a packet leads from one changed operator to
//! another, no marker promises what is asked (U11).
//!
//! ```text
//!   old x -> holder [packet] -- marker is past --> new y       held: the lineage meets both sides (S4)
//!   new x -> reply ~~feedback~~> read -> old y                  overtaken: y is before what happened after x (S5)
//! ```
//!
//! Two updates can do together what one must not: the first changes `x` and overtakes what the holder has, the second changes `y`. Then
//! that packet is new for the second update and old for the first, while what comes behind the first marker and before the second is the
//! other way round, and no order of the two explains both (S4). So a flow remembers the updates that overtook what may still be
//! held ([`Memory`]), until a stop of the world has emptied it.

use super::relied;
use super::route::{Route, Ways};
use super::scheduler::Scheduler;
use crate::component::Wake;
use crate::graph::memory::{Memory, Overtook};
use crate::graph::{FlowGraph, GraphArc, Node};
use crate::id::{OperatorId, OutPort};
use std::collections::{BTreeMap, BTreeSet};

/// What an update does to a flow, as far as it matters to how it gets there.
pub(super) struct Impact<'a> {
    pub(super) before: &'a FlowGraph,
    /// The flow once applied, when it is valid.
    pub(super) after: Option<&'a FlowGraph>,
    /// Operators before to which its marker must come.
    pub(super) targets: Vec<OperatorId>,
    /// Those of them that are not the same afterwards: by function, properties or arcs, or because they go. The others only pass the
    /// marker on along a feedback arc that moves.
    pub(super) changed: Vec<OperatorId>,
    /// Those of them that go.
    pub(super) retired: &'a [OperatorId],
    /// Output ports along which its marker goes although their arcs are feedback.
    pub(super) marked: &'a BTreeSet<OutPort>,
    /// Of those that go, the ones that hand over what they hold, and the operators after to which they do.
    pub(super) heirs: BTreeMap<OperatorId, &'a str>,
}

impl Impact<'_> {
    /// The way of its marker by a scheduler.
    fn route(&self, scheduler: Scheduler) -> Route {
        match self.after {
            Some(after) => Route::to(scheduler, (self.before, after), &self.targets, self.marked),
            None => Route::of(scheduler, self.before, &self.targets, self.marked),
        }
    }

    /// Whether an operator goes and hands nothing over: it lets go of all its open work before the marker goes on.
    fn finishes(&self, at: OperatorId) -> bool {
        self.retired.contains(&at) && !self.heirs.contains_key(&at)
    }
}

/// A way by a feedback arc on which what is new at one changed operator comes to another before the marker: no marker goes along that
/// arc, so the one who reads it must have passed the marker already. Who has, when the producer of the arc sends what is new, are those
/// by whom the marker came to the changed operator, or to the producer. A second source whose packets join the flow only
/// through a feedback arc is such a case; then the cut is not consistent (S5), and there is no computation time.
pub(super) fn overtaken(scheduler: Scheduler, impact: &Impact<'_>) -> Option<String> {
    let graph = impact.before;
    let (ways, route) = (Ways::of(graph), Route::of(scheduler, graph, &impact.targets, &BTreeSet::new()));
    let have_passed = |by: OperatorId| {
        let passes = route.passes.keys().copied();
        passes
            .filter(|at| route.passes.contains_key(&by) && (*at == by || ways.behind(*at).contains(&by)))
            .collect::<Vec<_>>()
    };
    let back = || graph.arcs().map(|(_, arc)| arc).filter(|arc| arc.feedback);
    let pairs = impact.changed.iter().flat_map(|first| back().map(move |arc| (*first, arc)));
    pairs.filter(|(first, arc)| arc.from.operator == *first || ways.behind(*first).contains(&arc.from.operator)).find_map(
        |(first, arc)| {
            let passed: BTreeSet<OperatorId> = have_passed(first).into_iter().chain(have_passed(arc.from.operator)).collect();
            let second = reached_unmarked(graph, arc.to.operator, &passed, &impact.changed)?;
            let name = |at| &graph.operator(at).name;
            Some(format!(
                "what is new at `{}` comes round by the feedback arc to `{}`, and on to `{}`, where the marker may not have been yet",
                name(first), name(arc.to.operator), name(second)
            ))
        },
    )
}

/// A changed operator that packets come to from an operator, without meeting one that has passed the marker.
fn reached_unmarked(
    graph: &FlowGraph,
    from: OperatorId,
    passed: &BTreeSet<OperatorId>,
    changed: &[OperatorId],
) -> Option<OperatorId> {
    let (mut frontier, mut seen) = (vec![from], BTreeSet::new());
    while let Some(at) = frontier.pop() {
        if passed.contains(&at) || !seen.insert(at) {
            continue;
        }
        if changed.contains(&at) {
            return Some(at);
        }
        frontier.extend(graph.operator(at).outputs.iter().map(|arc| graph.arc(*arc).to.operator));
    }
    None
}

/// The operators that hold packets of lineages that go on, and still have them when the marker has passed.
fn holders<'a>(impact: &'a Impact<'_>) -> impl Iterator<Item = OperatorId> + 'a {
    let resumes = impact.before.operators().filter(|(_, node)| node.component.wake == Wake::Resume);
    resumes.map(|(id, _)| id).filter(|id| !impact.finishes(*id))
}

/// Open work that a marker overtakes between two changed operators: its lineage met the old version of the first and
/// will meet the new version of the second. The first is before the holder, or beside it: behind an operator that sends a
/// lineage several ways. The cut is consistent all the same: nothing new happens before anything old.
pub(super) fn held_between(impact: &Impact<'_>) -> Option<String> {
    let ways = &Ways::of(impact.before);
    holders(impact).find_map(|holder| {
        let (second, first) = (goes_on_to(impact, ways, holder)?, has_met(impact, ways, holder)?);
        Some(format!(
            "a packet that `{}` holds when the marker passes can be of a lineage that has met the old version of `{first}`, and goes on to the new version of `{second}`",
            impact.before.operator(holder).name
        ))
    })
}

/// The same between a change of an earlier update and one of this: of two updates that take effect in one order, since their markers
/// pass an operator in common.
pub(super) fn held_since(scheduler: Scheduler, impact: &Impact<'_>) -> Option<String> {
    let graph = impact.before;
    let ways = &Ways::of(graph);
    let route = impact.route(scheduler);
    let meets = |earlier: &&Overtook| route.passes.keys().any(|at| earlier.passed.contains(&graph.operator(*at).name));
    holders(impact).find_map(|holder| {
        let name = &graph.operator(holder).name;
        let Overtook { update, met, .. } = graph.memory.of(name).iter().find(meets)?;
        let second = goes_on_to(impact, ways, holder)?;
        Some(format!(
            "a packet that `{name}` may hold since before update `{update}` met the old version of `{met}`, and goes on to the new version of `{second}`: it would be before that update and after this one"
        ))
    })
}

/// What the flow after an update remembers.
pub(super) fn remembered(scheduler: Scheduler, update: &str, impact: &Impact<'_>) -> Memory {
    let mut memory = Memory::default();
    let Some(after) = impact.after.filter(|_| scheduler != Scheduler::StopTheWorld) else { return memory };
    let (before, ways) = (impact.before, &Ways::of(impact.before));
    let name = |id: OperatorId| before.operator(id).name.clone();
    let passed: BTreeSet<String> = impact.route(scheduler).passes.keys().map(|id| name(*id)).collect();
    for holder in holders(impact) {
        let held = impact.heirs.get(&holder).copied().unwrap_or(&before.operator(holder).name);
        let new =
            has_met(impact, ways, holder).map(|met| Overtook { update: update.into(), met, passed: passed.clone() });
        let known = before.memory.of(&before.operator(holder).name).iter().cloned();
        let Some(at) = after.find(held) else { continue };
        let behind = Ways::of(after).behind(at).iter().copied().chain([at]).collect::<Vec<_>>();
        let holding =
            behind.into_iter().map(|id| after.operator(id)).filter(|node| node.component.wake == Wake::Resume);
        for (node, overtook) in holding.flat_map(|node| known.clone().chain(new.clone()).map(move |o| (node, o))) {
            memory.add(&node.name, overtook);
        }
    }
    memory
}

/// A changed operator behind a holder.
fn goes_on_to(impact: &Impact<'_>, ways: &Ways, holder: OperatorId) -> Option<String> {
    let second = impact.changed.iter().find(|id| ways.behind(holder).contains(id));
    second.map(|id| impact.before.operator(*id).name.clone()).or_else(|| met_after(impact, holder))
}

/// A changed operator that a lineage may have met of which a holder has a packet.
fn has_met(impact: &Impact<'_>, ways: &Ways, holder: OperatorId) -> Option<String> {
    let before = |id: OperatorId| id == holder || ways.behind(id).contains(&holder);
    let first = impact.changed.iter().find(|id| before(**id) || is_beside(impact.before, ways, **id, holder));
    first.map(|id| impact.before.operator(*id).name.clone())
}

/// What the update changes or brings in, and packets of a holder come to in the flow after it, from where it is or from its heir: what was
/// a feedback arc before, where lineages end, may lead on there.
fn met_after(impact: &Impact<'_>, holder: OperatorId) -> Option<String> {
    let (before, after) = (impact.before, impact.after?);
    let is_new = |name: &str| before.find(name).is_none_or(|id| impact.changed.contains(&id));
    let stays = after.find(impact.heirs.get(&holder).copied().unwrap_or(&before.operator(holder).name))?;
    let ways = Ways::of(after);
    let behind = ways.behind(stays).iter().map(|id| &after.operator(*id).name);
    behind.into_iter().find(|name| is_new(name)).cloned()
}

/// Whether an operator sends one lineage to `target` and to `holder` by different packets.
fn is_beside(graph: &FlowGraph, ways: &Ways, target: OperatorId, holder: OperatorId) -> bool {
    let arcs =
        |node: &Node| node.outputs.iter().map(|arc| graph.arc(*arc)).filter(|arc| !arc.feedback).collect::<Vec<_>>();
    let leads = |arc: &GraphArc, to| arc.to.operator == to || ways.behind(arc.to.operator).contains(&to);
    graph.operators().any(|(_, node)| {
        let arcs = arcs(node);
        let pairs = arcs.iter().enumerate().flat_map(|(i, a)| arcs.iter().enumerate().map(move |(j, b)| (i, a, j, b)));
        let both = |i, j| relied::sends_both(node.component.emission, i == j);
        pairs.filter(|(i, _, j, _)| both(*i, *j)).any(|(_, a, _, b)| leads(a, target) && leads(b, holder))
    })
}
