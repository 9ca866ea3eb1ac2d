//! The grammar of the FBP DSL, rule by rule as in `fbp.peg` of the npm package `fbp` 1.8.0.
//!
//! A PEG is ordered choice: the first alternative that fits is taken, even where another would lead further. Flows
//! in the wild rely on what follows from that (statements need no separator, `a->b` names an operator `a-`), so
//! each rule here is one function that either consumes and answers, or leaves the position as it was. As in any PEG,
//! the furthest place that was reached and what would have been read there make the error message.
//!
//! Two things are kinder than the reference: blanks at the end of the last line are allowed, and after a statement
//! that cannot be read, reading goes on at the next line. Meaning is given to the statements in [`super`].

use super::syntax::{Declaration, End, Export, Failure, Link, Name, Statement, Syntax};
use super::words::{
    is_annotation_key, is_annotation_value, is_component, is_first_of_name, is_json_blank, is_metadata, is_newline,
    is_node_name, is_port_name,
};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ops::Range;

/// Reads a whole text.
pub(super) fn read(text: &str) -> Syntax {
    let mut parser = Parser {
        text,
        at: 0,
        furthest: Failure::default(),
        default_in: "IN".into(),
        default_out: "OUT".into(),
        anonymous: BTreeMap::new(),
        syntax: Syntax::default(),
    };
    while !text[parser.at..].trim_start_matches(' ').is_empty() {
        if parser.statement().is_none() {
            parser.recover();
        }
    }
    parser.syntax
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    furthest: Failure,
    default_in: String,
    default_out: String,
    /// How many operators without a name run each component.
    anonymous: BTreeMap<String, usize>,
    syntax: Syntax,
}

/// What stands between the brackets after a port.
pub(super) const INDEX: &str = "the index of an array port";
/// What a statement begins with.
pub(super) const STATEMENT: &str =
    "an operator, an initial packet, `INPORT=`, `OUTPORT=`, `DEFAULT_INPORT=`, `DEFAULT_OUTPORT=` or a comment";

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Notes that `expected` would have been read at `at`.
    fn miss<T>(&mut self, at: usize, expected: impl Into<String>, opened: Option<usize>) -> Option<T> {
        if at > self.furthest.at {
            self.furthest = Failure { at, ..Failure::default() };
        }
        if at == self.furthest.at {
            let expected = expected.into();
            if !self.furthest.expected.contains(&expected) {
                self.furthest.expected.push(expected);
            }
            self.furthest.opened = self.furthest.opened.or(opened);
        }
        None
    }

    /// Goes back to where the rule began if it did not fit.
    fn attempt<T>(&mut self, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let answer = rule(self);
        if answer.is_none() {
            self.at = start;
        }
        answer
    }

    fn run_of(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn spaces(&mut self) -> bool {
        !self.run_of(|c| c == ' ').is_empty()
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest().starts_with(literal).then(|| self.at += literal.len())
    }

    fn token(&mut self, token: &str, expected: &str, opened: Option<usize>) -> Option<()> {
        match self.literal(token) {
            Some(()) => Some(()),
            None => self.miss(self.at, expected, opened),
        }
    }

    fn newline(&mut self) -> Option<()> {
        let newline = self.peek().filter(|&c| is_newline(c))?;
        self.at += newline.len_utf8();
        Some(())
    }

    fn statement(&mut self) -> Option<()> {
        let start = self.at;
        if let Some(export) = self.attempt(|p| p.export("INPORT=")) {
            self.syntax.statements.push(Statement::Inport(export));
        } else if let Some(export) = self.attempt(|p| p.export("OUTPORT=")) {
            self.syntax.statements.push(Statement::Outport(export));
        } else if let Some(port) = self.attempt(|p| p.default_port("DEFAULT_INPORT=")) {
            self.default_in = port;
        } else if let Some(port) = self.attempt(|p| p.default_port("DEFAULT_OUTPORT=")) {
            self.default_out = port;
        } else if let Some(annotation) = self.attempt(Self::annotation) {
            self.syntax.statements.push(annotation);
        } else if self.attempt(Self::comment).is_some() {
            self.newline();
        } else if self.attempt(Self::blank_line).is_none() {
            self.spaces();
            self.miss::<()>(self.at, STATEMENT, None);
            let Some(chain) = self.attempt(Self::chain) else {
                self.at = start;
                return None;
            };
            self.syntax.statements.push(Statement::Chain(chain));
            self.end_of_statement();
        }
        Some(())
    }

    fn export(&mut self, keyword: &str) -> Option<Export> {
        self.spaces();
        let start = self.at;
        self.literal(keyword)?;
        let operator = self.node()?;
        self.token(".", "`.` and a port", None)?;
        let port = self.port_name()?;
        self.token(":", "`:` and a public name", None)?;
        let public = self.port_name()?;
        let span = start..self.at;
        self.end_of_statement();
        Some(Export { operator, port, public, span })
    }

    fn default_port(&mut self, keyword: &str) -> Option<String> {
        self.spaces();
        self.literal(keyword)?;
        let port = self.port_name()?;
        self.end_of_statement();
        Some(port)
    }

    fn annotation(&mut self) -> Option<Statement> {
        let start = self.at;
        self.literal("#")?;
        self.spaces().then_some(())?;
        self.literal("@")?;
        let key = Some(self.run_of(is_annotation_key)).filter(|key| !key.is_empty())?;
        self.spaces().then_some(())?;
        let value = Some(self.run_of(is_annotation_value)).filter(|value| !value.is_empty())?;
        let span = start..self.at;
        self.newline()?;
        Some(Statement::Annotation { key: key.into(), value: value.into(), span })
    }

    fn comment(&mut self) -> Option<()> {
        self.spaces();
        self.literal("#")?;
        self.run_of(|c| !is_newline(c));
        Some(())
    }

    fn blank_line(&mut self) -> Option<()> {
        self.spaces();
        self.newline()
    }

    /// Takes a separator, a comment and a newline, each where it is there.
    fn end_of_statement(&mut self) {
        self.spaces();
        if self.token(",", "`,`", None).is_some() {
            self.spaces();
        }
        self.attempt(Self::comment);
        if self.newline().is_none() {
            self.miss::<()>(self.at, "the end of the line", None);
        }
    }

    /// The rule `connection`, without its recursion: sources and arrows as long as they last, then a destination. Where
    /// that does not fit, the last source is read as the destination instead, as ordered choice has it.
    fn chain(&mut self) -> Option<Vec<Link>> {
        let mut sources: Vec<(usize, Vec<Link>)> = Vec::new();
        loop {
            let start = self.at;
            match self.attempt(Self::source_and_arrow) {
                Some(links) => sources.push((start, links)),
                None => break,
            }
        }
        loop {
            if let Some(target) = self.attempt(Self::inport) {
                let links = sources.into_iter().flat_map(|(_, links)| links);
                return Some(links.chain([Link::Target(target)]).collect());
            }
            self.at = sources.pop()?.0;
        }
    }

    fn source_and_arrow(&mut self) -> Option<Vec<Link>> {
        let bridge = self.attempt(Self::bridge);
        let outport = bridge.or_else(|| self.attempt(Self::outport));
        let links = outport.or_else(|| self.attempt(Self::initial_packet))?;
        let opened = self.quote_over_lines(&links);
        self.spaces();
        self.token("->", "`->`", opened)?;
        self.spaces();
        Some(links)
    }

    /// Where a text in quotes begins that goes over several lines: most often a closing quote was forgotten.
    fn quote_over_lines(&self, links: &[Link]) -> Option<usize> {
        match links {
            [Link::Packet(Value::String(text), span)] if text.contains('\n') => Some(span.start),
            _ => None,
        }
    }

    fn bridge(&mut self) -> Option<Vec<Link>> {
        let named = self.attempt(|p| Some((p.at, Some(p.port_before()?), p.node()?, Some(p.port_after()?))));
        let (start, port_in, operator, port_out) = match named {
            Some(named) => named,
            None => {
                let start = self.at;
                let port_in = self.attempt(Self::port_before);
                (start, port_in, self.node_with_component()?, self.attempt(Self::port_after))
            }
        };
        let inner = operator.span.clone();
        let target = self.end(operator.clone(), port_in, true, start..inner.end);
        let source = self.end(operator, port_out, false, inner.start..self.at);
        Some(vec![Link::Target(target), Link::Source(source)])
    }

    fn outport(&mut self) -> Option<Vec<Link>> {
        let operator = self.node()?;
        let port = self.attempt(Self::port_after);
        let span = operator.span.start..self.at;
        Some(vec![Link::Source(self.end(operator, port, false, span))])
    }

    fn inport(&mut self) -> Option<End> {
        let start = self.at;
        let port = self.attempt(Self::port_before);
        let operator = self.node()?;
        Some(self.end(operator, port, true, start..self.at))
    }

    fn end(&self, operator: Name, port: Option<(String, Option<u32>)>, is_in: bool, span: Range<usize>) -> End {
        let default = || (if is_in { self.default_in.clone() } else { self.default_out.clone() }, None);
        let (port, index) = port.unwrap_or_else(default);
        End { operator, port, index, span }
    }

    fn initial_packet(&mut self) -> Option<Vec<Link>> {
        let start = self.at;
        if self.literal("'").is_some() {
            let value = self.single_quoted(start)?;
            return Some(vec![Link::Packet(Value::String(value), start..self.at)]);
        }
        self.run_of(is_json_blank);
        let start = self.at;
        let value = self.json()?;
        let span = start..self.at;
        self.run_of(is_json_blank);
        Some(vec![Link::Packet(value, span)])
    }

    fn single_quoted(&mut self, opened: usize) -> Option<String> {
        let mut value = String::new();
        loop {
            let part = self.run_of(|c| c != '\'');
            self.token("'", "`'` at the end of the text in quotes", Some(opened))?;
            match part.strip_suffix('\\') {
                Some(before) => value = value + before + "'",
                None => return Some(value + part),
            }
        }
    }

    fn json(&mut self) -> Option<Value> {
        let rest = self.rest();
        let is_word = ["true", "false", "null"].iter().any(|word| rest.starts_with(word));
        let is_number = rest.strip_prefix('-').unwrap_or(rest).starts_with(|c: char| c.is_ascii_digit());
        if !is_word && !is_number && !rest.starts_with(['"', '{', '[']) {
            return None;
        }
        let raw = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(rest));
        match raw.and_then(|raw| Ok((raw.get().len(), serde_json::from_str(raw.get())?))) {
            Ok((length, value)) => {
                self.at += length;
                Some(value)
            }
            Err(error) => {
                let inside = super::super::text::offset(rest, error.line(), error.column());
                let at = self.at + if error.is_eof() { rest.len() } else { inside };
                let said = error.to_string();
                let said = said.split(" at line ").next().unwrap_or_default();
                let expected =
                    if error.is_eof() { "the rest of a JSON value".into() } else { format!("JSON ({said})") };
                self.miss(at, expected, Some(self.at))
            }
        }
    }

    fn node(&mut self) -> Option<Name> {
        self.node_with_component().or_else(|| {
            let start = self.at;
            let name = self.attempt(Self::node_name)?;
            Some(Name { name: name.into(), span: start..self.at })
        })
    }

    fn node_with_component(&mut self) -> Option<Name> {
        self.attempt(|p| {
            let start = p.at;
            let name = p.node_name();
            let (component, metadata) = p.component()?;
            let span = start..p.at;
            let operator = match (name, p.syntax.declarations.get(&start)) {
                (Some(name), _) => name.to_owned(),
                (None, Some(known)) => known.operator.clone(),
                (None, None) => p.anonymous_name(&component),
            };
            let declaration = Declaration { operator: operator.clone(), component, metadata, span: span.clone() };
            p.syntax.declarations.insert(start, declaration);
            Some(Name { name: operator, span })
        })
    }

    /// As the reference names them, which replaces the first run of signs only: `_core_Output_1`.
    fn anonymous_name(&mut self, component: &str) -> String {
        let is_sign = |c: char| !c.is_ascii_alphanumeric();
        let stem = match component.find(is_sign) {
            Some(start) => format!("{}_{}", &component[..start], component[start..].trim_start_matches(is_sign)),
            None => component.into(),
        };
        let number = self.anonymous.entry(stem.clone()).or_default();
        *number += 1;
        format!("_{stem}_{number}")
    }

    fn node_name(&mut self) -> Option<&'t str> {
        self.word(is_node_name, "an operator")
    }

    fn port_name(&mut self) -> Option<String> {
        self.word(is_port_name, "a port").map(str::to_owned)
    }

    fn word(&mut self, fits: impl Fn(char) -> bool, expected: &str) -> Option<&'t str> {
        match self.peek() {
            Some(first) if is_first_of_name(first) => Some(self.run_of(fits)),
            Some(_) | None => self.miss(self.at, expected, None),
        }
    }

    fn component(&mut self) -> Option<(String, Option<String>)> {
        let opened = self.at;
        self.token("(", "`(` and a component", None)?;
        let component = self.run_of(is_component).to_owned();
        let metadata = match self.literal(":") {
            Some(()) => Some(self.metadata(opened)?.to_owned()),
            None => None,
        };
        let expected = if metadata.is_some() { "`,` and a key, or `)`" } else { "`:` and metadata, or `)`" };
        self.token(")", expected, Some(opened))?;
        Some((component, metadata))
    }

    fn metadata(&mut self, opened: usize) -> Option<&'t str> {
        match self.run_of(is_metadata) {
            "" => self.miss(self.at, "`key=value`", Some(opened)),
            metadata => Some(metadata),
        }
    }

    fn port_before(&mut self) -> Option<(String, Option<u32>)> {
        let port = self.port()?;
        self.spaces().then_some(port)
    }

    fn port_after(&mut self) -> Option<(String, Option<u32>)> {
        self.spaces().then_some(())?;
        self.port()
    }

    fn port(&mut self) -> Option<(String, Option<u32>)> {
        let name = self.port_name()?;
        Some((name, self.attempt(Self::port_index)))
    }

    fn port_index(&mut self) -> Option<u32> {
        let opened = self.at;
        self.literal("[")?;
        let start = self.at;
        let digits = self.run_of(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return self.miss(self.at, INDEX, Some(opened));
        }
        self.token("]", "`]`", Some(opened))?;
        let index = digits.parse();
        if index.is_err() {
            self.syntax.large_indices.insert((start, start + digits.len()));
        }
        Some(index.unwrap_or(u32::MAX))
    }

    /// Notes the failure and goes to the next line; what is passed over may have declared operators, and so may its
    /// beginning, of which a fragment can have been read as a statement.
    fn recover(&mut self) {
        let line = self.text[..self.at].rfind('\n').map_or(0, |newline| newline + 1);
        let failure = Failure { line, ..std::mem::take(&mut self.furthest) };
        // A quote that was never closed has swallowed all the rest: go on after the line in which it stands.
        let swallowed = failure.at == self.text.len();
        let reached = if swallowed { failure.opened.unwrap_or(failure.at) } else { failure.at }.max(self.at);
        let next = self.text[reached..].find('\n').map_or(self.text.len(), |newline| reached + newline + 1);
        let declared = declared_in(&self.text[line..next]);
        self.syntax.perhaps_declared.extend(declared);
        self.at = next;
        self.syntax.failures.push(failure);
    }
}

/// Words that stand right before a parenthesis.
fn declared_in(text: &str) -> impl Iterator<Item = String> {
    let before = text.match_indices('(').map(|(at, _)| &text[..at]);
    before.filter_map(|before| before.rsplit(|c| !is_node_name(c)).next()).map(str::to_owned)
}
