//! A loaded flow with a fork and a join, updated, and what was held meanwhile.

use crate::engine::{Applied, Options, Running};
use crate::function::{BuildError, Context, Function, Readiness, Registry};
use crate::packet::Packet;
use neurath_model::diagnostic::{Diagnostics, SourceMap};
use neurath_model::flow::ComponentRef;
use neurath_model::id::PortIndex;
use neurath_model::plan::Scheduler;
use neurath_model::spec;
use neurath_model::update::{Change, Guarantee, StatePolicy, Update};
use neurath_model::validate::validate;
use serde::Serialize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const FLOW: &str = "\
    in(stall/source) OUT -> IN before(stall/step) OUT -> IN fork(stall/fork)\n\
    fork LEFT -> IN left(stall/work) OUT -> LEFT join(stall/merge)\n\
    fork RIGHT -> IN right(stall/work) OUT -> RIGHT join\n\
    join OUT -> IN after(stall/step) OUT -> IN out(stall/sink)\n\
    '2' -> MICROS left\n\
    '20' -> MICROS right\n";

const COMPONENTS: &str = r#"
[[component]]
name = "stall/source"
outputs = { OUT = "number" }
emission = "each"
wake = "source"

[[component]]
name = "stall/step"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"

[[component]]
name = "stall/fork"
inputs = { IN = "number" }
outputs = { LEFT = "number", RIGHT = "number" }
emission = "each"

[[component]]
name = "stall/work"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"
properties = { MICROS = { kind = "integer", default = 0 } }

[[component]]
name = "stall/work"
version = "2"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"
properties = { MICROS = { kind = "integer", default = 0 } }

[[component]]
name = "stall/merge"
inputs = { LEFT = "number", RIGHT = "number" }
outputs = { OUT = "number" }
firing = "any"
emission = "each"

[[component]]
name = "stall/sink"
inputs = { IN = "number" }
"#;

/// The updates by one scheduler.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Updates {
    pub(super) scheduler: String,
    /// From submission to applied, in order.
    pub(super) took_us: Vec<f64>,
    /// What was held, update by update.
    pub(super) holds: Vec<Held>,
    /// For each update, the longest time without a packet at the sink that began or ended while it was under way.
    pub(super) silence_us: Vec<f64>,
    /// The median time between two packets at the sink.
    pub(super) usual_us: f64,
    /// Packets that came to the sink, and how many gaps there are among them.
    pub(super) packets: usize,
    pub(super) lost: usize,
}

/// Something that was held.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Held {
    /// Which of the updates held it.
    pub(super) update: usize,
    /// An input port, or an operator.
    pub(super) what: String,
    /// Since the update was submitted.
    pub(super) from_us: f64,
    pub(super) until_us: f64,
}

/// Starts a flow, lets its arcs fill up, and updates it so many times.
pub(super) fn updates(
    scheduler: Scheduler,
    rounds: usize,
    capacity: usize,
    pause: Duration,
) -> Result<Updates, Diagnostics> {
    let seen: Seen = Arc::default();
    let registry = Arc::new(registry(&seen));
    let (flow, map) = spec::fbp::parse("the stalled flow", FLOW)?;
    let graph = validate(&flow, &map, registry.catalogue())?;
    let running = Running::start(&graph, registry, Options { capacity, ..Options::default() })?;
    let mut all = Vec::new();
    let mut holds = Vec::new();
    for number in 0..rounds {
        std::thread::sleep(pause);
        let version = if number % 2 == 0 { "2" } else { "1" };
        let ticket = running.submit_by(&update(version), &SourceMap::default(), Some(scheduler))?;
        let applied = ticket.wait()?;
        holds.extend(applied.holds.iter().map(|hold| Held {
            update: number,
            what: running.name_of(hold),
            from_us: since(applied.submitted, hold.from),
            until_us: since(applied.submitted, hold.until),
        }));
        all.push(applied);
    }
    std::thread::sleep(pause);
    running.stop()?;
    let seen = seen.lock().expect("not poisoned");
    let gaps: Vec<(Instant, Instant)> = seen.windows(2).map(|pair| (pair[0].1, pair[1].1)).collect();
    Ok(Updates {
        scheduler: scheduler.to_string(),
        took_us: all.iter().map(|applied| since(applied.submitted, applied.answered)).collect(),
        holds,
        silence_us: all.iter().map(|applied| silence(&gaps, applied)).collect(),
        usual_us: crate::bench::cpu::median(gaps.iter().map(|(a, b)| since(*a, *b)).collect()),
        packets: seen.len(),
        lost: misplaced(seen.iter().map(|(came, _)| came)),
    })
}

fn since(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1e6
}

/// The longest of the times without a packet that fall into an update.
fn silence(gaps: &[(Instant, Instant)], applied: &Applied) -> f64 {
    let first = gaps.partition_point(|(_, to)| *to < applied.submitted);
    let during = gaps[first..].iter().take_while(|(from, _)| *from <= applied.answered);
    during.map(|(from, to)| since(*from, *to)).fold(0.0, f64::max)
}

fn update(version: &str) -> Update {
    let component = ComponentRef { name: "stall/work".into(), version: version.into() };
    let change = |name: &str| (name.to_owned(), Change::to(component.clone(), StatePolicy::Keep));
    Update {
        name: format!("both-to-{version}"),
        guarantee: Guarantee::default(),
        changes: ["left", "right"].map(change).into(),
        flow: None,
    }
}

/// A number that came by one of the branches.
struct Came {
    by: PortIndex,
    number: u64,
}

/// What came to the sink, and when.
type Seen = Arc<Mutex<Vec<(Came, Instant)>>>;

/// How many numbers are not where they should be: each branch brings all of them, in order.
fn misplaced<'a>(seen: impl Iterator<Item = &'a Came>) -> usize {
    let mut next = [0, 0];
    let wrong = seen.filter(|came| {
        let next = &mut next[usize::from(came.by.0)];
        let is_wrong = came.number != *next;
        *next = came.number + 1;
        is_wrong
    });
    let wrong = wrong.count();
    wrong + usize::from(next[0] != next[1])
}

fn registry(seen: &Seen) -> Registry {
    let (catalogue, _) = spec::components::parse("stall components", COMPONENTS).expect("they are well-formed");
    let mut registry = Registry::default();
    for component in catalogue.components().cloned() {
        match component.id.name.as_str() {
            "stall/source" => registry.component(component, |_| built(Source { next: 0 })),
            "stall/step" => registry.component(component, |_| built(Work { each: Duration::ZERO })),
            "stall/fork" => registry.component(component, |_| built(Fork)),
            "stall/merge" => registry.component(component, |_| built(Merge)),
            "stall/work" => {
                registry.component(component, |p| built(Work { each: Duration::from_micros(p.integer("MICROS")) }));
            }
            _ => {
                let seen = seen.clone();
                registry.component(component, move |_| built(Sink { seen: seen.clone() }));
            }
        }
    }
    registry
}

fn built<F>(function: F) -> Result<F, BuildError> {
    Ok(function)
}

/// Counts, as fast as there is room.
struct Source {
    next: u64,
}

impl Function for Source {
    fn start(&mut self, cx: &mut Context<'_>) {
        cx.again();
    }

    fn wake(&mut self, _: &[Readiness], cx: &mut Context<'_>) {
        if cx.room() > 0 {
            cx.emit(PortIndex(0), Packet::new(self.next));
            self.next += 1;
        }
        cx.again();
    }
}

/// Hands on what it gets, after a while.
struct Work {
    each: Duration,
}

impl Function for Work {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let from = Instant::now();
        while from.elapsed() < self.each {
            std::hint::spin_loop();
        }
        cx.emit(PortIndex(0), packet);
    }
}

/// Sends both branches a copy.
struct Fork;

impl Function for Fork {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let number: u64 = packet.take();
        cx.emit(PortIndex(0), Packet::new(number));
        cx.emit(PortIndex(1), Packet::new(number));
    }
}

/// Hands on what comes by either branch, and says by which.
struct Merge;

impl Function for Merge {
    fn fire(&mut self, port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        cx.emit(PortIndex(0), Packet::new(Came { by: port, number: packet.take() }));
    }
}

/// Notes what comes, and when.
struct Sink {
    seen: Seen,
}

impl Function for Sink {
    fn fire(&mut self, _: PortIndex, packet: Packet, _: &mut Context<'_>) {
        self.seen.lock().expect("not poisoned").push((packet.take(), Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_doubled_or_missing_at_the_end_is_misplaced() {
        let came = |numbers: &[(u8, u64)]| {
            let all: Vec<Came> =
                numbers.iter().map(|(by, number)| Came { by: PortIndex(*by), number: *number }).collect();
            misplaced(all.iter())
        };
        assert_eq!(came(&[(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (1, 2)]), 0);
        assert_eq!(came(&[(0, 0), (0, 2), (1, 0), (1, 1), (1, 2)]), 1, "one is lost");
        assert_eq!(came(&[(0, 0), (0, 0), (1, 0)]), 1, "one is doubled");
        assert_eq!(came(&[(0, 0), (0, 1), (1, 0)]), 1, "one branch ends early");
    }
}
