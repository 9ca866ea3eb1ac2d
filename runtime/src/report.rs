//! The report of a live update under load: one HTML file that needs nothing else, and the same as data.
//!
//! ```text
//! verdict                    one sentence, good or bad
//! counts | percentiles       what went wrong (nothing, or in red), and what a switch costs
//! latency over the run       a line per percentile, a mark per switch, the control phase shaded
//! updates                    when each was submitted, and how long until the last operator had switched
//! checks, facts              what was proved before, on what machine this was measured
//! ```
//!
//! The page is complete without scripts, in light and dark, on paper, and without colour: what a colour says is said by
//! a shape or a word too. A few lines of script add a readout under the pointer. The data are in the page as JSON, so a
//! report that was kept can be read again by a program.
//!
//! Everything in a [`Report`] is a result that somebody else measured; nothing is computed here but what a table needs.

mod chart;
pub(crate) mod comparison;
pub(crate) mod outcome;
mod page;
pub(crate) mod study;
pub(crate) mod svg;

use crate::load::stats::{Bucket, Summary, Window};
use serde::Serialize;
use serde_json::{Value, json};

/// The version of the JSON form: raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// All that a report tells. Moments are microseconds since the start of the load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was done.
    pub title: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What was counted.
    pub counts: Vec<Count>,
    /// Percentiles of latency in several phases; the first is what the others are compared with.
    pub latencies: Vec<Latency>,
    /// The whole run in steps.
    pub timeline: Timeline,
    /// The updates, in the order of their submission.
    pub updates: Vec<Update>,
    /// What the model checker says about these updates, a sentence each.
    pub checks: Vec<String>,
    /// Machine, versions, parameters: name and value.
    pub facts: Vec<(String, String)>,
}

/// The result in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether all that was promised was kept.
    pub passed: bool,
    /// Says so.
    pub sentence: String,
}

/// A number with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// What was counted.
    pub name: String,
    /// How many.
    pub value: u64,
    /// Whether it should be zero.
    pub is_fault: bool,
}

/// The latencies of a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// The phase.
    pub phase: String,
    /// Its percentiles.
    pub summary: Summary,
}

/// The run in steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// The length of a step.
    pub bucket_us: u64,
    /// The steps, from the start on.
    pub buckets: Vec<Bucket>,
    /// The phase without updates.
    pub control: Option<Window>,
}

/// One update of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Update {
    /// Its name.
    pub name: String,
    /// What it leads to; updates of one direction look alike in the chart.
    pub direction: String,
    /// When it was submitted.
    pub submitted_us: u64,
    /// From then until the last operator had switched; none if that did not happen.
    pub took_us: Option<u64>,
}

impl Report {
    /// The page.
    pub fn html(&self) -> String {
        page::write(self)
    }

    /// The picture alone, for a page of several runs.
    pub(crate) fn chart(&self) -> String {
        chart::draw(self)
    }

    /// The data.
    pub fn json(&self) -> Value {
        let mut value = json!({ "schema_version": SCHEMA_VERSION });
        let data = serde_json::to_value(self).expect("texts and numbers can always be written as JSON");
        if let (Value::Object(value), Value::Object(data)) = (&mut value, data) {
            value.extend(data);
        }
        value
    }

    /// The directions of the updates, in the order of their first appearance: how the chart tells them apart.
    fn directions(&self) -> Vec<&str> {
        let mut directions: Vec<&str> = Vec::new();
        for update in &self.updates {
            if !directions.contains(&update.direction.as_str()) {
                directions.push(&update.direction);
            }
        }
        directions
    }
}

#[cfg(test)]
mod tests;
