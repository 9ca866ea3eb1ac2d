//! The simulator: one run from a seed, and many seeds one after the other.
//!
//! ```text
//!   seed --> Swarm (how much, which updates, which weights) --> Instance --> choose, step, choose, step, ... --> Outcome
//! ```
//!
//! The explorer tries every run of a small instance; the simulator tries some runs of large ones. It drives the same
//! [`World`] through the same choices, so its properties are the explorer's, and a run it finds can be replayed,
//! narrated and saved like any other. All that is drawn is drawn from the seed: the same seed of the same subject is the
//! same run, on every machine.
//!
//! A run goes on until no choice is open, which it must reach: each step uses up a packet, a marker or an update. It is
//! disturbed at first ([`Disturbance`]), and then left in peace; what has not come to its end within as many steps as
//! packets, markers and updates account for ([`steps_max`]) breaks the liveness property concerned. In some runs somebody crashes
//! ([`crash`](crate::crash)); what is left then must agree with what was told.

mod bound;
mod disturbance;
mod driver;
mod shrink;
mod stepping;
mod swarm;
#[cfg(test)]
mod tests;
mod twice;
mod weights;

pub use bound::steps_max;
pub use disturbance::{Disturbance, Kind};
pub use driver::{Regime, run, run_from};
pub use shrink::{Shrunk, shrink};
pub use stepping::Stepping;
pub use swarm::Swarm;
pub use twice::{Difference, first_difference, simulate_twice};
pub use weights::Weights;

use crate::crash::Who;
use crate::explore::fingerprint;
use crate::generate::{Subject, Subjects};
use crate::instance::{Fault, Instance};
use crate::ledger::WITNESSES;
use crate::observation::Observation;
use crate::system::{Breach, System};
use crate::world::World;
use driver::Buffers;
use neurath_model::choice::Choice;
use neurath_model::marker::Outcome as Answer;
use std::ops::Range;

/// What is not drawn from the seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A fault put into every run.
    pub fault: Option<Fault>,
    /// Whether nothing disturbs a run, and nobody crashes.
    pub calm: bool,
}

/// What happened in a run, apart from its choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Steps taken.
    pub steps: u64,
    /// Updates answered as applied.
    pub applied: u64,
    /// Lineages begun.
    pub lineages: u64,
    /// The witnesses that held in some state, by their index in [`WITNESSES`], as bits.
    pub witnessed: u64,
    /// Who crashed.
    pub crashed: Option<Who>,
}

/// A run of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its choices, the last of them the one that broke a property, if one did.
    pub choices: Vec<Choice>,
    /// What was broken.
    pub breach: Option<Breach>,
    /// What happened.
    pub counts: Counts,
}

/// What became of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The configuration drawn.
    pub swarm: Swarm,
    /// The choices taken.
    pub choices: Vec<Choice>,
    /// What was broken, by the last of them or at the end.
    pub breach: Option<Breach>,
    /// What happened.
    pub counts: Counts,
    /// A fingerprint of the choices: the same seed has the same digest.
    pub digest: u64,
}

/// What became of many seeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Seeds run.
    pub runs: u64,
    /// Steps taken in all.
    pub steps: u64,
    /// Updates answered as applied.
    pub applied: u64,
    /// Lineages begun.
    pub lineages: u64,
    /// Updates drawn that the planner refused.
    pub refused: u64,
    /// Runs that were disturbed.
    pub disturbed: u64,
    /// Runs in which the submitter, an operator, or the runtime crashed.
    pub crashed: [u64; 3],
    /// For each witness, in how many runs it held.
    pub witnesses: Vec<(&'static str, u64)>,
    /// The first seed that broke a property; seeds after it were not run.
    pub failure: Option<Outcome>,
}

/// Runs a seed.
pub fn simulate(subject: &Subject, seed: u64, options: &Options) -> Outcome {
    simulate_with(subject, seed, options, &mut Buffers::default())
}

/// Runs seeds in order until one breaks a property. `progress` is told after each.
pub fn simulate_many(
    subjects: &Subjects,
    seeds: Range<u64>,
    options: &Options,
    mut progress: impl FnMut(&Summary),
) -> Summary {
    let mut buffers = Buffers::default();
    let mut summary = Summary::new();
    for seed in seeds {
        let outcome = simulate_with(&subjects.of(seed), seed, options, &mut buffers);
        summary.add(&outcome);
        let failed = outcome.breach.is_some();
        summary.failure = failed.then_some(outcome);
        progress(&summary);
        if failed {
            break;
        }
    }
    summary
}

/// The first breach of a run: after how many choices, and which. `None` where the run breaks nothing.
///
/// # Panics
/// If a choice is not open where it is to be taken.
pub fn first_breach(instance: &Instance, choices: &[Choice]) -> Option<(usize, Breach)> {
    let mut world = World::new(instance);
    for (step, choice) in choices.iter().enumerate() {
        world.step(instance, choice, &mut |_| {});
        if let Some(breach) = instance.breach(&world, false) {
            return Some((step + 1, breach));
        }
    }
    let mut open = Vec::new();
    world.choices(instance, &mut open);
    instance.breach(&world, open.is_empty()).map(|breach| (choices.len(), breach))
}

impl Outcome {
    /// The command that runs this seed again: `words` are what the seed was run with, besides the seed and what it drew.
    pub fn command(&self, words: &[String]) -> String {
        format!("neurath sim {} --seeds {} --drawn {}", words.join(" "), self.seed, self.swarm.mark())
    }
}

impl Summary {
    fn new() -> Self {
        let witnesses = WITNESSES.iter().map(|witness| (*witness, 0)).collect();
        Self {
            runs: 0,
            steps: 0,
            applied: 0,
            lineages: 0,
            refused: 0,
            disturbed: 0,
            crashed: [0; 3],
            witnesses,
            failure: None,
        }
    }

    fn add(&mut self, outcome: &Outcome) {
        let Counts { steps, applied, lineages, witnessed, crashed } = outcome.counts;
        self.runs += 1;
        self.steps += steps;
        self.applied += applied;
        self.lineages += lineages;
        self.refused += u64::from(outcome.swarm.refused());
        self.disturbed += u64::from(!outcome.swarm.regime.disturbances.is_empty());
        if let Some(who) = crashed {
            self.crashed[match who {
                Who::Submitter => 0,
                Who::Operator(_) => 1,
                Who::Runtime => 2,
            }] += 1;
        }
        for (i, (_, runs)) in self.witnesses.iter_mut().enumerate() {
            *runs += witnessed >> i & 1;
        }
    }
}

fn simulate_with(subject: &Subject, seed: u64, options: &Options, buffers: &mut Buffers) -> Outcome {
    let swarm = configured(subject, seed, options, buffers);
    let Run { choices, breach, counts } = driver::run_seed(&swarm, options.fault, buffers, &mut |_| {});
    let digest = fingerprint(&choices);
    Outcome { seed, swarm, choices, breach, counts, digest }
}

/// The configuration of a seed.
pub fn configuration(subject: &Subject, seed: u64, options: &Options) -> Swarm {
    configured(subject, seed, options, &mut Buffers::default())
}

fn configured(subject: &Subject, seed: u64, options: &Options, buffers: &mut Buffers) -> Swarm {
    let swarm = Swarm::draw_with(subject, seed, &mut buffers.casts);
    if options.calm { swarm.calm() } else { swarm }
}

impl Counts {
    fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Answered { outcome: Answer::Applied, .. } => self.applied += 1,
            Observation::Began { .. } => self.lineages += 1,
            Observation::Answered { .. }
            | Observation::Submitted { .. }
            | Observation::Sent { .. }
            | Observation::Taken { .. }
            | Observation::Fired { .. }
            | Observation::Held { .. }
            | Observation::Released { .. }
            | Observation::Applied { .. }
            | Observation::HandedOver { .. }
            | Observation::Disconnected { .. }
            | Observation::Attached { .. }
            | Observation::Gone { .. }
            | Observation::Marked { .. }
            | Observation::Passed { .. }
            | Observation::Discarded { .. }
            | Observation::Ended { .. }
            | Observation::Stepped => {}
        }
    }

    /// Asks only for the witnesses that have not been met.
    fn witness(&mut self, instance: &Instance, world: &World) {
        for witness in
            (0..WITNESSES.len()).filter(|w| self.witnessed >> w & 1 == 0).collect::<smallvec::SmallVec<[_; 32]>>()
        {
            self.witnessed |= u64::from(instance.witnessed(world, witness)) << witness;
        }
    }
}
