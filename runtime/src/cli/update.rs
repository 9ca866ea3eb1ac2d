//! `neurath update`: against a running flow.

use crate::admin::{self, AppliedReply, Ask, Reply};
use crate::cli::input::Session;
use crate::cli::{Answer, Exit, Failure, SCHEMA_VERSION};
use crate::engine::Status;
use neurath_model::diagnostic::{Code, Diagnostics};
use std::path::PathBuf;

/// Arguments of `neurath update`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The admin socket of the runtime, as `neurath serve` printed it [default: neurath.sock in $XDG_RUNTIME_DIR, or
    /// else /tmp/neurath-UID.sock].
    #[arg(long, global = true, value_name = "PATH")]
    admin: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Check an update against the running flow, and apply it.
    Apply {
        /// The update file.
        update: PathBuf,
    },
    /// Show what runs, and what is under way.
    Status,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let path = args.admin.unwrap_or_else(admin::default_path);
    let ask = match args.verb {
        Verb::Status => Ask::Status,
        Verb::Apply { update } => {
            let (source, text) = session.read(&update)?;
            Ask::Apply { source, text }
        }
    };
    match admin::ask(&path, ask).map_err(unreachable)? {
        Reply::Refused(diagnostics) => Err(diagnostics.into()),
        Reply::Status(status) => {
            print_status(&status, session);
            Ok(Exit::Done)
        }
        Reply::Applied(applied) => {
            print_applied(&applied, session);
            Ok(Exit::Done)
        }
    }
}

fn unreachable(diagnostics: Diagnostics) -> Failure {
    let gone = diagnostics.0.iter().any(|d| d.code == Code::R02);
    Failure { diagnostics, exit: if gone { Exit::Unreachable } else { Exit::Negative } }
}

fn print_status(status: &Status, session: &mut Session) {
    if session.json() {
        return session.value(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "status": status }));
    }
    session.line(format_args!("flow {}", status.flow));
    let width = status.operators.iter().map(|o| o.name.len()).max().unwrap_or(0);
    for operator in &status.operators {
        let since = match operator.version.0 {
            0 => "since the start".to_owned(),
            update => format!("since update {update}"),
        };
        session.line(format_args!("  {:width$}  {}  {since}", operator.name, operator.component));
    }
    session.line(format_args!("updates applied: {}", status.applied.len()));
    match &status.in_flight {
        Some(update) => session.line(format_args!("in flight: {update}")),
        None => session.line(format_args!("in flight: none")),
    }
    if let Some(failure) = &status.failure {
        session.line(format_args!("FAILED: {failure}"));
    }
}

fn print_applied(applied: &AppliedReply, session: &mut Session) {
    if session.json() {
        return session.value(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "applied": applied }));
    }
    let admission = &applied.admission;
    session.line(format_args!(
        "checked: {} ({} states in {:.1} ms)",
        admission.verdict,
        admission.states,
        ms(admission.micros)
    ));
    session.line(format_args!("applied: update {} `{}`", applied.update, applied.name));
    for (operator, us) in &applied.operators {
        session.line(format_args!("  {operator} changed after {:.3} ms", ms(*us)));
    }
    session.line(format_args!("  answered after {:.3} ms", ms(applied.answered_us)));
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}
