//! Our server under loads, changed at given moments, in this process: what the clients saw, and which versions each request met.
//!
//! ```text
//!   server ---- settle ---- update ---- update ---- end      core 0
//!   clients, one thread for all, from before `settle` to the end      core 1
//! ```
//!
//! A client asks again as soon as it is answered. It looks at status and length of every response, and compares the whole body of some: if it
//! compared all, the clients' core would be full before the server's.

use crate::bench::serve::cores::Cores;
use crate::demo::finished::count_mixed;
use crate::engine::{Applied, Options, Placement, Ticket};
use crate::http::{Server, evolution};
use crate::load::{Corpus, Load, Outcome};
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};
use neurath_model::update::Update;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How the server runs.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Which operators share a thread.
    pub placement: Placement,
    /// Whether the server has one core and the clients another.
    pub pinned: bool,
}

impl Setting {
    pub(super) fn cores(self) -> Option<Cores> {
        Cores::find().filter(|_| self.pinned)
    }
}

/// Of how many responses one is compared as a whole.
const COMPARE_ONE_IN: u32 = 16;

/// An update and when it is submitted, since the load began.
pub(super) type Timed = (Duration, (Update, SourceMap));

/// What is done in one run.
pub(super) struct Plan {
    pub(super) updates: Vec<Timed>,
    /// When it ends.
    pub(super) length: Duration,
    /// Clients of each kind of files.
    pub(super) clients: usize,
    /// Found once: the first run leaves this thread with one core, and could find no other.
    pub(super) cores: Option<Cores>,
}

/// What came of one run.
pub(super) struct Seen {
    pub(super) outcome: Outcome,
    pub(super) applied: Vec<Applied>,
    pub(super) mixed: u64,
    /// Whether server and clients each had a core.
    pub(super) is_pinned: bool,
}

/// One run. The files lie below `root`, in `parts` of which each has its clients; all of them on one thread, for on one core two threads would
/// keep each other waiting, and that would be taken for the server's doing.
fn run(
    root: &Path,
    (corpus, parts): (&Arc<Corpus>, usize),
    plan: &Plan,
    setting: Setting,
    stop: &AtomicBool,
) -> Result<Seen, Diagnostics> {
    let cores = plan.cores;
    let options = Options { placement: setting.placement, ..Options::default() };
    let (server, is_pinned) = Cores::on_server(cores, || Server::start(root, "127.0.0.1:0", options));
    let server = server?;
    let ran = load_and_change(&server, (corpus, parts), plan, cores, stop);
    let stopped = server.flow.stop();
    let (outcome, applied) = ran?;
    stopped?;
    let mixed = count_mixed(&server, &applied);
    Ok(Seen { outcome, applied, mixed, is_pinned })
}

/// So many runs, one after another.
pub(super) fn rounds(
    number: usize,
    root: &Path,
    files: (&Arc<Corpus>, usize),
    plan: &Plan,
    (setting, stop): (Setting, &AtomicBool),
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Seen>, Diagnostics> {
    let runs = (0..number).map(|round| {
        tell(&format!("round {} of {number}", round + 1));
        run(root, files, plan, setting, stop)
    });
    runs.collect()
}

/// An update of the cycle.
pub(super) fn update(name: &str) -> (Update, SourceMap) {
    let found = evolution::cycle().into_iter().find(|(update, _)| update.name == name);
    found.expect("one of the updates that come with this crate")
}

/// How the server ran, name and value.
pub(super) fn told(setting: Setting, runs: &[Seen]) -> [(String, String); 3] {
    let is_pinned = runs.iter().all(|run| run.is_pinned);
    let pinned = if is_pinned { "the server to one core, the clients to another" } else { "no" };
    let compared = format!("status and length of all responses, the whole body of one in {COMPARE_ONE_IN}");
    [
        ("compared".into(), compared),
        ("placement".into(), setting.placement.to_string()),
        ("pinned".into(), pinned.into()),
    ]
}

fn load_and_change(
    server: &Server,
    (corpus, parts): (&Arc<Corpus>, usize),
    plan: &Plan,
    cores: Option<Cores>,
    stop: &AtomicBool,
) -> Result<(Outcome, Vec<Applied>), Diagnostics> {
    let address = server.address().expect("the built-in flow listens");
    let load = Load {
        parts,
        connections: plan.clients * parts,
        without_pause: true,
        compare_one_in: COMPARE_ONE_IN,
        // It may be told to stop earlier, but ends by itself whatever becomes of this thread.
        length: Some(plan.length + Duration::from_secs(30)),
        ..Load::new(address, Arc::clone(corpus))
    };
    let running = load.start().map_err(|e| cannot("connect the clients", &e))?;
    let changed = change(server, plan, running.start(), cores, stop);
    running.stop_handle().stop();
    Ok((running.wait(), changed?))
}

fn change(
    server: &Server,
    plan: &Plan,
    start: Instant,
    cores: Option<Cores>,
    stop: &AtomicBool,
) -> Result<Vec<Applied>, Diagnostics> {
    let mut applied = Vec::new();
    for (at, (update, map)) in &plan.updates {
        pause_until(start + *at, stop)?;
        // Operators that come in begin on the cores of the thread that submits.
        let (done, _) = Cores::on_server(cores, || server.flow.submit(update, map).and_then(Ticket::wait));
        applied.push(done?);
    }
    pause_until(start + plan.length, stop)?;
    Ok(applied)
}

/// Waits, unless it is told to stop.
pub(super) fn pause_until(moment: Instant, stop: &AtomicBool) -> Result<(), Diagnostics> {
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(told_to_stop());
        }
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// R05, where somebody wants it ended.
pub(super) fn told_to_stop() -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R05,
        message: "the bench was stopped: nothing was measured to its end".into(),
        places: Vec::new(),
        expected: "no signal until it ends".into(),
        found: "one that asks to end".into(),
        hint: "run it again; --fast takes less than a minute".into(),
    }])
}

/// R05.
pub(super) fn cannot(what: &str, error: &std::io::Error) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R05,
        message: format!("the bench cannot {what}"),
        places: Vec::new(),
        expected: "600 MB of space in the temporary folder (100 MB with --fast), and loopback".into(),
        found: error.to_string(),
        hint: "set TMPDIR to a folder with more space, or try --fast".into(),
    }])
}
