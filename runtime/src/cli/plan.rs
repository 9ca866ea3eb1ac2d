//! `neurath plan`: what an update would do, operator by operator, and why it is safe.

use crate::cli::input::Session;
use crate::cli::{Answer, Exit, SCHEMA_VERSION, words};
use neurath_model::diagnostic::Diagnostics;
use neurath_model::graph::FlowGraph;
use neurath_model::plan::{Plan, Scheduler, plan};
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
    let name = |id| before.operator(id).name.as_str();
    let actions: serde_json::Map<String, Value> =
        plan.actions.iter().map(|(id, actions)| (name(*id).to_owned(), json!(actions))).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "update": plan.update,
        "scheduler": plan.scheduler,
        "promise": plan.scheduler.promise(),
        "guarantee": plan.guarantee,
        "reason": plan.reason,
        "scope": plan.scope.iter().map(|id| name(*id)).collect::<Vec<_>>(),
        "actions": actions,
        "after": plan.after.to_flow(),
    })
}
