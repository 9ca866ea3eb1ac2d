//! Swarm: a seed draws not only a run but what kind of run it is.
//!
//! ```text
//!   seed 17 --> packets 3, capacity 1, no end, ...     another seed hurries markers, starves an operator,
//!               updates u1, u2                         ends the flow early, hangs up often
//!               weights: mark 27, fire 1, load 0.1 of reply, ...
//! ```
//!
//! Runs drawn choice by choice with equal chances are all alike: every queue about half full, every marker about as
//! fast as the packets. What goes wrong only when an operator lags behind for the whole run is then as good as never
//! tried. With weights drawn once for each run, some run has it lag (Groce et al., Swarm Testing, ISSTA 2012).

use crate::generate::Subject;
use crate::instance::{Bounds, Fault, Instance};
use neurath_model::choice::Choice;
use neurath_model::plan::{Plan, Scheduler};
use neurath_model::update::{Change, Update};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt;

/// How much more often one kind of choice, or one operator, is taken than another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// By kind of choice, in the order of [`Choice::KINDS`].
    pub kinds: Vec<u32>,
    /// For a wake that lets a packet go and emits nothing, in place of the weight of wakes.
    pub drops: u32,
    /// By operator, those that updates bring in included.
    pub operators: Vec<u32>,
}

/// The configuration of a run, drawn from its seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swarm {
    /// The seed.
    pub seed: u64,
    /// How updates travel.
    pub scheduler: Scheduler,
    /// How much the environment does.
    pub bounds: Bounds,
    /// The updates, in order of submission.
    pub updates: Vec<Update>,
    /// How many draws the planner refused.
    pub refused: u32,
    /// How choices are drawn.
    pub weights: Weights,
    /// The names of the operators that have a weight.
    names: Vec<String>,
    plans: Vec<Plan>,
}

impl Swarm {
    /// The configuration of a seed: the same for the same subject and seed.
    pub fn draw(subject: &Subject, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let bounds = Bounds {
            packets: rng.random_range(1..=8),
            capacity: rng.random_range(1..=4_u32) as usize,
            ends: rng.random(),
            hangups: rng.random(),
        };
        let count = rng.random_range(0..=3_u32) as usize;
        let scheduler = subject.draw_scheduler(&mut rng);
        let drawn = subject.given.is_empty();
        let draws = if drawn { subject.draw(count, scheduler, &mut rng) } else { subject.given_draws() };
        let (updates, plans): (Vec<Update>, Vec<Plan>) = draws.updates.into_iter().unzip();
        let program = Instance::new(&subject.graph, &plans, bounds).program;
        let names: Vec<String> = program.operators().map(|(_, operator)| operator.name.clone()).collect();
        let weights = Weights::draw(names.len(), &mut rng);
        Self { seed, scheduler, bounds, updates, refused: draws.refused, weights, names, plans }
    }

    /// The instance it stands for.
    pub fn instance(&self, subject: &Subject, fault: Option<Fault>) -> Instance {
        let instance = Instance::new(&subject.graph, &self.plans, self.bounds);
        match fault {
            Some(fault) => instance.with_fault(fault),
            None => instance,
        }
    }
}

impl Weights {
    /// Each weight is drawn from 1, 3, 9 and 27, so that one may be far ahead of another. The end of the flow is rare,
    /// because little happens after it.
    pub fn draw(operators: usize, rng: &mut impl Rng) -> Self {
        let mut weight = || 3_u32.pow(rng.random_range(0..=3));
        let kinds = Choice::KINDS.iter().map(|kind| if *kind == "end" { 1 } else { weight() }).collect();
        Self { kinds, drops: weight(), operators: (0..operators).map(|_| weight()).collect() }
    }

    /// The weight of a choice. What the environment does has no operator to lag behind: it counts for an operator
    /// of middling speed.
    pub fn of(&self, choice: &Choice) -> u64 {
        let kind = match choice {
            Choice::Submit { .. } => self.kinds[0],
            Choice::End => self.kinds[1],
            Choice::Deliver { .. } => self.kinds[2],
            Choice::Fire { .. } => self.kinds[3],
            Choice::Join { .. } => self.kinds[4],
            Choice::Mark { .. } => self.kinds[5],
            Choice::Attach { .. } => self.kinds[6],
            Choice::Ended { .. } => self.kinds[7],
            Choice::Wake { emits, .. } if emits.is_empty() => self.drops,
            Choice::Wake { .. } => self.kinds[8],
        };
        u64::from(kind) * u64::from(choice.at().map_or(3, |at| self.operators[at.0 as usize]))
    }
}

impl fmt::Display for Swarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bounds { packets, capacity, ends, hangups } = self.bounds;
        let (ends, hangups) = (if ends { "may end" } else { "no end" }, if hangups { "hangups" } else { "no hangups" });
        writeln!(f, "seed {}: packets {packets}, capacity {capacity}, {ends}, {hangups}", self.seed)?;
        write!(f, "  weights:")?;
        for (kind, weight) in Choice::KINDS.iter().zip(&self.weights.kinds) {
            write!(f, " {kind} {weight},")?;
        }
        write!(f, " drop {}\n  operators:", self.weights.drops)?;
        for (i, (name, weight)) in self.names.iter().zip(&self.weights.operators).enumerate() {
            write!(f, "{} {name} {weight}", if i == 0 { "" } else { "," })?;
        }
        write!(f, "\n  scheduler {}, updates {}, draws refused {}", self.scheduler, self.updates.len(), self.refused)?;
        for (update, plan) in self.updates.iter().zip(&self.plans) {
            write!(f, "\n  update `{}` asks for {}", update.name, update.guarantee)?;
            if update.flow.is_some() {
                let (comes, goes, moves) = (plan.extension.len(), plan.retired.len(), plan.reconnections.len());
                write!(f, "\n    another flow: {comes} come, {goes} go, {moves} arcs move")?;
            }
            for (operator, change) in &update.changes {
                write!(f, "\n    {operator}: {}", change_text(change))?;
            }
        }
        Ok(())
    }
}

fn change_text(change: &Change) -> String {
    let component = match (&change.component, &change.from) {
        (Some(c), _) => Some(format!("runs {c}, state {}", change.state)),
        (None, Some(from)) => Some(format!("has the state of {from}, {}", change.state)),
        (None, None) => change.properties.is_empty().then(|| format!("state {}", change.state)),
    };
    let properties = change.properties.iter().map(|(name, value)| format!("{name} = {value}"));
    component.into_iter().chain(properties).collect::<Vec<_>>().join(", ")
}
