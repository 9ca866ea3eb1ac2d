//! The diagram as an SVG that stands by itself.

use super::{Carries, Diagram, Edge, Escaped, Lane};
use std::fmt::{self, Write};

const LANE: usize = 104;
const STEP: usize = 24;
const LEFT: usize = 64;
const TOP: usize = 44;
/// Width of a character of the text, roughly.
const CHARACTER: usize = 7;
/// How many colours there are for versions.
const COLOURS: u32 = 6;

const STYLE: &str = "\
svg{background:#fff;font:12px ui-monospace,Menlo,Consolas,monospace}\
.name{font-weight:600;text-anchor:middle;fill:#1f2937}.text{fill:#374151}.concerned{font-weight:600;fill:#111827}\
.number{fill:#9ca3af;text-anchor:end}.row{fill:#fff;opacity:0}.wrong .row,.row.wrong{fill:#fee2e2;opacity:1}\
.selected .row{fill:#dbeafe;opacity:1}.lane{stroke-width:3}.join{fill:#fbbf24;opacity:.55}.hold{fill:#94a3b8;opacity:.45}\
.packet{stroke:#475569;stroke-width:1.4;fill:none}.marker{stroke:#7c3aed;stroke-width:2;stroke-dasharray:6 3;fill:none}\
.mail{stroke:#7c3aed;stroke-width:1.4;stroke-dasharray:2 3;fill:none}.arc{stroke:#0891b2;stroke-width:2;stroke-dasharray:1 4;fill:none}\
.stays{opacity:.45}.breach{fill:none;stroke:#dc2626;stroke-width:2.5}.story{fill:#b91c1c;font-weight:600}\
.v0{stroke:#64748b;fill:#64748b}.v1{stroke:#16a34a;fill:#16a34a}.v2{stroke:#ea580c;fill:#ea580c}\
.v3{stroke:#2563eb;fill:#2563eb}.v4{stroke:#db2777;fill:#db2777}.v5{stroke:#0d9488;fill:#0d9488}";

/// Draws a diagram.
pub fn draw(diagram: &Diagram) -> String {
    let mut drawing = Drawing { diagram, out: String::new() };
    drawing.all();
    drawing.out
}

struct Drawing<'a> {
    diagram: &'a Diagram,
    out: String,
}

fn x(lane: usize) -> usize {
    LEFT + LANE / 2 + lane * LANE
}

fn y(step: usize) -> usize {
    TOP + step * STEP
}

impl Drawing<'_> {
    fn add(&mut self, element: fmt::Arguments<'_>) {
        self.out.write_fmt(element).expect("a string takes any text");
        self.out.push('\n');
    }

    fn steps(&self) -> usize {
        self.diagram.steps.len()
    }

    fn text_x(&self) -> usize {
        x(self.diagram.lanes.len() - 1) + LANE / 2 + 8
    }

    fn all(&mut self) {
        let longest = self.diagram.story.lines.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
        let story = self.breach().map_or(0, |(_, story)| story.chars().count());
        let width = self.text_x() + (longest.max(story).max(60) + 4) * CHARACTER;
        let height = y(self.steps() + 1) + 96;
        self.add(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
             <title>a run: operators from left to right, steps from top to bottom</title>\n<style>{STYLE}</style>"
        ));
        for step in 0..=self.steps() {
            self.row(step, width);
        }
        let lanes = self.diagram.lanes.clone();
        lanes.iter().enumerate().for_each(|(i, lane)| self.lane(i, lane));
        let edges = self.diagram.edges.clone();
        edges.iter().for_each(|edge| self.edge(edge));
        for step in 1..=self.steps() {
            self.dot(step);
        }
        self.breach_line();
        self.legend(y(self.steps() + 1) + 36);
        self.out.push_str("</svg>\n");
    }

    /// The step at which something is wrong, and what; the end of the run counts as the step after the last.
    fn breach(&self) -> Option<(usize, String)> {
        let (breach, step) = self.diagram.story.breach.as_ref()?;
        Some((step.unwrap_or(self.steps() + 1), format!("{}: {}", breach.property, breach.story)))
    }

    fn row(&mut self, step: usize, width: usize) {
        let wrong = self.breach().is_some_and(|(at, _)| at == step);
        let class = if wrong { "step wrong" } else { "step" };
        let top = y(step) - STEP / 2;
        self.add(format_args!(
            "<g class=\"{class}\" data-step=\"{step}\"><rect class=\"row\" x=\"0\" y=\"{top}\" width=\"{width}\" height=\"{STEP}\"/>"
        ));
        if let Some(line) = step.checked_sub(1).map(|i| self.diagram.story.lines[i].clone()) {
            let (text_x, text_y) = (self.text_x(), y(step) + 4);
            let class = if line.concerned { "text concerned" } else { "text" };
            let (number_x, text) = (LEFT - 30, Escaped(format!("{}: {}", line.operator, line.text)));
            self.add(format_args!(
                "<text class=\"number\" x=\"{number_x}\" y=\"{text_y}\">{step}</text>\
                 <text class=\"{class}\" x=\"{text_x}\" y=\"{text_y}\">{text}</text>"
            ));
        }
        self.add(format_args!("</g>"));
    }

    fn lane(&mut self, i: usize, lane: &Lane) {
        let (from, to) = (y(lane.life.0), lane.life.1.map_or(y(self.steps()) + STEP / 2, y));
        let (x, top) = (x(i), if lane.life.0 == 0 { TOP - 22 } else { from - 16 });
        self.add(format_args!("<text class=\"name\" x=\"{x}\" y=\"{top}\">{}</text>", Escaped(&lane.name)));
        for (class, width, spans) in [("hold", 18, &lane.holding), ("join", 12, &lane.joining)] {
            for (first, last) in spans {
                let (x, y, height) = (x - width / 2, y(*first), (last - first + 1) * STEP);
                self.add(format_args!(
                    "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\"/>"
                ));
            }
        }
        if lane.versions.is_empty() {
            self.add(format_args!(
                "<line class=\"lane v0\" x1=\"{x}\" y1=\"{from}\" x2=\"{x}\" y2=\"{to}\" stroke-dasharray=\"1 5\"/>"
            ));
        }
        for (k, (since, component, update)) in lane.versions.iter().enumerate() {
            let (from, to) = (y(*since).max(from), lane.versions.get(k + 1).map_or(to, |next| y(next.0)));
            let colour = update.0 % COLOURS;
            self.add(format_args!(
                "<line class=\"lane v{colour}\" x1=\"{x}\" y1=\"{from}\" x2=\"{x}\" y2=\"{to}\"><title>{}</title></line>",
                Escaped(component)
            ));
        }
    }

    fn edge(&mut self, edge: &Edge) {
        let class = match edge.carries {
            Carries::Packet(_) => "packet",
            Carries::Marker(_) => "marker",
            Carries::Mail(_) => "mail",
            Carries::Arc(_) => "arc",
        };
        let (from_x, from_y) = (x(edge.from.0), y(edge.from.1));
        match edge.to {
            // An operator may send to itself: the line goes round.
            Some((lane, step)) if lane == edge.from.0 => {
                let (side, to_y) = (from_x + 26, y(step));
                self.add(format_args!(
                    "<path class=\"{class}\" d=\"M{from_x} {from_y} C{side} {from_y} {side} {to_y} {from_x} {to_y}\"/>"
                ));
            }
            Some((lane, step)) => {
                let (to_x, to_y) = (x(lane), y(step));
                self.add(format_args!(
                    "<line class=\"{class}\" x1=\"{from_x}\" y1=\"{from_y}\" x2=\"{to_x}\" y2=\"{to_y}\"/>"
                ));
            }
            None => {
                let (to_x, to_y) = (from_x + LANE / 4, y(self.steps()) + STEP / 2);
                self.add(format_args!(
                    "<line class=\"{class} stays\" x1=\"{from_x}\" y1=\"{from_y}\" x2=\"{to_x}\" y2=\"{to_y}\"/>"
                ));
            }
        }
    }

    fn dot(&mut self, step: usize) {
        let lane = self.diagram.steps[step - 1];
        let since = |version: &&(usize, String, _)| version.0 <= step;
        let version = self.diagram.lanes[lane].versions.iter().rev().find(since).map_or(0, |version| version.2.0);
        let (x, y, colour) = (x(lane), y(step), version % COLOURS);
        self.add(format_args!("<circle class=\"v{colour}\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/>"));
        if self.breach().is_some_and(|(at, _)| at == step) {
            self.add(format_args!("<circle class=\"breach\" cx=\"{x}\" cy=\"{y}\" r=\"10\"/>"));
        }
    }

    fn breach_line(&mut self) {
        if let Some((_, story)) = self.breach() {
            let (x, y) = (LEFT - 30, y(self.steps() + 1) + 4);
            self.add(format_args!("<text class=\"story\" x=\"{x}\" y=\"{y}\">{}</text>", Escaped(story)));
        }
    }

    fn legend(&mut self, top: usize) {
        let kinds = [
            ("packet", "a packet, from the step that sends it to the one that takes it"),
            ("marker", "a marker"),
            ("mail", "mail from the entrance"),
            ("arc", "an arc that moves"),
        ];
        let mut left = LEFT - 30;
        for (class, what) in kinds {
            let (end, text, y) = (left + 34, left + 42, top + 4);
            self.add(format_args!("<line class=\"{class}\" x1=\"{left}\" y1=\"{top}\" x2=\"{end}\" y2=\"{top}\"/><text class=\"text\" x=\"{text}\" y=\"{y}\">{what}</text>"));
            left = text + (what.len() + 6) * CHARACTER;
        }
        let (mut left, top) = (LEFT - 30, top + 26);
        for (class, what) in [("hold", "holds open work"), ("join", "waits in a marker join, its marked ports blocked")]
        {
            let (text, y, box_y) = (left + 28, top + 4, top - 6);
            self.add(format_args!("<rect class=\"{class}\" x=\"{left}\" y=\"{box_y}\" width=\"20\" height=\"12\" rx=\"3\"/><text class=\"text\" x=\"{text}\" y=\"{y}\">{what}</text>"));
            left = text + (what.len() + 3) * CHARACTER;
        }
        let (text, y) = (left, top + 4);
        self.add(format_args!(
            "<text class=\"text\" x=\"{text}\" y=\"{y}\">colours of lanes: versions, grey the first</text>"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{diagram, tests::mixed};

    #[test]
    fn every_step_and_line_is_drawn() {
        let (instance, run) = mixed();
        let diagram = diagram(&instance, &run);
        let svg = draw(&diagram);
        assert_eq!(svg.matches("data-step=").count(), run.len() + 1);
        assert_eq!(svg.matches("<circle class=\"v").count(), run.len());
        assert_eq!(svg.matches("class=\"breach\"").count(), 1);
        let packets = diagram.edges.iter().filter(|edge| matches!(edge.carries, Carries::Packet(_))).count();
        assert_eq!(svg.matches("class=\"packet").count(), packets + 1, "and one in the legend");
        assert!(svg.contains("lane v1"), "x1 has another version");
    }
}
