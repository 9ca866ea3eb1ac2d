//! `neurath plan`: what an update would do, operator by operator, and why it is safe.

use crate::cli::input::Session;
use crate::cli::{Answer, Exit, SCHEMA_VERSION, words};
use neurath_model::diagnostic::Diagnostics;
use neurath_model::graph::FlowGraph;
use neurath_model::id::OperatorId;
use neurath_model::plan::{Pass, Plan, Scheduler, plan};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The flow: `.fbp`, or FBP JSON if the name ends in `.json`.
    flow: PathBuf,
    /// The update, or the flow to change to.
    update: PathBuf,
    /// A file of component declarations, for components that are not compiled in.
    #[arg(long, value_name = "FILE")]
    components: Vec<PathBuf>,
    /// How the update travels: `stop-the-world`, `direct`, `dependent`, `epoch` or `scoped`.
    #[arg(long, value_name = "NAME")]
    scheduler: Option<Scheduler>,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let (before, plan) = planned(&args, session)?;
    if session.json() {
        session.value(&as_json(&plan, &before));
    } else {
        session.say(words::hanging(&plan.explain(&before)));
    }
    Ok(Exit::Done)
}

fn planned(args: &Args, session: &mut Session) -> Result<(FlowGraph, Plan), Diagnostics> {
    let catalogue = session.catalogue(&args.components)?;
    let before = session.graph(&args.flow, &catalogue)?;
    let (update, map) = session.update(&args.update)?;
    let plan = plan(&before, &update, &map, &catalogue, args.scheduler)?;
    Ok((before, plan))
}

/// A plan with names where the model has ids.
fn as_json(plan: &Plan, before: &FlowGraph) -> Value {
    let name = |id: &OperatorId| before.operator(*id).name.as_str();
    let names = |ids: &[OperatorId]| ids.iter().map(name).collect::<Vec<_>>();
    let extension: Vec<&str> = plan.extension.iter().map(|id| plan.after.operator(*id).name.as_str()).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "update": plan.update,
        "scheduler": plan.scheduler,
        "promise": plan.scheduler.promise(),
        "guarantee": plan.guarantee,
        "reason": plan.reason,
        "other_schedulers": plan.alternatives(before),
        "scope": names(&plan.scope),
        "heads": names(&plan.route.heads),
        "passes": object(plan.route.passes.iter().map(|(id, pass)| (name(id).to_owned(), passing(*id, pass, before)))),
        "actions": object(plan.actions.iter().map(|(id, actions)| (name(id).to_owned(), json!(actions)))),
        "switches": object(plan.switches.iter().map(|(port, actions)| (before.input_name(*port), json!(actions)))),
        "retired": names(&plan.retired),
        "extension": extension,
        "reconnections": plan.reconnections,
        "after": plan.after.to_flow(),
    })
}

fn object(fields: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(fields.collect())
}

/// How the marker passes an operator, by the names of its ports.
fn passing(at: OperatorId, pass: &Pass, before: &FlowGraph) -> Value {
    let component = &before.operator(at).component;
    let awaited = pass.awaited.iter().map(|port| component.inputs[usize::from(port.0)].name.as_str());
    let forward = pass.forward.iter().map(|port| component.outputs[usize::from(port.0)].name.as_str());
    json!({
        "enters": pass.commanded,
        "awaited": awaited.collect::<Vec<_>>(),
        "forward": forward.collect::<Vec<_>>(),
        "last": pass.last,
    })
}
