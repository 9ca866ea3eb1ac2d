//! The exit's part: what was reported of one update, and when that is enough for an answer.
//!
//! ```text
//!   reports --> all markers have passed?
//!                 in one part:   every target applied -> applied, else rejected (its target had gone)
//!                 in two parts:  -> Quiet: the targets are told to apply; when all have -> applied
//! ```
//!
//! An operator reports that it has applied before it lets the marker go on. So when the last operators have reported that
//! the marker passed, a target that has not been heard of was not met on any way: it was deleted by an earlier update.
//! Who has reported is known by name, never counted.

use crate::id::OperatorId;
use crate::marker::{Expected, Outcome, Report};
use crate::protocol::Mutant;

/// What was reported of one update.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tally {
    missing: Expected,
    answered: bool,
}

/// What a report leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// More reports are awaited.
    Wait,
    /// The first part is over: the targets are told to apply.
    Quiet,
    /// The submitter is told; sources that were stopped go on.
    Answer(Outcome),
}

impl Tally {
    /// Nothing was reported yet.
    pub fn new(expected: &Expected) -> Self {
        Self { missing: expected.clone(), answered: false }
    }

    /// What the submission itself leads to: an answer, if nothing that runs is touched and so nobody will report.
    pub fn submitted(&self, mutant: Option<Mutant>) -> Next {
        let nobody = self.missing.passed.is_empty() && self.nothing_to_apply();
        let at_once = mutant == Some(Mutant::AnswerAtEntrance) || nobody && mutant != Some(Mutant::SilentExit);
        if at_once { Next::Answer(Outcome::Applied) } else { Next::Wait }
    }

    /// Takes a report in.
    pub fn report(&mut self, from: OperatorId, report: Report, mutant: Option<Mutant>) -> Next {
        let was_quiet = self.missing.passed.is_empty();
        match report {
            Report::Applied => self.missing.applied.retain(|at| *at != from),
            Report::Passed => self.missing.passed.retain(|at| *at != from),
            Report::Switched(port) => self.missing.switched.retain(|at| *at != (from, port)),
        }
        let is_quiet = !was_quiet && self.missing.passed.is_empty();
        if self.missing.in_two_parts && is_quiet && !self.nothing_to_apply() {
            return Next::Quiet;
        }
        match self.outcome() {
            Some(outcome) if !self.answered && mutant != Some(Mutant::SilentExit) => {
                self.answered = true;
                Next::Answer(outcome)
            }
            Some(_) | None => Next::Wait,
        }
    }

    /// Whether there is nothing left to wait for.
    pub fn is_answered(&self) -> bool {
        self.answered || self.outcome().is_some()
    }

    /// Operators that have yet to report.
    pub fn missing(&self) -> &Expected {
        &self.missing
    }

    fn nothing_to_apply(&self) -> bool {
        self.missing.applied.is_empty() && self.missing.switched.is_empty()
    }

    fn outcome(&self) -> Option<Outcome> {
        let Expected { passed, applied, switched, has_last, in_two_parts } = &self.missing;
        if !passed.is_empty() {
            return None;
        }
        if applied.is_empty() {
            return switched.is_empty().then_some(Outcome::Applied);
        }
        // Without a marker behind them, nothing tells messages that are late from those that will never arrive.
        (*has_last && !in_two_parts).then_some(Outcome::Rejected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PortIndex;

    const A: OperatorId = OperatorId(0);
    const B: OperatorId = OperatorId(1);

    fn tally(applied: &[OperatorId], passed: &[OperatorId]) -> Tally {
        let has_last = !passed.is_empty();
        Tally::new(&Expected { applied: applied.into(), passed: passed.into(), has_last, ..Expected::default() })
    }

    #[test]
    fn an_update_is_answered_when_its_marker_has_passed_everywhere() {
        let mut tally = tally(&[A], &[A, B]);
        assert_eq!(tally.report(A, Report::Applied, None), Next::Wait);
        assert_eq!(tally.report(A, Report::Passed, None), Next::Wait);
        assert_eq!(tally.report(A, Report::Passed, None), Next::Wait, "known by name, not counted");
        assert_eq!(tally.report(B, Report::Passed, None), Next::Answer(Outcome::Applied));
        assert_eq!(tally.report(B, Report::Passed, None), Next::Wait, "once");
    }

    #[test]
    fn a_target_that_is_gone_rejects_the_update() {
        let mut tally = tally(&[A], &[B]);
        assert_eq!(tally.report(B, Report::Passed, None), Next::Answer(Outcome::Rejected));
    }

    #[test]
    fn messages_are_answered_when_every_target_has_applied() {
        let mut tally = tally(&[A, B], &[]);
        assert_eq!(tally.report(B, Report::Applied, None), Next::Wait);
        assert_eq!(tally.report(A, Report::Applied, None), Next::Answer(Outcome::Applied));
    }

    #[test]
    fn what_touches_nothing_that_runs_is_answered_without_a_report() {
        assert_eq!(tally(&[], &[]).submitted(None), Next::Answer(Outcome::Applied));
        assert_eq!(tally(&[A], &[]).submitted(None), Next::Wait);
        let mut quiet = tally(&[], &[B]);
        quiet.missing.in_two_parts = true;
        assert_eq!(quiet.submitted(None), Next::Wait);
        assert_eq!(quiet.report(B, Report::Passed, None), Next::Answer(Outcome::Applied));
    }

    #[test]
    fn feedback_ports_are_waited_for() {
        let port = PortIndex(1);
        let mut tally = tally(&[A], &[B]);
        tally.missing.switched.push((B, port));
        tally.report(A, Report::Applied, None);
        assert_eq!(tally.report(B, Report::Passed, None), Next::Wait);
        assert_eq!(tally.report(B, Report::Switched(port), None), Next::Answer(Outcome::Applied));
    }

    #[test]
    fn what_comes_in_two_parts_is_applied_when_all_is_quiet() {
        let mut tally = tally(&[A], &[B]);
        tally.missing.in_two_parts = true;
        assert_eq!(tally.report(B, Report::Passed, None), Next::Quiet);
        assert_eq!(tally.report(A, Report::Applied, None), Next::Answer(Outcome::Applied));
    }
}
