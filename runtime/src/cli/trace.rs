//! `neurath trace`: traces of real runs, held against the model.

use crate::cli::input::Session;
use crate::cli::{Answer, Exit, SCHEMA_VERSION};
use neurath_model::diagnostic::Diagnostics;
use neurath_model::trace::Trace;
use neurath_sim::conformance::verify;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Replay a trace through the protocol: is the run a behaviour of the model, complete, and correct?
    Verify {
        /// A trace, written by `neurath serve --trace`, `neurath demo --trace` or `neurath sim --trace`.
        file: PathBuf,
    },
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    match args.verb {
        Verb::Verify { file } => verified(&file, session),
    }
}

fn verified(file: &Path, session: &mut Session) -> Answer {
    let (source, text) = session.read(file)?;
    let trace = Trace::parse(&source, &text)?;
    let verified = verify(&trace).map_err(|wrong| Diagnostics(vec![wrong]))?;
    if session.json() {
        session.value(&json!({
            "schema_version": SCHEMA_VERSION,
            "source": source,
            "verified": {
                "lines": verified.lines,
                "operators": verified.operators,
                "updates": verified.updates,
                "lineages": verified.lineages,
                "judged": verified.judged,
            },
        }));
    } else {
        session.say(format_args!("{source} is {verified}\n"));
    }
    Ok(Exit::Done)
}
