//! A flow in the languages of two programs that draw: Graphviz and Mermaid.
//!
//! Nodes are called by number, and names are only labels, so that no name can be taken for syntax.

use super::picture::{Line, Picture, Shown};
use std::fmt::Write;

/// The flow for Graphviz.
pub(super) fn dot(picture: &Picture) -> String {
    let mut text = String::from("digraph flow {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    if let Some(name) = &picture.name {
        writeln!(text, "  label={};", dot_quoted(name)).expect("a string takes any text");
    }
    for (number, operator) in picture.operators.iter().enumerate() {
        let changed = if operator.change.is_some() { ", penwidth=2, color=\"#b45309\"" } else { "" };
        writeln!(text, "  n{number} [label={}{changed}];", dot_quoted(&label(operator, "\n")))
            .expect("a string takes any text");
    }
    for arc in &picture.arcs {
        let style = if arc.feedback { ", style=dashed, constraint=false" } else { "" };
        let (from, to, label) = (arc.from, arc.to, dot_quoted(&arc.types()));
        let ports = dot_quoted(&ports(picture, arc));
        writeln!(text, "  n{from} -> n{to} [label={label}, tooltip={ports}{style}];").expect("a string takes any text");
    }
    text.push_str("}\n");
    text
}

/// The flow for Mermaid.
pub(super) fn mermaid(picture: &Picture) -> String {
    let mut text = String::from("flowchart LR\n");
    for (number, operator) in picture.operators.iter().enumerate() {
        let changed = if operator.change.is_some() { ":::changed" } else { "" };
        writeln!(text, "  n{number}([{}]){changed}", mermaid_quoted(&label(operator, "\n")))
            .expect("a string takes any text");
    }
    for arc in &picture.arcs {
        let way = if arc.feedback { "-.->" } else { "-->" };
        let (from, to, label) = (arc.from, arc.to, mermaid_quoted(&arc.types()));
        writeln!(text, "  n{from} {way}|{label}| n{to}").expect("a string takes any text");
    }
    if picture.update.is_some() {
        text.push_str("  classDef changed stroke:#b45309,stroke-width:3px\n");
    }
    text
}

fn label(operator: &Shown, newline: &str) -> String {
    let mut lines = vec![operator.name.clone(), operator.component.clone()];
    if let Some(change) = &operator.change {
        lines.extend(change.component.iter().map(|component| format!("=> {component}")));
        lines.extend(change.properties.iter().map(|(name, value)| format!("{name} => {value}")));
    }
    lines.extend(operator.source.then(|| "(source)".into()));
    lines.extend(operator.sink.then(|| "(sink)".into()));
    lines.join(newline)
}

fn ports(picture: &Picture, arc: &Line) -> String {
    let (from, to) = (&picture.operators[arc.from].name, &picture.operators[arc.to].name);
    format!("{from}.{} -> {to}.{}", arc.from_port, arc.to_port)
}

/// In quotes, a quote and a backslash are escaped; `\n` is a new line.
fn dot_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push('\u{fffd}'),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// In quotes, what could end the label or be taken for markup is written as an entity, which Mermaid begins with `#`.
fn mermaid_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("<br/>"),
            c if c.is_control() => quoted.push('\u{fffd}'),
            c if c.is_alphanumeric() || " ./@_-(),:".contains(c) => quoted.push(c),
            c => write!(quoted, "#{};", u32::from(c)).expect("a string takes any text"),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_its_label() {
        assert_eq!(dot_quoted("a\"; b \\ c\nd"), r#""a\"; b \\ c\nd""#);
        assert_eq!(mermaid_quoted("a\"] --> <b>`x`#"), r##""a#34;#93; --#62; #60;b#62;#96;x#96;#35;""##);
    }
}
