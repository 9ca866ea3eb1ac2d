//! F10: a join that takes one packet from every port gets one from every port.
//!
//! Packets are counted by their *origin*: two arcs with the same origin carry equally many packets, the n-th on each
//! caused by the same firing. One-to-one operators pass an origin on; whatever can emit less or more, or mixes
//! several inputs, begins a new one.
//!
//! ```text
//!   source -> fork -> a -> join      both branches come from `source`: balanced
//!                '--> b ----^
//!
//!   source -> router -> a -> join    each output of a router has an origin of its own: refused
//!                  '--> b ----^
//! ```
//!
//! Equal origins are stricter than a single dominating operator: the rejected alternative, dominators alone, admits
//! the router above, and with it a join that waits for ever. Dominators only help to say what to do about it.

use super::{Wiring, diagnostic};
use crate::component::{Component, Emission, Firing, Wake};
use crate::diagnostic::{Code, Diagnostic, Thing, port};
use crate::graph;
use crate::id::OperatorId;
use petgraph::algo::dominators;
use std::collections::{BTreeMap, BTreeSet};

/// Where a sequence of packets gets its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    operator: OperatorId,
    /// The output port, where each output has its own number of packets.
    output: Option<usize>,
}

/// The joins whose branches differ.
pub(super) fn check(wiring: &Wiring<'_>, order: &[OperatorId]) -> Vec<Diagnostic> {
    let origins = Origins::of(wiring, order);
    wiring
        .operators()
        .filter_map(|(id, component)| {
            let joins =
                component.is_some_and(|c| c.firing == Firing::All && c.inputs.iter().all(|input| !input.feedback));
            joins.then(|| origins.unbalanced(id)).flatten()
        })
        .collect()
}

struct Origins<'a> {
    wiring: &'a Wiring<'a>,
    /// The arc into each input port; none where there are several.
    entering: BTreeMap<OperatorId, Vec<(usize, usize)>>,
    /// The origin on each arc, where it is known.
    arcs: Vec<Option<Origin>>,
}

impl<'a> Origins<'a> {
    fn of(wiring: &'a Wiring<'a>, order: &[OperatorId]) -> Self {
        let mut leaving = BTreeMap::<OperatorId, Vec<(usize, usize)>>::new();
        let mut entering = BTreeMap::<OperatorId, Vec<(usize, usize)>>::new();
        for (i, wire) in wiring.wires.iter().enumerate() {
            if let Some((operator, port)) = wire.from.at() {
                leaving.entry(operator).or_default().push((port, i));
            }
            if let Some((operator, port)) = wire.to.at() {
                entering.entry(operator).or_default().push((port, i));
            }
        }
        let mut origins = Self { wiring, entering, arcs: vec![None; wiring.wires.len()] };
        for &id in order {
            for &(port, arc) in leaving.get(&id).map_or(&[][..], Vec::as_slice) {
                origins.arcs[arc] = origins.emitted(id, port);
            }
        }
        origins
    }

    /// The origin of what an operator emits on a port.
    fn emitted(&self, id: OperatorId, port: usize) -> Option<Origin> {
        let component = self.wiring.component(id)?;
        let own = Origin { operator: id, output: None };
        match component.emission {
            Emission::Each if !passes_on(component) => Some(own),
            Emission::Each => {
                let inputs = self.inputs(id)?;
                let origins: BTreeSet<Option<Origin>> = inputs.iter().map(|(_, arc)| self.arcs[*arc]).collect();
                // An unbalanced join is reported where it stands; behind it, counting starts anew.
                if origins.len() == 1 { origins.into_iter().next().flatten() } else { Some(own) }
            }
            Emission::Filter => Some(own),
            Emission::Route | Emission::Many | Emission::Buffer => Some(Origin { operator: id, output: Some(port) }),
        }
    }

    /// The one arc into each input port, when every port has exactly one.
    fn inputs(&self, id: OperatorId) -> Option<Vec<(usize, usize)>> {
        let mut arcs = self.entering.get(&id)?.clone();
        arcs.sort();
        let ports: Vec<usize> = arcs.iter().map(|(port, _)| *port).collect();
        let declared = self.wiring.component(id)?.inputs.len();
        (ports == (0..declared).collect::<Vec<_>>()).then_some(arcs)
    }

    fn unbalanced(&self, id: OperatorId) -> Option<Diagnostic> {
        let inputs = self.inputs(id)?;
        let origins: Option<BTreeSet<Origin>> = inputs.iter().map(|(_, arc)| self.arcs[*arc]).collect();
        if origins?.len() < 2 {
            return None;
        }
        let branches: Vec<String> = inputs.iter().filter_map(|(_, arc)| self.branch(*arc)).collect();
        Some(diagnostic(
            Code::F10,
            format!("the branches into join `{}` do not give equally many packets", self.wiring.name(id)),
            inputs.iter().filter_map(|(_, arc)| self.wiring.place_end(Thing::ArcTo(*arc), *arc, &self.label(*arc))),
            "branches that all begin at one operator and give one packet for each of its packets",
            branches.join("; "),
            self.hint(id),
        ))
    }

    fn label(&self, arc: usize) -> String {
        self.arcs[arc].map_or_else(String::new, |origin| format!("counted from {}", self.describe(origin)))
    }

    /// One branch in words: the path from its origin to the join, and why it is counted from there.
    fn branch(&self, arc: usize) -> Option<String> {
        let origin = self.arcs[arc]?;
        let mut path = vec![self.wiring.flow.arcs[arc].to.to_string()];
        let mut at = arc;
        loop {
            let from = self.wiring.wires[at].from.operator?;
            path.push(self.wiring.name(from).into());
            if from == origin.operator {
                break;
            }
            at = self.inputs(from)?.first()?.1;
        }
        path.reverse();
        Some(format!("{} from {} ({})", path.join(" -> "), self.describe(origin), self.reason(origin)))
    }

    fn describe(&self, origin: Origin) -> String {
        let name = self.wiring.name(origin.operator);
        match (origin.output, self.wiring.component(origin.operator)) {
            (Some(output), Some(component)) => format!("`{}`", port(name, &component.outputs[output].name)),
            (Some(_) | None, _) => format!("`{name}`"),
        }
    }

    fn reason(&self, origin: Origin) -> &'static str {
        let Some(component) = self.wiring.component(origin.operator) else { return "unknown" };
        match component.emission {
            Emission::Each if component.inputs.is_empty() => "a source",
            Emission::Each if component.firing == Firing::All => "a join of unequal branches",
            Emission::Each => "a merge",
            Emission::Filter => "it may drop a packet",
            Emission::Route => "it chooses one of its outputs",
            Emission::Many => "it emits any number of packets",
            Emission::Buffer => "it releases packets when it wakes",
        }
    }

    /// The operator that all branches pass, if there is one, is where a fork belongs.
    fn hint(&self, join: OperatorId) -> String {
        match self.dominator(join) {
            Some(id) => format!(
                "let one-to-one branches lead from `{}`, which all packets pass, to the join; or merge with firing `any`",
                self.wiring.name(id)
            ),
            None => "no operator is passed by all branches: merge with firing `any`, or fork from one source".into(),
        }
    }

    fn dominator(&self, join: OperatorId) -> Option<OperatorId> {
        let mut graph = self.wiring.forward();
        let starts: Vec<_> = graph.externals(petgraph::Incoming).collect();
        let root = graph.add_node(());
        for start in starts {
            // The arc's name does not matter: only paths do.
            graph.add_edge(root, start, graph::arc_id(0));
        }
        let above = dominators::simple_fast(&graph, root).immediate_dominator(graph::node(join))?;
        (above != root).then(|| graph::operator_id(above.index()))
    }
}

/// Whether a component that emits `each` gives exactly one packet per packet (or tuple) it takes.
fn passes_on(component: &Component) -> bool {
    let ordinary = component.inputs.iter().all(|input| !input.feedback);
    let one_source = match component.firing {
        Firing::None => false,
        Firing::Any => component.inputs.len() == 1,
        Firing::All => true,
    };
    ordinary && one_source && component.wake == Wake::None
}
