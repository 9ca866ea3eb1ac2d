//! `neurath sim`: many runs of a flow, each drawn from its seed: how much happens, which updates, in which order.
//!
//! ```text
//!   seeds 0..1000 --> configuration --> run --> every property held   0
//!                                          '--> one was broken: shrunk, told, and the command that repeats it   1
//! ```

mod report;

use crate::cli::input::Session;
use crate::cli::planned::{declarations, plans};
use crate::cli::{Answer, Exit, arguments, words};
use indicatif::{ProgressBar, ProgressStyle};
use neurath_model::diagnostic::Diagnostics;
use neurath_model::plan::Scheduler;
use neurath_sim::explore::Budget;
use neurath_sim::generate::Subject;
use neurath_sim::instance::{Fault, Instance};
use neurath_sim::narrate::narrate;
use neurath_sim::schedule::{Saved, to_trace};
use neurath_sim::simulate::{
    Options, Outcome, Shrunk, Summary, configuration, shrink, simulate, simulate_many, simulate_twice,
};
use std::ops::Range;
use std::path::PathBuf;

/// States that may be looked at for each small instance in which a shorter run is looked for: a second or two.
const SHRINK_STATES: u64 = 200_000;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The flow: `.fbp`, or FBP JSON if the name ends in `.json`.
    flow: PathBuf,
    /// Updates, submitted in this order; without any, each seed draws its own.
    #[arg(num_args = 0..=Instance::UPDATES_MAX)]
    updates: Vec<PathBuf>,
    /// The seeds, the last not included: 0..1000, or a single one.
    #[arg(long, value_name = "A..B", default_value = "0..1000", value_parser = arguments::seeds)]
    seeds: Range<u64>,
    /// A file of component declarations, for components that are not compiled in.
    #[arg(long, value_name = "FILE")]
    components: Vec<PathBuf>,
    /// How the updates travel: `stop-the-world`, `direct`, `dependent`, `epoch` or `scoped` [default: each seed draws one for each
    /// update, of those that promise what it asks for].
    #[arg(long, value_name = "NAME")]
    scheduler: Option<Scheduler>,
    /// Draw no disturbances and no crashes.
    #[arg(long)]
    calm: bool,
    /// Take each run twice, and compare the two step by step.
    #[arg(long)]
    twice: bool,
    /// Put in a fault, which the simulation must find.
    #[arg(long, hide = true, value_name = "NAME", value_parser = arguments::fault())]
    fault: Option<Fault>,
    /// Save the run that failed, or else the last one, for `neurath replay`.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write the same run as a trace.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Tell the configuration of each seed; that of a single seed is always told.
    #[arg(long)]
    configuration: bool,
    /// Tell every run, with its configuration.
    #[arg(long, short)]
    verbose: bool,
}

/// A failing seed, and what was made of it.
struct Failed {
    outcome: Outcome,
    shrunk: Shrunk,
    command: String,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let subject = subject(&args, session)?;
    let options = Options { fault: args.fault, calm: args.calm };
    if args.verbose {
        tell_all(&args, &subject, &options, session);
    } else if args.configuration || args.seeds.end - args.seeds.start == 1 {
        tell_configurations(&args, &subject, &options, session);
    }
    if args.twice && !are_same_twice(&args, &subject, &options, session) {
        return Ok(Exit::Negative);
    }
    let mut summary = simulated(&args, &subject, &options, session.terminal);
    let failed = summary.failure.take().map(|outcome| {
        let budget = Budget { states_max: SHRINK_STATES, time_max: None };
        let shrunk = shrink(&subject, &outcome, args.fault, budget);
        Failed { shrunk, command: command(&args, &outcome), outcome }
    });
    keep(&args, &subject, failed.as_ref(), session)?;
    if session.json() {
        session.value(&report::json(&args, &summary, failed.as_ref()));
    } else {
        session.say(report::text(&args, &summary, failed.as_ref()));
    }
    Ok(if failed.is_none() { Exit::Done } else { Exit::Negative })
}

fn subject(args: &Args, session: &mut Session) -> Result<Subject, Diagnostics> {
    let catalogue = session.catalogue(&args.components)?;
    let graph = session.graph(&args.flow, &catalogue)?;
    // Planned here as well, since only with their texts can diagnostics show places.
    let planned = plans(session, &graph, &args.updates, &catalogue, args.scheduler)?;
    let findings: Vec<_> = planned.iter().flat_map(|p| p.findings.clone()).collect();
    if args.scheduler != Some(Scheduler::Direct) && !findings.is_empty() {
        return Err(Diagnostics(findings));
    }
    let updates: Vec<_> = planned.into_iter().map(|p| p.update).collect();
    Subject::new(graph, &catalogue, args.scheduler).with_updates(&updates)
}

fn tell_all(args: &Args, subject: &Subject, options: &Options, session: &mut Session) {
    for seed in args.seeds.clone() {
        let Outcome { swarm, choices, breach, .. } = simulate(subject, seed, options);
        let story = narrate(&swarm.instance(options.fault), &choices);
        let told = format!("{swarm}\n\n{story}\n");
        if session.json() {
            session.tell(told);
        } else {
            session.say(told + "\n");
        }
        if breach.is_some() {
            break;
        }
    }
}

fn tell_configurations(args: &Args, subject: &Subject, options: &Options, session: &mut Session) {
    for seed in args.seeds.clone() {
        let told = format!("{}\n", configuration(subject, seed, options));
        if session.json() {
            session.tell(told);
        } else {
            session.say(told + "\n");
        }
    }
}

/// Whether each seed is the same run twice; tells of the first that is not.
fn are_same_twice(args: &Args, subject: &Subject, options: &Options, session: &mut Session) -> bool {
    let different = args.seeds.clone().find_map(|seed| simulate_twice(subject, seed, options).err());
    if let Some(difference) = &different {
        session.tell(difference);
    }
    different.is_none()
}

fn simulated(args: &Args, subject: &Subject, options: &Options, terminal: bool) -> Summary {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {msg}").expect("the template is well-formed");
    let bar = terminal.then(|| ProgressBar::new(args.seeds.end - args.seeds.start).with_style(style));
    let summary = simulate_many(subject, args.seeds.clone(), options, |so_far| {
        if let Some(bar) = &bar {
            bar.set_position(so_far.runs);
            bar.set_message(format!("{} steps", so_far.steps));
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    summary
}

/// Writes the files asked for: of the run that failed, or else of the last one.
fn keep(args: &Args, subject: &Subject, failed: Option<&Failed>, session: &Session) -> Result<(), Diagnostics> {
    if args.save.is_none() && args.trace.is_none() {
        return Ok(());
    }
    let (graph, instance, updates, choices, breach) = match failed {
        Some(Failed { shrunk, .. }) => {
            let Shrunk { graph, instance, updates, choices, breach, .. } = shrunk.clone();
            (graph, instance, updates, choices, Some(breach))
        }
        None => {
            let options = Options { fault: args.fault, calm: args.calm };
            let last = simulate(subject, args.seeds.end - 1, &options);
            let updates = last.swarm.updates().to_vec();
            (subject.graph.clone(), last.swarm.instance(args.fault), updates, last.choices, last.breach)
        }
    };
    let flow = graph.to_flow();
    let catalogue = declarations(&subject.catalogue, &graph, &updates);
    if let Some(file) = &args.save {
        let saved = Saved::new(&instance, flow.clone(), catalogue.clone(), &updates, &choices, breach.as_ref());
        session.write(file, &saved.to_json())?;
    }
    if let Some(file) = &args.trace {
        session.write(file, &to_trace(&instance, flow, catalogue, &updates, &choices))?;
    }
    Ok(())
}

/// The command that runs the seed again.
fn command(args: &Args, outcome: &Outcome) -> String {
    let path = |path: &PathBuf| words::quoted(&path.display().to_string());
    let mut flags: Vec<String> = args.updates.iter().map(path).collect();
    flags.extend(args.components.iter().map(|file| format!("--components {}", path(file))));
    flags.extend(args.scheduler.map(|scheduler| format!("--scheduler {scheduler}")));
    flags.extend(args.fault.map(|fault| format!("--fault {fault}")));
    flags.extend(args.calm.then(|| "--calm".to_owned()));
    outcome.command(&path(&args.flow), &flags.join(" "))
}
