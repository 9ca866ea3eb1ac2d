//! The question that a user asks: does it hold within these bounds, and if not, which is a shortest run that shows it?
//!
//! ```text
//!   reduced search --holds-----> holds
//!                  --breached--> full search --breached---> a shortest run
//!                                            --budget-----> the run that the reduced search found
//!                  --budget----> undecided
//! ```
//!
//! The reduced search decides, for it ends in the same states as the full one. The run to a breach that it finds may be longer
//! than need be; the full search, level by level, then finds a shortest. Where the reduction may leave something out (a fault that
//! breaks what it rests on, a question that its exceptions are about), the search is full from the start.
//!
//! Where something can go round for ever, not every run ends, and what is owed at the ends is not all that is owed. Such a flow is explored
//! in full, among [folded](crate::fold) worlds, and then rounds are looked for that are fair and owe something: see
//! [`lasso`](mod@crate::lasso). Whatever is told is a run of the instance itself, judged there once more.

use crate::explore::{Budget, Exploration, Explorer, Progress, Verdict};
use crate::fold::Folded;
use crate::instance::Instance;
use crate::lasso::{self, judge::NoLasso};
use crate::reduction::{Reduced, goes_round, is_reduced};
use crate::simulate::{Weights, run};
use crate::system::{Breach, System};
use crate::world::World;
use neurath_model::choice::Choice;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::fmt;

/// How many random runs look for what the reduced search did not come across.
const RUNS: u64 = 100;

/// Which runs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Those of persistent sets: see [`crate::reduction`].
    Reduced,
    /// All.
    Full,
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reduced => "reduced",
            Self::Full => "full",
        })
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What the search that decided saw. Of witnesses, those met in random runs count as well.
    pub exploration: Exploration<Choice>,
    /// Which search that was.
    pub search: Search,
    /// Whether a run to a breach is a shortest.
    pub is_shortest: bool,
    /// Whether something can go round for ever, so that rounds are looked at, too. [`Exploration::rounds`] says how many were, if it came
    /// to that.
    pub goes_round: bool,
}

/// A check to be run.
pub struct Check<'a> {
    instance: &'a Instance,
    budget: Budget,
    only: Option<&'a [&'a str]>,
    search: Search,
    wide: bool,
    progress: Box<dyn FnMut(&Progress) + 'a>,
}

impl<'a> Check<'a> {
    /// A check of all properties of an instance, by the reduced search, within the default budget.
    pub fn new(instance: &'a Instance) -> Self {
        Self {
            instance,
            budget: Budget::default(),
            only: None,
            search: Search::Reduced,
            wide: false,
            progress: Box::new(|_| {}),
        }
    }

    /// Stays within a budget.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Looks for breaches of these properties alone.
    #[must_use]
    pub fn only(mut self, properties: &'a [&'a str]) -> Self {
        self.only = Some(properties);
        self
    }

    /// Looks at these runs.
    #[must_use]
    pub fn search(mut self, search: Search) -> Self {
        self.search = search;
        self
    }

    /// Tells states apart by fingerprints of 128 bits: see [`Explorer::wide`].
    #[must_use]
    pub fn wide(mut self, wide: bool) -> Self {
        self.wide = wide;
        self
    }

    /// Tells how far it is.
    #[must_use]
    pub fn progress(mut self, tell: impl FnMut(&Progress) + 'a) -> Self {
        self.progress = Box::new(tell);
        self
    }

    /// Searches.
    pub fn run(mut self) -> Checked {
        if goes_round(self.instance) {
            return self.rounds();
        }
        if self.search == Search::Full || !self.may_be_reduced() {
            return self.full(self.budget);
        }
        let mut exploration = self.explore(&Reduced(self.instance), self.budget);
        if let Verdict::Breached { .. } = exploration.verdict {
            let full = self.full(self.rest(&exploration));
            if let Verdict::Breached { .. } = full.exploration.verdict {
                return full;
            }
        } else {
            self.look_for_witnesses(&mut exploration);
        }
        Checked { exploration, search: Search::Reduced, is_shortest: false, goes_round: false }
    }

    /// S14 is decided together with S6: see [`crate::reduction`].
    fn may_be_reduced(&self) -> bool {
        let asks = |code| self.only.is_none_or(|only| only.contains(&code));
        is_reduced(self.instance) && (!asks("S14") || asks("S6"))
    }

    fn full(&mut self, budget: Budget) -> Checked {
        let exploration = self.explore(self.instance, budget);
        Checked { exploration, search: Search::Full, is_shortest: true, goes_round: false }
    }

    /// Of a flow in which something can go round for ever.
    fn rounds(&mut self) -> Checked {
        let folding = Folded::new(self.instance);
        let explorer = self.explorer(&folding, self.budget);
        let mut exploration = explorer.run_for_lassos();
        exploration.verdict = self.unfolded(&folding, exploration.verdict);
        let is_shortest = !matches!(exploration.verdict, Verdict::Breached { round: Some(_), .. });
        Checked { exploration, search: Search::Full, is_shortest, goes_round: true }
    }

    /// The verdict with a run of the instance's own, and what that breaks.
    fn unfolded(&self, folding: &Folded<'_>, verdict: Verdict<Choice>) -> Verdict<Choice> {
        let Verdict::Breached { start, run, round, .. } = verdict else { return verdict };
        let run = folding.unfolded(&run);
        let judged = |property: &str| self.only.is_none_or(|only| only.contains(&property));
        let breach = match round {
            Some(round) => judge(folding, &run, round, judged).expect("a lasso that was found is one"),
            None => broken(self.instance, &run, judged).expect("worlds that fold to one break the same"),
        };
        Verdict::Breached { breach, start, run, round }
    }

    fn explore<S: System<Choice = Choice>>(&mut self, system: &S, budget: Budget) -> Exploration<Choice> {
        self.explorer(system, budget).run()
    }

    fn explorer<'b, S: System<Choice = Choice>>(&'b mut self, system: &'b S, budget: Budget) -> Explorer<'b, S> {
        let explorer = Explorer::new(system).budget(budget).wide(self.wide).progress(&mut self.progress);
        match self.only {
            // Asked for all, the explorer reports the first that a state breaks, whichever it is.
            None => explorer,
            Some(only) => explorer.only(only),
        }
    }

    fn rest(&self, spent: &Exploration<Choice>) -> Budget {
        let time_max = self.budget.time_max.map(|time| time.saturating_sub(spent.elapsed));
        Budget { time_max, ..self.budget }
    }

    /// What should happen in some run, and did not in those that were looked at, may happen in others.
    fn look_for_witnesses(&self, exploration: &mut Exploration<Choice>) {
        for seed in 0..RUNS {
            if exploration.witnesses.iter().all(|(_, met)| *met) {
                return;
            }
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let weights = Weights::draw(self.instance.program.operators().len(), &mut rng);
            let mut world = World::new(self.instance);
            for choice in run(self.instance, &weights, &mut rng).choices {
                world.step(self.instance, &choice, &mut |_| {});
                for (witness, (_, met)) in exploration.witnesses.iter_mut().enumerate() {
                    *met = *met || self.instance.witnessed(&world, witness);
                }
            }
        }
    }
}

/// What a run of an instance breaks by going round for ever, after that many steps, if it is a lasso: judged by [`lasso::judge`].
///
/// # Errors
/// Why it is none.
///
/// # Panics
/// If a choice is not open where it is to be taken.
pub fn judge(
    folding: &Folded<'_>,
    run: &[Choice],
    round: usize,
    judged: impl Fn(&str) -> bool,
) -> Result<Breach, NoLasso> {
    lasso::judge::judge(folding.instance, (run, round), |one, two| folding.is_same(one, two), judged)
}

/// What is broken where a run of an instance leads.
fn broken(instance: &Instance, run: &[Choice], judged: impl Fn(&str) -> bool) -> Option<Breach> {
    let mut world = World::new(instance);
    run.iter().for_each(|choice| world.step(instance, choice, &mut |_| {}));
    let mut open = Vec::new();
    world.choices(instance, &mut open);
    world.judge(instance, open.is_empty(), judged)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::properties::teeth::{self, specimens};
    use neurath_model::plan::Scheduler;

    /// A complete run, in which nothing is wrong.
    pub(crate) fn some_run(instance: &Instance) -> Vec<Choice> {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let weights = Weights::draw(instance.program.operators().len(), &mut rng);
        let run = run(instance, &weights, &mut rng);
        assert_eq!(run.breach, None);
        run.choices
    }

    #[test]
    fn what_holds_is_decided_with_fewer_states_and_nothing_seems_untested_that_is_not() {
        let instance = teeth::http_switch(2);
        let (checked, full) = (Check::new(&instance).run(), Check::new(&instance).search(Search::Full).run());
        assert_eq!((&checked.exploration.verdict, checked.search), (&Verdict::Holds, Search::Reduced));
        assert_eq!((&full.exploration.verdict, full.search), (&Verdict::Holds, Search::Full));
        assert!(checked.exploration.distinct < full.exploration.distinct);
        assert_eq!(checked.exploration.witnesses, full.exploration.witnesses);
    }

    #[test]
    fn a_run_to_a_breach_is_a_shortest() {
        for (fault, _, instance) in specimens() {
            let (checked, full) = (Check::new(&instance).run(), Explorer::new(&instance).run());
            assert!(checked.is_shortest);
            assert_eq!(checked.exploration.verdict, full.verdict, "{fault}");
        }
    }

    #[test]
    fn within_a_budget_too_small_for_the_shortest_the_run_that_was_found_is_told() {
        let instance = teeth::two_change(Scheduler::Direct);
        let reduced = Explorer::new(&Reduced(&instance)).run();
        let budget = Budget { states_max: reduced.distinct, ..Budget::default() };
        let checked = Check::new(&instance).budget(budget).run();
        assert!(matches!(checked.exploration.verdict, Verdict::Breached { .. }));
        assert_eq!((checked.search, checked.is_shortest), (Search::Reduced, false));
    }

    #[test]
    fn what_the_exceptions_are_about_is_searched_in_full() {
        let instance = teeth::one_changes(1, 1);
        let searched = |only: &[&str]| Check::new(&instance).only(only).run().search;
        assert_eq!(searched(&["S14"]), Search::Full);
        assert_eq!(searched(&["S6", "S14"]), Search::Reduced);
        assert_eq!(searched(&["S4"]), Search::Reduced);
    }
}
