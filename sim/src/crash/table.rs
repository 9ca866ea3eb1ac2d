//! The crash table: one update, step by step, and what a crash after each step leaves.

use super::{Aftermath, Fate, Who, disagreement};
use crate::instance::Instance;
use crate::observation::Observation;
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::id::{OperatorId, UpdateId};
use std::fmt::Write;

/// A moment in the life of an update, and what a crash right after it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What has just happened.
    pub moment: String,
    /// What is left where the submitter, an operator, or the runtime crashes.
    pub left: [Aftermath; 3],
}

/// The life of an instance's first update in one run, with a crash of everybody after each of its steps. The run is that in which
/// the update goes on wherever it can, and everything else happens only where it cannot.
///
/// # Panics
/// If an operator's crash leaves something else than another's does, if what is left does not agree, or if the update is not
/// answered in the end without its submitter: there would be no table.
pub fn table(instance: &Instance) -> Vec<Row> {
    let update = UpdateId(1);
    let mut world = World::new(instance);
    let mut rows = vec![row(instance, &world, update, "it is planned, its functions are built, it is checked".into())];
    let mut open = Vec::new();
    loop {
        open.clear();
        world.choices(instance, &mut open);
        let Some(choice) = open.iter().min_by_key(|choice| rank(&world, choice)) else { return rows };
        let mut moments = Vec::new();
        world.step(instance, choice, &mut |observation| moments.extend(moment(instance, observation)));
        moments.dedup();
        if !moments.is_empty() {
            rows.push(row(instance, &world, update, moments.join("; ")));
        }
    }
}

/// Packets first, until there are two; then whatever an update does; then the rest.
fn rank(world: &World, choice: &Choice) -> u32 {
    match choice {
        Choice::Wake { .. } if world.net.arcs[0].sent < 1 => 0,
        Choice::Submit { .. } => 1,
        Choice::Deliver { .. } | Choice::Mark { .. } | Choice::Attach { .. } => 2,
        Choice::Fire { .. } | Choice::Join { .. } => 3,
        Choice::Wake { .. } | Choice::Ended { .. } | Choice::End => 4,
    }
}

fn moment(instance: &Instance, observation: &Observation) -> Option<String> {
    let name = |at: OperatorId| instance.name(at);
    match observation {
        Observation::Submitted { .. } => {
            Some("**commit**: it is submitted, and its marker is sent to the heads".into())
        }
        Observation::Marked { at, .. } => Some(format!("{} takes the marker", name(*at))),
        Observation::Applied { at, .. } => Some(format!("it is applied at {}", name(*at))),
        Observation::HandedOver { from, to, .. } => Some(format!("{} hands its state to {}", name(*from), name(*to))),
        Observation::Disconnected { at, .. } => Some(format!("{} lets an arc go", name(*at))),
        Observation::Attached { to, .. } => Some(format!("an arc comes to {}", name(to.operator))),
        Observation::Passed { at, .. } => Some(format!("it has passed {}", name(*at))),
        Observation::Gone { at } => Some(format!("{} is retired and released", name(*at))),
        Observation::Answered { .. } => Some("it is **answered**".into()),
        Observation::Began { .. }
        | Observation::Sent { .. }
        | Observation::Taken { .. }
        | Observation::Fired { .. }
        | Observation::Held { .. }
        | Observation::Released { .. }
        | Observation::Discarded { .. }
        | Observation::Ended { .. }
        | Observation::Stepped => None,
    }
}

fn row(instance: &Instance, world: &World, update: UpdateId, moment: String) -> Row {
    assert_eq!(disagreement(instance, world), None, "after: {moment}");
    let mut operators = world.net.operators().map(|at| Aftermath::of(world, update, Who::Operator(at)));
    let operator = operators.next().expect("a flow has operators");
    assert!(operators.all(|other| other == operator), "whose crash it is makes no difference");
    assert_eq!(asked_later(instance, world.clone()), None, "without its submitter an update goes on; after: {moment}");
    let left = [Aftermath::of(world, update, Who::Submitter), operator, Aftermath::of(world, update, Who::Runtime)];
    Row { moment, left }
}

/// Goes on to the end of the run, where nobody waits for the answer; says what is wrong there.
fn asked_later(instance: &Instance, mut world: World) -> Option<crate::system::Breach> {
    let mut open = Vec::new();
    loop {
        open.clear();
        world.choices(instance, &mut open);
        let Some(choice) = open.first() else { return world.judge(instance, true, |_| true) };
        world.step(instance, choice, &mut |_| {});
    }
}

/// The table as it stands in the book.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| after | the submitter crashes | an operator crashes | the runtime crashes |\n|---|---|---|---|\n",
    );
    for Row { moment, left } in rows {
        let cell = |Aftermath { program, fate, told }: &Aftermath| match fate {
            Fate::Runs => format!("{program}, runs; told: {told}"),
            Fate::Failed => format!("{program}, failed; told: {told}"),
            Fate::Gone => format!("{program}, gone; told: {told}"),
        };
        let [submitter, operator, runtime] = left.each_ref().map(cell);
        writeln!(text, "| {moment} | {submitter} | {operator} | {runtime} |").expect("a string takes any text");
    }
    text
}
