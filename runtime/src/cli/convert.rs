//! `neurath convert`: a flow from one text format into the other.
//!
//! Only the text is read and written: whether the flow is valid does not matter. What the target cannot hold (groups and
//! notes of arcs, in FBP text) is refused rather than dropped (P05).

use crate::cli::input::Session;
use crate::cli::{Answer, Exit, SCHEMA_VERSION};
use clap::ValueEnum;
use neurath_model::diagnostic::Diagnostics;
use neurath_model::flow::Flow;
use neurath_model::spec::{fbp, fbp_json};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The flow: `.fbp`, or FBP JSON if the name ends in `.json`.
    input: PathBuf,
    /// Where to write it; `-` for standard output, which needs `--to`.
    #[arg(required_unless_present = "to", default_value = "-")]
    output: PathBuf,
    /// The format to write; without it, the one that the name of OUTPUT says.
    #[arg(long, value_enum, required_if_eq("output", "-"))]
    to: Option<Target>,
}

/// A text format of flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// The FBP DSL.
    Fbp,
    /// FBP graph JSON.
    Json,
}

impl Target {
    fn of(path: &Path) -> Self {
        if path.extension().is_some_and(|e| e == "json") { Self::Json } else { Self::Fbp }
    }

    fn print(self, flow: &Flow) -> Result<String, Diagnostics> {
        match self {
            Self::Fbp => fbp::print(flow),
            Self::Json => Ok(fbp_json::print(flow)),
        }
    }
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let (flow, _) = session.flow(&args.input)?;
    let text = args.to.unwrap_or_else(|| Target::of(&args.output)).print(&flow)?;
    if args.output == Path::new("-") {
        session.say(text);
        return Ok(Exit::Done);
    }
    session.write(&args.output, &text)?;
    let (input, output) = (args.input.display(), args.output.display());
    if session.json() {
        session.value(&json!({
            "schema_version": SCHEMA_VERSION,
            "input": input.to_string(), "output": output.to_string(),
            "operators": flow.operators.len(), "arcs": flow.arcs.len(),
        }));
    } else {
        session.tell(format_args!("{output} holds the flow of {input}"));
    }
    Ok(Exit::Done)
}
