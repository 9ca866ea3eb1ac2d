//! The search itself: one level of states after the other.
//!
//! A state is judged when its turn comes, not when it is found: only then are its choices known, and with
//! them whether it ended. stateright does the same, so the counts of the two agree even on a search that a breach cuts short.

use super::origins::{NUMBERS, Number, Origins};
use super::record::Record;
use super::visited::{Fingerprints, Insertion, Known};
use super::{Budget, Exploration, Limit, Progress, Tell, Verdict};
use crate::system::{Breach, System};
use std::mem;
use std::time::Instant;

/// Looking at the clock and telling of progress costs nothing when done this seldom.
const STATES_BETWEEN_LOOKS: u64 = 4096;
/// A state may have hundreds of successors, so the clock is minded by what is generated.
const GENERATED_BETWEEN_CLOCKS: u64 = 1024;

/// How many states are kept for their memory.
const SPARE_MAX: usize = 64;

/// Why a search ends before its states do.
enum Stop {
    Breach { breach: Breach, number: Number },
    Limit(Limit),
}

/// A search under way.
pub(super) struct Search<'a, S: System, R> {
    pub(super) system: &'a S,
    /// Who takes note of states and steps.
    pub(super) record: R,
    pub(super) budget: Budget,
    pub(super) only: Option<&'a [&'a str]>,
    tell: Option<Tell<'a>>,
    pub(super) began: Instant,
    fingerprints: Fingerprints,
    known: Known,
    pub(super) origins: Origins,
    /// The states found for the next level.
    next: Vec<S::State>,
    /// The choices of the state being looked at, kept for its memory.
    choices: Vec<S::Choice>,
    /// States that are not needed any more, kept for their memory: the next ones are made in their place.
    spare: Vec<S::State>,
    looked_at: u64,
    generated: u64,
    depth: u64,
    ended: u64,
    frontier_max: u64,
    taken: Vec<u64>,
    witnessed: Vec<bool>,
}

impl<'a, S: System, R: Record<S>> Search<'a, S, R> {
    pub(super) fn new(
        system: &'a S,
        record: R,
        budget: Budget,
        only: Option<&'a [&'a str]>,
        wide: bool,
        tell: Option<Tell<'a>>,
    ) -> Self {
        Self {
            system,
            record,
            budget: Budget { states_max: budget.states_max.min(NUMBERS), ..budget },
            only,
            tell,
            began: Instant::now(),
            fingerprints: Fingerprints::default(),
            known: Known::new(wide, R::WANTS_NUMBERS),
            origins: Origins::default(),
            next: Vec::new(),
            choices: Vec::new(),
            spare: Vec::new(),
            looked_at: 0,
            generated: 0,
            depth: 0,
            ended: 0,
            frontier_max: 0,
            taken: vec![0; system.kinds().len()],
            witnessed: vec![false; system.witnesses().len()],
        }
    }

    pub(super) fn run(mut self) -> Exploration<S::Choice> {
        let verdict = self.look_at_all();
        self.conclude(verdict, None)
    }

    /// Looks at every state.
    pub(super) fn look_at_all(&mut self) -> Verdict<S::Choice> {
        match self.begin().and_then(|()| self.levels()) {
            Ok(()) => Verdict::Holds,
            Err(Stop::Limit(why)) => Verdict::Undecided { why },
            Err(Stop::Breach { breach, number }) => self.breached(breach, number),
        }
    }

    /// Finds the initial states. One that is given twice counts once.
    fn begin(&mut self) -> Result<(), Stop> {
        let initial = self.system.initial();
        assert!(!initial.is_empty(), "a system begins in some state, or every property holds of nothing");
        for (index, state) in initial.into_iter().enumerate() {
            let fresh = self.fresh();
            if self.known.insert(&mut self.fingerprints, &state, fresh) == Insertion::New {
                self.generated += 1;
                self.room_for_one()?;
                self.origins.push_initial(index);
                self.next.push(state);
            }
        }
        Ok(())
    }

    fn levels(&mut self) -> Result<(), Stop> {
        let mut level = Vec::new();
        while !self.next.is_empty() {
            mem::swap(&mut level, &mut self.next);
            self.depth += 1;
            for state in level.drain(..) {
                self.look_up()?;
                self.look_at(&state)?;
                self.keep(state);
            }
        }
        Ok(())
    }

    /// Looks up from the states every now and then, and tells of progress.
    fn look_up(&mut self) -> Result<(), Stop> {
        if self.looked_at.is_multiple_of(STATES_BETWEEN_LOOKS) {
            self.tell();
            self.mind_the_clock()?;
        }
        Ok(())
    }

    fn mind_the_clock(&self) -> Result<(), Stop> {
        match self.budget.time_max {
            Some(time) if self.began.elapsed() >= time => Err(Stop::Limit(Limit::Time(time))),
            Some(_) | None => Ok(()),
        }
    }

    fn tell(&mut self) {
        if let Some(tell) = &mut self.tell {
            tell(&Progress {
                generated: self.generated,
                distinct: self.origins.count(),
                waiting: self.origins.count() - self.looked_at,
                depth: self.depth,
                elapsed: self.began.elapsed(),
            });
        }
    }

    /// Judges a state and takes each of its choices.
    fn look_at(&mut self, state: &S::State) -> Result<(), Stop> {
        let number = Number::try_from(self.looked_at).expect("no state is found beyond the last number");
        self.looked_at += 1;
        let mut choices = mem::take(&mut self.choices);
        choices.clear();
        self.system.choices(state, &mut choices);
        self.ended += u64::from(choices.is_empty());
        self.witness(state);
        if let Some(breach) = self.breach(state, choices.is_empty()) {
            return Err(Stop::Breach { breach, number });
        }
        self.record.state(self.system, state, &choices);
        for (index, choice) in choices.iter().enumerate() {
            self.take(state, choice, number, index)?;
        }
        self.frontier_max = self.frontier_max.max(self.origins.count() - u64::from(number));
        self.choices = choices;
        Ok(())
    }

    fn witness(&mut self, state: &S::State) {
        for (index, held) in self.witnessed.iter_mut().enumerate() {
            *held = *held || self.system.witnessed(state, index);
        }
    }

    fn breach(&self, state: &S::State, ended: bool) -> Option<Breach> {
        match self.only {
            Some(properties) => self.system.breach_among(state, ended, properties),
            None => self.system.breach(state, ended),
        }
    }

    fn take(&mut self, state: &S::State, choice: &S::Choice, number: Number, index: usize) -> Result<(), Stop> {
        let mut next = self.spare.pop().unwrap_or_else(|| state.clone());
        self.record.step(self.system, state, choice, &mut next);
        self.generated += 1;
        if self.generated.is_multiple_of(GENERATED_BETWEEN_CLOCKS) {
            self.mind_the_clock()?;
        }
        self.cover(choice);
        let fresh = self.fresh();
        match self.known.insert(&mut self.fingerprints, &next, fresh) {
            Insertion::New => {
                self.room_for_one()?;
                self.record.leads_to(fresh);
                self.origins.push(number, index);
                self.next.push(next);
            }
            Insertion::Known(known) => {
                known.into_iter().for_each(|known| self.record.leads_to(known));
                self.keep(next);
            }
        }
        Ok(())
    }

    /// The number of the next state that is new. There may be none left, and then no state is added.
    fn fresh(&self) -> Number {
        self.origins.count().min(NUMBERS) as Number
    }

    fn keep(&mut self, state: S::State) {
        if self.spare.len() < SPARE_MAX {
            self.spare.push(state);
        }
    }

    fn cover(&mut self, choice: &S::Choice) {
        let kind = self.system.kind(choice);
        let index = self.system.kinds().iter().position(|known| *known == kind);
        self.taken[index.unwrap_or_else(|| panic!("`{kind}` is a kind of choice, so the system lists it"))] += 1;
    }

    fn room_for_one(&self) -> Result<(), Stop> {
        if self.origins.count() < self.budget.states_max {
            Ok(())
        } else {
            Err(Stop::Limit(Limit::States(self.budget.states_max)))
        }
    }

    fn breached(&self, breach: Breach, number: Number) -> Verdict<S::Choice> {
        let (start, indices) = self.origins.way_to(number);
        Verdict::Breached { breach, start, run: self.execute(start, &indices).0, round: None }
    }

    /// The choices of those indices, one after the other from an initial state, and the state to which they lead.
    pub(super) fn execute(&self, start: usize, indices: &[usize]) -> (Vec<S::Choice>, S::State) {
        let mut state = self.system.initial().swap_remove(start);
        let mut run = Vec::with_capacity(indices.len());
        for index in indices {
            let mut open = Vec::new();
            self.system.choices(&state, &mut open);
            assert!(*index < open.len(), "equal states offer equal choices, so a choice taken once is open again");
            let choice = open.swap_remove(*index);
            state = self.system.next(&state, &choice);
            run.push(choice);
        }
        (run, state)
    }

    pub(super) fn conclude(self, verdict: Verdict<S::Choice>, rounds: Option<u64>) -> Exploration<S::Choice> {
        let distinct = self.origins.count();
        let bytes = self.known.bytes() + self.origins.bytes() + self.record.bytes();
        Exploration {
            verdict,
            generated: self.generated,
            distinct,
            depth: self.depth,
            ended: self.ended,
            rounds,
            coverage: self.system.kinds().iter().copied().zip(self.taken).collect(),
            witnesses: self.system.witnesses().iter().copied().zip(self.witnessed).collect(),
            collision_bound: collision_bound(distinct, self.known.bits()),
            fingerprint_bits: self.known.bits() as u32,
            frontier_max: self.frontier_max,
            bytes_per_state: bytes as f64 / distinct.max(1) as f64,
            elapsed: self.began.elapsed(),
        }
    }
}

/// Among n values of b bits drawn at random there are n²/2 pairs at most, each equal with probability 2⁻ᵇ.
fn collision_bound(distinct: u64, bits: i32) -> f64 {
    (distinct as f64).powi(2) / 2_f64.powi(bits + 1)
}
