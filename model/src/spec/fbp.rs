//! The FBP DSL: flows as people write them.
//!
//! ```text
//! # @name server
//! '/srv' -> ROOT load(http/load:version=nio)
//! listen(http/listen) OUT -> IN load OUT -> IN reply(http/reply)
//! OUTPORT=reply.DONE:SERVED
//! ```
//!
//! The grammar is that of the npm package `fbp` 1.8.0 with case kept, rule by rule in `grammar`; here its
//! statements become a [`Flow`]. The metadata key `version` chooses the version of a component.
//!
//! Where the reference silently forgets something that the text says, this reader refuses instead:
//!
//! * a source that leads nowhere, as `a` in `a OUT -> b OUT -> IN c`: there `b` is read as a source only, because its
//!   input port and its component are both left out;
//! * a name that is given two components, two versions, or two public ports;
//! * an operator that never gets a component, wherever it is named.
//!
//! One thing it forgets too: a port before the first operator of a line (`IN a OUT -> IN b`) is a port without arc.

mod grammar;
mod mistaken;
mod print;
mod syntax;
mod words;

pub use print::print;

use super::fbp_json::VERSION;
use super::report::{Report, listed};
use crate::diagnostic::{Code, Diagnostics, SourceMap, Thing};
use crate::flow::{Arc, ComponentRef, Flow, InitialPacket, Operator, PortRef};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use syntax::{Declaration, End, Export, Failure, Link, Statement, Syntax};

/// The annotation that the reference turns into a property `environment` with a `type`.
const RUNTIME: &str = "runtime";
const ENVIRONMENT: &str = "environment";
/// The metadata key of an item without key.
const ROUTES: &str = "routes";

/// Reads a flow, or says everything that is wrong with the text.
pub fn parse(source_name: &str, text: &str) -> Result<(Flow, SourceMap), Diagnostics> {
    if let Some((header, what)) = mistaken::toml_header(text) {
        return Err(no_flow(source_name, header, what));
    }
    let syntax = grammar::read(text);
    let mut assembly = Assembly {
        report: Report::new(source_name),
        flow: Flow::default(),
        map: SourceMap::new(source_name),
        given: BTreeMap::new(),
        places: BTreeMap::new(),
    };
    assembly.map.note(Thing::Whole, 0..text.len());
    for failure in &syntax.failures {
        assembly.failure(text, failure);
    }
    for &(start, end) in &syntax.large_indices {
        let fault = assembly.report.fault(Code::P03, start..end, "the index of an array port is too large");
        fault
            .label("too large")
            .expected("a whole number below 2^32", text[start..end].to_owned())
            .hint("count from 0");
    }
    assembly.operators(&syntax);
    for statement in syntax.statements {
        assembly.statement(statement);
    }
    assembly.report.finish((assembly.flow, assembly.map))
}

/// P01, once.
fn no_flow(source_name: &str, header: Range<usize>, what: &str) -> Diagnostics {
    let mut report = Report::new(source_name);
    let fault = report.fault(Code::P01, header, format!("{what} where a flow is expected"));
    fault
        .label("TOML begins here")
        .expected("a flow: statements as `from(component) OUT -> IN to(component)`", what)
        .hint("give the flow first, and behind it what is to be done with it");
    report.refused()
}

/// What stands at a byte, in a few words, for "found".
pub(super) fn found_at(text: &str, at: usize) -> String {
    let rest = &text[at..];
    match rest.chars().next() {
        None => "the end of the text".into(),
        Some('\n' | '\r') => "the end of the line".into(),
        Some('\t') => "a tab".into(),
        Some(first) => {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let word = rest.split(|c| !is_word(c)).next().unwrap_or_default();
            if word.is_empty() { format!("`{first}`") } else { format!("`{word}`") }
        }
    }
}

/// A flow being put together from statements.
struct Assembly<'s> {
    report: Report<'s>,
    flow: Flow,
    map: SourceMap,
    /// Where each name was given its value first, and the value, to tell repetition from contradiction.
    given: BTreeMap<(&'static str, String), (Range<usize>, Value)>,
    /// Where each operator is in the flow.
    places: BTreeMap<String, usize>,
}

impl Assembly<'_> {
    fn failure(&mut self, text: &str, failure: &Failure) {
        let at = failure.at;
        let found = found_at(text, at);
        let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        let message = match at == text.len() {
            true => "the text ends in the middle of a statement".to_owned(),
            false => format!("{found} does not fit here"),
        };
        let hint = hint(text, failure);
        let fault = self.report.fault(Code::P01, at..end, message).label("reading stopped here");
        let fault = match failure.opened {
            Some(opened) => fault.and(opened..opened + 1, "opened here"),
            None => fault,
        };
        fault.expected(expected(failure), found).hint(hint);
    }

    /// Every operator in the order of its first mention, with what its declarations say together.
    fn operators(&mut self, syntax: &Syntax) {
        let declared = syntax.declarations.values().map(|d| (&d.operator, &d.span));
        let mut mentions: Vec<_> = declared.chain(syntax.statements.iter().flat_map(mentions)).collect();
        mentions.sort_by_key(|(_, span)| span.start);
        for (name, _) in &mentions {
            if !self.places.contains_key(*name) {
                self.places.insert((*name).clone(), self.flow.operators.len());
                let component = ComponentRef::parse("");
                self.flow.operators.push(Operator { name: (*name).clone(), component, metadata: BTreeMap::new() });
            }
        }
        for declaration in syntax.declarations.values() {
            self.declare(declaration);
        }
        for (name, span) in mentions {
            self.map.note(Thing::Operator(name.clone()), span.clone());
        }
        self.ask_for_components(syntax);
    }

    fn declare(&mut self, declaration: &Declaration) {
        let Declaration { operator: name, component, metadata, span } = declaration;
        if !component.is_empty() {
            self.map.note(Thing::Operator(name.clone()), span.clone());
            self.give("the component of operator", name, json!(component), span);
        }
        let notes = metadata.as_ref().map(|text| self.metadata(name, text, span));
        if let Some(notes) = &notes {
            let version = notes.get(VERSION).cloned().unwrap_or_else(|| json!(ComponentRef::DEFAULT_VERSION));
            // Only a version that was written can be contradicted; `a(A)` and then `a(:version=2)` is one declaration.
            let is_known = self.given.contains_key(&("the version of operator", name.clone()));
            if is_known || notes.contains_key(VERSION) {
                self.give("the version of operator", name, version, span);
            }
        }
        let place = *self.places.get(name).expect("every declared name is mentioned");
        let operator = &mut self.flow.operators[place];
        if !component.is_empty() {
            operator.component.name.clone_from(component);
        }
        if let Some(mut notes) = notes {
            let version = notes.remove(VERSION);
            let version = version.as_ref().and_then(Value::as_str).unwrap_or(ComponentRef::DEFAULT_VERSION);
            operator.component.version = version.into();
            operator.metadata = notes;
        }
    }

    /// Notes the value of a name; a second, other value is a contradiction.
    fn give(&mut self, what: &'static str, name: &str, value: Value, span: &Range<usize>) {
        let Some((first, known)) = self.given.get(&(what, name.to_owned())) else {
            self.given.insert((what, name.to_owned()), (span.clone(), value));
            return;
        };
        if *known != value {
            let [said, known] = [&value, known].map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
            let message = format!("{what} `{name}` is given twice, and differently");
            let fault = self.report.fault(Code::P04, span.clone(), message).label(format!("here it is `{said}`"));
            let fault = fault.and(first.clone(), format!("here it is `{known}`"));
            let fault = fault.expected(format!("`{known}` again, or nothing"), format!("`{said}`"));
            fault.hint("rename one of them, or take out what is wrong");
        }
    }

    fn metadata(&mut self, operator: &str, text: &str, span: &Range<usize>) -> BTreeMap<String, Value> {
        let items = text.split(',').map(|item| item.split_once('=').unwrap_or((ROUTES, item)));
        let mut notes = BTreeMap::new();
        for (key, value) in items {
            let value = match key {
                "x" | "y" => coordinate(value),
                _ if value.contains('=') => None,
                _ => Some(json!(value)),
            };
            match value {
                Some(value) => {
                    notes.insert(key.to_owned(), value);
                }
                None => {
                    let message =
                        format!("`{key}` in the metadata of operator `{operator}` has no value that can be kept");
                    let fault = self.report.fault(Code::P03, span.clone(), message).label("in this metadata");
                    fault
                        .expected("`key=value` with one `=`, and a number for `x` and `y`", format!("`{text}`"))
                        .hint("separate items with commas: `(component:x=10,y=20,label=first)`");
                }
            }
        }
        notes
    }

    fn ask_for_components(&mut self, syntax: &Syntax) {
        let bare = self.flow.operators.iter().filter(|o| o.component.name.is_empty());
        for operator in bare.filter(|o| !syntax.perhaps_declared.contains(&o.name)) {
            let name = &operator.name;
            let place = self.map.place(&Thing::Operator(name.clone()), "").expect("every operator is mentioned");
            if syntax.failures.iter().any(|failure| (failure.line..=failure.at).contains(&place.span.start)) {
                continue; // a fragment of a statement that was reported already
            }
            let message = format!("operator `{name}` has no component");
            let fault = self.report.fault(Code::P02, place.span, message).label("first named here");
            let fault = fault.expected(format!("`{name}(COMPONENT)` somewhere in the text"), format!("only `{name}`"));
            fault.hint(format!(
                "give the component once, as in `{name}(http/load)`; if `{name}` is meant as a port, an arrow is missing"
            ));
        }
    }

    fn statement(&mut self, statement: Statement) {
        match statement {
            Statement::Inport(export) => {
                let (public, port) = self.export("the inport", export);
                self.flow.inports.insert(public, port);
            }
            Statement::Outport(export) => {
                let (public, port) = self.export("the outport", export);
                self.flow.outports.insert(public, port);
            }
            Statement::Annotation { key, value, span } => {
                let (key, value) = match key.as_str() {
                    RUNTIME => (ENVIRONMENT.to_owned(), json!({ "type": value })),
                    _ => (key, json!(value)),
                };
                self.give("the annotation", &key, value.clone(), &span);
                self.flow.annotations.insert(key, value);
            }
            Statement::Chain(links) => self.chain(links),
        }
    }

    fn export(&mut self, what: &'static str, export: Export) -> (String, PortRef) {
        let port = PortRef::new(export.operator.name, export.port);
        self.give(what, &export.public, json!(port.to_string()), &export.span);
        self.map.note(Thing::Export(export.public.clone()), export.span);
        (export.public, port)
    }

    /// An arrow joins a source or packet with the target that stands next; a target that nothing leads to is a bare
    /// mention of its operator.
    fn chain(&mut self, links: Vec<Link>) {
        let mut links = links.into_iter().peekable();
        while let Some(link) = links.next() {
            let target = links.next_if(|next| !matches!(link, Link::Target(_)) && matches!(next, Link::Target(_)));
            match (link, target) {
                (Link::Target(_), _) => {}
                (Link::Source(from), Some(Link::Target(to))) => self.arc(from, to),
                (Link::Packet(value, span), Some(Link::Target(to))) => {
                    self.map.note(Thing::Initial(self.flow.initial.len()), span.start..to.span.end);
                    self.flow.initial.push(InitialPacket { value, to: port(to) });
                }
                (Link::Source(from), _) => {
                    let what =
                        format!("`{}`", PortRef { index: from.index, ..PortRef::new(&from.operator.name, &from.port) });
                    self.leads_nowhere(&what, from.span, links.peek());
                }
                (Link::Packet(_, span), _) => self.leads_nowhere("the initial packet", span, links.peek()),
            }
        }
    }

    fn arc(&mut self, from: End, to: End) {
        let arc = self.flow.arcs.len();
        self.map.note(Thing::Arc(arc), from.span.start..to.span.end);
        self.map.note(Thing::ArcFrom(arc), from.span.clone());
        self.map.note(Thing::ArcTo(arc), to.span.clone());
        self.flow.arcs.push(Arc { from: port(from), to: port(to), metadata: BTreeMap::new() });
    }

    fn leads_nowhere(&mut self, what: &str, span: Range<usize>, next: Option<&Link>) {
        let (found, hint) = match next {
            Some(Link::Source(next)) => {
                let name = &next.operator.name;
                let found = format!("`{name}` without input port or component, which is a source only");
                (found, format!("in the middle of a chain, write the input port too: `-> IN {name} {} ->`", next.port))
            }
            Some(Link::Packet(..)) => {
                ("an initial packet".into(), "an initial packet stands at the beginning of a chain".into())
            }
            Some(Link::Target(_)) | None => unreachable!("a chain ends in a target, and a target next would be joined"),
        };
        let fault = self.report.fault(Code::P01, span, format!("{what} leads nowhere")).label("no arc leaves here");
        fault.expected("an input port after the arrow", found).hint(hint);
    }
}

fn port(end: End) -> PortRef {
    PortRef { operator: end.operator.name, port: end.port, index: end.index }
}

fn mentions(statement: &Statement) -> Vec<(&String, &Range<usize>)> {
    match statement {
        Statement::Inport(export) | Statement::Outport(export) => vec![(&export.operator.name, &export.operator.span)],
        Statement::Annotation { .. } => vec![],
        Statement::Chain(links) => {
            let ends = links.iter().filter_map(|link| match link {
                Link::Target(end) | Link::Source(end) => Some(&end.operator),
                Link::Packet(..) => None,
            });
            ends.map(|operator| (&operator.name, &operator.span)).collect()
        }
    }
}

/// The reference reads `x` and `y` as numbers, and can write `1e5`.
fn coordinate(text: &str) -> Option<Value> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let whole = text.parse::<u64>().ok().map(Value::from);
    whole.or_else(|| {
        let number = text.parse::<f64>().ok().filter(|n| n.is_finite())?;
        let is_exact = number.fract() == 0.0 && number < 9e15;
        Some(if is_exact { Value::from(number as u64) } else { Value::from(number) })
    })
}

/// What would have been read, without the beginnings of a next statement where this one could go on.
fn expected(failure: &Failure) -> String {
    let words = &failure.expected;
    match words.iter().position(|w| w == grammar::STATEMENT) {
        Some(0) => words[0].clone(),
        Some(end) => listed(&words[..end], "or"),
        None => listed(words, "or"),
    }
}

fn is_arrow(rest: &str) -> bool {
    rest.trim_start_matches(['-', '=']).starts_with('>')
}

fn hint(text: &str, failure: &Failure) -> String {
    let (before, rest) = text.split_at(failure.at);
    let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
    let opened = failure.opened.and_then(|at| text[at..].chars().next());
    let hint = match (opened, rest.chars().next()) {
        (Some('\''), _) => "close the text with a single quote; a quote in it is written `\\'`",
        (Some('('), Some('.' | '@' | '-' | ' ')) => {
            "a component is written `name(a/b)` with letters, digits, `/`, `-`, `_`, and its version `name(a/b:version=V)`"
        }
        (Some('('), _) => "close the parenthesis: `name(component)`",
        (_, _) if failure.expected.iter().any(|e| e == grammar::INDEX) => "an index is a number: `OUT[0]`",
        (Some('{' | '[' | '"'), None) => "close the bracket or quote; the value is JSON",
        (Some('{' | '[' | '"'), Some(_)) => "what begins with a bracket or a double quote is JSON",
        (_, Some('>')) if before.ends_with('-') => "a name may have a `-` in it; put a blank before `->`",
        (_, Some('\t')) => "only blanks separate words; replace the tab",
        (_, Some('-' | '=')) if is_arrow(rest) => "an arrow is `->`",
        (_, Some('=')) if line.ends_with("EXPORT") => "exported ports are written `INPORT=` and `OUTPORT=`",
        (_, None) => "was the file cut off?",
        (_, Some(_)) => {
            "a statement is `from(component) OUT -> IN to(component)`, one on each line or separated by commas"
        }
    };
    hint.into()
}
