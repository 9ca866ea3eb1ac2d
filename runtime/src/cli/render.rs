//! Diagnostics for people (with the source lines they speak of) and for programs.

use crate::cli::SCHEMA_VERSION;
use crate::cli::input::Session;
use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
use neurath_model::diagnostic::{Diagnostic, Diagnostics};
use serde::Serialize;

/// Prints diagnostics: to standard error for people, to standard output as JSON.
pub fn diagnostics(session: &Session, diagnostics: &Diagnostics) {
    if session.json() {
        value(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "diagnostics": diagnostics }));
    } else {
        for diagnostic in &diagnostics.0 {
            eprint!("{}", text(session, diagnostic));
        }
    }
}

/// Prints a JSON value on standard output.
pub fn value(value: &impl Serialize) {
    println!("{}", serde_json::to_string_pretty(value).expect("our values have only text keys"));
}

/// A diagnostic for people.
pub fn text(session: &Session, diagnostic: &Diagnostic) -> String {
    let help = format!("expected {}\nfound {}\nhint: {}", diagnostic.expected, diagnostic.found, diagnostic.hint);
    let plain = MietteDiagnostic::new(diagnostic.message.clone()).with_code(diagnostic.code.as_str()).with_help(help);
    let Some(first) = diagnostic.places.first() else { return format!("{:?}\n", Report::new(plain)) };
    let Some(source) = session.text(&first.source) else {
        return format!("{:?}\n", Report::new(plain));
    };
    let same_source = diagnostic.places.iter().filter(|p| p.source == first.source);
    let labels = same_source.map(|p| LabeledSpan::new(Some(p.label.clone()), p.span.start, p.span.len()));
    let report = Report::new(plain.with_labels(labels));
    format!("{:?}\n", report.with_source_code(NamedSource::new(first.source.clone(), source.to_owned())))
}
