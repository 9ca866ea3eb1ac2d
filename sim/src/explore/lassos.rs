//! The second half of a search for lassos: when every state was looked at, the graph is looked at.

use super::search::Search;
use super::{Exploration, Limit, Verdict};
use crate::lasso::{Found, Graph, Lasso, Late, Recurrent};

impl<S: Recurrent> Search<'_, S, Graph<S>> {
    pub(super) fn run_for_lassos(mut self) -> Exploration<S::Choice> {
        match self.look_at_all() {
            Verdict::Holds => {
                let (verdict, rounds) = self.look_back();
                self.conclude(verdict, rounds)
            }
            decided @ (Verdict::Breached { .. } | Verdict::Undecided { .. }) => self.conclude(decided, None),
        }
    }

    fn look_back(&mut self) -> (Verdict<S::Choice>, Option<u64>) {
        let (began, time_max) = (self.began, self.budget.time_max);
        let is_late = || time_max.filter(|time| began.elapsed() >= *time);
        let is_judged = |debt: &S::Debt| self.only.is_none_or(|only| only.contains(&self.system.property(*debt)));
        match self.record.find(is_judged, is_late) {
            Ok(Found { lasso: None, rounds }) => (Verdict::Holds, Some(rounds)),
            Ok(Found { lasso: Some(lasso), rounds }) => (self.told(&lasso), Some(rounds)),
            Err(Late(time)) => (Verdict::Undecided { why: Limit::Time(time) }, None),
        }
    }

    /// The way to a lasso's round, and the round.
    fn told(&self, lasso: &Lasso<S::Debt>) -> Verdict<S::Choice> {
        let (start, stem) = self.origins.way_to(lasso.entry);
        let (run, state) = self.execute(start, &[stem.as_slice(), &lasso.round].concat());
        Verdict::Breached { breach: self.system.breach_of(&state, lasso.debt), start, run, round: Some(stem.len()) }
    }
}
