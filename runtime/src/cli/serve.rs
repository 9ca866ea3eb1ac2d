//! `neurath serve`: the HTTP server flow on a folder, with an admin endpoint, until it is told to stop.

use crate::admin::{self, Endpoint};
use crate::cli::input::Session;
use crate::cli::{Answer, Exit, Failure};
use crate::engine::{Options, Placement};
use crate::http::server::{self, Server};
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Arguments of `neurath serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to serve.
    root: PathBuf,
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: String,
    /// Another flow of the same components, instead of the one that comes with neurath.
    #[arg(long, value_name = "FILE")]
    flow: Option<PathBuf>,
    /// The admin socket to open.
    #[arg(long, value_name = "PATH")]
    admin: Option<PathBuf>,
    /// Which operators share a thread: thread-each or one-thread.
    #[arg(long, default_value_t = Placement::ThreadEach)]
    placement: Placement,
    /// How many packets an arc holds.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    capacity: u32,
    /// Write a trace of the run.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).map_err(|e| failure("signals cannot be watched", &e))?;
    }
    let trace = args.trace.as_deref().map(trace_file).transpose()?;
    let options = Options { capacity: args.capacity as usize, placement: args.placement, trace };
    let (mut flow, map) = match &args.flow {
        Some(path) => session.flow(path)?,
        None => {
            session.keep("http/flow.fbp", crate::http::FLOW);
            server::built_in()
        }
    };
    server::configure(&mut flow, &args.root, &args.listen);
    let Server { flow, observations } = Server::start_flow(&flow, &map, options)?;
    let flow = Arc::new(flow);
    let endpoint = match Endpoint::open(&args.admin.unwrap_or_else(admin::default_path), flow.clone()) {
        Ok(endpoint) => endpoint,
        Err(diagnostics) => {
            flow.stop()?;
            return Err(diagnostics.into());
        }
    };
    if let Some(address) = observations.listening() {
        session.line(format_args!("serving {} at http://{address}/", args.root.display()));
    }
    session.line(format_args!("updates: neurath update --admin {} apply FILE", endpoint.path().display()));
    session.flush();
    while !stop.load(Ordering::Relaxed) && flow.failure().is_none() {
        std::thread::park_timeout(Duration::from_millis(100));
    }
    drop(endpoint);
    flow.stop()?;
    session.tell(format_args!("stopped: {} requests answered", observations.answered()));
    Ok(Exit::Done)
}

/// A trace file for writing.
pub(crate) fn trace_file(path: &Path) -> Result<Box<dyn Write + Send>, Failure> {
    let file = File::create(path).map_err(|e| failure(&format!("{} cannot be written", path.display()), &e))?;
    Ok(Box::new(BufWriter::new(file)))
}

/// Something that the program needs from the system could not be had.
pub(crate) fn failure(message: &str, error: &std::io::Error) -> Failure {
    Failure {
        diagnostics: Diagnostics(vec![Diagnostic {
            code: Code::R05,
            message: message.into(),
            places: Vec::new(),
            expected: "a system that lets it".into(),
            found: error.to_string(),
            hint: "check paths, permissions, limits and space".into(),
        }]),
        exit: Exit::Negative,
    }
}
