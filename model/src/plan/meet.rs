//! U07: every version that can meet another on an arc can take its packets.
//!
//! A scheduler that cuts consistently lets old meet old and new meet new, so it is enough to follow the types through
//! the flow after the update. One that mixes versions lets any packet meet either version of each changed operator.
//! On a feedback arc old and new meet under every scheduler, because no marker crosses it:
//!
//! ```text
//!   read <--- BACK (feedback) --- reply        a packet of the old reply may still lie there
//!        ---------- marker -----> reply@nio    when the new reply adds one of its own
//! ```
//!
//! And what a buffer holds when the marker passes leaves it behind the marker: a type variable then still stands for
//! what came in before. So an old packet can meet a new consumer there, even under a consistent cut.
//!
//! Every refusal comes with a run that leads there, so that it can be read without knowing the rule.

use super::difference::Difference;
use super::{Proposal, Scheduler, place};
use crate::component::Component;
use crate::diagnostic::{Code, Diagnostic, Place, SourceMap, Thing};
use crate::graph::{FlowGraph, GraphArc};
use crate::id::{ArcId, OperatorId};
use crate::packet_type::PacketType;
use crate::update::Update;
use crate::validate::types::{self, Kind, Misfit, Types};
use crate::validate::{End, Wire, diagnostic};
use std::collections::{BTreeMap, BTreeSet};

/// Every pair of versions that does not fit.
pub(super) fn check(
    graph: &FlowGraph,
    update: &Update,
    map: &SourceMap,
    proposals: &[Proposal<'_>],
    scheduler: Scheduler,
) -> Vec<Diagnostic> {
    if proposals.iter().all(Proposal::looks_the_same) {
        return Vec::new();
    }
    let changed = proposals.iter().filter(|p| p.new.is_none() || p.replaces().is_some());
    let changed: BTreeMap<OperatorId, Option<&Component>> = changed.map(|p| (p.id, p.new.map(|new| &**new))).collect();
    let after = Meeting::of(graph, update, map, scheduler, &changed, false);
    let on_feedback: Vec<ArcId> = after.changed_feedback();
    let mut found: Vec<Diagnostic> = on_feedback.iter().map(|&arc| after.feedback(arc)).collect();
    let meeting =
        if scheduler.mixes_versions() { Meeting::of(graph, update, map, scheduler, &changed, true) } else { after };
    found.extend(meeting.misfits(&on_feedback));
    found
}

/// The same where arcs move. The flow after the update was validated as a whole; what is left are packets from before it
/// that meet what is new: those on feedback arcs, and those that buffers hold.
pub(super) fn check_moved(
    before: &FlowGraph,
    after: &FlowGraph,
    update: &Update,
    map: &SourceMap,
    difference: &Difference,
) -> Vec<Diagnostic> {
    let moved = Moved { before, after, update, map };
    let on_feedback = before.arcs().filter(|(id, arc)| arc.feedback && !moved.is_switched(*id, difference));
    let mut found: Vec<Diagnostic> = on_feedback.filter_map(|(id, _)| moved.feedback(id)).collect();
    found.extend(moved.held());
    found
}

/// A flow before and after, of other shapes.
struct Moved<'a> {
    before: &'a FlowGraph,
    after: &'a FlowGraph,
    update: &'a Update,
    map: &'a SourceMap,
}

impl Moved<'_> {
    /// Whether what is on a feedback arc is taken before anything else comes to its port.
    fn is_switched(&self, id: ArcId, difference: &Difference) -> bool {
        difference.switched.contains_key(&self.before.arc(id).to)
    }

    /// What lies on a feedback arc is taken by whoever reads it afterwards.
    fn feedback(&self, id: ArcId) -> Option<Diagnostic> {
        let arc = self.before.arc(id);
        let to = self.after.driven(&self.before.output(arc.from))?;
        let node = self.after.operator(to.operator);
        let input = &node.component.inputs[usize::from(to.port.0)];
        let refused = arc.carries.terms().iter().find(|term| input.accepts.accepts(term).is_none())?;
        let place = self.map.flow().place(&Thing::Operator(node.name.clone()), format!("accepts `{}`", input.accepts));
        Some(diagnostic(
            Code::U07,
            format!("`{}` does not accept what lies on the feedback arc that comes to it", self.after.input(to)),
            place,
            format!("`{}`, which can lie on `{}` when the update is applied", refused, self.before.arc_name(id)),
            format!("`{}`", input.accepts),
            "let it accept both types: old and new packets meet on a feedback arc under every scheduler",
        ))
    }

    /// What a buffer that stays holds when the marker passes comes out behind it, on the new arcs.
    fn held(&self) -> Vec<Diagnostic> {
        let Self { before, after, .. } = self;
        let stays = |(_, arc): &(ArcId, &GraphArc)| {
            let node = after.operator(arc.to.operator);
            let old = before.find(&node.name).map(|id| before.operator(id));
            !arc.feedback && node.component.holds_open_work() && old.is_some_and(|o| o.component.holds_open_work())
        };
        let carried = |to| {
            let port = before.find_input(&after.input(to))?;
            Some(&before.arc(before.operator(port.operator).inputs[usize::from(port.port.0)]).carries)
        };
        let held: BTreeMap<usize, &PacketType> =
            after.arcs().filter(stays).filter_map(|(id, arc)| Some((id.0 as usize, carried(arc.to)?))).collect();
        let versions: Vec<Vec<&Component>> = after.operators().map(|(_, node)| vec![&*node.component]).collect();
        let wires: Vec<Wire> = after.arcs().map(|(_, arc)| wire(arc)).collect();
        let types = types::propagate_held(&after.order(), &versions, &wires, &held);
        types.misfits.iter().map(|misfit| self.refused(&types, *misfit)).collect()
    }

    fn refused(&self, types: &Types, misfit: Misfit) -> Diagnostic {
        let arc = crate::graph::arc_id(misfit.arc);
        let to = self.after.arc(arc).to;
        let input = &self.after.operator(to.operator).component.inputs[usize::from(to.port.0)];
        let history = types.history(misfit.arc, misfit.kind);
        let holder = self.after.operator(self.after.arc(crate::graph::arc_id(history[0].0)).to.operator);
        diagnostic(
            Code::U07,
            format!(
                "on `{}`, a packet that `{}` held when update `{}` passed meets what does not accept it",
                self.after.arc_name(arc),
                holder.name,
                self.update.name
            ),
            self.map
                .flow()
                .place(&Thing::Operator(self.after.operator(to.operator).name.clone()), "does not accept it"),
            format!("`{}`, as `{}` declares", input.accepts, self.after.input(to)),
            format!("`{}`", history[history.len() - 1].1.term),
            format!("let `{}` accept both types for a while", self.after.operator(to.operator).name),
        )
    }
}

fn wire(arc: &GraphArc) -> Wire {
    Wire {
        from: End { operator: Some(arc.from.operator), port: Some(arc.from.port.0.into()) },
        to: End { operator: Some(arc.to.operator), port: Some(arc.to.port.0.into()) },
        feedback: arc.feedback,
    }
}

/// Which versions can meet under a scheduler, and with which types.
struct Meeting<'a> {
    graph: &'a FlowGraph,
    update: &'a Update,
    map: &'a SourceMap,
    scheduler: Scheduler,
    changed: &'a BTreeMap<OperatorId, Option<&'a Component>>,
    /// What each operator can run; old before new where both can be met.
    versions: Vec<Vec<&'a Component>>,
    types: Types,
}

impl<'a> Meeting<'a> {
    fn of(
        graph: &'a FlowGraph,
        update: &'a Update,
        map: &'a SourceMap,
        scheduler: Scheduler,
        changed: &'a BTreeMap<OperatorId, Option<&'a Component>>,
        mixed: bool,
    ) -> Self {
        let versions: Vec<Vec<&Component>> = graph
            .operators()
            .map(|(id, node)| match changed.get(&id) {
                None => vec![&*node.component],
                Some(None) => Vec::new(),
                Some(Some(new)) if mixed => vec![&*node.component, *new],
                Some(Some(new)) => vec![*new],
            })
            .collect();
        let wires: Vec<Wire> = graph.arcs().map(|(_, arc)| wire(arc)).collect();
        // Where everything is drained first, nothing is held.
        let held = if scheduler == Scheduler::StopTheWorld { BTreeMap::new() } else { held(graph) };
        let types = types::propagate_held(&graph.order(), &versions, &wires, &held);
        Self { graph, update, map, scheduler, changed, versions, types }
    }

    fn misfits(&self, except: &[ArcId]) -> Vec<Diagnostic> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for misfit in &self.types.misfits {
            let pair = Pair::of(self, *misfit);
            let key = (pair.arc, pair.maker, &pair.made_by.id, &pair.taker_runs.id);
            if !except.contains(&pair.arc) && seen.insert((key.0, key.1, key.2.clone(), key.3.clone())) {
                found.push(pair.diagnostic());
            }
        }
        found
    }

    /// Feedback arcs whose packet type is known to be another after the update.
    fn changed_feedback(&self) -> Vec<ArcId> {
        let differs = |id: ArcId| {
            let flowing = &self.types.arcs[id.0 as usize];
            flowing.complete && flowing.packet_type() != self.graph.arc(id).carries
        };
        self.graph.arcs().filter(|(id, arc)| arc.feedback && differs(*id)).map(|(id, _)| id).collect()
    }

    fn feedback(&self, id: ArcId) -> Diagnostic {
        let arc = self.graph.arc(id);
        let (name, producer) = (self.graph.arc_name(id), self.graph.operator(arc.from.operator));
        let (before, after) = (&arc.carries, self.types.arcs[id.0 as usize].packet_type());
        let steps = [
            format!(
                "{} sends `{before}` along `{name}`, and it waits there",
                versioned(&producer.name, &producer.component)
            ),
            format!("update `{}` is applied; no marker crosses a feedback arc, so the packet stays", self.update.name),
            format!(
                "{} sends `{after}` along the same arc: both are on it, and one consumer gets them",
                self.running(arc.from.operator, 0)
            ),
        ];
        diagnostic(
            Code::U07,
            format!("update `{}` changes the packet type of feedback arc `{name}`", self.update.name),
            self.places(self.changed.keys().copied()),
            format!("`{before}`, as before: old and new packets meet on a feedback arc under every scheduler"),
            format!("`{after}`"),
            format!("keep the type of what goes back\n{}", story(&steps)),
        )
    }

    /// The component that an operator runs, as messages name it.
    fn running(&self, id: OperatorId, version: usize) -> String {
        let node = self.graph.operator(id);
        versioned(&node.name, self.versions[id.0 as usize].get(version).copied().unwrap_or(&node.component))
    }

    /// Whether that version of an operator is the one after the update.
    fn is_new(&self, id: OperatorId, version: usize) -> bool {
        self.changed.contains_key(&id) && version + 1 == self.versions[id.0 as usize].len()
    }

    fn places(&self, operators: impl Iterator<Item = OperatorId>) -> Vec<Place> {
        let names = operators.filter(|id| self.changed.contains_key(id)).map(|id| self.graph.operator(id).name.clone());
        names
            .filter_map(|name| {
                place(self.map, [Thing::ChangeComponent(name.clone()), Thing::Change(name)], "changed here")
            })
            .collect()
    }

    /// A way that packets take from a source to an operator.
    fn way_to(&self, id: OperatorId) -> Vec<OperatorId> {
        let mut way = vec![id];
        while let Some(port) = self.graph.awaited(way[way.len() - 1]).iter().next() {
            let arc = self.graph.operator(way[way.len() - 1]).inputs[usize::from(port.0)];
            way.push(self.graph.arc(arc).from.operator);
        }
        way.reverse();
        way
    }
}

/// What buffers may hold when an update reaches them, by the arc it came along. What came back on feedback arcs has
/// no variable to decide (F14), so it does not matter.
fn held(graph: &FlowGraph) -> BTreeMap<usize, &PacketType> {
    let buffers = |id| graph.operator(id).component.holds_open_work();
    let arcs = graph.arcs().filter(|(_, arc)| !arc.feedback && buffers(arc.to.operator));
    arcs.map(|(id, arc)| (id.0 as usize, &arc.carries)).collect()
}

/// A packet that an operator's version cannot take, with its history.
struct Pair<'a> {
    meeting: &'a Meeting<'a>,
    arc: ArcId,
    /// The types that led here, from the operator that declares the first.
    history: Vec<(usize, &'a Kind)>,
    maker: OperatorId,
    made_by: &'a Component,
    taker: OperatorId,
    taker_version: usize,
    taker_runs: &'a Component,
}

impl<'a> Pair<'a> {
    fn of(meeting: &'a Meeting<'a>, misfit: Misfit) -> Self {
        let history = meeting.types.history(misfit.arc, misfit.kind);
        let (first, kind) = history[0];
        let maker = producer(meeting.graph, first);
        let arc = crate::graph::arc_id(misfit.arc);
        let taker = meeting.graph.arc(arc).to.operator;
        Self {
            meeting,
            arc,
            maker,
            // What is held was made before the update.
            made_by: if kind.held {
                &meeting.graph.operator(maker).component
            } else {
                meeting.versions[maker.0 as usize][kind.version]
            },
            taker,
            taker_version: misfit.version,
            taker_runs: meeting.versions[taker.0 as usize][misfit.version],
            history,
        }
    }

    fn diagnostic(&self) -> Diagnostic {
        let meeting = self.meeting;
        let (maker, taker) = (self.maker(), self.taker());
        let (made, taken) = (&self.history[0].1.term, &self.history[self.history.len() - 1].1.term);
        let input = &self.taker_runs.inputs[usize::from(meeting.graph.arc(self.arc).to.port.0)];
        diagnostic(
            Code::U07,
            format!(
                "on `{}`, packets of {maker} meet {taker}, which does not accept them",
                meeting.graph.arc_name(self.arc)
            ),
            meeting.places(self.stations().into_iter().map(|(id, _)| id)),
            format!("`{}`, as {taker} declares `{}`", input.accepts, input.name),
            if made == taken { format!("`{taken}`") } else { format!("`{taken}`, since {maker} emits `{made}`") },
            format!("{}\n{}", self.advice(), story(&self.steps())),
        )
    }

    /// The buffer that held the packet while the marker passed, if that is how it got here.
    fn holder(&self) -> Option<OperatorId> {
        let (arc, kind) = self.history[0];
        kind.held.then(|| self.meeting.graph.arc(crate::graph::arc_id(arc)).to.operator)
    }

    fn advice(&self) -> String {
        if let Some(holder) = self.holder() {
            let (taker, holder) = (self.meeting.graph.operator(self.taker), self.meeting.graph.operator(holder));
            return format!(
                "let `{}` accept both types for a while: what `{}` holds when the marker passes comes behind the marker",
                taker.name, holder.name
            );
        }
        let changed = |id| self.meeting.changed.contains_key(&id);
        let (maker, taker) =
            (&self.meeting.graph.operator(self.maker).name, &self.meeting.graph.operator(self.taker).name);
        match (changed(self.maker), changed(self.taker)) {
            (true, false) => format!("change `{taker}` in the same update, or let it accept both types"),
            (false, true) => format!("change `{maker}` in the same update, or let `{taker}` accept both types"),
            _ if self.meeting.scheduler.mixes_versions() => {
                format!("use a scheduler that keeps versions apart, or let `{taker}` accept both types")
            }
            _ => format!("choose versions of `{maker}` and `{taker}` that fit each other"),
        }
    }

    /// The operators that the packet meets from its maker on, each with the version met.
    fn stations(&self) -> Vec<(OperatorId, usize)> {
        let made = self.history.iter().map(|(arc, kind)| (producer(self.meeting.graph, *arc), kind.version));
        made.chain([(self.taker, self.taker_version)]).collect()
    }

    fn steps(&self) -> Vec<String> {
        let graph = self.meeting.graph;
        let way: Vec<&str> =
            self.meeting.way_to(self.maker).iter().map(|id| graph.operator(*id).name.as_str()).collect();
        let mut steps = Vec::new();
        if way.len() > 1 {
            steps.push(format!("a packet goes {}", way.join(" -> ")));
        }
        for (i, (arc, kind)) in self.history.iter().enumerate() {
            let after_held = i == 1 && self.holder().is_some();
            let running = if i == 0 { self.maker() } else { self.meeting.running(producer(graph, *arc), kind.version) };
            let doing = match (i, after_held) {
                (0, _) => "",
                (_, true) => "wakes and ",
                (_, false) => "takes it and ",
            };
            steps.push(format!("{running} {doing}emits `{}`", kind.term));
            if i == 0
                && let Some(holder) = self.holder()
            {
                steps.push(format!("`{}` takes it and holds it", graph.operator(holder).name));
                steps.push(format!("{}, behind `{}`", self.applied(), graph.operator(holder).name));
            }
        }
        if self.holder().is_none() {
            steps.insert(0, self.applied());
        }
        steps.push(format!("{} cannot take it", self.taker()));
        steps
    }

    /// Where on the packet's way the update is applied when it passes, and where not.
    fn applied(&self) -> String {
        let meeting = self.meeting;
        let made_before = usize::from(self.holder().is_some());
        let stations = self.stations().into_iter().skip(made_before);
        let changed: Vec<_> = stations.filter(|(id, _)| meeting.changed.contains_key(id)).collect();
        let named = |new: bool| {
            let of = changed.iter().filter(|(id, version)| meeting.is_new(*id, *version) == new);
            of.map(|(id, _)| format!("`{}`", meeting.graph.operator(*id).name)).collect::<Vec<_>>().join(" and ")
        };
        let (new, old) = (named(true), named(false));
        let what = match meeting.scheduler {
            Scheduler::Direct => "message",
            Scheduler::StopTheWorld | Scheduler::Dependent | Scheduler::Epoch | Scheduler::Scoped => "marker",
        };
        let arrived = format!("the {what} of update `{}` is applied at {new}", meeting.update.name);
        if old.is_empty() { arrived } else { format!("{arrived}, and not yet at {old}") }
    }

    fn maker(&self) -> String {
        versioned(&self.meeting.graph.operator(self.maker).name, self.made_by)
    }

    fn taker(&self) -> String {
        versioned(&self.meeting.graph.operator(self.taker).name, self.taker_runs)
    }
}

fn producer(graph: &FlowGraph, arc: usize) -> OperatorId {
    graph.arc(crate::graph::arc_id(arc)).from.operator
}

/// An operator at a version: `load@nio`; with the component's name where that says something else.
fn versioned(operator: &str, component: &Component) -> String {
    let own_name = component.id.name.rsplit('/').next() == Some(operator);
    if own_name { format!("{operator}@{}", component.id.version) } else { format!("{operator} ({})", component.id) }
}

fn story(steps: &[String]) -> String {
    let numbered = steps.iter().enumerate().map(|(i, step)| format!("\n  {}. {step}", i + 1));
    format!("a run that leads there:{}", numbered.collect::<String>())
}
