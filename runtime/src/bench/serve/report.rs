//! What was measured: a table, data, and a page with bars.

use super::client::Faults;
use super::load::Load;
use super::servers::Kind;
use super::{Round, faults};
use crate::bench::cpu::median;
use crate::cli::SCHEMA_VERSION;
use crate::report::comparison::{Bar, Comparison, Part};
use crate::report::outcome::Outcome;
use serde_json::{Value, json};
use std::fmt;

/// One server under one load, all rounds.
#[derive(Debug, Clone)]
struct Row {
    server: String,
    load: &'static str,
    /// Requests per second: the least, the median, the most.
    per_second: [f64; 3],
    to_nginx: Option<f64>,
    to_limit: Option<f64>,
    p50_us: f64,
    p99_us: f64,
    /// CPU time of the server for a request, in microseconds.
    cpu_us: Option<f64>,
    /// The same, of the limit for one of this server: what this one adds is what it costs to be more than the least.
    cpu_to_limit: Option<f64>,
    /// The share of the time in which the server had a core: well below one core, either others took it or the clients were too slow.
    busy: Option<f64>,
    answered: u64,
    compared: u64,
    faults: Faults,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    rows: Vec<Row>,
    rounds: usize,
    /// Servers that could not be measured, and why.
    skipped: Vec<(String, String)>,
    facts: Vec<(String, String)>,
}

impl Report {
    pub(super) fn new(
        loads: &[Load],
        rounds: &[Round],
        skipped: Vec<(String, String)>,
        facts: Vec<(String, String)>,
    ) -> Self {
        let cells = loads.iter().flat_map(|load| Kind::ALL.map(|server| (load.name, server)));
        let of = |(load, server)| rounds.iter().filter(move |r: &&Round| r.load == load && r.server == server);
        let cells: Vec<Vec<&Round>> = cells.map(|cell| of(cell).collect()).filter(|c: &Vec<_>| !c.is_empty()).collect();
        let rows = cells.iter().map(|cell| Row::of(cell, rounds)).collect();
        let rounds = cells.first().map_or(0, Vec::len);
        Self { rows, rounds, skipped, facts }
    }

    /// Whether every request was answered rightly, there were some, and none of our servers was skipped.
    pub fn passed(&self) -> bool {
        let mut ours = Kind::ALL.into_iter().filter(|kind| kind.is_ours()).map(Kind::name);
        let is_skipped = ours.any(|name| self.skipped.iter().any(|(who, _)| *who == name));
        !is_skipped && !self.rows.is_empty() && self.rows.iter().all(|row| row.faults.count() == 0 && row.answered > 0)
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let named = |(name, value): &(String, String)| json!({ "name": name, "value": value });
        json!({
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed(),
            "rounds": self.rounds,
            "machine": self.facts.iter().map(named).collect::<Vec<_>>(),
            "skipped": self.skipped.iter().map(|(who, why)| json!({ "server": who, "why": why })).collect::<Vec<_>>(),
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }

    /// The page.
    pub fn html(&self) -> String {
        let mut parts: Vec<Part> = Vec::new();
        for row in &self.rows {
            if parts.last().is_none_or(|part| part.caption != row.load) {
                parts.push(Part { caption: row.load.into(), bars: Vec::new() });
            }
            parts.last_mut().expect("just pushed").bars.push(row.bar());
        }
        let sentence = format!("{} requests answered, {} failed", self.answered(), self.failed());
        Comparison {
            title: "Servers of files under saturating load".into(),
            outcome: Outcome::of(self.passed()),
            sentence,
            unit: "requests per second".into(),
            parts,
            charts: Vec::new(),
            facts: [self.facts.clone(), self.skipped.clone()].concat(),
        }
        .html()
    }

    fn answered(&self) -> u64 {
        self.rows.iter().map(|row| row.answered).sum()
    }

    fn failed(&self) -> u64 {
        self.rows.iter().map(|row| row.faults.count()).sum()
    }
}

impl Row {
    /// `cell` holds the rounds of one server under one load.
    fn of(cell: &[&Round], all: &[Round]) -> Self {
        let (server, load) = (cell[0].server, cell[0].load);
        let mut rates: Vec<f64> = cell.iter().map(|round| rate(round)).collect();
        rates.sort_by(f64::total_cmp);
        let middle = |value: &dyn Fn(&Round) -> f64| median(cell.iter().map(|round| value(round)).collect());
        let percentile = |q| middle(&|round| round.seen.latency_us.value_at_quantile(q) as f64);
        let known = |value: f64| Some(value).filter(|value| value.is_finite());
        Self {
            server: server.name(),
            load,
            per_second: [rates[0], median(rates.clone()), rates[rates.len() - 1]],
            to_nginx: ratio(cell, all, Kind::Nginx, rate),
            to_limit: ratio(cell, all, Kind::Limit, rate),
            p50_us: percentile(0.5),
            p99_us: percentile(0.99),
            cpu_us: known(middle(&cpu_us)),
            cpu_to_limit: ratio(cell, all, Kind::Limit, cpu_us),
            busy: known(middle(&|round| round.cpu.unwrap_or(f64::NAN) / round.seen.seconds)),
            answered: cell.iter().map(|round| round.seen.answered).sum(),
            compared: cell.iter().map(|round| round.seen.compared).sum(),
            faults: faults(cell.iter().copied()),
        }
    }

    fn json(&self) -> Value {
        let [least, middle, most] = self.per_second;
        let Faults { refused, cut, status, length, body, stalled } = self.faults;
        json!({
            "server": self.server, "load": self.load,
            "per_second": { "min": least, "median": middle, "max": most },
            "to_nginx": self.to_nginx, "to_limit": self.to_limit,
            "p50_us": self.p50_us, "p99_us": self.p99_us, "server_cpu_us_per_request": self.cpu_us,
            "server_cpu_to_limit": self.cpu_to_limit, "server_busy": self.busy,
            "answered": self.answered, "compared": self.compared,
            "faults": {
                "refused": refused, "cut": cut, "status": status, "length": length, "body": body, "stalled": stalled,
            },
        })
    }

    fn bar(&self) -> Bar {
        let notes = format!(
            "{} of nginx, {} of the limit; p50 {:.2} ms, p99 {:.2} ms",
            times(self.to_nginx),
            times(self.to_limit),
            self.p50_us / 1000.0,
            self.p99_us / 1000.0
        );
        Bar { name: self.server.clone(), value: self.per_second[1], notes }
    }
}

fn rate(round: &Round) -> f64 {
    round.seen.answered as f64 / round.seen.seconds.max(1e-9)
}

/// CPU time of the server for a request, in microseconds.
fn cpu_us(round: &Round) -> f64 {
    round.cpu.map_or(f64::NAN, |cpu| cpu * 1e6 / round.seen.answered.max(1) as f64)
}

/// The median of the ratios within each round, which drift less than their parts.
fn ratio(cell: &[&Round], all: &[Round], to: Kind, value: fn(&Round) -> f64) -> Option<f64> {
    let peers = all.iter().filter(|round| round.load == cell[0].load && round.server == to);
    let ratios: Vec<f64> = cell.iter().zip(peers).map(|(own, peer)| value(own) / value(peer)).collect();
    Some(median(ratios)).filter(|ratio| ratio.is_finite())
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:10} {:24} {:>10} {:>15}", "load", "server", "req/s", "min-max")?;
        write!(f, " {:>8} {:>8} {:>8} {:>8}", "x nginx", "x limit", "p50 ms", "p99 ms")?;
        writeln!(f, " {:>8} {:>8} {:>7} {:>7}", "CPU us", "x limit", "busy", "failed")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        for (who, why) in &self.skipped {
            writeln!(f, "{who} was not measured: {why}")?;
        }
        let compared: u64 = self.rows.iter().map(|row| row.compared).sum();
        writeln!(
            f,
            "\n{} requests answered, {compared} bodies compared, {} failed; rounds: {}",
            self.answered(),
            self.failed(),
            self.rounds
        )?;
        for (name, value) in &self.facts {
            writeln!(f, "{name}: {value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [least, middle, most] = self.per_second;
        let (load, server, spread) = (self.load, &self.server, format!("{least:.0}-{most:.0}"));
        write!(f, "{load:10} {server:24} {middle:10.0} {spread:>15}")?;
        write!(f, " {:>8} {:>8}", times(self.to_nginx), times(self.to_limit))?;
        write!(f, " {:8.2} {:8.2}", self.p50_us / 1000.0, self.p99_us / 1000.0)?;
        let cpu = self.cpu_us.map_or("-".into(), |us| format!("{us:.1}"));
        let busy = self.busy.map_or("-".into(), |share| format!("{:.0}%", share * 100.0));
        write!(f, " {cpu:>8} {:>8} {busy:>7} {:7}", times(self.cpu_to_limit), self.faults.count())
    }
}
