//! Updates that nobody thought of, of flows that nobody thought of: what the planner lets through keeps every property, and
//! leads where it was planned to lead.
//!
//! Each pair of flow and update is drawn by [`strategies`], planned with every scheduler that promises the guarantee for it,
//! and simulated; small ones are explored too, and explorer and simulator must agree. `direct`, which promises nothing,
//! must be caught.

use crate::explore::{Budget, Explorer, Verdict};
use crate::instance::{Bounds, Instance};
use crate::narrate::narrate;
use crate::scenario;
use crate::simulate::{Weights, run};
use crate::strategies;
use crate::system::Breach;
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::{Diagnostics, SourceMap};
use neurath_model::flow::Flow;
use neurath_model::graph::FlowGraph;
use neurath_model::id::{InPort, PortIndex};
use neurath_model::plan::{Plan, Scheduler, plan, plan_unpromised};
use neurath_model::program::Feed;
use neurath_model::spec::components;
use neurath_model::update::Update;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Debug, Write};

/// What the library lacks: a loop, packets of another type, and one-to-one operators for any type.
const MORE: &str = "
[[component]]
name = 'read'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'buffer'
wake = 'source'
state = 'Idle'

[[component]]
name = 'turn'
inputs = { IN = 't' }
outputs = { OUT = 'u' }
emission = 'each'

[[component]]
name = 'turn'
version = '2'
inputs = { IN = 't' }
outputs = { OUT = 't' }
emission = 'each'

[[component]]
name = 'turn-back'
inputs = { IN = 'u | t' }
outputs = { OUT = 't' }
emission = 'each'

[[component]]
name = 'pass'
inputs = { IN = '$x' }
outputs = { OUT = '$x' }
emission = 'each'

[[component]]
name = 'hold'
inputs = { IN = '$x' }
outputs = { OUT = '$x' }
emission = 'buffer'
wake = 'resume'
state = 'Held'

[[component]]
name = 'several'
inputs = { IN = 't' }
outputs = { OUT = 't' }
emission = 'many'
";

fn catalogue() -> Catalogue {
    components::parse("library", &(scenario::library() + MORE)).expect("readable").0
}

/// A runner that draws the same cases every time: a failure repeats without a file of seeds.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 3000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// How many times as many cases as usual: for a hunt by hand, `NEURATH_CASES=20 cargo test random_updates`.
fn times() -> u32 {
    std::env::var("NEURATH_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Runs all cases; the smallest that fails is told as text.
fn for_all<S: Strategy>(cases: u32, strategy: &S, check: impl Fn(&S::Value) -> Result<(), String>)
where
    S::Value: Debug,
{
    let outcome = runner(cases * times()).run(strategy, |case| check(&case).map_err(proptest::test_runner::TestCaseError::fail));
    match outcome {
        Ok(()) => {}
        Err(proptest::test_runner::TestError::Fail(why, _)) => panic!("{why}"),
        Err(other) => panic!("{other}"),
    }
}

fn flow_text(flow: &Flow) -> String {
    let mut text = String::new();
    for operator in &flow.operators {
        write!(text, "{}({}) ", operator.name, operator.component).expect("text");
    }
    for arc in &flow.arcs {
        write!(text, "\n    {} -> {}", arc.from, arc.to).expect("text");
    }
    text
}

/// Flow, updates and what went wrong, for a person.
fn told(
    graph: &FlowGraph,
    updates: &[Update],
    schedulers: &[Scheduler],
    what: &str,
    (instance, choices): (&Instance, &[Choice]),
) -> String {
    let mut text = format!("{what}\n  flow {}\n", flow_text(&graph.to_flow()));
    for (update, scheduler) in updates.iter().zip(schedulers) {
        writeln!(text, "  {} by {scheduler}", update.name).expect("text");
        if let Some(flow) = &update.flow {
            writeln!(text, "  to {}", flow_text(flow)).expect("text");
        }
        writeln!(text, "  changes {:?}", update.changes).expect("text");
    }
    text + &narrate(instance, choices).to_string()
}

/// The updates planned one after the other, each by its scheduler.
fn planned(
    graph: &FlowGraph,
    updates: &[Update],
    schedulers: &[Scheduler],
    all: &Catalogue,
) -> Result<Vec<Plan>, Diagnostics> {
    let mut plans: Vec<Plan> = Vec::new();
    for (update, scheduler) in updates.iter().zip(schedulers) {
        let before = plans.last().map_or(graph, |plan| &plan.after);
        plans.push(plan(before, update, &SourceMap::default(), all, Some(*scheduler))?);
    }
    Ok(plans)
}

fn bounds(rng: &mut ChaCha8Rng) -> Bounds {
    Bounds {
        packets: rng.random_range(1..=4),
        capacity: rng.random_range(1..=2_u32) as usize,
        ends: rng.random_ratio(1, 4),
        hangups: rng.random(),
    }
}

/// A run to its end: its choices, and what it breaks.
fn simulated(instance: &Instance, rng: &mut ChaCha8Rng) -> (Vec<Choice>, Option<Breach>) {
    let weights = Weights::draw(instance.program.operators().len(), rng);
    let run = run(instance, &weights, rng);
    (run.choices, run.breach)
}

/// Where a run ends, every operator of the flow after has the arcs that the flow says, by names, and no other operator is left.
fn leads_there(instance: &Instance, choices: &[Choice], after: &FlowGraph) -> Result<(), String> {
    if instance.bounds.ends {
        // Then an update may come too late to be submitted.
        return Ok(());
    }
    let mut world = World::new(instance);
    choices.iter().for_each(|choice| world.step(instance, choice, &mut |_| {}));
    let program = &instance.program;
    let mut found = BTreeMap::new();
    for at in world.net.operators().filter(|at| !world.net.cell(*at).operator.is_released()) {
        let operator = program.operator(at);
        let name = operator.name.split('~').next().unwrap_or_default();
        for (port, input) in operator.input_names.iter().enumerate() {
            let Feed::Arc(arc) = world.net.feed(InPort { operator: at, port: PortIndex(port as u8) }) else {
                return Err(format!("{name}.{input} is vacant"));
            };
            let from = program.arc(arc).from;
            let producer = program.operator(from.operator).name.split('~').next().unwrap_or_default();
            let output = &program.operator(from.operator).output_names[usize::from(from.port.0)];
            found.insert(format!("{name}.{input}"), format!("{producer}.{output}"));
        }
    }
    let expected: BTreeMap<String, String> =
        after.arcs().map(|(_, arc)| (after.input_name(arc.to), after.output_name(arc.from))).collect();
    if found == expected { Ok(()) } else { Err(format!("found {found:?}, expected {expected:?}")) }
}

const PROMISING: [Scheduler; 4] = [Scheduler::Epoch, Scheduler::Scoped, Scheduler::Dependent, Scheduler::StopTheWorld];

/// How many of each kind were met, to be printed.
type Met = RefCell<BTreeMap<String, u32>>;

fn count(met: &Met, what: impl ToString) {
    *met.borrow_mut().entry(what.to_string()).or_default() += 1;
}

#[test]
fn every_pair_holds_by_every_scheduler_that_promises_it_and_leads_where_planned() {
    let (all, met) = (catalogue(), Met::default());
    for_all(2000, &(strategies::updated_flow(&all), 0..1000_u64), |((graph, update), seed)| {
        let updates = std::slice::from_ref(update);
        count(&met, if update.flow.is_some() { "structural" } else { "operators" });
        for scheduler in PROMISING {
            let schedulers = [scheduler];
            let Ok(plans) = planned(graph, updates, &schedulers, &all) else { continue };
            count(&met, scheduler);
            for turn in 0..3 {
                let mut rng = ChaCha8Rng::seed_from_u64(seed * 3 + turn);
                let bounds = bounds(&mut rng);
                let instance = Instance::new(graph, &plans, bounds);
                let (choices, breach) = simulated(&instance, &mut rng);
                if let Some(breach) = breach {
                    let what = format!("{breach:?} {bounds:?}");
                    return Err(told(graph, updates, &schedulers, &what, (&instance, &choices)));
                }
                leads_there(&instance, &choices, &plans[0].after)
                    .map_err(|why| told(graph, updates, &schedulers, &why, (&instance, &choices)))?;
            }
        }
        Ok(())
    });
    println!("{met:?}");
}

#[test]
fn updates_in_flight_together_hold_whatever_their_schedulers() {
    let (all, met) = (catalogue(), Met::default());
    let cases = (strategies::updated_flow_times(&all, 2), 0..1000_u64, 0..16_usize);
    for_all(1000, &cases, |((graph, updates), seed, mix)| {
        let schedulers = [PROMISING[mix % 4], PROMISING[mix / 4]];
        let Ok(plans) = planned(graph, updates, &schedulers, &all) else { return Ok(()) };
        count(&met, format!("{} {}", schedulers[0], schedulers[1]));
        for turn in 0..4 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed * 4 + turn);
            let bounds = bounds(&mut rng);
            let instance = Instance::new(graph, &plans, bounds);
            let (choices, breach) = simulated(&instance, &mut rng);
            if let Some(breach) = breach {
                let what = format!("{breach:?} {bounds:?}");
                return Err(told(graph, updates, &schedulers, &what, (&instance, &choices)));
            }
            leads_there(&instance, &choices, &plans[1].after)
                .map_err(|why| told(graph, updates, &schedulers, &why, (&instance, &choices)))?;
        }
        Ok(())
    });
    println!("{met:?}");
}

/// The small bounds within which instances are explored.
const SMALL: Bounds = Bounds { packets: 1, capacity: 1, ends: false, hangups: false };

#[test]
fn the_checker_agrees_with_the_simulator() {
    let (all, met) = (catalogue(), Met::default());
    let cases = (strategies::updated_flow(&all), 0..1000_u64, 0..PROMISING.len());
    for_all(200, &cases, |((graph, update), seed, scheduler)| {
        let (updates, schedulers) = (std::slice::from_ref(update), [PROMISING[*scheduler]]);
        let Ok(plans) = planned(graph, updates, &schedulers, &all) else { return Ok(()) };
        let instance = Instance::new(graph, &plans, SMALL);
        let budget = Budget { states_max: 20_000, time_max: None };
        let seen = Explorer::new(&instance).budget(budget).run();
        match &seen.verdict {
            Verdict::Holds => count(&met, "decided"),
            Verdict::Undecided { .. } => count(&met, "undecided"),
            Verdict::Breached { breach, run, .. } => {
                return Err(told(graph, updates, &schedulers, &format!("{breach:?}"), (&instance, run)));
            }
        }
        let mut rng = ChaCha8Rng::seed_from_u64(*seed);
        match simulated(&instance, &mut rng) {
            (_, None) => Ok(()),
            (choices, Some(breach)) => {
                let what = format!("only simulated: {breach:?}");
                Err(told(graph, updates, &schedulers, &what, (&instance, &choices)))
            }
        }
    });
    println!("{met:?}");
}

#[test]
fn direct_is_caught() {
    let (all, met) = (catalogue(), Met::default());
    for_all(300, &(strategies::updated_flow(&all), 0..1000_u64), |((graph, update), seed)| {
        let map = SourceMap::default();
        let Ok((plan, misfits)) = plan_unpromised(graph, update, &map, &all, Some(Scheduler::Direct)) else {
            return Ok(());
        };
        count(&met, "all");
        if !misfits.is_empty() {
            count(&met, "misfits");
        }
        for turn in 0..4 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed * 4 + turn);
            let bounds = bounds(&mut rng);
            if let Some(breach) = simulated(&Instance::new(graph, std::slice::from_ref(&plan), bounds), &mut rng).1 {
                count(&met, breach.property);
                break;
            }
        }
        Ok(())
    });
    println!("{met:?}");
}
