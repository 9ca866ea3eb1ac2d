//! `neurath update`: against a running flow.

use crate::admin::{self, AppliedReply, Ask, PendingStatus, Reply};
use crate::cli::input::Session;
use crate::cli::{Answer, Exit, Failure, SCHEMA_VERSION};
use crate::engine::status::{OperatorStatus, PastStatus, Status, UpdateStatus};
use neurath_model::diagnostic::{Code, Diagnostics};
use neurath_model::plan::Scheduler;
use std::collections::BTreeSet;
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
        /// The update file, or a flow file to change to.
        update: PathBuf,
        /// How the update travels: `scoped`, `epoch`, `dependent` or `stop-the-world`; chosen by guarantee and scope if not given.
        #[arg(long, value_name = "NAME")]
        scheduler: Option<Scheduler>,
    },
    /// Show what runs, what is under way, and who holds it up.
    Status,
    /// Abort an update that is not committed yet.
    Abort {
        /// The update's name.
        update: String,
    },
    /// Take back the last update that was applied.
    Rollback,
    /// List what was applied, or apply one of it again.
    History {
        /// Apply the update of this number again.
        #[arg(long, value_name = "NUMBER")]
        replay: Option<u32>,
    },
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let path = args.admin.unwrap_or_else(admin::default_path);
    let ask = match args.verb {
        Verb::Status => Ask::Status,
        Verb::Apply { update, scheduler } => Ask::Apply { files: session.update_files(&update)?, scheduler },
        Verb::Abort { update } => Ask::Abort { update },
        Verb::Rollback => Ask::Rollback,
        Verb::History { replay: Some(update) } => Ask::Replay { update },
        Verb::History { replay: None } => Ask::History,
    };
    match admin::ask(&path, ask).map_err(unreachable)? {
        Reply::Refused(diagnostics) => Err(diagnostics.into()),
        Reply::Status(status, pending) => {
            print_status(&status, &pending, session);
            Ok(Exit::Done)
        }
        Reply::History(past) => {
            print_history(&past, session);
            Ok(Exit::Done)
        }
        Reply::Aborted(update) => {
            if session.json() {
                session.value(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "aborted": update }));
            } else {
                session.line(format_args!("aborted: update `{update}` will not be committed"));
            }
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

fn print_status(status: &Status, pending: &[PendingStatus], session: &mut Session) {
    if session.json() {
        let value = serde_json::json!({ "schema_version": SCHEMA_VERSION, "status": status, "pending": pending });
        return session.value(&value);
    }
    session.line(format_args!("flow {}", status.flow));
    let width = status.operators.iter().map(|o| o.name.len()).max().unwrap_or(0);
    for operator in &status.operators {
        let since = match operator.version.0 {
            0 => "since the start".to_owned(),
            update => format!("since update {update}"),
        };
        let OperatorStatus { name, component, home, .. } = operator;
        session.line(format_args!("  {name:width$}  {component}  {since}{home}"));
    }
    for operator in &status.leaving {
        session.line(format_args!("  {operator:width$}  has retired, and finishes what it holds"));
    }
    if status.shards > 1 {
        session.line(format_args!("shards: {}", status.shards));
    }
    session.line(format_args!("threads: {}", status.threads));
    session.line(format_args!("updates applied: {}", status.applied));
    for update in pending {
        session.line(format_args!("not committed: {}, {}", update.name, update.phase));
    }
    if status.in_flight.is_empty() {
        session.line(format_args!("in flight: none"));
    }
    for update in &status.in_flight {
        print_in_flight(update, status.shards, session);
    }
    if let Some(failure) = &status.failure {
        session.line(format_args!("FAILED: {failure}"));
    }
}

fn print_in_flight(update: &UpdateStatus, shards: usize, session: &mut Session) {
    let (passed, all) = update.passed;
    session.line(format_args!(
        "in flight: update {} `{}` by {}, for {:.1} ms; its marker has passed {passed} of {all} operators",
        update.update,
        update.name,
        update.scheduler,
        ms(update.for_us)
    ));
    for held in &update.held_up_by {
        let shard = if shards > 1 { format!(" in shard {}", held.shard) } else { String::new() };
        session.line(format_args!("  {}{shard} {}", held.operator, held.why));
    }
}

fn print_history(past: &[PastStatus], session: &mut Session) {
    if session.json() {
        return session.value(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "history": past }));
    }
    if past.is_empty() {
        session.line(format_args!("no update was applied"));
    }
    for past in past {
        let parts = [("changed", &past.changed), ("came", &past.came), ("went", &past.went)];
        let told = parts.into_iter().filter(|(_, names)| !names.is_empty());
        let told: Vec<String> = told.map(|(what, names)| format!("{what} {}", names.join(", "))).collect();
        session.line(format_args!(
            "{:>4}  {}  by {}, {:.3} ms: {}",
            past.update,
            past.name,
            past.scheduler,
            ms(past.took_us),
            told.join("; ")
        ));
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
    let [came, went] = [&applied.came, &applied.went].map(|names| names.iter().collect::<BTreeSet<_>>());
    for (operator, us) in &applied.operators {
        if came.contains(operator) {
            session.line(format_args!("  {operator} came"));
        } else {
            let what = if went.contains(operator) { "went" } else { "changed" };
            session.line(format_args!("  {operator} {what} after {:.3} ms", ms(*us)));
        }
    }
    session.line(format_args!("  answered after {:.3} ms", ms(applied.answered_us)));
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}
