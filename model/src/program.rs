//! The graph rewrite of the talk: a flow graph with one entrance and one exit, as it is run and as it is explored.
//!
//! ```text
//!                .--> accept > read > parse > load > compose > reply --.
//!   entrance ----|             ^________________feedback_________|     |---> exit
//!                '--> (every other source)        (every other sink) --'
//! ```
//!
//! Every source gets one more input port, behind its declared ones, fed by the entrance; every sink gets one more
//! output port, read by the exit. These arcs carry markers only. With them an operator needs no special case to be
//! a source or a sink: it joins markers on its awaited ports and broadcasts them, like any other.

use crate::component::Firing;
use crate::graph::FlowGraph;
use crate::id::{ArcId, InPort, OperatorId, OutPort, PortIndex, PortSet};
use crate::protocol::{Interface, Mutant, Role};

/// An operator of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramOperator {
    /// Its name; `entrance` and `exit` for the two that were added.
    pub name: String,
    /// What the protocol knows of it.
    pub interface: Interface,
    /// The arc that enters each input port, by port index.
    pub inputs: Vec<ArcId>,
    /// The arc that leaves each output port, by port index.
    pub outputs: Vec<ArcId>,
    /// The name of each input port; a port that was added has the name of the operator at the other end, after an `@`.
    pub input_names: Vec<String>,
    /// The name of each output port, likewise.
    pub output_names: Vec<String>,
}

/// An arc of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramArc {
    /// The output port it leaves.
    pub from: OutPort,
    /// The input port it enters.
    pub to: InPort,
    /// Whether it is a feedback arc: unbounded, and without markers.
    pub feedback: bool,
}

/// A flow graph with entrance and exit. The operators and arcs of the flow keep their ids; those added come after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    operators: Vec<ProgramOperator>,
    arcs: Vec<ProgramArc>,
    /// The operator that takes submissions.
    pub entrance: OperatorId,
    /// The operator that answers.
    pub exit: OperatorId,
}

impl Program {
    /// Rewrites a flow graph.
    ///
    /// # Panics
    /// If it has more than 64 sources or sinks: entrance and exit are operators too, with as many ports.
    pub fn of(graph: &FlowGraph) -> Self {
        let mut program = Self {
            operators: graph.operators().map(|(id, _)| inner(graph, id)).collect(),
            arcs: graph.arcs().map(|(_, a)| ProgramArc { from: a.from, to: a.to, feedback: a.feedback }).collect(),
            entrance: OperatorId(graph.len() as u32),
            exit: OperatorId(graph.len() as u32 + 1),
        };
        program.operators.push(outer("entrance", Role::Entrance));
        program.operators.push(outer("exit", Role::Exit));
        for source in graph.sources() {
            program.connect(program.entrance, source);
        }
        for sink in graph.sinks() {
            program.connect(sink, program.exit);
        }
        program
    }

    /// The same program with a broken protocol at every operator.
    #[must_use]
    pub fn with_mutant(mut self, mutant: Mutant) -> Self {
        for operator in &mut self.operators {
            operator.interface.mutant = Some(mutant);
        }
        self
    }

    /// Every operator: those of the flow, then entrance and exit.
    pub fn operators(&self) -> impl ExactSizeIterator<Item = (OperatorId, &ProgramOperator)> {
        self.operators.iter().enumerate().map(|(i, o)| (OperatorId(i as u32), o))
    }

    /// One operator.
    pub fn operator(&self, id: OperatorId) -> &ProgramOperator {
        &self.operators[id.0 as usize]
    }

    /// The operator of that name, entrance and exit included.
    pub fn find(&self, name: &str) -> Option<OperatorId> {
        self.operators().find(|(_, o)| o.name == name).map(|(id, _)| id)
    }

    /// Every arc: those of the flow, then those from the entrance, then those to the exit.
    pub fn arcs(&self) -> impl ExactSizeIterator<Item = (ArcId, &ProgramArc)> {
        self.arcs.iter().enumerate().map(|(i, a)| (ArcId(i as u32), a))
    }

    /// One arc.
    pub fn arc(&self, id: ArcId) -> &ProgramArc {
        &self.arcs[id.0 as usize]
    }

    /// The arc that feeds an input port.
    pub fn feeding(&self, operator: OperatorId, port: PortIndex) -> ArcId {
        self.operator(operator).inputs[usize::from(port.0)]
    }

    /// The arc that an output port drives.
    pub fn driven(&self, operator: OperatorId, port: PortIndex) -> ArcId {
        self.operator(operator).outputs[usize::from(port.0)]
    }

    /// Adds an arc for markers between two new ports, behind those there are.
    fn connect(&mut self, from: OperatorId, to: OperatorId) {
        let arc = ArcId(self.arcs.len() as u32);
        let (from_name, to_name) = (self.operator(from).name.clone(), self.operator(to).name.clone());
        let producer = &mut self.operators[from.0 as usize];
        let output = next_port(producer.outputs.len());
        producer.outputs.push(arc);
        producer.output_names.push(format!("@{to_name}"));
        producer.interface.broadcast.insert(output);
        let consumer = &mut self.operators[to.0 as usize];
        let input = next_port(consumer.inputs.len());
        consumer.inputs.push(arc);
        consumer.input_names.push(format!("@{from_name}"));
        consumer.interface.inputs.insert(input);
        consumer.interface.awaited.insert(input);
        self.arcs.push(ProgramArc {
            from: OutPort { operator: from, port: output },
            to: InPort { operator: to, port: input },
            feedback: false,
        });
    }
}

fn next_port(ports: usize) -> PortIndex {
    assert!(ports < PortSet::CAPACITY, "entrance and exit serve at most {} sources or sinks", PortSet::CAPACITY);
    PortIndex(ports as u8)
}

fn inner(graph: &FlowGraph, id: OperatorId) -> ProgramOperator {
    let node = graph.operator(id);
    let interface = Interface {
        role: Role::Inner,
        firing: node.component.firing,
        inputs: PortSet::first(node.inputs.len()),
        awaited: graph.awaited(id),
        broadcast: graph.broadcast(id),
        mutant: None,
    };
    ProgramOperator {
        name: node.name.clone(),
        interface,
        inputs: node.inputs.clone(),
        outputs: node.outputs.clone(),
        input_names: node.component.inputs.iter().map(|i| i.name.clone()).collect(),
        output_names: node.component.outputs.iter().map(|o| o.name.clone()).collect(),
    }
}

fn outer(name: &str, role: Role) -> ProgramOperator {
    let interface = Interface {
        role,
        firing: Firing::None,
        inputs: PortSet::EMPTY,
        awaited: PortSet::EMPTY,
        broadcast: PortSet::EMPTY,
        mutant: None,
    };
    ProgramOperator {
        name: name.into(),
        interface,
        inputs: Vec::new(),
        outputs: Vec::new(),
        input_names: Vec::new(),
        output_names: Vec::new(),
    }
}
