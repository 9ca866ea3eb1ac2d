//! `neurath replay`: a saved run once more, checked step by step, and told.
//!
//! Nothing in the file is believed: flow and updates are validated and planned again, each step must be open where it
//! is taken, and at the end the property that the file names must be broken (or none, if it names none).

use crate::cli::input::Session;
use crate::cli::pictures::Pictures;
use crate::cli::{Answer, Exit, SCHEMA_VERSION};
use neurath_sim::narrate::{narrate, narrate_round};
use neurath_sim::schedule::{Saved, to_trace};
use serde_json::json;
use std::path::PathBuf;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run saved by `neurath check --save` or `neurath sim --save`.
    file: PathBuf,
    /// Print the run as a trace instead.
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    pictures: Pictures,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let (source, text) = session.read(&args.file)?;
    let saved = Saved::parse(&source, &text)?;
    let (instance, choices, breach) = saved.replay()?;
    let found = breach.as_ref().map(|breach| breach.property);
    let as_saved = found == saved.property.as_deref();
    if args.trace {
        session.say(to_trace(&instance, saved.flow, saved.catalogue, &saved.updates, &choices));
    } else if session.json() {
        session.value(&json!({
            "schema_version": SCHEMA_VERSION,
            "source": source,
            "as_saved": as_saved,
            "saved_breach": saved.property,
            "breach": breach.map(|b| json!({ "property": b.property, "story": b.story })),
            "round": saved.round,
            "run": saved.run,
        }));
    } else {
        let story = match (saved.round, &breach) {
            (Some(round), Some(breach)) => narrate_round(&instance, &choices, round, breach),
            (Some(_), None) | (None, _) => narrate(&instance, &choices),
        };
        session.say(format_args!("{story}\n"));
    }
    args.pictures.write(&source, &instance, &choices, session)?;
    if !as_saved {
        let named = |code: Option<&str>| code.unwrap_or("no property").to_owned();
        let (saved, found) = (named(saved.property.as_deref()), named(found));
        session.tell(format_args!("{source} was saved as a run that breaks {saved}; it breaks {found}"));
    }
    Ok(if as_saved { Exit::Done } else { Exit::Negative })
}
