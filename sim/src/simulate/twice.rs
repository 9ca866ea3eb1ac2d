//! A seed twice: the two runs are compared step by step, and the first step at which they differ is told.
//!
//! That a seed is one run is what makes a failure worth anything. What could spoil it is a collection whose order differs
//! from one use to the next (a hash map has such an order), an address, or a clock. So not only choices are compared but whole
//! states: what differs in a state may show in the choices only much later.

use super::driver::{Buffers, run_seed};
use super::{Options, Outcome, configured, simulate_with};
use crate::explore::fingerprint;
use crate::generate::Subject;
use crate::world::World;
use std::fmt;
use std::fmt::Debug;

/// Where the two runs of a seed part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The seed.
    pub seed: u64,
    /// The first state that differs: 0 for that before the first step. None where the configurations differ already.
    pub step: Option<usize>,
    /// What it is one time.
    pub one: String,
    /// What it is the other time.
    pub other: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, step, one, other } = self;
        let place = step.map_or("the configuration".into(), |step| format!("step {step}"));
        write!(f, "seed {seed} is not the same run twice: {place} is\n  {one}\none time, and\n  {other}\nthe other")
    }
}

/// Runs a seed two times, with nothing left over from one to the other.
///
/// # Errors
/// Where the two differ.
pub fn simulate_twice(subject: &Subject, seed: u64, options: &Options) -> Result<Outcome, Box<Difference>> {
    let outcome = simulate_with(subject, seed, options, &mut Buffers::default());
    let [one, other] = [(); 2].map(|()| states(subject, seed, options));
    if one.0 != other.0 {
        return Err(Box::new(Difference { seed, step: None, one: one.0, other: other.0 }));
    }
    match first_difference(&one.1, &other.1) {
        None => Ok(outcome),
        Some(step) => {
            let told = |states: &[(String, u64)]| {
                states
                    .get(step)
                    .map_or("no step".into(), |(choice, state)| format!("{choice}, leading to {state:016x}"))
            };
            Err(Box::new(Difference { seed, step: Some(step), one: told(&one.1), other: told(&other.1) }))
        }
    }
}

/// The first place at which two runs differ: in a step, in the state that it leads to, or in length.
pub fn first_difference<T: PartialEq>(one: &[T], other: &[T]) -> Option<usize> {
    let differs = one.iter().zip(other).position(|(a, b)| a != b);
    differs.or((one.len() != other.len()).then(|| one.len().min(other.len())))
}

/// The configuration of a seed, and each choice of its run with a fingerprint of the state that it leads to, the first state before
/// any choice.
fn states(subject: &Subject, seed: u64, options: &Options) -> (String, Vec<(String, u64)>) {
    let mut buffers = Buffers::default();
    let swarm = configured(subject, seed, options, &mut buffers);
    let mut prints = Vec::new();
    let run = run_seed(&swarm, options.fault, &mut buffers, &mut |world: &World| prints.push(fingerprint(world)));
    let choices = std::iter::once("the start".to_owned()).chain(run.choices.iter().map(describe));
    // The state after the last choice is not watched where that choice broke a property: its breach stands for it.
    let last = fingerprint(&format!("{:?}", run.breach));
    let prints = prints.into_iter().chain(std::iter::repeat(last));
    (swarm.to_string(), choices.zip(prints).collect())
}

fn describe(choice: &impl Debug) -> String {
    format!("{choice:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use crate::system::System;
    use std::collections::HashMap;

    #[test]
    fn seeds_of_every_kind_are_the_same_run_twice() {
        for subject in
            [example::http(None), example::diamond(None), example::http(neurath_model::plan::Scheduler::Direct)]
        {
            for seed in 0..40 {
                let outcome = simulate_twice(&subject, seed, &Options::default()).unwrap_or_else(|d| panic!("{d}"));
                assert_eq!(outcome, super::super::simulate(&subject, seed, &Options::default()));
            }
        }
    }

    /// A run that goes by the order of a hash map is found out: each map has an order of its own.
    #[test]
    fn a_choice_that_follows_the_order_of_a_hash_map_is_found_out() {
        let instance = crate::properties::teeth::two_change(neurath_model::plan::Scheduler::Epoch);
        let run = || {
            let mut world = World::new(&instance);
            let mut run = Vec::new();
            loop {
                let mut open = Vec::new();
                world.choices(&instance, &mut open);
                let by_name: HashMap<String, _> = open.into_iter().map(|c| (describe(&c), c)).collect();
                let Some(choice) = by_name.into_values().next() else { return run };
                world = instance.next(&world, &choice);
                run.push((describe(&choice), fingerprint(&world)));
            }
        };
        assert!((0..20).any(|_| first_difference(&run(), &run()).is_some()), "forty runs alike cannot be chance");
    }

    #[test]
    fn a_run_that_is_longer_differs_behind_the_end_of_the_other() {
        assert_eq!(first_difference(&[1, 2], &[1, 2, 3]), Some(2));
        assert_eq!(first_difference(&[1, 2], &[1, 4, 3]), Some(1));
        assert_eq!(first_difference(&[1, 2], &[1, 2]), None);
    }

    #[test]
    fn a_difference_is_told() {
        let told = Difference { seed: 7, step: Some(3), one: "a".into(), other: "b".into() }.to_string();
        assert_eq!(told, "seed 7 is not the same run twice: step 3 is\n  a\none time, and\n  b\nthe other");
    }
}
