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
use super::route::Route;
use super::scheduler::Scheduler;
use crate::component::Wake;
use crate::graph::memory::{Memory, Overtook};
use crate::graph::{FlowGraph, GraphArc, Members};
use crate::id::{OperatorId, OutPort};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    if !graph.shape().has_feedback() {
        return None;
    }
    let route = Route::of(scheduler, graph, &impact.targets, &BTreeSet::new());
    let changed = Members::none(graph.len()).with(impact.changed.iter().copied());
    let behind = graph.shape().from(impact.changed.iter().copied());
    let back = graph.arcs().map(|(_, arc)| arc).filter(|arc| arc.feedback && behind.contains(arc.from.operator));
    let back: Vec<Back<'_>> = back.map(|arc| Back::of(graph, &route, &changed, arc)).collect();
    let pairs = impact.changed.iter().flat_map(|first| back.iter().map(move |back| (*first, back)));
    pairs.filter(|(first, back)| back.before.contains(*first)).find_map(|(first, back)| {
        let second = back.second_from(graph, &route, &changed, first)?;
        let name = |at| &graph.operator(at).name;
        Some(format!(
            "what is new at `{}` comes round by the feedback arc to `{}`, and on to `{}`, where the marker may not have been yet",
            name(first), name(back.arc.to.operator), name(second)
        ))
    })
}

/// A feedback arc behind a changed operator.
struct Back<'a> {
    arc: &'a GraphArc,
    /// Its producer, and what is before that.
    before: Members,
    /// The changed operator that packets come to from it, where the producer passes the marker: who has passed it before a changed
    /// operator before the producer has passed it before the producer, so it is the same for each.
    for_all: Option<Option<OperatorId>>,
}

impl<'a> Back<'a> {
    fn of(graph: &FlowGraph, route: &Route, changed: &Members, arc: &'a GraphArc) -> Self {
        let before = graph.shape().to([arc.from.operator]);
        let passes = route.passes.contains_key(&arc.from.operator);
        let for_all = passes.then(|| reached_unmarked(graph, arc.to.operator, &passed(route, &before), changed));
        Self { arc, before, for_all }
    }

    fn second_from(
        &self,
        graph: &FlowGraph,
        route: &Route,
        changed: &Members,
        first: OperatorId,
    ) -> Option<OperatorId> {
        self.for_all.unwrap_or_else(|| {
            let have_passed = match route.passes.contains_key(&first) {
                true => passed(route, &graph.shape().to([first])),
                false => Members::none(graph.len()),
            };
            reached_unmarked(graph, self.arc.to.operator, &have_passed, changed)
        })
    }
}

/// Those among some operators that a marker passes.
fn passed(route: &Route, among: &Members) -> Members {
    among.iter().filter(|at| route.passes.contains_key(at)).fold(among.emptied(), |all, at| all.with([at]))
}

/// A changed operator that packets come to from an operator, without meeting one that has passed the marker.
fn reached_unmarked(graph: &FlowGraph, from: OperatorId, passed: &Members, changed: &Members) -> Option<OperatorId> {
    let (mut frontier, mut seen) = (vec![from], Members::none(graph.len()));
    while let Some(at) = frontier.pop() {
        if passed.contains(at) || !seen.insert(at) {
            continue;
        }
        if changed.contains(at) {
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
    let mut holders = holders(impact).peekable();
    holders.peek()?;
    let (going_on, having_met) = (GoingOn::of(impact), HavingMet::of(impact));
    holders.find_map(|holder| {
        let (second, first) = (going_on.to(impact, holder)?, having_met.first(impact, holder)?);
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
    let remembers = |holder: &OperatorId| !graph.memory.of(&graph.operator(*holder).name).is_empty();
    let mut holders = holders(impact).filter(remembers).peekable();
    holders.peek()?;
    let (route, going_on) = (impact.route(scheduler), GoingOn::of(impact));
    let meets = |earlier: &&Overtook| route.passes.keys().any(|at| earlier.passed.contains(&graph.operator(*at).name));
    holders.find_map(|holder| {
        let name = &graph.operator(holder).name;
        let Overtook { update, met, .. } = graph.memory.of(name).iter().find(meets)?;
        let second = going_on.to(impact, holder)?;
        Some(format!(
            "a packet that `{name}` may hold since before update `{update}` met the old version of `{met}`, and goes on to the new version of `{second}`: it would be before that update and after this one"
        ))
    })
}

/// What the flow after an update remembers.
pub(super) fn remembered(scheduler: Scheduler, update: &str, impact: &Impact<'_>) -> Memory {
    let mut memory = Memory::default();
    let Some(after) = impact.after.filter(|_| scheduler != Scheduler::StopTheWorld) else { return memory };
    let before = impact.before;
    let mut holders = holders(impact).peekable();
    if holders.peek().is_none() {
        return memory;
    }
    let name = |id: OperatorId| before.operator(id).name.clone();
    let passed: Arc<BTreeSet<String>> = Arc::new(impact.route(scheduler).passes.keys().map(|id| name(*id)).collect());
    let having_met = HavingMet::of(impact);
    for holder in holders {
        let held = impact.heirs.get(&holder).copied().unwrap_or(&before.operator(holder).name);
        let new = having_met.first(impact, holder);
        let new = new.map(|met| Overtook { update: update.into(), met, passed: passed.clone() });
        let known = before.memory.of(&before.operator(holder).name);
        let Some(at) = after.find(held).filter(|_| new.is_some() || !known.is_empty()) else { continue };
        let holding = after.shape().from([at]);
        let holding = holding.iter().map(|id| after.operator(id)).filter(|node| node.component.wake == Wake::Resume);
        for (node, overtook) in holding.flat_map(|node| known.iter().chain(&new).map(move |o| (node, o))) {
            memory.add(&node.name, overtook.clone());
        }
    }
    memory
}

/// Who has a changed operator behind, or something that the update brings in.
struct GoingOn<'a> {
    /// Of the operators before.
    before: Members,
    /// What is new, and what leads to it, in the flow after.
    after: Option<(&'a FlowGraph, Members, Members)>,
}

impl<'a> GoingOn<'a> {
    fn of(impact: &Impact<'a>) -> Self {
        let before = impact.before.shape().before(impact.changed.iter().copied());
        let changed = Members::none(impact.before.len()).with(impact.changed.iter().copied());
        let after = impact.after.map(|after| {
            let is_new = |name: &str| impact.before.find(name).is_none_or(|id| changed.contains(id));
            let new = after.operators().filter(|(_, node)| is_new(&node.name)).map(|(id, _)| id);
            let new = Members::none(after.len()).with(new);
            let leading = after.shape().before(new.iter());
            (after, new, leading)
        });
        Self { before, after }
    }

    /// A changed operator behind a holder; or what the update changes or brings in, and packets of the holder come to in the flow
    /// after it, from where it is or from its heir: what was a feedback arc before, where lineages end, may lead on there.
    fn to(&self, impact: &Impact<'_>, holder: OperatorId) -> Option<String> {
        if self.before.contains(holder) {
            let behind = impact.before.shape().behind([holder]);
            let second = impact.changed.iter().find(|id| behind.contains(**id));
            return second.map(|id| impact.before.operator(*id).name.clone());
        }
        let (after, new, leading) = self.after.as_ref()?;
        let stays = impact.heirs.get(&holder).copied().unwrap_or(&impact.before.operator(holder).name);
        let stays = after.find(stays).filter(|at| leading.contains(*at))?;
        let first = after.shape().behind([stays]).and(new).iter().next();
        first.map(|id| after.operator(id).name.clone())
    }
}

/// Who may have a packet of a lineage that has met a changed operator: those behind it, and those beside it.
struct HavingMet(Members);

impl HavingMet {
    fn of(impact: &Impact<'_>) -> Self {
        let (graph, changed) = (impact.before, &impact.changed);
        let behind = graph.shape().from(changed.iter().copied());
        let beside = beside(graph, &graph.shape().to(changed.iter().copied()));
        Self(behind.with(beside.iter()))
    }

    /// A changed operator that a lineage may have met of which a holder has a packet.
    fn first(&self, impact: &Impact<'_>, holder: OperatorId) -> Option<String> {
        if !self.0.contains(holder) {
            return None;
        }
        let graph = impact.before;
        let to = graph.shape().to([holder]);
        let beside = beside(graph, &to);
        let first = impact.changed.iter().find(|id| to.contains(**id) || beside.contains(**id));
        first.map(|id| graph.operator(*id).name.clone())
    }
}

/// Those to which an operator sends one lineage that it also sends, by another packet, to where all these lead.
fn beside(graph: &FlowGraph, leading: &Members) -> Members {
    let mut sent = Vec::new();
    for (at, node) in graph.operators() {
        let next = graph.shape().next(at);
        let leads = |at: usize| leading.contains(next[at]);
        let by_another = |at: usize| {
            (0..next.len()).any(|other| leads(other) && relied::sends_both(node.component.emission, at == other))
        };
        sent.extend((0..next.len()).filter(|at| by_another(*at)).map(|at| next[at]));
    }
    graph.shape().from(sent)
}
