//! A flow as a drawing that stands by itself: no script, no font, no file beside it; colours follow the reader's.
//!
//! ```text
//!    source                                        sink
//!   .--------.     .--------.     .--------.     .--------.
//!   | accept |---->|  read  |---->|  load  |---->| reply  |--.
//!   '--------'  .->'--------'     '--------'     '--------'  :
//!               '- - - - - - - - - - - - - - - - - - - - - - '   feedback, dashed
//! ```
//!
//! With an update, line and word say what colour says: dotted is what will be no longer, strong what is new, and a legend names
//! the kinds that this drawing has, and no others.

mod geometry;
mod legend;
#[cfg(test)]
mod tests;

use super::picture::{Course, Fate, Line, Picture, Shown};
use crate::cli::words;
use geometry::{Drawing, HALO, Point, Spot};
use legend::Legend;
use neurath_model::plan::Scheduler;
use neurath_sim::picture::Escaped;
use std::fmt::Write;

const MARGIN: f64 = 24.0;
/// How wide a character of 12 pixels is, in most fixed-width fonts; some are narrower.
const CHARACTER: f64 = 7.4;
/// Names longer than this are cut; the whole name is shown when pointed at.
const CHARACTERS_MAX: usize = 36;
/// The height of the heading of an update.
const HEADING: f64 = 52.0;

const STYLE: &str = "\
svg { --ink: #1f2933; --soft: #64748b; --paper: #ffffff; --box: #f1f5f9; --line: #94a3b8; --change: #b45309; --glow: #fef3c7;
  --come: #15803d; --fresh: #dcfce7; --move: #1d4ed8; --marker: #7c3aed; --way: #ede9fe; --state: #be185d;
  background: var(--paper); font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) { svg { --ink: #e5e9f0; --soft: #9aa5b5; --paper: #14181f; --box: #222a35;
  --line: #64748b; --change: #fbbf24; --glow: #3a2f14; --come: #4ade80; --fresh: #12301d; --move: #7cacff; --marker: #a78bfa;
  --way: #2b2548; --state: #f472b6; } }
text { fill: var(--ink); } .soft { fill: var(--soft); } .name { font-weight: 600; } .new { fill: var(--change); }
.old { fill: var(--soft); text-decoration: line-through; } .heading { font-size: 15px; font-weight: 600; }
.tag, .port, .note { paint-order: stroke; stroke: var(--paper); stroke-width: 3; stroke-linejoin: round; }
.port { fill: var(--soft); font-size: 10px; } .word { font-weight: 600; }
.word.comes { fill: var(--come); } .word.goes { fill: var(--soft); } .note { fill: var(--state); font-size: 11px; }
rect { fill: var(--box); stroke: var(--line); stroke-width: 1.2; }
.changed rect { fill: var(--glow); stroke: var(--change); stroke-width: 2; }
.comes rect { fill: var(--fresh); stroke: var(--come); stroke-width: 2.4; }
.goes rect { fill: var(--paper); stroke: var(--line); stroke-width: 1.6; stroke-dasharray: 2 4; stroke-linecap: round; }
.goes .name, .goes .soft { fill: var(--soft); }
path.arc { fill: none; stroke: var(--soft); stroke-width: 1.6; } path.wide { fill: none; stroke: transparent; stroke-width: 14; }
path.changed { stroke: var(--change); stroke-width: 2.2; } path.comes { stroke: var(--come); stroke-width: 2.6; }
path.moves-to { stroke: var(--move); stroke-width: 2.6; } path.feedback { stroke-dasharray: 7 4; }
path.moves-from { stroke: var(--move); } path.goes, path.moves-from { stroke-dasharray: 1 5; stroke-width: 2; stroke-linecap: round; }
.head { fill: var(--soft); } .head.changed { fill: var(--change); } .head.comes { fill: var(--come); }
.head.moves-to { fill: var(--move); }
.head.goes, .head.moves-from { fill: var(--paper); stroke: var(--soft); stroke-width: 1.2; stroke-dasharray: none; } .head.moves-from { stroke: var(--move); }
rect.way { fill: var(--way); stroke: none; } path.way { fill: none; stroke: var(--way); stroke-width: 18; }
.marker { fill: var(--marker); stroke: var(--paper); stroke-width: 1.5; }
path.state { fill: none; stroke: var(--state); stroke-width: 2.4; stroke-dasharray: 9 3 2 3; } .head.state { fill: var(--state); }";

/// Draws a flow.
pub(super) fn draw(picture: &Picture) -> String {
    let drawing = Drawing::of(picture, if picture.update.is_some() { HEADING } else { 0.0 });
    let legend = Legend::of(picture);
    let (mut width, height) = drawing.size();
    width = heading(picture).iter().map(|line| measured(line) + 2.0 * MARGIN).fold(width, f64::max);
    let (legend, legend_height) = legend.draw(width, height);
    let height = height + legend_height;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n"
    );
    let mut put = |part: String| writeln!(svg, "{part}").expect("a string takes any text");
    put(format!("<title>{}</title>", Escaped(&title(picture))));
    put(format!("<style>\n{STYLE}\n</style>"));
    for (index, line) in heading(picture).iter().enumerate() {
        let (class, y) = if index == 0 { ("heading", 32.0) } else { ("soft", 52.0) };
        put(format!("<text class=\"{class}\" x=\"{MARGIN}\" y=\"{y}\">{}</text>", Escaped(line)));
    }
    drawing.way().for_each(&mut put);
    for faint in [true, false] {
        let arcs = picture.arcs.iter().enumerate().filter(|(_, arc)| arc.course.is_after() != faint);
        arcs.for_each(|(index, line)| put(arc(&drawing, index, line)));
    }
    drawing.labels().for_each(&mut put);
    for (index, shown) in picture.operators.iter().enumerate() {
        put(operator(picture, drawing.spot(index), index, shown));
    }
    (0..picture.hand_overs.len()).for_each(|index| put(state(&drawing, index)));
    if !legend.is_empty() {
        put(legend);
    }
    svg.push_str("</svg>\n");
    svg
}

fn title(picture: &Picture) -> String {
    let name = picture.name.as_deref().unwrap_or("flow");
    match &picture.update {
        Some(update) => format!("{name}, and what update {update} changes"),
        None => name.to_owned(),
    }
}

/// What stands above the drawing of an update.
fn heading(picture: &Picture) -> Vec<String> {
    let (Some(update), Some(marker)) = (&picture.update, &picture.marker) else { return Vec::new() };
    let name = picture.name.as_deref().unwrap_or("a flow without a name");
    let becomes = picture.name_after.as_ref().map(|after| format!(" \u{2192} {after}")).unwrap_or_default();
    let heads = words::list(&picture.names(&marker.heads));
    let (passed, all) = (marker.passes.len(), picture.operators.iter().filter(|o| o.fate != Fate::Comes).count());
    let way = match marker.scheduler {
        Scheduler::Direct => format!("a message to each of {heads}"),
        Scheduler::StopTheWorld => format!("{heads} {}, and everything is drained", marker.stop()),
        Scheduler::Dependent | Scheduler::Epoch | Scheduler::Scoped => {
            format!("the marker enters at {heads} and passes {passed} of {all} operators")
        }
    };
    vec![format!("update {update}: {name}{becomes}"), format!("scheduler {}: {way}", marker.scheduler)]
}

/// How wide a line of text is.
fn measured(text: &str) -> f64 {
    columns(text) as f64 * CHARACTER * 1.25
}

fn arc(drawing: &Drawing<'_>, index: usize, arc: &Line) -> String {
    let way = drawing.path(index);
    let (Point { x, y }, class) = (drawing.ends(index).1, class(arc));
    let feedback = if arc.feedback && arc.course.is_after() { " feedback" } else { "" };
    format!(
        "<g><title>{}</title><path class=\"wide\" d=\"{way}\"/><path class=\"arc{feedback}{class}\" d=\"{way}\"/>\
         <path class=\"head{class}\" d=\"M{x:.1} {y:.1}l-9 -4.5v9z\"/></g>",
        Escaped(&about(drawing.picture, arc))
    )
}

fn class(arc: &Line) -> &'static str {
    match arc.course {
        Course::Stays if arc.carries_after.is_some() => " changed",
        Course::Stays => "",
        Course::Comes => " comes",
        Course::Goes => " goes",
        Course::MovesFrom => " moves-from",
        Course::MovesTo => " moves-to",
    }
}

fn about(picture: &Picture, arc: &Line) -> String {
    let name = |operator: usize| &picture.operators[operator].name;
    let feedback = if arc.feedback { " (feedback)" } else { "" };
    let (from, to) = (name(arc.from), name(arc.to));
    let mut text = format!("{from}.{} -> {to}.{}: {}{feedback}", arc.from_port, arc.to_port, arc.types());
    let becomes = match arc.course {
        Course::Stays => None,
        Course::Comes => Some("comes with the update".to_owned()),
        Course::Goes => Some(format!("ends, as {from} goes")),
        Course::MovesFrom => picture.moved(arc).map(|to| format!("moves to {}.{}", name(to.to), to.to_port)),
        Course::MovesTo => Some("the arc moves here".to_owned()),
    };
    let marker = arc.marker.then(|| "the marker goes along it".to_owned());
    for line in becomes.into_iter().chain(marker) {
        write!(text, "\n{line}").expect("a string takes any text");
    }
    text
}

fn operator(picture: &Picture, spot: Spot, index: usize, operator: &Shown) -> String {
    let Spot { left, middle, width, height } = spot;
    let top = middle - height / 2.0;
    let class = match (operator.fate, &operator.change) {
        (Fate::Comes, _) => " class=\"comes\"",
        (Fate::Goes, _) => " class=\"goes\"",
        (Fate::Stays, Some(_)) => " class=\"changed\"",
        (Fate::Stays, None) => "",
    };
    let mut svg = format!(
        "<g{class}><title>{}</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"10\"/>",
        Escaped(&whole(picture, index))
    );
    let mut put = |part: String| svg.push_str(&part);
    let indent = if picture.is_head(index) { 10.0 } else { 0.0 };
    put(tag(operator, left + indent, top - if picture.is_passed(index) { HALO + 4.0 } else { HALO }));
    let lines = lines(operator);
    for (row, (class, text)) in lines.iter().enumerate() {
        let y = middle + 4.0 + (row as f64 - (lines.len() as f64 - 1.0) / 2.0) * 16.0;
        let x = left + width / 2.0;
        let text = Escaped(&cut(text));
        put(format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{text}</text>"));
    }
    if picture.is_head(index) {
        put(diamond(left - 1.0, top - 1.0));
    }
    svg + "</g>"
}

/// Where a marker enters.
fn diamond(x: f64, y: f64) -> String {
    format!("<path class=\"marker\" d=\"M{x:.1} {:.1}l8 9l-8 9l-8 -9z\"/>", y - 9.0)
}

/// What stands above a box: what becomes of the operator, and whether it is an end of the flow.
fn tag(operator: &Shown, x: f64, y: f64) -> String {
    let fate = operator.fate_word().map(|word| format!("<tspan class=\"word {word}\">{word}</tspan>"));
    let parts: Vec<String> = fate.into_iter().chain(role(operator).map(str::to_owned)).collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("<text class=\"soft tag\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", parts.join(", "))
}

/// State that is handed over: its line, and a word beside it.
fn state(drawing: &Drawing<'_>, index: usize) -> String {
    let hand_over = &drawing.picture.hand_overs[index];
    let (way, tip, up, note) = drawing.hand_over(hand_over);
    let name = |operator: usize| &drawing.picture.operators[operator].name;
    let about = format!("{} hands its state over to {}: {}", name(hand_over.from), name(hand_over.to), hand_over.state);
    let wing = if up { 9.0 } else { -9.0 };
    format!(
        "<g><title>{}</title><path class=\"wide\" d=\"{way}\"/><path class=\"state\" d=\"{way}\"/>\
         <path class=\"head state\" d=\"M{:.1} {:.1}l-5 {wing}h10z\"/><text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">state</text></g>",
        Escaped(&about),
        tip.x,
        tip.y,
        note.x,
        note.y
    )
}

fn role(operator: &Shown) -> Option<&'static str> {
    match (operator.source, operator.sink) {
        (true, true) => Some("source, sink"),
        (true, false) => Some("source"),
        (false, true) => Some("sink"),
        (false, false) => None,
    }
}

/// What stands in an operator's box, each line with its class.
fn lines(operator: &Shown) -> Vec<(&'static str, String)> {
    let mut lines = vec![("name", operator.name.clone())];
    match &operator.change {
        Some(change) => {
            let replaced = change.component.is_some();
            lines.push((if replaced { "old" } else { "soft" }, operator.component.clone()));
            lines.extend(change.component.iter().map(|to| ("new", to.clone())));
            if !replaced {
                lines
                    .extend(change.properties.iter().map(|(name, value)| ("new", format!("{name} = {value}"))).take(1));
            }
        }
        None => lines.push(("soft", operator.component.clone())),
    }
    lines
}

/// All that is known of an operator, shown when it is pointed at.
fn whole(picture: &Picture, index: usize) -> String {
    let operator = &picture.operators[index];
    let mut text = format!("{}: {}", operator.name, operator.component);
    let mut line = |line: String| write!(text, "\n{line}").expect("a string takes any text");
    operator.properties.iter().for_each(|(name, value)| line(format!("{name} = {value}")));
    match operator.fate {
        Fate::Stays => {}
        Fate::Comes => line("comes with the update".into()),
        Fate::Goes => line("goes with the update".into()),
    }
    if picture.is_head(index) {
        line("the update enters here".into());
    }
    operator.steps.iter().for_each(|step| line(step.clone()));
    text
}

/// How many columns a text takes in a fixed-width font, if everything beyond ASCII takes two.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CHARACTERS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARACTERS_MAX - 1).chain(['…']).collect()
}
