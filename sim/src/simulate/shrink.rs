//! From a failing run to one that a person can read: a run of a small instance that breaks the same property.
//!
//! ```text
//!   graph and updates      operators go, changes go, updates go       each time as long as some run still breaks the property:
//!   bounds                 fewer packets, arcs for one                the failing run, as far as it fits; or one drawn at random
//!   run                    the explorer's shortest, or else the failing run without the steps that can be left out
//!   schedule               steps of one operator together, as far as the run then is still a run
//! ```
//!
//! A run is not cut down alone: what is left of it would still be of the size the swarm drew. So the instance is made small
//! first, and a run of *that* is looked for. Where all runs of it can be explored, what is found is a shortest. If nothing of
//! this works, the failing run stands, up to the step that breaks the property.

mod case;
mod schedule;

use super::{Outcome, first_breach};
use crate::explore::{Budget, Explorer, Verdict};
use crate::generate::Subject;
use crate::instance::{Bounds, Fault, Instance};
use crate::schedule::lines;
use crate::system::Breach;
use case::{Case, Failure};
use neurath_model::choice::Choice;
use neurath_model::graph::FlowGraph;
use neurath_model::update::Update;

/// A failing run, made small.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The flow, perhaps without some of its operators.
    pub graph: FlowGraph,
    /// The instance it is a run of.
    pub instance: Instance,
    /// Its updates.
    pub updates: Vec<Update>,
    /// The run.
    pub choices: Vec<Choice>,
    /// What is wrong at its end.
    pub breach: Breach,
    /// Whether it is a shortest run of its instance.
    pub shortest: bool,
    /// The operators of the flow that were left out.
    pub dropped: Vec<String>,
}

impl Shrunk {
    /// How often the run goes on at another operator.
    pub fn switches(&self) -> usize {
        schedule::switches(&self.choices)
    }
}

/// Shrinks the failing run of an outcome. The budget is for each of at most four explorations.
///
/// # Panics
/// If the outcome has no breach.
pub fn shrink(subject: &Subject, outcome: &Outcome, fault: Option<Fault>, budget: Budget) -> Shrunk {
    let breach = outcome.breach.clone().expect("only a failing run is shrunk");
    let property = breach.property;
    let instance = outcome.swarm.instance(fault);
    let guide = lines(&instance, outcome.swarm.updates(), &outcome.choices);
    let whole = Case::of(subject, &outcome.swarm);
    let failing = Failure::by_guide(&whole, subject, fault, property, &guide);
    let Some(failing) = failing else { return as_it_is(subject, outcome, instance, breach) };
    let (case, failing) = case::reduced(subject, whole, failing, fault, property);
    let found =
        explored(&case, subject, fault, property, budget).filter(|f| f.1.choices.len() <= failing.choices.len());
    let (shortest, (case, failing)) = match found {
        Some((case, found)) => (true, (case, found)),
        None => (false, (case, schedule::without_needless_steps(failing, property))),
    };
    let Failure { instance, choices, .. } = failing;
    let choices = schedule::with_fewest_switches(&instance, choices, property);
    let (length, breach) = first_breach(&instance, &choices).expect("each change of the run was tried");
    let kept: Vec<&str> = case.graph.operators().map(|(_, node)| node.name.as_str()).collect();
    let names = subject.graph.operators().map(|(_, node)| node.name.clone());
    let dropped = names.filter(|name| !kept.contains(&name.as_str())).collect();
    let updates = case.updates.iter().map(|(update, _)| update.clone()).collect();
    let choices = choices[..length].to_vec();
    Shrunk { graph: case.graph, instance, updates, choices, breach, shortest, dropped }
}

/// The failing run, up to the step that breaks the property.
fn as_it_is(subject: &Subject, outcome: &Outcome, instance: Instance, breach: Breach) -> Shrunk {
    let (length, breach) = first_breach(&instance, &outcome.choices).unwrap_or((outcome.choices.len(), breach));
    Shrunk {
        graph: subject.graph.clone(),
        instance,
        updates: outcome.swarm.updates().to_vec(),
        choices: outcome.choices[..length].to_vec(),
        breach,
        shortest: false,
        dropped: Vec::new(),
    }
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

/// A shortest run of the case within the smallest bounds in which there is any.
fn explored(
    case: &Case,
    subject: &Subject,
    fault: Option<Fault>,
    property: &'static str,
    budget: Budget,
) -> Option<(Case, Failure)> {
    bounds(case.bounds).into_iter().find_map(|bounds| {
        let small = Case { bounds, ..case.clone() };
        let instance = small.instance(subject, fault)?;
        match Explorer::new(&instance).only(&[property]).budget(budget).run().verdict {
            // Of several properties that the run breaks, this one must be the first.
            Verdict::Breached { run, .. } => {
                first_breach(&instance, &run).filter(|(_, breach)| breach.property == property)?;
                Some((small, Failure { instance, choices: run }))
            }
            Verdict::Holds | Verdict::Undecided { .. } => None,
        }
    })
}
