//! A case: flow, updates and bounds; and what can be left out of it while some run still breaks the property.

use super::super::{Swarm, Weights, first_breach, run, steps_max};
use crate::generate::Subject;
use crate::instance::{Bounds, Fault, Instance};
use crate::system::System;
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::diagnostic::SourceMap;
use neurath_model::flow::{Arc, Flow};
use neurath_model::graph::FlowGraph;
use neurath_model::plan::{Plan, Scheduler};
use neurath_model::trace::Line;
use neurath_model::update::Update;
use neurath_model::validate::validate;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// How many runs are drawn for a case, to see whether one breaks the property.
const TRIES: u64 = 60;

/// A run that is followed takes at most this many steps.
const STEPS_MAX: u64 = 20_000;

/// What a run is a run of.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) graph: FlowGraph,
    pub(super) updates: Vec<(Update, Scheduler)>,
    pub(super) bounds: Bounds,
}

/// A run that breaks the property with its last step, or at its end.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) instance: Instance,
    pub(super) choices: Vec<Choice>,
}

impl Case {
    pub(super) fn of(subject: &Subject, swarm: &Swarm) -> Self {
        let schedulers = swarm.plans().iter().map(|plan| plan.scheduler);
        let updates = swarm.updates().iter().cloned().zip(schedulers).collect();
        Self { graph: subject.graph.clone(), updates, bounds: swarm.bounds }
    }

    /// The instance; none where an update cannot be planned.
    pub(super) fn instance(&self, subject: &Subject, fault: Option<Fault>) -> Option<Instance> {
        let subject = Subject { graph: self.graph.clone(), ..subject.clone() };
        let planned = subject.planned(self.updates.iter().map(|(update, scheduler)| (update, *scheduler))).ok()?;
        let plans: Vec<Plan> = planned.into_iter().map(|(_, plan)| plan).collect();
        let instance = Instance::new(&self.graph, &plans, self.bounds);
        Some(match fault {
            Some(fault) => instance.with_fault(fault),
            None => instance,
        })
    }

    /// Every case that is a little smaller in flow or updates, the largest steps first.
    fn smaller(&self, subject: &Subject) -> Vec<Self> {
        let mut cases = Vec::new();
        for i in (0..self.updates.len()).rev() {
            let mut case = self.clone();
            case.updates.remove(i);
            cases.push(case);
        }
        for (_, node) in self.graph.operators() {
            cases.extend(self.without(&node.name, subject));
        }
        for (i, (update, _)) in self.updates.iter().enumerate() {
            cases.extend(smaller_updates(update, &self.graph).into_iter().map(|update| {
                let mut case = self.clone();
                case.updates[i].0 = update;
                case
            }));
        }
        cases
    }

    /// The case without an operator: in the flow, and in every flow that an update leads to.
    fn without(&self, name: &str, subject: &Subject) -> Option<Self> {
        let flow = bypassed(&self.graph.to_flow(), name)?;
        let mut case = self.clone();
        case.graph = validate(&flow, &SourceMap::default(), &subject.catalogue).ok()?;
        for (update, _) in &mut case.updates {
            update.changes.remove(name);
            if let Some(flow) = update.flow.take() {
                let is_there = flow.operators.iter().any(|operator| operator.name == name);
                update.flow = Some(if is_there { bypassed(&flow, name)? } else { flow });
            }
        }
        Some(case)
    }

    /// The case within smaller bounds, the smallest first.
    fn tighter(&self) -> Vec<Self> {
        let bounds = self.bounds;
        let packets = (1..bounds.packets).map(|packets| Bounds { packets, ..bounds });
        let others =
            [Bounds { ends: false, ..bounds }, Bounds { hangups: false, ..bounds }, Bounds { capacity: 1, ..bounds }];
        let all = packets.chain(others).filter(|smaller| *smaller != bounds);
        all.map(|bounds| Self { bounds, ..self.clone() }).collect()
    }
}

/// An update that does a little less.
fn smaller_updates(update: &Update, graph: &FlowGraph) -> Vec<Update> {
    let mut updates = Vec::new();
    for name in update.changes.keys() {
        let mut smaller = update.clone();
        smaller.changes.remove(name);
        updates.push(smaller);
    }
    let Some(flow) = &update.flow else { return updates };
    let comes = flow.operators.iter().filter(|operator| graph.find(&operator.name).is_none());
    for operator in comes {
        let mut smaller = update.clone();
        smaller.changes.remove(&operator.name);
        smaller.flow = bypassed(flow, &operator.name);
        updates.extend(smaller.flow.is_some().then_some(smaller));
    }
    updates
}

/// A flow without an operator that has one arc in and one out: what came to it goes on to where it led.
fn bypassed(flow: &Flow, name: &str) -> Option<Flow> {
    let into: Vec<&Arc> = flow.arcs.iter().filter(|arc| arc.to.operator == name).collect();
    let out: Vec<&Arc> = flow.arcs.iter().filter(|arc| arc.from.operator == name).collect();
    let ([into], [out]) = (&into[..], &out[..]) else { return None };
    if into.from.operator == name {
        return None;
    }
    let arc = Arc { from: into.from.clone(), to: out.to.clone(), metadata: [].into() };
    let mut smaller = flow.clone();
    smaller.operators.retain(|operator| operator.name != name);
    smaller.initial.retain(|packet| packet.to.operator != name);
    smaller.arcs.retain(|arc| arc.from.operator != name && arc.to.operator != name);
    smaller.arcs.push(arc);
    Some(smaller)
}

impl Failure {
    /// A run that follows the lines of another as far as they fit, and then goes on somehow.
    pub(super) fn by_guide(
        case: &Case,
        subject: &Subject,
        fault: Option<Fault>,
        property: &str,
        guide: &[Line],
    ) -> Option<Self> {
        let instance = case.instance(subject, fault)?;
        let wanted: Vec<Choice> = guide.iter().filter_map(|line| line.choice(&instance.program).ok()?).collect();
        let choices = followed(&instance, &wanted, property)?;
        Some(Self { instance, choices })
    }

    /// The same, or else one of some runs that are drawn.
    fn of(case: &Case, subject: &Subject, fault: Option<Fault>, property: &str, guide: &[Line]) -> Option<Self> {
        if let Some(found) = Self::by_guide(case, subject, fault, property, guide) {
            return Some(found);
        }
        let instance = case.instance(subject, fault)?;
        let operators = instance.program.operators().len();
        let choices = (0..TRIES).find_map(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let run = run(&instance, &Weights::draw(operators, &mut rng), &mut rng);
            let (length, _) = first_breach(&instance, &run.choices).filter(|(_, b)| b.property == property)?;
            Some(run.choices[..length].to_vec())
        })?;
        Some(Self { instance, choices })
    }
}

/// Takes the choices that are open when it is their turn, and after them whatever is first, until the property is broken. A
/// submission stands for that of whichever update is next. None where something else is broken first, or nothing.
pub(super) fn followed(instance: &Instance, wanted: &[Choice], property: &str) -> Option<Vec<Choice>> {
    let mut world = World::new(instance);
    let (mut taken, mut open) = (Vec::new(), Vec::new());
    let mut wanted = wanted.iter();
    let steps_max = steps_max(instance).min(STEPS_MAX);
    loop {
        open.clear();
        world.choices(instance, &mut open);
        if let Some(breach) = instance.breach(&world, open.is_empty()) {
            return (breach.property == property).then_some(taken);
        }
        if open.is_empty() || taken.len() as u64 == steps_max {
            return None;
        }
        let fits = |choice: &Choice| {
            let is_submission = matches!(choice, Choice::Submit { .. });
            open.iter().find(|o| *o == choice || is_submission && matches!(o, Choice::Submit { .. }))
        };
        let choice = wanted.by_ref().find_map(fits).or(open.first()).expect("something is open").clone();
        world.step(instance, &choice, &mut |_| {});
        taken.push(choice);
    }
}

/// Leaves out whatever can be left out: first of flow and updates, then of the bounds.
pub(super) fn reduced(
    subject: &Subject,
    case: Case,
    failing: Failure,
    fault: Option<Fault>,
    property: &'static str,
) -> (Case, Failure) {
    let (mut case, mut failing) = (case, failing);
    for candidates in
        [|case: &Case, subject: &Subject| case.smaller(subject), |case: &Case, _: &Subject| case.tighter()]
    {
        let again = |case: &Case, failing: &Failure| {
            let updates: Vec<Update> = case.updates.iter().map(|(update, _)| update.clone()).collect();
            let guide = crate::schedule::lines(&failing.instance, &updates, &failing.choices);
            let smaller = candidates(case, subject).into_iter();
            smaller.filter_map(|case| Some((Failure::of(&case, subject, fault, property, &guide)?, case))).next()
        };
        while let Some((found, smaller)) = again(&case, &failing) {
            (case, failing) = (smaller, found);
        }
    }
    (case, failing)
}
