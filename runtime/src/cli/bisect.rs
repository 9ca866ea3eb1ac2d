//! `neurath bisect`: the step of a saved run that is to blame, beside the one that breaks the property.

use crate::cli::input::Session;
use crate::cli::words::count;
use crate::cli::{Answer, Exit, SCHEMA_VERSION};
use neurath_model::choice::Choice;
use neurath_sim::bisect::{Bisection, bisect};
use neurath_sim::instance::Instance;
use neurath_sim::narrate::{Story, narrate};
use neurath_sim::schedule::{Saved, lines};
use serde_json::json;
use std::path::PathBuf;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run saved by `neurath check --save` or `neurath sim --save` that breaks a property.
    file: PathBuf,
    /// Look at no more than this many states for each step that is asked about.
    #[arg(long, value_name = "MAX", default_value_t = 500_000)]
    states: usize,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let (source, text) = session.read(&args.file)?;
    let saved = Saved::parse(&source, &text)?;
    let (instance, choices, _) = saved.replay()?;
    let Some(found) = bisect(&instance, &choices, args.states) else {
        session.tell(format_args!("{source} is a run that breaks no property: there is no step to blame"));
        return Ok(Exit::Negative);
    };
    if session.json() {
        let way = found.avoidable.as_ref().map(|(step, way)| {
            let whole: Vec<Choice> = choices[..*step].iter().chain(way).cloned().collect();
            json!({ "after": step, "run": lines(&instance, &saved.updates, &whole) })
        });
        session.value(&json!({
            "schema_version": SCHEMA_VERSION,
            "source": source,
            "property": found.breach.property,
            "story": found.breach.story,
            "decided": found.is_decided(),
            "lost_from": found.lost,
            "latched_by": found.latched,
            "avoidable": way,
        }));
    } else {
        session.say(told(&instance, &choices, &found));
    }
    Ok(if found.is_decided() { Exit::Done } else { Exit::Undecided })
}

fn told(instance: &Instance, choices: &[Choice], found: &Bisection) -> String {
    let story = narrate(instance, choices);
    let property = found.breach.property;
    let mut text = String::new();
    for line in story.to_string().lines().take(story.lines.len()).zip(1..) {
        let (line, step) = line;
        let here =
            if step == found.lost { format!("   <== from here on {property} cannot be kept") } else { String::new() };
        text += &format!("{line}{here}\n");
    }
    text + "\n" + &sentences(&story, choices.len(), found)
}

fn sentences(story: &Story, length: usize, found: &Bisection) -> String {
    let Bisection { breach, latched, avoidable, lost } = found;
    let property = breach.property;
    let step = |step: usize| match step.checked_sub(1).and_then(|i| story.lines.get(i)) {
        Some(line) => format!("step {step}, where {} {}", line.operator, line.text),
        None => "the start".into(),
    };
    let broken = if *latched > length {
        format!("{property} is broken when nothing can happen any more: {}", breach.story)
    } else {
        format!("{property} is broken by step {latched}: {}", breach.story)
    };
    let blamed = if found.is_decided() {
        format!("it cannot be kept any more from {} on", step(*lost))
    } else {
        format!(
            "undecided: it cannot be kept any more from {} on, and perhaps not from an earlier step on",
            step(*lost)
        )
    };
    let way = match avoidable {
        Some((step, way)) => {
            format!("after step {step} a way to go on is known that keeps it, of {}", count(way.len(), "step"))
        }
        None => "no way to keep it is known, even from the start".into(),
    };
    format!("{broken}\n{blamed}\n{way}\n")
}
