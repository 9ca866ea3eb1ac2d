//! `neurath demo`: the main job end to end.

use crate::cli::input::Session;
use crate::cli::serve::{failure, trace_file};
use crate::cli::{Answer, Exit};
use crate::demo::{self, Finished, Size, Updates};
use crate::engine::{Options, Placement};
use indicatif::ProgressBar;
use neurath_sim::instance::Bounds;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `neurath demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Fewer files and shorter phases: under half a minute.
    #[arg(long)]
    fast: bool,
    /// How many times to go through the cycle of 7 updates [default: 20; 3 with --fast].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    cycles: Option<u32>,
    /// Instead of the cycle, let two clients submit updates at random for so many seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with = "cycles", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    contention: Option<u64>,
    /// Requests per second, all clients together [default: 2000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    rate: Option<u32>,
    /// Which operators share a thread: fused (all but those that block), thread-each or one-thread.
    #[arg(long, default_value_t = Placement::default())]
    placement: Placement,
    /// Where the HTML report goes.
    #[arg(long, default_value = "neurath-demo.html", value_name = "FILE")]
    report: PathBuf,
    /// Write a trace of the run, for `neurath trace verify`.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let mut size = if args.fast { Size::fast() } else { Size::full() };
    let contention = args.contention.map(|seconds| Updates::Contention(Duration::from_secs(seconds)));
    let cycles = args.cycles.map(|n| Updates::Cycles(n as usize));
    size.updates = contention.or(cycles).unwrap_or(size.updates);
    size.rate_per_second = args.rate.unwrap_or(size.rate_per_second);
    // A path that cannot be written is found out now, not after a minute of load.
    let unwritable = |e: &std::io::Error| failure(&format!("{} cannot be written", args.report.display()), e);
    drop(std::fs::OpenOptions::new().append(true).create(true).open(&args.report).map_err(|e| unwritable(&e))?);
    let checked = demo::check()?;
    if !checked.iter().all(|c| c.holds) {
        checked.iter().for_each(|check| session.tell(&check.sentence));
        return Ok(Exit::Negative);
    }
    let trace = args.trace.as_deref().map(trace_file).transpose()?;
    let options = Options { placement: args.placement, trace, ..Options::default() };
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    let finished = demo::run(size, options, checked, |what| bar.set_message(what.to_owned()))?;
    bar.finish_and_clear();
    std::fs::write(&args.report, finished.report().html()).map_err(|e| unwritable(&e))?;
    if session.json() {
        session.value(&finished.report().json());
    } else {
        print(&finished, session);
        session.line(format_args!("report: {}", args.report.display()));
    }
    Ok(if finished.passed() { Exit::Done } else { Exit::Negative })
}

fn print(finished: &Finished, session: &mut Session) {
    session.line(format_args!("{}", finished.report().verdict.sentence));
    session.line("");
    let bounds = Bounds::default();
    session.line(format_args!(
        "checked before, with {} connections and {} requests, arcs of capacity {}:",
        bounds.packets, bounds.packets, bounds.capacity
    ));
    for check in &finished.checked {
        session.line(format_args!("  {}", check.sentence));
    }
    session.line("");
    for count in finished.counts() {
        session.line(format_args!("  {:<32}{:>10}", count.name, count.value));
    }
    session.line("");
    session.line(format_args!("  {:<32}{:>10}{:>10}{:>10}{:>10}", "latency in ms", "p50", "p99", "p99.9", "requests"));
    for (phase, s) in finished.latencies() {
        let ms = |us: u64| us as f64 / 1000.0;
        session.line(format_args!(
            "  {phase:<32}{:>10.2}{:>10.2}{:>10.2}{:>10}",
            ms(s.p50_us),
            ms(s.p99_us),
            ms(s.p999_us),
            s.count
        ));
    }
    session.line("");
    let (median, max) = finished.times_to_last_operator();
    session.line(format_args!(
        "  submit to last operator changed: median {median:.1?}, at most {max:.1?}, {} updates",
        finished.contended.applied.len()
    ));
    for (name, value) in finished.aftermath() {
        session.line(format_args!("  {name}: {value}"));
    }
}
