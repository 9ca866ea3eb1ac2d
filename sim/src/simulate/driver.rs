//! One run: what is open, what of it may be chosen now, the choice, the step.
//!
//! ```text
//!   open choices --crash--> what can still happen --disturbances--> --step scheduler--> --weights--> one
//! ```

use super::disturbance::{Disturbance, undisturbed};
use super::stepping::Turns;
use super::swarm::{Casts, Swarm};
use super::{Counts, Run, Stepping, Weights, steps_max};
use crate::crash::{Crash, Who, disagreement};
use crate::instance::{Fault, Instance};
use crate::properties::{L2, Property};
use crate::system::{Breach, System};
use crate::world::World;
use neurath_model::choice::Choice;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How the choices of a run are drawn, and what happens to it from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regime {
    /// How often each kind of step and each operator has its turn.
    pub weights: Weights,
    /// Who has the next step.
    pub stepping: Stepping,
    /// What disturbs the run.
    pub disturbances: Vec<Disturbance>,
    /// Who crashes.
    pub crash: Option<Crash>,
}

impl Regime {
    /// Choices by weight, undisturbed.
    fn of(weights: Weights) -> Self {
        Self { weights, stepping: Stepping::Weighted, disturbances: Vec::new(), crash: None }
    }
}

/// What is used again from run to run.
#[derive(Default)]
pub(super) struct Buffers {
    open: Vec<Choice>,
    weights: Vec<u64>,
    turns: Turns,
    pub(super) casts: Casts,
    /// The last instance, with the configuration it was made for.
    last: Option<(Swarm, Option<Fault>, Instance)>,
}

/// Runs an instance: choices are drawn by their weights until none is open or a property is broken.
pub fn run(instance: &Instance, weights: &Weights, rng: &mut impl Rng) -> Run {
    let regime = Regime::of(weights.clone());
    Driver { instance, regime: &regime, buffers: &mut Buffers::default() }.run(rng, &mut |_| {})
}

/// Goes on from a state, by weight, until no choice is open, whatever is broken on the way: the choices, and the state they lead to.
/// None if there is no end to it.
pub fn run_from(
    instance: &Instance,
    weights: &Weights,
    world: World,
    rng: &mut impl Rng,
) -> Option<(Vec<Choice>, World)> {
    let regime = Regime::of(weights.clone());
    let mut driver = Driver { instance, regime: &regime, buffers: &mut Buffers::default() };
    let (mut world, mut choices) = (world, Vec::new());
    let steps_max = steps_max(instance);
    loop {
        driver.look(&world, Counts::default());
        if driver.buffers.open.is_empty() {
            return Some((choices, world));
        }
        let step = choices.len() as u64;
        if step == steps_max {
            return None;
        }
        let choice = driver.choose(&world, step, rng);
        world.step(instance, &choice, &mut |_| {});
        choices.push(choice);
    }
}

/// Runs a configuration. `watch` sees each state.
pub(super) fn run_seed(
    swarm: &Swarm,
    fault: Option<Fault>,
    buffers: &mut Buffers,
    watch: &mut dyn FnMut(&World),
) -> Run {
    let instance = match buffers.last.take() {
        Some((last, with, instance)) if with == fault && last.shares_instance(swarm) => instance.within(swarm.bounds),
        Some(_) | None => swarm.instance(fault),
    };
    // A stream of its own: how many numbers the configuration took does not shift the run.
    let mut rng = ChaCha8Rng::seed_from_u64(swarm.seed);
    rng.set_stream(1);
    let run = Driver { instance: &instance, regime: &swarm.regime, buffers }.run(&mut rng, watch);
    buffers.last = Some((swarm.clone(), fault, instance));
    run
}

struct Driver<'a> {
    instance: &'a Instance,
    regime: &'a Regime,
    buffers: &'a mut Buffers,
}

impl Driver<'_> {
    fn run(&mut self, rng: &mut impl Rng, watch: &mut dyn FnMut(&World)) -> Run {
        let instance = self.instance;
        let mut world = World::new(instance);
        let mut run = Run { choices: Vec::new(), breach: None, counts: Counts::default() };
        let steps_max = steps_max(instance);
        self.buffers.turns.begin(&self.regime.stepping);
        while run.breach.is_none() {
            watch(&world);
            run.counts.crashed = self.crashed(run.counts.steps);
            self.look(&world, run.counts);
            if self.buffers.open.is_empty() {
                run.breach = self.at_end(&world, run.counts.crashed);
                break;
            }
            if run.counts.steps == steps_max {
                run.breach = Some(unfinished(&world, instance, steps_max));
                break;
            }
            let choice = self.choose(&world, run.counts.steps, rng);
            world.step(instance, &choice, &mut |observation| run.counts.observe(observation));
            run.counts.steps += 1;
            run.counts.witness(instance, &world);
            run.choices.push(choice);
            run.breach = instance.breach(&world, false);
        }
        run
    }

    fn crashed(&self, step: u64) -> Option<Who> {
        self.regime.crash.filter(|crash| crash.step <= step).map(|crash| crash.who)
    }

    /// What can happen now.
    fn look(&mut self, world: &World, counts: Counts) {
        let open = &mut self.buffers.open;
        open.clear();
        match self.regime.crash.filter(|_| counts.crashed.is_some()) {
            None | Some(Crash { who: Who::Submitter, .. }) => world.choices(self.instance, open),
            Some(Crash { who: Who::Runtime, .. }) => {}
            Some(Crash { who: Who::Operator(crashed), step, linger }) if counts.steps < step + linger => {
                world.choices(self.instance, open);
                open.retain(|choice| choice.at().is_some_and(|at| at != crashed));
            }
            Some(Crash { who: Who::Operator(_), .. }) => {}
        }
    }

    /// Judges a world in which nothing can happen any more.
    fn at_end(&self, world: &World, crashed: Option<Who>) -> Option<Breach> {
        match crashed {
            None | Some(Who::Submitter) => self.instance.breach(world, true),
            Some(Who::Operator(_) | Who::Runtime) => disagreement(self.instance, world),
        }
    }

    /// One of the open choices.
    fn choose(&mut self, world: &World, step: u64, rng: &mut impl Rng) -> Choice {
        let Buffers { open, weights, turns, .. } = &mut *self.buffers;
        let Regime { disturbances, stepping, .. } = self.regime;
        let count = if disturbances.is_empty() {
            open.len()
        } else {
            undisturbed(disturbances, self.instance, &world.net, open, step)
        };
        let count = turns.narrow(stepping, &world.net, &mut open[..count], step, rng);
        weights.clear();
        weights.extend(open[..count].iter().map(|choice| self.regime.weights.of(choice)));
        let mut left = rng.random_range(0..weights.iter().sum::<u64>());
        let chosen = weights.iter().position(|weight| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        });
        open.swap_remove(chosen.expect("what is drawn is less than the sum of the weights"))
    }
}

/// A run that goes on for longer than packets, markers and updates account for: a breach of the liveness property that would
/// be broken if it ended here.
fn unfinished(world: &World, instance: &Instance, steps_max: u64) -> Breach {
    let on = |arc| instance.name(instance.program.arc(arc).from.operator).to_owned();
    let busy: Vec<String> = world.occupied().map(on).collect();
    // L2 speaks of what nobody can do; of what everybody goes on doing it says least, so it comes last.
    let liveness = world.ledger.at_end(instance, &world.net).into_iter().filter(|b| b.property.starts_with('L'));
    let concerned = liveness.filter(|b| b.property != L2::ABOUT.code).min_by_key(|b| b.property);
    let (property, why) = concerned.map_or((L2::ABOUT.code, String::new()), |b| (b.property, format!("{}: ", b.story)));
    let story = format!(
        "{why}after {steps_max} steps, more than a run can take, it still goes on; something waits behind {}",
        busy.join(", ")
    );
    Breach { property, story }
}
