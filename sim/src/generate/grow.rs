//! Flows that nobody thought of, valid by construction: a flow grows from a source, step by step.
//!
//! ```text
//!   source            o-                      each step takes one or two loose ends and leaves some;
//!   split             o-o<                    what is loose in the end is led to sinks, or back
//!   step, merge       o-o<o>o-                by feedback arcs
//! ```
//!
//! A step is a few numbers, and any numbers will do: they are taken modulo whatever there is to choose from. So a
//! flow can be drawn from a generator, and also shrunk: with fewer steps and smaller numbers it is a smaller flow.

use super::parts::{Parts, accepts, emitted, pick, required};
use neurath_model::component::{Catalogue, Component, Emission};
use neurath_model::diagnostic::SourceMap;
use neurath_model::flow::{Arc, Flow, InitialPacket, Operator, PortRef};
use neurath_model::graph::FlowGraph;
use neurath_model::packet_type::PacketType;
use neurath_model::validate::validate;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use std::collections::{BTreeSet, VecDeque};

/// Operators that are tried in a row to get from one type of packet to another.
const CHAIN_MAX: usize = 8;

/// Types that are looked at on the way: some components make ever larger ones.
const TYPES_MAX: usize = 200;

/// What a flow grows by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// An operator with one input and one output.
    Step,
    /// One loose end becomes several.
    Split,
    /// Several become one.
    Merge,
    /// One is split and joined again.
    Diamond,
    /// One goes round, over a feedback arc.
    Loop,
    /// One more source.
    Source,
    /// One ends.
    Sink,
}

impl Block {
    /// Every kind, the simplest first.
    pub const ALL: &'static [Self] =
        &[Self::Step, Self::Split, Self::Merge, Self::Diamond, Self::Loop, Self::Source, Self::Sink];
}

/// A step of growth. What cannot be done with the components at hand is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is added.
    pub block: Block,
    /// At which loose end.
    pub at: u32,
    /// Which component.
    pub by: u32,
}

impl Step {
    /// Draws one.
    pub fn draw(rng: &mut impl Rng) -> Self {
        let block = *Block::ALL.choose(rng).expect("there are blocks");
        Self { block, at: rng.random_range(0..1000), by: rng.random_range(0..1000) }
    }
}

/// The flow that grows by these steps from a source, `by` saying which; `None` if no flow at all can be made of the
/// components. Steps at the end after which the flow could not be completed are left out.
pub fn grow(catalogue: &Catalogue, by: u32, steps: &[Step]) -> Option<FlowGraph> {
    let parts = Parts::of(catalogue);
    let mut grown = vec![Growth::begun(&parts, by)?];
    for step in steps {
        let mut next = grown.last().expect("begun").clone();
        if next.take(*step).is_some() {
            grown.push(next);
        }
    }
    let finished = grown.into_iter().rev().filter_map(Growth::finished);
    finished.filter_map(|flow| validate(&flow, &SourceMap::default(), catalogue).ok()).next()
}

/// An output that drives no arc yet.
#[derive(Debug, Clone)]
struct Loose {
    port: PortRef,
    carries: PacketType,
}

#[derive(Clone)]
struct Growth<'a> {
    parts: &'a Parts<'a>,
    flow: Flow,
    loose: Vec<Loose>,
}

impl<'a> Growth<'a> {
    fn begun(parts: &'a Parts<'a>, by: u32) -> Option<Self> {
        let mut growth = Self { parts, flow: Flow::default(), loose: Vec::new() };
        growth.source(by)?;
        Some(growth)
    }

    fn take(&mut self, step: Step) -> Option<()> {
        let Step { block, at, by } = step;
        match block {
            Block::Source => return self.source(by),
            Block::Merge => return self.merge(at, by),
            Block::Sink if self.loose.len() < 2 => return None,
            _ if self.loose.is_empty() => return None,
            Block::Step | Block::Split | Block::Diamond | Block::Loop | Block::Sink => {}
        }
        let end = self.loose.remove(at as usize % self.loose.len());
        let fits = |c: &&&Component| accepts(&c.inputs[0].accepts, &end.carries);
        let list = match block {
            Block::Step => &self.parts.steps,
            Block::Split => &self.parts.splits,
            Block::Sink => &self.parts.sinks,
            Block::Diamond => return self.diamond(end, by),
            Block::Loop => return self.round(end, by),
            Block::Source | Block::Merge => unreachable!("done above"),
        };
        let fitting: Vec<&Component> = list.iter().filter(fits).copied().collect();
        let component = *pick(&fitting, by)?;
        let outputs = self.place(component, vec![(0, end)])?;
        self.loose.extend(outputs);
        Some(())
    }

    fn source(&mut self, by: u32) -> Option<()> {
        let component = *pick(&self.parts.sources, by)?;
        let outputs = self.place(component, Vec::new())?;
        self.loose.extend(outputs);
        Some(())
    }

    fn merge(&mut self, at: u32, by: u32) -> Option<()> {
        let component = *pick(&self.parts.merges, by)?;
        if self.loose.len() < component.inputs.len() {
            return None;
        }
        let turn = at as usize % self.loose.len();
        self.loose.rotate_left(turn);
        let ends: Vec<Loose> = self.loose.drain(..component.inputs.len()).collect();
        let outputs = self.place(component, ends.into_iter().enumerate().collect())?;
        self.loose.extend(outputs);
        Some(())
    }

    /// A split and what brings the ways together again, with a one-to-one step on the first way.
    fn diamond(&mut self, end: Loose, by: u32) -> Option<()> {
        let (split, rejoin) = *pick(&self.parts.diamonds(), by)?;
        let mut ways = self.place(split, vec![(0, end)])?;
        let fitting = |c: &&&Component| c.emission == Emission::Each && accepts(&c.inputs[0].accepts, &ways[0].carries);
        let steps: Vec<&Component> = self.parts.steps.iter().filter(fitting).copied().collect();
        if let Some(step) = pick(&steps, by / 7) {
            let way = ways.remove(0);
            ways.insert(0, self.place(step, vec![(0, way)])?.remove(0));
        }
        let outputs = self.place(rejoin, ways.into_iter().enumerate().collect())?;
        self.loose.extend(outputs);
        Some(())
    }

    /// An operator with a feedback input, and a way back to it: past a split if possible, so that something goes on.
    fn round(&mut self, end: Loose, by: u32) -> Option<()> {
        let parts = self.parts;
        let fits = |c: &&&Component| accepts(&forward_input(c).1.accepts, &end.carries);
        let fitting: Vec<&Component> = parts.loops.iter().filter(fits).copied().collect();
        let component = *pick(&fitting, by)?;
        let back = component.inputs.iter().find(|input| input.feedback)?;
        let mut outputs = self.place(component, vec![(forward_input(component).0, end)])?;
        let goal = |carries: &PacketType| accepts(&back.accepts, carries);
        let output = outputs.remove(by as usize / 3 % outputs.len());
        let splits = parts.splits.iter().filter_map(|split| {
            let ways = emitted(split, &[(0, &output.carries)])?;
            let way = by as usize / 5 % ways.len();
            let rest = self.chain(&ways[way], &goal)?;
            Some(std::iter::once((*split, way)).chain(rest).collect::<Vec<_>>())
        });
        let past_a_split: Vec<Vec<(&Component, usize)>> = splits.collect();
        let chain = match pick(&past_a_split, by / 2) {
            Some(chain) => chain.clone(),
            None => self.chain(&output.carries, &goal)?,
        };
        self.loose.extend(outputs);
        let name = output.port.operator.clone();
        let last = self.follow(output, &chain)?;
        self.connect(last.port, PortRef::new(name, &back.name));
        Some(())
    }

    /// Operators that lead from one type to another that will do, and by which output; the shortest way.
    fn chain(&self, from: &PacketType, goal: &dyn Fn(&PacketType) -> bool) -> Option<Vec<(&'a Component, usize)>> {
        let (mut seen, mut open) = (BTreeSet::from([from.clone()]), VecDeque::from([(from.clone(), Vec::new())]));
        while let Some((carries, way)) = open.pop_front() {
            if goal(&carries) {
                return Some(way);
            }
            if way.len() == CHAIN_MAX || seen.len() > TYPES_MAX {
                continue;
            }
            for component in self.parts.steps.iter().chain(&self.parts.splits) {
                for (output, next) in emitted(component, &[(0, &carries)]).into_iter().flatten().enumerate() {
                    if seen.insert(next.clone()) {
                        let further = way.iter().copied().chain([(*component, output)]).collect();
                        open.push_back((next, further));
                    }
                }
            }
        }
        None
    }

    /// Puts a chain of operators behind a loose end; what they leave besides is loose.
    fn follow(&mut self, mut end: Loose, chain: &[(&Component, usize)]) -> Option<Loose> {
        for (component, output) in chain {
            let mut outputs = self.place(component, vec![(0, end)])?;
            end = outputs.remove(*output);
            self.loose.extend(outputs);
        }
        Some(end)
    }

    /// The flow, with every loose end led to a sink, or round.
    fn finished(mut self) -> Option<Flow> {
        let mut left = 4 + 2 * self.loose.len();
        while let Some(end) = self.loose.pop() {
            left = left.checked_sub(1)?;
            let parts = self.parts;
            let sink = |carries: &PacketType| parts.sinks.iter().find(|s| accepts(&s.inputs[0].accepts, carries));
            match self.chain(&end.carries, &|carries| sink(carries).is_some()) {
                Some(chain) => {
                    let last = self.follow(end, &chain)?;
                    let component = sink(&last.carries)?;
                    self.place(component, vec![(0, last)])?;
                }
                None => self.round(end, 0)?,
            }
        }
        Some(self.flow)
    }

    /// A new operator that takes these; its outputs.
    fn place(&mut self, component: &Component, inputs: Vec<(usize, Loose)>) -> Option<Vec<Loose>> {
        let coming: Vec<(usize, &PacketType)> = inputs.iter().map(|(input, end)| (*input, &end.carries)).collect();
        let emits = emitted(component, &coming)?;
        let name = add(&mut self.flow, component, |_| false);
        for (input, end) in inputs {
            self.connect(end.port, PortRef::new(&name, &component.inputs[input].name));
        }
        let outputs = component.outputs.iter().zip(emits);
        Some(outputs.map(|(o, carries)| Loose { port: PortRef::new(&name, &o.name), carries }).collect())
    }

    fn connect(&mut self, from: PortRef, to: PortRef) {
        self.flow.arcs.push(Arc { from, to, metadata: [].into() });
    }
}

/// The input of a component that is not feedback, of those that have one.
fn forward_input(component: &Component) -> (usize, &neurath_model::component::Input) {
    component.inputs.iter().enumerate().find(|(_, input)| !input.feedback).expect("it takes packets")
}

/// Adds an operator under a name of its own, which is none of those that are `taken`, with the properties that it needs.
pub(super) fn add(flow: &mut Flow, component: &Component, taken: impl Fn(&str) -> bool) -> String {
    let base: String = component.id.name.rsplit('/').next().unwrap_or_default().to_owned();
    let names = (1..).map(|k| format!("{base}{k}"));
    let free = |name: &String| flow.operator(name).is_none() && !taken(name);
    let name = names.into_iter().find(free).expect("numbers do not run out");
    flow.operators.push(Operator { name: name.clone(), component: component.id.clone(), metadata: [].into() });
    let needed = required(component);
    flow.initial.extend(needed.map(|(port, value)| InitialPacket { value, to: PortRef::new(&name, port) }));
    name
}
