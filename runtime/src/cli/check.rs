//! `neurath check`.

use crate::cli::input::Session;
use crate::cli::{Answer, Exit};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the verb.
pub fn run(_args: Args, _session: &mut Session) -> Answer {
    Ok(Exit::Done)
}
