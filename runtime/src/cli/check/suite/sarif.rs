//! Checks as a SARIF 2.1.0 log: a result for each rule and property that is broken where it should hold, and for what is undecided.

use super::{Outcome, Word};
use crate::cli::input::Session;
use neurath_model::diagnostic::{Diagnostic, Place};
use neurath_model::spec::text::position;
use neurath_sim::ledger::PROPERTIES;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn log(outcomes: &[Outcome], session: &Session) -> Value {
    let unexpected = outcomes.iter().filter(|outcome| !outcome.is_expected());
    let results: Vec<Value> = unexpected.flat_map(|outcome| results(outcome, session)).collect();
    let mut rules: BTreeMap<String, Value> = BTreeMap::new();
    for result in &results {
        let id = result["ruleId"].as_str().unwrap_or_default().to_owned();
        rules.insert(id.clone(), rule(&id));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "neurath",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_values().collect::<Vec<_>>(),
            } },
            "results": results,
        }],
    })
}

fn rule(id: &str) -> Value {
    let about = PROPERTIES.iter().find(|about| about.code == id);
    let text = about.map_or("see `neurath explain`".to_owned(), |about| about.sentence.to_owned());
    json!({ "id": id, "shortDescription": { "text": text } })
}

fn results(outcome: &Outcome, session: &Session) -> Vec<Value> {
    let whole = || vec![json!({ "physicalLocation": { "artifactLocation": { "uri": outcome.file } } })];
    let mut all: Vec<Value> = outcome.diagnostics.iter().map(|d| broken_rule(d, session, &whole)).collect();
    if let Some((property, story)) = &outcome.breach {
        all.push(result(property, "error", &format!("{}: {story}", outcome.name), whole()));
    } else if outcome.verdict == Word::Undecided {
        all.push(result("undecided", "warning", &format!("{}: the budget ran out", outcome.name), whole()));
    } else if all.is_empty() {
        all.push(result("expected", "error", &format!("{}: holds, and should not", outcome.name), whole()));
    }
    all
}

fn broken_rule(diagnostic: &Diagnostic, session: &Session, whole: &dyn Fn() -> Vec<Value>) -> Value {
    let Diagnostic { code, message, expected, found, hint, places } = diagnostic;
    let text = format!("{message}. Expected {expected}; found {found}. {hint}");
    let locations: Vec<Value> = places.iter().map(|place| location(place, session)).collect();
    result(code.as_str(), "error", &text, if locations.is_empty() { whole() } else { locations })
}

fn location(place: &Place, session: &Session) -> Value {
    let uri = json!({ "uri": place.source });
    let Some(text) = session.text(&place.source) else {
        return json!({ "physicalLocation": { "artifactLocation": uri } });
    };
    let (from, to) = (position(text, place.span.start), position(text, place.span.end));
    json!({
        "physicalLocation": {
            "artifactLocation": uri,
            "region": {
                "startLine": from.line, "startColumn": from.column, "endLine": to.line, "endColumn": to.column,
            },
        },
        "message": { "text": place.label },
    })
}

fn result(rule: &str, level: &str, text: &str, locations: Vec<Value>) -> Value {
    json!({ "ruleId": rule, "level": level, "message": { "text": text }, "locations": locations })
}
