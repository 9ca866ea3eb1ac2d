//! Component declarations in TOML: what a component that is not compiled in promises about itself.
//!
//! ```toml
//! [[component]]
//! name = "http/load"
//! version = "nio"                                   # "1" when left out
//! summary = "opens the file"
//! inputs = { IN = "http.Request" }                  # or BACK = { type = "http.Connection", feedback = true }
//!                                                   # or FILL = { type = "http.Fill", feedback = true, absorbs = true }
//! outputs = { OUT = "http.Loaded(file)" }
//! firing = "any"                                    # none, any, all; only two inputs or more leave a choice
//! emission = "each"                                 # each, filter, route, many, buffer
//! wake = "none"                                     # none, source, resume; none when left out
//! state = "http.LoadState"                          # stateless when left out
//! blocking = true                                   # a firing may wait for something outside; false when left out
//!
//! [component.properties]
//! ROOT = { kind = "text" }                          # text, integer, boolean
//! CHUNK = { kind = "integer", default = 65536 }
//!
//! [[transfer]]
//! name = "reply-to-nio"
//! from = "http.ReplyBlocking"
//! to = "http.ReplyNio"
//! ```
//!
//! `firing` and `emission` may be left out only where there is nothing to choose: a guess here would void a guarantee
//! unseen. Whether a declaration makes sense (rule F14) is not judged here.

use super::report::Report;
use super::table::{self, Table};
use super::tree::{self, Entry, Node, Shape, inline_table, toml_key, toml_text};
use crate::component::{Catalogue, Component, Emission, Firing, Input, Output, Property, PropertyKind, Transfer, Wake};
use crate::diagnostic::{Code, Diagnostics, SourceMap, Thing};
use crate::flow::ComponentRef;
use crate::packet_type::PacketType;
use std::fmt::Write as _;
use std::ops::Range;

/// Types are nested by parameters; no sensible one goes deeper.
const DEPTH_OF_TYPES: usize = 32;

const FIRINGS: [(&str, Firing); 3] = [("none", Firing::None), ("any", Firing::Any), ("all", Firing::All)];

const EMISSIONS: [(&str, Emission); 5] = [
    ("each", Emission::Each),
    ("filter", Emission::Filter),
    ("route", Emission::Route),
    ("many", Emission::Many),
    ("buffer", Emission::Buffer),
];

const WAKES: [(&str, Wake); 3] = [("none", Wake::None), ("source", Wake::Source), ("resume", Wake::Resume)];

const KINDS: [(&str, PropertyKind); 3] =
    [("text", PropertyKind::Text), ("integer", PropertyKind::Integer), ("boolean", PropertyKind::Boolean)];

/// Reads component and transfer declarations, or says everything that is wrong with them.
pub fn parse(source_name: &str, text: &str) -> Result<(Catalogue, SourceMap), Diagnostics> {
    let mut reader = Reader {
        report: Report::new(source_name),
        catalogue: Catalogue::default(),
        map: SourceMap::new(source_name),
        seen: Vec::new(),
    };
    reader.map.note(Thing::Whole, 0..text.len());
    if let Some(root) = tree::toml(text, &mut reader.report) {
        reader.root(&root);
    }
    reader.report.finish((reader.catalogue, reader.map))
}

struct Reader<'s> {
    report: Report<'s>,
    catalogue: Catalogue,
    map: SourceMap,
    seen: Vec<(Thing, Range<usize>)>,
}

impl Reader<'_> {
    fn root(&mut self, root: &Node) {
        let Some(mut table) = Table::of(root, "the component file", &mut self.report) else { return };
        let components = table.take("component");
        let transfers = table.take("transfer");
        table.finish(&mut self.report);
        for node in self.declarations(components, "component") {
            if let Some(component) = self.component(node) {
                let thing = Thing::Component(component.id.to_string());
                if self.is_first(thing, &format!("component `{}`", component.id), node) {
                    self.catalogue.add(component);
                }
            }
        }
        for node in self.declarations(transfers, "transfer") {
            if let Some(transfer) = self.transfer(node) {
                let thing = Thing::Transfer(transfer.name.clone());
                if self.is_first(thing, &format!("transfer `{}`", transfer.name), node) {
                    self.catalogue.add_transfer(transfer);
                }
            }
        }
    }

    fn declarations<'n>(&mut self, node: Option<&'n Node>, key: &str) -> &'n [Node] {
        let Some(node) = node else { return &[] };
        if let Shape::Table(_) = node.shape {
            let fault =
                self.report.fault(Code::P03, node.span.clone(), format!("`{key}` is one table, not a list of them"));
            let fault = fault.label("a single table").expected(format!("`[[{key}]]`"), format!("`[{key}]`"));
            fault.hint(format!("write `[[{key}]]` before each declaration"));
            return &[];
        }
        table::list(node, &format!("`{key}`"), &mut self.report).unwrap_or_default()
    }

    fn is_first(&mut self, thing: Thing, what: &str, node: &Node) -> bool {
        if let Some((_, first)) = self.seen.iter().find(|(t, _)| *t == thing) {
            let fault = self.report.fault(Code::P04, node.span.clone(), format!("{what} is declared twice"));
            let fault = fault.label("declared again").and(first.clone(), "first declared here");
            fault
                .expected("each declaration once", "another one")
                .hint("rename one of them, or give it another version");
            return false;
        }
        self.map.note(thing.clone(), node.span.clone());
        self.seen.push((thing, node.span.clone()));
        true
    }

    fn component(&mut self, node: &Node) -> Option<Component> {
        let report = &mut self.report;
        let mut table = Table::of(node, "a component", report)?;
        let name = table.require("name", "for example name = \"http/load\"", report);
        let name = name.and_then(|n| table::text(n, "a component's `name`", report));
        if let Some(name) = name {
            table.rename(format!("component `{name}`"));
        }
        let version = optional_text(&mut table, "version", report);
        let summary = optional_text(&mut table, "summary", report);
        let state = optional_text(&mut table, "state", report);
        let wake = word(&mut table, "wake", &WAKES, report);
        let (inputs, inputs_count) = ports(&mut table, "inputs", input, report);
        let (outputs, outputs_count) = ports(&mut table, "outputs", output, report);
        let firing = firing(&mut table, inputs_count, report);
        let emission = emission(&mut table, outputs_count == 0 && wake == Some(None), report);
        let properties = properties(&mut table, report);
        let blocking = flag(&mut table, "blocking", "a component", report);
        table.finish(report);
        // Every part is read before the first that is missing ends the reading, so that all faults are reported.
        let version = version?.unwrap_or_else(|| ComponentRef::DEFAULT_VERSION.into());
        Some(Component {
            id: ComponentRef { name: name?.into(), version },
            summary: summary?.unwrap_or_default(),
            inputs: inputs?,
            outputs: outputs?,
            firing: firing?,
            emission: emission?,
            wake: wake?.unwrap_or_default(),
            state: state?,
            properties: properties?,
            blocking: blocking?,
        })
    }

    fn transfer(&mut self, node: &Node) -> Option<Transfer> {
        let report = &mut self.report;
        let mut table = Table::of(node, "a transfer", report)?;
        let mut field = |key, hint| {
            let node = table.require(key, hint, report)?;
            table::text(node, &format!("a transfer's `{key}`"), report).map(str::to_owned)
        };
        let name = field("name", "the name that updates give: state = { transfer = \"NAME\" }");
        let from = field("from", "the state type that it reads, as a component's `state` says it");
        let to = field("to", "the state type that it makes, as a component's `state` says it");
        table.finish(report);
        Some(Transfer { name: name?, from: from?, to: to? })
    }
}

/// The text of a key that may be left out; `None` when it is no text.
fn optional_text(table: &mut Table<'_>, key: &'static str, report: &mut Report<'_>) -> Option<Option<String>> {
    let what = format!("`{key}` of {}", table.what());
    match table.take(key) {
        Some(node) => table::text(node, &what, report).map(|t| Some(t.to_owned())),
        None => Some(None),
    }
}

/// The word of a key that may be left out; `None` when it is none of the words.
fn word<T: Copy>(
    table: &mut Table<'_>,
    key: &'static str,
    words: &[(&str, T)],
    report: &mut Report<'_>,
) -> Option<Option<T>> {
    let what = format!("`{key}` of {}", table.what());
    match table.take(key) {
        Some(node) => table::one_of(node, &what, words, report).map(Some),
        None => Some(None),
    }
}

fn firing(table: &mut Table<'_>, inputs: usize, report: &mut Report<'_>) -> Option<Firing> {
    match (word(table, "firing", &FIRINGS, report)?, inputs) {
        (Some(firing), _) => Some(firing),
        (None, 0) => Some(Firing::None),
        (None, 1) => Some(Firing::Any),
        (None, _) => {
            let hint = "\"any\" fires on a packet from any input, \"all\" on one from every input together";
            table.require("firing", hint, report);
            None
        }
    }
}

fn emission(table: &mut Table<'_>, nothing_to_emit: bool, report: &mut Report<'_>) -> Option<Emission> {
    let emission = word(table, "emission", &EMISSIONS, report)?;
    if emission.is_none() && !nothing_to_emit {
        let hint = "\"each\" gives one packet on every output, \"route\" on one of them, \"filter\" one or none, \
                    \"many\" any number; \"buffer\" holds the packet";
        table.require("emission", hint, report);
        return None;
    }
    Some(emission.unwrap_or(Emission::Each))
}

/// The ports of one direction, and how many there are even where one of them is faulty.
fn ports<T>(
    table: &mut Table<'_>,
    key: &'static str,
    port: fn(&Entry, &str, &mut Report<'_>) -> Option<T>,
    report: &mut Report<'_>,
) -> (Option<Vec<T>>, usize) {
    let what = format!("`{key}` of {}", table.what());
    let Some(node) = table.take(key) else { return (Some(Vec::new()), 0) };
    let Some(entries) = table::entries(node, &what, report) else { return (None, 0) };
    let ports: Vec<_> = entries.iter().map(|e| port(e, &what, report)).collect();
    (ports.into_iter().collect(), entries.len())
}

fn input(entry: &Entry, what: &str, report: &mut Report<'_>) -> Option<Input> {
    let what = format!("port `{}` in {what}", entry.key);
    let name = entry.key.clone();
    if !matches!(entry.node.shape, Shape::Table(_)) {
        return Some(Input {
            name,
            accepts: packet_type(&entry.node, &what, report)?,
            feedback: false,
            absorbs: false,
        });
    }
    let mut table = Table::of(&entry.node, &what, report)?;
    let accepts = port_type(&mut table, &what, report);
    let feedback = flag(&mut table, "feedback", &what, report);
    let absorbs = flag(&mut table, "absorbs", &what, report);
    table.finish(report);
    Some(Input { name, accepts: accepts?, feedback: feedback?, absorbs: absorbs? })
}

fn output(entry: &Entry, what: &str, report: &mut Report<'_>) -> Option<Output> {
    let what = format!("port `{}` in {what}", entry.key);
    let name = entry.key.clone();
    if !matches!(entry.node.shape, Shape::Table(_)) {
        return Some(Output { name, emits: packet_type(&entry.node, &what, report)? });
    }
    let mut table = Table::of(&entry.node, &what, report)?;
    let emits = port_type(&mut table, &what, report);
    table.finish(report);
    Some(Output { name, emits: emits? })
}

fn port_type(table: &mut Table<'_>, what: &str, report: &mut Report<'_>) -> Option<PacketType> {
    let node = table.require("type", "for example { type = \"http.Request\" }", report)?;
    packet_type(node, &format!("`type` of {what}"), report)
}

/// A truth value that is false where it is left out; `None` when it is none.
fn flag(table: &mut Table<'_>, key: &'static str, what: &str, report: &mut Report<'_>) -> Option<bool> {
    table.take(key).map_or(Some(false), |node| table::boolean(node, &format!("`{key}` of {what}"), report))
}

fn packet_type(node: &Node, what: &str, report: &mut Report<'_>) -> Option<PacketType> {
    let text = table::text(node, what, report)?;
    let parsed = if text.matches('(').count() > DEPTH_OF_TYPES {
        Err(format!("a packet type has at most {DEPTH_OF_TYPES} parameters"))
    } else {
        PacketType::parse(text)
    };
    let said = match parsed {
        Ok(parsed) => return Some(parsed),
        Err(said) => said,
    };
    let fault = report.fault(Code::P03, node.span.clone(), format!("{what} has no packet type: {said}"));
    let fault = fault.label("not a packet type").expected("a packet type", format!("{text:?}"));
    fault.hint("for example \"http.Request\", \"http.Loaded(file)\", \"http.Loaded($body)\" or \"A | B\"");
    None
}

fn properties(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Vec<Property>> {
    let what = format!("`properties` of {}", table.what());
    let Some(node) = table.take("properties") else { return Some(Vec::new()) };
    let properties: Vec<_> = table::entries(node, &what, report)?.iter().map(|e| property(e, &what, report)).collect();
    properties.into_iter().collect()
}

fn property(entry: &Entry, what: &str, report: &mut Report<'_>) -> Option<Property> {
    let what = format!("property `{}` in {what}", entry.key);
    let mut table = Table::of(&entry.node, &what, report)?;
    let kind = table.require("kind", "kind = \"text\", \"integer\" or \"boolean\"", report);
    let kind = kind.and_then(|n| table::one_of(n, &format!("`kind` of {what}"), &KINDS, report));
    let default = table.take("default");
    table.finish(report);
    let kind = kind?;
    let default = match default {
        Some(node) => Some(default_of_kind(node, kind, &what, report)?),
        None => None,
    };
    Some(Property { name: entry.key.clone(), kind, default })
}

/// TOML has numbers and truth values, so a default is not read out of a text as an initial packet is.
fn default_of_kind(node: &Node, kind: PropertyKind, what: &str, report: &mut Report<'_>) -> Option<serde_json::Value> {
    let what = format!("`default` of {what}");
    let value = table::value(node, &what, report)?;
    if kind.accept(&value).as_ref() == Some(&value) {
        Some(value)
    } else {
        table::wrong_kind(node, &what, kind.describe(), report)
    }
}

/// Prints declarations so that [`parse`] gives them back.
///
/// Names of ports and properties must be unique in their component, and a default of its property's kind.
pub fn print(catalogue: &Catalogue) -> String {
    let components = catalogue.components().map(print_component);
    let transfers = catalogue.transfers().map(print_transfer);
    components.chain(transfers).collect::<Vec<_>>().join("\n")
}

fn print_component(component: &Component) -> String {
    let mut out = format!("[[component]]\nname = {}\n", toml_text(&component.id.name));
    let mut text = |key, value: &str| writeln!(out, "{key} = {}", toml_text(value)).expect("a String takes any text");
    if component.id.version != ComponentRef::DEFAULT_VERSION {
        text("version", &component.id.version);
    }
    if !component.summary.is_empty() {
        text("summary", &component.summary);
    }
    let inputs = component.inputs.iter().map(|i| format!("{} = {}", toml_key(&i.name), print_input(i))).collect();
    let outputs =
        component.outputs.iter().map(|o| format!("{} = {}", toml_key(&o.name), quoted_type(&o.emits))).collect();
    for (key, ports) in [("inputs", inputs), ("outputs", outputs)] {
        let ports: Vec<String> = ports;
        if !ports.is_empty() {
            writeln!(out, "{key} = {}", inline_table(ports)).expect("a String takes any text");
        }
    }
    out + &print_behaviour(component)
}

fn print_behaviour(component: &Component) -> String {
    let mut lines = vec![
        format!("firing = \"{}\"", word_of(component.firing, &FIRINGS)),
        format!("emission = \"{}\"", word_of(component.emission, &EMISSIONS)),
    ];
    if component.wake != Wake::None {
        lines.push(format!("wake = \"{}\"", word_of(component.wake, &WAKES)));
    }
    lines.extend(component.state.iter().map(|state| format!("state = {}", toml_text(state))));
    lines.extend(component.blocking.then(|| "blocking = true".to_owned()));
    if !component.properties.is_empty() {
        lines.push("\n[component.properties]".into());
        lines.extend(component.properties.iter().map(|p| format!("{} = {}", toml_key(&p.name), print_property(p))));
    }
    lines.join("\n") + "\n"
}

fn print_input(input: &Input) -> String {
    let accepts = quoted_type(&input.accepts);
    let flags = [("feedback", input.feedback), ("absorbs", input.absorbs)];
    let flags: Vec<String> = flags.iter().filter(|(_, is)| *is).map(|(key, _)| format!("{key} = true")).collect();
    if flags.is_empty() { accepts } else { format!("{{ type = {accepts}, {} }}", flags.join(", ")) }
}

fn quoted_type(packet_type: &PacketType) -> String {
    toml_text(&packet_type.to_string())
}

fn print_property(property: &Property) -> String {
    let mut pairs = vec![format!("kind = \"{}\"", word_of(property.kind, &KINDS))];
    let default = property.default.as_ref();
    pairs.extend(default.map(|value| {
        let value = tree::toml_value(value).expect("a default is a text, a number or a truth value, never null");
        format!("default = {value}")
    }));
    inline_table(pairs)
}

fn print_transfer(transfer: &Transfer) -> String {
    let [name, from, to] = [&transfer.name, &transfer.from, &transfer.to].map(|text| toml_text(text));
    format!("[[transfer]]\nname = {name}\nfrom = {from}\nto = {to}\n")
}

fn word_of<'w, T: PartialEq>(meant: T, words: &[(&'w str, T)]) -> &'w str {
    words.iter().find(|(_, m)| *m == meant).expect("every variant has its word in the table").0
}
