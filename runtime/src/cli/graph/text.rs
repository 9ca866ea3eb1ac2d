//! A flow as a listing, layer by layer.

use super::picture::{Line, Picture, Shown};
use crate::cli::words;
use std::fmt::Write;

/// Lists a flow.
pub(super) fn list(picture: &Picture) -> String {
    let mut text = heading(picture);
    let name_width = picture.operators.iter().map(|o| o.name.chars().count()).max().unwrap_or(0);
    for (number, layer) in picture.layers.iter().enumerate() {
        write!(text, "\nlayer {}\n", number + 1).expect("a string takes any text");
        for &index in layer {
            operator(&mut text, &picture.operators[index], name_width);
            for arc in picture.arcs.iter().filter(|arc| arc.from == index) {
                writeln!(text, "{}", line(picture, arc)).expect("a string takes any text");
            }
        }
    }
    text
}

fn heading(picture: &Picture) -> String {
    let name = picture.name.as_deref().unwrap_or("a flow without a name");
    let feedback = picture.arcs.iter().filter(|arc| arc.feedback).count();
    let operators = words::count(picture.operators.len(), "operator");
    let arcs = words::count(picture.arcs.len(), "arc");
    let of_them = if feedback > 0 { format!(" ({feedback} feedback)") } else { String::new() };
    match &picture.update {
        Some(update) => format!("{name}: {operators}, {arcs}{of_them}; => is what update {update} changes\n"),
        None => format!("{name}: {operators}, {arcs}{of_them}\n"),
    }
}

fn operator(text: &mut String, operator: &Shown, name_width: usize) {
    let mut parts = vec![format!("  {:<name_width$}  {}", operator.name, operator.component)];
    if let Some(change) = &operator.change {
        parts.extend(change.component.iter().map(|component| format!("=> {component}")));
        parts.extend(change.state.iter().map(|state| format!("(state: {state})")));
    }
    parts.extend(operator.source.then(|| "[source]".into()));
    parts.extend(operator.sink.then(|| "[sink]".into()));
    writeln!(text, "{}", parts.join(" ")).expect("a string takes any text");
    for (name, value) in &operator.properties {
        let after = operator.change.as_ref().and_then(|change| change.properties.get(name));
        let after = after.map(|value| format!(" => {value}")).unwrap_or_default();
        writeln!(text, "    {name} = {value}{after}").expect("a string takes any text");
    }
}

fn line(picture: &Picture, arc: &Line) -> String {
    let Line { from_port, to_port, to, .. } = arc;
    let way = if arc.feedback { "~>" } else { "->" };
    let feedback = if arc.feedback { "  [feedback]" } else { "" };
    format!("    {from_port} {way} {}.{to_port}  {}{feedback}", picture.operators[*to].name, arc.types())
}
