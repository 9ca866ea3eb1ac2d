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
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use neurath_model::plan::Scheduler;
use neurath_sim::explore::Budget;
use neurath_sim::generate::{Nursery, Subject, Subjects};
use neurath_sim::instance::{Fault, Instance};
use neurath_sim::narrate::narrate;
use neurath_sim::scenario::shapes;
use neurath_sim::schedule::{Saved, to_trace};
use neurath_sim::simulate::{
    Options, Outcome, Shrunk, Summary, configuration, shrink, simulate, simulate_many, simulate_twice,
};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// States that may be looked at for each small instance in which a shorter run is looked for: a second or two.
const SHRINK_STATES: u64 = 200_000;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The flow: `.fbp`, or FBP JSON if the name ends in `.json`.
    #[arg(required_unless_present = "grown")]
    flow: Option<PathBuf>,
    /// Updates, submitted in this order; without any, each seed draws its own.
    #[arg(num_args = 0..=Instance::UPDATES_MAX)]
    updates: Vec<PathBuf>,
    /// Let each seed grow a flow of its own, of the components given, or else of components of every shape there is.
    #[arg(long, conflicts_with = "flow")]
    grown: bool,
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
    /// What the seed drew where it was printed; if it draws anything else here, nothing is run.
    #[arg(long, value_name = "MARK")]
    drawn: Option<String>,
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
    let subjects = subjects(&args, session)?;
    let options = Options { fault: args.fault, calm: args.calm };
    if let Some(mark) = &args.drawn {
        draws_the_same(&args, &subjects, &options, mark)?;
    }
    if args.verbose {
        tell_all(&args, &subjects, &options, session);
    } else if args.configuration || args.seeds.end - args.seeds.start == 1 {
        tell_configurations(&args, &subjects, &options, session);
    }
    if args.twice && !are_same_twice(&args, &subjects, &options, session) {
        return Ok(Exit::Negative);
    }
    let mut summary = simulated(&args, &subjects, &options, session.terminal);
    let failed = summary.failure.take().map(|outcome| {
        let budget = Budget { states_max: SHRINK_STATES, time_max: None };
        let shrunk = shrink(&subjects.of(outcome.seed), &outcome, args.fault, budget);
        Failed { shrunk, command: command(&args, &outcome), outcome }
    });
    keep(&args, &subjects, failed.as_ref(), session)?;
    if session.json() {
        session.value(&report::json(&args, &summary, failed.as_ref()));
    } else {
        session.say(report::text(&args, &summary, failed.as_ref()));
    }
    Ok(if failed.is_none() { Exit::Done } else { Exit::Negative })
}

fn subjects(args: &Args, session: &mut Session) -> Result<Subjects, Diagnostics> {
    match &args.flow {
        Some(flow) => Ok(subject(args, flow, session)?.into()),
        None => nursery(args, session).map(|nursery| Subjects::Grown(Box::new(nursery))),
    }
}

fn nursery(args: &Args, session: &mut Session) -> Result<Nursery, Diagnostics> {
    let catalogue = if args.components.is_empty() { shapes() } else { session.catalogue(&args.components)? };
    Nursery::new(&catalogue, args.scheduler).ok_or_else(|| {
        let expected = "a source from whose outputs components lead to a sink, or round a loop";
        let components: Vec<String> = catalogue.components().map(|c| c.id.to_string()).collect();
        refused(
            Code::F01,
            "no flow can be made of these components",
            [expected, &components.join(", "), "declare a source and a sink in the file given with --components"],
        )
    })
}

/// X02 unless the one seed that is asked for draws what it drew.
fn draws_the_same(args: &Args, subjects: &Subjects, options: &Options, mark: &str) -> Result<(), Diagnostics> {
    let seed = args.seeds.start;
    if args.seeds.end - seed > 1 {
        let found = format!("seeds {}..{}", seed, args.seeds.end);
        let texts = ["one seed", &found, "give the seed that was printed with the mark, for example `--seeds 17`"];
        return Err(refused(Code::X02, "a mark is that of one seed", texts));
    }
    let here = configuration(&subjects.of(seed), seed, options).mark();
    if here == mark {
        return Ok(());
    }
    let hint = "use the version of neurath, the flow, the updates and the options that it was printed with; or replay a saved run";
    let (expected, found) = (format!("what has the mark {mark}"), format!("what has the mark {here}"));
    Err(refused(Code::X02, &format!("seed {seed} draws something else here"), [&expected, &found, hint]))
}

fn refused(code: Code, message: &str, [expected, found, hint]: [&str; 3]) -> Diagnostics {
    let [message, expected, found, hint] = [message, expected, found, hint].map(str::to_owned);
    Diagnostics(vec![Diagnostic { code, message, places: Vec::new(), expected, found, hint }])
}

fn subject(args: &Args, flow: &Path, session: &mut Session) -> Result<Subject, Diagnostics> {
    let catalogue = session.catalogue(&args.components)?;
    let graph = session.graph(flow, &catalogue)?;
    // Planned here as well, since only with their texts can diagnostics show places.
    let planned = plans(session, &graph, &args.updates, &catalogue, args.scheduler)?;
    let findings: Vec<_> = planned.iter().flat_map(|p| p.findings.clone()).collect();
    if args.scheduler != Some(Scheduler::Direct) && !findings.is_empty() {
        return Err(Diagnostics(findings));
    }
    let updates: Vec<_> = planned.into_iter().map(|p| p.update).collect();
    Subject::new(graph, &catalogue, args.scheduler).with_updates(&updates)
}

fn tell_all(args: &Args, subjects: &Subjects, options: &Options, session: &mut Session) {
    for seed in args.seeds.clone() {
        let Outcome { swarm, choices, breach, .. } = simulate(&subjects.of(seed), seed, options);
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

fn tell_configurations(args: &Args, subjects: &Subjects, options: &Options, session: &mut Session) {
    for seed in args.seeds.clone() {
        let told = format!("{}\n", configuration(&subjects.of(seed), seed, options));
        if session.json() {
            session.tell(told);
        } else {
            session.say(told + "\n");
        }
    }
}

/// Whether each seed is the same run twice; tells of the first that is not.
fn are_same_twice(args: &Args, subjects: &Subjects, options: &Options, session: &mut Session) -> bool {
    let different = args.seeds.clone().find_map(|seed| simulate_twice(&subjects.of(seed), seed, options).err());
    if let Some(difference) = &different {
        session.tell(difference);
    }
    different.is_none()
}

fn simulated(args: &Args, subjects: &Subjects, options: &Options, terminal: bool) -> Summary {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {msg}").expect("the template is well-formed");
    let bar = terminal.then(|| ProgressBar::new(args.seeds.end - args.seeds.start).with_style(style));
    let summary = simulate_many(subjects, args.seeds.clone(), options, |so_far| {
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
fn keep(args: &Args, subjects: &Subjects, failed: Option<&Failed>, session: &Session) -> Result<(), Diagnostics> {
    if args.save.is_none() && args.trace.is_none() {
        return Ok(());
    }
    let seed = failed.map_or(args.seeds.end - 1, |failed| failed.outcome.seed);
    let subject = subjects.of(seed);
    let (graph, instance, updates, choices, breach) = match failed {
        Some(Failed { shrunk, .. }) => {
            let Shrunk { graph, instance, updates, choices, breach, .. } = shrunk.clone();
            (graph, instance, updates, choices, Some(breach))
        }
        None => {
            let options = Options { fault: args.fault, calm: args.calm };
            let last = simulate(&subject, seed, &options);
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
    let mut words: Vec<String> = args.flow.iter().chain(&args.updates).map(path).collect();
    words.extend(args.grown.then(|| "--grown".to_owned()));
    words.extend(args.components.iter().map(|file| format!("--components {}", path(file))));
    words.extend(args.scheduler.map(|scheduler| format!("--scheduler {scheduler}")));
    words.extend(args.fault.map(|fault| format!("--fault {fault}")));
    words.extend(args.calm.then(|| "--calm".to_owned()));
    outcome.command(&words)
}
