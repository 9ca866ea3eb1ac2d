//! Who takes note of states and steps as they are explored: nobody, or the graph in which lassos are looked for.

use super::origins::Number;
use crate::system::System;

/// Takes note. States come in the order of their numbers, each followed by its steps in the order of choices.
pub(crate) trait Record<S: System> {
    /// Whether known states are to be told by number.
    const WANTS_NUMBERS: bool;

    /// A state is looked at.
    fn state(&mut self, system: &S, state: &S::State, choices: &[S::Choice]);

    /// Takes a choice of the state that is looked at.
    fn step(&mut self, system: &S, state: &S::State, choice: &S::Choice, place: &mut S::State);

    /// The state that this led to.
    fn leads_to(&mut self, to: Number);

    /// Bytes held.
    fn bytes(&self) -> usize;
}

impl<S: System> Record<S> for () {
    const WANTS_NUMBERS: bool = false;

    fn state(&mut self, _: &S, _: &S::State, _: &[S::Choice]) {}

    fn step(&mut self, system: &S, state: &S::State, choice: &S::Choice, place: &mut S::State) {
        system.next_in(state, choice, place);
    }

    fn leads_to(&mut self, _: Number) {}

    fn bytes(&self) -> usize {
        0
    }
}
