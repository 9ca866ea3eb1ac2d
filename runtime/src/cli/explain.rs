//! `neurath explain`: what a rule or a property means, and why it is there.
//!
//! Rules have codes like `F05`, properties codes like `S4`, or, if they are to be asked for, names like `quiescence`; case and leading
//! zeros do not matter.

use crate::cli::input::Session;
use crate::cli::words::{WIDTH, wrapped};
use crate::cli::{Answer, Exit, SCHEMA_VERSION};
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use neurath_sim::ledger::PROPERTIES;
use neurath_sim::properties::About;
use neurath_sim::properties::named::{AboutNamed, NAMED};
use serde_json::{Value, json};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A code, for example F05 or S4, or the name of a property that has to be asked for; a table of all without it.
    code: Option<String>,
}

/// What a code can stand for.
#[derive(Clone, Copy)]
enum Entry {
    Rule(Code),
    Property(&'static About),
    Named(&'static AboutNamed),
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    match args.code {
        None => table(session),
        Some(code) => {
            let entry = find(&code).ok_or_else(|| unknown(&code))?;
            if session.json() {
                session.value(&versioned(entry.json()));
            } else {
                session.say(entry.text());
            }
        }
    }
    Ok(Exit::Done)
}

fn table(session: &mut Session) {
    if session.json() {
        let codes: Vec<Value> = entries().map(Entry::json).collect();
        session.value(&json!({ "schema_version": SCHEMA_VERSION, "codes": codes }));
        return;
    }
    let mut heading = "";
    for entry in entries() {
        if entry.heading() != heading {
            session.say(format_args!("{}{}\n", if heading.is_empty() { "" } else { "\n" }, entry.heading()));
            heading = entry.heading();
        }
        session.say(format_args!("  {:<1$}{2}\n", entry.code(), entry.width(), entry.title()));
    }
}

fn entries() -> impl Iterator<Item = Entry> {
    let rules = Code::ALL.iter().copied().map(Entry::Rule);
    rules.chain(PROPERTIES.iter().map(Entry::Property)).chain(NAMED.iter().map(Entry::Named))
}

fn find(code: &str) -> Option<Entry> {
    let parted = parts(code);
    let is_meant = |entry: &Entry| match &parted {
        Some(asked) => parts(entry.code()).as_ref() == Some(asked),
        None => entry.code().eq_ignore_ascii_case(code.trim()),
    };
    entries().find(is_meant)
}

/// The letter and the number of a code.
fn parts(code: &str) -> Option<(char, u32)> {
    let mut rest = code.trim().chars();
    let letter = rest.next()?.to_ascii_uppercase();
    let number = rest.as_str();
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| Some((letter, number.parse().ok()?)))?
}

fn unknown(code: &str) -> Diagnostics {
    let letter = code.trim().chars().next().map(|c| c.to_ascii_uppercase());
    let near: Vec<&str> = entries().map(Entry::code).filter(|known| known.chars().next() == letter).collect();
    let hint = match near.as_slice() {
        [] => "`neurath explain` lists all codes".into(),
        near => format!("codes that begin alike: {}", near.join(", ")),
    };
    Diagnostics(vec![Diagnostic {
        code: Code::P03,
        message: format!("`{code}` is not the code of a rule or property"),
        places: Vec::new(),
        expected: "a code like F05 (a rule) or S4 (a property)".into(),
        found: format!("`{code}`"),
        hint,
    }])
}

fn versioned(mut value: Value) -> Value {
    value["schema_version"] = json!(SCHEMA_VERSION);
    value
}

impl Entry {
    fn code(self) -> &'static str {
        match self {
            Self::Rule(code) => code.as_str(),
            Self::Property(about) => about.code,
            Self::Named(named) => named.about.code,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Rule(code) => code.title(),
            Self::Property(about) => about.name,
            Self::Named(named) => named.about.name,
        }
    }

    /// How much room its code takes in a table.
    fn width(self) -> usize {
        match self {
            Self::Rule(_) | Self::Property(_) => 5,
            Self::Named(_) => 21,
        }
    }

    /// What codes of that letter are about.
    fn heading(self) -> &'static str {
        match self {
            Self::Named(_) => "properties that are judged when asked for",
            Self::Property(about) if about.code.starts_with('L') => "properties of runs that have ended (liveness)",
            Self::Property(_) => "properties of every step of a run (safety)",
            Self::Rule(code) => match code.as_str().as_bytes().first() {
                Some(b'P') => "files",
                Some(b'F') => "flows",
                Some(b'U') => "updates",
                Some(b'R') => "running programs",
                Some(b'T') => "traces",
                _ => "schedules",
            },
        }
    }

    fn text(self) -> String {
        let paragraphs = match self {
            Self::Rule(code) => vec![code.explanation().to_owned()],
            Self::Property(about) => vec![
                about.sentence.to_owned(),
                format!("Put to the test when {}.", about.witness),
                format!("Source: {}.", about.source),
            ],
            Self::Named(AboutNamed { about, formula, .. }) => vec![
                about.sentence.to_owned(),
                format!("Formula: {formula}."),
                format!("Put to the test when {}.", about.witness),
                format!("Source: {}. Asked for with `neurath check --property {}`.", about.source, about.code),
            ],
        };
        let paragraphs: Vec<String> = paragraphs.iter().map(|text| wrapped(text, WIDTH) + "\n").collect();
        format!("{}: {}\n\n{}", self.code(), self.title(), paragraphs.join("\n"))
    }

    fn json(self) -> Value {
        match self {
            Self::Rule(code) => json!({
                "code": code.as_str(), "kind": "rule", "title": code.title(), "explanation": code.explanation(),
            }),
            Self::Property(about) => json!({
                "code": about.code, "kind": "property", "title": about.name, "sentence": about.sentence,
                "witness": about.witness, "source": about.source,
            }),
            Self::Named(AboutNamed { about, formula, .. }) => json!({
                "code": about.code, "kind": "property", "title": about.name, "sentence": about.sentence,
                "formula": formula, "witness": about.witness, "source": about.source,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_in_any_writing() {
        for entry in entries() {
            let Some((letter, number)) = parts(entry.code()) else {
                assert!(matches!(entry, Entry::Named(_)), "a code is a letter and a number");
                assert_eq!(find(&entry.code().to_uppercase()).map(Entry::code), Some(entry.code()));
                continue;
            };
            for asked in [entry.code().to_lowercase(), format!("{letter}{number}"), format!("{letter}{number:03}")] {
                assert_eq!(find(&asked).map(Entry::code), Some(entry.code()), "{asked}");
            }
        }
    }

    #[test]
    fn what_is_no_code_is_refused_with_those_that_begin_alike() {
        for wrong in ["", "S", "4", "F99", "F+5", "S4x", "ü1"] {
            assert!(find(wrong).is_none(), "{wrong}");
        }
        assert!(unknown("f99").0[0].hint.contains("F01, F02"));
        assert!(unknown("").0[0].hint.contains("lists all"));
    }
}
