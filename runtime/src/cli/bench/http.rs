//! `neurath bench jetty`, `nio` and `evolution`: what it costs to change a server that serves.

use super::told_to_stop;
use crate::bench::{Evolved, Setting, evolution, jetty, nio};
use crate::cli::input::Session;
use crate::cli::serve::allow_all_descriptors;
use crate::cli::{Answer, Exit};
use crate::engine::Placement;
use serde_json::Value;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// Arguments of those that change our server alone.
#[derive(Debug, clap::Args)]
pub(super) struct LiveArgs {
    /// Shorter rounds, and fewer files: under a minute.
    #[arg(long)]
    fast: bool,
    /// Let server and clients have all cores, instead of one each.
    #[arg(long)]
    unpinned: bool,
    /// Which operators share a thread: fused (all but those that block), thread-each or one-thread.
    #[arg(long, default_value_t = Placement::default())]
    placement: Placement,
    /// Write an HTML page with the timeline.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl LiveArgs {
    fn setting(&self) -> Setting {
        Setting { placement: self.placement, pinned: !self.unpinned }
    }
}

/// Arguments of the comparison with others.
#[derive(Debug, clap::Args)]
pub(super) struct JettyArgs {
    /// One short round: under a minute.
    #[arg(long)]
    fast: bool,
    /// Let servers and clients have all cores, instead of one each.
    #[arg(long)]
    unpinned: bool,
    /// Write an HTML page with bars and timelines.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(super) fn run_nio(args: &LiveArgs, session: &mut Session) -> Answer {
    allow_all_descriptors();
    let size = if args.fast { nio::Size::FAST } else { nio::Size::FULL };
    let evolved = nio::measure(size, args.setting(), &*told_to_stop()?, &mut |line| session.tell(line))?;
    evolved_told(&evolved, args, session)
}

pub(super) fn run_evolution(args: &LiveArgs, session: &mut Session) -> Answer {
    allow_all_descriptors();
    let size = if args.fast { evolution::Size::FAST } else { evolution::Size::FULL };
    let evolved = evolution::measure(size, args.setting(), &*told_to_stop()?, &mut |line| session.tell(line))?;
    evolved_told(&evolved, args, session)
}

fn evolved_told(evolved: &Evolved, args: &LiveArgs, session: &mut Session) -> Answer {
    let page = args.report.as_deref().map(|path| (path, evolved.html()));
    told(evolved, &evolved.json(), page, evolved.passed(), session)
}

pub(super) fn run_jetty(args: &JettyArgs, session: &mut Session) -> Answer {
    // The servers inherit it.
    allow_all_descriptors();
    let size = if args.fast { jetty::Size::FAST } else { jetty::Size::FULL };
    let report = jetty::measure(size, !args.unpinned, &*told_to_stop()?, &mut |line| session.tell(line))?;
    let page = args.report.as_deref().map(|path| (path, report.html()));
    told(&report, &report.json(), page, report.passed(), session)
}

fn told(
    table: &impl Display,
    value: &Value,
    page: Option<(&Path, String)>,
    passed: bool,
    session: &mut Session,
) -> Answer {
    if session.json() {
        session.value(value);
    } else {
        session.say(table);
    }
    if let Some((path, html)) = page {
        session.write(path, &html)?;
    }
    Ok(if passed { Exit::Done } else { Exit::Negative })
}
