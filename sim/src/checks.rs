//! Checks of the checker as a whole: each asks one question of many instances.

mod agreement;
mod contention;
mod endless;
mod faults;
mod fold;
mod independent;
mod literature;
mod printed;
mod random_flows;
mod random_updates;
mod rank;
mod reduction;
mod structure;
mod verdicts;
mod yardstick;

use crate::explore::{Exploration, Verdict};
use std::fmt::Display;

/// Lines of cells as a table, each column as wide as it needs to be.
fn table(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let row = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(row).collect::<Vec<_>>().join("\n")
}

fn cells(items: &[&dyn Display]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// `holds`, or the property that does not.
fn word<C>(seen: &Exploration<C>) -> &'static str {
    match &seen.verdict {
        Verdict::Holds => "holds",
        Verdict::Breached { breach, .. } => breach.property,
        Verdict::Undecided { .. } => "undecided",
    }
}
