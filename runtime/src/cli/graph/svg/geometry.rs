//! Where everything is drawn: boxes, ports, and the ways of arcs between them.
//!
//! Ports are spread over the height of their box, in the order of where their arcs lead, so that few cross. The two ways of an arc
//! that moves leave by one port. What leads forward takes its places in the columns that it skips; what leads back goes below
//! everything, each arc on a lane of its own, short ones inside of long ones.

use super::{CHARACTER, MARGIN, columns, cut, lines};
use crate::cli::graph::layout::{Item, Layout};
use crate::cli::graph::picture::{HandOver, Line, Picture};
use neurath_sim::picture::Escaped;
use std::collections::BTreeMap;
use std::fmt::Write;

const GAP: f64 = 72.0;
/// Wider, where arcs of two flows share it.
const GAP_OF_TWO: f64 = 92.0;
const BOX: f64 = 64.0;
const BETWEEN: f64 = 40.0;
const PASSING: f64 = 44.0;
const PORT: f64 = 18.0;
const LANE: f64 = 20.0;
const CORNER: f64 = 10.0;
/// How far the marker's way stands out around a box.
pub(super) const HALO: f64 = 8.0;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The place of a box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    pub(super) left: f64,
    pub(super) middle: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A picture with a place for everything.
pub(super) struct Drawing<'a> {
    pub(super) picture: &'a Picture,
    layout: Layout,
    /// Left edge and width of each column.
    columns: Vec<(f64, f64)>,
    /// The ports at each side (true where arcs leave) of each operator, from the top, in the order of where their arcs lead.
    ports: BTreeMap<(usize, bool), Vec<&'a str>>,
    /// The top of the highest row.
    top: f64,
    /// The lane of each arc that leads back.
    lanes: Vec<usize>,
}

impl<'a> Drawing<'a> {
    /// Gives everything its place, below `heading`.
    pub(super) fn of(picture: &'a Picture, heading: f64) -> Self {
        let takes = |item| match item {
            Item::Operator(index) => height(picture, index) + BETWEEN,
            Item::Passing(_) => PASSING,
        };
        let layout = Layout::of(picture, takes);
        let gap = if picture.reshapes() { GAP_OF_TWO } else { GAP };
        let mut left = MARGIN + GAP / 2.0;
        let mut columns = Vec::new();
        for column in &layout.columns {
            let width = column.iter().map(|item| width(picture, *item)).fold(0.0, f64::max);
            columns.push((left, width));
            left += width + gap;
        }
        let lanes = vec![0; picture.arcs.len()];
        let mut drawing = Self { picture, layout, columns, ports: BTreeMap::new(), top: MARGIN + heading, lanes };
        let sides = (0..picture.operators.len()).flat_map(|operator| [(operator, true), (operator, false)]);
        drawing.ports =
            sides.map(|(operator, leaving)| ((operator, leaving), drawing.sorted(operator, leaving))).collect();
        let apart: Vec<(f64, f64)> = picture.arcs.iter().map(|arc| drawing.apart(arc)).collect();
        drawing.layout.settle(picture, takes, |arc| apart[arc]);
        drawing.lanes = drawing.laid();
        drawing
    }

    /// Width and height of the drawing, without a legend.
    pub(super) fn size(&self) -> (f64, f64) {
        let right = self.columns.last().map_or(MARGIN, |(left, width)| left + width);
        let backward = self.picture.arcs.iter().zip(&self.lanes).filter(|(arc, _)| arc.backward);
        let lanes = backward.map(|(_, lane)| lane + 1).max().unwrap_or(0);
        (right + GAP / 2.0 + MARGIN, self.bottom() + lanes as f64 * LANE + MARGIN)
    }

    fn bottom(&self) -> f64 {
        self.top + self.layout.bottom
    }

    /// The place of an operator.
    pub(super) fn spot(&self, operator: usize) -> Spot {
        let (column, row) = self.layout.place(operator);
        let (left, width) = self.columns[column];
        Spot { left, middle: self.middle(column, row), width, height: height(self.picture, operator) }
    }

    fn middle(&self, column: usize, row: usize) -> f64 {
        self.top + self.layout.middles[column][row]
    }

    /// Where an arc leaves its operator, and where it enters the next.
    pub(super) fn ends(&self, index: usize) -> (Point, Point) {
        let arc = &self.picture.arcs[index];
        let (from, to) = (self.spot(arc.from), self.spot(arc.to));
        let (leaving, entering) = self.apart(arc);
        (Point { x: from.left + from.width, y: from.middle + leaving }, Point { x: to.left, y: to.middle + entering })
    }

    /// How far from the middles of their boxes the ports of an arc stand.
    fn apart(&self, arc: &Line) -> (f64, f64) {
        (self.spread(arc.from, &arc.from_port, true), self.spread(arc.to, &arc.to_port, false))
    }

    /// How far from the middle of its box a port stands.
    fn spread(&self, operator: usize, port: &str, leaving: bool) -> f64 {
        let ports = &self.ports[&(operator, leaving)];
        let rank = ports.iter().position(|other| *other == port).unwrap_or(0);
        height(self.picture, operator) * ((rank as f64 + 1.0) / (ports.len() as f64 + 1.0) - 0.5)
    }

    fn sorted(&self, operator: usize, leaving: bool) -> Vec<&'a str> {
        let mut names = ports(self.picture, operator, leaving);
        let far = |port: &str| {
            let arcs = self.picture.arcs.iter().enumerate().filter(|(_, arc)| at(arc, operator, leaving) == Some(port));
            let far: Vec<f64> = arcs.map(|(index, _)| self.beside(index, leaving)).collect();
            far.iter().sum::<f64>() / far.len() as f64
        };
        names.sort_by(|a, b| far(a).total_cmp(&far(b)));
        names
    }

    /// The height at which an arc is in the next column.
    fn beside(&self, index: usize, leaving: bool) -> f64 {
        let arc = &self.picture.arcs[index];
        if arc.backward {
            return self.bottom() * 2.0;
        }
        let mut passes = self.layout.passes(index);
        let pass = if leaving { passes.next() } else { passes.last() };
        let (column, row) = pass.unwrap_or_else(|| self.layout.place(if leaving { arc.to } else { arc.from }));
        self.middle(column, row)
    }

    /// The way of an arc, as a path.
    pub(super) fn path(&self, index: usize) -> String {
        let (start, end) = self.ends(index);
        if self.picture.arcs[index].backward { self.around(index, start, end) } else { self.through(index, start, end) }
    }

    /// Forward, through the places of the arc in the layers it skips.
    fn through(&self, index: usize, start: Point, end: Point) -> String {
        let mut way = format!("M{:.1} {:.1}", start.x, start.y);
        let mut at = start;
        for (column, row) in self.layout.passes(index) {
            let ((left, width), y) = (self.columns[column], self.middle(column, row));
            curve(&mut way, at, Point { x: left, y });
            write!(way, "H{:.1}", left + width).expect("a string takes any text");
            at = Point { x: left + width, y };
        }
        curve(&mut way, at, Point { x: end.x - 8.0, ..end });
        way
    }

    /// Back, below everything, each arc on a lane of its own.
    fn around(&self, index: usize, start: Point, end: Point) -> String {
        let lane = self.lanes[index];
        let y = self.bottom() + (lane as f64 + 0.5) * LANE;
        let aside = GAP / 2.0 - 16.0 + (lane % 5) as f64 * 5.0;
        // Where there is room, behind the names of ports.
        let clear = if self.picture.reshapes() { 26.0 } else { 6.0 };
        let (right, left) = (start.x + aside, end.x - aside - clear);
        let (r, corner) =
            (CORNER, |x: f64, y: f64, to_x: f64, to_y: f64| format!("Q{x:.1} {y:.1} {to_x:.1} {to_y:.1}"));
        format!(
            "M{:.1} {:.1}H{:.1}{}V{:.1}{}H{:.1}{}V{:.1}{}H{:.1}",
            start.x,
            start.y,
            right - r,
            corner(right, start.y, right, start.y + r),
            y - r,
            corner(right, y, right - r, y),
            left + r,
            corner(left, y, left, y - r),
            end.y + r,
            corner(left, end.y, left + r, end.y),
            end.x - 8.0,
        )
    }

    /// A lane for each arc that leads back: the shortest on top, two on one lane if they do not meet there.
    fn laid(&self) -> Vec<usize> {
        let backward = self.picture.arcs.iter().enumerate().filter(|(_, arc)| arc.backward);
        let mut spans: Vec<(f64, f64, usize)> = backward
            .map(|(index, _)| {
                let (start, end) = self.ends(index);
                (end.x.min(start.x) - GAP / 2.0, start.x.max(end.x) + GAP / 2.0, index)
            })
            .collect();
        spans.sort_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
        let mut lanes = vec![0; self.picture.arcs.len()];
        let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
        for (left, right, index) in spans {
            let is_free = |lane: &Vec<(f64, f64)>| lane.iter().all(|(l, r)| right < *l || *r < left);
            let above = taken.iter().rposition(|lane| !is_free(lane)).map_or(0, |lane| lane + 1);
            if above == taken.len() {
                taken.push(Vec::new());
            }
            taken[above].push((left, right));
            lanes[index] = above;
        }
        lanes
    }

    /// What is laid under the part of the flow that the marker passes.
    pub(super) fn way(&self) -> impl Iterator<Item = String> {
        let arcs = self.picture.arcs.iter().enumerate().filter(|(_, arc)| arc.marker);
        let arcs = arcs.map(|(index, _)| format!("<path class=\"way\" d=\"{}\"/>", self.path(index)));
        let passed = (0..self.picture.operators.len()).filter(|operator| self.picture.is_passed(*operator));
        arcs.chain(passed.map(|operator| {
            let Spot { left, middle, width, height } = self.spot(operator);
            format!(
                "<rect class=\"way\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"16\"/>",
                left - HALO,
                middle - height / 2.0 - HALO,
                width + 2.0 * HALO,
                height + 2.0 * HALO
            )
        }))
    }

    /// The names of ports, where a side of a box has several.
    pub(super) fn labels(&self) -> impl Iterator<Item = String> {
        let sides = self.ports.iter().filter(|(_, names)| names.len() > 1);
        sides.flat_map(move |((operator, leaving), names)| {
            names.iter().map(move |name| self.label(*operator, name, *leaving))
        })
    }

    fn label(&self, operator: usize, port: &str, leaving: bool) -> String {
        let Spot { left, middle, width, .. } = self.spot(operator);
        let y = middle + self.spread(operator, port, leaving) - 4.0;
        let halo = if self.picture.is_passed(operator) { HALO } else { 0.0 };
        let (x, anchor) = if leaving { (left + width + 4.0 + halo, "start") } else { (left - 10.0 - halo, "end") };
        let name = Escaped(&cut(port));
        format!("<text class=\"port\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{name}</text>")
    }

    /// The way of state that is handed over, its tip, whether it leads up, and the place of the word beside it.
    pub(super) fn hand_over(&self, hand_over: &HandOver) -> (String, Point, bool, Point) {
        let (from, to) = (self.spot(hand_over.from), self.spot(hand_over.to));
        let up = to.middle <= from.middle;
        let edge = |spot: Spot, top: bool| spot.middle + if top { -spot.height / 2.0 } else { spot.height / 2.0 };
        let x = |spot: Spot| spot.left + spot.width - 28.0;
        let is_beside = (to.middle - from.middle).abs() < (to.height + from.height) / 2.0;
        let start = Point { x: x(from), y: edge(from, up) };
        // Side by side, it goes over both; or else it goes straight from one to the other.
        let tip = Point { x: x(to), y: edge(to, up == is_beside) };
        let (first, second) = match (is_beside, up) {
            (true, true) => (start.y.min(tip.y) - 34.0, start.y.min(tip.y) - 34.0),
            (true, false) => (start.y.max(tip.y) + 34.0, start.y.max(tip.y) + 34.0),
            (false, _) => ((start.y + tip.y) / 2.0, (start.y + tip.y) / 2.0),
        };
        let leads_up = up != is_beside;
        let back = if leads_up { 8.0 } else { -8.0 };
        let way = format!(
            "M{:.1} {:.1}C{:.1} {first:.1} {:.1} {second:.1} {:.1} {:.1}",
            start.x,
            start.y,
            start.x,
            tip.x,
            tip.x,
            tip.y + back
        );
        let note =
            Point { x: (start.x + tip.x) / 2.0 + 8.0, y: (start.y + tip.y + 3.0 * (first + second)) / 8.0 + 4.0 };
        (way, tip, leads_up, note)
    }
}

/// A curve that leaves and enters level.
fn curve(way: &mut String, from: Point, to: Point) {
    let half = (from.x + to.x) / 2.0;
    write!(way, "C{half:.1} {:.1} {half:.1} {:.1} {:.1} {:.1}", from.y, to.y, to.x, to.y)
        .expect("a string takes any text");
}

/// The port of an operator at which an arc leaves or enters.
fn at(arc: &Line, operator: usize, leaving: bool) -> Option<&str> {
    let (at, port) = if leaving { (arc.from, &arc.from_port) } else { (arc.to, &arc.to_port) };
    (at == operator).then_some(port)
}

/// The ports at one side of a box.
fn ports(picture: &Picture, operator: usize, leaving: bool) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for port in picture.arcs.iter().filter_map(|arc| at(arc, operator, leaving)) {
        if !names.contains(&port) {
            names.push(port);
        }
    }
    names
}

fn height(picture: &Picture, operator: usize) -> f64 {
    let most = [true, false].map(|leaving| ports(picture, operator, leaving).len()).into_iter().max().unwrap_or(0);
    BOX.max((most as f64 + 1.0) * PORT)
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
