//! All runs of an instance in which one crashes, at any step: a system for the explorer.

use super::{Who, disagreement};
use crate::instance::Instance;
use crate::system::{Breach, System};
use crate::world::World;
use neurath_model::choice::Choice;

/// An instance in which the submitter, any operator, or the runtime may crash, once in a run.
#[derive(Debug, Clone, Copy)]
pub struct Crashing<'a>(pub &'a Instance);

/// A world, and who has crashed in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Crashed {
    /// The world.
    pub world: World,
    /// Who has crashed.
    pub who: Option<Who>,
}

/// What may happen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A step of the world.
    Step(Choice),
    /// A crash.
    Crash(Who),
}

impl System for Crashing<'_> {
    type State = Crashed;
    type Choice = Next;

    fn initial(&self) -> Vec<Crashed> {
        vec![Crashed { world: World::new(self.0), who: None }]
    }

    /// The environment takes no step when the flow has failed: updates are refused.
    fn choices(&self, state: &Crashed, choices: &mut Vec<Next>) {
        let mut open = Vec::new();
        if state.who != Some(Who::Runtime) {
            state.world.choices(self.0, &mut open);
        }
        if let Some(Who::Operator(crashed)) = state.who {
            open.retain(|choice| choice.at().is_some_and(|at| at != crashed));
        }
        choices.extend(open.into_iter().map(Next::Step));
        if state.who.is_none() {
            let operators = state.world.net.operators().map(Who::Operator);
            choices.extend([Who::Submitter, Who::Runtime].into_iter().chain(operators).map(Next::Crash));
        }
    }

    fn next(&self, state: &Crashed, choice: &Next) -> Crashed {
        let mut next = state.clone();
        match choice {
            Next::Step(choice) => next.world.step(self.0, choice, &mut |_| {}),
            Next::Crash(who) => next.who = Some(*who),
        }
        next
    }

    /// Without a submitter all must go as ever. Where an operator has crashed the others may stop after any step, so that every
    /// state is one in which all has come to a stop; so it is where the runtime has.
    fn breach(&self, state: &Crashed, ended: bool) -> Option<Breach> {
        match state.who {
            None | Some(Who::Submitter) => self.0.breach(&state.world, ended),
            Some(Who::Operator(_) | Who::Runtime) => disagreement(self.0, &state.world),
        }
    }

    fn kind(&self, choice: &Next) -> &'static str {
        match choice {
            Next::Step(choice) => choice.kind(),
            Next::Crash(Who::Submitter) => "submitter",
            Next::Crash(Who::Operator(_)) => "operator",
            Next::Crash(Who::Runtime) => "runtime",
        }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[
            "submit",
            "end",
            "deliver",
            "fire",
            "join",
            "mark",
            "attach",
            "ended",
            "wake",
            "submitter",
            "operator",
            "runtime",
        ]
    }
}
