//! Updates in TOML: which operators change, to what, and what becomes of their state.
//!
//! ```toml
//! [update]
//! name = "nio-switch"
//! guarantee = "serializability"     # or cut-consistency; serializability when left out
//!
//! [operator.load]
//! component = "http/load@nio"
//! state = "reset"                   # keep, reset or { transfer = "name" }
//!
//! [operator.reply]
//! component = "http/reply@nio"
//! state = { transfer = "reply-to-nio" }
//! properties = { CHUNK = 65536 }
//! ```
//!
//! An update of the whole flow names the flow file to change to, and says only what becomes of states:
//!
//! ```toml
//! [update]
//! name = "another-cache"
//! flow = "lru.fbp"                  # relative to this file
//!
//! [operator.lru]
//! from = "cache"                    # it comes in with the state of one that goes
//! state = { transfer = "cache-to-lru" }
//! back = { transfer = "lru-to-cache" }   # for a rollback
//! ```
//!
//! `state` is never guessed: a change without it is refused here already, under the rule that asks for it (U04).
//! Whether the operators, components and transfers exist is not judged here.

use super::report::Report;
use super::table::{self, Table};
use super::tree::{self, Entry, Node, Shape, inline_table, toml_key, toml_text, toml_value};
use super::{fbp, fbp_json};
use crate::diagnostic::{Code, Diagnostics, Place, SourceMap, Thing};
use crate::flow::{ComponentRef, Flow};
use crate::update::{Change, Guarantee, StatePolicy, Update};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;

const GUARANTEES: [(&str, Guarantee); 2] =
    [("serializability", Guarantee::Serializability), ("cut-consistency", Guarantee::CutConsistency)];

/// Gives the text of a flow file that an update names: what the file is called in messages, and what is in it.
pub type Open<'a> = &'a mut dyn FnMut(&str) -> Result<(String, String), Diagnostics>;

/// Reads an update of operators, or says everything that is wrong with it. One that names a flow file is refused (P06): there
/// is nothing to read that from. See [`parse_with`].
pub fn parse(source_name: &str, text: &str) -> Result<(Update, SourceMap), Diagnostics> {
    parse_with(source_name, text, &mut |file| Err(unopened(source_name, file)))
}

/// Reads an update, and the flow file that it may name.
pub fn parse_with(source_name: &str, text: &str, open: Open<'_>) -> Result<(Update, SourceMap), Diagnostics> {
    let mut reader = Reader { report: Report::new(source_name), map: SourceMap::new(source_name) };
    reader.map.note(Thing::Whole, 0..text.len());
    let root = tree::toml(text, &mut reader.report);
    let update = root.and_then(|root| reader.root(&root));
    let Some((mut update, file)) = update else {
        assert!(!reader.report.is_empty(), "a reader that gives no update has said why");
        return reader.report.finish((no_update(), reader.map));
    };
    let (_, mut map) = reader.report.finish(((), reader.map))?;
    if let Some((file, span)) = file {
        let (source, text) = open(&file).map_err(|wrong| named_here(source_name, &span, wrong))?;
        let (flow, places) = parse_flow(&source, &text)?;
        update.flow = Some(flow);
        map = map.with_flow(places);
    }
    Ok((update, map))
}

/// What is wrong with a file that is named here, with this place where it has none.
fn named_here(source_name: &str, span: &Range<usize>, mut wrong: Diagnostics) -> Diagnostics {
    for diagnostic in wrong.0.iter_mut().filter(|d| d.places.is_empty()) {
        diagnostic.places.push(Place { source: source_name.into(), span: span.clone(), label: "named here".into() });
    }
    wrong
}

/// A flow file in one of the two formats, told apart by its name.
pub fn parse_flow(source: &str, text: &str) -> Result<(Flow, SourceMap), Diagnostics> {
    if source.ends_with(".json") { fbp_json::parse(source, text) } else { fbp::parse(source, text) }
}

/// P06.
fn unopened(source_name: &str, file: &str) -> Diagnostics {
    let mut report = Report::new(source_name);
    let fault =
        report.refusal(Code::P06, format!("the update names flow file `{file}`, which cannot be opened from here"));
    fault.expected("an update of operators", format!("flow = {file:?}")).hint("give the flow along with the update");
    report.refused()
}

fn no_update() -> Update {
    Update { name: String::new(), guarantee: Guarantee::default(), changes: BTreeMap::new(), flow: None }
}

/// The flow file that an update names, and where.
type Named = (String, Range<usize>);

struct Reader<'s> {
    report: Report<'s>,
    map: SourceMap,
}

impl Reader<'_> {
    /// The update, and the flow file that it names.
    fn root(&mut self, root: &Node) -> Option<(Update, Option<Named>)> {
        let mut table = Table::of(root, "the update file", &mut self.report)?;
        let header = table.require("update", "begin with `[update]` and `name = \"...\"`", &mut self.report);
        let operators = table.take("operator");
        table.finish(&mut self.report);
        let nearest = operators.or(header);
        let header = header.and_then(|node| self.header(node));
        // Without a header nobody knows whether there should be changes.
        let may_be_empty = header.as_ref().is_none_or(|(_, _, file)| file.is_some());
        let changes = self.changes(operators, nearest, may_be_empty);
        let (name, guarantee, file) = header?;
        Some((Update { name, guarantee, changes: changes?, flow: None }, file))
    }

    fn header(&mut self, node: &Node) -> Option<(String, Guarantee, Option<Named>)> {
        let report = &mut self.report;
        let mut table = Table::of(node, "`[update]`", report)?;
        let name = table.require("name", "a name for messages and the history, for example \"nio-switch\"", report);
        if let Some(node) = name {
            self.map.note(Thing::UpdateName, node.span.clone());
        }
        let name = name.and_then(|n| table::text(n, "the update's `name`", report));
        let (guarantee, file) = (table.take("guarantee"), table.take("flow"));
        table.finish(report);
        let file = match file {
            Some(node) => Some((table::text(node, "the update's `flow`", report)?.to_owned(), node.span.clone())),
            None => None,
        };
        let guarantee = match guarantee {
            Some(node) => table::one_of(node, "the update's `guarantee`", &GUARANTEES, report)?,
            None => Guarantee::default(),
        };
        Some((name?.into(), guarantee, file))
    }

    fn changes(
        &mut self,
        operators: Option<&Node>,
        nearest: Option<&Node>,
        may_be_empty: bool,
    ) -> Option<BTreeMap<String, Change>> {
        let entries = match operators {
            Some(node) => table::entries(node, "`operator`", &mut self.report)?,
            None => &[],
        };
        if entries.is_empty() && !may_be_empty {
            let span = nearest.map_or(0..0, |node| node.span.clone());
            let fault =
                self.report.fault(Code::U08, span, "the update changes no operator").label("nothing is changed");
            let fault = fault.expected("`[operator.NAME]` at least once", "none");
            fault.hint(
                "add `[operator.NAME]` with `component` or `properties`, and `state`; or name a `flow` to change to",
            );
            return None;
        }
        let changes: Vec<_> = entries.iter().map(|e| Some((e.key.clone(), self.change(e)?))).collect();
        changes.into_iter().collect()
    }

    fn change(&mut self, entry: &Entry) -> Option<Change> {
        let operator = &entry.key;
        let report = &mut self.report;
        self.map.note(Thing::Change(operator.clone()), entry.node.span.clone());
        let mut table = Table::of(&entry.node, format!("the change of `{operator}`"), report)?;
        let (component, state) = (table.take("component"), table.take("state"));
        let properties = table.take("properties");
        let (from, back) = (table.take("from"), table.take("back"));
        let span = table.span();
        table.finish(report);
        let policy = match state {
            Some(node) => {
                self.map.note(Thing::ChangeState(operator.clone()), node.span.clone());
                state_policy(node, "state", operator, report)
            }
            None => {
                let fault = report.fault(
                    Code::U04,
                    span,
                    format!("the change of `{operator}` does not say what becomes of its state"),
                );
                let fault = fault.label("no `state` in here").expected("`state`", "no such key");
                fault.hint(
                    "state = \"keep\", \"reset\" or { transfer = \"NAME\" }; a stateless operator says \"reset\"",
                );
                None
            }
        };
        let component = match component {
            Some(node) => {
                self.map.note(Thing::ChangeComponent(operator.clone()), node.span.clone());
                table::text(node, &format!("`component` in the change of `{operator}`"), report)
                    .map(|t| Some(ComponentRef::parse(t)))
            }
            None => Some(None),
        };
        let from = from.map(|node| table::text(node, &format!("`from` in the change of `{operator}`"), report));
        if let Some(node) = back {
            self.map.note(Thing::ChangeBack(operator.clone()), node.span.clone());
        }
        let back = back.map(|node| state_policy(node, "back", operator, report));
        let (from, back) = (from.map(|f| f.map(str::to_owned)), back);
        let properties = self.properties(properties, operator);
        Some(Change {
            component: component?,
            properties: properties?,
            state: policy?,
            from: from.map_or(Some(None), |f| f.map(Some))?,
            back: back.map_or(Some(None), |b| b.map(Some))?,
        })
    }

    fn properties(&mut self, node: Option<&Node>, operator: &str) -> Option<BTreeMap<String, Value>> {
        let Some(node) = node else { return Some(BTreeMap::new()) };
        let what = format!("`properties` in the change of `{operator}`");
        for entry in table::entries(node, &what, &mut self.report)? {
            self.map.note(Thing::ChangeProperty(operator.into(), entry.key.clone()), entry.node.span.clone());
        }
        table::notes(node, &what, &mut self.report)
    }
}

fn state_policy(node: &Node, key: &str, operator: &str, report: &mut Report<'_>) -> Option<StatePolicy> {
    let what = format!("`{key}` in the change of `{operator}`");
    if let Shape::Table(_) = node.shape {
        let mut table = Table::of(node, &what, report)?;
        let name = table.require("transfer", "name a declared transfer: { transfer = \"NAME\" }", report);
        table.finish(report);
        return table::text(name?, &format!("`transfer` of {what}"), report)
            .map(|name| StatePolicy::Transfer(name.into()));
    }
    match table::text(node, &what, report)? {
        "keep" => Some(StatePolicy::Keep),
        "reset" => Some(StatePolicy::Reset),
        other => {
            let fault = report.fault(Code::P03, node.span.clone(), format!("{what} is not known: `{other}`"));
            let fault = fault
                .label("not a state policy")
                .expected("\"keep\", \"reset\" or { transfer = \"NAME\" }", format!("{other:?}"));
            fault.hint(match super::report::closest(other, ["keep", "reset"]) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("if `{other}` is a declared transfer, write {{ transfer = {other:?} }}"),
            });
            None
        }
    }
}

/// Prints an update so that [`parse`] gives it back; refuses (P05) one that TOML cannot hold.
///
/// Those are an update to a flow, which is another file, an update that changes nothing, a component whose name has an `@`, and a property that is null.
pub fn print(update: &Update) -> Result<String, Diagnostics> {
    let mut report = Report::new(&update.name);
    let mut out = format!("[update]\nname = {}\n", toml_text(&update.name));
    if update.guarantee != Guarantee::default() {
        out += &format!("guarantee = \"{}\"\n", update.guarantee);
    }
    if update.flow.is_some() {
        let fault = report.refusal(Code::P05, "an update to a flow names that flow by its file");
        fault
            .expected("an update of operators", "a flow")
            .hint("write the flow to a file, and `flow = \"FILE\"` yourself");
    } else if update.changes.is_empty() {
        let fault = report.refusal(Code::P05, "an update without changes cannot be written");
        fault.expected("one change or more", "none").hint("change an operator");
    }
    for (operator, change) in &update.changes {
        out += &format!("\n[operator.{}]\n{}", toml_key(operator), print_change(operator, change, &mut report));
    }
    report.finish(out)
}

fn print_change(operator: &str, change: &Change, report: &mut Report<'_>) -> String {
    let mut out = String::new();
    if let Some(component) = &change.component {
        if component.name.contains('@') {
            let fault =
                report.refusal(Code::P05, format!("component `{component}` of `{operator}` has an `@` in its name"));
            fault.expected("a name without `@`", format!("`{}`", component.name)).hint("rename the component");
        }
        out += &format!("component = {}\n", toml_text(&component.to_string()));
    }
    if let Some(from) = &change.from {
        out += &format!("from = {}\n", toml_text(from));
    }
    out += &print_policy("state", &change.state);
    out += &change.back.as_ref().map(|back| print_policy("back", back)).unwrap_or_default();
    let pair = |(name, value): (&String, &Value)| match toml_value(value) {
        Some(value) => format!("{} = {value}", toml_key(name)),
        None => {
            let fault = report
                .refusal(Code::P05, format!("property `{name}` of `{operator}` holds a null, which TOML has not"));
            fault.expected("a text, number or truth value", value.to_string()).hint("leave the property out");
            String::new()
        }
    };
    let properties: Vec<_> = change.properties.iter().map(pair).collect();
    if !properties.is_empty() {
        out += &format!("properties = {}\n", inline_table(properties));
    }
    out
}

fn print_policy(key: &str, policy: &StatePolicy) -> String {
    match policy {
        StatePolicy::Keep => format!("{key} = \"keep\"\n"),
        StatePolicy::Reset => format!("{key} = \"reset\"\n"),
        StatePolicy::Transfer(name) => format!("{key} = {{ transfer = {} }}\n", toml_text(name)),
    }
}
