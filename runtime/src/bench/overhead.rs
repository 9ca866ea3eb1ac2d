//! `neurath bench overhead`: what it costs a flow that it can be updated, and what arcs and turns cost.
//!
//! ```text
//!   source -> pass -> ... -> pass -> sink      one thread, one core
//!
//!   updatable   the flow as everybody runs it
//!   fixed       the same functions, arcs and turns, without the protocol
//!   by hand     stages in a loop over rings of the same kind
//! ```
//!
//! Two lengths are measured, so that the cost of a hop is their difference, and what source and sink cost falls out. Once the functions do
//! nothing, so that what is between them is seen; once they hash some bytes, as much work as a cheap operator of a real flow does.
//! Everything is CPU time of the one thread, in rounds in which the three take turns.

mod fixed;
mod functions;
mod hand;
mod report;
mod updatable;

#[cfg(test)]
mod tests;

pub use report::Report;

use functions::{Counted, Work};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    rounds: usize,
    counted: Counted,
}

impl Size {
    /// Three short rounds: some seconds.
    pub const FAST: Self = Self::of(3, 300_000);
    /// Medians of many rounds, each so short that the machine is the same for all three.
    pub const FULL: Self = Self::of(45, 400_000);

    const fn of(rounds: usize, measured: u64) -> Self {
        Self { rounds, counted: Counted { warm_up: 50_000, measured } }
    }
}

/// A way to run the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Updatable,
    Fixed,
    ByHand,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Updatable, Self::Fixed, Self::ByHand];

    fn name(self) -> &'static str {
        match self {
            Self::Updatable => "updatable",
            Self::Fixed => "fixed",
            Self::ByHand => "by hand",
        }
    }

    /// Nanoseconds of CPU time per packet.
    fn run(self, pipeline: Pipeline, counted: Counted) -> f64 {
        match self {
            Self::Updatable => updatable::run(pipeline, counted),
            Self::Fixed => fixed::run(pipeline, counted),
            Self::ByHand => hand::run(pipeline, counted),
        }
    }
}

/// What is run.
#[derive(Debug, Clone, Copy)]
struct Pipeline {
    /// How many operators pass packets on.
    length: usize,
    work: Work,
}

/// How many packets an arc holds, and how many are fired on in a run.
const CAPACITY: usize = 64;
/// Their difference is how many hops are compared.
const LENGTHS: [usize; 2] = [2, 8];

/// One way in one round.
#[derive(Debug, Clone, Copy)]
struct Round {
    kind: Kind,
    work: Work,
    /// Nanoseconds of CPU time per packet, of the long pipeline.
    per_packet: f64,
    /// And per hop.
    per_hop: f64,
}

/// Measures, telling what is under way.
pub fn measure(size: Size, tell: &mut dyn FnMut(&str)) -> Report {
    let mut rounds = Vec::new();
    let mut kinds = Kind::ALL;
    for number in 1..=size.rounds {
        tell(&format!("round {number} of {}", size.rounds));
        for work in Work::ALL {
            rounds.extend(kinds.map(|kind| round(kind, work, size.counted)));
        }
        kinds.rotate_left(1);
    }
    Report::new(&rounds)
}

fn round(kind: Kind, work: Work, counted: Counted) -> Round {
    let [short, long] = LENGTHS.map(|length| kind.run(Pipeline { length, work }, counted));
    Round { kind, work, per_packet: long, per_hop: (long - short) / (LENGTHS[1] - LENGTHS[0]) as f64 }
}
