//! The page: the report's values in HTML, with style and script inside.

use super::outcome::Outcome;
use super::{Report, Verdict, chart};
use crate::load::stats::Summary;
use neurath_sim::picture::Escaped;
use std::fmt::Write;

pub(super) const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("readout.js");

/// One of the values of a summary.
type Percentile = fn(&Summary) -> u64;

/// What the percentile table shows.
const COLUMNS: [(&str, Percentile); 4] =
    [("p50", |s| s.p50_us), ("p99", |s| s.p99_us), ("p99.9", |s| s.p999_us), ("max", |s| s.max_us)];

pub(super) fn write(report: &Report) -> String {
    let mut page = Page(String::new());
    let title = Escaped(&report.title);
    page.add(format_args!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    ));
    page.verdict(report);
    page.add(format_args!("<div class=\"pair\">\n"));
    page.counts(report);
    page.latencies(report);
    page.add(format_args!("</div>\n"));
    page.chart(report);
    page.updates(report);
    page.checks(report);
    page.facts(report);
    page.add(format_args!(
        "<script type=\"application/json\" id=\"data\">{}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        embedded(report)
    ));
    page.0
}

/// The data, such that no text in them can end the element they are in.
fn embedded(report: &Report) -> String {
    report.json().to_string().replace('<', "\\u003c")
}

struct Page(String);

impl Page {
    fn add(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.0.write_fmt(arguments).expect("writing to a String cannot fail");
    }

    fn verdict(&mut self, report: &Report) {
        let Verdict { passed, sentence } = &report.verdict;
        self.0.push_str(&Outcome::of(*passed).line(sentence));
    }

    fn counts(&mut self, report: &Report) {
        self.add(format_args!("<section>\n<h2>Counted</h2>\n<table>\n<tbody>\n"));
        for count in &report.counts {
            let class = if count.is_fault && count.value > 0 { " class=\"fault\"" } else { "" };
            let (name, value) = (Escaped(&count.name), grouped(count.value));
            self.add(format_args!("<tr><th scope=\"row\">{name}</th><td{class}>{value}</td></tr>\n"));
        }
        self.add(format_args!("</tbody>\n</table>\n</section>\n"));
    }

    fn latencies(&mut self, report: &Report) {
        self.add(format_args!(
            "<section>\n<h2>Latency</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">requests due</th>"
        ));
        COLUMNS.iter().for_each(|(name, _)| self.add(format_args!("<th scope=\"col\">{name}</th>")));
        self.add(format_args!("<th scope=\"col\">requests</th></tr></thead>\n<tbody>\n"));
        for (number, row) in report.latencies.iter().enumerate() {
            let base = report.latencies.first().filter(|_| number > 0).map(|first| &first.summary);
            self.add(format_args!("<tr><th scope=\"row\">{}</th>", Escaped(&row.phase)));
            COLUMNS.iter().for_each(|(_, value)| self.latency(&row.summary, base, *value));
            self.add(format_args!("<td>{}</td></tr>\n", grouped(row.summary.count)));
        }
        self.add(format_args!(
            "</tbody>\n</table></div>\n<p class=\"note-below\">From the moment a request was scheduled to the last byte of \
             its response, however long it had to wait for its connection. Grey: the ratio to the first row.</p>\n</section>\n"
        ));
    }

    fn latency(&mut self, summary: &Summary, base: Option<&Summary>, value: Percentile) {
        if summary.count == 0 {
            return self.add(format_args!("<td>none</td>"));
        }
        self.add(format_args!("<td>{}", duration(value(summary))));
        if let Some(base) = base.map(value).filter(|base| *base > 0) {
            self.add(format_args!("<br><span class=\"ratio\">× {:.2}</span>", value(summary) as f64 / base as f64));
        }
        self.add(format_args!("</td>"));
    }

    fn chart(&mut self, report: &Report) {
        self.add(format_args!("<section>\n<h2>Latency over the run</h2>\n<ul class=\"legend\">\n"));
        for (class, name) in [("p50", "p50"), ("p99", "p99"), ("max", "max")] {
            let line = if class == "max" { "M3 6h0M10 6h0M17 6h0" } else { "M1 6h18" };
            self.add(format_args!(
                "<li><svg width=\"20\" height=\"12\" aria-hidden=\"true\"><path class=\"{class}\" d=\"{line}\"/></svg>{name}</li>\n"
            ));
        }
        for (place, direction) in report.directions().into_iter().enumerate() {
            self.add(format_args!("<li>{}submitted: to {}</li>\n", glyph(place), Escaped(direction)));
        }
        let step = round_duration(report.timeline.bucket_us);
        self.add(format_args!("</ul>\n<div class=\"wide\">{}</div>\n", chart::draw(report)));
        self.add(format_args!(
            "<p class=\"readout\" id=\"readout\">One point per {step}, by the moment at which requests were due.</p>\n</section>\n"
        ));
    }

    fn updates(&mut self, report: &Report) {
        self.add(format_args!("<section class=\"long\">\n<h2>Updates</h2>\n<p>{}</p>\n", Escaped(&switching(report))));
        self.add(format_args!(
            "<div class=\"wide\"><table class=\"updates\">\n<thead><tr><th scope=\"col\">update</th><th scope=\"col\" class=\"left\">to</th>\
             <th scope=\"col\">submitted at</th><th scope=\"col\">to last operator changed</th><th></th></tr></thead>\n<tbody>\n"
        ));
        let longest = report.updates.iter().filter_map(|update| update.took_us).max().unwrap_or(1).max(1);
        let directions = report.directions();
        for update in &report.updates {
            let place = directions.iter().position(|direction| *direction == update.direction).unwrap_or(0);
            self.add(format_args!(
                "<tr><th scope=\"row\">{}</th><td class=\"left\">{}{}</td><td>{:.3} s</td>",
                Escaped(&update.name),
                glyph(place),
                Escaped(&update.direction),
                update.submitted_us as f64 / 1e6
            ));
            match update.took_us {
                Some(took) => self.add(format_args!(
                    "<td>{}</td><td class=\"barred\"><span class=\"bar\" style=\"width:{:.1}%\"></span></td></tr>\n",
                    duration(took),
                    took as f64 * 100.0 / longest as f64
                )),
                None => self.add(format_args!("<td class=\"unfinished\">not finished</td><td></td></tr>\n")),
            }
        }
        self.add(format_args!("</tbody>\n</table></div>\n</section>\n"));
    }

    fn checks(&mut self, report: &Report) {
        self.add(format_args!("<section>\n<h2>Checked before</h2>\n<ul class=\"checks\">\n"));
        report.checks.iter().for_each(|check| self.add(format_args!("<li>{}</li>\n", Escaped(check))));
        self.add(format_args!("</ul>\n</section>\n"));
    }

    fn facts(&mut self, report: &Report) {
        self.add(format_args!("<section>\n<h2>Measured on</h2>\n<dl>\n"));
        for (name, value) in &report.facts {
            self.add(format_args!("<dt>{}</dt><dd>{}</dd>\n", Escaped(name), Escaped(value)));
        }
        self.add(format_args!("</dl>\n</section>\n"));
    }
}

/// The mark of a direction, as it is in the chart, for use within a line of text.
fn glyph(direction: usize) -> String {
    let look = chart::look(direction);
    format!(
        "<svg width=\"12\" height=\"12\" viewBox=\"-6 -11 12 12\" aria-hidden=\"true\"><path class=\"glyph look{look}\" d=\"{}\"/></svg>",
        chart::glyph(look)
    )
}

/// How long the updates took, in a sentence.
fn switching(report: &Report) -> String {
    let mut took: Vec<u64> = report.updates.iter().filter_map(|update| update.took_us).collect();
    took.sort_unstable();
    let submitted = grouped(report.updates.len() as u64);
    match (took.get(took.len().saturating_sub(1) / 2), took.last()) {
        (Some(median), Some(max)) => format!(
            "{submitted} submitted, {} carried out. From submission to the last operator changed: median {}, at most {}.",
            grouped(took.len() as u64),
            duration(*median),
            duration(*max)
        ),
        (None, _) | (_, None) => format!("{submitted} submitted, none carried out."),
    }
}

/// A length of time in three digits and a fitting unit.
pub(super) fn duration(us: u64) -> String {
    let (value, unit) = match us {
        0..1000 => return format!("{us} µs"),
        1000..999_500 => (us as f64 / 1e3, "ms"),
        _ => (us as f64 / 1e6, "s"),
    };
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

/// The same for a value that is round, without zeros that say nothing.
pub(super) fn round_duration(us: u64) -> String {
    let text = duration(us);
    let (value, unit) = text.split_once(' ').expect("a value and its unit");
    let value = if value.contains('.') { value.trim_end_matches('0').trim_end_matches('.') } else { value };
    format!("{value} {unit}")
}

/// A number with its digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (head, tail) = digits.split_at(first);
    let groups = (!head.is_empty()).then_some(head).into_iter();
    let groups: Vec<&str> = groups.chain((0..tail.len()).step_by(3).map(|at| &tail[at..at + 3])).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_fitting_unit() {
        let shown = [0, 193, 999, 1000, 1847, 10_049, 99_949, 99_950, 999_499, 999_500, 12_345_678].map(duration);
        let expected = [
            "0 µs", "193 µs", "999 µs", "1.00 ms", "1.85 ms", "10.0 ms", "99.9 ms", "100 ms", "999 ms", "1.00 s",
            "12.3 s",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn round_durations_have_no_idle_zeros() {
        let shown = [0, 100, 1000, 2500, 10_000, 200_000, 5_000_000, 100_000_000].map(round_duration);
        assert_eq!(shown, ["0 µs", "100 µs", "1 ms", "2.5 ms", "10 ms", "200 ms", "5 s", "100 s"]);
    }

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
