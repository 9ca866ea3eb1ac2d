//! Worlds that fold to one can do the same: the bisimulation that folding rests on, and what follows from it.

use super::endless;
use super::random_updates;
use super::reduction::{choices, difference, instances, reachable};
use crate::fold::Folded;
use crate::instance::Instance;
use crate::properties::named::NAMED;
use crate::system::System;
use crate::world::World;
use neurath_model::choice::Choice;
use std::collections::HashSet;

/// What a choice is but for the lineage that it lets go.
fn nameless(choice: &Choice) -> Choice {
    match choice {
        Choice::Wake { at, emits, .. } => Choice::Wake { at: *at, releases: None, emits: emits.clone() },
        other => other.clone(),
    }
}

/// A world and the one it folds to have the same choices, which lead to worlds that fold to one, with the same properties broken.
fn bisimilar(instance: &Instance, world: &World) -> Result<(), String> {
    let folding = Folded::new(instance);
    let mut folded = world.clone();
    folding.fold(&mut folded);
    let (own, open) = (choices(instance, world), choices(instance, &folded));
    if own.iter().map(nameless).ne(open.iter().map(nameless)) {
        return Err(format!("{own:?} becomes {open:?}"));
    }
    for ended in [false, true] {
        let [one, two] = [world, &folded].map(|world| instance.breach(world, ended).map(|breach| breach.property));
        if one != two {
            return Err(format!("{one:?} becomes {two:?}, {}", if ended { "at the end" } else { "under way" }));
        }
    }
    for (here, there) in own.iter().zip(&open) {
        let [one, two] = [(world, here), (&folded, there)].map(|(world, choice)| System::next(&folding, world, choice));
        if let Some(difference) = difference(&one, &two) {
            return Err(format!("{here:?} leads elsewhere:\n{difference}"));
        }
    }
    Ok(())
}

/// Folding once is enough.
fn idempotent(instance: &Instance, world: &World) -> Result<(), String> {
    let folding = Folded::new(instance);
    let mut once = world.clone();
    folding.fold(&mut once);
    let mut twice = once.clone();
    folding.fold(&mut twice);
    if once == twice { Ok(()) } else { Err(format!("{once:#?} becomes {twice:#?}")) }
}

fn both(instance: &Instance, world: &World) -> Result<(), String> {
    bisimilar(instance, world)?;
    idempotent(instance, world)
}

#[test]
fn folded_worlds_can_do_the_same_along_random_runs() {
    random_updates::along_random_runs(400, both);
}

#[test]
fn folded_worlds_can_do_the_same_where_something_goes_round_for_ever() {
    random_updates::along_random_runs_of(&endless::catalogue(), 400, endless::steps, both);
}

/// Properties that have to be asked for remember lineages, too.
#[test]
fn folded_worlds_can_do_the_same_as_far_as_any_property_can_tell() {
    let asked: Vec<&str> = NAMED.iter().map(|named| named.about.code).collect();
    let asking = |instance: &Instance, rng: &mut _| endless::steps(&instance.clone().asking(&asked), rng);
    random_updates::along_random_runs_of(&endless::catalogue(), 100, asking, |instance, world| {
        both(&instance.clone().asking(&asked), world)
    });
}

/// Where every run ends, the folded worlds are those that the others fold to.
#[test]
fn the_folded_worlds_are_those_that_the_reachable_ones_fold_to() {
    for (name, instance) in instances() {
        let folding = Folded::new(&instance);
        let folded = |mut world: World| {
            folding.fold(&mut world);
            world
        };
        let all: HashSet<World> = reachable(&instance).0.into_iter().map(folded).collect();
        assert!(all == reachable(&folding).0, "{name}");
    }
}
