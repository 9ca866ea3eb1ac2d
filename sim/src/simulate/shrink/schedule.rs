//! The schedule of a failing run: steps that can be left out, and steps of one operator brought together.

use super::case::{Failure, followed};
use crate::instance::Instance;
use crate::simulate::first_breach;
use crate::world::World;
use neurath_model::choice::Choice;

/// A run of more steps than this keeps its order: looking at every pair of steps would take too long.
const STEPS_MAX: usize = 300;

/// How often a run goes on at another operator.
pub(super) fn switches(choices: &[Choice]) -> usize {
    choices.windows(2).filter(|pair| pair[0].at() != pair[1].at()).count()
}

/// Leaves out stretches of the run, ever shorter ones, as long as what is left leads to the same breach in fewer steps.
pub(super) fn without_needless_steps(failing: Failure, property: &str) -> Failure {
    let Failure { instance, mut choices } = failing;
    let mut length = choices.len() / 2;
    while length > 0 {
        let mut from = 0;
        while from < choices.len() {
            let until = (from + length).min(choices.len());
            let rest: Vec<Choice> = choices[..from].iter().chain(&choices[until..]).cloned().collect();
            match followed(&instance, &rest, property).filter(|shorter| shorter.len() < choices.len()) {
                Some(shorter) => choices = shorter,
                None => from += length,
            }
        }
        length /= 2;
    }
    Failure { instance, choices }
}

/// Moves steps forward to the last step of their operator before them, as long as the run is one, breaks the same property
/// at its end, and goes on at another operator less often.
pub(super) fn with_fewest_switches(instance: &Instance, choices: Vec<Choice>, property: &str) -> Vec<Choice> {
    let mut choices = choices;
    while choices.len() <= STEPS_MAX {
        let moved = (1..choices.len()).find_map(|i| brought_forward(instance, &choices, i, property));
        match moved {
            Some(better) => choices = better,
            None => break,
        }
    }
    choices
}

fn brought_forward(instance: &Instance, choices: &[Choice], i: usize, property: &str) -> Option<Vec<Choice>> {
    let last = choices[..i].iter().rposition(|choice| choice.at() == choices[i].at())?;
    if last + 1 == i {
        return None;
    }
    let mut moved = choices.to_vec();
    let choice = moved.remove(i);
    moved.insert(last + 1, choice);
    let is_better = switches(&moved) < switches(choices) && breaks_at_its_end(instance, &moved, property);
    is_better.then_some(moved)
}

fn breaks_at_its_end(instance: &Instance, choices: &[Choice], property: &str) -> bool {
    is_run(instance, choices)
        && first_breach(instance, choices)
            .is_some_and(|(length, breach)| length == choices.len() && breach.property == property)
}

/// Whether each choice is open where it is to be taken.
fn is_run(instance: &Instance, choices: &[Choice]) -> bool {
    let mut world = World::new(instance);
    let mut open = Vec::new();
    choices.iter().all(|choice| {
        open.clear();
        world.choices(instance, &mut open);
        let is_open = open.contains(choice);
        if is_open {
            world.step(instance, choice, &mut |_| {});
        }
        is_open
    })
}
