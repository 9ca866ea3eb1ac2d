//! A program: every operator that runs or ever ran, with its ports and the arcs it drives; and what an update does to it.
//!
//! A flow graph says what a program should be; an update leads from one graph to another. A program is what stays the same all
//! the while: an operator keeps its number from when it comes in until it is released, and no other ever has it. So lineages,
//! traces and properties can speak of operators without saying when.
//!
//! ```text
//!   graph  --of-->  Program { accept 0, read 1, ... }
//!                      |
//!   plan  --admit--> Deployment: orders and actions for each operator, by number; operators that come get the next numbers
//! ```
//!
//! Entrance and exit of the talk ("provide unique entrance and exit points") are not operators here: the entrance is the order
//! in which mail goes to operators, the exit is the [`Tally`](crate::protocol::Tally) of their reports. Neither needs arcs, so
//! operators become sources or sinks without any (protocol rule 10).

use crate::component::{Component, Firing};
use crate::graph::{FlowGraph, Node};
use crate::id::{ArcId, InPort, OperatorId, OutPort, PortIndex, PortSet, UpdateId};
use crate::protocol::{Interface, Mutant};
use crate::sheaf::Sheaf;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod by_operator;
mod deployment;

pub use by_operator::ByOperator;
pub use deployment::{Act, Deployment, Move};

/// What stands at an input port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Feed {
    /// This arc.
    Arc(ArcId),
    /// Nothing yet: this arc is to come.
    Expects(ArcId),
    /// Nothing, and nothing is known to come.
    #[default]
    Vacant,
}

/// An operator of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramOperator {
    /// Its name. One that has the name of an operator before it, which has gone, gets `~2` and so on behind it.
    pub name: String,
    /// What the protocol knows of it.
    pub interface: Interface,
    /// What stands at each input port when it starts, by port index.
    pub inputs: Vec<Feed>,
    /// The arc that leaves each output port, by port index.
    pub outputs: Vec<ArcId>,
    /// The name of each input port.
    pub input_names: Vec<String>,
    /// The name of each output port.
    pub output_names: Vec<String>,
    /// The update that brought it in; none for one that was there from the start.
    pub born: UpdateId,
    /// Whether it waits for the state of one that goes before it starts.
    pub inherits: bool,
    /// Whether it is stopped when it comes in, and begins nothing before it is told to go on.
    pub stopped: bool,
}

/// An arc of a program: it belongs to the output port that drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramArc {
    /// The output port it leaves.
    pub from: OutPort,
    /// The input port that it comes to first.
    pub to: InPort,
}

/// What runs. Clones share what is the same in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    operators: Sheaf<ProgramOperator>,
    arcs: Sheaf<ProgramArc>,
    /// The operators of the graph as the updates admitted so far leave it, by name.
    current: Arc<BTreeMap<String, OperatorId>>,
    /// The last update with orders for each operator.
    ordered: Vec<UpdateId>,
    /// The last update that switches each feedback port.
    switched: BTreeMap<InPort, UpdateId>,
    /// The last update that stops everything.
    stopping: Option<UpdateId>,
    /// What each update that stayed in a scope of its own passed or brought in, since the last that passed everything: whoever
    /// is behind that has met none of them before. Of one in two parts, everything: it is applied long after it has passed.
    local: BTreeMap<UpdateId, BTreeSet<OperatorId>>,
    /// How many operators had each name.
    named: Arc<BTreeMap<String, u32>>,
    numbered: Numbered,
    last: UpdateId,
    mutant: Option<Mutant>,
}

/// A graph and the number that each of its operators has in a program, while no operator comes or goes: looked up once. It follows from
/// the rest, so it is equal to any other.
#[derive(Debug, Clone)]
struct Numbered(Option<(FlowGraph, Arc<Vec<OperatorId>>)>);

impl PartialEq for Numbered {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Numbered {}

/// How the two ends of a program are called where operators are.
pub const ENTRANCE: &str = "entrance";
/// See [`ENTRANCE`].
pub const EXIT: &str = "exit";

impl Program {
    /// The program of a flow graph: operators and arcs have the graph's numbers.
    pub fn of(graph: &FlowGraph) -> Self {
        let mut program = Self {
            operators: Sheaf::default(),
            arcs: graph.arcs().map(|(_, a)| ProgramArc { from: a.from, to: a.to }).collect(),
            current: Arc::default(),
            ordered: Vec::new(),
            switched: BTreeMap::new(),
            stopping: None,
            local: BTreeMap::new(),
            named: Arc::default(),
            numbered: Numbered(Some((graph.clone(), Arc::new(graph.operators().map(|(id, _)| id).collect())))),
            last: UpdateId::NONE,
            mutant: None,
        };
        for (id, node) in graph.operators() {
            let mut operator = operator(node, UpdateId::NONE);
            operator.inputs = node.inputs.iter().map(|arc| Feed::Arc(*arc)).collect();
            operator.outputs.clone_from(&node.outputs);
            assert_eq!(program.add(&node.name, operator), id, "operators keep the graph's numbers");
        }
        program
    }

    /// The same program with a broken protocol at every operator, those that come included.
    #[must_use]
    pub fn with_mutant(mut self, mutant: Mutant) -> Self {
        for at in 0..self.operators.len() {
            self.operators.at_mut(at).interface.mutant = Some(mutant);
        }
        self.mutant = Some(mutant);
        self
    }

    /// The same program in which an operator fires by another rule, valid or not: to show what a rule of the validator is for.
    #[doc(hidden)]
    #[must_use]
    pub fn with_firing(mut self, at: OperatorId, firing: Firing) -> Self {
        self.operators.at_mut(at.0 as usize).interface.firing = firing;
        self
    }

    /// The fault that was put in.
    pub fn mutant(&self) -> Option<Mutant> {
        self.mutant
    }

    /// Every operator that runs or ran, by number.
    pub fn operators(&self) -> impl ExactSizeIterator<Item = (OperatorId, &ProgramOperator)> {
        self.operators.iter().enumerate().map(|(i, o)| (OperatorId(i as u32), o))
    }

    /// One operator.
    pub fn operator(&self, id: OperatorId) -> &ProgramOperator {
        &self.operators[id.0 as usize]
    }

    /// The operator of that name, of all that ever ran.
    pub fn find(&self, name: &str) -> Option<OperatorId> {
        self.operators().find(|(_, o)| o.name == name).map(|(id, _)| id)
    }

    /// The operator that has that name in the graph as the updates admitted so far leave it.
    pub fn current(&self, name: &str) -> Option<OperatorId> {
        self.current.get(name).copied()
    }

    /// The operators of the graph as the updates admitted so far leave it, by name.
    pub fn all_current(&self) -> impl Iterator<Item = (&str, OperatorId)> {
        self.current.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// The sources among them: operators without an input that a marker could come along.
    pub fn sources(&self) -> impl Iterator<Item = OperatorId> {
        self.current.values().copied().filter(|at| self.operator(*at).interface.forward().is_empty())
    }

    /// Every arc, by number.
    pub fn arcs(&self) -> impl ExactSizeIterator<Item = (ArcId, &ProgramArc)> {
        self.arcs.iter().enumerate().map(|(i, a)| (ArcId(i as u32), a))
    }

    /// One arc.
    pub fn arc(&self, id: ArcId) -> &ProgramArc {
        &self.arcs[id.0 as usize]
    }

    /// The arc that an output port drives.
    pub fn driven(&self, operator: OperatorId, port: PortIndex) -> ArcId {
        self.operator(operator).outputs[usize::from(port.0)]
    }

    /// Whether packets that come to a port have crossed a feedback arc.
    pub fn is_feedback(&self, port: InPort) -> bool {
        self.operator(port.operator).interface.feedback.contains(port.port)
    }

    /// The name of an input port, for example `load.IN`.
    pub fn input_name(&self, port: InPort) -> String {
        let operator = self.operator(port.operator);
        format!("{}.{}", operator.name, operator.input_names[usize::from(port.port.0)])
    }

    /// The name of an output port, for example `load.OUT`.
    pub fn output_name(&self, port: OutPort) -> String {
        let operator = self.operator(port.operator);
        format!("{}.{}", operator.name, operator.output_names[usize::from(port.port.0)])
    }

    /// How many updates were admitted.
    pub fn updates(&self) -> u32 {
        self.last.0
    }

    fn add(&mut self, name: &str, mut operator: ProgramOperator) -> OperatorId {
        let id = OperatorId(self.operators.len() as u32);
        let count = Arc::make_mut(&mut self.named).entry(name.into()).or_insert(0);
        *count += 1;
        if *count > 1 {
            operator.name = format!("{name}~{count}");
        }
        operator.interface.mutant = self.mutant;
        Arc::make_mut(&mut self.current).insert(name.into(), id);
        self.ordered.push(operator.born);
        self.operators.push(operator);
        id
    }
}

fn operator(node: &Node, born: UpdateId) -> ProgramOperator {
    let component = &node.component;
    ProgramOperator {
        name: node.name.clone(),
        interface: interface(component),
        inputs: Vec::new(),
        outputs: Vec::new(),
        input_names: component.inputs.iter().map(|i| i.name.clone()).collect(),
        output_names: component.outputs.iter().map(|o| o.name.clone()).collect(),
        born,
        inherits: false,
        stopped: false,
    }
}

fn interface(component: &Component) -> Interface {
    let feedback = component.inputs.iter().enumerate().filter(|(_, input)| input.feedback);
    Interface {
        firing: component.firing,
        inputs: PortSet::first(component.inputs.len()),
        feedback: feedback.map(|(i, _)| PortIndex(i as u8)).collect(),
        outputs: PortSet::first(component.outputs.len()),
        mutant: None,
    }
}
