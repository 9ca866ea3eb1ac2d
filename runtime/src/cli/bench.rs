//! `neurath bench`: measurements that anyone can repeat.

mod http;

use crate::bench::{check, serve};
use crate::cli::input::Session;
use crate::cli::serve::{allow_all_descriptors, failure};
use crate::cli::{Answer, Exit, Failure};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is measured.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// The checker: states per second beside stateright and Spin, what the reduction leaves, sizes, simulated runs.
    Check {
        /// One round, and smaller instances: under a minute.
        #[arg(long)]
        fast: bool,
    },
    /// The server of files: requests per second and latency beside nginx and the least that such a server does.
    Serve {
        /// Three short rounds, and fewer files: under a minute.
        #[arg(long)]
        fast: bool,
        /// Let server and clients have all cores, instead of one each.
        #[arg(long)]
        unpinned: bool,
        /// Write an HTML page with bars.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// A change of a server under load: our update beside stop and start, reload and hand-over of others.
    Jetty(http::JettyArgs),
    /// The switch to non-blocking I/O under saturating load: who is hurt, and what it gains.
    Nio(http::LiveArgs),
    /// A server that changes twice under a mixed load: non-blocking I/O, then a cache.
    Evolution(http::LiveArgs),
    /// Serve a folder with the least that such a server does, for `bench serve` to compare with.
    #[command(hide = true)]
    Limit {
        /// The folder.
        #[arg(value_name = "DIR")]
        root: PathBuf,
    },
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    match args.what {
        What::Check { fast } => {
            let size = if fast { check::Size::FAST } else { check::Size::FULL };
            let report = check::measure(size, &mut |line| session.tell(line))?;
            if session.json() {
                session.value(&report.json());
            } else {
                session.say(report);
            }
            Ok(Exit::Done)
        }
        What::Serve { fast, unpinned, report } => {
            let size = if fast { serve::Size::FAST } else { serve::Size::FULL };
            run_serve(size, !unpinned, report.as_deref(), session)
        }
        What::Jetty(args) => http::run_jetty(&args, session),
        What::Nio(args) => http::run_nio(&args, session),
        What::Evolution(args) => http::run_evolution(&args, session),
        What::Limit { root } => run_limit(&root, session),
    }
}

fn run_serve(size: serve::Size, pinned: bool, page: Option<&Path>, session: &mut Session) -> Answer {
    // The servers inherit it.
    allow_all_descriptors();
    let stop = told_to_stop()?;
    let measured = serve::measure(size, pinned, &stop, &mut |line| session.tell(line));
    let report = match measured {
        Err(told) if told.kind() == ErrorKind::Interrupted => {
            session.tell("stopped: nothing was measured to its end");
            return Ok(Exit::Negative);
        }
        measured => measured.map_err(|e| failure("the servers cannot be measured", &e))?,
    };
    if let Some(page) = page {
        session.write(page, &report.html())?;
    }
    if session.json() {
        session.value(&report.json());
    } else {
        session.say(&report);
    }
    Ok(if report.passed() { Exit::Done } else { Exit::Negative })
}

fn run_limit(root: &Path, session: &mut Session) -> Answer {
    allow_all_descriptors();
    let stop = told_to_stop()?;
    let failed = |e: std::io::Error| failure("the folder cannot be served", &e);
    let server = serve::Limit::open(root).map_err(failed)?;
    let address = server.address().map_err(failed)?;
    session.line(format_args!("serving {} at http://{address}/", root.display()));
    session.flush();
    let answered = server.run(&stop).map_err(failed)?;
    session.tell(format_args!("stopped: requests answered: {answered}"));
    Ok(Exit::Done)
}

/// Set by the signals that ask to end, so that what was started is ended too.
fn told_to_stop() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).map_err(|e| failure("signals cannot be watched", &e))?;
    }
    Ok(stop)
}
