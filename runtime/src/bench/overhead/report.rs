//! What was measured: a table, data, and a page with bars.

use super::functions::Work;
use super::{CAPACITY, Kind, LENGTHS, Round};
use crate::bench::cpu::median;
use crate::bench::machine;
use crate::cli::SCHEMA_VERSION;
use crate::report::comparison::{Bar, Comparison, Part};
use crate::report::outcome::Outcome;
use serde_json::{Value, json};
use std::fmt;

/// What the design asks for.
const THROUGHPUT_TO_FIXED: f64 = 0.98;
const HOP_TO_HAND: f64 = 1.3;

/// One way to run the pipeline, all rounds.
#[derive(Debug, Clone)]
struct Row {
    kind: Kind,
    work: Work,
    per_packet: f64,
    per_hop: f64,
    /// Packets per second, as many times as those of the fixed flow.
    throughput_to_fixed: f64,
    /// The cost of a hop, as many times as that of the one by hand.
    hop_to_hand: f64,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    rows: Vec<Row>,
    rounds: usize,
    facts: Vec<(String, String)>,
}

impl Report {
    pub(super) fn new(rounds: &[Round]) -> Self {
        let rows: Vec<Row> = Work::ALL
            .into_iter()
            .flat_map(|work| Kind::ALL.map(|kind| (work, kind)))
            .map(|(work, kind)| Row::of(work, kind, rounds))
            .collect();
        Self { rounds: rounds.len() / rows.len(), rows, facts: machine::facts() }
    }

    fn updatable(&self, work: Work) -> &Row {
        let found = self.rows.iter().find(|row| row.kind == Kind::Updatable && row.work == work);
        found.expect("every way is in the report")
    }

    /// What is asked for, the figure, and whether it is met.
    pub(super) fn targets(&self) -> [(String, f64, bool); 3] {
        let [idle, works] = [Work::Nothing, Work::Hash].map(|work| self.updatable(work));
        let throughput = |row: &Row| {
            let what =
                format!("packets per second, functions that {}: at least {THROUGHPUT_TO_FIXED} x fixed", row.work);
            (what, row.throughput_to_fixed, row.throughput_to_fixed >= THROUGHPUT_TO_FIXED)
        };
        let hop = format!("cost of a hop, functions that do nothing: at most {HOP_TO_HAND} x by hand");
        [throughput(idle), throughput(works), (hop, idle.hop_to_hand, idle.hop_to_hand <= HOP_TO_HAND)]
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let named = |(name, value): &(String, String)| json!({ "name": name, "value": value });
        let target = |(what, found, met): (String, f64, bool)| json!({ "what": what, "found": found, "met": met });
        json!({
            "schema_version": SCHEMA_VERSION,
            "rounds": self.rounds,
            "lengths": LENGTHS,
            "capacity": CAPACITY,
            "machine": self.facts.iter().map(named).collect::<Vec<_>>(),
            "targets": self.targets().into_iter().map(target).collect::<Vec<_>>(),
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }

    /// The page.
    pub fn html(&self) -> String {
        let part = |work: Work| Part {
            caption: format!("functions that {work}"),
            bars: self.rows.iter().filter(|row| row.work == work).map(Row::bar).collect(),
        };
        let met = self.targets().iter().filter(|(_, _, met)| *met).count();
        Comparison {
            title: "What a flow costs, and what it costs that it can be updated".into(),
            outcome: Outcome::aimed(met == self.targets().len()),
            sentence: format!("{met} of {} targets met", self.targets().len()),
            unit: "nanoseconds of CPU time per hop".into(),
            parts: Work::ALL.map(part).into(),
            charts: Vec::new(),
            facts: self.facts.clone(),
        }
        .html()
    }
}

impl Row {
    fn of(work: Work, kind: Kind, all: &[Round]) -> Self {
        let of = |kind: Kind| all.iter().filter(move |round| round.work == work && round.kind == kind);
        // The median of the ratios within each round, which drift less than their parts.
        let ratio = |a: Kind, b: Kind, value: fn(&Round) -> f64| {
            median(of(a).zip(of(b)).map(|(a, b)| value(a) / value(b)).collect())
        };
        Self {
            kind,
            work,
            per_packet: median(of(kind).map(|round| round.per_packet).collect()),
            per_hop: median(of(kind).map(|round| round.per_hop).collect()),
            throughput_to_fixed: ratio(Kind::Fixed, kind, |round| round.per_packet),
            hop_to_hand: ratio(kind, Kind::ByHand, |round| round.per_hop),
        }
    }

    fn json(&self) -> Value {
        json!({
            "functions": self.work.to_string(), "pipeline": self.kind.name(),
            "cpu_ns_per_packet": self.per_packet, "cpu_ns_per_hop": self.per_hop,
            "throughput_to_fixed": self.throughput_to_fixed, "hop_to_by_hand": self.hop_to_hand,
        })
    }

    fn bar(&self) -> Bar {
        let notes = format!("{:.2} of the throughput of fixed", self.throughput_to_fixed);
        Bar { name: self.kind.name().into(), value: self.per_hop, notes }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:12} {:10} {:>10} {:>8}", "functions", "pipeline", "ns/packet", "ns/hop")?;
        writeln!(f, " {:>18} {:>15}", "throughput x fixed", "hop x by hand")?;
        for row in &self.rows {
            write!(f, "{:12} {:10}", row.work.to_string(), row.kind.name())?;
            write!(f, " {:10.1} {:8.2}", row.per_packet, row.per_hop)?;
            writeln!(f, " {:18.2} {:15.2}", row.throughput_to_fixed, row.hop_to_hand)?;
        }
        writeln!(f)?;
        for (what, found, met) in self.targets() {
            writeln!(f, "{what}: {found:.2}, {}", if met { "met" } else { "not met" })?;
        }
        let [short, long] = LENGTHS;
        writeln!(
            f,
            "\nCPU time of one thread; {short} and {long} operators between source and sink, arcs of {CAPACITY}"
        )?;
        writeln!(f, "rounds: {}", self.rounds)?;
        for (name, value) in &self.facts {
            writeln!(f, "{name}: {value}")?;
        }
        Ok(())
    }
}
