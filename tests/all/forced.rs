//! Schedules of the checker, carried out by real threads.
//!
//! ```text
//!   flow, update --plan--> instance --walk--> schedule --gate--> threads, arcs, mailboxes --trace--> the same steps, the same answer
//! ```
//!
//! The flows are those of the HTTP server with its updates, the operators declare what those of the server declare, and the
//! engine is the one that serves. Only the functions are steered: a function that does what the step at the gate says
//! stands in for each, since sockets cannot be told when to be ready. So what is forced is everything that the protocol is about:
//! who takes what when, markers, joins, arcs that move, state that is handed over, operators that start and are released.

use crate::written::Written;
use neurath_model::choice::Choice;
use neurath_model::diagnostic::SourceMap;
use neurath_model::graph::FlowGraph;
use neurath_model::id::OperatorId;
use neurath_model::plan::{Plan, Scheduler, plan};
use neurath_model::trace::Trace;
use neurath_model::update::Update;
use neurath_runtime::cli::input::compiled_in;
use neurath_runtime::engine::gate::{Gate, Steered, Turn};
use neurath_runtime::engine::{Options, Placement, Running, Ticket};
use neurath_runtime::function::Registry;
use neurath_runtime::http::{evolution, server};
use neurath_sim::conformance;
use neurath_sim::instance::{Bounds, Instance};
use neurath_sim::reduction::Reduced;
use neurath_sim::system::System;
use neurath_sim::world::World;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How long a step may take before it is said to be stuck: far more than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A flow and the updates that are submitted in it.
struct Case {
    name: String,
    graph: FlowGraph,
    updates: Vec<Update>,
    plans: Vec<Plan>,
}

impl Case {
    fn new(name: &str, graph: &FlowGraph, updates: Vec<Update>, scheduler: Option<Scheduler>) -> Self {
        let catalogue = compiled_in(Arc::default()).catalogue().clone();
        let (mut before, mut plans) = (graph.clone(), Vec::new());
        for update in &updates {
            let planned = plan(&before, update, &SourceMap::default(), &catalogue, scheduler);
            let planned = planned.unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            before = planned.after.clone();
            plans.push(planned);
        }
        Self { name: name.into(), graph: graph.clone(), updates, plans }
    }

    fn instance(&self) -> Instance {
        let bounds = Bounds { packets: 2, capacity: 1, ends: true, hangups: true };
        Instance::new(&self.graph, &self.plans, bounds)
    }
}

/// Each update of the cycle on the flow that it finds, by its default and by a marker from the sources; two in flight; the largest.
fn cases() -> Vec<Case> {
    let mut graph = server::built_in_graph();
    let mut cases = vec![
        Case::new("nio and cache", &graph, vec![evolution::nio_and_cache().0], None),
        Case::new("there and back", &graph, vec![named("nio"), named("blocking")], Some(Scheduler::Epoch)),
        Case::new("stopped", &graph, vec![named("nio")], Some(Scheduler::StopTheWorld)),
    ];
    for (update, _) in evolution::cycle() {
        let name = update.name.clone();
        let case = Case::new(&name, &graph, vec![update.clone()], None);
        let after = case.plans[0].after.clone();
        cases.push(case);
        cases.push(Case::new(&format!("{name}, by epoch"), &graph, vec![update], Some(Scheduler::Epoch)));
        graph = after;
    }
    cases
}

fn named(name: &str) -> Update {
    evolution::cycle().into_iter().map(|(update, _)| update).find(|update| update.name == name).expect("in the cycle")
}

/// The components of the server, each with a function that is steered.
fn steered(gate: &Arc<Gate>) -> Registry {
    let mut registry = Registry::default();
    let declared = compiled_in(Arc::default()).catalogue().clone();
    for component in declared.components() {
        let gate = gate.clone();
        registry.component(component.clone(), move |_| Ok(Steered(gate.clone())));
    }
    for transfer in declared.transfers() {
        registry.transfer(transfer.clone(), |state: ()| state);
    }
    registry
}

/// A run to its end, choices drawn at random: from all that are open, or from persistent sets, whose runs all differ in what matters.
fn walk(instance: &Instance, reduced: bool, rng: &mut ChaCha8Rng) -> (Vec<Choice>, World) {
    let mut world = World::new(instance);
    let (mut run, mut open) = (Vec::new(), Vec::new());
    loop {
        open.clear();
        match reduced {
            true => Reduced(instance).choices(&world, &mut open),
            false => System::choices(instance, &world, &mut open),
        }
        // The flow is to be updated before it ends, as a rule.
        if open.len() > 1 && (world.net.submitted as usize) < instance.updates.len() && rng.random_ratio(9, 10) {
            open.retain(|choice| *choice != Choice::End);
        }
        if open.is_empty() {
            return (run, world);
        }
        let choice = open.swap_remove(rng.random_range(0..open.len()));
        world.step(instance, &choice, &mut |_| {});
        run.push(choice);
    }
}

/// Carries a schedule out; the trace that the operators wrote, and how many updates were answered as applied.
fn forced(case: &Case, schedule: &[Choice], placement: Placement) -> (String, usize) {
    let (gate, written) = (Arc::new(Gate::new(schedule.to_vec())), Written::default());
    let options = Options { capacity: 1, placement, trace: Some(written.writer()), gate: Some(gate.clone()) };
    let running = Running::start(&case.graph, Arc::new(steered(&gate)), options).expect("it starts");
    let mut tickets = Vec::new();
    let stuck = |step: usize, choice: &Choice, running: &Running| -> ! {
        panic!("{}: step {step}, {choice:?}, is never taken; {:#?}\n{schedule:#?}", case.name, running.status())
    };
    loop {
        match gate.environment(PATIENCE) {
            Turn::Take(Choice::Submit { update }) => {
                let update = update.0 as usize - 1;
                let scheduler = Some(case.plans[update].scheduler);
                let ticket = running.submit_by(&case.updates[update], &SourceMap::default(), scheduler);
                tickets.push(ticket.unwrap_or_else(|wrong| panic!("{}: {wrong}", case.name)));
                gate.pass();
            }
            Turn::Take(_) => {
                gate.pass();
                break;
            }
            Turn::Over => panic!("{}: the schedule does not end the flow", case.name),
            Turn::Stuck { step, choice } => stuck(step, &choice, &running),
        }
    }
    let running = Arc::new(running);
    let (ended, is_over) = mpsc::channel();
    let own = running.clone();
    std::thread::spawn(move || ended.send(own.stop()));
    if let Turn::Stuck { step, choice } = gate.environment(PATIENCE) {
        stuck(step, &choice, &running);
    }
    let stopped = is_over.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{}: threads do not end", case.name));
    stopped.unwrap_or_else(|wrong| panic!("{}: {wrong}", case.name));
    let applied = tickets.into_iter().map(Ticket::wait).filter(Result::is_ok).count();
    (written.text(), applied)
}

/// The steps of each operator, in its order.
fn by_operator(run: &[Choice]) -> BTreeMap<Option<OperatorId>, Vec<Choice>> {
    let mut all: BTreeMap<Option<OperatorId>, Vec<Choice>> = BTreeMap::new();
    for choice in run {
        all.entry(choice.at()).or_default().push(choice.clone());
    }
    all
}

/// The threads took each operator's steps as the schedule has them, in a run that the model knows, and answered as it predicts.
fn carried_out(case: &Case, (schedule, end): (&[Choice], &World), placement: Placement) {
    let (text, applied) = forced(case, schedule, placement);
    let trace = Trace::parse("forced.trace", &text).unwrap_or_else(|wrong| panic!("{}: {wrong}", case.name));
    conformance::verify(&trace).unwrap_or_else(|wrong| panic!("{}: {wrong:?}\n{schedule:#?}", case.name));
    let (_, taken) = conformance::schedule(&trace).unwrap_or_else(|wrong| panic!("{}: {wrong:?}", case.name));
    assert_eq!(by_operator(&taken), by_operator(schedule), "{}", case.name);
    assert_eq!(applied, end.net.answered.len(), "{}", case.name);
}

#[test]
fn a_thousand_schedules_of_the_checker_are_carried_out_by_threads() {
    const EACH: usize = 60;
    let (mut rng, mut all) = (ChaCha8Rng::seed_from_u64(1), 0);
    for case in cases() {
        let instance = case.instance();
        let mut known = HashSet::new();
        for i in 0.. {
            let (schedule, end) = walk(&instance, i % 2 == 0, &mut rng);
            assert_eq!(end.breaches, [], "{}", case.name);
            let placement = if i % 4 < 3 { Placement::ThreadEach } else { Placement::OneThread };
            if known.insert(schedule.clone()) {
                carried_out(&case, (&schedule, &end), placement);
            }
            if known.len() == EACH {
                break;
            }
        }
        all += known.len();
    }
    assert!(all >= 1000, "{all}");
}
