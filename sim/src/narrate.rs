//! A run told to a person.
//!
//! ```text
//!     1  environment  submits update `nio`
//!   > 6  load         is changed by `nio`: http/load@1 -> http/load@nio
//!   > 7  load         (http/load@nio) takes read#0 from IN, emits OUT
//!   > 9  reply        (http/reply@1) takes read#0 from IN, holds it   <-- S4: read#0 is processed by ...
//!
//! read#0: load on http/load@nio (after `nio`), reply on http/reply@1 (before `nio`)
//! ```
//!
//! The run is taken once more, step by step, and told from what the properties see of it, so the story cannot differ from
//! what was judged. A step is marked `>` where it concerns the lineages and updates that the breach names. Which version
//! processes a packet is said of the operators that some update changes; of the others there is only one.

mod step;
#[cfg(test)]
mod tests;

use crate::instance::Instance;
use crate::observation::Observation;
use crate::system::Breach;
use crate::update_set::UpdateSet;
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::id::{Lineage, OperatorId, UpdateId, Version};
use std::collections::BTreeSet;
use std::fmt;

/// A run in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// A line for each step.
    pub lines: Vec<StoryLine>,
    /// For each lineage concerned, which versions processed it.
    pub lineages: Vec<String>,
    /// What is wrong at the end, and where it was noticed: the step from 1, or `None` where the run has ended.
    pub breach: Option<(Breach, Option<usize>)>,
    /// Of a run that goes round for ever, how many steps lie before the round.
    pub round: Option<usize>,
}

/// A step in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryLine {
    /// Its number, from 1.
    pub step: usize,
    /// Who steps: an operator, or the environment.
    pub operator: String,
    /// What it does.
    pub text: String,
    /// Whether a lineage or an update that the breach names is concerned.
    pub concerned: bool,
}

/// Where a lineage was processed by an operator that changes.
struct Firing {
    lineage: Lineage,
    at: OperatorId,
    version: Version,
    /// The updates applied there by then.
    applied: UpdateSet,
}

/// What a step deals with.
#[derive(Default)]
struct Concerns {
    lineages: BTreeSet<Lineage>,
    updates: BTreeSet<UpdateId>,
}

/// Tells a run.
///
/// # Panics
/// If a choice is not open where it is to be taken: replay a run first that comes from elsewhere.
pub fn narrate(instance: &Instance, choices: &[Choice]) -> Story {
    narrate_as_judged(instance, choices, |_| true)
}

/// Tells a run, as far as breaches go only of the properties that `judged` names.
///
/// # Panics
/// As [`narrate`].
pub fn narrate_as_judged(instance: &Instance, choices: &[Choice], judged: impl Fn(&str) -> bool) -> Story {
    told(instance, choices, judged, None)
}

/// Tells a run that goes round for ever, once round, and what that breaks: from the state after `round` steps it comes back to there.
///
/// # Panics
/// As [`narrate`].
pub fn narrate_round(instance: &Instance, choices: &[Choice], round: usize, breach: &Breach) -> Story {
    told(instance, choices, |_| false, Some((round, breach)))
}

fn told(
    instance: &Instance,
    choices: &[Choice],
    judged: impl Fn(&str) -> bool,
    lasso: Option<(usize, &Breach)>,
) -> Story {
    let mut world = World::new(instance);
    let (mut told, mut firings, mut breach) = (Vec::new(), Vec::new(), None);
    for (i, choice) in choices.iter().enumerate() {
        let mut seen = Vec::new();
        world.step(instance, choice, &mut |observation| seen.push(observation.clone()));
        firings.extend(seen.iter().filter_map(|o| Firing::of(instance, &world, o)));
        told.push((step::tell(instance, &world, choice, &seen), Concerns::of(choice, &seen)));
        if breach.is_none() {
            breach = world.judge(instance, false, &judged).map(|breach| (breach, Some(i + 1)));
        }
    }
    let breach = match lasso {
        Some((_, breach)) => Some((breach.clone(), None)),
        None => breach.or_else(|| at_end(instance, &world, judged).map(|breach| (breach, None))),
    };
    let named = Named::of(instance, &firings, breach.as_ref().map(|(breach, _)| breach));
    let operator = |choice: &Choice| choice.at().map_or("environment".to_owned(), |at| instance.name(at).into());
    let line = |(i, (text, concerns)): (usize, (String, Concerns))| StoryLine {
        step: i + 1,
        operator: operator(&choices[i]),
        text,
        concerned: breach.is_some() && named.are_in(&concerns),
    };
    let lines = told.into_iter().enumerate().map(line).collect();
    let round = lasso.map(|(round, _)| round);
    Story { lines, lineages: named.summaries(instance, &firings), breach, round }
}

fn at_end(instance: &Instance, world: &World, judged: impl Fn(&str) -> bool) -> Option<Breach> {
    let mut open = Vec::new();
    world.choices(instance, &mut open);
    world.judge(instance, open.is_empty(), judged)
}

impl Firing {
    fn of(instance: &Instance, world: &World, observation: &Observation) -> Option<Self> {
        let Observation::Fired { at, version, lineage } = *observation else { return None };
        let changes = instance.update_ids().any(|u| instance.update(u).changes(at));
        changes.then(|| Self { lineage, at, version, applied: world.net.cell(at).applied })
    }

    /// `load on http/load@nio (after `nio`)`.
    fn tell(&self, instance: &Instance) -> String {
        let changing = instance.update_ids().filter(|u| instance.update(*u).changes(self.at));
        let sides: Vec<String> = changing
            .map(|u| {
                let side = if self.applied.contains(u) { "after" } else { "before" };
                format!("{side} `{}`", instance.update(u).name)
            })
            .collect();
        let component = &instance.behaviour(self.at, self.version).component;
        format!("{} on {component} ({})", instance.name(self.at), sides.join(", "))
    }
}

impl Concerns {
    fn of(choice: &Choice, seen: &[Observation]) -> Self {
        let mut concerns = Self::default();
        if let Choice::Deliver { mail, .. } = choice {
            concerns.updates.extend(mail.update());
        }
        for observation in seen {
            match observation {
                Observation::Began { lineage, .. }
                | Observation::Sent { lineage, .. }
                | Observation::Taken { lineage, .. }
                | Observation::Fired { lineage, .. }
                | Observation::Held { lineage, .. }
                | Observation::Released { lineage, .. }
                | Observation::Discarded { lineage, .. } => {
                    concerns.lineages.insert(*lineage);
                }
                Observation::Submitted { update }
                | Observation::Applied { update, .. }
                | Observation::Disconnected { update, .. }
                | Observation::Answered { update, .. } => {
                    concerns.updates.insert(*update);
                }
                // Passing a marker on, and the end of what was told before, are not the story.
                Observation::HandedOver { .. }
                | Observation::Attached { .. }
                | Observation::Gone { .. }
                | Observation::Marked { .. }
                | Observation::Passed { .. }
                | Observation::Ended { .. }
                | Observation::Stepped => {}
            }
        }
        concerns
    }
}

/// The lineages and updates that a story is about: those that the breach names, or all that met a change.
struct Named {
    lineages: BTreeSet<Lineage>,
    updates: BTreeSet<UpdateId>,
}

impl Named {
    fn of(instance: &Instance, firings: &[Firing], breach: Option<&Breach>) -> Self {
        let all = || firings.iter().map(|f| f.lineage);
        let Some(breach) = breach else {
            return Self { lineages: all().collect(), updates: instance.update_ids().collect() };
        };
        // A breach names lineages `read#0` and updates in backticks.
        let words: BTreeSet<&str> = breach.story.split(|c: char| c.is_whitespace() || ",:;`".contains(c)).collect();
        let quoted = |u: &UpdateId| breach.story.contains(&format!("`{}`", instance.update(*u).name));
        Self {
            lineages: lineages(instance).filter(|l| words.contains(instance.lineage_name(*l).as_str())).collect(),
            updates: instance.update_ids().filter(quoted).collect(),
        }
    }

    fn are_in(&self, concerns: &Concerns) -> bool {
        !self.lineages.is_disjoint(&concerns.lineages) || !self.updates.is_disjoint(&concerns.updates)
    }

    fn summaries(&self, instance: &Instance, firings: &[Firing]) -> Vec<String> {
        let summary = |lineage: &Lineage| {
            let firings = firings.iter().filter(|f| f.lineage == *lineage).map(|f| f.tell(instance));
            let met = firings.collect::<Vec<_>>().join(", ");
            let met = if met.is_empty() { "met no operator that changes" } else { &met };
            format!("{}: {met}", instance.lineage_name(*lineage))
        };
        self.lineages.iter().map(summary).collect()
    }
}

/// Every lineage that could begin in an instance.
fn lineages(instance: &Instance) -> impl Iterator<Item = Lineage> {
    let operators = instance.program.operators().map(|(at, _)| at);
    operators.flat_map(|at| (0..instance.bounds.packets).map(move |number| Lineage::new(at, number)))
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|line| line.operator.chars().count()).max().unwrap_or(0);
        let digits = self.lines.len().to_string().len();
        for StoryLine { step, operator, text, concerned } in &self.lines {
            if self.round.is_some_and(|round| round + 1 == *step) {
                writeln!(f, "and from here round and round:")?;
            }
            let mark = if *concerned { '>' } else { ' ' };
            write!(f, "{mark} {step:digits$}  {operator:width$}  {text}")?;
            match &self.breach {
                Some((breach, Some(at))) if at == step => writeln!(f, "   <-- {}: {}", breach.property, breach.story)?,
                Some(_) | None => writeln!(f)?,
            }
        }
        writeln!(f)?;
        for lineage in &self.lineages {
            writeln!(f, "{lineage}")?;
        }
        match (&self.breach, self.round) {
            (Some((breach, Some(step))), _) => {
                write!(f, "{} is broken by step {step}: {}", breach.property, breach.story)
            }
            (Some((breach, None)), Some(round)) => {
                let (first, last) = (round + 1, self.lines.len());
                let again = if first == last { format!("step {last}") } else { format!("steps {first} to {last}") };
                write!(f, "{} is broken, for {again} can be taken for ever: {}", breach.property, breach.story)
            }
            (Some((breach, None)), None) => {
                write!(f, "{} is broken, for nothing can happen any more: {}", breach.property, breach.story)
            }
            (None, _) => write!(f, "no property is broken"),
        }
    }
}
