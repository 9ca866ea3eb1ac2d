//! Diagnostics for people (with the source lines they speak of) and for programs.
//!
//! ```text
//! U01
//!
//!   × update `nio` changes `laod`, which is not an operator of the flow
//!    ╭─[nio.toml:6:11]
//!  5 │
//!  6 │ [operator.laod]
//!    ·           ──┬─
//!    ·             ╰── not an operator
//!    ╰────
//!   help: expected ...
//! ```
//!
//! A diagnostic can speak of places in several texts (a flow and its update): each text is shown.

use crate::cli::SCHEMA_VERSION;
use crate::cli::input::Session;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use neurath_model::diagnostic::{Diagnostic, Diagnostics, Place};
use std::fmt;
use std::ops::Range;

/// How wide diagnostics are.
const WIDTH: usize = 120;

/// Places of more lines than this are shortened.
const LINES_MAX: usize = 4;

/// Prints diagnostics: to standard error for people, to standard output as JSON.
pub fn diagnostics(session: &mut Session, diagnostics: &Diagnostics) {
    if session.json() {
        session.value(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "diagnostics": diagnostics }));
    } else {
        for diagnostic in &diagnostics.0 {
            let text = text(session, diagnostic);
            session.tell(format_args!("{}\n", text.trim_end()));
        }
    }
}

/// A diagnostic for people.
pub fn text(session: &Session, diagnostic: &Diagnostic) -> String {
    let colours = session.terminal && std::env::var_os("NO_COLOR").is_none();
    let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_break_words(false);
    let mut text = String::new();
    match handler.render_report(&mut text, &Shown::of(session, diagnostic)) {
        Ok(()) => text,
        // A place that is not in its text (the file changed since) still leaves the sentence.
        Err(fmt::Error) => format!("{diagnostic}\n"),
    }
}

/// A diagnostic as miette shows it, or its places in one more text.
#[derive(Debug)]
struct Shown {
    code: Option<&'static str>,
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
    others: Vec<Shown>,
}

impl Shown {
    fn of(session: &Session, diagnostic: &Diagnostic) -> Self {
        let mut texts = Vec::new();
        for place in &diagnostic.places {
            if session.text(&place.source).is_some() && !texts.contains(&place.source.as_str()) {
                texts.push(&place.source);
            }
        }
        let mut parts = texts.into_iter().map(|source| Self::part(session, source, &diagnostic.places));
        let first = parts.next().unwrap_or_else(Self::nowhere);
        let Diagnostic { code, message, expected, found, hint, .. } = diagnostic;
        Self {
            code: Some(code.as_str()),
            message: message.clone(),
            help: Some(format!("expected {expected}\nfound {found}\nhint: {hint}")),
            others: parts.collect(),
            ..first
        }
    }

    /// The places in one text.
    fn part(session: &Session, source: &str, places: &[Place]) -> Self {
        let text = session.text(source).unwrap_or_default();
        let here = places.iter().filter(|place| place.source == source);
        let label = |place: &Place| {
            let span = shortened(text, place.span.clone());
            LabeledSpan::new(Some(place.label.clone()), span.start, span.len())
        };
        Self {
            message: format!("and in {source}"),
            source: Some(NamedSource::new(source, text.to_owned())),
            labels: here.map(label).collect(),
            ..Self::nowhere()
        }
    }

    fn nowhere() -> Self {
        Self { code: None, message: String::new(), help: None, source: None, labels: vec![], others: vec![] }
    }
}

/// A place of many lines stands for a whole text: its first line that says something is shown.
fn shortened(text: &str, span: Range<usize>) -> Range<usize> {
    let Some(part) = text.get(span.clone()) else { return span };
    if part.lines().count() <= LINES_MAX {
        return span;
    }
    let mut start = span.start;
    for line in part.split_inclusive('\n') {
        if !line.trim().is_empty() && !line.starts_with('#') {
            return start..start + line.trim_end().len();
        }
        start += line.len();
    }
    span
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl miette::Diagnostic for Shown {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.code.map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.code.is_some() { miette::Severity::Error } else { miette::Severity::Advice })
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.others.iter().map(|other| other as &dyn miette::Diagnostic)))
    }
}
