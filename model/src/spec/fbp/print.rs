//! Prints a flow in the FBP DSL so that reading it again gives the same flow, or says what the DSL cannot hold.
//!
//! ```text
//! # @name server                          annotations
//! load(http/load:version=nio,x=36)        operators, in order, so that reading finds them in this order
//! reply(http/reply)
//! '/srv' -> ROOT load                     initial packets
//! load OUT -> IN reply                    arcs
//! OUTPORT=reply.DONE:SERVED               exports
//! ```

use super::words::{
    fits_annotation_key, fits_annotation_value, fits_metadata, names_a_component, names_a_port, names_an_operator,
};
use super::{ENVIRONMENT, RUNTIME, VERSION};
use crate::diagnostic::{Code, Diagnostics};
use crate::flow::{ComponentRef, Flow, Operator, PortRef};
use crate::spec::report::Report;
use serde_json::Value;
use std::collections::BTreeSet;

const TO_JSON: &str = "FBP JSON can hold it: convert to JSON, or take it out";

/// Prints a flow so that [`parse`](super::parse) gives it back; refuses (P05) what the DSL cannot hold, all of it.
pub fn print(flow: &Flow) -> Result<String, Diagnostics> {
    let names = flow.operators.iter().map(|operator| operator.name.as_str()).collect();
    let mut printer = Printer { flow, names, report: Report::new(""), out: String::new() };
    printer.annotations();
    printer.operators();
    printer.connections();
    printer.exports();
    for group in &flow.groups {
        printer.refuse(format!("group `{}` has no place in FBP text", group.name), "no groups", "a group");
    }
    printer.report.finish(printer.out)
}

struct Printer<'f> {
    flow: &'f Flow,
    /// The names of its operators.
    names: BTreeSet<&'f str>,
    report: Report<'static>,
    out: String,
}

impl<'f> Printer<'f> {
    fn line(&mut self, line: String) {
        self.out.push_str(&line);
        self.out.push('\n');
    }

    fn refuse(&mut self, message: String, expected: &str, found: impl Into<String>) {
        self.report.refusal(Code::P05, message).expected(expected, found).hint(TO_JSON);
    }

    /// Refuses a word that the grammar would not read back.
    fn word(&mut self, fits: fn(&str) -> bool, word: &str, what: String, expected: &str) {
        if !fits(word) {
            self.refuse(format!("{what} cannot be written in FBP text"), expected, format!("`{word}`"));
        }
    }

    fn annotations(&mut self) {
        for (key, value) in &self.flow.annotations {
            let what = format!("annotation `{key}`");
            let is_key = |key: &str| fits_annotation_key(key) && key != RUNTIME;
            self.word(is_key, key, what.clone(), "letters, digits, `-`, `_`, and not `runtime`");
            let (key, text) = match runtime(key, value) {
                Some(text) => (RUNTIME, Some(text)),
                None => (key.as_str(), value.as_str()),
            };
            match text {
                Some(text) => {
                    let expected = "letters, digits, `-`, `_`, `.` and blanks, a blank not first";
                    self.word(fits_annotation_value, text, what, expected);
                    self.line(format!("# @{key} {text}"));
                }
                None => self.refuse(format!("{what} is not a text"), "a text", value.to_string()),
            }
        }
    }

    fn operators(&mut self) {
        let mut written = BTreeSet::new();
        for operator in &self.flow.operators {
            let name = &operator.name;
            if !written.insert(name) {
                let message = format!("two operators have the name `{name}`");
                self.report.refusal(Code::P05, message).expected("each name once", "the name again").hint("rename one");
            }
            let what = format!("operator `{name}`");
            self.word(names_an_operator, name, what.clone(), "a letter or `_`, then letters, digits, `_`, `-`");
            let component = &operator.component.name;
            let what = format!("the component of {what}");
            self.word(names_a_component, component, what, "letters, digits, `/`, `-`, `_`");
            let metadata = self.metadata(operator);
            self.line(format!("{name}({component}{metadata})"));
        }
    }

    /// `:version=V,k=v`, or nothing.
    fn metadata(&mut self, operator: &Operator) -> String {
        let mut items = Vec::new();
        let component = &operator.component;
        if component.version != ComponentRef::DEFAULT_VERSION {
            items.push(self.item(operator, VERSION, &component.version));
        }
        for (key, value) in &operator.metadata {
            if key == VERSION {
                let message =
                    format!("the metadata of operator `{}` has a `version` besides its component's", operator.name);
                self.report
                    .refusal(Code::P05, message)
                    .expected("the version in the component", "metadata `version`")
                    .hint("take it out");
                continue;
            }
            let is_coordinate = matches!(key.as_str(), "x" | "y");
            let text =
                if is_coordinate { value.as_u64().map(|n| n.to_string()) } else { value.as_str().map(str::to_owned) };
            match text {
                Some(text) => items.push(self.item(operator, key, &text)),
                None => {
                    let expected = if is_coordinate { "a whole number, 0 or more" } else { "a text" };
                    let message =
                        format!("metadata `{key}` of operator `{}` cannot be written in FBP text", operator.name);
                    self.refuse(message, expected, value.to_string());
                }
            }
        }
        if items.is_empty() { String::new() } else { format!(":{}", items.join(",")) }
    }

    fn item(&mut self, operator: &Operator, key: &str, value: &str) -> String {
        for part in [key, value] {
            let what = format!("metadata `{key}` of operator `{}`", operator.name);
            self.word(fits_metadata, part, what, "letters, digits, `/`, `_`");
        }
        format!("{key}={value}")
    }

    fn connections(&mut self) {
        for initial in &self.flow.initial {
            let to = self.target(&initial.to, "an initial packet");
            self.line(format!("{} -> {to}", packet(&initial.value)));
        }
        for arc in &self.flow.arcs {
            let what = format!("the arc `{} -> {}`", arc.from, arc.to);
            let (from, to) = (self.port(&arc.from, &what), self.target(&arc.to, &what));
            if !arc.metadata.is_empty() {
                self.refuse(format!("{what} has metadata"), "no metadata on arcs", "metadata");
            }
            self.line(format!("{} {from} -> {to}", arc.from.operator));
        }
    }

    fn target(&mut self, port: &PortRef, what: &str) -> String {
        format!("{} {}", self.port(port, what), port.operator)
    }

    /// The port alone; what names it is checked, too.
    fn port(&mut self, port: &PortRef, what: &str) -> String {
        let expected = "a letter or `_`, then letters, digits, `_`, `.`";
        self.word(names_a_port, &port.port, format!("port `{port}` of {what}"), expected);
        if !self.names.contains(port.operator.as_str()) {
            let message = format!("{what} names operator `{}`, which the flow does not have", port.operator);
            self.refuse(message, "an operator of the flow", format!("`{}`", port.operator));
        }
        port.port_name()
    }

    fn exports(&mut self) {
        let flow = self.flow;
        for (keyword, exports) in [("INPORT", &flow.inports), ("OUTPORT", &flow.outports)] {
            for (public, port) in exports {
                let what = format!("exported port `{public}`");
                self.word(names_a_port, public, what.clone(), "a letter or `_`, then letters, digits, `_`, `.`");
                if port.index.is_some() {
                    self.refuse(
                        format!("{what} is one element of an array port"),
                        "a port without index",
                        port.port_name(),
                    );
                }
                let inner = self.port(port, &what);
                self.line(format!("{keyword}={}.{inner}:{public}", port.operator));
            }
        }
    }
}

/// The runtime, if the annotation is what `# @runtime` is read as.
fn runtime<'v>(key: &str, value: &'v Value) -> Option<&'v str> {
    let environment = value.as_object().filter(|map| key == ENVIRONMENT && map.len() == 1)?;
    environment.get("type")?.as_str()
}

/// Single quotes for plain texts, JSON for the rest.
fn packet(value: &Value) -> String {
    match value {
        Value::String(text) if !text.contains(|c: char| matches!(c, '\'' | '\\') || c.is_control()) => {
            format!("'{text}'")
        }
        // A bare `true` would be an operator of that name; blanks of JSON before it make it a value.
        Value::Bool(_) | Value::Null => format!("\t{value}"),
        Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
