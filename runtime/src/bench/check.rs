//! `neurath bench check`: how fast the checker is, beside others on the same transitions, and how large an instance it decides.
//!
//! Three questions. How many states per CPU-second does a search generate: ours, stateright's and Spin's on the reference chain, whose
//! counts they must agree on; ours and stateright's on the real world. What does the reduction leave of instances of growing size. And how
//! many complete runs does the simulator take per second.

use super::cpu::{median, timed};
use super::spin;
use crate::cli::SCHEMA_VERSION;
use crate::cli::input::compiled_in;
use crate::http::{evolution, server};
use neurath_model::diagnostic::Diagnostics;
use neurath_model::plan::plan;
use neurath_sim::explore::{Budget, Exploration, Explorer, Verdict};
use neurath_sim::instance::{Bounds, Instance};
use neurath_sim::reduction::{Reduced, Reducible};
use neurath_sim::reference::chain::Chain;
use neurath_sim::reference::diamond::Diamond;
use neurath_sim::scenario;
use neurath_sim::simulate::{Weights, run};
use neurath_sim::stateright_model::{Order, counted};
use neurath_sim::system::System;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::fmt;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    rounds: usize,
    /// Packets and updates of the chain in the real world.
    chain: (u64, usize),
    /// Beyond this many states, a full search of the table of sizes gives up.
    states_max: u64,
    runs: u64,
}

impl Size {
    /// One round, in under a minute.
    pub const FAST: Self = Self { rounds: 1, chain: (6, 2), states_max: 200_000, runs: 20_000 };
    /// Medians of five rounds.
    pub const FULL: Self = Self { rounds: 5, chain: (8, 2), states_max: 5_000_000, runs: 100_000 };
}

/// One search on one system.
#[derive(Debug, Clone)]
struct Rate {
    system: &'static str,
    search: &'static str,
    generated: u64,
    distinct: u64,
    /// CPU time of one thread, in seconds.
    seconds: f64,
    /// Kept for each distinct state, where known.
    bytes: Option<f64>,
}

/// An instance, in full and reduced.
#[derive(Debug, Clone)]
struct Sized {
    name: String,
    operators: usize,
    /// Distinct states and seconds; `None` beyond the budget.
    full: Option<(u64, f64)>,
    reduced: Option<(u64, f64)>,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    rates: Vec<Rate>,
    /// Peers that could not be measured, and why.
    skipped: Vec<(String, String)>,
    sizes: Vec<Sized>,
    /// Complete runs per CPU-second.
    runs_per_second: f64,
}

/// Measures, telling what is under way.
pub fn measure(size: Size, tell: &mut dyn FnMut(&str)) -> Result<Report, Diagnostics> {
    let (mut rates, mut skipped) = (Vec::new(), Vec::new());
    for round in 1..=size.rounds {
        tell(&format!("round {round} of {}: searches", size.rounds));
        rates.push(all_rates(size, &mut skipped));
    }
    tell("sizes");
    let sizes = yardsticks().into_iter().chain(sizes(size)?).collect();
    tell("simulated runs");
    let seconds = (0..size.rounds).map(|_| simulated(size.runs)).collect();
    skipped.dedup();
    Ok(Report { rates: medians(&rates), skipped, sizes, runs_per_second: size.runs as f64 / median(seconds) })
}

/// All searches once, one after the other.
fn all_rates(size: Size, skipped: &mut Vec<(String, String)>) -> Vec<Rate> {
    let (chain, real) = (Chain::default(), real_chain(3, size.chain.0, 3, size.chain.1));
    let mut rates = vec![
        ours("reference chain", "ours, full", &chain),
        ours("reference chain", "ours, reduced", &Reduced(&chain)),
        theirs("reference chain", "stateright, breadth first", chain.clone(), Order::Breadth),
        theirs("reference chain", "stateright, depth first", chain.clone(), Order::Depth),
    ];
    match spin::explore(6, 12, 3) {
        Ok(seen) => rates.push(Rate {
            system: "reference chain",
            search: "Spin, depth first, no reduction",
            generated: seen.transitions,
            distinct: seen.distinct,
            seconds: seen.seconds,
            bytes: Some(seen.bytes),
        }),
        Err(why) => skipped.push(("Spin".into(), why)),
    }
    rates.extend([
        ours("real chain", "ours, full", &real),
        ours("real chain", "ours, reduced", &Reduced(&real)),
        theirs("real chain", "stateright, breadth first", real.clone(), Order::Breadth),
        theirs("real chain", "stateright, depth first", real, Order::Depth),
    ]);
    rates
}

fn ours<S: System>(system: &'static str, search: &'static str, explored: &S) -> Rate {
    let (seen, seconds) = timed(|| Explorer::new(explored).run());
    assert_eq!(told(&seen), "holds", "{system}");
    let Exploration { generated, distinct, bytes_per_state, .. } = seen;
    Rate { system, search, generated, distinct, seconds, bytes: Some(bytes_per_state) }
}

fn theirs<S>(system: &'static str, search: &'static str, explored: S, order: Order) -> Rate
where
    S: System + Send + Sync + 'static,
    S::State: Send + Sync + 'static,
    S::Choice: Send + Sync + 'static,
{
    let ((generated, distinct), seconds) = timed(|| counted(explored, order));
    Rate { system, search, generated, distinct, seconds, bytes: None }
}

fn told<C>(seen: &Exploration<C>) -> &'static str {
    match seen.verdict {
        Verdict::Holds => "holds",
        Verdict::Breached { .. } => "is broken",
        Verdict::Undecided { .. } => "is undecided",
    }
}

/// The rates of several rounds, each with the median of its times.
fn medians(rounds: &[Vec<Rate>]) -> Vec<Rate> {
    let first = rounds.first().cloned().unwrap_or_default();
    let middle = |i: usize| median(rounds.iter().filter_map(|round| round.get(i)).map(|rate| rate.seconds).collect());
    first.into_iter().enumerate().map(|(i, rate)| Rate { seconds: middle(i), ..rate }).collect()
}

/// A chain of `steps` operators between source and sink, of which updates change the first and the last, or the middle one.
fn real_chain(steps: usize, packets: u64, capacity: usize, updates: usize) -> Instance {
    let scenario = (0..updates).fold(scenario::chain(steps), |scenario, k| {
        let component = format!("step@{}", k + 2);
        let (first, last, middle) = ("x1".to_owned(), format!("x{steps}"), format!("x{}", steps.div_ceil(2)));
        let changed = if k % 2 == 0 { vec![first, last] } else { vec![middle] };
        let changes: Vec<(&str, &str)> = changed.iter().map(|at| (at.as_str(), component.as_str())).collect();
        let update = scenario::replacing(&format!("u{}", k + 1), &changes);
        scenario.updated(&update).expect("the updates of the chain are valid")
    });
    scenario.instance(Bounds { packets, capacity, ends: false, hangups: false })
}

/// A fork and a join of both ways, aligned, of which three updates change the operators in between.
fn real_diamond(packets: u64, capacity: usize) -> Result<Instance, Diagnostics> {
    let mut scenario = scenario::balanced();
    for version in 2..=4 {
        let step = format!("step@{version}");
        scenario = scenario.updated(&scenario::replacing(&format!("u{version}"), &[("a", &step), ("b", &step)]))?;
    }
    Ok(scenario.instance(Bounds { packets, capacity, ends: false, hangups: false }))
}

/// What is explored for the table of sizes: the yardsticks as flows in the real world, and then others.
fn instances() -> Result<Vec<(String, Instance)>, Diagnostics> {
    let mut all: Vec<(String, Instance)> = vec![
        ("chain, 12 packets, 3 updates, capacity 6".into(), real_chain(3, 12, 6, 3)),
        ("fork and join, 10 packets, 3 updates, 5".into(), real_diamond(10, 5)?),
    ];
    all.extend(
        [(3, 8), (8, 4), (18, 3), (48, 3), (98, 3)]
            .map(|(steps, packets)| (format!("chain, {packets} packets, 2 updates"), real_chain(steps, packets, 2, 2))),
    );
    let rejoined =
        scenario::diamond().updated(&scenario::replacing("u1", &[("a", "step@2"), ("rejoin", "merge@2")]))?;
    let bounds = |packets, capacity| Bounds { packets, capacity, ends: false, hangups: false };
    all.push(("fork and merge, 4 packets, 1 update".into(), rejoined.instance(bounds(4, 2))));
    let registry = compiled_in(std::sync::Arc::default());
    let mut graph = server::built_in_graph();
    let (update, map) = evolution::nio_and_cache();
    let largest = plan(&graph, &update, &map, registry.catalogue(), None)?;
    for packets in [2, 3] {
        let instance = Instance::new(&graph, std::slice::from_ref(&largest), bounds(packets, 1));
        all.push((format!("http, {}, {packets} requests", update.name), instance));
    }
    for (update, map) in evolution::cycle() {
        let plan = plan(&graph, &update, &map, registry.catalogue(), None)?;
        let after = plan.after.clone();
        all.push((format!("http, {}, 3 requests", update.name), Instance::new(&graph, &[plan], bounds(3, 1))));
        graph = after;
    }
    Ok(all)
}

/// The yardsticks themselves.
fn yardsticks() -> Vec<Sized> {
    fn both<S: Reducible>(name: &str, operators: usize, system: &S) -> Sized {
        let full = timed(|| Explorer::new(system).run().distinct);
        let reduced = timed(|| Explorer::new(&Reduced(system)).run().distinct);
        Sized { name: name.into(), operators, full: Some(full), reduced: Some(reduced) }
    }
    vec![
        both("reference chain, 12 packets, 3 markers", 5, &Chain::default()),
        both("reference diamond, 10 packets, 3 markers", 5, &Diamond::default()),
    ]
}

fn sizes(size: Size) -> Result<Vec<Sized>, Diagnostics> {
    let budget = Budget { states_max: size.states_max, time_max: None };
    fn decided<S: System>(system: &S, budget: Budget) -> Option<(u64, f64)> {
        let (seen, seconds) = timed(|| Explorer::new(system).budget(budget).run());
        matches!(seen.verdict, Verdict::Holds).then_some((seen.distinct, seconds))
    }
    let all = instances()?.into_iter().map(|(name, instance)| Sized {
        operators: instance.program.operators().len(),
        full: decided(&instance, budget),
        reduced: decided(&Reduced(&instance), budget),
        name,
    });
    Ok(all.collect())
}

/// CPU time of complete runs of the chain with one update, two packets.
fn simulated(runs: u64) -> f64 {
    let instance = real_chain(3, 2, 1, 1);
    let all = || {
        for seed in 0..runs {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let weights = Weights::draw(instance.program.operators().len(), &mut rng);
            let run = run(&instance, &weights, &mut rng);
            assert!(run.breach.is_none(), "the chain's update holds");
        }
    };
    timed(all).1
}

impl Report {
    /// The report for programs.
    pub fn json(&self) -> Value {
        let rate = |r: &Rate| {
            json!({
                "system": r.system, "search": r.search, "generated": r.generated, "distinct": r.distinct,
                "cpu_seconds": r.seconds, "generated_per_cpu_second": r.generated as f64 / r.seconds, "bytes_per_state": r.bytes,
            })
        };
        let decided = |d: &Option<(u64, f64)>| {
            d.map(|(distinct, seconds)| json!({ "distinct": distinct, "cpu_seconds": seconds }))
        };
        json!({
            "schema_version": SCHEMA_VERSION,
            "rates": self.rates.iter().map(rate).collect::<Vec<_>>(),
            "skipped": self.skipped.iter().map(|(who, why)| json!({ "peer": who, "why": why })).collect::<Vec<_>>(),
            "sizes": self.sizes.iter().map(|s| json!({
                "instance": s.name, "operators": s.operators, "full": decided(&s.full), "reduced": decided(&s.reduced),
            })).collect::<Vec<_>>(),
            "simulated_runs_per_cpu_second": self.runs_per_second,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (system, search) = ("system", "search");
        writeln!(
            f,
            "{system:16} {search:32} {:>10} {:>10} {:>8} {:>9} {:>8}",
            "generated", "distinct", "CPU s", "M gen/s", "B/state"
        )?;
        for r in &self.rates {
            let rate = r.generated as f64 / r.seconds / 1e6;
            let bytes = r.bytes.map_or("-".into(), |bytes| format!("{bytes:.0}"));
            let Rate { system, search, generated, distinct, seconds, .. } = r;
            writeln!(f, "{system:16} {search:32} {generated:10} {distinct:10} {seconds:8.3} {rate:9.2} {bytes:>8}")?;
        }
        for (who, why) in &self.skipped {
            writeln!(f, "{who} was not measured: {why}")?;
        }
        writeln!(
            f,
            "\n{:41} {:>9} {:>10} {:>8} {:>10} {:>8}",
            "instance", "operators", "full", "CPU s", "reduced", "CPU s"
        )?;
        for s in &self.sizes {
            let decided = |d: Option<(u64, f64)>| match d {
                Some((distinct, seconds)) => format!("{distinct:10} {seconds:8.3}"),
                None => format!("{:>10} {:>8}", "too large", "-"),
            };
            writeln!(f, "{:41} {:9} {} {}", s.name, s.operators, decided(s.full), decided(s.reduced))?;
        }
        writeln!(f, "\nsimulated runs of the chain, with one update: {:.0} a CPU-second", self.runs_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neurath_sim::reference::chain::REFERENCE;

    #[test]
    fn those_who_count_the_reference_chain_agree() {
        let size = Size { chain: (2, 1), ..Size::FAST };
        let mut skipped = Vec::new();
        let rates = all_rates(size, &mut skipped);
        let full = |r: &&Rate| r.search != "ours, reduced";
        let (generated, distinct, _) = REFERENCE;
        for rate in rates.iter().filter(full).filter(|r| r.system == "reference chain") {
            assert_eq!((rate.generated, rate.distinct), (generated, distinct), "{}", rate.search);
        }
        let real: Vec<(u64, u64)> =
            rates.iter().filter(full).filter(|r| r.system == "real chain").map(|r| (r.generated, r.distinct)).collect();
        assert!(real.windows(2).all(|pair| pair[0] == pair[1]), "{real:?}");
        assert!(skipped.iter().all(|(_, why)| why.contains("cannot be run")), "{skipped:?}");
    }
}
