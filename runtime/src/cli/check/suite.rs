//! `neurath check DIR`: many checks in one go, for continuous integration.
//!
//! ```text
//!   DIR/checks.toml --> a check each --> a line each --> as expected: 0 | not: 1 | undecided: 3
//!                                          '-> JUnit XML, SARIF
//! ```
//!
//! The manifest says which updates are checked on which flow, within which bounds, and what is expected; paths in it start
//! from its folder.

mod junit;
mod sarif;

use super::{Args, Pictures, Subject, explore, report, subject};
use crate::cli::input::Session;
use crate::cli::{Answer, Exit, SCHEMA_VERSION, render, words};
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, Place};
use neurath_model::plan::Scheduler;
use neurath_sim::check::Checked;
use neurath_sim::explore::{Budget, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file that says what is checked.
const MANIFEST: &str = "checks.toml";

/// The manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    check: Vec<Entry>,
}

/// One check of the manifest.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    flow: PathBuf,
    #[serde(default)]
    updates: Vec<PathBuf>,
    #[serde(default)]
    components: Vec<PathBuf>,
    #[serde(default)]
    properties: Vec<PathBuf>,
    scheduler: Option<Scheduler>,
    packets: Option<NonZeroU64>,
    capacity: Option<NonZeroUsize>,
    #[serde(default)]
    ends: bool,
    #[serde(default)]
    hangups: bool,
    #[serde(default)]
    full: bool,
    states: Option<u64>,
    seconds: Option<u64>,
    #[serde(default)]
    expect: Word,
}

/// What a check says, and what is expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    /// No run within the bounds breaks a property.
    #[default]
    Holds,
    /// A rule or a property is broken.
    Refused,
    /// The budget ran out.
    Undecided,
}

impl Word {
    fn text(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Refused => "refused",
            Self::Undecided => "undecided",
        }
    }
}

/// What came of one check.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    name: String,
    /// The file that is checked: the last update, or the flow.
    file: String,
    verdict: Word,
    expected: Word,
    /// All that there is to say, as for a check of its own.
    said: String,
    /// Rules that are broken.
    diagnostics: Vec<Diagnostic>,
    /// The property that a run breaks, and its story.
    breach: Option<(String, String)>,
    states: u64,
    seconds: f64,
}

impl Outcome {
    /// Whether it is what was expected.
    fn is_expected(&self) -> bool {
        self.verdict == self.expected
    }

    /// What a check says that was run on its own.
    pub(super) fn of(args: &Args, subject: &Subject, checked: &Checked, findings: &[Diagnostic]) -> Self {
        let verdict = match report::exit(checked, findings) {
            Exit::Done => Word::Holds,
            Exit::Negative => Word::Refused,
            Exit::Undecided | Exit::Unreachable => Word::Undecided,
        };
        let breach = match &checked.exploration.verdict {
            Verdict::Breached { breach, .. } => Some((breach.property.to_owned(), breach.story.clone())),
            Verdict::Holds | Verdict::Undecided { .. } => None,
        };
        Self {
            name: name_of(args),
            file: file_of(args),
            verdict,
            expected: Word::Holds,
            said: report::text(subject, checked),
            diagnostics: findings.to_vec(),
            breach,
            states: checked.exploration.distinct,
            seconds: checked.exploration.elapsed.as_secs_f64(),
        }
    }
}

fn name_of(args: &Args) -> String {
    let last = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    std::iter::once(&args.flow).chain(&args.updates).map(last).collect::<Vec<_>>().join(" + ")
}

fn file_of(args: &Args) -> String {
    args.updates.last().unwrap_or(&args.flow).display().to_string()
}

/// Writes what is asked for.
pub(super) fn write(args: &Args, outcomes: &[Outcome], session: &mut Session) -> Result<(), Diagnostics> {
    if let Some(file) = &args.junit {
        session.write(file, &junit::text(outcomes))?;
    }
    if let Some(file) = &args.sarif {
        let text =
            serde_json::to_string_pretty(&sarif::log(outcomes, session)).expect("our values have only text keys");
        session.write(file, &(text + "\n"))?;
    }
    Ok(())
}

/// What was given beside a folder and has no meaning there: each check says for itself within which bounds it is run.
fn unheeded(args: &Args) -> Option<&'static str> {
    let alone = Entry::default().args(Path::new(""));
    let given = [
        (!args.updates.is_empty(), "an update"),
        (!args.components.is_empty(), "--components"),
        (args.scheduler.is_some(), "--scheduler"),
        (args.packets != alone.packets, "--packets"),
        (args.capacity != alone.capacity, "--capacity"),
        (args.ends, "--ends"),
        (args.hangups, "--hangups"),
        (args.full, "--full"),
        (args.wide, "--wide"),
        (args.states != alone.states, "--states"),
        (args.seconds.is_some(), "--seconds"),
        (!args.properties.is_empty(), "--property"),
        (!args.stated.is_empty(), "--properties"),
        (args.fault.is_some(), "--fault"),
        (args.save.is_some(), "--save"),
        (args.pictures.any(), "a picture"),
        (args.explore.is_some(), "--explore"),
    ];
    given.into_iter().find(|(is_given, _)| *is_given).map(|(_, option)| option)
}

/// Runs all checks of a folder.
pub(super) fn run(args: &Args, session: &mut Session) -> Answer {
    if let Some(option) = unheeded(args) {
        let expected = "a folder with --junit, --sarif and --format, and nothing else";
        let hint = "write it into the entry of `checks.toml` that it is meant for, or check the flow by itself";
        let message = format!("{option} has no meaning for the folder `{}`", args.flow.display());
        return Err(refused(None, message, [expected, option, hint]).into());
    }
    let entries = manifest(&args.flow.join(MANIFEST), session)?;
    let mut outcomes = Vec::new();
    for entry in &entries {
        let outcome = check(&entry.args(&args.flow), entry, session);
        if !session.json() {
            session.line(line(&outcome));
            if !outcome.is_expected() {
                session.tell(&outcome.said);
            }
        }
        outcomes.push(outcome);
    }
    let counts = [Word::Holds, Word::Refused, Word::Undecided].map(|word| count(&outcomes, word));
    let unexpected = outcomes.iter().filter(|outcome| !outcome.is_expected());
    let exit = match unexpected.clone().map(|outcome| outcome.verdict).find(|verdict| *verdict != Word::Undecided) {
        Some(_) => Exit::Negative,
        None if unexpected.clone().next().is_some() => Exit::Undecided,
        None => Exit::Done,
    };
    if session.json() {
        session.value(&json(&outcomes));
    } else {
        let [holds, refused, undecided] = counts;
        let as_expected = match unexpected.count() {
            0 => "all as expected".to_owned(),
            n => format!("{n} not as expected"),
        };
        session.line(format_args!(
            "\n{}: {holds} hold, {refused} refused, {undecided} undecided; {as_expected}",
            words::count(outcomes.len(), "check")
        ));
    }
    write(args, &outcomes, session)?;
    Ok(exit)
}

fn count(outcomes: &[Outcome], word: Word) -> usize {
    outcomes.iter().filter(|outcome| outcome.verdict == word).count()
}

fn line(outcome: &Outcome) -> String {
    let mark = if outcome.is_expected() { " " } else { "!" };
    let Outcome { name, verdict, states, seconds, .. } = outcome;
    let why = match (&outcome.breach, outcome.diagnostics.first()) {
        (Some((property, _)), _) => format!(": {property}"),
        (None, Some(diagnostic)) => format!(": {}", diagnostic.code),
        (None, None) => String::new(),
    };
    format!("{mark} {:9}  {name}{why} ({}, {seconds:.3} s)", verdict.text(), words::count(*states as usize, "state"))
}

fn json(outcomes: &[Outcome]) -> serde_json::Value {
    let one = |o: &Outcome| {
        json!({
            "name": o.name, "verdict": o.verdict, "expected": o.expected, "states": o.states, "seconds": o.seconds,
            "breach": o.breach.as_ref().map(|(property, story)| json!({ "property": property, "story": story })),
            "findings": o.diagnostics,
        })
    };
    json!({ "schema_version": SCHEMA_VERSION, "checks": outcomes.iter().map(one).collect::<Vec<_>>() })
}

/// One check; what breaks a rule is a verdict here, not the end.
fn check(args: &Args, entry: &Entry, session: &mut Session) -> Outcome {
    let began = Instant::now();
    let mut outcome = match subject(args, session) {
        Ok(subject) => {
            let findings: Vec<_> = subject.planned.iter().flat_map(|p| p.findings.clone()).collect();
            Outcome::of(args, &subject, &explore(args, &subject, session), &findings)
        }
        Err(Diagnostics(diagnostics)) => Outcome {
            name: name_of(args),
            file: file_of(args),
            verdict: Word::Refused,
            expected: Word::Holds,
            said: diagnostics.iter().map(|diagnostic| render::text(session, diagnostic)).collect(),
            diagnostics,
            breach: None,
            states: 0,
            seconds: began.elapsed().as_secs_f64(),
        },
    };
    outcome.expected = entry.expect;
    if let Some(name) = &entry.name {
        outcome.name.clone_from(name);
    }
    outcome
}

impl Entry {
    /// The arguments that the command would have for this check alone.
    fn args(&self, folder: &Path) -> Args {
        let within = |paths: &[PathBuf]| paths.iter().map(|path| folder.join(path)).collect();
        let Self { scheduler, ends, hangups, full, .. } = *self;
        Args {
            flow: folder.join(&self.flow),
            updates: within(&self.updates),
            components: within(&self.components),
            scheduler,
            packets: self.packets.map_or(2, NonZeroU64::get),
            capacity: self.capacity.map_or(1, NonZeroUsize::get),
            ends,
            hangups,
            full,
            wide: false,
            states: self.states.unwrap_or(Budget::default().states_max),
            seconds: self.seconds.map(Duration::from_secs),
            properties: Vec::new(),
            stated: within(&self.properties),
            fault: None,
            save: None,
            pictures: Pictures::default(),
            junit: None,
            sarif: None,
            explore: None,
        }
    }
}

fn manifest(path: &Path, session: &mut Session) -> Result<Vec<Entry>, Diagnostics> {
    let (source, text) = session.read(path)?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| unreadable(&source, &error))?;
    Ok(manifest.check)
}

fn unreadable(source: &str, error: &toml::de::Error) -> Diagnostics {
    let expected = "`[[check]]` with `flow`, and perhaps `name`, `updates`, `components`, `properties`, `scheduler`, `packets`, \
                    `capacity`, `ends`, `hangups`, `full`, `states`, `seconds` and `expect`";
    let found = error.message().to_owned();
    let hint = "see the chapter on the model checker for an example";
    let place = Place { source: source.into(), span: error.span().unwrap_or(0..0), label: "here".into() };
    refused(Some(place), "the manifest cannot be understood".into(), [expected, &found, hint])
}

fn refused(place: Option<Place>, message: String, texts: [&str; 3]) -> Diagnostics {
    let [expected, found, hint] = texts.map(str::to_owned);
    let places = place.into_iter().collect();
    Diagnostics(vec![Diagnostic { code: Code::P03, message, places, expected, found, hint }])
}
