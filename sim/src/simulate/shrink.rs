//! From a failing run to one that a person can read: the shortest run of a small instance that breaks the same
//! property, or else the failing run itself up to the step that breaks it.
//!
//! A run is not cut down choice by choice: what is left of it would still be of the size the swarm drew. Instead the
//! explorer looks at *all* runs of small instances (one or two packets, arcs for one, one of the updates, then all of
//! them), and what it finds is a shortest run there. If it finds nothing within its budget, the failing run stands.

use super::{Outcome, Swarm, first_breach};
use crate::explore::{Budget, Explorer, Verdict};
use crate::generate::Subject;
use crate::instance::{Bounds, Fault, Instance};
use crate::system::Breach;
use neurath_model::choice::Choice;
use neurath_model::plan::Plan;
use neurath_model::update::Update;

/// A failing run, made small.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The instance it is a run of.
    pub instance: Instance,
    /// Its updates.
    pub updates: Vec<Update>,
    /// The run.
    pub choices: Vec<Choice>,
    /// What is wrong at its end.
    pub breach: Breach,
    /// Whether it is a shortest run of its instance; if not, it is the failing run up to its breach.
    pub shortest: bool,
}

/// Shrinks the failing run of an outcome. The budget is for each of the small instances, of which there are at most
/// four times the updates and four.
///
/// # Panics
/// If the outcome has no breach.
pub fn shrink(subject: &Subject, outcome: &Outcome, fault: Option<Fault>, budget: Budget) -> Shrunk {
    let breach = outcome.breach.clone().expect("only a failing run is shrunk");
    let small = sets(subject, &outcome.swarm)
        .into_iter()
        .flat_map(|updates| bounds(outcome.swarm.bounds).into_iter().map(move |bounds| (updates.clone(), bounds)));
    for (updates, bounds) in small {
        if let Some(found) = search(subject, updates, bounds, fault, breach.property, budget)
            && found.choices.len() <= outcome.choices.len()
        {
            return found;
        }
    }
    let instance = outcome.swarm.instance(subject, fault);
    let (length, breach) = first_breach(&instance, &outcome.choices).unwrap_or((outcome.choices.len(), breach));
    let choices = outcome.choices[..length].to_vec();
    Shrunk { instance, updates: outcome.swarm.updates.clone(), choices, breach, shortest: false }
}

type Planned = Vec<(Update, Plan)>;

/// Each update alone, if it can be planned without those before it, and then all of them.
fn sets(subject: &Subject, swarm: &Swarm) -> Vec<Planned> {
    let updates = &swarm.updates[..];
    let alone = updates.iter().map(std::slice::from_ref).filter(|_| updates.len() > 1);
    alone.chain([updates]).filter_map(|set| subject.planned(set, swarm.scheduler).ok()).collect()
}

/// Smaller bounds, smallest first. Ends and hangups come in only where the failing run had them.
fn bounds(failing: Bounds) -> Vec<Bounds> {
    let quiet = |packets| Bounds { packets, capacity: 1, ends: false, hangups: false };
    let busy = |packets| Bounds { packets, capacity: 1, ..failing };
    let mut bounds = vec![quiet(1), busy(1), quiet(2), busy(2)];
    bounds.retain(|b| b.packets <= failing.packets);
    bounds.dedup();
    bounds
}

fn search(
    subject: &Subject,
    planned: Planned,
    bounds: Bounds,
    fault: Option<Fault>,
    property: &'static str,
    budget: Budget,
) -> Option<Shrunk> {
    let (updates, plans): (Vec<Update>, Vec<Plan>) = planned.into_iter().unzip();
    let plain = Instance::new(&subject.graph, &plans, bounds);
    let instance = fault.map_or(plain.clone(), |fault| plain.with_fault(fault));
    match Explorer::new(&instance).only(&[property]).budget(budget).run().verdict {
        Verdict::Breached { breach, run, .. } => {
            Some(Shrunk { instance, updates, choices: run, breach, shortest: true })
        }
        Verdict::Holds | Verdict::Undecided { .. } => None,
    }
}
