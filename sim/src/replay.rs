//! A run again: the states it leads through, each of its choices checked to be open where it is taken.
//!
//! A counterexample is a list of choices. Replaying it needs no trust in whoever wrote it down: a choice that is not open is
//! refused with the step, and with what is open there instead. What a state is worth is not judged here.

use crate::system::System;
use std::error::Error;
use std::fmt;
use std::fmt::Debug;

/// A choice of a run that is not open in the state it was to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOpen<C> {
    /// The place of the choice in the run, from zero.
    pub step: usize,
    /// The choice.
    pub choice: C,
    /// What is open there instead; nothing where the run has ended.
    pub open: Vec<C>,
}

impl<C: Debug> fmt::Display for NotOpen<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, choice, open } = self;
        match open.as_slice() {
            [] => write!(f, "step {step} cannot be {choice:?}: no choice is open there"),
            open => write!(f, "step {step} cannot be {choice:?}: open there are {open:?}"),
        }
    }
}

impl<C: Debug> Error for NotOpen<C> {}

/// Executes a run from a system's first initial state: the states from there to the run's last, one more than choices.
///
/// # Errors
///
/// At the first choice that is not open.
///
/// # Panics
///
/// If the system has no initial state.
pub fn replay<S: System>(system: &S, run: &[S::Choice]) -> Result<Vec<S::State>, NotOpen<S::Choice>> {
    let first = system.initial().into_iter().next().expect("a system begins in some state");
    replay_from(system, first, run)
}

/// Executes a run from a given state.
///
/// # Errors
///
/// At the first choice that is not open.
pub fn replay_from<S: System>(
    system: &S,
    start: S::State,
    run: &[S::Choice],
) -> Result<Vec<S::State>, NotOpen<S::Choice>> {
    let mut states = Vec::with_capacity(run.len() + 1);
    let mut state = start;
    for (step, choice) in run.iter().enumerate() {
        let mut open = Vec::new();
        system.choices(&state, &mut open);
        if !open.contains(choice) {
            return Err(NotOpen { step, choice: choice.clone(), open });
        }
        let next = system.next(&state, choice);
        states.push(std::mem::replace(&mut state, next));
    }
    states.push(state);
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::chain::{Chain, Step};

    #[test]
    fn a_run_leads_through_one_state_more_than_it_has_choices() {
        let chain = Chain::new(1, 1, 0);
        let run = [Step::Emit, Step::Operator(1), Step::Operator(2), Step::Operator(3), Step::Sink];
        let states = replay(&chain, &run).unwrap();
        assert_eq!(states.len(), 6);
        assert_eq!(states[0], chain.initial()[0]);
        assert_eq!(replay_from(&chain, states[2].clone(), &run[2..]).unwrap(), states[2..]);
    }

    #[test]
    fn a_choice_that_is_not_open_is_refused_with_what_is() {
        let chain = Chain::new(1, 2, 1);
        let refused = replay(&chain, &[Step::Emit, Step::Inject]).unwrap_err();
        assert_eq!(refused, NotOpen { step: 1, choice: Step::Inject, open: vec![Step::Operator(1)] });
        assert_eq!(refused.to_string(), "step 1 cannot be Inject: open there are [Operator(1)]");
        let ended = replay(&Chain::new(1, 0, 0), &[Step::Sink]).unwrap_err();
        assert_eq!(ended.to_string(), "step 0 cannot be Sink: no choice is open there");
    }
}
