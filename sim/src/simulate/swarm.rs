//! Swarm: a seed draws not only a run but what kind of run it is.
//!
//! ```text
//!   seed 17 --> packets 3, capacity 1, no end, ...     another seed hurries markers, starves an operator,
//!               updates u1 by scoped, u2 by epoch      ends the flow early, hangs up often
//!               weights: mark 27, fire 1, ...          goes by priorities, not by weights
//!               accept stalls in steps 11..40          lets an operator crash
//! ```
//!
//! Runs drawn choice by choice with equal chances are all alike: every queue about half full, every marker about as
//! fast as the packets. What goes wrong only when an operator lags behind for the whole run is then as good as never
//! tried. With weights drawn once for each run, some run has it lag (Groce et al., Swarm Testing, ISSTA 2012).

use super::disturbance::{Disturbance, calm_from};
use super::{Regime, Stepping, Weights};
use crate::crash::Crash;
use crate::explore::fingerprint;
use crate::generate::{Draws, Subject};
use crate::instance::{Bounds, Fault, Instance};
use neurath_model::choice::Choice;
use neurath_model::plan::{Plan, Scheduler};
use neurath_model::update::{Change, Update};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The configuration of a run, drawn from its seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swarm {
    /// The seed.
    pub seed: u64,
    /// How much the environment does.
    pub bounds: Bounds,
    /// How choices are drawn, and what disturbs the run.
    pub regime: Regime,
    /// What is updated, and by what.
    cast: Arc<Cast>,
}

/// Updates with their plans, and the instance that they make of the flow. Seeds to which updates are given share it.
#[derive(Debug)]
struct Cast {
    updates: Vec<Update>,
    plans: Vec<Plan>,
    refused: u32,
    instance: Instance,
}

impl PartialEq for Cast {
    /// An instance follows from the plans.
    fn eq(&self, other: &Self) -> bool {
        (&self.updates, &self.plans, self.refused) == (&other.updates, &other.plans, other.refused)
    }
}

impl Eq for Cast {}

/// What was made for seeds before, by the schedulers of the updates given.
#[derive(Debug, Default)]
pub(super) struct Casts(BTreeMap<Vec<Scheduler>, Arc<Cast>>);

impl Casts {
    /// How many are kept.
    const KEPT_MAX: usize = 64;

    fn of(&mut self, subject: &Subject, rng: &mut impl Rng) -> Arc<Cast> {
        let plans = subject.draw_plans(rng);
        let key: Vec<Scheduler> = plans.iter().map(|plan| plan.scheduler).collect();
        if let Some(cast) = self.0.get(&key) {
            return cast.clone();
        }
        let updates = subject.given.iter().map(|given| given.update.clone()).zip(plans.into_iter().cloned()).collect();
        let cast = Cast::of(subject, Draws { updates, refused: 0 });
        if self.0.len() < Self::KEPT_MAX {
            self.0.insert(key, cast.clone());
        }
        cast
    }
}

impl Cast {
    fn of(subject: &Subject, draws: Draws) -> Arc<Self> {
        let (updates, plans): (Vec<Update>, Vec<Plan>) = draws.updates.into_iter().unzip();
        let instance = Instance::new(&subject.graph, &plans, Bounds::default());
        Arc::new(Self { updates, plans, refused: draws.refused, instance })
    }
}

impl Swarm {
    /// The configuration of a seed: the same for the same subject and seed.
    pub fn draw(subject: &Subject, seed: u64) -> Self {
        Self::draw_with(subject, seed, &mut Casts::default())
    }

    pub(super) fn draw_with(subject: &Subject, seed: u64, casts: &mut Casts) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let bounds = Bounds {
            packets: rng.random_range(1..=8),
            capacity: rng.random_range(1..=4_u32) as usize,
            ends: rng.random(),
            hangups: rng.random(),
        };
        let count = rng.random_range(0..=3_u32) as usize;
        let cast = if subject.given.is_empty() {
            Cast::of(subject, subject.draw(count, &mut rng))
        } else {
            casts.of(subject, &mut rng)
        };
        let operators = cast.instance.program.operators().len();
        let weights = Weights::draw(operators, &mut rng);
        let stepping = Stepping::draw(operators, &mut rng);
        let disturbances = Disturbance::draw_some(&cast.instance, bounds.capacity, &mut rng);
        let crash = Crash::draw(operators, &mut rng);
        Self { seed, bounds, regime: Regime { weights, stepping, disturbances, crash }, cast }
    }

    /// The updates, in order of submission.
    pub fn updates(&self) -> &[Update] {
        &self.cast.updates
    }

    /// Their plans.
    pub fn plans(&self) -> &[Plan] {
        &self.cast.plans
    }

    /// How many draws the planner refused.
    pub fn refused(&self) -> u32 {
        self.cast.refused
    }

    /// The same, with nothing that disturbs the run, and no crash.
    #[must_use]
    pub(super) fn calm(mut self) -> Self {
        self.regime.disturbances.clear();
        self.regime.crash = None;
        self
    }

    /// Eight characters that stand for the configuration. A program that draws other numbers from the same seed, or has another
    /// planner, and so runs something else, has another mark with near certainty.
    pub fn mark(&self) -> String {
        format!("{:08x}", fingerprint(&self.to_string()) as u32)
    }

    /// The instance it stands for.
    pub fn instance(&self, fault: Option<Fault>) -> Instance {
        let instance = self.cast.instance.clone().within(self.bounds);
        match fault {
            Some(fault) => instance.with_fault(fault),
            None => instance,
        }
    }

    /// Whether it stands for the same instance as another, but for the bounds.
    pub(super) fn shares_instance(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cast, &other.cast)
    }
}

impl fmt::Display for Swarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bounds { packets, capacity, ends, hangups } = self.bounds;
        let (ends, hangups) = (if ends { "may end" } else { "no end" }, if hangups { "hangups" } else { "no hangups" });
        writeln!(f, "seed {}: packets {packets}, capacity {capacity}, {ends}, {hangups}", self.seed)?;
        self.describe_graph(f)?;
        self.describe_regime(f)?;
        write!(f, "  updates {}, draws refused {}", self.updates().len(), self.refused())?;
        for (update, plan) in self.updates().iter().zip(self.plans()) {
            write!(f, "\n  update `{}` by {} asks for {}", update.name, plan.scheduler, update.guarantee)?;
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

impl Swarm {
    /// Every operator, those that updates bring in included, with where it sends and how often it has its turn.
    fn describe_graph(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instance = &self.cast.instance;
        for ((at, operator), weight) in instance.program.operators().zip(&self.regime.weights.operators) {
            let to = |arc: &neurath_model::id::ArcId| instance.name(instance.program.arc(*arc).to.operator);
            let to: Vec<&str> = operator.outputs.iter().map(to).collect();
            let to = if to.is_empty() { "nowhere".into() } else { to.join(", ") };
            let component = &instance.behaviour(at, operator.born).component;
            let born = match operator.born {
                neurath_model::id::UpdateId::NONE => String::new(),
                update => format!(", comes with `{}`", instance.update(update).name),
            };
            writeln!(f, "  operator {} ({component}) to {to}{born}: weight {weight}", operator.name)?;
        }
        Ok(())
    }

    fn describe_regime(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (instance, regime) = (&self.cast.instance, &self.regime);
        let names: Vec<String> = instance.program.operators().map(|(_, operator)| operator.name.clone()).collect();
        let weights: Vec<String> = Choice::KINDS
            .iter()
            .zip(&regime.weights.kinds)
            .map(|(kind, weight)| format!("{kind} {weight}"))
            .chain([format!("drop {}", regime.weights.drops)])
            .collect();
        writeln!(f, "  steps {}; weights {}", regime.stepping.describe(&names), weights.join(", "))?;
        for disturbance in &regime.disturbances {
            writeln!(f, "  disturbed in {}", disturbance.describe(instance))?;
        }
        if !regime.disturbances.is_empty() {
            writeln!(f, "  left in peace from step {}", calm_from(&regime.disturbances))?;
        }
        match &regime.crash {
            Some(crash) => writeln!(f, "  crash {}", crash.describe(instance)),
            None => Ok(()),
        }
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
