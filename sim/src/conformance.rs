//! Conformance: whether the trace of a real run is a behaviour of the model.
//!
//! ```text
//!   header  --> validate, plan each update against the flow the one before leaves --> Instance
//!   lines   --> dealt out to their operators --> the next line of any operator that the World permits is taken
//!                                                until all are taken (a behaviour) or nobody can go on (T02, and who)
//! ```
//!
//! The world that is stepped is the checker's, on the protocol code that the threads ran, and the properties observe every
//! step. A trace has no clock, only each operator's own order, so an interleaving must be found. The first that offers
//! itself will do, for the steps of different operators do not get into each other's way: an arc has one producer and one consumer
//! and is FIFO; what one operator does can put something behind the head of another's input or make room in its
//! output, and nothing else. So a line that may be taken stays so until it is taken, whatever the others do, two such
//! lines lead to the same world in either order, and every replay gets equally far (the diamond property, as in a marked
//! graph). If this replay cannot take all lines, no interleaving can.
//!
//! The threads may do some things at another moment than the world. Outputs that found no room go onto the arc some time
//! after there is room, in the world at once; the consumer's lines say what it took, and to have more waiting behind it
//! forbids none of them. A firing is noted when its function has run, its outputs perhaps still held: the world holds
//! them too, and refuses any further step of that operator until they are in, as the threads do. One thing is
//! stricter here: a function that emits more at one call than there is room for, on several outputs, is written as several
//! steps; if the consumers then read a later one of them before an earlier one, the run had more under way than any run
//! of the model, and is refused. Functions that heed the room they are told of never do this.
//!
//! # What is noticed, and what cannot be
//!
//! A step that is missing, added, changed or moved is noticed if no run of the model has the same lines at every
//! operator. The operator named is the one whose line does not fit what stands before it: the one that was tampered with, or
//! the neighbour to whom it matters. Not noticed is what makes another, equally legal run: two packets that
//! came in at different ports of a merge in the other order, if nothing later depends on which was first; which of
//! two held packets was let go first, likewise; the name of an update. What packets contained is not in a trace, nor is time.
//! [`schedule`] gives the run that was found as one sequence of choices; every one of them is open where it is taken.

use crate::instance::{Bounds, Instance};
use crate::observation::Observation;
use crate::world::World;
use diagnosis::Stuck;
use neurath_model::choice::Choice;
use neurath_model::diagnostic::{Diagnostic, SourceMap};
use neurath_model::graph::FlowGraph;
use neurath_model::id::{ArcId, OperatorId, PortSet, UpdateId};
use neurath_model::marker::Outcome;
use neurath_model::plan::plan;
use neurath_model::program::ENTRANCE;
use neurath_model::trace::{Line, Trace};
use neurath_model::validate::validate;
use obstacle::Obstacle;
use part::{Dealt, Part, Step, deal};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

mod diagnosis;
mod obstacle;
mod part;

#[cfg(test)]
pub(crate) mod tests;

/// A trace that is a behaviour of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Lines behind the header, the `stop` of each operator included.
    pub lines: usize,
    /// Operators that ran.
    pub operators: usize,
    /// Updates applied.
    pub updates: usize,
    /// Lineages that began and came to their end.
    pub lineages: u64,
    /// Whether the properties were judged: they are for up to [`Instance::UPDATES_MAX`] updates. Without them, that the
    /// run is a behaviour of the protocol and complete is still shown.
    pub judged: bool,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, operators, updates, lineages, judged } = self;
        write!(
            f,
            "a behaviour of the model: {lines} lines of {operators} operators, {lineages} lineages, {updates} updates"
        )?;
        if *judged {
            f.write_str("; every property held")
        } else {
            write!(f, "; properties were not judged, for there are more than {} updates", Instance::UPDATES_MAX)
        }
    }
}

/// Whether a trace is a behaviour of the model, and complete.
///
/// # Errors
///
/// T03 if lines are missing or something is left at the end; T02 for the operator whose next line the model does not have,
/// or the property that the run breaks.
pub fn verify(trace: &Trace) -> Result<Verified, Diagnostic> {
    let Prepared { dealt, order, instance } = prepare(trace)?;
    let (mut lineages, operators) = (0, order.len() - 1);
    let miscounted = dealt.miscounted.clone();
    let replayed = Replay::new(trace, &instance, order, dealt).run(&mut |_, began| lineages += began);
    match (miscounted, replayed) {
        (None, replayed) => replayed?,
        (Some(miscounted), replayed) => return Err(diagnosis::shown_by_replay(miscounted, replayed.err())),
    }
    Ok(Verified {
        lines: trace.lines.len(),
        operators,
        updates: instance.updates.len(),
        lineages,
        judged: instance.judged,
    })
}

/// A run of the model with the trace's lines at every operator: the instance, and its choices in one sequence.
///
/// # Errors
///
/// As [`verify`].
pub fn schedule(trace: &Trace) -> Result<(Instance, Vec<Choice>), Diagnostic> {
    let Prepared { dealt, order, instance } = prepare(trace)?;
    if let Some(miscounted) = dealt.miscounted {
        return Err(miscounted);
    }
    let mut choices = Vec::with_capacity(trace.lines.len());
    Replay::new(trace, &instance, order, dealt).run(&mut |choice, _| choices.push(choice.clone()))?;
    Ok((instance, choices))
}

// --- what ran --------------------------------------------------------------------------------------------------------

/// A trace ready to be replayed.
struct Prepared {
    dealt: Dealt,
    /// Every operator, producers before consumers, those that updates bring in after the others; the entrance first.
    order: Vec<OperatorId>,
    /// What the trace is held to.
    instance: Instance,
}

fn prepare(trace: &Trace) -> Result<Prepared, Diagnostic> {
    let header = &trace.header;
    let graph = validate(&header.flow, &SourceMap::default(), &header.catalogue)
        .map_err(|wrong| diagnosis::not_a_flow(trace, &wrong))?;
    let bounds = Bounds { packets: u64::MAX, capacity: header.capacity, ends: true, hangups: true };
    let mut instance = Instance::before_updates(&graph, bounds);
    submit_all(trace, &graph, &mut instance)?;
    let dealt = deal(trace, &instance.program)?;
    let entrance = OperatorId(instance.program.operators().len() as u32);
    let born = instance.updates.iter().flat_map(|update| update.born.iter().copied());
    let order = std::iter::once(entrance).chain(graph.order()).chain(born).collect();
    let instance = if instance.updates.len() <= Instance::UPDATES_MAX { instance } else { instance.unjudged() };
    Ok(Prepared { dealt, order, instance })
}

/// Plans what the entrance submitted, each against the flow that the one before leaves.
fn submit_all(trace: &Trace, graph: &FlowGraph, instance: &mut Instance) -> Result<(), Diagnostic> {
    let mut before = graph.clone();
    for i in submissions(trace) {
        let line = &trace.lines[i].0;
        let number = instance.updates.len() as u32 + 1;
        let wrong = |expected: String, found: String| Err(diagnosis::not_an_update(trace, i, expected, found));
        let Some(update) = &line.change else {
            return wrong("what the update changes".into(), "a line without `change`".into());
        };
        if line.update != Some(number) {
            let found = line.update.map_or("no number".into(), |u| format!("number {u}"));
            return wrong(format!("update number {number}, the next in order"), found);
        }
        match plan(&before, update, &SourceMap::default(), &trace.header.catalogue, line.scheduler) {
            Ok(plan) => {
                let beside = line.beside.iter().map(|update| UpdateId(*update)).collect();
                instance.admit_beside(&before, &plan, &beside);
                // Those that were not under way any more had been answered.
                let answered = (1..number).map(UpdateId).filter(|update| !beside.contains(update));
                instance.awaits_also(UpdateId(number), answered);
                before = plan.after;
            }
            Err(all) => return wrong("an update that can be planned there".into(), diagnosis::first(&all)),
        }
    }
    Ok(())
}

/// The lines in which the entrance submits updates.
fn submissions(trace: &Trace) -> impl Iterator<Item = usize> {
    let is_submission = |line: &Line| line.at == ENTRANCE && line.kind == "submit";
    trace.lines.iter().enumerate().filter(move |(_, (line, _))| is_submission(line)).map(|(i, _)| i)
}

// --- replay ----------------------------------------------------------------------------------------------------------

/// A replay under way.
struct Replay<'a> {
    trace: &'a Trace,
    instance: &'a Instance,
    /// Every operator, producers before consumers.
    order: Vec<OperatorId>,
    world: World,
    parts: Vec<Part>,
    /// Operators whose next line may have become possible.
    worklist: VecDeque<OperatorId>,
    listed: Vec<bool>,
    /// Operators that have ended, as far as their consumers were told.
    closed: Vec<bool>,
    /// How each update was answered.
    answered: BTreeMap<UpdateId, Outcome>,
    /// The lines in which the exit answers.
    answers: Vec<usize>,
}

impl<'a> Replay<'a> {
    fn new(trace: &'a Trace, instance: &'a Instance, order: Vec<OperatorId>, dealt: Dealt) -> Self {
        Self {
            trace,
            instance,
            world: World::new(instance),
            worklist: order.iter().copied().collect(),
            listed: vec![true; order.len()],
            closed: vec![false; order.len()],
            order,
            parts: dealt.parts,
            answered: BTreeMap::new(),
            answers: dealt.answers,
        }
    }

    /// The number that stands for the entrance.
    fn entrance(&self) -> OperatorId {
        OperatorId(self.instance.program.operators().len() as u32)
    }

    /// Takes every line, and judges what is left. `taken` sees each choice, with the number of lineages it began.
    fn run(mut self, taken: &mut dyn FnMut(&Choice, u64)) -> Result<(), Diagnostic> {
        while let Some(at) = self.worklist.pop_front() {
            self.listed[at.0 as usize] = false;
            self.advance(at, taken)?;
        }
        let stuck = self.stuck();
        if !stuck.is_empty() {
            return Err(diagnosis::not_a_behaviour(self.trace, self.instance, &stuck));
        }
        self.complete()
    }

    /// Takes the lines of one operator as far as it can go, and lists those to whom that matters.
    fn advance(&mut self, at: OperatorId, taken: &mut dyn FnMut(&Choice, u64)) -> Result<(), Diagnostic> {
        if !self.is_there(at) {
            return Ok(());
        }
        let mut touched = Touched::default();
        while let Some(line) = self.parts[at.0 as usize].next() {
            let Ok(step) = Step::read(&self.instance.program, &self.trace.lines[line].0) else { break };
            if !obstacle::admits(self.instance, &self.world, at, &step) {
                break;
            }
            let began = self.step(&step, line)?;
            taken(&step.choice, began);
            touched.add(self.instance, at, &step.choice);
        }
        self.list_neighbours(at, touched);
        Ok(())
    }

    fn step(&mut self, step: &Step, line: usize) -> Result<u64, Diagnostic> {
        let (mut began, answered) = (0, &mut self.answered);
        self.world.step(self.instance, &step.choice, &mut |o| match o {
            Observation::Began { .. } => began += 1,
            Observation::Answered { update, outcome } => drop(answered.insert(*update, *outcome)),
            _ => {}
        });
        let at = step.choice.at().unwrap_or(self.entrance());
        self.parts[at.0 as usize].advance();
        match self.world.breaches.first() {
            None => Ok(began),
            Some(breach) => Err(diagnosis::breached(self.trace, breach, Some(line))),
        }
    }

    /// Lists the consumers of what was sent, the producers for which room was made, and, where one of these has ended
    /// with its last output in, its consumers. What moves arcs or takes mail may matter to anybody.
    fn list_neighbours(&mut self, at: OperatorId, touched: Touched) {
        if touched.everybody {
            for i in 0..self.listed.len() as u32 {
                self.list(OperatorId(i));
            }
            return;
        }
        self.list_consumers(at, touched.written);
        self.tell_if_closed(at);
        for port in touched.read.iter() {
            let Some(arc) = self.world.net.feeding(at, port) else { continue };
            let producer = self.instance.program.arc(arc).from.operator;
            self.list(producer);
            self.tell_if_closed(producer);
        }
    }

    /// Whether the update that brings an operator has been submitted.
    fn is_there(&self, at: OperatorId) -> bool {
        at == self.entrance() || (at.0 as usize) < self.world.net.operators().count()
    }

    fn tell_if_closed(&mut self, at: OperatorId) {
        if at == self.entrance() {
            return;
        }
        let known = std::mem::replace(&mut self.closed[at.0 as usize], self.world.net.cell(at).operator.is_closed());
        if known != self.closed[at.0 as usize] {
            self.list_consumers(at, PortSet::first(self.instance.program.operator(at).outputs.len()));
        }
    }

    fn list_consumers(&mut self, at: OperatorId, outputs: PortSet) {
        for port in outputs.iter() {
            let arc = self.instance.program.driven(at, port);
            if let Some(to) = self.world.net.arc(arc).to {
                self.list(to.operator);
            }
        }
    }

    fn list(&mut self, at: OperatorId) {
        if !std::mem::replace(&mut self.listed[at.0 as usize], true) {
            self.worklist.push_back(at);
        }
    }

    /// Every operator with lines left, and what is in the way of the next.
    fn stuck(&self) -> Vec<Stuck> {
        let stuck = |&at: &OperatorId| {
            let part = &self.parts[at.0 as usize];
            let line = part.next()?;
            if !self.is_there(at) {
                let obstacle = unreadable(name_of(self.instance, at), "the update that brings it is not submitted");
                return Some(Stuck { at, line, step: part.step_number(), obstacle });
            }
            let obstacle = match Step::read(&self.instance.program, &self.trace.lines[line].0) {
                Ok(step) => obstacle::explain(self.instance, &self.world, at, &step),
                Err(why) => unreadable(name_of(self.instance, at), &why),
            };
            Some(Stuck { at, line, step: part.step_number(), obstacle })
        };
        self.order.iter().filter_map(stuck).collect()
    }

    /// All lines are taken: every operator must have ended, every arc be read, every update be answered.
    fn complete(&self) -> Result<(), Diagnostic> {
        let (trace, instance, world) = (self.trace, self.instance, &self.world);
        if let Some(arc) = self.left_over() {
            return Err(diagnosis::left_over(trace, instance, world, arc, &self.parts));
        }
        let inner = self.order.iter().filter(|at| **at != self.entrance());
        if let Some(at) = inner.copied().find(|at| !world.net.cell(*at).operator.is_closed()) {
            return Err(diagnosis::not_ended(trace, instance, world, at, &self.parts[at.0 as usize]));
        }
        self.answers_agree()?;
        let breach = if instance.judged { world.judge(instance, true, |_| true) } else { None };
        breach.map_or(Ok(()), |breach| Err(diagnosis::breached(trace, &breach, None)))
    }

    /// The exit of the run answered as that of the model does: each update, once, alike.
    fn answers_agree(&self) -> Result<(), Diagnostic> {
        let mut open = self.answered.clone();
        for &i in &self.answers {
            let line = &self.trace.lines[i].0;
            let update = UpdateId(line.update.unwrap_or_default());
            let expected = open.remove(&update);
            let written = expected.map(|outcome| Line::answer(update, outcome));
            if written.as_ref() != Some(line) {
                return Err(diagnosis::answered_otherwise(self.trace, i, expected));
            }
        }
        let unanswered = submissions(self.trace).zip(1..).find(|(_, u)| {
            let update = UpdateId(*u);
            !self.answered.contains_key(&update) || open.contains_key(&update)
        });
        match unanswered {
            None => Ok(()),
            Some((line, u)) => {
                let update = &self.instance.updates[u as usize - 1];
                Err(diagnosis::unanswered(self.trace, line, &update.name))
            }
        }
    }

    /// The most upstream arc that was not read to its end.
    fn left_over(&self) -> Option<ArcId> {
        let position = |arc: &ArcId| {
            let to = self.world.net.arc(*arc).to.map(|port| port.operator);
            self.order.iter().position(|o| Some(*o) == to)
        };
        let occupied = self.world.occupied();
        occupied.filter(|arc| self.world.net.arc(*arc).to.is_some()).min_by_key(position)
    }
}

/// The name of who wrote a part: of an operator, or of the entrance, whose number is the one behind the last.
fn name_of(instance: &Instance, at: OperatorId) -> &str {
    if at.0 as usize == instance.program.operators().len() { ENTRANCE } else { instance.name(at) }
}

fn unreadable(name: &str, why: &str) -> Obstacle {
    Obstacle::Contradiction {
        expected: format!("a step of {name}, but {why}"),
        hint: "the line was altered, or written by something else than this program",
    }
}

/// The ports of one operator at which something was taken or sent.
#[derive(Clone, Copy, Default)]
struct Touched {
    read: PortSet,
    written: PortSet,
    everybody: bool,
}

impl Touched {
    fn add(&mut self, instance: &Instance, at: OperatorId, choice: &Choice) {
        let (read, written) = match choice {
            Choice::Submit { .. }
            | Choice::End
            | Choice::Deliver { .. }
            | Choice::Mark { .. }
            | Choice::Attach { .. }
            | Choice::Ended { .. } => {
                self.everybody = true;
                return;
            }
            Choice::Fire { port, emits, .. } => (PortSet::only(*port), emits.iter().copied().collect()),
            Choice::Join { emits, .. } => {
                (instance.program.operator(at).interface.inputs, emits.iter().copied().collect())
            }
            Choice::Wake { emits, .. } => (PortSet::EMPTY, emits.iter().copied().collect()),
        };
        self.read = self.read.union(read);
        self.written = self.written.union(written);
    }
}
