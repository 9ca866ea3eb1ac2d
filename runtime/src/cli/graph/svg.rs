//! A flow as a drawing that stands by itself: no script, no font, no file beside it; colours follow the reader's.
//!
//! ```text
//!    source                                        sink
//!   .--------.     .--------.     .--------.     .--------.
//!   | accept |---->|  read  |---->|  load  |---->| reply  |--.
//!   '--------'  .->'--------'     '--------'     '--------'  :
//!               '- - - - - - - - - - - - - - - - - - - - - - '   feedback, dashed
//! ```

use super::layout::{Item, Layout};
use super::picture::{Line, Picture, Shown};
use crate::report::svg::Escaped;
use std::fmt::Write;

const MARGIN: f64 = 24.0;
const GAP: f64 = 72.0;
const ROW: f64 = 100.0;
const BOX: f64 = 64.0;
const LANE: f64 = 22.0;
const CORNER: f64 = 10.0;
/// How wide a character of 12 pixels is, in most fixed-width fonts; some are narrower.
const CHARACTER: f64 = 7.4;
/// Names longer than this are cut; the whole name is shown when pointed at.
const CHARACTERS_MAX: usize = 36;

const STYLE: &str = "\
svg { --ink: #1f2933; --soft: #64748b; --paper: #ffffff; --box: #f1f5f9; --line: #94a3b8; --new: #b45309; --glow: #fef3c7;
  background: var(--paper); font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) { svg { --ink: #e5e9f0; --soft: #9aa5b5; --paper: #14181f; --box: #222a35;
  --line: #64748b; --new: #fbbf24; --glow: #3a2f14; } }
text { fill: var(--ink); } .soft { fill: var(--soft); } .name { font-weight: 600; } .new { fill: var(--new); }
.old { fill: var(--soft); text-decoration: line-through; }
rect { fill: var(--box); stroke: var(--line); stroke-width: 1.2; } .changed rect { fill: var(--glow); stroke: var(--new); stroke-width: 2; }
path.arc { fill: none; stroke: var(--soft); stroke-width: 1.6; } path.feedback { stroke-dasharray: 5 4; }
path.changed { stroke: var(--new); } path.wide { fill: none; stroke: transparent; stroke-width: 14; }
.head { fill: var(--soft); } .head.changed { fill: var(--new); }";

/// Draws a flow.
pub(super) fn draw(picture: &Picture) -> String {
    let drawing = Drawing::of(picture);
    let (width, height) = drawing.size();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n"
    );
    let mut put = |part: String| writeln!(svg, "{part}").expect("a string takes any text");
    put(format!("<title>{}</title>", written(&title(picture))));
    put(format!("<style>\n{STYLE}\n</style>"));
    for (index, arc) in picture.arcs.iter().enumerate() {
        put(drawing.arc(index, arc));
    }
    for (index, operator) in picture.operators.iter().enumerate() {
        put(drawing.operator(index, operator));
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

/// A picture with a place for everything.
struct Drawing<'a> {
    picture: &'a Picture,
    layout: Layout,
    /// Left edge and width of each column.
    columns: Vec<(f64, f64)>,
    /// The bottom of the lowest row.
    bottom: f64,
}

impl<'a> Drawing<'a> {
    fn of(picture: &'a Picture) -> Self {
        let layout = Layout::of(picture);
        let mut left = MARGIN + GAP / 2.0;
        let mut columns = Vec::new();
        for column in &layout.columns {
            let width = column.iter().map(|item| width(picture, *item)).fold(0.0, f64::max);
            columns.push((left, width));
            left += width + GAP;
        }
        let rows = layout.columns.iter().map(Vec::len).max().unwrap_or(0);
        Self { picture, layout, columns, bottom: MARGIN + rows as f64 * ROW }
    }

    fn size(&self) -> (f64, f64) {
        let right = self.columns.last().map_or(MARGIN, |(left, width)| left + width);
        let lanes = self.picture.arcs.iter().filter(|arc| arc.feedback).count();
        (right + GAP / 2.0 + MARGIN, self.bottom + lanes as f64 * LANE + MARGIN)
    }

    /// Left edge, middle of the height and width of an operator.
    fn spot(&self, operator: usize) -> (f64, f64, f64) {
        let (column, row) = self.layout.place(operator);
        self.cell(column, row)
    }

    /// The same of whatever stands in a row of a column. Columns are centred.
    fn cell(&self, column: usize, row: usize) -> (f64, f64, f64) {
        let (left, width) = self.columns[column];
        let rows = self.layout.columns[column].len() as f64;
        let middle = MARGIN + (self.bottom - MARGIN) / 2.0;
        (left, middle + (row as f64 - (rows - 1.0) / 2.0) * ROW, width)
    }

    /// Where an arc leaves its operator, and where it enters the next: its ports are spread over the height.
    fn ends(&self, index: usize, arc: &Line) -> ((f64, f64), (f64, f64)) {
        let (from_left, from_middle, from_width) = self.spot(arc.from);
        let (to_left, to_middle, _) = self.spot(arc.to);
        let leaving = self.spread(index, |other| other.from == arc.from);
        let entering = self.spread(index, |other| other.to == arc.to);
        ((from_left + from_width, from_middle + leaving), (to_left, to_middle + entering))
    }

    fn spread(&self, index: usize, same: impl Fn(&Line) -> bool) -> f64 {
        let sharing: Vec<usize> =
            self.picture.arcs.iter().enumerate().filter(|(_, arc)| same(arc)).map(|(i, _)| i).collect();
        let rank = sharing.iter().position(|i| *i == index).unwrap_or(0);
        BOX * ((rank as f64 + 1.0) / (sharing.len() as f64 + 1.0) - 0.5)
    }

    fn arc(&self, index: usize, arc: &Line) -> String {
        let (start, end) = self.ends(index, arc);
        let way = if arc.feedback { self.around(index, start, end) } else { self.through(index, start, end) };
        let mut classes = String::from("arc");
        if arc.feedback {
            classes.push_str(" feedback");
        }
        let changed = if arc.carries_after.is_some() { " changed" } else { "" };
        let (x, y) = end;
        format!(
            "<g><title>{}</title><path class=\"wide\" d=\"{way}\"/><path class=\"{classes}{changed}\" d=\"{way}\"/>\
             <path class=\"head{changed}\" d=\"M{x:.1} {y:.1}l-9 -4.5v9z\"/></g>",
            written(&self.about(arc))
        )
    }

    fn about(&self, arc: &Line) -> String {
        let name = |operator: usize| &self.picture.operators[operator].name;
        let feedback = if arc.feedback { " (feedback)" } else { "" };
        format!("{}.{} -> {}.{}: {}{feedback}", name(arc.from), arc.from_port, name(arc.to), arc.to_port, arc.types())
    }

    /// Forward, through the places of the arc in the layers it skips.
    fn through(&self, index: usize, start: (f64, f64), end: (f64, f64)) -> String {
        let mut way = format!("M{:.1} {:.1}", start.0, start.1);
        let mut at = start;
        for (column, row) in self.layout.passes(index) {
            let (left, y, width) = self.cell(column, row);
            curve(&mut way, at, (left, y));
            write!(way, "H{:.1}", left + width).expect("a string takes any text");
            at = (left + width, y);
        }
        curve(&mut way, at, (end.0 - 8.0, end.1));
        way
    }

    /// Back, below everything, each feedback arc on a lane of its own.
    fn around(&self, index: usize, start: (f64, f64), end: (f64, f64)) -> String {
        let before = self.picture.arcs[..index].iter().filter(|arc| arc.feedback).count() as f64;
        let lane = self.bottom + (before + 0.5) * LANE;
        let aside = GAP / 2.0 - (before % 4.0) * 4.0 - 4.0;
        let (right, left) = (start.0 + aside, end.0 - aside);
        let (r, corner) =
            (CORNER, |x: f64, y: f64, to_x: f64, to_y: f64| format!("Q{x:.1} {y:.1} {to_x:.1} {to_y:.1}"));
        format!(
            "M{:.1} {:.1}H{:.1}{}V{:.1}{}H{:.1}{}V{:.1}{}H{:.1}",
            start.0,
            start.1,
            right - r,
            corner(right, start.1, right, start.1 + r),
            lane - r,
            corner(right, lane, right - r, lane),
            left + r,
            corner(left, lane, left, lane - r),
            end.1 + r,
            corner(left, end.1, left + r, end.1),
            end.0 - 8.0,
        )
    }

    fn operator(&self, index: usize, operator: &Shown) -> String {
        let (left, middle, width) = self.spot(index);
        let top = middle - BOX / 2.0;
        let class = if operator.change.is_some() { " class=\"changed\"" } else { "" };
        let mut svg = format!(
            "<g{class}><title>{}</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BOX}\" rx=\"10\"/>",
            written(&whole(operator))
        );
        if let Some(role) = role(operator) {
            write!(svg, "<text class=\"soft\" x=\"{left:.1}\" y=\"{:.1}\">{role}</text>", top - 6.0)
                .expect("a string takes any text");
        }
        let lines = lines(operator);
        for (row, (class, text)) in lines.iter().enumerate() {
            let y = middle + 4.0 + (row as f64 - (lines.len() as f64 - 1.0) / 2.0) * 16.0;
            let x = left + width / 2.0;
            let text = written(&cut(text));
            write!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{text}</text>")
                .expect("a string takes any text");
        }
        svg + "</g>"
    }
}

/// A curve that leaves and enters level.
fn curve(way: &mut String, from: (f64, f64), to: (f64, f64)) {
    let half = (from.0 + to.0) / 2.0;
    write!(way, "C{half:.1} {:.1} {half:.1} {:.1} {:.1} {:.1}", from.1, to.1, to.0, to.1)
        .expect("a string takes any text");
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
fn whole(operator: &Shown) -> String {
    let mut text = format!("{}: {}", operator.name, operator.component);
    for (name, value) in &operator.properties {
        write!(text, "\n{name} = {value}").expect("a string takes any text");
    }
    if let Some(change) = &operator.change {
        if let Some(to) = &change.component {
            write!(text, "\nbecomes {to}").expect("a string takes any text");
        }
        if let Some(state) = &change.state {
            write!(text, "\nstate: {state}").expect("a string takes any text");
        }
        for (name, value) in &change.properties {
            write!(text, "\n{name} becomes {value}").expect("a string takes any text");
        }
    }
    text
}

fn width(picture: &Picture, item: Item) -> f64 {
    match item {
        Item::Operator(index) => {
            let lines = lines(&picture.operators[index]);
            let characters = lines.iter().map(|(_, text)| columns(&cut(text))).max().unwrap_or(0);
            (characters as f64 * CHARACTER + 28.0).max(96.0)
        }
        Item::Passing(_) => 0.0,
    }
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

/// A text as XML may hold it.
fn written(text: &str) -> String {
    let allowed: String =
        text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect();
    Escaped(&allowed).to_string()
}
