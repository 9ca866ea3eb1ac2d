//! What can be explored: states, the choices open in each, and what is wrong with a state.
//!
//! A system is a labelled transition system whose labels are [`Choice`](System::Choice)s. The explorer, stateright
//! (through an adapter), the simulator and replay all drive one through this trait,
//! so a choice found by one of them means the same to the others.

use std::fmt::Debug;
use std::hash::Hash;

/// A property that a state breaks, latched: it stays broken in all that follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Breach {
    /// The property's code, for example `S4`.
    pub property: &'static str,
    /// What happened, naming operators and packets.
    pub story: String,
}

/// A labelled transition system.
pub trait System {
    /// A state; equal states have equal futures.
    type State: Clone + Eq + Hash + Debug;
    /// One decision among those open in a state.
    type Choice: Clone + PartialEq + Debug;

    /// The states a run may begin in.
    fn initial(&self) -> Vec<Self::State>;

    /// Adds the choices open in a state, in a fixed order.
    fn choices(&self, state: &Self::State, choices: &mut Vec<Self::Choice>);

    /// The state after a choice that is open.
    fn next(&self, state: &Self::State, choice: &Self::Choice) -> Self::State;

    /// The same in the place of another state, whose memory can be used again.
    fn next_in(&self, state: &Self::State, choice: &Self::Choice, place: &mut Self::State) {
        *place = self.next(state, choice);
    }

    /// What is wrong with a state; `ended` says that no choice is open in it.
    fn breach(&self, state: &Self::State, ended: bool) -> Option<Breach>;

    /// What is wrong with a state as far as some properties are concerned. A system whose states can breach several
    /// properties at a time says it itself: the default knows only the one that [`breach`](System::breach) names.
    fn breach_among(&self, state: &Self::State, ended: bool, properties: &[&str]) -> Option<Breach> {
        self.breach(state, ended).filter(|breach| properties.contains(&breach.property))
    }

    /// A picture of a run from an initial state, in SVG, if the system has one.
    fn picture(&self, _run: &[Self::Choice]) -> Option<String> {
        None
    }

    /// The kind of a choice, for coverage counts.
    fn kind(&self, choice: &Self::Choice) -> &'static str;

    /// Every kind of choice that the system could ever offer: coverage names those never taken.
    fn kinds(&self) -> &'static [&'static str];

    /// Situations that should occur in some run, each with whether it holds in this state: the `sometimes` beside
    /// each `always`. Names are fixed and in a fixed order.
    fn witnesses(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether the witness of that index holds in this state.
    fn witnessed(&self, _state: &Self::State, _witness: usize) -> bool {
        false
    }
}

impl<S: System> System for &S {
    type State = S::State;
    type Choice = S::Choice;

    fn initial(&self) -> Vec<S::State> {
        (**self).initial()
    }

    fn choices(&self, state: &S::State, choices: &mut Vec<S::Choice>) {
        (**self).choices(state, choices);
    }

    fn next(&self, state: &S::State, choice: &S::Choice) -> S::State {
        (**self).next(state, choice)
    }

    fn next_in(&self, state: &S::State, choice: &S::Choice, place: &mut S::State) {
        (**self).next_in(state, choice, place);
    }

    fn breach(&self, state: &S::State, ended: bool) -> Option<Breach> {
        (**self).breach(state, ended)
    }

    fn breach_among(&self, state: &S::State, ended: bool, properties: &[&str]) -> Option<Breach> {
        (**self).breach_among(state, ended, properties)
    }

    fn picture(&self, run: &[S::Choice]) -> Option<String> {
        (**self).picture(run)
    }

    fn kind(&self, choice: &S::Choice) -> &'static str {
        (**self).kind(choice)
    }

    fn kinds(&self) -> &'static [&'static str] {
        (**self).kinds()
    }

    fn witnesses(&self) -> &'static [&'static str] {
        (**self).witnesses()
    }

    fn witnessed(&self, state: &S::State, witness: usize) -> bool {
        (**self).witnessed(state, witness)
    }
}
