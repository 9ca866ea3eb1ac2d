//! The chart of a run: latency percentiles on a logarithmic scale, throughput below, and the updates across both.
//!
//! ```text
//!        v  ^  v        a triangle per update, up or down by direction, with a line through both plots
//!  10ms |   . .         dots: max
//!   1ms |--/\--/\-      lines: p99 and p50
//!       |   ....        shaded: the control phase
//!  req/s ▇▇▇▇▇▇▇▇
//!        0    10    20 s
//! ```

use super::page::{duration, grouped, round_duration};
use super::svg::{Anchor, Area, Drawing, Point, Scale};
use super::{Report, Timeline};
use crate::load::stats::{Bucket, Summary};

const WIDTH: f64 = 1100.0;
const HEIGHT: f64 = 470.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 12.0;
/// Between the top and the plots: the triangles.
const LATENCY: Area = Area { left: LEFT, top: 30.0, right: RIGHT, bottom: 310.0 };
const THROUGHPUT: Area = Area { left: LEFT, top: 350.0, right: RIGHT, bottom: 425.0 };

/// How many directions look different; more of them share looks.
const LOOKS: usize = 3;

/// The look of the updates of a direction, by its place among the directions.
pub(super) fn look(direction: usize) -> usize {
    direction % LOOKS
}

/// The mark of a look, with its tip at the origin, five units to each side.
pub(super) fn glyph(look: usize) -> &'static str {
    match look {
        0 => "M-5 -10L5 -10L0 0Z",
        1 => "M-5 0L5 0L0 -10Z",
        _ => "M-4 -9L4 -9L4 -1L-4 -1Z",
    }
}

/// Draws it; nothing if nothing was measured.
pub(super) fn draw(report: &Report) -> String {
    let Some(axes) = Axes::of(&report.timeline) else { return String::new() };
    let attributes = format!(
        "class=\"chart\" role=\"img\" aria-label=\"Latency and throughput over the run\" \
         data-left=\"{LEFT}\" data-right=\"{RIGHT}\" data-length=\"{}\"",
        axes.length_us
    );
    let mut drawing = Drawing::new(WIDTH, HEIGHT, &attributes);
    axes.control(&mut drawing, &report.timeline);
    axes.grid(&mut drawing);
    axes.throughput(&mut drawing, &report.timeline);
    axes.marks(&mut drawing, report);
    axes.latency(&mut drawing, &report.timeline.buckets);
    drawing.raw(format_args!(
        "<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"{}\" y2=\"{}\" visibility=\"hidden\"/>\n",
        LATENCY.top, THROUGHPUT.bottom
    ));
    drawing.finish()
}

/// Where moments, latencies and rates are.
struct Axes {
    length_us: u64,
    bucket_us: u64,
    time: Scale,
    latency: Scale,
    rate: Scale,
}

impl Axes {
    fn of(timeline: &Timeline) -> Option<Self> {
        let length_us = timeline.buckets.last()?.at_us + timeline.bucket_us;
        let measured = || timeline.buckets.iter().map(|bucket| bucket.latency).filter(|latency| latency.count > 0);
        let low = measured().map(|latency| latency.p50_us).min()?.max(1);
        let high = measured().map(|latency| latency.max_us).max()?.max(low);
        let rate = timeline.buckets.iter().map(|bucket| per_second(bucket, timeline.bucket_us)).fold(1.0, f64::max);
        Some(Self {
            length_us,
            bucket_us: timeline.bucket_us,
            time: Scale::linear(0.0, length_us as f64 / 1e6, LEFT, RIGHT),
            latency: Scale::logarithmic(low as f64, high as f64, LATENCY.bottom, LATENCY.top),
            rate: Scale::linear(0.0, rate * 1.05, THROUGHPUT.bottom, THROUGHPUT.top),
        })
    }

    fn x(&self, at_us: u64) -> f64 {
        self.time.at(at_us as f64 / 1e6)
    }

    fn control(&self, drawing: &mut Drawing, timeline: &Timeline) {
        let Some(control) = timeline.control else { return };
        let (left, right) = (self.x(control.from_us), self.x(control.to_us));
        drawing.rect("control", Area { left, right, ..LATENCY });
        drawing.rect("control", Area { left, right, ..THROUGHPUT });
        let at = Point { x: (left + right) / 2.0, y: LATENCY.top - 8.0 };
        drawing.text("note", at, Anchor::Middle, "control: no updates");
    }

    fn grid(&self, drawing: &mut Drawing) {
        for tick in self.latency.ticks(10) {
            let label = round_duration(tick.round() as u64);
            horizontal(drawing, self.latency.at(tick), &label);
        }
        for tick in self.rate.ticks(3) {
            horizontal(drawing, self.rate.at(tick), &grouped(tick.round() as u64));
        }
        for tick in self.time.ticks(12) {
            let x = self.time.at(tick);
            vertical(drawing, "grid", x, LATENCY.top);
            let label = Point { x, y: THROUGHPUT.bottom + 17.0 };
            drawing.text("tick", label, Anchor::Middle, &format!("{}", (tick * 1000.0).round() / 1000.0));
        }
        let caption = |drawing: &mut Drawing, y: f64, text: &str| {
            drawing.text("axis", Point { x: 4.0, y }, Anchor::Start, text);
        };
        caption(drawing, LATENCY.top - 12.0, "latency (log)");
        caption(drawing, THROUGHPUT.top - 12.0, "responses per second");
        let end = Point { x: RIGHT, y: HEIGHT - 8.0 };
        drawing.text("axis", end, Anchor::End, "seconds since the start of the load");
    }

    fn throughput(&self, drawing: &mut Drawing, timeline: &Timeline) {
        let mut path = format!("M{LEFT:.1} {:.1}", THROUGHPUT.bottom);
        for bucket in &timeline.buckets {
            let y = self.rate.at(per_second(bucket, self.bucket_us));
            path += &format!("L{:.1} {y:.1}L{:.1} {y:.1}", self.x(bucket.at_us), self.x(bucket.at_us + self.bucket_us));
        }
        path += &format!("L{RIGHT:.1} {:.1}Z", THROUGHPUT.bottom);
        drawing.path("rate", &path);
    }

    fn marks(&self, drawing: &mut Drawing, report: &Report) {
        let directions = report.directions();
        for update in &report.updates {
            let place = directions.iter().position(|direction| *direction == update.direction);
            let look = look(place.expect("every update has one of the directions"));
            let x = self.x(update.submitted_us);
            vertical(drawing, &format!("mark look{look}"), x, LATENCY.top);
            drawing.raw(format_args!(
                "<path class=\"glyph look{look}\" transform=\"translate({x:.1} {})\" d=\"{}\"><title>{}, at {}</title></path>\n",
                LATENCY.top - 1.0,
                glyph(look),
                neurath_sim::picture::Escaped(&update.name),
                duration(update.submitted_us)
            ));
        }
    }

    fn latency(&self, drawing: &mut Drawing, buckets: &[Bucket]) {
        let point = |bucket: &Bucket, value: fn(&Summary) -> u64| Point {
            x: self.x(bucket.at_us + self.bucket_us / 2),
            y: self.latency.at((value(&bucket.latency) as f64).max(1.0)),
        };
        let measured = |bucket: &&Bucket| bucket.latency.count > 0;
        drawing.dots("max", buckets.iter().filter(measured).map(|bucket| point(bucket, |latency| latency.max_us)));
        let mut line = |class, value| {
            drawing
                .polyline(class, buckets.iter().map(|bucket| Some(bucket).filter(measured).map(|b| point(b, value))));
        };
        line("p99", |latency| latency.p99_us);
        line("p50", |latency| latency.p50_us);
    }
}

fn per_second(bucket: &Bucket, bucket_us: u64) -> f64 {
    bucket.ended as f64 * 1e6 / bucket_us as f64
}

fn horizontal(drawing: &mut Drawing, y: f64, label: &str) {
    drawing.line("grid", Point { x: LEFT, y }, Point { x: RIGHT, y });
    drawing.text("tick", Point { x: LEFT - 8.0, y: y + 4.0 }, Anchor::End, label);
}

/// A line through both plots.
fn vertical(drawing: &mut Drawing, class: &str, x: f64, top: f64) {
    drawing.line(class, Point { x, y: top }, Point { x, y: THROUGHPUT.bottom });
}
