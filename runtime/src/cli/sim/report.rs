//! What a simulation says: how much was tried, what was never met, and a failing run made small.

use super::{Args, Failed};
use crate::cli::SCHEMA_VERSION;
use crate::cli::words::{self, count};
use neurath_sim::ledger::PROPERTIES;
use neurath_sim::narrate::narrate;
use neurath_sim::properties::About;
use neurath_sim::properties::about;
use neurath_sim::schedule::lines;
use neurath_sim::simulate::{Shrunk, Summary};
use serde_json::{Value, json};

/// The report for people.
pub(super) fn text(args: &Args, summary: &Summary, failed: Option<&Failed>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| words::field(&mut text, name, &value);
    line("flow", flow(args).unwrap_or("grown from each seed".into()));
    line("updates", updates(args));
    line("runs", format!("{} of seeds {}..{}", summary.runs, args.seeds.start, args.seeds.end));
    line("steps", summary.steps.to_string());
    line("lineages", format!("{} begun", summary.lineages));
    line("applied", count(summary.applied as usize, "update"));
    if args.updates.is_empty() {
        line("refused", format!("{} by the planner", count(summary.refused as usize, "draw")));
    }
    line("disturbed", count(summary.disturbed as usize, "run"));
    let [submitter, operator, runtime] = summary.crashed;
    line("crashed", format!("the submitter in {submitter}, an operator in {operator}, the runtime in {runtime}"));
    for (about, runs) in witnesses(summary) {
        let met = if runs == 0 { "never".into() } else { format!("in {}", count(runs as usize, "run")) };
        line("witness", format!("{:<4}{met}: {}", about.code, about.witness));
    }
    text.push('\n');
    match failed {
        None => text.push_str("no property was broken\n"),
        Some(failed) => text.push_str(&failure(failed)),
    }
    text
}

fn flow(args: &Args) -> Option<String> {
    args.flow.as_ref().map(|path| path.display().to_string())
}

fn updates(args: &Args) -> String {
    let files: Vec<String> = args.updates.iter().map(|path| path.display().to_string()).collect();
    let what = if files.is_empty() { "drawn from the seed".into() } else { files.join(", ") };
    let fault = args.fault.map(|fault| format!("; with the fault {fault}")).unwrap_or_default();
    let by = args.scheduler.map_or("by schedulers drawn for each".into(), |s| format!("by scheduler {s}"));
    format!("{what}, {by}{fault}")
}

fn witnesses(summary: &Summary) -> impl Iterator<Item = (&'static About, u64)> + '_ {
    PROPERTIES.iter().zip(summary.witnesses.iter().map(|(_, runs)| *runs))
}

fn failure(failed: &Failed) -> String {
    let Failed { outcome, shrunk, command } = failed;
    let Shrunk { instance, choices, breach, shortest, dropped, .. } = shrunk;
    let name = about(breach.property).map_or("", |about| about.name);
    let steps = count(choices.len(), "step");
    let which = if *shortest {
        format!("a shortest run that breaks it, {steps} where the seed's run took {}", outcome.choices.len())
    } else {
        format!("the seed's run made small, {steps} where it took {}", outcome.choices.len())
    };
    let without =
        if dropped.is_empty() { String::new() } else { format!(", in the flow without {}", dropped.join(", ")) };
    format!(
        "FAILED: seed {} breaks {} ({name}): {}\n\n{}\n\n{which}{without}:\n\n{}\n\nto run it again:\n  {command}\n",
        outcome.seed,
        breach.property,
        outcome.breach.as_ref().map_or("", |b| &b.story),
        outcome.swarm,
        narrate(instance, choices),
    )
}

/// The report for programs.
pub(super) fn json(args: &Args, summary: &Summary, failed: Option<&Failed>) -> Value {
    let witnesses: Vec<Value> = witnesses(summary)
        .map(|(about, runs)| json!({ "property": about.code, "witness": about.witness, "runs": runs }))
        .collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "flow": flow(args),
        "updates": args.updates.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        "scheduler": args.scheduler,
        "fault": args.fault.map(|fault| fault.to_string()),
        "seeds": [args.seeds.start, args.seeds.end],
        "runs": summary.runs,
        "steps": summary.steps,
        "lineages": summary.lineages,
        "applied": summary.applied,
        "refused": summary.refused,
        "disturbed": summary.disturbed,
        "crashed": summary.crashed,
        "witnesses": witnesses,
        "failure": failed.map(failure_json),
    })
}

fn failure_json(failed: &Failed) -> Value {
    let Failed { outcome, shrunk, command } = failed;
    json!({
        "seed": outcome.seed,
        "property": shrunk.breach.property,
        "story": outcome.breach.as_ref().map(|breach| &breach.story),
        "configuration": outcome.swarm.to_string(),
        "command": command,
        "steps": outcome.choices.len(),
        "digest": format!("{:016x}", outcome.digest),
        "shrunk": {
            "shortest": shrunk.shortest,
            "switches": shrunk.switches(),
            "dropped": shrunk.dropped,
            "story": shrunk.breach.story,
            "bounds": shrunk.instance.bounds,
            "updates": shrunk.updates,
            "run": lines(&shrunk.instance, &shrunk.updates, &shrunk.choices),
        },
    })
}
