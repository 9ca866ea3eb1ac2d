//! Properties in TOML: what a user wants to be so of a flow, beside what the protocol promises.
//!
//! ```toml
//! [[property]]
//! name = "every request is answered"
//! kind = "responds"                 # never, once, responds, in-order, before or at-most
//! from = "parse"
//! to = "reply"
//! ```
//!
//! Operators and updates are those of the flow, and of the updates, that are checked.

use super::report::{Report, closest};
use super::table::{self, Table};
use super::tree::{self, Node};
use crate::diagnostic::{Code, Diagnostics};
use crate::property::{Kind, Property};
use serde_json::Value;

const KINDS: [(&str, &str); 6] = [
    ("never", "never"),
    ("once", "once"),
    ("responds", "responds"),
    ("in-order", "in-order"),
    ("before", "before"),
    ("at-most", "at-most"),
];

/// The names that properties may speak of.
#[derive(Debug, Clone, Default)]
pub struct Known<'a> {
    /// Operators, those that updates bring in among them.
    pub operators: Vec<&'a str>,
    /// Updates.
    pub updates: Vec<&'a str>,
    /// Names that are taken: codes of properties that are built in.
    pub taken: Vec<&'a str>,
}

/// Reads properties, or says everything that is wrong with them.
pub fn parse(source_name: &str, text: &str, known: &Known<'_>) -> Result<Vec<Property>, Diagnostics> {
    let mut reader = Reader { report: Report::new(source_name), known, names: Vec::new() };
    let root = tree::toml(text, &mut reader.report);
    let properties = root.and_then(|root| reader.root(&root)).unwrap_or_default();
    reader.report.finish(properties)
}

struct Reader<'s> {
    report: Report<'s>,
    known: &'s Known<'s>,
    names: Vec<String>,
}

impl Reader<'_> {
    fn root(&mut self, root: &Node) -> Option<Vec<Property>> {
        let mut table = Table::of(root, "the property file", &mut self.report)?;
        let list =
            table.require("property", "begin with `[[property]]`, `name = \"...\"` and `kind`", &mut self.report);
        table.finish(&mut self.report);
        let list = table::list(list?, "`property`", &mut self.report)?;
        // All are read, so that all that is wrong is told.
        let all: Vec<Option<Property>> = list.iter().map(|node| self.property(node)).collect();
        all.into_iter().collect()
    }

    fn property(&mut self, node: &Node) -> Option<Property> {
        let mut table = Table::of(node, "`[[property]]`", &mut self.report)?;
        let name = table.require("name", "a name for messages", &mut self.report);
        let kind = table.require("kind", "one of never, once, responds, in-order, before, at-most", &mut self.report);
        let name = name.and_then(|node| self.name(node));
        let kind = kind.and_then(|node| table::one_of(node, "the property's `kind`", &KINDS, &mut self.report));
        let Some(kind) = kind else {
            // Which keys belong to it is not known.
            for key in ["at", "after", "from", "to", "limit"] {
                table.take(key);
            }
            table.finish(&mut self.report);
            return None;
        };
        let kind = self.kind(kind, &mut table);
        table.finish(&mut self.report);
        Some(Property { name: name?, kind: kind? })
    }

    fn name(&mut self, node: &Node) -> Option<String> {
        let name = table::text(node, "the property's `name`", &mut self.report)?;
        let taken = self.known.taken.iter().any(|taken| taken.eq_ignore_ascii_case(name));
        if taken || self.names.iter().any(|other| other == name) {
            let fault =
                self.report.fault(Code::P04, node.span.clone(), format!("a property `{name}` is there already"));
            fault.label("a second one").expected("a name of its own", format!("`{name}`")).hint("give it another name");
            return None;
        }
        self.names.push(name.to_owned());
        Some(name.to_owned())
    }

    fn kind(&mut self, kind: &str, table: &mut Table<'_>) -> Option<Kind> {
        match kind {
            "never" => {
                let at = self.operator("at", table);
                let after = table.take("after").map(|node| self.among(&self.known.updates, "update", node));
                Some(Kind::Never {
                    at: at?,
                    after: match after {
                        Some(update) => Some(update?),
                        None => None,
                    },
                })
            }
            "once" => Some(Kind::Once { at: self.operator("at", table)? }),
            _ => {
                let (from, to) = (self.operator("from", table), self.operator("to", table));
                let limit = (kind == "at-most").then(|| self.limit(table));
                let (from, to) = (from?, to?);
                Some(match limit {
                    Some(limit) => Kind::AtMost { from, to, limit: limit? },
                    None if kind == "responds" => Kind::Responds { from, to },
                    None if kind == "in-order" => Kind::InOrder { from, to },
                    None => Kind::Before { from, to },
                })
            }
        }
    }

    fn operator(&mut self, key: &'static str, table: &mut Table<'_>) -> Option<String> {
        let node = table.require(key, "the name of an operator", &mut self.report)?;
        self.among(&self.known.operators, "operator", node)
    }

    /// A name that is among those known.
    fn among(&mut self, known: &[&str], what: &str, node: &Node) -> Option<String> {
        let name = table::text(node, &format!("the name of an {what}"), &mut self.report)?;
        if known.contains(&name) {
            return Some(name.to_owned());
        }
        let fault = self.report.fault(Code::P03, node.span.clone(), format!("no {what} is called `{name}`"));
        let listed = if known.is_empty() { "none is given".to_owned() } else { known.join(", ") };
        fault.label("not known").expected(format!("an {what} that is checked: {listed}"), format!("`{name}`")).hint(
            match closest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("name an {what} of the flow or of its updates"),
            },
        );
        None
    }

    fn limit(&mut self, table: &mut Table<'_>) -> Option<u32> {
        let node = table.require("limit", "how many lineages there may be", &mut self.report)?;
        let value = table::value(node, "`limit`", &mut self.report)?;
        let limit = Value::as_u64(&value).and_then(|limit| u32::try_from(limit).ok());
        limit.or_else(|| table::wrong_kind(node, "`limit`", "a whole number, not negative", &mut self.report))
    }
}
