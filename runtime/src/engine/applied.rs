//! An update that was applied: what its submitter is told, and what is remembered of it.

use crate::engine::control::InFlight;
use crate::engine::passage::Hold;
use neurath_model::diagnostic::Diagnostics;
use neurath_model::graph::FlowGraph;
use neurath_model::id::{OperatorId, UpdateId};
use neurath_model::plan::Scheduler;
use neurath_model::program::Program;
use neurath_model::update::Update;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// An update that was applied.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its number.
    pub update: UpdateId,
    /// What it is called.
    pub name: String,
    /// How it travelled.
    pub scheduler: Scheduler,
    /// When it was submitted.
    pub submitted: Instant,
    /// When each operator was changed, in all shards; those that came in, when the update was submitted.
    pub operators: Vec<(String, Instant)>,
    /// Those of them that came in.
    pub came: Vec<String>,
    /// Those of them that went.
    pub went: Vec<String>,
    /// When the exit answered.
    pub answered: Instant,
    /// What it held up meanwhile, and when: ports at which its marker had come and was awaited elsewhere, operators that finished open
    /// work, sources that were stopped.
    pub holds: Vec<Hold>,
}

impl Applied {
    /// From submission to the last operator changed.
    pub fn to_last_operator(&self) -> Duration {
        let last = self.operators.iter().map(|(_, at)| *at).max();
        last.map_or(Duration::ZERO, |at| at.duration_since(self.submitted))
    }

    /// The same update as applied in one more shard: an operator is changed when it is changed in both.
    pub(crate) fn and_in(mut self, other: Self) -> Self {
        let mut there: BTreeMap<String, Instant> = other.operators.into_iter().collect();
        for (name, at) in &mut self.operators {
            *at = (*at).max(there.remove(name).unwrap_or(*at));
        }
        self.operators.sort_by_key(|(_, at)| *at);
        self.answered = self.answered.max(other.answered);
        self.holds.extend(other.holds);
        self
    }
}

/// An update that was applied, and the flow before and after it.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub(crate) number: UpdateId,
    pub(crate) update: Update,
    pub(crate) scheduler: Scheduler,
    pub(crate) before: FlowGraph,
    pub(crate) after: FlowGraph,
    pub(crate) took: Duration,
    pub(crate) changed: Vec<String>,
    pub(crate) came: Vec<String>,
    pub(crate) went: Vec<String>,
}

impl InFlight {
    /// What its submitter is told, now that all have said that they applied it.
    pub(crate) fn applied(&self, program: &Program) -> Applied {
        let deployment = &self.carried.deployment;
        let name = |at: OperatorId| program.operator(at).name.clone();
        let born = deployment.born.iter().map(|at| (name(*at), self.submitted));
        let changed = self.carried.applied().into_iter().map(|(at, when)| (name(at), when));
        let answered = Instant::now();
        Applied {
            update: self.carried.marker.update,
            name: self.carried.update.name.clone(),
            scheduler: self.plan.scheduler,
            submitted: self.submitted,
            operators: born.chain(changed).collect(),
            came: names(program, &deployment.born),
            went: names(program, &deployment.retired),
            answered,
            holds: self.carried.holds(program, answered),
        }
    }

    /// What is remembered of it, and who waits for the answer.
    pub(crate) fn into_past(
        self,
        applied: &Applied,
        program: &Program,
    ) -> (Past, mpsc::Sender<Result<Applied, Diagnostics>>) {
        let deployment = &self.carried.deployment;
        let went: BTreeSet<OperatorId> = deployment.retired.iter().copied().collect();
        let changed = deployment.changed().map(|(at, _)| at).filter(|at| !went.contains(at));
        let past = Past {
            number: applied.update,
            update: self.carried.update.clone(),
            scheduler: applied.scheduler,
            took: applied.answered.duration_since(applied.submitted),
            changed: changed.map(|at| program.operator(at).name.clone()).collect(),
            came: applied.came.clone(),
            went: applied.went.clone(),
            after: self.plan.after,
            before: self.before,
        };
        (past, self.waiting)
    }
}

fn names(program: &Program, operators: &[OperatorId]) -> Vec<String> {
    operators.iter().map(|at| program.operator(*at).name.clone()).collect()
}
