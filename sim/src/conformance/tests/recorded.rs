//! Traces to verify: a world driven at random, written down as threads would, each operator for itself.

use crate::instance::{Bounds, Fault, Instance};
use crate::observation::Observation;
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::SourceMap;
use neurath_model::flow::Flow;
use neurath_model::graph::FlowGraph;
use neurath_model::id::{Lineage, OperatorId, UpdateId};
use neurath_model::plan::{Scheduler, plan};
use neurath_model::spec::{components, fbp, update};
use neurath_model::trace::{Header, Line, Trace};
use neurath_model::update::Update;
use neurath_model::validate::validate;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A flow, its components, and updates to submit in order.
#[derive(Clone)]
pub(crate) struct Case {
    flow: Flow,
    catalogue: Catalogue,
    updates: Vec<Update>,
    scheduler: Option<Scheduler>,
}

const SMALL: &str = include_str!("small-components.toml");
const HTTP: &str = include_str!("http-components.toml");
const HTTP_FLOW: &str = include_str!("../../../../runtime/flows/http/flow.fbp");
const NIO: &str = include_str!("../../../../runtime/flows/http/nio.toml");
const BLOCKING: &str = include_str!("../../../../runtime/flows/http/blocking.toml");

impl Case {
    fn new(flow: &str, components: &str, updates: &[&str]) -> Self {
        let flow = fbp::parse("flow.fbp", flow).unwrap_or_else(|e| panic!("{e:?}")).0;
        let catalogue = components::parse("components.toml", components).unwrap_or_else(|e| panic!("{e:?}")).0;
        let updates = updates.iter().map(|u| update::parse("update.toml", u).unwrap_or_else(|e| panic!("{e:?}")).0);
        Self { flow, catalogue, updates: updates.collect(), scheduler: None }
    }

    /// The HTTP server, switched to non-blocking I/O and back.
    pub(crate) fn http() -> Self {
        Self::new(HTTP_FLOW, HTTP, &[NIO, BLOCKING])
    }

    /// One operator after the other.
    pub(crate) fn chain() -> Self {
        let flow = "src(small/source) OUT -> IN a(small/step) OUT -> IN b(small/filter) OUT -> IN c(small/step)
                    c OUT -> IN sink(small/sink)";
        Self::new(flow, SMALL, &[&second("both", &["a", "c"])])
    }

    /// Two branches from a fork to a join that takes from both together.
    pub(crate) fn diamond() -> Self {
        let flow = "src(small/source) OUT -> IN fork(small/fork) A -> IN x(small/step) OUT -> L join(small/join)
                    fork B -> IN y(small/step) OUT -> R join OUT -> IN sink(small/sink)";
        Self::new(flow, SMALL, &[&second("left", &["x"]), &second("right", &["y"])])
    }

    /// Two branches from a router to a merge, and a buffer behind it.
    pub(crate) fn crossing() -> Self {
        let flow = "src(small/source) OUT -> IN route(small/route) A -> IN x(small/step) OUT -> L merge(small/merge)
                    route B -> R merge OUT -> IN batch(small/batch) OUT -> IN sink(small/sink)";
        Self::new(flow, SMALL, &[&second("x", &["x"])])
    }

    /// One operator after the other, of which one goes.
    pub(crate) fn chain_evolved() -> Self {
        let case = Self::chain();
        let after = "src(small/source) OUT -> IN a(small/step) OUT -> IN c(small/step) OUT -> IN sink(small/sink)";
        let after = fbp::parse("after.fbp", after).unwrap_or_else(|e| panic!("{e:?}")).0;
        Self { updates: vec![Update::to_flow("shorter", after)], ..case }
    }

    /// The same with as many updates as asked for, to and fro.
    pub(crate) fn often(self, updates: usize) -> Self {
        let updates = self.updates.iter().cycle().take(updates).cloned().collect();
        Self { updates, ..self }
    }

    /// The same, with updates that travel that way and not as is best for each.
    pub(crate) fn by(self, scheduler: Scheduler) -> Self {
        Self { scheduler: Some(scheduler), ..self }
    }

    pub(crate) fn graph(&self) -> FlowGraph {
        validate(&self.flow, &SourceMap::default(), &self.catalogue).unwrap_or_else(|e| panic!("{e:?}"))
    }

    pub(crate) fn instance(&self, bounds: Bounds) -> Instance {
        let (mut graph, mut plans) = (self.graph(), Vec::new());
        for update in &self.updates {
            let planned = plan(&graph, update, &SourceMap::default(), &self.catalogue, self.scheduler);
            let planned = planned.unwrap_or_else(|e| panic!("{e:?}"));
            graph = planned.after.clone();
            plans.push(planned);
        }
        let instance = Instance::new(&self.graph(), &plans, bounds);
        if plans.len() > Instance::UPDATES_MAX { instance.unjudged() } else { instance }
    }

    /// A run to its end, drawn from the seed, as each operator's lines.
    pub(crate) fn record(&self, seed: u64, packets: u64, capacity: usize) -> Recorded {
        self.record_with(None, seed, packets, capacity)
    }

    /// The same with a fault put in, if any.
    pub(crate) fn record_with(&self, fault: Option<Fault>, seed: u64, packets: u64, capacity: usize) -> Recorded {
        let instance = self.instance(Bounds { packets, capacity, ends: true, hangups: true });
        let instance = fault.map_or(instance.clone(), |fault| instance.with_fault(fault));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut world, mut pen) = (World::new(&instance), Pen::new(&instance, &self.updates));
        let mut choices = Vec::new();
        loop {
            choices.clear();
            world.choices(&instance, &mut choices);
            let may_end = world.net.submitted as usize == self.updates.len() && rng.random_ratio(1, 5 * packets as u32);
            if choices.len() > 1 && !may_end {
                choices.retain(|c| *c != Choice::End);
            }
            if choices.is_empty() {
                break;
            }
            let choice = choices.swap_remove(rng.random_range(0..choices.len()));
            pen.step(&mut world, &choice);
        }
        assert!(fault.is_some() || world.breaches.is_empty(), "the protocol is right: {:?}", world.breaches);
        let header = Header::new(self.flow.clone(), self.catalogue.clone(), capacity);
        Recorded { header, parts: pen.stop(), seed }
    }
}

/// An update of steps to their second version.
fn second(name: &str, operators: &[&str]) -> String {
    let changes = operators.iter().map(|o| format!("[operator.{o}]\ncomponent = \"small/step@2\"\nstate = \"keep\"\n"));
    format!("[update]\nname = \"{name}\"\n{}", changes.collect::<String>())
}

/// Writes down each operator's steps.
pub(crate) struct Pen<'a> {
    instance: &'a Instance,
    updates: &'a [Update],
    /// By operator; the entrance's is the last.
    parts: Vec<Vec<Line>>,
    answers: Vec<Line>,
}

impl<'a> Pen<'a> {
    pub(crate) fn new(instance: &'a Instance, updates: &'a [Update]) -> Self {
        Self { instance, updates, parts: vec![Vec::new(); instance.program.operators().len() + 1], answers: Vec::new() }
    }

    /// Takes a step, and writes it down.
    pub(crate) fn step(&mut self, world: &mut World, choice: &Choice) {
        let mut of: Vec<Lineage> = Vec::new();
        let answers = &mut self.answers;
        world.step(self.instance, choice, &mut |o| match o {
            Observation::Taken { lineage, .. } => of.push(*lineage),
            Observation::Answered { update, outcome } => answers.push(Line::answer(*update, *outcome)),
            _ => {}
        });
        let version = choice.at().map_or(UpdateId::NONE, |at| world.net.cell(at).operator.version());
        let mut line = Line::step(&self.instance.program, choice, &of, version);
        if let Choice::Submit { update } = choice {
            let change = self.updates[update.0 as usize - 1].clone();
            let beside = (1..update.0).map(UpdateId).collect();
            line = line.submitting(change, self.instance.update(*update).scheduler, &beside);
        }
        let part = choice.at().map_or(self.parts.len() - 1, |at| at.0 as usize);
        self.parts[part].push(line);
    }

    /// Every operator's lines, with the last.
    pub(crate) fn stop(mut self) -> Vec<Vec<Line>> {
        let entrance = self.parts.len() - 1;
        for (i, part) in self.parts.iter_mut().enumerate() {
            let steps = part.len() as u64;
            part.push(if i == entrance {
                Line::last_of_entrance(steps)
            } else {
                Line::stop(&self.instance.program, OperatorId(i as u32), steps)
            });
        }
        self.parts.push(self.answers);
        self.parts
    }
}

/// A run as its operators wrote it.
pub(crate) struct Recorded {
    header: Header,
    pub(crate) parts: Vec<Vec<Line>>,
    seed: u64,
}

impl Recorded {
    /// The lines in one file, those of different operators in any order.
    pub(crate) fn shuffled(&self) -> Vec<Line> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 0x5eed);
        let mut rest: Vec<_> = self.parts.iter().map(|p| p.iter()).collect();
        let mut lines = Vec::new();
        while !rest.is_empty() {
            let i = rng.random_range(0..rest.len());
            match rest[i].next() {
                Some(line) => lines.push(line.clone()),
                None => drop(rest.swap_remove(i)),
            }
        }
        lines
    }

    pub(crate) fn text(&self, lines: &[Line]) -> String {
        let mut text = serde_json::to_string(&self.header).unwrap() + "\n";
        for line in lines {
            text += &serde_json::to_string(line).unwrap();
            text.push('\n');
        }
        text
    }

    pub(crate) fn trace(&self, lines: &[Line]) -> Trace {
        Trace::parse("run.trace", &self.text(lines)).unwrap_or_else(|e| panic!("{e:?}"))
    }

    /// The same with another capacity in the header.
    pub(crate) fn of_capacity(mut self, capacity: usize) -> Self {
        self.header.capacity = capacity;
        self
    }
}
