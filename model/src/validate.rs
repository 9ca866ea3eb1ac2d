//! From a flow as written to a flow graph, or to everything that is wrong with it.
//!
//! Each rule has a code (F01 to F16, see [`Code`]) and belongs to one family, one file each:
//!
//! ```text
//!   names      F01 F02 F03 F04 F16   what is named exists         -> Wiring, with holes where it does not
//!   component  F14                   declarations make sense
//!   ports      F05 F06 F13           one arc per port
//!   shape      F08 F09 F11 F15       acyclic, reached from a source, feedback closes loops
//!   balance    F10                   joins get one packet from every branch
//!   properties F12                   values of their kind
//!   types      F07                   what is emitted is accepted
//! ```
//!
//! All violations are reported, not only the first. A rule that needs what an earlier one missed is left out for the
//! part concerned alone: a misspelt port does not stop the type check of other arcs, and is not also reported as an
//! orphaned port. So every diagnostic names a cause, and a flow is refused if and only if there is one.

pub(crate) mod balance;
pub(crate) mod component;
pub(crate) mod names;
mod ports;
mod properties;
mod shape;
pub(crate) mod types;

#[cfg(test)]
mod depth;
#[cfg(test)]
mod examples;
#[cfg(test)]
pub(crate) mod random;

pub use component::validate_component;

use crate::component::{Catalogue, Component};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, SourceMap, Thing};
use crate::flow::Flow;
use crate::graph::{self, FlowGraph, Forward, GraphArc, Node};
use crate::id::{ArcId, InPort, OperatorId, OutPort};
use crate::packet_type::PacketType;
use properties::Settings;
use std::sync::Arc;
use types::Types;

/// The flow graph that a flow stands for, or all rules that the flow breaks, ordered by code and then by where they
/// are broken.
pub fn validate(flow: &Flow, map: &SourceMap, catalogue: &Catalogue) -> Result<FlowGraph, Diagnostics> {
    let (wiring, mut found) = names::resolve(flow, map, catalogue);
    let order = graph::topological(&wiring.forward());
    let types = types::propagate(&order, &wiring.versions(), &wiring.wires);
    let (settings, unset) = properties::check(&wiring);
    found.extend(component::check(&wiring));
    found.extend(ports::check(&wiring));
    found.extend(shape::check(&wiring, &order));
    found.extend(balance::check(&wiring, &order));
    found.extend(unset);
    found.extend(types::check(&wiring, &types));
    found.sort_by_key(|diagnostic| diagnostic.code);
    if found.is_empty() { Ok(assemble(&wiring, settings, &types)) } else { Err(Diagnostics(found)) }
}

/// A flow with its names looked up; `None` where there is nothing of that name.
pub(crate) struct Wiring<'a> {
    flow: &'a Flow,
    map: &'a SourceMap,
    /// What each operator runs.
    components: Vec<Option<&'a Arc<Component>>>,
    wires: Vec<Wire>,
}

/// An arc with its names looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire {
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) feedback: bool,
}

/// One end of an arc. Ports are plain numbers here, because an operator with too many of them is still to be reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) operator: Option<OperatorId>,
    pub(crate) port: Option<usize>,
}

impl End {
    /// Operator and port, when both are known.
    pub(crate) fn at(self) -> Option<(OperatorId, usize)> {
        Some((self.operator?, self.port?))
    }
}

impl<'a> Wiring<'a> {
    fn operators(&self) -> impl Iterator<Item = (OperatorId, Option<&'a Component>)> {
        let components = self.components.iter().map(|component| component.map(|shared| &**shared));
        components.enumerate().map(|(i, component)| (graph::operator_id(i), component))
    }

    fn name(&self, id: OperatorId) -> &'a str {
        &self.flow.operators[id.0 as usize].name
    }

    fn component(&self, id: OperatorId) -> Option<&'a Component> {
        self.components[id.0 as usize].map(|shared| &**shared)
    }

    /// The arcs between known operators and ports that are not feedback.
    fn forward(&self) -> Forward {
        self.arcs_where(|wire| !wire.feedback && wire.to.port.is_some())
    }

    fn arcs_where(&self, wanted: impl Fn(&Wire) -> bool) -> Forward {
        let ends = self.wires.iter().enumerate().filter(|(_, wire)| wanted(wire));
        let arcs = ends.filter_map(|(i, wire)| Some((graph::arc_id(i), wire.from.operator?, wire.to.operator?)));
        graph::forward(self.components.len(), arcs)
    }

    fn versions(&self) -> Vec<Vec<&'a Component>> {
        self.operators().map(|(_, component)| component.into_iter().collect()).collect()
    }

    /// An arc as messages name it.
    fn arc_name(&self, wire: usize) -> String {
        let arc = &self.flow.arcs[wire];
        format!("{} -> {}", arc.from, arc.to)
    }

    fn place_operator(&self, id: OperatorId, label: impl Into<String>) -> Vec<Place> {
        self.map.place(&Thing::Operator(self.name(id).into()), label).into_iter().collect()
    }

    /// The place of one end of an arc, or else of the arc.
    fn place_end(&self, end: Thing, wire: usize, label: &str) -> Option<Place> {
        self.map.place(&end, label).or_else(|| self.map.place(&Thing::Arc(wire), label))
    }
}

/// One diagnostic; the order of arguments is that of reading it.
pub(crate) fn diagnostic(
    code: Code,
    message: impl Into<String>,
    places: impl IntoIterator<Item = Place>,
    expected: impl Into<String>,
    found: impl Into<String>,
    hint: impl Into<String>,
) -> Diagnostic {
    Diagnostic {
        code,
        message: message.into(),
        places: places.into_iter().collect(),
        expected: expected.into(),
        found: found.into(),
        hint: hint.into(),
    }
}

fn assemble(wiring: &Wiring<'_>, settings: Vec<Settings>, types: &Types) -> FlowGraph {
    let arcs = wiring.wires.iter().zip(&types.arcs).map(|(wire, flowing)| graph_arc(wire, flowing.packet_type()));
    let known = wiring.components.iter().map(|component| component.expect("an unknown component was reported (F02)"));
    let mut nodes: Vec<Node> = known
        .zip(settings)
        .enumerate()
        .map(|(i, (component, properties))| Node {
            name: wiring.name(graph::operator_id(i)).into(),
            component: component.clone(),
            properties,
            inputs: vec![ArcId::default(); component.inputs.len()],
            outputs: vec![ArcId::default(); component.outputs.len()],
        })
        .collect();
    // One arc for every port (F05, F06).
    for (i, wire) in wiring.wires.iter().enumerate() {
        let (from, to) = (wire.from.at().expect(LOOSE), wire.to.at().expect(LOOSE));
        nodes[from.0.0 as usize].outputs[from.1] = graph::arc_id(i);
        nodes[to.0.0 as usize].inputs[to.1] = graph::arc_id(i);
    }
    FlowGraph::assemble(wiring.flow.annotations.clone(), nodes, arcs.collect())
}

const LOOSE: &str = "a loose end was reported (F03, F04)";

fn graph_arc(wire: &Wire, carries: PacketType) -> GraphArc {
    let (from, out) = wire.from.at().expect(LOOSE);
    let (to, into) = wire.to.at().expect(LOOSE);
    GraphArc {
        from: OutPort { operator: from, port: graph::port_index(out) },
        to: InPort { operator: to, port: graph::port_index(into) },
        feedback: wire.feedback,
        carries,
    }
}
