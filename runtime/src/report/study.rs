//! A study: tables with pictures beside them, as text for a terminal and as a page that needs nothing else.
//!
//! What is measured over a range (sizes, rates) is a picture with a line for each that was measured alike; what takes place at a time is
//! a picture with a bar for each span. Everything a picture says stands in a table as well.

use super::outcome::Outcome;
use super::page::STYLE;
use super::svg::{Anchor, Area, Drawing, Point, Scale};
use neurath_sim::picture::Escaped;
use std::fmt::{self, Write};

/// All that is told of one measurement.
pub(crate) struct Study {
    pub(crate) title: String,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// Says so.
    pub(crate) sentence: String,
    pub(crate) parts: Vec<Part>,
    /// Name and value.
    pub(crate) facts: Vec<(String, String)>,
}

/// A table, with or without a picture.
pub(crate) struct Part {
    pub(crate) caption: String,
    pub(crate) picture: Option<Picture>,
    pub(crate) table: Table,
    /// What to know when reading it.
    pub(crate) note: String,
}

/// Cells under headings; what stands in the first column names its row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// What is drawn.
pub(crate) enum Picture {
    /// A line for each of several that were measured over the same range.
    Lines { x: &'static str, y: &'static str, lines: Vec<(String, Vec<(f64, f64)>)> },
    /// Spans of time, one row for each name.
    Spans { unit: &'static str, rows: Vec<(String, Vec<(f64, f64)>)> },
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |row: &[String], at: usize| row.get(at).map_or(0, |text| text.chars().count());
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| {
                self.rows.iter().map(|row| cell(row, at)).max().unwrap_or(0).max(self.columns[at].chars().count())
            })
            .collect();
        let heads: Vec<String> = self.columns.iter().map(|head| (*head).to_owned()).collect();
        for row in std::iter::once(&heads).chain(&self.rows) {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(at, (text, width))| match at {
                0 => format!("{text:width$}"),
                _ => format!("{text:>width$}"),
            });
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Display for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.sentence)?;
        for Part { caption, table, note, .. } in &self.parts {
            writeln!(f, "{caption}\n{table}{note}\n")?;
        }
        self.facts.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))
    }
}

impl Study {
    /// The page.
    pub(crate) fn html(&self) -> String {
        let title = Escaped(&self.title);
        let outcome = self.outcome.line(&self.sentence);
        let parts: String = self.parts.iter().map(Part::section).collect();
        let fact =
            |(name, value): &(String, String)| format!("<dt>{}</dt><dd>{}</dd>\n", Escaped(name), Escaped(value));
        let facts: String = self.facts.iter().map(fact).collect();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}{PICTURES}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
             {outcome}{parts}\
             <section>\n<h2>Measured on</h2>\n<dl>\n{facts}</dl>\n</section>\n</body>\n</html>
"
        )
    }
}

/// Lines are told apart by their dashes too, so that no colour is needed.
const PICTURES: &str = "\
svg.picture { display: block; width: 100%; height: auto; min-width: 36rem; }
.series { fill: none; stroke-width: 1.9; stroke-linejoin: round; stroke-linecap: round; }
.s0 { stroke: var(--p50); } .s1 { stroke: var(--p99); stroke-dasharray: 7 4; }
.s2 { stroke: var(--look0); stroke-dasharray: 2 4; } .s3 { stroke: var(--look1); stroke-dasharray: 9 3 2 3; }
.s4 { stroke: var(--max); } .span { fill: var(--p99); opacity: .8; }
";

const LOOKS: usize = 5;

impl Part {
    fn section(&self) -> String {
        let picture = self.picture.as_ref().map_or_else(String::new, Picture::draw);
        format!(
            "<section>\n<h2>{}</h2>\n{picture}<div class=\"wide\">{}</div>\n<p class=\"note-below\">{}</p>\n</section>\n",
            Escaped(&self.caption),
            self.table.html(),
            Escaped(&self.note)
        )
    }
}

impl Table {
    fn html(&self) -> String {
        let heads: String =
            self.columns.iter().map(|head| format!("<th scope=\"col\">{}</th>", Escaped(head))).collect();
        let mut rows = String::new();
        for row in &self.rows {
            let cells = row.iter().enumerate().map(|(at, text)| match at {
                0 => format!("<th scope=\"row\">{}</th>", Escaped(text)),
                _ => format!("<td>{}</td>", Escaped(text)),
            });
            writeln!(rows, "<tr>{}</tr>", cells.collect::<String>()).expect("writing to a String cannot fail");
        }
        format!("<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>")
    }
}

const WIDTH: f64 = 900.0;

impl Picture {
    fn draw(&self) -> String {
        match self {
            Self::Lines { x, y, lines } => draw_lines(x, y, lines),
            Self::Spans { unit, rows } => draw_spans(unit, rows),
        }
    }
}

/// Both axes are logarithmic: what grows in proportion is a line of one slope.
fn draw_lines(x: &str, y: &str, lines: &[(String, Vec<(f64, f64)>)]) -> String {
    let area = Area { left: 72.0, top: 26.0, right: WIDTH - 12.0, bottom: 300.0 };
    let points = || lines.iter().flat_map(|(_, points)| points).filter(|(x, y)| *x > 0.0 && *y > 0.0);
    let range = |value: fn(&(f64, f64)) -> f64| {
        points().map(value).fold(None, |range: Option<(f64, f64)>, v| {
            Some(range.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
        })
    };
    let (Some(across), Some(up)) = (range(|p| p.0), range(|p| p.1)) else { return String::new() };
    let across = Scale::logarithmic(across.0, across.1, area.left, area.right);
    let up = Scale::logarithmic(up.0, up.1, area.bottom, area.top);
    let label = format!("class=\"picture\" role=\"img\" aria-label=\"{} over {}\"", Escaped(y), Escaped(x));
    let mut drawing = Drawing::new(WIDTH, 345.0, &label);
    for tick in up.ticks(9) {
        let at = up.at(tick);
        drawing.line("grid", Point { x: area.left, y: at }, Point { x: area.right, y: at });
        drawing.text("tick", Point { x: area.left - 8.0, y: at + 4.0 }, Anchor::End, &short(tick));
    }
    for tick in across.ticks(12) {
        let at = across.at(tick);
        drawing.line("grid", Point { x: at, y: area.top }, Point { x: at, y: area.bottom });
        drawing.text("tick", Point { x: at, y: area.bottom + 17.0 }, Anchor::Middle, &short(tick));
    }
    drawing.text("axis", Point { x: 4.0, y: 14.0 }, Anchor::Start, y);
    drawing.text("axis", Point { x: area.right, y: 338.0 }, Anchor::End, x);
    let mut legend = String::from("<ul class=\"legend\">\n");
    for (number, (name, points)) in lines.iter().enumerate() {
        let look = format!("series s{}", number % LOOKS);
        let at = |(x, y): &(f64, f64)| (*x > 0.0 && *y > 0.0).then(|| Point { x: across.at(*x), y: up.at(*y) });
        drawing.polyline(&look, points.iter().map(at));
        writeln!(
            legend,
            "<li><svg width=\"34\" height=\"12\" aria-hidden=\"true\"><path class=\"{look}\" d=\"M1 6h32\"/></svg>{}</li>",
            Escaped(name)
        )
        .expect("writing to a String cannot fail");
    }
    format!("{legend}</ul>\n<div class=\"wide\">{}</div>\n", drawing.finish())
}

fn draw_spans(unit: &str, rows: &[(String, Vec<(f64, f64)>)]) -> String {
    const ROW: f64 = 20.0;
    let end = rows.iter().flat_map(|(_, spans)| spans).map(|(_, to)| *to).fold(0.0, f64::max);
    if end <= 0.0 {
        return String::new();
    }
    let area = Area { left: 230.0, top: 8.0, right: WIDTH - 20.0, bottom: 8.0 + ROW * rows.len() as f64 };
    let time = Scale::linear(0.0, end, area.left, area.right);
    let mut drawing = Drawing::new(
        WIDTH,
        area.bottom + 40.0,
        "class=\"picture\" role=\"img\" aria-label=\"what was held, and when\"",
    );
    for tick in time.ticks(8) {
        let at = time.at(tick);
        drawing.line("grid", Point { x: at, y: area.top }, Point { x: at, y: area.bottom });
        drawing.text("tick", Point { x: at, y: area.bottom + 16.0 }, Anchor::Middle, &short(tick));
    }
    for (number, (name, spans)) in rows.iter().enumerate() {
        let top = area.top + ROW * number as f64;
        drawing.text("tick", Point { x: area.left - 8.0, y: top + 14.0 }, Anchor::End, name);
        for (from, to) in spans {
            // What is too short for the picture is still to be seen.
            let (left, right) = (time.at(*from), time.at(*to).max(time.at(*from) + 1.5));
            drawing.rect("span", Area { left, right, top: top + 4.0, bottom: top + ROW - 3.0 });
        }
    }
    drawing.text("axis", Point { x: area.right, y: area.bottom + 34.0 }, Anchor::End, unit);
    format!("<div class=\"wide\">{}</div>\n", drawing.finish())
}

/// A number in few characters.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1e6 => format!("{}M", trimmed(value / 1e6)),
        v if v >= 1e3 => format!("{}k", trimmed(value / 1e3)),
        _ => trimmed(value),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_a_page_escapes_its_texts() {
        let rows = vec![vec!["a<b".to_owned(), "1".to_owned()], vec!["c".to_owned(), "1000".to_owned()]];
        let table = Table { columns: vec!["name", "value"], rows };
        assert_eq!(table.to_string(), "name  value\na<b       1\nc      1000\n");
        let lines = vec![("one".to_owned(), vec![(10.0, 1.0), (1000.0, 100.0)])];
        let picture = Some(Picture::Lines { x: "operators", y: "ms", lines });
        let spans = vec![("x.IN".to_owned(), vec![(0.0, 0.5), (0.9, 1.0)])];
        let spans = Part {
            caption: "s".into(),
            picture: Some(Picture::Spans { unit: "ms", rows: spans }),
            table: Table::default(),
            note: String::new(),
        };
        let study = Study {
            title: "t".into(),
            outcome: Outcome::Failed,
            sentence: "s".into(),
            parts: vec![Part { caption: "c".into(), picture, table, note: "n".into() }, spans],
            facts: vec![("cores".into(), "2".into())],
        };
        let page = study.html();
        assert!(page.contains("a&lt;b") && page.contains("✗ failed") && page.contains("<dt>cores</dt><dd>2</dd>"));
        assert!(page.contains("class=\"series s0\"") && page.contains(">1k</text>"));
        assert_eq!(page.matches("class=\"span\"").count(), 2);
    }

    #[test]
    fn nothing_measured_is_no_picture() {
        assert_eq!(draw_lines("x", "y", &[("a".into(), vec![(0.0, 0.0)])]), "");
        assert_eq!(draw_spans("ms", &[]), "");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.05, 1.0, 2500.0, 100_000.0, 1e6].map(short), ["0.05", "1", "2.5k", "100k", "1M"]);
    }
}
