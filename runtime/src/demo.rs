//! The demo: an HTTP server that evolves under load, and what came of it.
//!
//! ```text
//!   check each update -> files -> server + clients -> settle | control phase | update, update, ... -> count, report
//! ```
//!
//! The updates are those of the cycle ([`evolution`]), which begins and ends with the same flow; or what two clients submit at
//! random ([`contention`]).
//!
//! The load is sent on a fixed schedule whatever the server does, and each byte that comes back is checked. Mixed requests are
//! counted in-band: each request carries the versions it met, and the history of updates says which of these belong together.
//! No latency decides the verdict, only counts do: the machine may be as slow as it likes.

pub mod checks;
pub mod contention;
pub(crate) mod finished;
pub mod footprint;

pub use checks::{Checked, check};
pub use finished::Finished;
pub(crate) use finished::count_mixed;

use crate::demo::contention::{Contended, contend, lead_back, shape};
use crate::demo::footprint::Footprint;
use crate::engine::{Options, Ticket};
use crate::http::{Server, evolution};
use crate::load::client::{self, Load};
use crate::load::corpus::Corpus;
use crate::load::stats::Window;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long what has gone may take to be released, once the updates are over.
const RELEASE: Duration = Duration::from_secs(10);

/// How big a demo is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Files served.
    pub files: usize,
    /// Bytes of each.
    pub bytes_each: usize,
    /// Kept-alive clients.
    pub clients: usize,
    /// Requests per second, all clients together.
    pub rate_per_second: u32,
    /// What is submitted.
    pub updates: Updates,
    /// Before anything is measured.
    pub settle: Duration,
    /// Load without any update.
    pub control: Duration,
    /// From one update of the cycle to the next.
    pub pause: Duration,
    /// How far a window reaches to either side of an update.
    pub half_window: Duration,
}

/// What is submitted to the server.
#[derive(Debug, Clone, Copy)]
pub enum Updates {
    /// The cycle, so many times.
    Cycles(usize),
    /// What two clients submit at random, for so long.
    Contention(Duration),
}

impl Updates {
    /// The same in two parts. What the process takes up after the first is what it takes to have evolved once; the second must
    /// not add to it.
    fn halves(self) -> [Self; 2] {
        match self {
            Self::Cycles(n) => [Self::Cycles(n / 2), Self::Cycles(n - n / 2)],
            Self::Contention(duration) => [Self::Contention(duration / 2); 2],
        }
    }
}

impl Size {
    /// 10,000 files of 50 kB, 30 clients, 20 cycles of 7 updates: about a minute and a half.
    pub fn full() -> Self {
        Self {
            files: 10_000,
            bytes_each: 50_000,
            clients: 30,
            rate_per_second: 2000,
            updates: Updates::Cycles(20),
            settle: Duration::from_secs(2),
            control: Duration::from_secs(24),
            pause: Duration::from_millis(400),
            half_window: Duration::from_millis(150),
        }
    }

    /// 1,000 files and 3 cycles: under half a minute.
    pub fn fast() -> Self {
        Self {
            files: 1_000,
            settle: Duration::from_secs(1),
            control: Duration::from_secs(6),
            updates: Updates::Cycles(3),
            ..Self::full()
        }
    }
}

/// Runs a demo. `tell` hears what is under way; the updates must have been [`check`]ed.
pub fn run(
    size: Size,
    options: Options,
    checked: Vec<Checked>,
    mut tell: impl FnMut(&str),
) -> Result<Finished, Diagnostics> {
    let folder = tempfile::tempdir().map_err(|e| cannot("make a temporary folder", &e))?;
    tell(&format!("writing {} files of {} kB", size.files, size.bytes_each / 1000));
    let corpus =
        Corpus::create(folder.path(), size.files, size.bytes_each, 1).map_err(|e| cannot("write files", &e))?;
    let server = Server::start(folder.path(), "127.0.0.1:0", options)?;
    let load = start_load(&server, size, corpus)?;
    tell(&format!("serving to {} kept-alive clients", size.clients));
    thread::sleep(size.settle);
    let control_from = load.start().elapsed();
    tell(&format!("control phase: {} requests per second, no update", size.rate_per_second));
    thread::sleep(size.control);
    let control_to = load.start().elapsed();
    let first = shape(&server.flow.graph().to_flow());
    let mut footprints = vec![Footprint::now(&server.flow)];
    let mut contended = Contended::default();
    for half in size.updates.halves() {
        contended.join(match half {
            Updates::Cycles(cycles) => evolve(&server, cycles, size.pause, &mut tell)?,
            Updates::Contention(duration) => {
                let seed = footprints.len() as u64;
                let mut all = contend(&server.flow, duration, seed, &mut tell);
                all.join(lead_back(&server.flow, &first)?);
                all
            }
        });
        thread::sleep(size.pause);
        await_release(&server, footprints[0].threads);
        footprints.push(Footprint::now(&server.flow));
    }
    let is_back = first == shape(&server.flow.graph().to_flow());
    let outcome = load.stop();
    server.flow.stop()?;
    Ok(Finished {
        checked,
        outcome,
        mixed: finished::count_mixed(&server, &contended.applied),
        contended,
        is_back,
        footprints,
        control: Window { from_us: control_from.as_micros() as u64, to_us: control_to.as_micros() as u64 },
        size,
    })
}

fn start_load(server: &Server, size: Size, corpus: Corpus) -> Result<client::Running, Diagnostics> {
    let address = server.address().expect("the built-in flow listens");
    let load = Load {
        connections: size.clients,
        rate_per_second: size.rate_per_second,
        ..Load::new(address, Arc::new(corpus))
    };
    load.start().map_err(|e| cannot("connect the clients", &e))
}

/// Goes through the cycle so many times, with a pause before each update.
fn evolve(
    server: &Server,
    cycles: usize,
    pause: Duration,
    tell: &mut impl FnMut(&str),
) -> Result<Contended, Diagnostics> {
    let mut contended = Contended::default();
    for k in 0..cycles {
        for (update, map) in evolution::cycle() {
            thread::sleep(pause);
            let done = server.flow.submit(&update, &map).and_then(Ticket::wait)?;
            tell(&format!("cycle {} of {cycles}, update {}: {:?}", k + 1, update.name, done.to_last_operator()));
            contended.applied.push(done);
        }
    }
    Ok(contended)
}

/// Waits until operators that have gone are released and their threads have ended, for a while.
fn await_release(server: &Server, threads: usize) {
    let until = Instant::now() + RELEASE;
    let is_held = || {
        let status = server.flow.status();
        !status.leaving.is_empty() || status.threads > threads
    };
    while is_held() && Instant::now() < until {
        thread::sleep(Duration::from_millis(20));
    }
}

fn cannot(what: &str, error: &std::io::Error) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R05,
        message: format!("the demo cannot {what}"),
        places: Vec::new(),
        expected: "500 MB of space in the temporary folder (50 MB with --fast) and loopback".into(),
        found: error.to_string(),
        hint: "set TMPDIR to a folder with more space, or try --fast".into(),
    }])
}
