//! Two clients submit updates at random while requests come, each without regard for the other: updates overlap, find the flow
//! changed, or find nothing left to do. Each ends applied or refused with a reason.

use crate::engine::{Applied, Running, Ticket};
use crate::http::evolution;
use neurath_model::diagnostic::{Code, Diagnostics, SourceMap};
use neurath_model::flow::Flow;
use neurath_model::plan::Scheduler;
use neurath_model::update::{Change, Guarantee, StatePolicy, Update};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many submit.
const SUBMITTERS: u64 = 2;
/// The updates that one submits before it waits for an answer.
const BURST_MAX: u32 = 4;
/// The longest pause between two bursts, in milliseconds.
const PAUSE_MS_MAX: u64 = 200;
/// What an update may be asked to travel by; nothing leaves it to the planner.
const SCHEDULERS: [Option<Scheduler>; 5] =
    [None, Some(Scheduler::Scoped), Some(Scheduler::Epoch), Some(Scheduler::Dependent), Some(Scheduler::StopTheWorld)];

/// What became of the updates.
#[derive(Debug, Clone, Default)]
pub struct Contended {
    /// Those applied, in their order.
    pub applied: Vec<Applied>,
    /// How many were refused, by the first reason given.
    pub refused: BTreeMap<Code, u64>,
}

impl Contended {
    /// How many were submitted.
    pub fn submitted(&self) -> u64 {
        self.applied.len() as u64 + self.refused.values().sum::<u64>()
    }

    /// How many of those applied were under way while another was.
    pub fn overlapping(&self) -> usize {
        let meet = |a: &Applied, b: &Applied| a.submitted < b.answered && b.submitted < a.answered;
        let overlaps = |k: usize| {
            let near = k.saturating_sub(8)..(k + 9).min(self.applied.len());
            near.filter(|other| *other != k).any(|other| meet(&self.applied[k], &self.applied[other]))
        };
        (0..self.applied.len()).filter(|k| overlaps(*k)).count()
    }

    /// The reasons in words: how many for which.
    pub fn reasons(&self) -> String {
        let each: Vec<String> = self.refused.iter().map(|(code, n)| format!("{n} by {code}")).collect();
        if each.is_empty() { "none".into() } else { each.join(", ") }
    }

    fn note(&mut self, answer: Result<Applied, Diagnostics>) {
        match answer {
            Ok(applied) => self.applied.push(applied),
            Err(diagnostics) => {
                let first = diagnostics.0.first().map_or(Code::R05, |d| d.code);
                *self.refused.entry(first).or_default() += 1;
            }
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.applied.extend(other.applied);
        other.refused.into_iter().for_each(|(code, n)| *self.refused.entry(code).or_default() += n);
    }
}

/// Submits for so long from two threads, and waits until each update is answered. What is submitted follows from the seed; what
/// finds the flow changed does not.
pub fn contend(flow: &Running, duration: Duration, seed: u64, tell: &mut impl FnMut(&str)) -> Contended {
    let until = Instant::now() + duration;
    let all = thread::scope(|scope| {
        let submitters: Vec<_> = (0..SUBMITTERS)
            .map(|k| scope.spawn(move || Submitter::new(flow, seed * SUBMITTERS + k).submit_until(until)))
            .collect();
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(500).min(duration));
            let left = until.saturating_duration_since(Instant::now());
            tell(&format!(
                "two clients submit at random: {} applied, {} s left",
                flow.status().applied,
                left.as_secs()
            ));
        }
        let mut all = Contended::default();
        submitters.into_iter().for_each(|s| all.join(s.join().expect("a submitter does not panic")));
        all
    });
    sorted(all)
}

fn sorted(mut contended: Contended) -> Contended {
    contended.applied.sort_by_key(|applied| applied.update);
    contended
}

/// What is submitted at a steady rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steady {
    /// Each changes two operators, and one of them is changed by the next as well.
    Overlapping,
    /// Each changes another operator than the one before.
    Disjoint,
}

impl Steady {
    /// The k-th update: other values of properties, which are used at once and make no request slower.
    fn update(self, k: u64) -> Update {
        let value = |property: &str, least: u64| (property.to_owned(), (least + 1 + k % 1024).into());
        let change = |(operator, property, least): (&str, &str, u64)| {
            let properties = [value(property, least)].into();
            let change = Change { properties, ..Change::of_state(StatePolicy::Keep) };
            (operator.to_owned(), change)
        };
        let (read, parse, reply) =
            (("read", "HEAD_MAX", 16 << 10), ("parse", "LINE_MAX", 8 << 10), ("reply", "SEND_TIMEOUT_MS", 30_000));
        let changed = match (self, k.is_multiple_of(2)) {
            (Self::Overlapping, true) => vec![read, parse],
            (Self::Overlapping, false) => vec![parse, reply],
            (Self::Disjoint, true) => vec![read],
            (Self::Disjoint, false) => vec![reply],
        };
        let changes = changed.into_iter().map(change).collect();
        Update { name: format!("steady-{k}"), guarantee: Guarantee::default(), changes, flow: None }
    }
}

/// Submits so many updates a second to the flow as it is at first, waiting for no answer before the next, until told to stop; then waits
/// until each is answered. One that comes late, since the one before was not accepted in time, is submitted at once.
/// `before` is how many were submitted before: an update must not find its values there already.
pub fn submit_steadily(flow: &Running, which: Steady, per_second: u32, before: u64, stop: &AtomicBool) -> Contended {
    let (from, each) = (Instant::now(), Duration::from_secs(1) / per_second.max(1));
    let mut tickets = Vec::new();
    let mut k = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = each * u32::try_from(k).unwrap_or(u32::MAX);
        let left = due.saturating_sub(from.elapsed());
        if left.is_zero() {
            tickets.push(flow.submit(&which.update(before + k), &SourceMap::default()));
            k += 1;
        } else {
            thread::sleep(left.min(Duration::from_millis(20)));
        }
    }
    let mut contended = Contended::default();
    tickets.into_iter().for_each(|ticket| contended.note(ticket.and_then(Ticket::wait)));
    sorted(contended)
}

/// Leads a server flow that the updates of this module have changed back to the flow that it was.
pub fn lead_back(flow: &Running, to: &Flow) -> Result<Contended, Diagnostics> {
    let mut back = Contended::default();
    let cycle = evolution::cycle();
    let mut submit = |update: &Update, map: &SourceMap| back.note(flow.submit(update, map).and_then(Ticket::wait));
    if flow.graph().to_flow().operator("accept2").is_some() {
        submit(&evolution::second_port(&flow.graph().to_flow(), ""), &SourceMap::default());
    }
    for (update, map) in cycle.iter().filter(|(update, _)| ["cache-out", "blocking"].contains(&update.name.as_str())) {
        submit(update, map);
    }
    // What is left is told as a difference of flows, which names what is in the way.
    let here = shape(&flow.graph().to_flow());
    if here != shape(to) {
        let rest = flow.submit(&Update::to_flow("home", to.clone()), &SourceMap::default())?;
        back.note(rest.wait());
    }
    Ok(sorted(back))
}

/// The flow, whatever it is called.
pub fn shape(flow: &Flow) -> Flow {
    Flow { annotations: [].into(), ..flow.clone() }
}

struct Submitter<'a> {
    flow: &'a Running,
    cycle: Vec<(Update, SourceMap)>,
    random: ChaCha8Rng,
    seen: Contended,
}

impl<'a> Submitter<'a> {
    fn new(flow: &'a Running, seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { flow, cycle: evolution::cycle(), random, seen: Contended::default() }
    }

    fn submit_until(mut self, until: Instant) -> Contended {
        while Instant::now() < until {
            let burst = self.random.random_range(1..=BURST_MAX);
            let tickets: Vec<_> = (0..burst).map(|_| self.submit_any()).collect();
            tickets.into_iter().for_each(|ticket| self.seen.note(ticket.and_then(Ticket::wait)));
            thread::sleep(Duration::from_millis(self.random.random_range(0..=PAUSE_MS_MAX)));
        }
        self.seen
    }

    fn submit_any(&mut self) -> Result<Ticket, Diagnostics> {
        let scheduler = *SCHEDULERS.choose(&mut self.random).expect("there are some");
        let (update, map) = self.any_update()?;
        self.flow.submit_by(&update, &map, scheduler)
    }

    /// One of the cycle for the most part; a second port that comes or goes; or what takes the latest back.
    fn any_update(&mut self) -> Result<(Update, SourceMap), Diagnostics> {
        Ok(match self.random.random_range(0..8) {
            0 => (evolution::second_port(&self.flow.graph().to_flow(), "127.0.0.1:0"), SourceMap::default()),
            1 => (self.flow.rollback()?, SourceMap::default()),
            _ => self.cycle.choose(&mut self.random).expect("a cycle").clone(),
        })
    }
}
