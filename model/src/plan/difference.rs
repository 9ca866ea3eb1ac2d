//! From two flows to what is to be done: which operators go and come, which arcs move, and who does it, in which order.
//!
//! Operators are told apart by their names: one of the same name on both sides stays. An arc belongs to its output port,
//! so each output port of an operator that stays or comes says where its arc is afterwards, and that is all:
//!
//! ```text
//!   producer   its arc's port before and after     what happens
//!   stays      the same                            nothing
//!   stays      another                             it moves: taken away at the one port, attached at the other
//!   comes      (none) -> at one that stays         it is attached there, at that operator's computation time
//!   comes      (none) -> at one that comes         built with the extension
//!   goes       at one that stays, or goes too      it dies when the marker has been taken from it
//! ```
//!
//! An arc is taken away by the operator at whose port it stands, at its computation time. At a feedback port that is not good
//! enough where the arc becomes an ordinary one, or its producer goes: what is on it and behind it must be told apart,
//! so a marker is sent on it, and the arc is taken away when that has arrived (see [`protocol`](crate::protocol)).
//!
//! Paper: section 5.5.1, Algorithm 3.

use crate::flow::PortRef;
use crate::graph::{FlowGraph, GraphArc};
use crate::id::{ArcId, InPort, OperatorId, OutPort};
use crate::reconnection::{self, Reconnection, Reconnections, Rewrite};
use std::collections::{BTreeMap, BTreeSet};

/// How two flows differ in their shape. Operators before are named by the ids of the graph before, those that come by
/// the ids of the graph after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Difference {
    /// Operators that go.
    pub(super) retired: Vec<OperatorId>,
    /// Operators that come.
    pub(super) extension: Vec<OperatorId>,
    /// Arcs that move, in an order in which they may be carried out.
    pub(super) reconnections: Reconnections,
    /// For each operator before: the ports whose arc it takes away at its computation time, and where that goes.
    pub(super) taken: BTreeMap<OperatorId, Vec<(PortRef, Option<PortRef>)>>,
    /// For each operator before: the ports to which an arc comes at its computation time, and whose arc that is.
    pub(super) attached: BTreeMap<OperatorId, Vec<(PortRef, PortRef)>>,
    /// Feedback ports whose arc is taken away when a marker has come along it: where it goes, and which arc comes.
    pub(super) switched: BTreeMap<InPort, (Option<PortRef>, Option<PortRef>)>,
    /// Output ports whose arcs are feedback and carry a marker all the same.
    pub(super) marked: BTreeSet<OutPort>,
}

impl Difference {
    /// What leads from one graph to the other.
    pub(super) fn of(before: &FlowGraph, after: &FlowGraph) -> Self {
        let gone = |graph: &FlowGraph, other: &FlowGraph| {
            graph.operators().filter(|(_, node)| other.find(&node.name).is_none()).map(|(id, _)| id).collect()
        };
        let both = Both { before, after };
        let mut difference = Self { retired: gone(before, after), extension: gone(after, before), ..Self::default() };
        for (id, _) in before.arcs() {
            difference.leave(&both, id);
        }
        for (id, arc) in after.arcs() {
            if both.before(arc.from.operator).is_none() {
                difference.come(&both, after.output(arc.from), after.input(after.arc(id).to));
            }
        }
        difference.reconnections = difference.checked(&both);
        difference
    }

    /// Whether operators come or go, or arcs move.
    pub(super) fn is_empty(&self) -> bool {
        self.retired.is_empty() && self.extension.is_empty() && self.reconnections.is_empty()
    }

    /// An arc that was there before: where it goes, if it does not stay.
    fn leave(&mut self, both: &Both<'_>, id: ArcId) {
        let arc = both.before.arc(id);
        if both.stays(arc) {
            return;
        }
        let (out, from) = (both.before.output(arc.from), both.before.input(arc.to));
        let to = both.after.driven(&out).map(|port| both.after.input(port));
        if to.as_ref() == Some(&from) {
            return;
        }
        let becomes_feedback = to.as_ref().is_some_and(|to| both.is_feedback(to));
        if arc.feedback && !becomes_feedback {
            self.marked.insert(arc.from);
            self.switched.entry(arc.to).or_default().0 = to.clone();
        } else {
            self.taken.entry(arc.to.operator).or_default().push((from, to.clone()));
        }
        if let Some(to) = to {
            self.come(both, out, to);
        }
    }

    /// An arc that comes to a port. One that comes in has it from the start, or as soon as it is taken away elsewhere.
    fn come(&mut self, both: &Both<'_>, out: PortRef, to: PortRef) {
        let Some(at) = both.before.find(&to.operator) else { return };
        let port = both.before.find_input(&to).expect("an operator that stays keeps its ports (U03)");
        let there = both.before.arc(both.before.operator(at).inputs[usize::from(port.port.0)]);
        let leaves = both.after.driven(&both.before.output(there.from)).map(|port| both.after.input(port));
        let leads_back = leaves.as_ref().is_some_and(|to| both.is_feedback(to));
        if there.feedback && !leads_back {
            self.switched.entry(port).or_default().1 = Some(out);
        } else {
            self.attached.entry(at).or_default().push((to, out));
        }
    }

    /// The reconnection set, found sound by the same rules as one that a person wrote.
    fn checked(&self, both: &Both<'_>) -> Reconnections {
        let taken = self.taken.values().flatten().map(|(from, to)| (from.clone(), to.clone()));
        let switched = self.switched.iter().map(|(port, (to, _))| (both.before.input(*port), to.clone()));
        let mut set: Vec<Reconnection> = taken
            .chain(switched)
            .map(|(from, to)| {
                let port = both.before.find_input(&from).expect("it was read from this graph");
                let arc = both.before.operator(port.operator).inputs[usize::from(port.port.0)];
                Reconnection { arc: both.before.output(both.before.arc(arc).from), from: Some(from), to }
            })
            .collect();
        sort(&mut set);
        let new = both.after.arcs().map(|(_, arc)| arc).filter(|arc| both.before(arc.from.operator).is_none());
        let new = new.map(|arc| (both.after.output(arc.from), both.after.input(arc.to)));
        let (inside, loose): (Vec<_>, Vec<_>) = new.partition(|(_, to)| both.before.find(&to.operator).is_none());
        set.extend(loose.into_iter().map(|(arc, to)| Reconnection { arc, from: None, to: Some(to) }));
        let texts = Texts::of(both, inside);
        let found = reconnection::check(set, &texts.rewrite());
        found.unwrap_or_else(|wrong| panic!("what is read off two valid flows is sound: {wrong}"))
    }
}

/// Orders a set so that at each port the arc that is there goes before another comes. Around a ring of ports there is no such
/// order, and none is needed: each operator performs its own part, taking away first.
fn sort(set: &mut Vec<Reconnection>) {
    let rest = std::mem::take(set);
    let leaving: BTreeMap<&PortRef, usize> =
        rest.iter().enumerate().filter_map(|(i, r)| Some((r.from.as_ref()?, i))).collect();
    // At most one other goes from the port that one comes to.
    let awaits = |i: usize| rest[i].to.as_ref().and_then(|to| leaving.get(to).copied()).filter(|other| *other != i);
    let mut awaited_by = vec![None; rest.len()];
    (0..rest.len()).for_each(|i| awaits(i).into_iter().for_each(|other| awaited_by[other] = Some(i)));
    let mut left: BTreeSet<usize> = (0..rest.len()).collect();
    let mut ready: BTreeSet<usize> = (0..rest.len()).filter(|i| awaits(*i).is_none()).collect();
    let mut order = Vec::new();
    while let Some(next) = ready.first().or(left.first()).copied() {
        ready.remove(&next);
        left.remove(&next);
        ready.extend(awaited_by[next].filter(|freed| left.contains(freed)));
        order.push(next);
    }
    set.extend(order.into_iter().map(|i| rest[i].clone()));
}

/// The graph before and the graph after.
struct Both<'a> {
    before: &'a FlowGraph,
    after: &'a FlowGraph,
}

impl Both<'_> {
    /// The operator before, of one after.
    fn before(&self, after: OperatorId) -> Option<OperatorId> {
        self.before.find(&self.after.operator(after).name)
    }

    /// Whether an arc before leads to the same port after: an operator that stays keeps its ports (U03).
    fn stays(&self, arc: &GraphArc) -> bool {
        self.after.find(&self.before.operator(arc.from.operator).name).is_some_and(|producer| {
            let outputs = &self.after.operator(producer).outputs;
            let to = outputs.get(usize::from(arc.from.port.0)).map(|after| self.after.arc(*after).to);
            to.is_some_and(|to| {
                let (is, was) = (self.after.operator(to.operator), self.before.operator(arc.to.operator));
                to.port == arc.to.port && is.name == was.name
            })
        })
    }

    /// Whether an input port after is a feedback port.
    fn is_feedback(&self, port: &PortRef) -> bool {
        let port = self.after.find_input(port).expect("a port of the graph after");
        !self.after.awaited(port.operator).contains(port.port)
    }
}

/// The names that a rewrite borrows.
struct Texts {
    arcs: Vec<(PortRef, PortRef)>,
    extension: Vec<(PortRef, PortRef)>,
    retired: Vec<String>,
    inputs: Vec<PortRef>,
    outputs: Vec<PortRef>,
}

impl Texts {
    fn of(both: &Both<'_>, extension: Vec<(PortRef, PortRef)>) -> Self {
        let Both { before, after } = both;
        let retired = before.operators().filter(|(_, node)| after.find(&node.name).is_none());
        Self {
            arcs: before.arcs().map(|(_, arc)| (before.output(arc.from), before.input(arc.to))).collect(),
            extension,
            retired: retired.map(|(_, node)| node.name.clone()).collect(),
            inputs: after.arcs().map(|(_, arc)| after.input(arc.to)).collect(),
            outputs: after.arcs().map(|(_, arc)| after.output(arc.from)).collect(),
        }
    }

    fn rewrite(&self) -> Rewrite<'_> {
        Rewrite {
            arcs: self.arcs.iter().map(|(from, to)| (from, to)).collect(),
            extension: self.extension.iter().map(|(from, to)| (from, to)).collect(),
            retired: self.retired.iter().map(String::as_str).collect(),
            inputs: self.inputs.iter().collect(),
            outputs: self.outputs.iter().collect(),
        }
    }
}
