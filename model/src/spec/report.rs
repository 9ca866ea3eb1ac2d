//! Collects what is wrong with one text, so that a reader can go on after the first fault.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place};
use std::ops::Range;

/// Everything found wrong so far with the text of one source.
pub(super) struct Report<'a> {
    source: &'a str,
    table_word: &'static str,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    /// Nothing is wrong yet.
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, table_word: "a table", diagnostics: Vec::new() }
    }

    /// Calls what has keys as JSON does.
    pub(super) fn speak_of_objects(&mut self) {
        self.table_word = "an object";
    }

    /// What has keys, in the words of the format.
    pub(super) fn table_word(&self) -> &'static str {
        self.table_word
    }

    /// Adds a fault at a place in the text; the rest is said through the answer.
    pub(super) fn fault(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) -> Fault<'_> {
        let mut fault = self.refusal(code, message);
        fault.at(span, "");
        fault
    }

    /// Adds a fault that stands in no text.
    pub(super) fn refusal(&mut self, code: Code, message: impl Into<String>) -> Fault<'_> {
        let (expected, found, hint) = Default::default();
        self.diagnostics.push(Diagnostic { code, message: message.into(), places: vec![], expected, found, hint });
        let diagnostic = self.diagnostics.last_mut().expect("one was just pushed");
        Fault { source: self.source, diagnostic }
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// All that is wrong, where something is for sure.
    pub(super) fn refused(self) -> Diagnostics {
        self.finish(()).expect_err("something was refused")
    }

    /// The value that was read if nothing is wrong, or all that is, in the order of the text.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Diagnostics> {
        if self.is_empty() {
            return Ok(value);
        }
        self.diagnostics.sort_by_key(|d| d.places.first().map(|p| p.span.start));
        Err(Diagnostics(self.diagnostics))
    }
}

/// A fault being described.
pub(super) struct Fault<'r> {
    source: &'r str,
    diagnostic: &'r mut Diagnostic,
}

impl Fault<'_> {
    /// What stands at the fault's first place.
    pub(super) fn label(self, label: impl Into<String>) -> Self {
        if let Some(place) = self.diagnostic.places.first_mut() {
            place.label = label.into();
        }
        self
    }

    /// A further place that explains it.
    pub(super) fn and(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.at(span, label);
        self
    }

    /// What the rule asks for, and what is there.
    pub(super) fn expected(self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        self.diagnostic.expected = expected.into();
        self.diagnostic.found = found.into();
        self
    }

    /// What to try.
    pub(super) fn hint(self, hint: impl Into<String>) {
        self.diagnostic.hint = hint.into();
    }

    fn at(&mut self, span: Range<usize>, label: impl Into<String>) {
        self.diagnostic.places.push(Place { source: self.source.into(), span, label: label.into() });
    }
}

/// The candidate that a misspelt word was probably meant to be.
pub(super) fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let scored =
        candidates.into_iter().map(|c| (strsim::damerau_levenshtein(&word.to_lowercase(), &c.to_lowercase()), c));
    scored
        .filter(|&(distance, c)| distance <= c.len().div_ceil(3))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, c)| c)
}

/// `a`, `b` and `c` in one phrase.
pub(super) fn listed(words: &[impl AsRef<str>], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().into(),
        [rest @ .., end] => {
            let rest: Vec<_> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", rest.join(", "), end.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_recognised_and_another_word_is_not() {
        let keys = ["name", "version", "emission"];
        assert_eq!(closest("emision", keys), Some("emission"));
        assert_eq!(closest("Name", keys), Some("name"));
        assert_eq!(closest("colour", keys), None);
    }
}
