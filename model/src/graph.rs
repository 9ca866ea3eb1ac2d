//! The flow graph: a flow that was found valid, by ids instead of names.
//!
//! Only [`validate`](crate::validate::validate) makes one, so whoever holds a `FlowGraph` need not check again: every
//! port has its arc, packet types agree, what is not feedback is acyclic and reachable from a source.
//!
//! ```text
//!            .---------------- BACK (feedback) ----------------.
//!            v                                                 |
//!   accept > read > parse > load > compose > reply ------------'
//!   source                                   sink
//! ```
//!
//! Sources, sinks, order and reachability leave feedback arcs out, as markers do: `accept` is the only source above,
//! and `reply` is a sink although an arc leaves it. Names are kept for messages and for [`FlowGraph::to_flow`]; notes
//! of editors (metadata, groups) are not, because they say nothing about behaviour.

pub(crate) mod memory;
mod shape;

use crate::component::Component;
use crate::flow::{Arc, Flow, InitialPacket, Operator, PortRef};
use crate::id::{ArcId, InPort, OperatorId, OutPort, PortIndex, PortSet};
use crate::packet_type::PacketType;
use crate::sheaf::Sheaf;
use memory::Memory;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::Serialize;
use serde_json::Value;
pub(crate) use shape::{Members, Shape};
use std::collections::{BTreeMap, BTreeSet};
use std::sync;

/// A valid flow. Clones, and flows that updates make of one another, share what is the same in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlowGraph {
    annotations: BTreeMap<String, Value>,
    operators: Sheaf<Node>,
    arcs: Sheaf<GraphArc>,
    #[serde(skip)]
    shape: sync::Arc<Shape>,
    #[serde(skip)]
    pub(crate) memory: Memory,
}

/// An operator of a valid flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name, unique in the flow.
    pub name: String,
    /// What it runs; all that run the same share its declaration.
    pub component: sync::Arc<Component>,
    /// A value of the declared kind for each declared property, defaults filled in.
    pub properties: BTreeMap<String, Value>,
    /// The arc that enters each input port, by port index.
    pub inputs: Vec<ArcId>,
    /// The arc that leaves each output port, by port index.
    pub outputs: Vec<ArcId>,
}

/// An arc of a valid flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GraphArc {
    /// The output port it leaves.
    pub from: OutPort,
    /// The input port it enters.
    pub to: InPort,
    /// Whether it ends in a feedback port: no marker crosses it, and a lineage ends on it.
    pub feedback: bool,
    /// What can travel on it: concrete types, every variable resolved.
    pub carries: PacketType,
}

impl FlowGraph {
    /// Puts a graph together from parts the validator has checked.
    pub(crate) fn assemble(annotations: BTreeMap<String, Value>, operators: Vec<Node>, arcs: Vec<GraphArc>) -> Self {
        let shape = sync::Arc::new(Shape::of(&operators, &arcs));
        let (operators, arcs) = (operators.into_iter().collect(), arcs.into_iter().collect());
        Self { annotations, operators, arcs, shape, memory: Memory::default() }
    }

    /// The same flow in which operators run other components that look the same from outside: ports, packet types, firing and
    /// emission. So whatever was found of the flow as a whole holds for this one too.
    pub(crate) fn with_others(
        &self,
        others: impl IntoIterator<Item = (OperatorId, sync::Arc<Component>, BTreeMap<String, Value>)>,
    ) -> Self {
        let mut graph = Self { memory: Memory::default(), ..self.clone() };
        for (id, component, properties) in others {
            let node = graph.operators.at_mut(id.0 as usize);
            assert!(node.component.looks_like(&component), "what looks different is validated anew");
            (node.component, node.properties) = (component, properties);
        }
        graph
    }

    /// Who feeds whom, and who is called what.
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether two flows have the same operators in the same order, and the same arcs between them. A quick look: false if they
    /// were not made of one another.
    pub(crate) fn shares_shape(&self, other: &Self) -> bool {
        sync::Arc::ptr_eq(&self.shape, &other.shape)
    }

    /// What the flow is called, by its `@name` annotation.
    pub fn name(&self) -> Option<&str> {
        self.annotations.get("name").and_then(Value::as_str)
    }

    /// How many operators it has.
    pub fn len(&self) -> usize {
        self.operators.len()
    }

    /// Whether it has no operator; a valid flow has a source, so never.
    pub fn is_empty(&self) -> bool {
        self.operators.is_empty()
    }

    /// Every operator, in declaration order.
    pub fn operators(&self) -> impl Iterator<Item = (OperatorId, &Node)> {
        self.operators.iter().enumerate().map(|(i, node)| (operator_id(i), node))
    }

    /// One operator.
    pub fn operator(&self, id: OperatorId) -> &Node {
        &self.operators[id.0 as usize]
    }

    /// Every arc, in declaration order.
    pub fn arcs(&self) -> impl Iterator<Item = (ArcId, &GraphArc)> {
        self.arcs.iter().enumerate().map(|(i, arc)| (arc_id(i), arc))
    }

    /// One arc.
    pub fn arc(&self, id: ArcId) -> &GraphArc {
        &self.arcs[id.0 as usize]
    }

    /// The operator of that name.
    pub fn find(&self, name: &str) -> Option<OperatorId> {
        self.shape.find(name)
    }

    /// Operators that await no input: where a marker enters. One whose inputs are all feedback ports is a source too.
    pub fn sources(&self) -> Vec<OperatorId> {
        self.operators().map(|(id, _)| id).filter(|&id| self.awaited(id).is_empty()).collect()
    }

    /// Operators that broadcast to no output: where a marker leaves.
    pub fn sinks(&self) -> Vec<OperatorId> {
        self.operators().map(|(id, _)| id).filter(|&id| self.broadcast(id).is_empty()).collect()
    }

    /// All operators, producers before consumers, feedback arcs left out, ties by id.
    pub fn order(&self) -> Vec<OperatorId> {
        self.shape.order()
    }

    /// The operators that packets or markers from `from` can reach without crossing a feedback arc, itself included.
    pub fn reachable(&self, from: OperatorId) -> BTreeSet<OperatorId> {
        self.shape.from([from]).iter().collect()
    }

    /// The input ports on which an operator awaits markers: those that are not feedback.
    pub fn awaited(&self, id: OperatorId) -> PortSet {
        self.marker_ports(&self.operator(id).inputs)
    }

    /// The output ports on which an operator broadcasts markers: those whose arc is not feedback.
    pub fn broadcast(&self, id: OperatorId) -> PortSet {
        self.marker_ports(&self.operator(id).outputs)
    }

    /// An input port by name.
    pub fn input(&self, port: InPort) -> PortRef {
        let node = self.operator(port.operator);
        port_ref(&node.name, &node.component.inputs[usize::from(port.port.0)].name)
    }

    /// An output port by name.
    pub fn output(&self, port: OutPort) -> PortRef {
        let node = self.operator(port.operator);
        port_ref(&node.name, &node.component.outputs[usize::from(port.port.0)].name)
    }

    /// The input port of that name.
    pub fn find_input(&self, port: &PortRef) -> Option<InPort> {
        let operator = self.find(&port.operator)?;
        let inputs = &self.operator(operator).component.inputs;
        let index = inputs.iter().position(|input| input.name == port.port_name())?;
        Some(InPort { operator, port: port_index(index) })
    }

    /// The input port at which the arc of the output port of that name ends.
    pub fn driven(&self, port: &PortRef) -> Option<InPort> {
        let node = self.operator(self.find(&port.operator)?);
        let index = node.component.outputs.iter().position(|output| output.name == port.port_name())?;
        Some(self.arc(node.outputs[index]).to)
    }

    /// An input port as messages name it, for example `load.IN`.
    pub fn input_name(&self, port: InPort) -> String {
        let node = self.operator(port.operator);
        format!("{}.{}", node.name, node.component.inputs[usize::from(port.port.0)].name)
    }

    /// An output port as messages name it, for example `load.OUT`.
    pub fn output_name(&self, port: OutPort) -> String {
        let node = self.operator(port.operator);
        format!("{}.{}", node.name, node.component.outputs[usize::from(port.port.0)].name)
    }

    /// An arc as messages name it, for example `load.OUT -> compose.IN`.
    pub fn arc_name(&self, id: ArcId) -> String {
        let arc = self.arc(id);
        format!("{} -> {}", self.output_name(arc.from), self.input_name(arc.to))
    }

    /// The flow this graph stands for: validating it gives this graph again. Every property is written out, also
    /// those left to their default, so that the flow means the same where a default has changed.
    pub fn to_flow(&self) -> Flow {
        Flow {
            annotations: self.annotations.clone(),
            operators: self.operators.iter().map(Node::to_operator).collect(),
            arcs: self.arcs.iter().map(|arc| self.to_arc(arc)).collect(),
            initial: self.operators.iter().flat_map(Node::to_initial).collect(),
            ..Flow::default()
        }
    }

    fn to_arc(&self, arc: &GraphArc) -> Arc {
        let (from, to) = (self.operator(arc.from.operator), self.operator(arc.to.operator));
        Arc {
            from: port_ref(&from.name, &from.component.outputs[usize::from(arc.from.port.0)].name),
            to: port_ref(&to.name, &to.component.inputs[usize::from(arc.to.port.0)].name),
            metadata: BTreeMap::new(),
        }
    }

    fn marker_ports(&self, arcs: &[ArcId]) -> PortSet {
        arcs.iter().enumerate().filter(|(_, arc)| !self.arc(**arc).feedback).map(|(i, _)| port_index(i)).collect()
    }
}

impl Node {
    fn to_operator(&self) -> Operator {
        Operator { name: self.name.clone(), component: self.component.id.clone(), metadata: BTreeMap::new() }
    }

    fn to_initial(&self) -> impl Iterator<Item = InitialPacket> {
        self.properties
            .iter()
            .map(|(name, value)| InitialPacket { value: value.clone(), to: port_ref(&self.name, name) })
    }
}

/// The port of that declared name; `OUT[1]` is element 1 of `OUT`, as the readers read it.
fn port_ref(operator: &str, declared: &str) -> PortRef {
    let element = declared.strip_suffix(']').and_then(|text| text.split_once('['));
    let element = element.and_then(|(port, index)| Some((port, index.parse::<u32>().ok()?)));
    let element = element.map(|(port, index)| PortRef { index: Some(index), ..PortRef::new(operator, port) });
    // `OUT[01]` reads as a number too, but would be printed as another port.
    element.filter(|port| port.port_name() == declared).unwrap_or_else(|| PortRef::new(operator, declared))
}

/// The arcs that markers cross, as petgraph sees them: node `i` is operator `i`.
pub(crate) type Forward = DiGraph<(), ArcId>;

/// The graph of `count` operators and these arcs.
pub(crate) fn forward(count: usize, arcs: impl Iterator<Item = (ArcId, OperatorId, OperatorId)>) -> Forward {
    let mut graph = Forward::new();
    for _ in 0..count {
        graph.add_node(());
    }
    for (id, from, to) in arcs {
        graph.add_edge(node(from), node(to), id);
    }
    graph
}

/// Producers before consumers, ties by id; operators on or behind a cycle are missing. Written out because
/// `petgraph::algo::toposort` breaks ties by the order of its search, and messages and reports should follow the flow file.
pub(crate) fn topological(graph: &Forward) -> Vec<OperatorId> {
    let mut missing: Vec<usize> =
        graph.node_indices().map(|n| graph.edges_directed(n, petgraph::Incoming).count()).collect();
    let mut ready: BTreeSet<NodeIndex> = graph.node_indices().filter(|n| missing[n.index()] == 0).collect();
    let mut order = Vec::new();
    while let Some(next) = ready.pop_first() {
        order.push(operator_id(next.index()));
        for edge in graph.edges(next) {
            let target = edge.target();
            missing[target.index()] -= 1;
            if missing[target.index()] == 0 {
                ready.insert(target);
            }
        }
    }
    order
}

/// What can be reached from operators, themselves included.
pub(crate) fn reachable(graph: &Forward, from: impl IntoIterator<Item = OperatorId>) -> Members {
    let mut seen = Members::none(graph.node_count());
    let mut open: Vec<OperatorId> = from.into_iter().filter(|at| seen.insert(*at)).collect();
    while let Some(at) = open.pop() {
        open.extend(graph.neighbors(node(at)).map(|n| operator_id(n.index())).filter(|next| seen.insert(*next)));
    }
    seen
}

pub(crate) fn node(id: OperatorId) -> NodeIndex {
    NodeIndex::new(id.0 as usize)
}

pub(crate) fn operator_id(index: usize) -> OperatorId {
    OperatorId(u32::try_from(index).expect("a flow that fits in memory as text has fewer than 2^32 operators"))
}

pub(crate) fn arc_id(index: usize) -> ArcId {
    ArcId(u32::try_from(index).expect("a flow that fits in memory as text has fewer than 2^32 arcs"))
}

pub(crate) fn port_index(index: usize) -> PortIndex {
    PortIndex(u8::try_from(index).expect("an operator has at most 64 ports each way (F13)"))
}
