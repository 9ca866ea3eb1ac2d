//! `neurath check`: a flow and updates of it, validated, planned and explored through every run within bounds.
//!
//! ```text
//!   FLOW --validate--> graph --plan each UPDATE--> instance --explore--> holds            0
//!     |                        |                                         REFUSED: a run   1
//!     rules F..                rules U..                                 undecided        3
//! ```
//!
//! What breaks a rule is refused before anything is explored. An update whose scheduler does not promise what is asked
//! is explored all the same, so that the run that goes wrong can be seen, and refused whatever the exploration says.

mod report;
mod suite;

use crate::cli::input::Session;
use crate::cli::pictures::Pictures;
use crate::cli::planned::{Planned, declarations, plans};
use crate::cli::words::quoted;
use crate::cli::{Answer, Exit, arguments, render};
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressStyle};
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::Diagnostics;
use neurath_model::graph::FlowGraph;
use neurath_model::plan::{Plan, Scheduler};
use neurath_model::update::Update;
use neurath_sim::check::{Check, Checked, Search};
use neurath_sim::explore::{Budget, Progress, Verdict};
use neurath_sim::instance::{Bounds, Fault, Instance};
use neurath_sim::schedule::Saved;
use neurath_sim::stateright_model::explore_in_browser;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The flow: `.fbp`, or FBP JSON if the name ends in `.json`; or a folder with a `checks.toml`, whose checks are run one after
    /// the other.
    flow: PathBuf,
    /// Updates, submitted in this order; each is planned against the flow as the one before leaves it.
    #[arg(num_args = 0..=Instance::UPDATES_MAX)]
    updates: Vec<PathBuf>,
    /// A file of component declarations, for components that are not compiled in.
    #[arg(long, value_name = "FILE")]
    components: Vec<PathBuf>,
    /// How the updates travel: `stop-the-world`, `direct`, `dependent`, `epoch` or `scoped` [default: the first of `scoped`,
    /// `epoch` and `stop-the-world` that promises what the update asks for].
    #[arg(long, value_name = "NAME")]
    scheduler: Option<Scheduler>,
    /// How many lineages each source may begin.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    packets: u64,
    /// How many packets an arc holds.
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = arguments::at_least_one)]
    capacity: usize,
    /// Let the environment end the flow at any moment.
    #[arg(long)]
    ends: bool,
    /// Let clients hang up: a source may let go of what it holds without emitting anything.
    #[arg(long)]
    hangups: bool,
    /// Look at every interleaving, also at those that end like others: slower, and nothing is left out.
    #[arg(long)]
    full: bool,
    /// Tell states apart by fingerprints of 128 bits instead of 64.
    #[arg(long)]
    wide: bool,
    /// Give up beyond this many distinct states.
    #[arg(long, value_name = "MAX", default_value_t = Budget::default().states_max)]
    states: u64,
    /// Give up after this many seconds.
    #[arg(long, value_name = "S", value_parser = arguments::seconds)]
    seconds: Option<Duration>,
    /// Check only this property; can be given several times. Those with a name, and L5, are judged only when asked for.
    #[arg(long = "property", value_name = "CODE", ignore_case = true,
          value_parser = PossibleValuesParser::new(arguments::all_property_codes()))]
    properties: Vec<String>,
    /// A file of properties that are to hold, beside those of the protocol; can be given several times.
    #[arg(long = "properties", value_name = "FILE")]
    stated: Vec<PathBuf>,
    /// Put in a fault, which the check must find.
    #[arg(long, hide = true, value_name = "NAME", value_parser = arguments::fault())]
    fault: Option<Fault>,
    /// Save the run that breaks a property, for `neurath replay`.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    pictures: Pictures,
    /// Write the verdicts as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write what is broken as a SARIF log.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Walk through the states in a browser instead.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:3000")]
    explore: Option<SocketAddr>,
}

/// What is checked.
struct Subject {
    flow: String,
    catalogue: Catalogue,
    graph: FlowGraph,
    planned: Vec<Planned>,
    instance: Instance,
    properties: Vec<&'static str>,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    if args.flow.is_dir() {
        return suite::run(&args, session);
    }
    let subject = subject(&args, session)?;
    if let Some(address) = args.explore {
        return walk(subject, address, session);
    }
    let findings: Vec<_> = subject.planned.iter().flat_map(|p| p.findings.clone()).collect();
    if !session.json() {
        render::diagnostics(session, &Diagnostics(findings.clone()));
    }
    let checked = explore(&args, &subject, session);
    let exit = report::exit(&checked, &findings);
    if session.json() {
        session.value(&report::json(&subject, &checked, exit));
    } else {
        session.say(report::text(&subject, &checked));
    }
    if let Some(file) = &args.save {
        save(file, &subject, &checked, session)?;
    }
    if args.pictures.any() {
        draw(&args.pictures, &subject, &checked, session)?;
    }
    if args.junit.is_some() || args.sarif.is_some() {
        suite::write(&args, &[suite::Outcome::of(&args, &subject, &checked, &findings)], session)?;
    }
    Ok(exit)
}

fn subject(args: &Args, session: &mut Session) -> Result<Subject, Diagnostics> {
    let catalogue = session.catalogue(&args.components)?;
    let graph = session.graph(&args.flow, &catalogue)?;
    let planned = plans(session, &graph, &args.updates, &catalogue, args.scheduler)?;
    let Args { packets, capacity, ends, hangups, .. } = *args;
    let plans: Vec<Plan> = planned.iter().map(|p| p.plan.clone()).collect();
    let mut instance = Instance::new(&graph, &plans, Bounds { packets, capacity, ends, hangups });
    if let Some(fault) = args.fault {
        instance = instance.with_fault(fault);
    }
    let stated = session.properties(&args.stated, &instance)?;
    let mut properties = properties(args);
    let instance = instance.asking(&properties).with_properties(&stated);
    properties.extend(instance.clients.iter().map(|client| client.name));
    Ok(Subject { flow: args.flow.display().to_string(), catalogue, graph, planned, instance, properties })
}

/// Those asked for, or else all that the protocol promises.
fn properties(args: &Args) -> Vec<&'static str> {
    let is_asked = |code: &&str| args.properties.iter().any(|p| p.eq_ignore_ascii_case(code));
    if args.properties.is_empty() {
        arguments::property_codes().collect()
    } else {
        arguments::all_property_codes().filter(is_asked).collect()
    }
}

fn explore(args: &Args, subject: &Subject, session: &Session) -> Checked {
    let budget = Budget { states_max: args.states, time_max: args.seconds };
    let bar = session.terminal.then(progress_bar);
    let show = |p: &Progress| {
        if let Some(bar) = &bar {
            bar.set_message(format!("{} states, {} waiting, depth {}", p.distinct, p.waiting, p.depth));
            bar.tick();
        }
    };
    let search = if args.full { Search::Full } else { Search::Reduced };
    let check = Check::new(&subject.instance).search(search).wide(args.wide).budget(budget).progress(show);
    let checked = if args.properties.is_empty() { check.run() } else { check.only(&subject.properties).run() };
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    checked
}

fn save(file: &Path, subject: &Subject, checked: &Checked, session: &mut Session) -> Result<(), Diagnostics> {
    let Verdict::Breached { breach, run, round, .. } = &checked.exploration.verdict else {
        session.tell("nothing is saved, for no run that breaks a property was found");
        return Ok(());
    };
    let updates: Vec<Update> = subject.planned.iter().map(|p| p.update.clone()).collect();
    let catalogue = declarations(&subject.catalogue, &subject.graph, &updates);
    let saved = Saved::new(&subject.instance, subject.graph.to_flow(), catalogue, &updates, run, Some(breach));
    let saved = saved.going_round(*round);
    session.write(file, &saved.to_json())?;
    session.tell(format_args!("saved; see it again with: neurath replay {}", quoted(&file.display().to_string())));
    Ok(())
}

fn draw(pictures: &Pictures, subject: &Subject, checked: &Checked, session: &mut Session) -> Result<(), Diagnostics> {
    let Verdict::Breached { breach, run, .. } = &checked.exploration.verdict else {
        session.tell("nothing is drawn, for no run that breaks a property was found");
        return Ok(());
    };
    let title = format!("{}: a run that breaks {}", subject.flow, breach.property);
    pictures.write(&title, &subject.instance, run, session)
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} exploring: {msg}").expect("the template is well-formed");
    ProgressBar::new_spinner().with_style(style)
}

fn walk(subject: Subject, address: SocketAddr, session: &mut Session) -> Answer {
    session.tell(format_args!("the states of {} can be walked through at http://{address}/", subject.flow));
    explore_in_browser(subject.instance, address)?;
    Ok(Exit::Done)
}
