//! A flow in the languages of two programs that draw: Graphviz and Mermaid.
//!
//! Nodes are called by number, and names are only labels, so that no name can be taken for syntax.

use super::picture::{Course, Fate, HandOver, Line, Picture, Shown};
use std::fmt::Write;

/// The flow for Graphviz.
pub(super) fn dot(picture: &Picture) -> String {
    let mut text = String::from("digraph flow {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    if let Some(name) = &picture.name {
        writeln!(text, "  label={};", dot_quoted(&titled(picture, name))).expect("a string takes any text");
    }
    for (number, operator) in picture.operators.iter().enumerate() {
        let (label, style) = (dot_quoted(&label(picture, number, "\n")), dot_operator(operator));
        writeln!(text, "  n{number} [label={label}{style}];").expect("a string takes any text");
    }
    for arc in &picture.arcs {
        let (from, to, label) = (arc.from, arc.to, dot_quoted(&arc_label(arc)));
        let (ports, style) = (dot_quoted(&ports(picture, arc)), dot_arc(arc));
        writeln!(text, "  n{from} -> n{to} [label={label}, tooltip={ports}{style}];").expect("a string takes any text");
    }
    for HandOver { from, to, .. } in &picture.hand_overs {
        writeln!(text, "  n{from} -> n{to} [label=\"state\", color=\"#be185d\", style=bold, constraint=false];")
            .expect("a string takes any text");
    }
    text.push_str("}\n");
    text
}

fn dot_operator(operator: &Shown) -> &'static str {
    match (operator.fate, &operator.change) {
        (Fate::Comes, _) => ", penwidth=2, color=\"#15803d\"",
        (Fate::Goes, _) => ", style=\"rounded,dotted\", fontcolor=\"#64748b\"",
        (Fate::Stays, Some(_)) => ", penwidth=2, color=\"#b45309\"",
        (Fate::Stays, None) => "",
    }
}

fn dot_arc(arc: &Line) -> String {
    let style = match (arc.course, arc.feedback) {
        (Course::Goes | Course::MovesFrom, _) => ", style=dotted",
        (Course::Stays | Course::Comes | Course::MovesTo, true) => ", style=dashed",
        (Course::Stays | Course::Comes | Course::MovesTo, false) => "",
    };
    let colour = match arc.course {
        Course::Stays => "",
        Course::Comes => ", penwidth=2, color=\"#15803d\"",
        Course::Goes => ", color=\"#64748b\"",
        Course::MovesFrom => ", color=\"#1d4ed8\"",
        Course::MovesTo => ", penwidth=2, color=\"#1d4ed8\"",
    };
    format!("{style}{colour}{}", if arc.backward { ", constraint=false" } else { "" })
}

/// The flow for Mermaid.
pub(super) fn mermaid(picture: &Picture) -> String {
    let mut text = String::from("flowchart LR\n");
    for (number, operator) in picture.operators.iter().enumerate() {
        let class = match (operator.fate, &operator.change) {
            (Fate::Comes, _) => ":::comes",
            (Fate::Goes, _) => ":::goes",
            (Fate::Stays, Some(_)) => ":::changed",
            (Fate::Stays, None) => "",
        };
        writeln!(text, "  n{number}([{}]){class}", mermaid_quoted(&label(picture, number, "\n")))
            .expect("a string takes any text");
    }
    for arc in &picture.arcs {
        let way = match (arc.course, arc.feedback) {
            (Course::Goes | Course::MovesFrom, _) | (Course::Stays, true) => "-.->",
            (Course::Stays, false) => "-->",
            (Course::Comes | Course::MovesTo, true) => "-.->",
            (Course::Comes | Course::MovesTo, false) => "==>",
        };
        let (from, to, label) = (arc.from, arc.to, mermaid_quoted(&arc_label(arc)));
        writeln!(text, "  n{from} {way}|{label}| n{to}").expect("a string takes any text");
    }
    for HandOver { from, to, .. } in &picture.hand_overs {
        writeln!(text, "  n{from} ==>|\"state\"| n{to}").expect("a string takes any text");
    }
    if picture.update.is_some() {
        text.push_str("  classDef changed stroke:#b45309,stroke-width:3px\n");
    }
    if picture.reshapes() {
        text.push_str("  classDef comes stroke:#15803d,stroke-width:3px\n  classDef goes stroke-dasharray:3 3\n");
    }
    text
}

fn titled(picture: &Picture, name: &str) -> String {
    match (&picture.update, &picture.name_after) {
        (None, _) => name.to_owned(),
        (Some(update), None) => format!("update {update}: {name}"),
        (Some(update), Some(after)) => format!("update {update}: {name} becomes {after}"),
    }
}

fn arc_label(arc: &Line) -> String {
    let word = arc.course.words().map(|words| format!("{words}: ")).unwrap_or_default();
    format!("{word}{}", arc.types())
}

fn label(picture: &Picture, index: usize, newline: &str) -> String {
    let operator = &picture.operators[index];
    let mut lines = vec![operator.name.clone(), operator.component.clone()];
    if let Some(change) = &operator.change {
        lines.extend(change.component.iter().map(|component| format!("=> {component}")));
        lines.extend(change.properties.iter().map(|(name, value)| format!("{name} => {value}")));
    }
    lines.extend(operator.fate_word().map(|word| format!("({word})")));
    lines.extend(picture.is_head(index).then(|| "(the update enters)".into()));
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
