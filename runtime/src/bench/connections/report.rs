//! What was held: a table, data, and a page.

use super::Round;
use super::servers::Kind;
use crate::bench::cpu::median;
use crate::cli::SCHEMA_VERSION;
use crate::report::outcome::Outcome;
use crate::report::study::{Part, Study, Table};
use serde_json::{Value, json};
use std::fmt;

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    pub(super) connections: usize,
    pub(super) rounds: Vec<Round>,
    /// Who could not be measured, and why.
    pub(super) skipped: Vec<(String, String)>,
    pub(super) facts: Vec<(String, String)>,
}

/// The rounds of one server.
struct Of<'a> {
    kind: Kind,
    connections: usize,
    rounds: Vec<&'a Round>,
}

impl Of<'_> {
    fn middle(&self, value: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| value(round)).collect())
    }

    fn sum(&self, value: impl Fn(&Round) -> u64) -> u64 {
        self.rounds.iter().map(|round| value(round)).sum()
    }

    fn memory_mb(&self, moment: usize) -> f64 {
        self.middle(|round| round.memory_kb[moment] as f64 / 1024.0)
    }

    /// For a connection that is held.
    fn bytes_each(&self) -> f64 {
        let more = |round: &Round| round.memory_kb[1] as f64 - round.memory_kb[0] as f64;
        self.middle(|round| more(round) * 1024.0 / self.connections as f64)
    }

    /// Milliseconds without held connections, and with.
    fn took_ms(&self, held: usize) -> f64 {
        median(self.rounds.iter().flat_map(|round| round.took_ms[held].clone()).collect())
    }

    fn json(&self) -> Value {
        json!({
            "server": self.kind.name(),
            "rounds": self.rounds.len(),
            "memory_mb": { "started": self.memory_mb(0), "held": self.memory_mb(1), "changed": self.memory_mb(2) },
            "bytes_per_connection": self.bytes_each(),
            "changes": self.sum(|round| round.took_ms[1].len() as u64),
            "took_ms": { "idle_none_held": self.took_ms(0), "loaded_held": self.took_ms(1) },
            "others": { "answered": self.sum(|r| r.answered), "failed": self.sum(|r| r.faults.count()) },
            "held": {
                "answered": self.sum(|round| round.again.answered),
                "closed": self.sum(|round| round.again.closed),
                "wrong": self.sum(|round| round.again.wrong),
            },
        })
    }

    fn memory_row(&self) -> Vec<String> {
        vec![
            self.kind.name().into(),
            format!("{:.1}", self.memory_mb(0)),
            format!("{:.1}", self.memory_mb(1)),
            format!("{:.1}", self.memory_mb(2)),
            format!("{:.0}", self.bytes_each()),
        ]
    }

    fn change_row(&self) -> Vec<String> {
        vec![
            self.kind.name().into(),
            self.sum(|round| round.took_ms[1].len() as u64).to_string(),
            format!("{:.2}", self.took_ms(0)),
            format!("{:.2}", self.took_ms(1)),
            self.sum(|round| round.answered).to_string(),
            self.sum(|round| round.faults.count()).to_string(),
            self.sum(|round| round.again.answered).to_string(),
            self.sum(|round| round.again.closed).to_string(),
            self.sum(|round| round.again.wrong).to_string(),
        ]
    }
}

impl Report {
    /// Whether our server was measured in every round, kept every connection, and failed no request.
    pub fn passed(&self) -> bool {
        let ours: Vec<&Round> = self.rounds.iter().filter(|round| round.kind == Kind::Ours).collect();
        let is_clean = |round: &&Round| {
            round.faults.count() == 0 && round.answered > 0 && round.again.answered == self.connections as u64
        };
        let is_skipped = self.skipped.iter().any(|(who, _)| who == Kind::Ours.name());
        !is_skipped && !ours.is_empty() && ours.iter().all(is_clean)
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        json!({
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed(),
            "connections": self.connections,
            "machine": self.facts.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
            "servers": self.servers().iter().map(Of::json).collect::<Vec<_>>(),
            "skipped": self.skipped.iter().map(|(who, why)| json!({ "who": who, "why": why })).collect::<Vec<_>>(),
        })
    }

    /// The page.
    pub fn html(&self) -> String {
        self.study().html()
    }

    fn servers(&self) -> Vec<Of<'_>> {
        let of = |kind| Of {
            kind,
            connections: self.connections,
            rounds: self.rounds.iter().filter(|round| round.kind == kind).collect(),
        };
        Kind::ALL.map(of).into_iter().filter(|of| !of.rounds.is_empty()).collect()
    }

    fn study(&self) -> Study {
        let servers = self.servers();
        let sentence = match servers.iter().find(|of| of.kind == Kind::Ours) {
            None => "our server was not measured".to_owned(),
            Some(ours) => format!(
                "{} connections held through {} updates: {} answered again, {} closed, {} wrong; {:.0} bytes each",
                ours.sum(|_| self.connections as u64),
                ours.sum(|round| round.took_ms[1].len() as u64),
                ours.sum(|round| round.again.answered),
                ours.sum(|round| round.again.closed),
                ours.sum(|round| round.again.wrong),
                ours.bytes_each()
            ),
        };
        let skipped: String = self.skipped.iter().map(|(who, why)| format!(" Skipped: {who}, {why}.")).collect();
        Study {
            title: "Connections held while the server changes".into(),
            outcome: Outcome::of(self.passed()),
            sentence,
            parts: vec![self.memory(&servers), self.changes(&servers, &skipped)],
            facts: self.facts.clone(),
        }
    }
}

impl Report {
    fn memory(&self, servers: &[Of<'_>]) -> Part {
        Part {
            caption: format!("Memory, with {} connections held", self.connections),
            picture: None,
            table: Table {
                columns: vec!["server", "MB started", "MB held", "MB changed", "bytes for each"],
                rows: servers.iter().map(Of::memory_row).collect(),
            },
            note: "What the serving process has for itself, without the kernel's part of its sockets. After a reload, nginx is \
                   another worker; after its updates, ours has caches and remembers the updates."
                .into(),
        }
    }

    fn changes(&self, servers: &[Of<'_>], skipped: &str) -> Part {
        let columns = vec![
            "server",
            "changes",
            "ms, idle",
            "ms, held, loaded",
            "others' requests",
            "failed",
            "held, answered again",
            "closed",
            "wrong",
        ];
        Part {
            caption: "Changes while they are held".into(),
            picture: None,
            table: Table { columns, rows: servers.iter().map(Of::change_row).collect() },
            note: format!(
                "Ours is updated, nginx told to reload. A change is timed on an idle server with none held, and on one under \
                 load with all.{skipped}"
            ),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.study().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::held::Again;
    use super::*;
    use crate::bench::serve::client::Faults;

    fn round(kind: Kind, again: Again, cut: u64) -> Round {
        Round {
            kind,
            memory_kb: [1024, 2048, 3072],
            took_ms: [vec![1.0], vec![2.0]],
            answered: 9,
            faults: Faults { cut, ..Faults::default() },
            again,
        }
    }

    fn report(rounds: Vec<Round>, skipped: &[&str]) -> Report {
        let skipped = skipped.iter().map(|who| ((*who).to_owned(), "why".to_owned())).collect();
        Report { connections: 512, rounds, skipped, facts: Vec::new() }
    }

    const ALL: Again = Again { answered: 512, closed: 0, wrong: 0 };
    const ONE_CLOSED: Again = Again { answered: 511, closed: 1, wrong: 0 };

    #[test]
    fn only_what_becomes_of_our_connections_decides() {
        let ours = |again, cut| vec![round(Kind::Ours, ALL, 0), round(Kind::Ours, again, cut)];
        assert!(report(ours(ALL, 0), &["nginx"]).passed());
        assert!(report([ours(ALL, 0), vec![round(Kind::Nginx, ONE_CLOSED, 5)]].concat(), &[]).passed());
        assert!(!report(ours(ONE_CLOSED, 0), &[]).passed());
        assert!(!report(ours(ALL, 1), &[]).passed());
        assert!(!report(ours(ALL, 0), &["ours"]).passed(), "a round of ours could not be measured to its end");
        assert!(!report(vec![round(Kind::Nginx, ALL, 0)], &["ours"]).passed());
    }

    #[test]
    fn what_a_connection_takes_up_is_the_difference_over_all_of_them() {
        let value = report(vec![round(Kind::Ours, ALL, 0)], &["nginx"]).json();
        assert_eq!(value["servers"][0]["bytes_per_connection"], 2048.0);
        assert_eq!(value["skipped"][0]["who"], "nginx");
    }
}
