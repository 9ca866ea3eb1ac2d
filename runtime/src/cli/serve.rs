//! `neurath serve`: the HTTP server flow on a folder, with an admin endpoint, until it is told to stop.

use crate::admin::{self, Endpoint};
use crate::cli::input::Session;
use crate::cli::{Answer, Exit, Failure};
use crate::engine::{Options, Placement, Running};
use crate::http::server::{self, Server};
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Arguments of `neurath serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to serve.
    #[arg(value_name = "DIR")]
    root: PathBuf,
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: String,
    /// Another flow of the same components, instead of the one that comes with neurath.
    #[arg(long, value_name = "FILE")]
    flow: Option<PathBuf>,
    /// The admin socket to open [default: neurath.sock in $XDG_RUNTIME_DIR, or else /tmp/neurath-UID.sock].
    #[arg(long, value_name = "PATH")]
    admin: Option<PathBuf>,
    /// Which operators share a thread: fused (all but those that block), thread-each or one-thread.
    #[arg(long, default_value_t = Placement::default())]
    placement: Placement,
    /// How many replicas of the flow share the work: each has threads, connections and caches of its own, at the same addresses.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    shards: u32,
    /// How many packets an arc holds.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    capacity: u32,
    /// How many seconds to wait, when told to stop, for responses under way.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    drain: u32,
    /// Write a trace of the run; of several shards, one each: run.jsonl becomes run.0.jsonl, run.1.jsonl and so on.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    allow_all_descriptors();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second time it is meant.
        let again = signal_hook::flag::register_conditional_shutdown(signal, 1, stop.clone());
        again.map_err(|e| failure("signals cannot be watched", &e))?;
        signal_hook::flag::register(signal, stop.clone()).map_err(|e| failure("signals cannot be watched", &e))?;
    }
    if !args.root.is_dir() {
        return Err(no_folder(&args.root));
    }
    let options = (0..args.shards).map(|shard| options_of(&args, shard)).collect::<Result<_, _>>()?;
    let (flow, map) = match &args.flow {
        Some(path) => session.flow(path)?,
        None => {
            session.keep("http/flow.fbp", crate::http::FLOW);
            server::built_in()
        }
    };
    let root = std::fs::canonicalize(&args.root).map_err(|e| failure("the folder cannot be served", &e))?;
    let site = server::site(&root, &args.listen);
    let Server { flow, observations } = Server::start_sharded(&flow, &map, &site, options)?;
    let flow = Arc::new(flow);
    let endpoint = match Endpoint::open(&args.admin.unwrap_or_else(admin::default_path), flow.clone()) {
        Ok(endpoint) => endpoint,
        Err(diagnostics) => {
            flow.stop()?;
            return Err(diagnostics.into());
        }
    };
    if let Some(address) = observations.listening() {
        let shards = if args.shards > 1 { format!(" in {} shards", args.shards) } else { String::new() };
        session.line(format_args!("serving {} at http://{address}/{shards}", args.root.display()));
    }
    session.line(format_args!("updates: neurath update --admin {} apply FILE", endpoint.path().display()));
    session.flush();
    while !stop.load(Ordering::Relaxed) && flow.failure().is_none() {
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let stopped = stop_within(&flow, Duration::from_secs(args.drain.into()));
    endpoint.drain(Duration::from_secs(1));
    drop(endpoint);
    session.tell(format_args!("stopped: requests answered: {}", observations.answered()));
    stopped?;
    Ok(Exit::Done)
}

/// How one shard is run.
fn options_of(args: &Args, shard: u32) -> Result<Options, Failure> {
    let path = args.trace.as_deref().map(|path| if args.shards == 1 { path.into() } else { numbered(path, shard) });
    let trace = path.as_deref().map(trace_file).transpose()?;
    Ok(Options { capacity: args.capacity as usize, placement: args.placement, trace, gate: None })
}

/// `run.jsonl` of shard 1 is `run.1.jsonl`.
fn numbered(path: &Path, shard: u32) -> PathBuf {
    match path.extension() {
        Some(extension) => path.with_extension(format!("{shard}.{}", extension.display())),
        None => path.with_extension(shard.to_string()),
    }
}

/// Each connection takes a descriptor or two: as many are asked for as the system lets this process have.
pub(crate) fn allow_all_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is not granted the server does with what it has, and stops accepting when that is used up.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn no_folder(root: &Path) -> Failure {
    let found = if root.exists() { "something that is no folder" } else { "nothing of that name" };
    refused(format!("there is no folder `{}` to serve", root.display()), "a folder", found, "check the path")
}

/// Ends the flow, but does not wait for ever for clients that do not read their responses.
fn stop_within(flow: &Arc<Running>, patience: Duration) -> Result<(), Failure> {
    let (done, ended) = mpsc::channel();
    let flow = flow.clone();
    // Left behind where patience ends, the thread goes with the process.
    std::thread::spawn(move || done.send(flow.stop()));
    match ended.recv_timeout(patience) {
        Ok(stopped) => Ok(stopped?),
        Err(_) => Err(refused(
            "the flow did not end in time: responses half sent are cut off".into(),
            "clients that take their responses",
            &format!("some that did not within {} seconds", patience.as_secs()),
            "give them longer with --drain",
        )),
    }
}

/// A trace file for writing.
pub(crate) fn trace_file(path: &Path) -> Result<Box<dyn Write + Send>, Failure> {
    let file = File::create(path).map_err(|e| failure(&format!("{} cannot be written", path.display()), &e))?;
    Ok(Box::new(BufWriter::new(file)))
}

/// Something that the program needs from the system could not be had.
pub(crate) fn failure(message: &str, error: &std::io::Error) -> Failure {
    refused(
        message.into(),
        "a path that can be written, and a system within its limits",
        &error.to_string(),
        "check paths, permissions, limits and space",
    )
}

fn refused(message: String, expected: &str, found: &str, hint: &str) -> Failure {
    let (expected, found, hint) = (expected.into(), found.into(), hint.into());
    let diagnostic = Diagnostic { code: Code::R05, message, places: Vec::new(), expected, found, hint };
    Failure { diagnostics: Diagnostics(vec![diagnostic]), exit: Exit::Negative }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_of_a_shard_has_its_number_before_the_ending() {
        for (given, expected) in
            [("run.jsonl", "run.1.jsonl"), ("a.b/run", "a.b/run.1"), ("/t/run.x.y", "/t/run.x.1.y")]
        {
            assert_eq!(numbered(Path::new(given), 1), Path::new(expected));
        }
    }
}
