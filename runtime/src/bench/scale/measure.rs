//! Runs flows and updates them, with a watch.

use crate::bench::flows::{self, Kind, Load};
use crate::engine::{Options, Placement, Running, Ticket};
use crate::http::{Server, evolution};
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};
use neurath_model::plan::{Plan, Scheduler};
use neurath_model::update::Update;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is measured on idle flows: the baseline last.
const IDLE: [Scheduler; 4] = [Scheduler::Epoch, Scheduler::Scoped, Scheduler::Dependent, Scheduler::StopTheWorld];
/// What is measured on saturated flows.
pub(super) const SATURATED: [Scheduler; 3] = [Scheduler::Epoch, Scheduler::Scoped, Scheduler::StopTheWorld];
/// How long the sink of a saturated flow takes for each packet: longer than all others together, so that every arc fills up.
const MICROS_EACH: u64 = 2_000;
/// A saturated flow must fill up again before each update; so there are not many.
const ROUNDS_MAX: usize = 5;

/// A flow of one size.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sized {
    pub(super) kind: &'static str,
    pub(super) operators: usize,
    pub(super) arcs: usize,
    pub(super) validate_ms: f64,
    pub(super) start_ms: f64,
    /// What the process grew by when it started, for each operator; none where that says nothing.
    pub(super) bytes_each: Option<f64>,
    /// What the process had in memory at the end.
    pub(super) resident_mb: f64,
    pub(super) runs: Vec<Run>,
}

/// The updates of one flow by one scheduler.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Run {
    pub(super) scheduler: String,
    /// How many operators its marker passes.
    pub(super) scope: usize,
    /// Markers and messages that are sent.
    pub(super) markers: usize,
    /// Planning, in microseconds, in order.
    pub(super) plan_micros: Vec<f64>,
    /// From submission of what was planned until it is applied.
    pub(super) micros: Vec<f64>,
    /// Why nothing was measured, if this scheduler does not promise what is asked here.
    pub(super) refused: Option<String>,
}

/// A saturated flow.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Saturated {
    pub(super) scheduler: String,
    /// Packets on the arcs before the operators that change, when all of them are full.
    pub(super) upstream: usize,
    pub(super) capacity: usize,
    pub(super) micros: Vec<f64>,
}

/// An idle flow of one size, updated by every scheduler.
pub(super) fn idle(kind: Kind, operators: usize, rounds: usize) -> Result<Sized, Diagnostics> {
    let registry = Arc::new(flows::registry());
    let flow = kind.flow(operators, Load::Idle);
    let from = Instant::now();
    let graph = flows::checked(&flow, &registry)?;
    let validate_ms = millis(from.elapsed());
    let before = resident_kb();
    let from = Instant::now();
    let running = Running::start(&graph, registry, options(64, Placement::OneThread))?;
    let start_ms = millis(from.elapsed());
    let grown = resident_kb().zip(before).map(|(now, before)| now.saturating_sub(before) as f64 * 1024.0);
    // Memory that an earlier flow has left is used again, which hides what small ones take.
    let grown = grown.filter(|bytes| *bytes > 4e6);
    let steps = flows::steps(&flow);
    let changed = [format!("x{}", steps / 4), format!("x{}", steps / 2)];
    let runs = IDLE.iter().map(|scheduler| updates(&running, *scheduler, &changed, rounds)).collect();
    let measured = Sized {
        kind: kind.name(),
        operators: graph.len(),
        arcs: graph.arcs().count(),
        validate_ms,
        start_ms,
        bytes_each: grown.map(|bytes| bytes / graph.len() as f64),
        resident_mb: resident_kb().map_or(0.0, |kb| kb as f64 / 1000.0),
        runs,
    };
    running.stop()?;
    Ok(measured)
}

fn options(capacity: usize, placement: Placement) -> Options {
    Options { capacity, placement, ..Options::default() }
}

/// Changes operators back and forth.
fn updates(running: &Running, scheduler: Scheduler, changed: &[String], rounds: usize) -> Run {
    let names: Vec<&str> = changed.iter().map(String::as_str).collect();
    let mut run = Run {
        scheduler: scheduler.to_string(),
        scope: 0,
        markers: 0,
        plan_micros: Vec::new(),
        micros: Vec::new(),
        refused: None,
    };
    for _ in 0..rounds {
        match once(running, scheduler, &next(running, &names)) {
            Ok(Once { plan, micros, scope, markers }) => {
                (run.scope, run.markers) = (scope, markers);
                run.plan_micros.push(plan);
                run.micros.push(micros);
            }
            Err(why) => {
                run.refused = why.0.first().map(|d| d.message.clone());
                break;
            }
        }
    }
    run
}

/// The update of these operators to the version that they do not run.
fn next(running: &Running, names: &[&str]) -> Update {
    let graph = running.graph();
    let at = graph.find(names[0]).expect("an operator of the flow");
    let version = if graph.operator(at).component.id.version == "1" { "2" } else { "1" };
    flows::update(names, version)
}

struct Once {
    plan: f64,
    micros: f64,
    scope: usize,
    markers: usize,
}

fn once(running: &Running, scheduler: Scheduler, update: &Update) -> Result<Once, Diagnostics> {
    let from = Instant::now();
    let prepared = running.prepare(update, &SourceMap::default(), Some(scheduler))?;
    let plan = micros(from.elapsed());
    let (scope, markers) = (prepared.plan().scope.len(), markers(prepared.plan(), running));
    let from = Instant::now();
    let ticket = running.commit(prepared)?.expect("nobody else submits");
    let applied = ticket.wait()?;
    Ok(Once { plan, micros: micros(applied.answered.duration_since(from)), scope, markers })
}

/// Markers on arcs, and messages from the entrance.
fn markers(plan: &Plan, running: &Running) -> usize {
    let on_arcs: usize = plan.route.passes.values().map(|pass| pass.forward.len()).sum();
    let second = if plan.scheduler.in_two_parts() { plan.actions.len() + running.graph().sources().len() } else { 0 };
    plan.route.heads.len() + on_arcs + second
}

/// A chain whose arcs are full, of which two operators beside each other change; so many are before them, and ten behind.
pub(super) fn saturated(upstream: usize, capacity: usize, rounds: usize) -> Result<Vec<Saturated>, Diagnostics> {
    let operators = upstream + 12;
    let registry = Arc::new(flows::registry());
    let flow = Kind::Chain.flow(operators, Load::Saturated { micros_each: MICROS_EACH });
    let graph = flows::checked(&flow, &registry)?;
    // On one thread, nothing would run while the sink takes its time, and the arcs would stay empty.
    let running = Running::start(&graph, registry, options(capacity, Placement::ThreadEach))?;
    let changed = [format!("x{upstream}"), format!("x{}", upstream + 1)];
    // Until the arcs are full: as long as the sink takes for twice what they hold, and a while.
    let full = Duration::from_micros(2 * MICROS_EACH * (operators * capacity) as u64) + Duration::from_millis(20);
    let mut measured = Vec::new();
    for scheduler in SATURATED {
        let mut micros = Vec::new();
        for _ in 0..rounds.min(ROUNDS_MAX) {
            std::thread::sleep(full);
            micros.extend(updates(&running, scheduler, &changed, 1).micros);
        }
        measured.push(Saturated { scheduler: scheduler.to_string(), upstream: upstream * capacity, capacity, micros });
    }
    running.stop()?;
    Ok(measured)
}

/// From submission, planning included, until it is applied, of the idle server's updates, in microseconds.
pub(super) fn server(rounds: usize) -> Result<Vec<f64>, Diagnostics> {
    let folder = tempfile::tempdir().map_err(|e| cannot(&e))?;
    let server = Server::start(folder.path(), "127.0.0.1:0", Options::default())?;
    let cycle = evolution::cycle();
    let mut all = Vec::new();
    // Whole cycles: each begins with the flow that it ends with.
    for _ in 0..rounds.div_ceil(cycle.len()) {
        for (update, map) in &cycle {
            let from = Instant::now();
            let applied = server.flow.submit(update, map).and_then(Ticket::wait)?;
            all.push(micros(applied.answered.duration_since(from)));
        }
    }
    server.flow.stop()?;
    Ok(all)
}

fn cannot(error: &std::io::Error) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R05,
        message: "there is no folder to serve".into(),
        places: Vec::new(),
        expected: "a temporary folder".into(),
        found: error.to_string(),
        hint: "set TMPDIR to a folder that can be written".into(),
    }])
}

/// Resident memory of this process, where the system tells.
fn resident_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
