//! Runs that go round for ever, fairly, and never do what they should: lassos.
//!
//! ```text
//!    stem            round
//!   o--o--o--.-->o-->o-->o          a debt is owed in every state of the round and is never paid:
//!            '<--o<--o<--'          what should come never comes, however long one waits
//! ```
//!
//! Where every run ends, it is enough to ask what is still owed at the end. Where a run can go on for ever ([`rank`](mod@crate::rank) says
//! which flows these are), it can owe something for ever. If the states are finitely many, and there is such a run, there is one that
//! is a lasso: a way to some state, and a round from there back to it.
//!
//! # Which rounds are fair
//!
//! A round in which somebody who could step never does says nothing of the protocol: somebody was forgotten. So a round counts if
//!
//! 1. *everybody steps or rests*: each agent takes a step in it, or has nothing to do in some state of it (weak fairness, by agent);
//! 2. *everybody takes turns*: of an agent that steps, each task is taken up by one of its steps, or is not open when it takes some of them.
//!
//! The first alone is too little. An operator that takes from any of its ports would be allowed to take from the one where packets come round
//! for ever, and never from the one where a marker waits; and nothing that waits for the marker would ever happen, by any scheduler.
//! The second is what the threads do (`Activation::next_turn`: wakes, mail and ports take turns), and no more than that. It is
//! weaker than strong fairness, by which what is open again and again is taken: a task that is not open whenever its agent comes to step
//! may be passed over for ever.
//!
//! The environment is no agent: nobody has to submit an update, end the flow, send a request or hang up. What a function decides
//! (where a router sends a packet) is no task either: a packet may be sent round for ever. What tasks there are, says
//! [`Work`](crate::world::Work).
//!
//! # How they are found
//!
//! All states are explored, with nothing left out, and their steps kept ([`Graph`]): four bytes for where a step leads, four for a label,
//! which says who takes it, which task that takes up and what it pays. Labels are few and told apart once. (Making the steps again
//! instead would need the states again, of which only fingerprints are kept.) Then, for each debt: the states that owe it, and the steps that do
//! not pay it, fall into strongly connected parts ([`part`], after Tarjan 1972). A part in which 1 fails has no fair round, nor has
//! any part of it. If 2 fails, for a task, the steps of its agent cannot be taken again and again in any fair round within
//! the part: they are left out, and what is left is looked at again ([`fair`], after Emerson and Lei 1987, as for Streett automata). A part in
//! which neither fails is itself a round that is fair: some walk goes through all of it. A shorter one is told ([`walk`]).
//!
//! What is found is judged once more, state by state along the run, by code that shares nothing with the search ([`judge`]).

pub(crate) mod fair;
mod graph;
pub mod judge;
mod labels;
pub(crate) mod part;
#[cfg(test)]
mod tests;
pub(crate) mod walk;

pub(crate) use graph::{Found, Graph, Lasso, Late};

use crate::system::{Breach, System};
use std::fmt::Debug;
use std::hash::Hash;

/// Something that an agent has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task<A, W> {
    /// Who.
    pub agent: A,
    /// What.
    pub work: W,
}

/// Who takes a step, and which of its tasks that takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Doing<A, W> {
    /// Who.
    pub agent: A,
    /// Which, if it is one of those that it has to do.
    pub work: Option<W>,
}

/// A system whose runs may go on for ever.
pub trait Recurrent: System {
    /// Who takes steps and must not be forgotten.
    type Agent: Copy + Ord + Hash + Debug;
    /// What an agent may have to do.
    type Work: Copy + Ord + Hash + Debug;
    /// What must come in the end. In the order in which they are told, if several never come.
    type Debt: Copy + Ord + Hash + Debug;

    /// Adds the tasks that are open in a state, in which these are all open choices.
    fn tasks(&self, state: &Self::State, open: &[Self::Choice], tasks: &mut Vec<Task<Self::Agent, Self::Work>>);

    /// Whose step a choice is that is open in a state; nobody's if it is the environment's.
    fn doing(&self, state: &Self::State, choice: &Self::Choice) -> Option<Doing<Self::Agent, Self::Work>>;

    /// Adds the debts that are owed in a state.
    fn owed(&self, state: &Self::State, debts: &mut Vec<Self::Debt>);

    /// Takes a step, and adds those debts of the state before it that it pays, though they may be owed again at once.
    fn next_paying(
        &self,
        state: &Self::State,
        choice: &Self::Choice,
        place: &mut Self::State,
        paid: &mut Vec<Self::Debt>,
    );

    /// The property that a debt is of.
    fn property(&self, debt: Self::Debt) -> &'static str;

    /// What is wrong if a debt is owed for ever, from a state on in which it is.
    fn breach_of(&self, state: &Self::State, debt: Self::Debt) -> Breach;
}
