//! The FBP graph JSON: the format that holds everything a [`Flow`] can say.
//!
//! ```json
//! { "caseSensitive": true,
//!   "processes": { "load": { "component": "http/load", "metadata": { "version": "nio", "x": 36 } } },
//!   "connections": [
//!     { "data": "/srv", "tgt": { "process": "load", "port": "ROOT" } },
//!     { "src": { "process": "load", "port": "OUT" }, "tgt": { "process": "reply", "port": "IN" } } ] }
//! ```
//!
//! Keys and meaning are those of the schema `graph.json` in the npm package `fbp` 1.8.0. A component's version lives in
//! the process's metadata, where other tools leave it alone. Names keep the case they are written with, also in a file
//! that says `"caseSensitive": false`. Notes on exported ports and on initial packets are refused rather than
//! lost. A connection to a process that is not listed is read as it stands; the validator speaks of it (F03).

use super::report::Report;
use super::table::{self, Table};
use super::tree::{self, Node};
use crate::diagnostic::{Code, Diagnostics, SourceMap, Thing};
use crate::flow::{Arc, ComponentRef, Flow, Group, InitialPacket, Operator, PortRef};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The metadata key under which a process carries its component's version.
pub(super) const VERSION: &str = "version";

/// Reads a flow, or says everything that is wrong with the text.
pub fn parse(source_name: &str, text: &str) -> Result<(Flow, SourceMap), Diagnostics> {
    let mut reader =
        Reader { report: Report::new(source_name), flow: Flow::default(), map: SourceMap::new(source_name) };
    reader.map.note(Thing::Whole, 0..text.len());
    if let Some(root) = tree::json(text, &mut reader.report) {
        reader.graph(&root);
    }
    reader.report.finish((reader.flow, reader.map))
}

struct Reader<'s> {
    report: Report<'s>,
    flow: Flow,
    map: SourceMap,
}

impl Reader<'_> {
    fn graph(&mut self, root: &Node) -> Option<()> {
        let report = &mut self.report;
        let mut table = Table::of(root, "the graph", report)?;
        if let Some(node) = table.take("caseSensitive") {
            table::boolean(node, "`caseSensitive`", report);
        }
        let properties = table.take("properties");
        let [inports, outports] = ["inports", "outports"].map(|key| table.take(key));
        let [groups, processes, connections] = ["groups", "processes", "connections"].map(|key| table.take(key));
        table.finish(report);
        self.flow.annotations =
            properties.and_then(|n| table::notes(n, "`properties`", &mut self.report)).unwrap_or_default();
        self.flow.inports = inports.map(|n| self.exports(n, "inport")).unwrap_or_default();
        self.flow.outports = outports.map(|n| self.exports(n, "outport")).unwrap_or_default();
        groups.map(|n| self.groups(n));
        processes.map(|n| self.processes(n));
        connections.map(|n| self.connections(n));
        Some(())
    }

    fn exports(&mut self, node: &Node, direction: &str) -> BTreeMap<String, PortRef> {
        let mut exports = BTreeMap::new();
        for entry in table::entries(node, &format!("`{direction}s`"), &mut self.report).unwrap_or_default() {
            self.map.note(Thing::Export(entry.key.clone()), entry.key_span.clone());
            if let Some(port) = self.port(&entry.node, &format!("{direction} `{}`", entry.key)) {
                exports.insert(entry.key.clone(), port);
            }
        }
        exports
    }

    fn port(&mut self, node: &Node, what: &str) -> Option<PortRef> {
        let report = &mut self.report;
        let mut table = Table::of(node, what, report)?;
        let mut field = |key: &'static str, hint: &str| {
            let node = table.require(key, hint, report)?;
            table::text(node, &format!("`{key}` of {what}"), report).map(str::to_owned)
        };
        let operator = field("process", "the name of a process in `processes`");
        let port = field("port", "the name of a port, for example \"IN\"");
        let index = match table.take("index") {
            Some(node) => index(node, what, report).map(Some),
            None => Some(None),
        };
        table.finish(report);
        Some(PortRef { operator: operator?, port: port?, index: index? })
    }

    fn groups(&mut self, node: &Node) -> Option<()> {
        for node in table::list(node, "`groups`", &mut self.report)? {
            let group = self.group(node);
            self.flow.groups.extend(group);
        }
        Some(())
    }

    fn group(&mut self, node: &Node) -> Option<Group> {
        let report = &mut self.report;
        let mut table = Table::of(node, "a group", report)?;
        let name = table.require("name", "the group's name", report);
        let nodes = table.take("nodes");
        let metadata = metadata(&mut table, report);
        table.finish(report);
        let name = name.and_then(|n| table::text(n, "a group's `name`", report));
        let nodes = nodes.map_or(Some(&[][..]), |n| table::list(n, "a group's `nodes`", report))?;
        let nodes: Vec<_> = nodes.iter().map(|n| table::text(n, "a process in a group", report)).collect();
        let nodes = nodes.into_iter().map(|n| n.map(str::to_owned)).collect::<Option<_>>();
        Some(Group { name: name?.into(), nodes: nodes?, metadata: metadata? })
    }

    fn processes(&mut self, node: &Node) -> Option<()> {
        for entry in table::entries(node, "`processes`", &mut self.report)? {
            if let Some(operator) = self.process(&entry.key, &entry.node) {
                self.flow.operators.push(operator);
            }
            self.map.note(Thing::Operator(entry.key.clone()), entry.key_span.clone());
        }
        Some(())
    }

    fn process(&mut self, name: &str, node: &Node) -> Option<Operator> {
        let report = &mut self.report;
        let what = format!("process `{name}`");
        let mut table = Table::of(node, &what, report)?;
        let component = match table.take("component") {
            Some(node) => {
                self.map.note(Thing::Operator(name.into()), node.span.clone());
                table::text(node, &format!("`component` of {what}"), report)
            }
            // The schema lets a process have none; the validator asks for it (F02).
            None => Some(""),
        };
        let notes_span = table.take("metadata").map_or(table.span(), |notes| notes.span.clone());
        let metadata = metadata(&mut table, report);
        table.finish(report);
        let mut metadata = metadata?;
        let version = match metadata.remove(VERSION) {
            None => ComponentRef::DEFAULT_VERSION.into(),
            Some(Value::String(version)) => version,
            Some(other) => {
                let fault = report.fault(Code::P03, notes_span, format!("the version of {what} is not a text"));
                let fault = fault.label("`version` in here").expected("a text", other.to_string());
                fault.hint("write the version between quotes");
                return None;
            }
        };
        Some(Operator { name: name.into(), component: ComponentRef { name: component?.into(), version }, metadata })
    }

    fn connections(&mut self, node: &Node) -> Option<()> {
        for node in table::list(node, "`connections`", &mut self.report)? {
            self.connection(node);
        }
        Some(())
    }

    fn connection(&mut self, node: &Node) -> Option<()> {
        let mut table = Table::of(node, "a connection", &mut self.report)?;
        let (source, data) = (table.take("src"), table.take("data"));
        let target =
            table.require("tgt", "where it leads: {\"process\": \"name\", \"port\": \"IN\"}", &mut self.report);
        let metadata = match data {
            None => metadata(&mut table, &mut self.report),
            Some(_) => Some(BTreeMap::new()),
        };
        table.finish(&mut self.report);
        let to = target.and_then(|n| Some((self.port(n, "the target of a connection")?, n.span.clone())));
        match (source, data) {
            (Some(source), None) => {
                let from = self.port(source, "the source of a connection");
                let ((to, to_span), arc) = (to?, self.flow.arcs.len());
                self.flow.arcs.push(Arc { from: from?, to, metadata: metadata? });
                self.map.note(Thing::Arc(arc), node.span.clone());
                self.map.note(Thing::ArcFrom(arc), source.span.clone());
                self.map.note(Thing::ArcTo(arc), to_span);
            }
            (None, Some(data)) => {
                let value = table::value(data, "`data`", &mut self.report);
                self.map.note(Thing::Initial(self.flow.initial.len()), node.span.clone());
                self.flow.initial.push(InitialPacket { value: value?, to: to?.0 });
            }
            (Some(_), Some(data)) => {
                let message = "a connection has both `src` and `data`";
                let fault =
                    self.report.fault(Code::P03, data.span.clone(), message).label("an initial packet has no source");
                let fault = fault.expected("`src` for an arc, or `data` for an initial packet", "both");
                fault.hint("make two connections of it");
            }
            (None, None) => {
                let message = "a connection has neither `src` nor `data`";
                let fault = self.report.fault(Code::P02, node.span.clone(), message).label("nothing comes from here");
                let fault = fault.expected("`src` for an arc, or `data` for an initial packet", "neither");
                fault.hint("add \"src\": {\"process\": \"name\", \"port\": \"OUT\"}");
            }
        }
        Some(())
    }
}

fn metadata(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<BTreeMap<String, Value>> {
    let what = format!("`metadata` of {}", table.what());
    table.take("metadata").map_or_else(|| Some(BTreeMap::new()), |node| table::notes(node, &what, report))
}

fn index(node: &Node, what: &str, report: &mut Report<'_>) -> Option<u32> {
    let value = node.value().ok().and_then(|v| v.as_u64()).and_then(|v| u32::try_from(v).ok());
    value.or_else(|| table::wrong_kind(node, &format!("`index` of {what}"), "a whole number below 2^32", report))
}

/// Prints a flow so that [`parse`] gives it back: keys in a fixed order, initial packets before arcs.
///
/// Operator names must be unique (F01), and the version is taken from the component, not from an operator's metadata.
pub fn print(flow: &Flow) -> String {
    let mut root = Map::new();
    root.insert("caseSensitive".into(), json!(true));
    if !flow.annotations.is_empty() {
        root.insert("properties".into(), json!(flow.annotations));
    }
    root.insert("inports".into(), print_exports(&flow.inports));
    root.insert("outports".into(), print_exports(&flow.outports));
    root.insert("groups".into(), flow.groups.iter().map(print_group).collect());
    root.insert("processes".into(), flow.operators.iter().map(print_process).collect::<Map<_, _>>().into());
    let connections = flow.initial.iter().map(print_initial).chain(flow.arcs.iter().map(print_arc));
    root.insert("connections".into(), connections.collect());
    let text = serde_json::to_string_pretty(&root).expect("a tree with text keys has a JSON text");
    text + "\n"
}

fn print_exports(exports: &BTreeMap<String, PortRef>) -> Value {
    exports.iter().map(|(public, port)| (public.clone(), print_port(port))).collect::<Map<_, _>>().into()
}

fn print_port(port: &PortRef) -> Value {
    let mut out = json!({ "process": port.operator, "port": port.port });
    if let Some(index) = port.index {
        out["index"] = json!(index);
    }
    out
}

fn print_group(group: &Group) -> Value {
    with_metadata(json!({ "name": group.name, "nodes": group.nodes }), &group.metadata)
}

fn print_process(operator: &Operator) -> (String, Value) {
    let mut metadata = operator.metadata.clone();
    if operator.component.version != ComponentRef::DEFAULT_VERSION {
        metadata.insert(VERSION.into(), json!(operator.component.version));
    }
    (operator.name.clone(), with_metadata(json!({ "component": operator.component.name }), &metadata))
}

fn print_initial(initial: &InitialPacket) -> Value {
    json!({ "data": initial.value, "tgt": print_port(&initial.to) })
}

fn print_arc(arc: &Arc) -> Value {
    with_metadata(json!({ "src": print_port(&arc.from), "tgt": print_port(&arc.to) }), &arc.metadata)
}

fn with_metadata(mut value: Value, metadata: &BTreeMap<String, Value>) -> Value {
    if !metadata.is_empty() {
        value["metadata"] = json!(metadata);
    }
    value
}
