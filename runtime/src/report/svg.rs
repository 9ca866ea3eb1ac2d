//! Just enough SVG: escaped text, a few shapes, and scales with round ticks.
//!
//! A plotting library would bring fonts, colours and a coordinate system of its own; here the page's style sheet says
//! how things look (and so follows light, dark and paper), and this only says where they are.

use neurath_sim::picture::Escaped;
use std::fmt::{self, Write};

/// Where a text begins, ends or is centred.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A place on the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A rectangle on the drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A drawing under construction. Classes come from our own code, texts from anywhere.
pub(super) struct Drawing(String);

impl Drawing {
    pub(super) fn new(width: f64, height: f64, attributes: &str) -> Self {
        Self(format!("<svg viewBox=\"0 0 {width} {height}\" {attributes}>\n"))
    }

    /// The complete element.
    pub(super) fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    /// Something else, already well-formed.
    pub(super) fn raw(&mut self, arguments: fmt::Arguments<'_>) {
        self.0.write_fmt(arguments).expect("writing to a String cannot fail");
    }

    pub(super) fn line(&mut self, class: &str, from: Point, to: Point) {
        let (Point { x: x1, y: y1 }, Point { x: x2, y: y2 }) = (from, to);
        self.raw(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n"
        ));
    }

    pub(super) fn rect(&mut self, class: &str, area: Area) {
        let Area { left, top, right, bottom } = area;
        let (width, height) = ((right - left).max(0.0), (bottom - top).max(0.0));
        self.raw(format_args!(
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>\n"
        ));
    }

    pub(super) fn text(&mut self, class: &str, at: Point, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (Point { x, y }, text) = (at, Escaped(text));
        self.raw(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    /// A line through points; where there is none, it is interrupted.
    pub(super) fn polyline(&mut self, class: &str, points: impl IntoIterator<Item = Option<Point>>) {
        let mut path = String::new();
        let mut command = 'M';
        for point in points {
            let Some(Point { x, y }) = point else {
                command = 'M';
                continue;
            };
            // A point with gaps on both sides would be invisible without the segment of no length.
            let dot = if command == 'M' { "h0" } else { "" };
            write!(path, "{command}{x:.1} {y:.1}{dot}").expect("writing to a String cannot fail");
            command = 'L';
        }
        self.path(class, &path);
    }

    /// A dot at each point; the style's line cap gives it its shape.
    pub(super) fn dots(&mut self, class: &str, points: impl IntoIterator<Item = Point>) {
        let path: String = points.into_iter().map(|Point { x, y }| format!("M{x:.1} {y:.1}h0")).collect();
        self.path(class, &path);
    }

    /// A path in SVG's own notation.
    pub(super) fn path(&mut self, class: &str, path: &str) {
        self.raw(format_args!("<path class=\"{class}\" d=\"{path}\"/>\n"));
    }
}

/// From values to places along one axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    /// Equal steps for equal differences.
    pub(super) fn linear(low: f64, high: f64, from: f64, to: f64) -> Self {
        assert!(low < high, "an axis has an extent");
        Self { low, high, from, to, logarithmic: false }
    }

    /// Equal steps for equal ratios; the ends are moved out to 1, 2 or 5 times a power of ten.
    pub(super) fn logarithmic(low: f64, high: f64, from: f64, to: f64) -> Self {
        assert!(0.0 < low && low <= high, "a logarithmic axis is positive");
        let high = if high > low { high } else { low * 2.0 };
        Self { low: round_down(low), high: round_up(high), from, to, logarithmic: true }
    }

    /// Where a value is; what lies outside is put at the end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let share = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share * (self.to - self.from)
    }

    /// Round values along the axis: about `count` of them if it is linear; 1, 2 and 5 in each decade (or only 1, if that
    /// would be many) if it is logarithmic.
    pub(super) fn ticks(&self, count: usize) -> Vec<f64> {
        if self.logarithmic { self.logarithmic_ticks(count) } else { self.linear_ticks(count) }
    }

    fn linear_ticks(&self, count: usize) -> Vec<f64> {
        let step = round_up((self.high - self.low) / count as f64);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|number| number as f64 * step).collect()
    }

    fn logarithmic_ticks(&self, count: usize) -> Vec<f64> {
        let mut ticks = Vec::new();
        let mut tick = self.low;
        while tick <= self.high * 1.000_001 {
            ticks.push(tick);
            tick = round_up(tick * 1.01);
        }
        if ticks.len() > count {
            ticks.retain(|tick| (tick.log10() - tick.log10().round()).abs() < 1e-9);
        }
        ticks
    }
}

/// The next 1, 2 or 5 times a power of ten, upwards.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf((value * (1.0 - 1e-9)).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= value * (1.0 - 1e-9));
    step.expect("ten times the power of ten below is above") * power
}

/// The next 1, 2 or 5 times a power of ten, downwards.
fn round_down(value: f64) -> f64 {
    let power = 10f64.powf((value * (1.0 + 1e-9)).log10().floor());
    let steps = [5.0, 2.0, 1.0];
    let step = steps.into_iter().find(|step| step * power <= value * (1.0 + 1e-9));
    step.expect("the power of ten below is below") * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_map_their_ends_to_their_ends() {
        let linear = Scale::linear(0.0, 10.0, 100.0, 200.0);
        assert_eq!([0.0, 5.0, 10.0, 99.0].map(|value| linear.at(value)), [100.0, 150.0, 200.0, 200.0]);
        let log = Scale::logarithmic(100.0, 10_000.0, 0.0, 2.0);
        assert_eq!([1.0, 100.0, 1000.0, 10_000.0].map(|value| log.at(value).round()), [0.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::linear(0.0, 61.0, 0.0, 1.0).ticks(12), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(Scale::linear(0.0, 4000.0, 0.0, 1.0).ticks(2), [0.0, 2000.0, 4000.0]);
        let log = |low, high| Scale::logarithmic(low, high, 0.0, 1.0).ticks(9).into_iter().map(f64::round);
        assert!(log(130.0, 3900.0).eq([100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0]));
        assert!(log(1.0, 900_000.0).eq([1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0, 1_000_000.0]));
        assert!(log(200.0, 200.0).eq([200.0, 500.0]));
    }

    #[test]
    fn a_line_is_interrupted_where_nothing_was_measured() {
        let mut drawing = Drawing::new(1.0, 1.0, "");
        let point = |x| Some(Point { x, y: 0.0 });
        drawing.polyline("a", [None, point(1.0), None, point(2.0), point(3.0)]);
        assert!(drawing.finish().contains("d=\"M1.0 0.0h0M2.0 0.0h0L3.0 0.0\""));
    }
}
