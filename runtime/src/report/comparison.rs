//! A page that compares: a bar for each of several that were measured alike.
//!
//! It shares the style of the report of a run, and like it needs nothing else. Bars are elements with a width; what they say is
//! beside them as a number.

use super::outcome::Outcome;
use super::page::STYLE;
use neurath_sim::picture::Escaped;

/// What is compared.
pub(crate) struct Comparison {
    pub(crate) title: String,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// Says so.
    pub(crate) sentence: String,
    /// Of all values.
    pub(crate) unit: String,
    pub(crate) parts: Vec<Part>,
    /// Pictures below the bars: caption, and the drawing.
    pub(crate) charts: Vec<(String, String)>,
    /// Name and value.
    pub(crate) facts: Vec<(String, String)>,
}

/// Bars with one scale.
pub(crate) struct Part {
    pub(crate) caption: String,
    pub(crate) bars: Vec<Bar>,
}

/// One of those that are compared.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) notes: String,
}

impl Comparison {
    /// The page.
    pub(crate) fn html(&self) -> String {
        let title = Escaped(&self.title);
        let outcome = self.outcome.line(&self.sentence);
        let parts: String = self.parts.iter().map(|part| part.section(&self.unit)).collect();
        let chart = |(caption, drawing): &(String, String)| {
            format!("<section>\n<h2>{}</h2>\n<div class=\"wide\">{drawing}</div>\n</section>\n", Escaped(caption))
        };
        let charts: String = self.charts.iter().map(chart).collect();
        let fact =
            |(name, value): &(String, String)| format!("<dt>{}</dt><dd>{}</dd>\n", Escaped(name), Escaped(value));
        let facts: String = self.facts.iter().map(fact).collect();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
             {outcome}{parts}{charts}\
             <section>\n<h2>Measured on</h2>\n<dl>\n{facts}</dl>\n</section>\n</body>\n</html>
"
        )
    }
}

impl Part {
    fn section(&self, unit: &str) -> String {
        let longest = self.bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
        let rows: String = self.bars.iter().map(|bar| bar.row(longest)).collect();
        format!(
            "<section>\n<h2>{}</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\"></th>\
             <th scope=\"col\">{}</th><th class=\"barred\"></th><th class=\"left\"></th></tr></thead>\n<tbody>\n{rows}\
             </tbody>\n</table></div>\n</section>\n",
            Escaped(&self.caption),
            Escaped(unit)
        )
    }
}

impl Bar {
    fn row(&self, longest: f64) -> String {
        let digits = if longest < 100.0 { 2 } else { 0 };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{:.digits$}</td><td class=\"barred\"><span class=\"bar\" \
             style=\"width: {:.1}%\"></span></td><td class=\"left ratio\">{}</td></tr>\n",
            Escaped(&self.name),
            self.value,
            self.value / longest * 100.0,
            Escaped(&self.notes)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_full_and_texts_are_escaped() {
        let bar = |name: &str, value| Bar { name: name.into(), value, notes: "a < b".into() };
        let part = Part { caption: "load".into(), bars: vec![bar("one", 50.0), bar("<two>", 200.0)] };
        let page = Comparison {
            title: "t".into(),
            outcome: Outcome::Failed,
            sentence: "s".into(),
            unit: "per second".into(),
            parts: vec![part],
            charts: vec![("a > b".into(), "<svg></svg>".into())],
            facts: vec![("cores".into(), "2".into())],
        }
        .html();
        assert!(page.contains("width: 25.0%") && page.contains("width: 100.0%"));
        assert!(page.contains("&lt;two&gt;") && page.contains("a &lt; b") && page.contains("✗ failed"));
        assert!(page.contains("<h2>a &gt; b</h2>") && page.contains("<svg></svg>"));
        assert!(page.contains("<dt>cores</dt><dd>2</dd>"));
    }
}
