//! The command line: verbs, what they share, and what they answer to the shell.
//!
//! Data goes to standard output, progress and diagnostics to standard error; `--format json` makes both the data and
//! the diagnostics JSON with a `schema_version`. Each verb is a file here: its arguments, and a `run` that gives an
//! [`Exit`] or a [`Failure`].
//!
//! ```text
//!   arguments --> clap --> verb::run(args, &mut Session) --> Exit | Failure --> 0, 1, 3, 4 (clap itself: 2)
//!                             |             |
//!                         Session::say   Session::tell
//!                         (stdout)       (stderr)
//! ```
//!
//! Verbs write through the session and never to the process's own streams, so that [`run_with`] can run a whole command in
//! a test and look at every byte of it.

use clap::{Parser, Subcommand, ValueEnum};
use neurath_model::diagnostic::Diagnostics;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

pub mod arguments;
pub mod input;
pub mod pictures;
pub mod planned;
pub mod render;
pub mod words;

pub mod bench;
pub mod bisect;
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
#[command(name = "neurath", version, max_term_width = 100)]
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
    /// Check seven updates, then let an HTTP server go through them again and again under load, and report.
    Demo(demo::Args),
    /// Measure, side by side in one run.
    Bench(bench::Args),
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
    /// Show the step of a saved run from which on its breach could not be avoided.
    Bisect(bisect::Args),
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

impl Exit {
    /// The exit status. 2 is for usage errors, which clap gives.
    pub fn status(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Negative => 1,
            Exit::Undecided => 3,
            Exit::Unreachable => 4,
        }
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
    let terminal = io::stderr().is_terminal();
    ExitCode::from(command(std::env::args_os(), Box::new(io::stdout()), Box::new(io::stderr()), terminal))
}

/// Runs a command (the first argument is the program's name) with these streams, and gives its exit status.
pub fn run_with<I>(args: I, out: Box<dyn Write>, err: Box<dyn Write>) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    command(args, out, err, false)
}

fn command<I>(args: I, mut out: Box<dyn Write>, mut err: Box<dyn Write>, terminal: bool) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(usage) => return answer_usage(&usage, &mut out, &mut err, terminal),
    };
    let mut session = input::Session::new(cli.format, out, err, terminal);
    let exit = run(cli.verb, &mut session).unwrap_or_else(|failure| {
        render::diagnostics(&mut session, &failure.diagnostics);
        failure.exit
    });
    if session.flush() { exit.status() } else { Exit::Negative.status() }
}

/// Help and version go to standard output, and are no error; the rest goes to standard error.
fn answer_usage(usage: &clap::Error, out: &mut impl Write, err: &mut impl Write, terminal: bool) -> u8 {
    let stream: &mut dyn Write = if usage.use_stderr() { err } else { out };
    // Nothing is left to say it with if the streams are gone.
    let _ = if terminal && usage.use_stderr() {
        write!(stream, "{}", usage.render().ansi())
    } else {
        write!(stream, "{}", usage.render())
    };
    let _ = stream.flush();
    u8::try_from(usage.exit_code()).unwrap_or(2)
}

fn run(verb: Verb, session: &mut input::Session) -> Answer {
    match verb {
        Verb::Demo(args) => demo::run(args, session),
        Verb::Bench(args) => bench::run(args, session),
        Verb::Check(args) => check::run(args, session),
        Verb::Plan(args) => plan::run(args, session),
        Verb::Graph(args) => graph::run(args, session),
        Verb::Convert(args) => convert::run(args, session),
        Verb::Sim(args) => sim::run(args, session),
        Verb::Replay(args) => replay::run(args, session),
        Verb::Bisect(args) => bisect::run(args, session),
        Verb::Serve(args) => serve::run(args, session),
        Verb::Update(args) => update::run(args, session),
        Verb::Trace(args) => trace::run(args, session),
        Verb::Explain(args) => explain::run(args, session),
    }
}
