//! Where a run was lost: the first step after which a breach can no longer be avoided.
//!
//! ```text
//!   0 ... 3    4 ... 8    9
//!   |     |    |     |    '-- the property is broken, for all to see
//!   |     |    '-----'------- every way to go on breaks it
//!   '-----'------------------ some way to go on does not
//! ```
//!
//! The step that breaks a property is often not the one that is to blame: a marker that went past a packet breaks nothing until
//! the packet is processed. What can still be avoided after a step is asked of all runs that go on from there, depth first, within a
//! budget of states. If it can be avoided after a step, then after each step before it, too: so the step is found by halving.

use crate::explore::fingerprint;
use crate::instance::Instance;
use crate::simulate::{Weights, first_breach, run_from};
use crate::system::{Breach, System};
use crate::world::World;
use neurath_model::choice::Choice;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;

/// How many runs are drawn before all are looked at: mostly one of them avoids what can be avoided.
const DRAWN: u64 = 40;

/// What is known of a run that ends in a breach. Steps count from 1; 0 stands for before the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bisection {
    /// What is broken.
    pub breach: Breach,
    /// The step that breaks it; one more than there are where it is broken because nothing more can happen.
    pub latched: usize,
    /// The last step after which a way to go on is known that does not break it, with that way. None if it could not be avoided
    /// from the start.
    pub avoidable: Option<(usize, Vec<Choice>)>,
    /// The first step after which every way to go on is known to break it.
    pub lost: usize,
}

impl Bisection {
    /// Whether the first step is known after which the breach cannot be avoided: if not, it is one of those between `avoidable`
    /// and `lost`.
    pub fn is_decided(&self) -> bool {
        self.lost == self.avoidable.as_ref().map_or(0, |(step, _)| step + 1)
    }
}

/// Whether a breach can be avoided from some state on.
enum Future {
    Avoided(Vec<Choice>),
    Lost,
    Undecided,
}

/// Looks for the step. Each question may look at `states_max` states. None if the run breaks nothing.
///
/// # Panics
/// If a choice is not open where it is to be taken: replay a run first that comes from elsewhere.
pub fn bisect(instance: &Instance, choices: &[Choice], states_max: usize) -> Option<Bisection> {
    let (length, breach) = first_breach(instance, choices)?;
    let mut worlds = vec![World::new(instance)];
    for choice in &choices[..length] {
        worlds.push(instance.next(worlds.last().expect("there is a first"), choice));
    }
    let is_latched = instance.breach(&worlds[length], false).is_some();
    let latched = if is_latched { length } else { length + 1 };
    // Before this step it is avoided; from that one on it is lost. Between them nothing is known.
    let mut bisection = Bisection { breach, latched, avoidable: None, lost: length };
    let (mut from, mut until) = (0, length);
    while from < until {
        let middle = usize::midpoint(from, until);
        match future(instance, &worlds[middle], bisection.breach.property, states_max) {
            Future::Avoided(way) => {
                bisection.avoidable = Some((middle, way));
                from = middle + 1;
            }
            Future::Lost => {
                bisection.lost = middle;
                until = middle;
            }
            // Later states have fewer ways to go on, so that what is too much here may be decided there.
            Future::Undecided => from = middle + 1,
        }
    }
    narrow(instance, &worlds, &mut bisection, states_max);
    Some(bisection)
}

/// What was undecided on the way may hide a later step from which the breach is avoided, or an earlier one from which it is lost: the
/// steps between are asked one by one.
fn narrow(instance: &Instance, worlds: &[World], bisection: &mut Bisection, states_max: usize) {
    let first = bisection.avoidable.as_ref().map_or(0, |(step, _)| step + 1);
    for step in (first..bisection.lost).rev() {
        match future(instance, &worlds[step], bisection.breach.property, states_max) {
            Future::Lost => bisection.lost = step,
            Future::Avoided(way) => {
                bisection.avoidable = Some((step, way));
                return;
            }
            Future::Undecided => {}
        }
    }
}

fn future(instance: &Instance, world: &World, property: &str, states_max: usize) -> Future {
    if instance.breach_among(world, false, &[property]).is_some() {
        return Future::Lost;
    }
    match drawn(instance, world, property) {
        Some(way) => Future::Avoided(way),
        None => searched(instance, world, property, states_max),
    }
}

/// A way to go on, of some that are drawn.
fn drawn(instance: &Instance, world: &World, property: &str) -> Option<Vec<Choice>> {
    let operators = instance.program.operators().len();
    (0..DRAWN).find_map(|seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let weights = Weights::draw(operators, &mut rng);
        let (choices, end) = run_from(instance, &weights, world.clone(), &mut rng)?;
        instance.breach_among(&end, true, &[property]).is_none().then_some(choices)
    })
}

/// A way to go on, of all: depth first, since what is looked for is an end.
fn searched(instance: &Instance, world: &World, property: &str, states_max: usize) -> Future {
    let mut known = HashSet::from([fingerprint(world)]);
    let mut way: Vec<(Choice, World, Vec<Choice>)> = Vec::new();
    let mut open = open(instance, world);
    if open.is_empty() {
        return Future::Lost;
    }
    let mut here = world.clone();
    loop {
        let Some(choice) = open.pop() else {
            match way.pop() {
                Some((_, before, rest)) => (here, open) = (before, rest),
                None => return Future::Lost,
            }
            continue;
        };
        let next = instance.next(&here, &choice);
        if !known.insert(fingerprint(&next)) || instance.breach_among(&next, false, &[property]).is_some() {
            continue;
        }
        if known.len() > states_max {
            return Future::Undecided;
        }
        let further = self::open(instance, &next);
        let ended = further.is_empty();
        if ended && instance.breach_among(&next, true, &[property]).is_some() {
            continue;
        }
        way.push((choice, std::mem::replace(&mut here, next), std::mem::replace(&mut open, further)));
        if ended {
            return Future::Avoided(way.into_iter().map(|(choice, ..)| choice).collect());
        }
    }
}

fn open(instance: &Instance, world: &World) -> Vec<Choice> {
    let mut open = Vec::new();
    world.choices(instance, &mut open);
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Explorer, Verdict};
    use crate::properties::teeth;
    use crate::replay::{replay, replay_from};
    use neurath_model::plan::Scheduler;

    /// The slow and simple way: every state that can be reached, and whether any of them is a good end.
    fn can_be_avoided(instance: &Instance, world: &World, property: &str) -> bool {
        let mut known = HashSet::new();
        let mut left = vec![world.clone()];
        while let Some(world) = left.pop() {
            let open = open(instance, &world);
            if instance.breach_among(&world, open.is_empty(), &[property]).is_some() || !known.insert(world.clone()) {
                continue;
            }
            if open.is_empty() {
                return true;
            }
            left.extend(open.iter().map(|choice| instance.next(&world, choice)));
        }
        false
    }

    fn broken_runs() -> Vec<(Instance, Vec<Choice>)> {
        let specimens = teeth::specimens().into_iter().map(|(_, _, instance)| instance);
        let all = specimens.chain([teeth::two_change(Scheduler::Direct)]);
        let run = |instance: Instance| match Explorer::new(&instance).run().verdict {
            Verdict::Breached { run, .. } => Some((instance, run)),
            Verdict::Holds | Verdict::Undecided { .. } => None,
        };
        all.filter_map(run).collect()
    }

    #[test]
    fn the_step_is_the_one_that_looking_at_everything_finds() {
        let (mut earlier, mut total) = (0, 0);
        for (instance, run) in broken_runs() {
            let found = bisect(&instance, &run, 1_000_000).expect("broken");
            assert!(found.is_decided());
            let property = found.breach.property;
            let worlds = replay(&instance, &run).expect("a run");
            let lost = worlds.iter().position(|world| !can_be_avoided(&instance, world, property));
            assert_eq!(Some(found.lost), lost, "{property}");
            assert!(found.lost <= found.latched);
            if let Some((step, way)) = found.avoidable {
                let end = replay_from(&instance, worlds[step].clone(), &way).expect("a run").pop().expect("states");
                assert_eq!(open(&instance, &end), []);
                assert_eq!(instance.breach_among(&end, true, &[property]), None);
            }
            (earlier, total) = (earlier + u32::from(found.lost < found.latched), total + 1);
        }
        assert!(total > 10 && earlier > 3, "in {earlier} of {total} runs the step to blame is another");
    }

    #[test]
    fn without_budget_nothing_is_claimed() {
        let instance =
            teeth::one_changes(1, 1).with_fault(crate::instance::Fault::named("silent-exit").expect("known"));
        let Verdict::Breached { run, .. } = Explorer::new(&instance).run().verdict else { panic!("never answered") };
        let found = bisect(&instance, &run, 1).expect("broken");
        assert!(!found.is_decided());
        assert_eq!((found.avoidable, found.lost), (None, run.len()));
        // With a submission that may never come, nothing is lost before it; whoever has submitted, waits in vain.
        let found = bisect(&instance, &run, 100_000).expect("broken");
        assert!(found.is_decided());
    }

    #[test]
    fn a_run_that_breaks_nothing_has_no_such_step() {
        let instance = teeth::one_changes(1, 1);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let weights = Weights::draw(instance.program.operators().len(), &mut rng);
        let run = crate::simulate::run(&instance, &weights, &mut rng);
        assert_eq!(bisect(&instance, &run.choices, 10), None);
    }
}
