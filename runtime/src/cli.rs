//! The command line: verbs, what they share, and what they answer to the shell.
//!
//! Data goes to standard output, progress and diagnostics to standard error; `--format json` makes both the data and
//! the diagnostics JSON with a `schema_version`. Each verb is a file here: its arguments, and a `run` that gives an
//! [`Exit`] or a [`Failure`].

use clap::{Parser, Subcommand, ValueEnum};
use neurath_model::diagnostic::Diagnostics;
use std::process::ExitCode;

pub mod input;
pub mod render;

pub mod check;
pub mod convert;
pub mod demo;
pub mod explain;
pub mod graph;
pub mod plan;
pub mod replay;
pub mod serve;
pub mod sim;
pub mod trace;
pub mod update;

/// Change dataflow programs while they run, and check first that the change is correct.
#[derive(Debug, Parser)]
#[command(name = "neurath", version, about, max_term_width = 100)]
struct Cli {
    /// How to print results and diagnostics.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(subcommand)]
    verb: Verb,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one JSON value with a `schema_version`.
    Json,
}

/// The version of every JSON value that this command prints.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check an update, then apply it again and again to an HTTP server under load, and report.
    Demo(demo::Args),
    /// Validate a flow, plan updates of it, and model-check them.
    Check(check::Args),
    /// Show the plan of an update.
    Plan(plan::Args),
    /// Draw a flow.
    Graph(graph::Args),
    /// Convert a flow between `.fbp` and FBP JSON.
    Convert(convert::Args),
    /// Simulate a flow with random updates and schedules, by seed.
    Sim(sim::Args),
    /// Repeat a saved run, step by step.
    Replay(replay::Args),
    /// Serve a folder over HTTP with a flow that can be updated while it runs.
    Serve(serve::Args),
    /// Update a running flow, or ask how it stands.
    Update(update::Args),
    /// Verify traces of real runs against the model.
    Trace(trace::Args),
    /// Explain a code: a rule (F05), a property (S4), an error (R01).
    Explain(explain::Args),
}

/// What a verb answers to the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or proved within the bounds stated.
    Done,
    /// The verdict is negative, or the operation failed.
    Negative,
    /// Undecided within the budget.
    Undecided,
    /// The runtime cannot be reached.
    Unreachable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // 2 is for usage errors, which clap gives.
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Negative => 1,
            Exit::Undecided => 3,
            Exit::Unreachable => 4,
        })
    }
}

/// Why a verb could not do its work.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong.
    pub diagnostics: Diagnostics,
    /// What to answer to the shell.
    pub exit: Exit,
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self { diagnostics, exit: Exit::Negative }
    }
}

/// What a verb gives.
pub type Answer = Result<Exit, Failure>;

/// Runs the command that was given.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut session = input::Session::new(cli.format);
    match run(cli.verb, &mut session) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            render::diagnostics(&session, &failure.diagnostics);
            failure.exit.into()
        }
    }
}

fn run(verb: Verb, session: &mut input::Session) -> Answer {
    match verb {
        Verb::Demo(args) => demo::run(args, session),
        Verb::Check(args) => check::run(args, session),
        Verb::Plan(args) => plan::run(args, session),
        Verb::Graph(args) => graph::run(args, session),
        Verb::Convert(args) => convert::run(args, session),
        Verb::Sim(args) => sim::run(args, session),
        Verb::Replay(args) => replay::run(args, session),
        Verb::Serve(args) => serve::run(args, session),
        Verb::Update(args) => update::run(args, session),
        Verb::Trace(args) => trace::run(args, session),
        Verb::Explain(args) => explain::run(args, session),
    }
}
