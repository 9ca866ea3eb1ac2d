//! The breadth-first explorer: every run of a system within a budget, and the shortest one that goes wrong.
//!
//! ```text
//!          a ┌───┐ b           level by level: what is found first is found by a shortest run,
//!         ┌─▶│ 1 │───┐         and among the shortest by the one whose choices come first, here a, b
//!       ┌─┴─┐└───┘ ┌─▼─┐
//!       │ 0 │      │ 3 │ ✗     0, 1, 2, 3 are numbers in order of finding; of a state only its
//!       └─┬─┘┌───┐ └─▲─┘       fingerprint (8 bytes) and its origin (8 bytes: the number of
//!         └─▶│ 2 │───┘         the state it was found from, and by which choice) are kept
//!          b └───┘ a
//! ```
//!
//! Whole states live only in the frontier: the level being looked at and the one after it. The run to a breach is
//! read from the origins and executed again, so a run that is reported exists, whatever the hash did. What a
//! collision of two fingerprints can do is hide a state, and [`Exploration::collision_bound`] says how likely that is.
//!
//! stateright explores the same systems through [`crate::stateright_model`]; the two count alike, which the tests
//! use. It is not the one that reports runs: in its version 0.31 a later, longer discovery replaces the first.
//!
//! No reduction, no symmetry, no threads here. Cycles are found like joins: by a known fingerprint. What goes wrong along a cycle is
//! looked for afterwards, if asked for ([`run_for_lassos`](Explorer::run_for_lassos)).

mod lassos;
mod origins;
mod record;
mod search;
#[cfg(test)]
pub(crate) mod tests;
mod visited;

use crate::lasso::{Graph, Recurrent};
use crate::system::{Breach, System};
use search::Search;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

/// What an exploration may use before it gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Distinct states to keep: about 30 bytes each, and the frontier on top. More than 4,294,967,295 are never kept.
    pub states_max: u64,
    /// Time to spend, looked at every few thousand states; none for as long as it takes.
    pub time_max: Option<Duration>,
}

impl Default for Budget {
    /// Twenty million states, which is 600 megabytes, for as long as it takes.
    fn default() -> Self {
        Self { states_max: 20_000_000, time_max: None }
    }
}

/// The part of a budget that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// One more distinct state than this was found.
    States(u64),
    /// This much time had passed.
    Time(Duration),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::States(states) => write!(f, "there are more than {states} distinct states"),
            Limit::Time(time) => write!(f, "{} seconds were not enough", time.as_secs_f64()),
        }
    }
}

/// What an exploration concludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<C> {
    /// Every reachable state was looked at, and none is in breach.
    Holds,
    /// A state is in breach.
    Breached {
        /// What is wrong in the last state of the run.
        breach: Breach,
        /// Which of the system's initial states the run begins in.
        start: usize,
        /// A shortest run to a breach; of those, the first in the order of choices. Or a lasso, which may not be a shortest.
        run: Vec<C>,
        /// Of a lasso, how many steps lie before it goes round for ever: what comes after these leads back to where they led. None for
        /// a run to a breach.
        round: Option<usize>,
    },
    /// The budget ran out; nothing is said about the states not looked at.
    Undecided {
        /// What ran out.
        why: Limit,
    },
}

/// How far an exploration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// States generated so far, as in [`Exploration::generated`].
    pub generated: u64,
    /// Distinct states among them.
    pub distinct: u64,
    /// Distinct states found but not looked at yet.
    pub waiting: u64,
    /// The level being looked at.
    pub depth: u64,
    /// Time since the exploration began.
    pub elapsed: Duration,
}

/// What an exploration saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Exploration<C> {
    /// Whether the properties hold.
    pub verdict: Verdict<C>,
    /// The initial states, and one state for every choice taken: stateright's `state_count`.
    pub generated: u64,
    /// Different states among them: stateright's `unique_state_count`.
    pub distinct: u64,
    /// The deepest level looked at; initial states are at depth 1, so a run has one choice fewer. stateright's `max_depth`.
    pub depth: u64,
    /// States looked at in which no choice is open.
    pub ended: u64,
    /// Where runs that go round for ever were looked for: how many strongly connected parts with a step in them there are among the states.
    pub rounds: Option<u64>,
    /// How often a choice of each kind was taken, in the system's order, never taken ones included.
    pub coverage: Vec<(&'static str, u64)>,
    /// Whether each of the system's witnesses held in some state.
    pub witnesses: Vec<(&'static str, bool)>,
    /// An upper bound on the probability that two of the distinct states share a fingerprint, one hiding the
    /// other, if fingerprints are as good as random: n² / 2⁶⁵, for those of 64 bits.
    pub collision_bound: f64,
    /// How many bits a fingerprint has: 64, or 128 in a [`wide`](Explorer::wide) search.
    pub fingerprint_bits: u32,
    /// The most states that the frontier held at a time.
    pub frontier_max: u64,
    /// Memory held for each distinct state at the end, the frontier apart.
    pub bytes_per_state: f64,
    /// Time spent.
    pub elapsed: Duration,
}

impl<C> Exploration<C> {
    /// The kinds of choice that no run took: what they stand for was not checked.
    pub fn never_taken(&self) -> impl Iterator<Item = &'static str> {
        self.coverage.iter().filter(|(_, taken)| *taken == 0).map(|(kind, _)| *kind)
    }

    /// The witnesses that held in no state: a verdict without them may be hollow.
    pub fn never_witnessed(&self) -> impl Iterator<Item = &'static str> {
        self.witnesses.iter().filter(|(_, held)| !held).map(|(witness, _)| *witness)
    }
}

pub(crate) use origins::Number;
pub(crate) use record::Record;
pub(crate) use visited::Fingerprints;

/// A number for a value: the same in every build, and another one for another value but for chance.
pub(crate) fn fingerprint(value: &impl Hash) -> u64 {
    visited::Fingerprints::default().of(value)
}

/// Told of progress.
type Tell<'a> = Box<dyn FnMut(&Progress) + 'a>;

/// An exploration to be run.
pub struct Explorer<'a, S: System> {
    system: &'a S,
    budget: Budget,
    only: Option<&'a [&'a str]>,
    wide: bool,
    progress: Option<Tell<'a>>,
}

impl<'a, S: System> Explorer<'a, S> {
    /// An exploration of all properties of a system, within the default budget.
    pub fn new(system: &'a S) -> Self {
        Self { system, budget: Budget::default(), only: None, wide: false, progress: None }
    }

    /// Stays within a budget.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Looks for breaches of these properties alone: states that breach others are explored further. A name that
    /// the system does not know is never breached, so the caller makes sure of the names.
    #[must_use]
    pub fn only(mut self, properties: &'a [&'a str]) -> Self {
        self.only = Some(properties);
        self
    }

    /// Tells states apart by fingerprints of 128 bits: three times the memory, and practically no chance of overlooking one.
    #[must_use]
    pub fn wide(mut self, wide: bool) -> Self {
        self.wide = wide;
        self
    }

    /// Tells how far it is, every few thousand states, first at the first.
    #[must_use]
    pub fn progress(mut self, tell: impl FnMut(&Progress) + 'a) -> Self {
        self.progress = Some(Box::new(tell));
        self
    }

    /// Explores until every reachable state was looked at, one is in breach, or the budget runs out.
    ///
    /// # Panics
    ///
    /// If the system has no initial state, offers a choice whose kind it does not list, or offers
    /// different choices in equal states.
    pub fn run(self) -> Exploration<S::Choice> {
        Search::new(self.system, (), self.budget, self.only, self.wide, self.progress).run()
    }

    /// The same, and then looks for a lasso: a run that goes round for ever, fairly, and never does what it should. See [`lasso`](mod@crate::lasso).
    /// Numbers and steps of all states are kept for that: about 20 bytes more for a state and eight for a step.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_for_lassos(self) -> Exploration<S::Choice>
    where
        S: Recurrent,
    {
        Search::new(self.system, Graph::new(), self.budget, self.only, self.wide, self.progress).run_for_lassos()
    }
}
