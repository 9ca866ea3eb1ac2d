//! `neurath bench`: measurements that anyone can repeat.

mod http;

use crate::bench::{check, connections, contention, overhead, scale, serve, stall};
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
    /// The server of files: requests per second and latency beside nginx, hyper and the least that such a server does.
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
    /// A pipeline as a flow, as a flow that cannot be updated, and written by hand: what a packet costs in each.
    Overhead(Extent),
    /// Flows of 10 to 100,000 operators: what an update costs by each scheduler, idle and saturated, and what an operator takes up.
    Scale(Extent),
    /// What an update holds up, and for how long, by each scheduler: ports that wait for a marker, sources that are stopped.
    Stall(Extent),
    /// Many updates per second of a server under load: throughput beside that without updates, and requests that fail.
    Contention(Extent),
    /// Ten thousand idle connections held while the server is updated: what each takes up, and which are closed.
    Connections(Extent),
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

/// How much is measured, and where it is told.
#[derive(Debug, clap::Args)]
struct Extent {
    /// Less of everything: under a minute.
    #[arg(long)]
    fast: bool,
    /// Write an HTML page with pictures.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
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
        What::Overhead(extent) => {
            let size = if extent.fast { overhead::Size::FAST } else { overhead::Size::FULL };
            let report = overhead::measure(size, &mut |line| session.tell(line));
            tell(session, &extent, (report.html(), report.json(), &report))?;
            Ok(Exit::Done)
        }
        What::Scale(extent) => {
            let size = if extent.fast { scale::Size::FAST } else { scale::Size::FULL };
            let report = scale::measure(size, &mut |line| session.tell(line))?;
            tell(session, &extent, (report.html(), report.json(), &report))?;
            Ok(Exit::Done)
        }
        What::Stall(extent) => {
            let size = if extent.fast { stall::Size::FAST } else { stall::Size::FULL };
            let report = stall::measure(size, &mut |line| session.tell(line))?;
            tell(session, &extent, (report.html(), report.json(), &report))?;
            Ok(if report.passed() { Exit::Done } else { Exit::Negative })
        }
        What::Contention(extent) => run_contention(&extent, session),
        What::Connections(extent) => run_connections(&extent, session),
        What::Jetty(args) => http::run_jetty(&args, session),
        What::Nio(args) => http::run_nio(&args, session),
        What::Evolution(args) => http::run_evolution(&args, session),
        What::Limit { root } => run_limit(&root, session),
    }
}

fn run_contention(extent: &Extent, session: &mut Session) -> Answer {
    allow_all_descriptors();
    let size = if extent.fast { contention::Size::FAST } else { contention::Size::FULL };
    let stop = told_to_stop()?;
    let report = match contention::measure(size, &stop, &mut |line| session.tell(line)) {
        Err(told) if told.kind() == ErrorKind::Interrupted => {
            session.tell("stopped: nothing was measured to its end");
            return Ok(Exit::Negative);
        }
        measured => measured.map_err(|e| failure("the server cannot be measured", &e))?,
    };
    tell(session, extent, (report.html(), report.json(), &report))?;
    Ok(if report.passed() { Exit::Done } else { Exit::Negative })
}

fn run_connections(extent: &Extent, session: &mut Session) -> Answer {
    // The servers inherit it.
    allow_all_descriptors();
    let size = if extent.fast { connections::Size::FAST } else { connections::Size::FULL };
    let report = connections::measure(size, &*told_to_stop()?, &mut |line| session.tell(line))?;
    tell(session, extent, (report.html(), report.json(), &report))?;
    Ok(if report.passed() { Exit::Done } else { Exit::Negative })
}

/// Says what was measured, as page, data or text.
fn tell(
    session: &mut Session,
    extent: &Extent,
    (page, data, text): (String, serde_json::Value, impl std::fmt::Display),
) -> Result<(), Failure> {
    if session.json() {
        session.value(&data);
    } else {
        session.say(text);
    }
    // Last, for what was measured is not to be lost where the page cannot be written.
    if let Some(file) = &extent.report {
        session.write(file, &page)?;
    }
    Ok(())
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
    if session.json() {
        session.value(&report.json());
    } else {
        session.say(&report);
    }
    if let Some(page) = page {
        session.write(page, &report.html())?;
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
