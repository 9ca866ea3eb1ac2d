//! One tree for JSON and TOML: values that know their bytes in the text.
//!
//! Both formats are read by the libraries everyone uses; this file only keeps the place of every value and key, so
//! that what comes next, [`table`](super::table), can say where a key is missing or a value is of the wrong kind.
//! Syntax errors and keys given twice are reported here. It knows nothing of flows or components.
//!
//! `serde_json` tells no places, but a borrowed [`RawValue`] is a slice of the text, and a slice knows where it is.

use super::report::Report;
use super::text;
use crate::diagnostic::Code;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
pub(super) struct Node {
    /// Its bytes; for a TOML table with a header, those of the header; none for a whole TOML text.
    pub(super) span: Range<usize>,
    /// What it is.
    pub(super) shape: Shape,
}

/// A value.
pub(super) enum Shape {
    /// A table, called object in JSON, in the order of the text.
    Table(Vec<Entry>),
    /// A list.
    List(Vec<Node>),
    /// A text, number, truth value or JSON's null.
    Leaf(Value),
    /// What TOML has and JSON has not: a date, or a number that is not finite or not in 64 bits.
    Foreign(&'static str),
}

/// A key with its value.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) node: Node,
}

impl Node {
    /// What it is, in a few words, for "found".
    pub(super) fn describe(&self, table_word: &str) -> String {
        match &self.shape {
            Shape::Table(_) => table_word.into(),
            Shape::List(_) => "a list".into(),
            Shape::Leaf(Value::String(text)) => format!("the text {text:?}"),
            Shape::Leaf(value) => value.to_string(),
            Shape::Foreign(what) => (*what).into(),
        }
    }

    /// The value without its place; `Err` is the part that has no such value.
    pub(super) fn value(&self) -> Result<Value, &Self> {
        match &self.shape {
            Shape::Table(entries) => {
                let pairs = entries.iter().map(|e| Ok((e.key.clone(), e.node.value()?)));
                Ok(Value::Object(pairs.collect::<Result<Map<_, _>, _>>()?))
            }
            Shape::List(nodes) => Ok(Value::Array(nodes.iter().map(Self::value).collect::<Result<_, _>>()?)),
            Shape::Leaf(value) => Ok(value.clone()),
            Shape::Foreign(_) => Err(self),
        }
    }
}

/// Reads JSON. `None` when the report says why not.
pub(super) fn json(text: &str, report: &mut Report<'_>) -> Option<Node> {
    report.speak_of_objects();
    // The first pass finds syntax errors and bounds the depth, so that the second need not.
    match serde_json::from_str::<Value>(text) {
        Ok(_) => {
            let root: &RawValue = serde_json::from_str(text).expect("it was read once already");
            Some(json_node(text, root, report)).filter(|_| report.is_empty())
        }
        Err(error) => {
            json_fault(text, &error, report);
            None
        }
    }
}

fn json_fault(text: &str, error: &serde_json::Error, report: &mut Report<'_>) {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    if error.is_eof() {
        let fault = report.fault(Code::P01, text.len()..text.len(), "the JSON text ends too early").label("ends here");
        return fault.expected("the rest of a JSON value", "the end of the text").hint("was the file cut off?");
    }
    let at = text::offset(text, error.line(), error.column());
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let (expected, hint) = match said {
        "key must be a string" => ("a key in double quotes", "put the key between double quotes"),
        "trailing comma" => ("another item after the comma", "take the comma before it out"),
        _ => ("JSON", "look at the commas, quotes and brackets before this place"),
    };
    let fault = report.fault(Code::P01, at..end, format!("this is not JSON: {said}")).label("reading stopped here");
    fault.expected(expected, super::fbp::found_at(text, at)).hint(hint);
}

fn json_node(text: &str, raw: &RawValue, report: &mut Report<'_>) -> Node {
    let span = span_of(text, raw.get());
    let shape = match raw.get().as_bytes()[0] {
        b'{' => Shape::Table(json_entries(text, raw, report)),
        b'[' => {
            let items: Vec<&RawValue> =
                serde_json::from_str(raw.get()).expect("valid JSON that begins with [ is a list");
            Shape::List(items.into_iter().map(|item| json_node(text, item, report)).collect())
        }
        _ => Shape::Leaf(serde_json::from_str(raw.get()).expect("the text was read as a value already")),
    };
    Node { span, shape }
}

fn json_entries(text: &str, raw: &RawValue, report: &mut Report<'_>) -> Vec<Entry> {
    let pairs = serde_json::Deserializer::from_str(raw.get()).deserialize_map(Pairs);
    let mut entries: Vec<Entry> = Vec::new();
    let mut places = BTreeMap::<String, usize>::new();
    let mut last_end = span_of(text, raw.get()).start + 1;
    for (key, value) in pairs.expect("valid JSON that begins with { is an object") {
        let node = json_node(text, value, report);
        // Between two values stand only `,`, the key and `:`; the key is what is quoted.
        let between = &text[last_end..node.span.start];
        let quotes = (between.find('"'), between.rfind('"'));
        let (Some(open), Some(close)) = quotes else { unreachable!("a JSON key is quoted") };
        let key_span = last_end + open..last_end + close + 1;
        last_end = node.span.end;
        match places.get(&key) {
            Some(first) => given_twice(&key, entries[*first].key_span.clone(), key_span, report),
            None => {
                places.insert(key.clone(), entries.len());
                entries.push(Entry { key, key_span, node });
            }
        }
    }
    entries
}

fn given_twice(key: &str, first: Range<usize>, second: Range<usize>, report: &mut Report<'_>) {
    let fault = report.fault(Code::P04, second, format!("`{key}` is given twice")).label("given again");
    let fault = fault.and(first, "first given here").expected("each key once", "the key again");
    fault.hint("take one of the two out, or rename it");
}

fn span_of(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    start..start + part.len()
}

/// Reads an object as pairs, so that a key given twice is seen.
struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

/// Reads TOML. `None` when the report says why not.
pub(super) fn toml(text: &str, report: &mut Report<'_>) -> Option<Node> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let at = |error: &toml::de::Error| error.span().map_or(text.len(), |span| span.start);
    // Where reading stopped, the first thing said is the cause, and the others follow from it.
    let is_cause = |i: &usize| errors[..*i].iter().all(|error| at(error) != at(&errors[*i]));
    for i in (0..errors.len()).filter(is_cause) {
        toml_fault(text, &errors[i], report);
    }
    report.is_empty().then(|| Node { span: 0..0, shape: Shape::Table(toml_entries(root.get_ref())) })
}

fn toml_fault(text: &str, error: &toml::de::Error, report: &mut Report<'_>) {
    let span = error.span().unwrap_or(text.len()..text.len());
    let message = error.message();
    if message == "duplicate key" {
        let key = &text[span.clone()];
        let fault = report.fault(Code::P04, span.clone(), format!("`{key}` is given twice")).label("given again");
        return fault.expected("each key once", "the key again").hint("take one of the two out, or rename it");
    }
    let found = super::fbp::found_at(text, span.start);
    let (what, expected) = match message.split_once(", expected ") {
        // What begins like `nan` or `inf` is taken for one; people mean a text.
        Some(("invalid float" | "string values must be quoted", _)) => {
            ("a value is missing or lacks its quotes", "a number, true, false, or a text in double quotes")
        }
        Some(split) => split,
        None => (message, "TOML"),
    };
    let hint = match text[span.start..].chars().next() {
        None => "was the file cut off?",
        Some(c) if c.is_alphabetic() => "a text stands between double quotes",
        Some(_) => "a line is `key = value`",
    };
    let fault = report.fault(Code::P01, span, format!("this is not TOML: {what}")).label("reading stopped here");
    fault.expected(expected, found).hint(hint);
}

fn toml_entries(table: &DeTable<'_>) -> Vec<Entry> {
    let entry = |(key, value): (&Spanned<_>, &Spanned<_>)| toml_entry(key, value);
    table.iter().map(entry).collect()
}

fn toml_entry(key: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> Entry {
    Entry { key: key.get_ref().clone().into_owned(), key_span: key.span(), node: toml_node(value) }
}

fn toml_node(value: &Spanned<DeValue<'_>>) -> Node {
    let shape = match value.get_ref() {
        DeValue::String(text) => Shape::Leaf(Value::from(text.as_ref())),
        DeValue::Boolean(truth) => Shape::Leaf(Value::from(*truth)),
        DeValue::Integer(number) => integer(number.as_str(), number.radix()),
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            number.map_or(Shape::Foreign("a number that is not finite"), |n| Shape::Leaf(Value::Number(n)))
        }
        DeValue::Datetime(_) => Shape::Foreign("a date"),
        DeValue::Array(items) => Shape::List(items.iter().map(toml_node).collect()),
        DeValue::Table(table) => Shape::Table(toml_entries(table)),
    };
    Node { span: value.span(), shape }
}

fn integer(digits: &str, radix: u32) -> Shape {
    let positive = u64::from_str_radix(digits, radix).map(Value::from);
    let number = positive.or_else(|_| i64::from_str_radix(digits, radix).map(Value::from));
    number.map_or(Shape::Foreign("a number beyond 64 bits"), Shape::Leaf)
}

/// A text as TOML writes it, on one line, which is also how a quoted key is written.
pub(super) fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// A key as TOML writes it: bare where it can be.
pub(super) fn toml_key(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { key.into() } else { toml_text(key) }
}

/// A value as TOML writes it, on one line; `None` for what has a null in it, which TOML has not.
pub(super) fn toml_value(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => toml_text(text),
        Value::Array(items) => format!("[{}]", items.iter().map(toml_value).collect::<Option<Vec<_>>>()?.join(", ")),
        Value::Object(map) => {
            let pair = |(key, value): (&String, _)| Some(format!("{} = {}", toml_key(key), toml_value(value)?));
            inline_table(map.iter().map(pair).collect::<Option<Vec<_>>>()?)
        }
    })
}

/// `{ a = 1, b = 2 }`
pub(super) fn inline_table(pairs: Vec<String>) -> String {
    if pairs.is_empty() { "{}".into() } else { format!("{{ {} }}", pairs.join(", ")) }
}
