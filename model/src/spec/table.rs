//! Reads a table key by key and says what is missing, of the wrong kind, or not known.
//!
//! A reader takes the keys that its format defines; [`Table::finish`] then reports every key that nobody took, with
//! the nearest one that the format has. So the list of known keys cannot drift from the code that reads them.

use super::report::{Report, closest, listed};
use super::tree::{Entry, Node, Shape};
use crate::diagnostic::Code;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;

/// A table of the text, being read.
pub(super) struct Table<'n> {
    what: String,
    span: Range<usize>,
    entries: &'n [Entry],
    asked: Vec<&'static str>,
}

impl<'n> Table<'n> {
    /// The node as a table that is called `what` in messages; reported if it is none.
    pub(super) fn of(node: &'n Node, what: impl Into<String>, report: &mut Report<'_>) -> Option<Self> {
        let what = what.into();
        let entries = entries(node, &what, report)?;
        Some(Self { what, span: node.span.clone(), entries, asked: Vec::new() })
    }

    /// What the table is called in messages.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    /// Calls the table otherwise, now that more is known of it.
    pub(super) fn rename(&mut self, what: String) {
        self.what = what;
    }

    /// Where the table stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of a key that may be left out.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        self.entries.iter().find(|e| e.key == key).map(|e| &e.node)
    }

    /// The value of a key that must be given; reported if it is not.
    pub(super) fn require(&mut self, key: &'static str, hint: &str, report: &mut Report<'_>) -> Option<&'n Node> {
        let node = self.take(key);
        if node.is_none() {
            let message = format!("{} lacks `{key}`", self.what);
            let fault = report.fault(Code::P02, self.span(), message).label(format!("no `{key}` in here"));
            fault.expected(format!("the key `{key}`"), self.keys()).hint(hint);
        }
        node
    }

    /// Reports the keys that were not asked for.
    pub(super) fn finish(self, report: &mut Report<'_>) {
        for entry in self.entries.iter().filter(|e| !self.asked.contains(&e.key.as_str())) {
            let message = format!("{} has an unknown key `{}`", self.what, entry.key);
            let fault = report.fault(Code::P03, entry.key_span.clone(), message).label("not a key of this format");
            let fault = fault.expected(listed(&quoted(&self.asked), "or"), format!("`{}`", entry.key));
            fault.hint(match closest(&entry.key, self.asked.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "take it out; an unknown key would change nothing".into(),
            });
        }
    }

    fn keys(&self) -> String {
        let keys: Vec<_> = self.entries.iter().map(|e| e.key.as_str()).collect();
        if keys.is_empty() { "an empty table".into() } else { format!("only {}", listed(&quoted(&keys), "and")) }
    }
}

fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| format!("`{w}`")).collect()
}

/// The entries of a table whose keys are names of the user's.
pub(super) fn entries<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n [Entry]> {
    match &node.shape {
        Shape::Table(entries) => Some(entries),
        Shape::List(_) | Shape::Leaf(_) | Shape::Foreign(_) => wrong_kind(node, what, report.table_word(), report),
    }
}

/// The items of a list.
pub(super) fn list<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n [Node]> {
    match &node.shape {
        Shape::List(items) => Some(items),
        Shape::Table(_) | Shape::Leaf(_) | Shape::Foreign(_) => wrong_kind(node, what, "a list", report),
    }
}

/// A text.
pub(super) fn text<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    match &node.shape {
        Shape::Leaf(Value::String(text)) => Some(text),
        Shape::Table(_) | Shape::List(_) | Shape::Leaf(_) | Shape::Foreign(_) => {
            wrong_kind(node, what, "a text", report)
        }
    }
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node, what: &str, report: &mut Report<'_>) -> Option<bool> {
    match &node.shape {
        Shape::Leaf(Value::Bool(truth)) => Some(*truth),
        Shape::Table(_) | Shape::List(_) | Shape::Leaf(_) | Shape::Foreign(_) => {
            wrong_kind(node, what, "true or false", report)
        }
    }
}

/// Any value.
pub(super) fn value(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Value> {
    match node.value() {
        Ok(value) => Some(value),
        Err(part) => wrong_kind(part, what, "a text, number, truth value, list or table", report),
    }
}

/// A table of any values, for notes that only editors read.
pub(super) fn notes(node: &Node, what: &str, report: &mut Report<'_>) -> Option<BTreeMap<String, Value>> {
    let notes = entries(node, what, report)?.iter().map(|entry| {
        let what = format!("`{}` in {what}", entry.key);
        Some((entry.key.clone(), value(&entry.node, &what, report)?))
    });
    // Collected twice, so that a fault in one does not hide those in the others.
    notes.collect::<Vec<_>>().into_iter().collect()
}

/// One word of a list.
pub(super) fn one_of<T: Copy>(node: &Node, what: &str, words: &[(&str, T)], report: &mut Report<'_>) -> Option<T> {
    let word = text(node, what, report)?;
    if let Some(&(_, meant)) = words.iter().find(|(w, _)| *w == word) {
        return Some(meant);
    }
    let known: Vec<_> = words.iter().map(|(w, _)| *w).collect();
    let fault =
        report.fault(Code::P03, node.span.clone(), format!("{what} is not known: `{word}`")).label("not one of them");
    fault.expected(listed(&quoted(&known), "or"), format!("`{word}`")).hint(
        match closest(word, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", known.join(", ")),
        },
    );
    None
}

/// Reports that a value is of another kind than it must be.
pub(super) fn wrong_kind<T>(node: &Node, what: &str, kind: &str, report: &mut Report<'_>) -> Option<T> {
    let found = node.describe(report.table_word());
    let fault = report.fault(Code::P03, node.span.clone(), format!("{what} is not {kind}")).label("of another kind");
    fault.expected(kind, found).hint(match kind {
        "a text" => "put it between double quotes".to_owned(),
        "true or false" => "write true or false, without quotes".to_owned(),
        "a table" => "write `{ key = value }`".to_owned(),
        "an object" => "write `{\"key\": value}`".to_owned(),
        kind => format!("write {kind} here"),
    });
    None
}
