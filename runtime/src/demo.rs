//! The demo: an HTTP server whose operators are switched back and forth under load, and what came of it.
//!
//! ```text
//!   check both updates -> files -> server + clients -> settle | control phase | switch, switch, ... -> count, report
//! ```
//!
//! The clients send on a fixed schedule whatever the server does, and check every byte. Mixed requests are counted
//! in-band: each request carries the versions it met, and the history of updates says which of these belong together.
//! No latency decides the verdict, only counts do: the machine may be as slow as it likes.

use crate::engine::{Applied, Options};
use crate::http::{self, Server, server};
use crate::load::client::Load;
use crate::load::corpus::Corpus;
use crate::load::outcome::Outcome;
use crate::load::stats::{Summary, Window, Windows, timeline};
use crate::report;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};
use neurath_model::id::UpdateId;
use neurath_model::plan::plan;
use neurath_model::spec;
use neurath_model::update::Update;
use neurath_sim::explore::{Explorer, Verdict};
use neurath_sim::instance::{Bounds, Instance};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

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
    /// Switches, blocking to NIO and back in turn.
    pub switches: usize,
    /// Before anything is measured.
    pub settle: Duration,
    /// Load without any switch.
    pub control: Duration,
    /// From one switch to the next.
    pub pause: Duration,
    /// How far a window reaches to either side of a switch.
    pub half_window: Duration,
}

impl Size {
    /// 10,000 files of 50 kB, 30 clients, 24 switches: about a minute.
    pub fn full() -> Self {
        Self {
            files: 10_000,
            bytes_each: 50_000,
            clients: 30,
            rate_per_second: 2000,
            switches: 24,
            settle: Duration::from_secs(2),
            control: Duration::from_secs(24),
            pause: Duration::from_millis(1200),
            half_window: Duration::from_millis(500),
        }
    }

    /// 1,000 files and shorter phases: under half a minute.
    pub fn fast() -> Self {
        Self {
            files: 1_000,
            settle: Duration::from_secs(1),
            control: Duration::from_secs(6),
            switches: 20,
            pause: Duration::from_millis(400),
            half_window: Duration::from_millis(150),
            ..Self::full()
        }
    }
}

/// What the checker said of one update.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The update's name.
    pub update: String,
    /// Whether no run breaks a property.
    pub holds: bool,
    /// Distinct states.
    pub states: u64,
    /// The bounds, in words, and the time it took.
    pub sentence: String,
}

/// What came of a demo.
pub struct Finished {
    /// What the checker said, before anything was started.
    pub checked: Vec<Checked>,
    /// What the clients saw.
    pub outcome: Outcome,
    /// The updates.
    pub applied: Vec<Applied>,
    /// Requests that met both sides of an update.
    pub mixed: u64,
    /// The control phase, in microseconds of the load.
    pub control: Window,
    size: Size,
}

/// The two updates of the demo: there and back.
pub fn updates() -> [(Update, SourceMap); 2] {
    [("nio.toml", http::NIO), ("blocking.toml", http::BLOCKING)]
        .map(|(name, text)| spec::update::parse(name, text).expect("the updates that come with this crate are valid"))
}

/// Model-checks both updates, each on the flow that it will find: 3 lineages a source, arcs that hold one packet.
pub fn check() -> Result<Vec<Checked>, Diagnostics> {
    let registry = crate::cli::input::compiled_in(Arc::default());
    let mut graph = server::built_in_graph();
    let bounds = Bounds { packets: 3, ..Bounds::default() };
    let mut checked = Vec::new();
    for (update, map) in updates() {
        let plan = plan(&graph, &update, &map, registry.catalogue(), None)?;
        let scheduler = plan.scheduler;
        let after = plan.after.clone();
        let exploration = Explorer::new(&Instance::new(&graph, &[plan], bounds)).run();
        let holds = matches!(exploration.verdict, Verdict::Holds);
        let verdict = match exploration.verdict {
            Verdict::Holds => "holds",
            Verdict::Breached { .. } => "is REFUSED",
            Verdict::Undecided { .. } => "is undecided",
        };
        checked.push(Checked {
            update: update.name.clone(),
            holds,
            states: exploration.distinct,
            sentence: format!(
                "update `{}` under `{scheduler}` {verdict}: {} states, {} steps at most, in {:.0} ms (at most {} \
                 connections and {} requests, arcs of capacity {})",
                update.name,
                exploration.distinct,
                exploration.depth.saturating_sub(1),
                exploration.elapsed.as_secs_f64() * 1e3,
                bounds.packets,
                bounds.packets,
                bounds.capacity
            ),
        });
        graph = after;
    }
    Ok(checked)
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
    let address = server.address().expect("the built-in flow listens");
    let load = Load {
        connections: size.clients,
        rate_per_second: size.rate_per_second,
        ..Load::new(address, Arc::new(corpus))
    };
    let load = load.start().map_err(|e| cannot("connect the clients", &e))?;
    tell(&format!("serving at http://{address}/ to {} kept-alive clients", size.clients));
    thread::sleep(size.settle);
    let control_from = load.start().elapsed();
    tell(&format!("control phase: {} requests per second, no switch", size.rate_per_second));
    thread::sleep(size.control);
    let control_to = load.start().elapsed();
    let applied = switch(&server, size, &mut tell)?;
    let outcome = load.stop();
    server.flow.stop()?;
    let control = Window { from_us: control_from.as_micros() as u64, to_us: control_to.as_micros() as u64 };
    let mixed = count_mixed(&server, &applied);
    Ok(Finished { checked, outcome, applied, mixed, control, size })
}

fn switch(server: &Server, size: Size, tell: &mut impl FnMut(&str)) -> Result<Vec<Applied>, Diagnostics> {
    let updates = updates();
    let mut applied = Vec::new();
    for k in 0..size.switches {
        thread::sleep(size.pause);
        let (update, map) = &updates[k % updates.len()];
        let done = server.flow.submit(update, map)?.wait()?;
        tell(&format!("switch {} of {} to {}: {:?}", k + 1, size.switches, update.name, done.to_last_operator()));
        applied.push(done);
    }
    thread::sleep(size.pause);
    Ok(applied)
}

fn count_mixed(server: &Server, applied: &[Applied]) -> u64 {
    let names: Vec<(UpdateId, Vec<&str>)> =
        applied.iter().map(|a| (a.update, a.operators.iter().map(|(name, _)| name.as_str()).collect())).collect();
    let history: Vec<(UpdateId, &[&str])> = names.iter().map(|(id, operators)| (*id, operators.as_slice())).collect();
    http::mixed(&server.observations.met_counts(), &history)
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

impl Finished {
    /// Whether every count that must be zero is zero, and every update was applied as it was checked.
    pub fn passed(&self) -> bool {
        let counts = self.counts();
        counts.iter().all(|c| !c.is_fault || c.value == 0)
            && self.checked.iter().all(|c| c.holds)
            && self.applied.len() == self.size.switches
    }

    /// What was counted; all but the first must be zero.
    pub fn counts(&self) -> Vec<report::Count> {
        let c = &self.outcome.counts;
        let fault = |name: &str, value| report::Count { name: name.into(), value, is_fault: true };
        vec![
            report::Count { name: "requests".into(), value: c.requests, is_fault: false },
            fault("failed", c.failed()),
            fault("resets", c.reset),
            fault("kept-alive connections closed", c.closed + c.stray + c.refused),
            fault("bodies wrong", c.wrong_body + c.wrong_length),
            fault("mixed-version requests", self.mixed),
        ]
    }

    /// Latencies of the control phase, and of the windows around the switches.
    pub fn latencies(&self) -> [(String, Summary); 2] {
        let marks = self.applied.iter().map(|a| self.outcome.offset_us(a.submitted));
        let around = Windows::around(marks, self.size.half_window.as_micros() as u64);
        let control = Windows::from(self.control);
        let window = self.size.half_window.as_secs_f64() * 2.0;
        [
            ("control phase".into(), control.summary(&self.outcome.samples)),
            (format!("{window:.1} s around each switch"), around.summary(&self.outcome.samples)),
        ]
    }

    /// From submission to the last operator switched: median and maximum.
    pub fn switch_times(&self) -> (Duration, Duration) {
        let mut times: Vec<Duration> = self.applied.iter().map(Applied::to_last_operator).collect();
        times.sort_unstable();
        let median = times.get(times.len().saturating_sub(1) / 2).copied().unwrap_or_default();
        (median, times.last().copied().unwrap_or_default())
    }

    /// The report, for a page or as JSON.
    pub fn report(&self) -> report::Report {
        let (median, max) = self.switch_times();
        let update = |a: &Applied| report::Update {
            name: a.name.clone(),
            direction: if a.name == "nio" { "NIO" } else { "blocking" }.into(),
            submitted_us: self.outcome.offset_us(a.submitted),
            took_us: Some(a.to_last_operator().as_micros() as u64),
        };
        const BUCKET_US: u64 = 100_000;
        report::Report {
            title: "Neurath: an HTTP server switched under load".into(),
            verdict: report::Verdict { passed: self.passed(), sentence: self.sentence() },
            counts: self.counts(),
            latencies: self
                .latencies()
                .into_iter()
                .map(|(phase, summary)| report::Latency { phase, summary })
                .collect(),
            timeline: report::Timeline {
                bucket_us: BUCKET_US,
                buckets: timeline(&self.outcome.samples, BUCKET_US),
                control: Some(self.control),
            },
            updates: self.applied.iter().map(update).collect(),
            checks: self.checked.iter().map(|c| c.sentence.clone()).collect(),
            facts: self.facts(median, max),
        }
    }

    fn sentence(&self) -> String {
        let switches = self.applied.len();
        let requests = self.outcome.counts.requests;
        if self.passed() {
            format!("{switches} switches under {requests} requests: none failed, none mixed, no connection closed")
        } else {
            format!("{switches} switches under {requests} requests: something went wrong, see the counts")
        }
    }

    fn facts(&self, median: Duration, max: Duration) -> Vec<(String, String)> {
        let cores = thread::available_parallelism().map_or(0, usize::from);
        let fact = |name: &str, value: String| (name.to_owned(), value);
        vec![
            fact("neurath", env!("CARGO_PKG_VERSION").into()),
            fact("cores", cores.to_string()),
            fact("files", format!("{} of {} bytes", self.size.files, self.size.bytes_each)),
            fact(
                "clients",
                format!("{} kept-alive, {} requests per second", self.size.clients, self.size.rate_per_second),
            ),
            fact("submit to last operator switched", format!("median {median:?}, at most {max:?}")),
        ]
    }
}
