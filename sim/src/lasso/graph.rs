//! The graph of all states and steps, and the lassos in it.

use super::fair::fair;
use super::labels::LabelsOf;
use super::part::{Part, Step};
use super::walk::{Walk, walk};
use super::{Recurrent, Task};
use crate::explore::{Number, Record};
use std::borrow::Cow;
use std::time::Duration;

/// All states and steps of a system, as far as the search for lassos minds them.
pub(crate) struct Graph<S: Recurrent> {
    whole: Part,
    labels: LabelsOf<S>,
    /// The label of the step that is being taken.
    step: u32,
    tasks: Vec<Task<S::Agent, S::Work>>,
    debts: Vec<S::Debt>,
}

/// A way to go round for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lasso<D> {
    /// What is owed all along.
    pub(crate) debt: D,
    /// The state from which it goes round.
    pub(crate) entry: Number,
    /// By which choices, from there back to it: their places among those of each state.
    pub(crate) round: Vec<usize>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found<D> {
    /// In how many parts of the graph something can go round for ever, fairly or not.
    pub(crate) rounds: u64,
    /// A lasso, of those by which a debt is owed the one of the first debt.
    pub(crate) lasso: Option<Lasso<D>>,
}

/// This much time had passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late(pub(crate) Duration);

impl<S: Recurrent> Graph<S> {
    pub(crate) fn new() -> Self {
        Self { whole: Part::new(), labels: LabelsOf::<S>::new(), step: 0, tasks: Vec::new(), debts: Vec::new() }
    }

    /// Looks for a lasso, of the debts that are judged, as long as it is not late.
    pub(crate) fn find(
        &self,
        is_judged: impl Fn(&S::Debt) -> bool,
        is_late: impl Fn() -> Option<Duration>,
    ) -> Result<Found<S::Debt>, Late> {
        let parts = self.whole.rounds(|_| true, |_| true);
        let rounds = parts.len() as u64;
        let can_be_fair: Vec<Part> =
            parts.into_iter().filter(|part| fair(&self.labels, Cow::Borrowed(part)).is_some()).collect();
        for (debt, number) in self.labels.debts().into_iter().filter(|(debt, _)| is_judged(debt)) {
            for part in &can_be_fair {
                is_late().map_or(Ok(()), |time| Err(Late(time)))?;
                if let Some(owing) = self.owing(part, number) {
                    return Ok(Found { rounds, lasso: Some(self.lasso(debt, &owing)) });
                }
            }
        }
        Ok(Found { rounds, lasso: None })
    }

    /// What in a part can be gone round fairly, owing a debt all along.
    fn owing<'a>(&self, part: &'a Part, debt: u32) -> Option<Cow<'a, Part>> {
        let owes = |state: u32| self.labels.of_state(state).debts.binary_search(&debt).is_ok();
        let leaves = |step: u32| self.labels.of_step(step).paid.binary_search(&debt).is_err();
        // What is owed once is owed in all of a part or in none, as a rule.
        if part.pairs().all(|(state, step)| owes(state) && leaves(step)) {
            return fair(&self.labels, Cow::Borrowed(part));
        }
        part.rounds(owes, leaves).into_iter().find_map(|part| fair(&self.labels, Cow::Owned(part)))
    }

    fn lasso(&self, debt: S::Debt, part: &Part) -> Lasso<S::Debt> {
        let walk: Walk = walk(&self.labels, part);
        let round = walk.iter().map(|(place, step)| self.place_of(part, *place, step)).collect();
        Lasso { debt, entry: part.number(0), round }
    }

    /// The place among the choices of a state of one that leads there with that label; any will do.
    fn place_of(&self, part: &Part, place: u32, step: &Step) -> usize {
        let meant = Step { to: part.number(step.to), ..*step };
        let steps = self.whole.steps(part.number(place)).iter();
        steps.clone().position(|other| *other == meant).expect("a step of a part is one of the whole")
    }
}

impl<S: Recurrent> Record<S> for Graph<S> {
    const WANTS_NUMBERS: bool = true;

    fn state(&mut self, system: &S, state: &S::State, choices: &[S::Choice]) {
        self.tasks.clear();
        self.debts.clear();
        system.tasks(state, choices, &mut self.tasks);
        system.owed(state, &mut self.debts);
        let label = self.labels.state(&self.tasks, &self.debts);
        self.whole.push_state(self.whole.count(), label);
    }

    fn step(&mut self, system: &S, state: &S::State, choice: &S::Choice, place: &mut S::State) {
        self.debts.clear();
        system.next_paying(state, choice, place, &mut self.debts);
        self.step = self.labels.step(system.doing(state, choice), &self.debts);
    }

    fn leads_to(&mut self, to: Number) {
        self.whole.push_step(Step { to, label: self.step });
    }

    fn bytes(&self) -> usize {
        self.whole.bytes()
    }
}
