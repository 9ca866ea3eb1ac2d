//! A run as a log for ShiViz: each step with a vector clock, from which the tool draws the happened-before relation.
//!
//! Lines are two for each step, the event and then its host with its clock, to be read with [`PARSER`].

use super::Diagram;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The parsing expression to give to ShiViz.
pub const PARSER: &str = r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})";

/// Names of lanes, and how many steps of each are known.
type Clock = BTreeMap<String, usize>;

/// The log of a run.
pub fn log(diagram: &Diagram) -> String {
    let mut text = String::new();
    let mut clocks: Vec<Clock> = vec![Clock::new(); diagram.lanes.len()];
    let mut at_step: Vec<Clock> = vec![Clock::new()];
    for (i, lane) in diagram.steps.iter().enumerate() {
        let here = (*lane, i + 1);
        for edge in diagram.edges.iter().filter(|edge| edge.to == Some(here)) {
            let known = at_step.get(edge.from.1).cloned().unwrap_or_default();
            for (name, count) in known {
                let own = clocks[*lane].entry(name).or_default();
                *own = (*own).max(count);
            }
        }
        let name = diagram.lanes[*lane].name.clone();
        *clocks[*lane].entry(name.clone()).or_default() += 1;
        let clock: serde_json::Value = serde_json::json!(clocks[*lane]);
        writeln!(text, "{}\n{name} {clock}", diagram.story.lines[i].text).expect("a string takes any text");
        at_step.push(clocks[*lane].clone());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{diagram, tests::mixed};

    #[test]
    fn clocks_know_what_happened_before() {
        let (instance, run) = mixed();
        let text = log(&diagram(&instance, &run));
        insta::assert_snapshot!(text);
        assert_eq!(text.lines().count(), 2 * run.len());
    }
}
