//! Flows to measure with: chains, and layers of forks and joins, of operators that hand on what they get.
//!
//! ```text
//!   chain     in -> x0 -> x1 -> ... -> out
//!   layers    in -> f0 =10=> x0..x9 =10=> j0 -> f1 =10=> ... -> out
//! ```
//!
//! The source sends nothing, or without end; the sink takes what comes, or takes its time, so that all arcs before it fill up.

use crate::function::{BuildError, Context, Function, Properties, Readiness, Registry};
use crate::packet::Packet;
use neurath_model::diagnostic::{Diagnostics, SourceMap};
use neurath_model::flow::{Arc, ComponentRef, Flow, InitialPacket, Operator, PortRef};
use neurath_model::graph::FlowGraph;
use neurath_model::id::PortIndex;
use neurath_model::spec;
use neurath_model::update::{Change, Guarantee, StatePolicy, Update};
use neurath_model::validate::validate;
use std::fmt::Write;
use std::time::Duration;

/// How many branches a layer has.
const WIDTH: usize = 10;
/// The operators of a layer: fork, branches, join.
const LAYER: usize = WIDTH + 2;

/// What a flow looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Chain,
    Layers,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Chain, Self::Layers];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Layers => "layers",
        }
    }

    /// About so many operators between the source and the sink.
    pub(super) fn flow(self, operators: usize, load: Load) -> Flow {
        let mut draft = Draft(Flow::default());
        draft.operator("in", "bench/source");
        let mut last = PortRef::new("in", "OUT");
        match self {
            Self::Chain => {
                for i in 0..operators {
                    let name = format!("x{i}");
                    draft.operator(&name, "bench/step");
                    draft.arc(last, PortRef::new(&name, "IN"));
                    last = PortRef::new(&name, "OUT");
                }
            }
            Self::Layers => {
                for i in 0..operators.div_ceil(LAYER) {
                    last = draft.layer(i, last);
                }
            }
        }
        draft.operator("out", "bench/sink");
        draft.arc(last, PortRef::new("out", "IN"));
        draft.property("in", "ENDLESS", load.is_endless().into());
        draft.property("out", "MICROS", load.micros_each().into());
        draft.0
    }
}

/// What goes through a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// Nothing.
    Idle,
    /// As much as fits; the sink takes so many microseconds for each packet.
    Saturated { micros_each: u64 },
}

impl Load {
    fn is_endless(self) -> bool {
        self != Self::Idle
    }

    fn micros_each(self) -> u64 {
        match self {
            Self::Idle => 0,
            Self::Saturated { micros_each } => micros_each,
        }
    }
}

struct Draft(Flow);

impl Draft {
    fn operator(&mut self, name: &str, component: &str) {
        let component = ComponentRef::parse(component);
        self.0.operators.push(Operator { name: name.into(), component, metadata: [].into() });
    }

    fn arc(&mut self, from: PortRef, to: PortRef) {
        self.0.arcs.push(Arc { from, to, metadata: [].into() });
    }

    fn property(&mut self, operator: &str, name: &str, value: serde_json::Value) {
        self.0.initial.push(InitialPacket { value, to: PortRef::new(operator, name) });
    }

    fn layer(&mut self, number: usize, last: PortRef) -> PortRef {
        let (fork, join) = (format!("f{number}"), format!("j{number}"));
        self.operator(&fork, "bench/fork");
        self.arc(last, PortRef::new(&fork, "IN"));
        for branch in 0..WIDTH {
            let step = format!("x{}", number * WIDTH + branch);
            self.operator(&step, "bench/step");
            self.arc(PortRef::new(&fork, format!("OUT{branch}")), PortRef::new(&step, "IN"));
            self.arc(PortRef::new(&step, "OUT"), PortRef::new(&join, format!("IN{branch}")));
        }
        self.operator(&join, "bench/join");
        PortRef::new(join, "OUT")
    }
}

/// The flow, found valid.
pub(super) fn checked(flow: &Flow, registry: &Registry) -> Result<FlowGraph, Diagnostics> {
    validate(flow, &SourceMap::default(), registry.catalogue())
}

/// An update of these operators to another version of the same.
pub(super) fn update(operators: &[&str], version: &str) -> Update {
    let component = ComponentRef { name: "bench/step".into(), version: version.into() };
    let change = |name: &&str| ((*name).to_owned(), Change::to(component.clone(), StatePolicy::Keep));
    Update {
        name: format!("to-{version}"),
        guarantee: Guarantee::default(),
        changes: operators.iter().map(change).collect(),
        flow: None,
    }
}

/// How many steps, which updates may change, a flow of about so many operators has.
pub(super) fn steps(flow: &Flow) -> usize {
    flow.operators.iter().filter(|operator| operator.component.name == "bench/step").count()
}

/// The components of these flows.
pub(super) fn registry() -> Registry {
    let (catalogue, _) = spec::components::parse("bench components", &components()).expect("they are well-formed");
    let mut registry = Registry::default();
    for component in catalogue.components().cloned() {
        match component.id.name.as_str() {
            "bench/source" => registry.component(component, |p| Ok(Source { endless: p.boolean("ENDLESS") })),
            "bench/step" => registry.component(component, |_| built(Step)),
            "bench/fork" => registry.component(component, |_| built(Fork)),
            "bench/join" => registry.component(component, |_| built(Join)),
            _ => registry.component(component, |p| built(Sink::of(p))),
        }
    }
    registry
}

fn built<F>(function: F) -> Result<F, BuildError> {
    Ok(function)
}

fn components() -> String {
    let ports = |name: &str| {
        let all: Vec<String> = (0..WIDTH).map(|i| format!("{name}{i} = \"number\"")).collect();
        all.join(", ")
    };
    let mut text = String::from(
        "[[component]]\nname = \"bench/source\"\noutputs = { OUT = \"number\" }\nemission = \"each\"\nwake = \"source\"\n\
         properties.ENDLESS = { kind = \"boolean\", default = false }\n\
         [[component]]\nname = \"bench/sink\"\ninputs = { IN = \"number\" }\n\
         properties.MICROS = { kind = \"integer\", default = 0 }\n",
    );
    for version in 1..=2 {
        write!(
            text,
            "[[component]]\nname = \"bench/step\"\nversion = \"{version}\"\ninputs = {{ IN = \"number\" }}\n\
             outputs = {{ OUT = \"number\" }}\nemission = \"each\"\n"
        )
        .expect("writing to a String cannot fail");
    }
    let (inputs, outputs) = (ports("IN"), ports("OUT"));
    text + &format!(
        "[[component]]\nname = \"bench/fork\"\ninputs = {{ IN = \"number\" }}\noutputs = {{ {outputs} }}\nemission = \"each\"\n\
         [[component]]\nname = \"bench/join\"\ninputs = {{ {inputs} }}\noutputs = {{ OUT = \"number\" }}\nfiring = \"all\"\n\
         emission = \"each\"\n"
    )
}

/// Sends nothing, or as much as there is room for.
struct Source {
    endless: bool,
}

impl Function for Source {
    fn start(&mut self, cx: &mut Context<'_>) {
        if self.endless {
            cx.again();
        }
    }

    fn wake(&mut self, _: &[Readiness], cx: &mut Context<'_>) {
        if self.endless {
            if cx.room() > 0 {
                cx.emit(PortIndex(0), Packet::new(0_u64));
            }
            cx.again();
        }
    }
}

/// Hands on what it gets.
struct Step;

impl Function for Step {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        cx.emit(PortIndex(0), packet);
    }
}

/// Sends each branch its own copy.
struct Fork;

impl Function for Fork {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let number: u64 = packet.take();
        (0..WIDTH as u8).for_each(|branch| cx.emit(PortIndex(branch), Packet::new(number)));
    }
}

/// Makes one of what comes by every branch.
struct Join;

impl Function for Join {
    fn fire_all(&mut self, packets: Vec<Packet>, cx: &mut Context<'_>) {
        let first = packets.into_iter().next().expect("a join has inputs");
        cx.emit(PortIndex(0), first);
    }
}

/// Takes its time for each packet.
struct Sink {
    each: Duration,
}

impl Sink {
    fn of(properties: &Properties) -> Self {
        Self { each: Duration::from_micros(properties.integer("MICROS")) }
    }
}

impl Function for Sink {
    fn fire(&mut self, _: PortIndex, _: Packet, _: &mut Context<'_>) {
        // Asleep, it leaves the cores to the others, who fill all arcs before it.
        if !self.each.is_zero() {
            std::thread::sleep(self.each);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_valid_and_of_about_the_size_asked_for() {
        for kind in Kind::ALL {
            let flow = kind.flow(100, Load::Idle);
            let graph = checked(&flow, &registry()).expect("valid");
            assert!((100..=112).contains(&(graph.len() - 2)), "{}: {}", kind.name(), graph.len());
            assert!(steps(&flow) >= 90);
        }
    }
}
