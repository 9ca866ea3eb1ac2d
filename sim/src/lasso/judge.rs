//! A lasso judged once more, state by state: does it come back to where it was, is it fair, and what does it owe all along?
//!
//! Whoever is told of a lasso need not believe the search that found it, nor the file in which it was saved. Nothing here is shared with
//! the search: no labels, no parts, no graph.

use super::{Doing, Recurrent, Task};
use crate::system::Breach;
use std::collections::BTreeSet;
use std::fmt::{self, Debug};

/// Why a run is no lasso.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoLasso {
    /// Nothing goes round.
    Empty,
    /// It does not come back to where it was.
    Open,
    /// Somebody who always has something to do takes no step, or passes some of it over.
    Unfair {
        /// Who, and what.
        what: String,
    },
    /// Nothing is owed all along.
    Paid,
}

impl fmt::Display for NoLasso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no step that could be taken again and again"),
            Self::Open => f.write_str("it does not come back to where it was"),
            Self::Unfair { what } => write!(f, "it is not fair: {what}"),
            Self::Paid => f.write_str("nothing that is owed stays so"),
        }
    }
}

/// What is broken by going round for ever: from the state after `round` steps of a run to the last one and on from that as before. `is_same`
/// says whether two states are one as far as the future goes; `judged` names the properties that matter.
///
/// # Errors
/// If the run is no lasso.
///
/// # Panics
/// If a choice is not open where it is to be taken.
pub fn judge<S: Recurrent>(
    system: &S,
    (run, round): (&[S::Choice], usize),
    is_same: impl Fn(&S::State, &S::State) -> bool,
    judged: impl Fn(&str) -> bool,
) -> Result<Breach, NoLasso> {
    let mut states = system.initial();
    states.truncate(1);
    let mut paid = Vec::new();
    for (i, choice) in run.iter().enumerate() {
        let mut next = states[i].clone();
        let mut pays = Vec::new();
        system.next_paying(&states[i], choice, &mut next, &mut pays);
        if i >= round {
            paid.extend(pays);
        }
        states.push(next);
    }
    if round >= run.len() {
        return Err(NoLasso::Empty);
    }
    let (entry, last) = (&states[round], &states[run.len()]);
    if !is_same(entry, last) {
        return Err(NoLasso::Open);
    }
    let steps: Vec<Seen<S>> = (round..run.len()).map(|i| Seen::of(system, &states[i], &run[i])).collect();
    fairly(&steps).map_err(|what| NoLasso::Unfair { what })?;
    let mut owed = owed(system, entry);
    for state in &states[round..run.len()] {
        owed = owed.intersection(&self::owed(system, state)).copied().collect();
    }
    let for_ever = owed.into_iter().find(|debt| !paid.contains(debt) && judged(system.property(*debt)));
    for_ever.map(|debt| system.breach_of(entry, debt)).ok_or(NoLasso::Paid)
}

/// A state of a round, and the step from there.
struct Seen<S: Recurrent> {
    tasks: BTreeSet<Task<S::Agent, S::Work>>,
    doing: Option<Doing<S::Agent, S::Work>>,
}

impl<S: Recurrent> Seen<S> {
    fn of(system: &S, state: &S::State, choice: &S::Choice) -> Self {
        let (mut open, mut tasks) = (Vec::new(), Vec::new());
        system.choices(state, &mut open);
        system.tasks(state, &open, &mut tasks);
        Self { tasks: tasks.into_iter().collect(), doing: system.doing(state, choice) }
    }
}

fn owed<S: Recurrent>(system: &S, state: &S::State) -> BTreeSet<S::Debt> {
    let mut debts = Vec::new();
    system.owed(state, &mut debts);
    debts.into_iter().collect()
}

/// Whether everybody steps or rests, and takes turns.
fn fairly<S: Recurrent>(steps: &[Seen<S>]) -> Result<(), String> {
    let all: BTreeSet<Task<S::Agent, S::Work>> = steps.iter().flat_map(|seen| seen.tasks.iter().copied()).collect();
    for task in all {
        let by_agent = || steps.iter().filter(|seen| seen.doing.is_some_and(|doing| doing.agent == task.agent));
        let rests = steps.iter().any(|seen| seen.tasks.iter().all(|other| other.agent != task.agent));
        if by_agent().next().is_none() && !rests {
            return Err(format!("{:?} always has something to do, and never steps", task.agent));
        }
        let is_passed_over =
            |seen: &Seen<S>| seen.tasks.contains(&task) && seen.doing.and_then(|doing| doing.work) != Some(task.work);
        if by_agent().next().is_some() && by_agent().all(is_passed_over) {
            return Err(format!("{:?} always passes over {:?}", task.agent, task.work));
        }
    }
    Ok(())
}
