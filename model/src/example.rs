//! Flows and components for tests, in a few lines of text each, with places.
//!
//! ```text
//!   a = source              operator `a` runs source@1
//!   '80' -> a.PORT          an initial packet (the left side is JSON)
//!   a.OUT -> b.IN           an arc
//!   in X = b.IN             an export
//! ```

use crate::component::{Catalogue, Component, Emission, Firing, Input, Output, Property, PropertyKind, Transfer, Wake};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Thing};
use crate::flow::{Arc, ComponentRef, Flow, InitialPacket, Operator, PortRef};
use crate::graph::FlowGraph;
use crate::packet_type::PacketType;
use crate::update::{Change, StatePolicy, Update};
use crate::validate::validate;
use serde_json::Value;
use std::fmt::Write;
use std::ops::Range;

/// `component("read", "any buffer source", "CONN c, ~BACK c", "OUT x")`: firing, emission, wake; `~` marks feedback, and
/// `!`, before it, an input that absorbs. One that buffers has the state type `name.State`.
pub(crate) fn component(id: &str, rules: &str, inputs: &str, outputs: &str) -> Component {
    let mut rules = rules.split(' ');
    let id = ComponentRef::parse(id);
    let firing = match rules.next() {
        Some("none") => Firing::None,
        Some("any") => Firing::Any,
        Some("all") => Firing::All,
        other => panic!("no firing {other:?}"),
    };
    let emission = match rules.next() {
        Some("each") => Emission::Each,
        Some("filter") => Emission::Filter,
        Some("route") => Emission::Route,
        Some("many") => Emission::Many,
        Some("buffer") => Emission::Buffer,
        other => panic!("no emission {other:?}"),
    };
    let wake = match rules.next() {
        None => Wake::None,
        Some("source") => Wake::Source,
        Some("resume") => Wake::Resume,
        other => panic!("no wake {other:?}"),
    };
    let state = (emission == Emission::Buffer).then(|| format!("{}.State", id.name));
    let inputs = ports(inputs).map(|(name, accepts)| Input {
        name: name.trim_start_matches(['!', '~']).into(),
        accepts,
        feedback: name.trim_start_matches('!').starts_with('~'),
        absorbs: name.starts_with('!'),
    });
    let outputs = ports(outputs).map(|(name, emits)| Output { name: name.into(), emits });
    Component {
        summary: String::new(),
        inputs: inputs.collect(),
        outputs: outputs.collect(),
        properties: Vec::new(),
        id,
        firing,
        emission,
        wake,
        state,
        blocking: false,
    }
}

fn ports(text: &str) -> impl Iterator<Item = (&str, PacketType)> {
    text.split(", ").filter(|port| !port.is_empty()).map(|port| {
        let (name, ty) = port.split_once(' ').unwrap_or((port, "t"));
        (name, PacketType::parse(ty).expect(ty))
    })
}

impl Component {
    /// The same with that state type.
    pub(crate) fn with_state(mut self, state: &str) -> Self {
        self.state = Some(state.into());
        self
    }

    /// The same with one more property.
    pub(crate) fn with_property(mut self, name: &str, kind: PropertyKind, default: Option<Value>) -> Self {
        self.properties.push(Property { name: name.into(), kind, default });
        self
    }
}

pub(crate) fn catalogue(components: impl IntoIterator<Item = Component>) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for component in components {
        assert_eq!(catalogue.add(component), None);
    }
    catalogue
}

pub(crate) fn transfer(name: &str, from: &str, to: &str) -> Transfer {
    Transfer { name: name.into(), from: from.into(), to: to.into() }
}

/// Reads the text above.
pub(crate) fn flow(text: &str) -> (Flow, SourceMap) {
    let (mut flow, mut map) = (Flow::default(), SourceMap::new("flow"));
    map.note(Thing::Whole, 0..text.len());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let part = |part: &str| -> Range<usize> {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            start..start + part.len()
        };
        match (line.split_once(" -> "), line.split_once(" = ")) {
            (Some((value, to)), _) if value.starts_with('\'') => {
                map.note(Thing::Initial(flow.initial.len()), part(line));
                let value = Value::from(value.trim_matches('\''));
                flow.initial.push(InitialPacket { value, to: port_ref(to) });
            }
            (Some((from, to)), _) => {
                let n = flow.arcs.len();
                for (thing, text) in [(Thing::Arc(n), line), (Thing::ArcFrom(n), from), (Thing::ArcTo(n), to)] {
                    map.note(thing, part(text));
                }
                flow.arcs.push(Arc { from: port_ref(from), to: port_ref(to), metadata: [].into() });
            }
            (None, Some((export, port))) if export.contains(' ') => {
                let (side, name) = export.split_once(' ').expect("just seen");
                map.note(Thing::Export(name.into()), part(line));
                let exports = if side == "in" { &mut flow.inports } else { &mut flow.outports };
                exports.insert(name.into(), port_ref(port));
            }
            (None, Some((name, component))) => {
                map.note(Thing::Operator(name.into()), part(line));
                let component = ComponentRef::parse(component);
                flow.operators.push(Operator { name: name.into(), component, metadata: [].into() });
            }
            (None, None) => panic!("no line of a flow: {line}"),
        }
    }
    (flow, map)
}

fn port_ref(text: &str) -> PortRef {
    let (operator, port) = text.split_once('.').expect(text);
    PortRef::new(operator, port)
}

/// Validates the text.
pub(crate) fn checked(text: &str, catalogue: &Catalogue) -> Result<FlowGraph, Diagnostics> {
    let (flow, map) = flow(text);
    validate(&flow, &map, catalogue)
}

/// Diagnostics as text, with what stands at their places.
pub(crate) fn render(diagnostics: &[Diagnostic], source: &str) -> String {
    let mut text = String::new();
    for d in diagnostics {
        writeln!(text, "{}: {}", d.code, d.message).expect("text");
        for place in &d.places {
            let at = source.get(place.span.clone()).unwrap_or("?").trim();
            let at = if at.contains('\n') { "(all of it)" } else { at };
            writeln!(text, "  at `{at}`: {}", place.label).expect("text");
        }
        writeln!(text, "  expected: {}\n  found: {}\n  hint: {}", d.expected, d.found, d.hint).expect("text");
    }
    text
}

/// An update of these operators: name, component (or nothing), state policy.
pub(crate) fn update(name: &str, changes: &[(&str, &str, StatePolicy)]) -> Update {
    let changes = changes.iter().map(|(operator, component, state)| {
        let component = (!component.is_empty()).then(|| ComponentRef::parse(component));
        (operator.to_string(), Change { component, ..Change::of_state(state.clone()) })
    });
    Update { name: name.into(), guarantee: Default::default(), changes: changes.collect(), flow: None }
}

/// The HTTP server of the paper, with the blocking and the non-blocking versions of `load` and `reply`.
pub(crate) fn http() -> (FlowGraph, Catalogue) {
    let mut all = catalogue([
        component("accept", "none each source", "", "OUT http.Connection"),
        component("read", "any buffer source", "CONN http.Connection, ~BACK http.Connection", "OUT http.Exchange"),
        component("parse", "any each", "IN http.Exchange", "OUT http.Request"),
        component("load", "any each", "IN http.Request", "OUT http.Loaded(bytes)"),
        component("load@nio", "any each", "IN http.Request", "OUT http.Loaded(file)"),
        component("compose", "any each", "IN http.Loaded($body)", "OUT http.Response($body)"),
        component("reply", "any buffer resume", "IN http.Response(bytes)", "BACK http.Connection")
            .with_state("http.ReplyBlocking"),
        component("reply@nio", "any buffer resume", "IN http.Response(file)", "BACK http.Connection")
            .with_state("http.ReplyNio"),
    ]);
    all.add_transfer(transfer("to-nio", "http.ReplyBlocking", "http.ReplyNio"));
    all.add_transfer(transfer("to-blocking", "http.ReplyNio", "http.ReplyBlocking"));
    (checked(HTTP, &all).expect("valid"), all)
}

const HTTP: &str = "
    accept = accept
    read = read
    parse = parse
    load = load
    compose = compose
    reply = reply
    accept.OUT -> read.CONN
    read.OUT -> parse.IN
    parse.OUT -> load.IN
    load.OUT -> compose.IN
    compose.OUT -> reply.IN
    reply.BACK -> read.BACK
";
