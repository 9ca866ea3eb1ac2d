//! `neurath bench scale`: what an update costs as the flow grows.
//!
//! ```text
//!   size, shape, scheduler:   validate -> start -> [ plan -> submit -> applied ] x rounds        idle: nothing on the arcs
//!   upstream, scheduler:      the same with all arcs full, the more of them before what changes  saturated
//!   the server of files:      submit -> applied, nobody asks for anything
//! ```
//!
//! Planning is measured apart: it happens before anything is held up. Two operators change, at a quarter and at the middle of the flow,
//! so that a scope lies between. All operators of an idle flow share one thread; of a saturated
//! one each has its own, since its sink is slow.
//!
//! What is not measured is a saturated flow of 100,000 operators: what lies on its arcs would have to be moved on by every operator
//! behind it before a marker from the source can arrive, which is the square of the size, whatever the runtime.

mod measure;
mod report;

pub use report::Report;
pub(in crate::bench) use report::time;

use neurath_model::diagnostic::Diagnostics;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Operators of the idle flows.
    operators: &'static [usize],
    /// Updates of each flow, by each scheduler.
    rounds: usize,
    /// What arcs of the saturated flows hold, and how many operators are before those that change.
    saturated: (usize, &'static [usize]),
    /// Updates of the idle server.
    server_rounds: usize,
}

impl Size {
    /// Up to 10,000 operators, in under a minute.
    pub const FAST: Self =
        Self { operators: &[10, 100, 1_000, 10_000], rounds: 5, saturated: (4, &[10, 30]), server_rounds: 40 };
    /// Up to 100,000 operators.
    pub const FULL: Self = Self {
        operators: &[10, 100, 1_000, 10_000, 100_000],
        rounds: 9,
        saturated: (4, &[10, 30, 100]),
        server_rounds: 200,
    };
}

/// Measures, telling what is under way.
pub fn measure(size: Size, tell: &mut dyn FnMut(&str)) -> Result<Report, Diagnostics> {
    let facts = super::machine::facts();
    let mut idle = Vec::new();
    for kind in super::flows::Kind::ALL {
        for &operators in size.operators {
            tell(&format!("idle {} of {operators} operators", kind.name()));
            idle.push(measure::idle(kind, operators, size.rounds)?);
        }
    }
    let mut saturated = Vec::new();
    let (capacity, upstream) = size.saturated;
    for &upstream in upstream {
        tell(&format!("saturated chain, {upstream} operators before those that change"));
        saturated.extend(measure::saturated(upstream, capacity, size.rounds)?);
    }
    tell("the server of files, idle");
    let server = measure::server(size.server_rounds)?;
    Ok(Report { idle, saturated, server, facts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_and_scheduler_is_measured() {
        let tiny = Size { operators: &[3, 30], rounds: 2, saturated: (2, &[3, 6]), server_rounds: 2 };
        let report = measure(tiny, &mut |_| {}).expect("measured");
        assert_eq!(report.idle.len(), 4);
        for flow in &report.idle {
            // Two steps of different layers have no one before both where a lineage comes by one packet only.
            let refused = |run: &&measure::Run| run.refused.is_some();
            let refused: Vec<&str> = flow.runs.iter().filter(refused).map(|run| run.scheduler.as_str()).collect();
            let two_layers = flow.kind == "layers" && flow.operators > 14;
            assert_eq!(refused, if two_layers { &["dependent"][..] } else { &[] }, "{flow:?}");
            let measured = |run: &measure::Run| run.refused.is_some() || run.micros.len() == 2;
            assert!(flow.runs.iter().all(measured), "{flow:?}");
            let epoch = flow.runs.iter().find(|run| run.scheduler == "epoch").expect("epoch is measured");
            // One for every arc, and one from the entrance.
            assert_eq!((epoch.scope, epoch.markers), (flow.operators, flow.arcs + 1), "{flow:?}");
        }
        let chain = &report.idle[1];
        let scoped = chain.runs.iter().find(|run| run.scheduler == "scoped").expect("scoped is measured");
        assert_eq!((scoped.scope, scoped.markers), (9, 9), "from a quarter to the middle of 30 operators: {chain:?}");
        assert_eq!(report.saturated.len(), 2 * measure::SATURATED.len());
        // All that was said can be read again.
        let json = report.json();
        assert_eq!(json["idle"].as_array().map(Vec::len), Some(4));
        let page = report.html();
        assert!(page.contains("scoped") && page.contains("<svg"), "{page}");
    }
}
