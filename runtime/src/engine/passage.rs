//! The passage of an update's marker: where it stands at each operator, and what it held up meanwhile.

use neurath_model::id::{OperatorId, PortIndex, PortSet};
use neurath_model::program::Deployment;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

/// Where a marker stands at an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has come, and is awaited at these ports too.
    Waits(PortSet),
    /// It has come everywhere, and open work is being finished.
    Finishes,
    /// It has passed.
    Passed,
}

/// Something that an update held up for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The operator.
    pub operator: OperatorId,
    /// The input port at which the marker had come and nothing behind it was taken; none for the operator as a whole.
    pub port: Option<PortIndex>,
    /// Since when.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
}

/// How far the marker has come where, as the operators note it.
#[derive(Debug)]
pub(crate) struct Passage {
    stages: Mutex<Stages>,
    /// What was held up by its marker, as it began; ended when the marker has passed.
    waits: Mutex<Waits>,
}

/// A stage for each operator that the marker has reached.
#[derive(Debug)]
struct Stages {
    /// Those of its scope, by their places there.
    scope: Vec<Option<Stage>>,
    /// Others, to which it comes on an arc that an earlier update takes away.
    others: BTreeMap<OperatorId, Stage>,
}

/// Why an operator waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The marker is awaited at these ports too.
    Awaits(PortSet),
    /// Open work is being finished.
    Finishes,
    /// It is a source that was stopped.
    Stopped,
}

#[derive(Debug)]
struct Wait {
    at: OperatorId,
    why: Why,
    since: Instant,
    until: Option<Instant>,
}

impl Wait {
    /// What it held, as long as it lasted; `awaited` are the ports at which the operator awaits the marker in all.
    fn holds(&self, awaited: PortSet, answered: Instant) -> Vec<Hold> {
        let hold = |port| Hold { operator: self.at, port, from: self.since, until: self.until.unwrap_or(answered) };
        match self.why {
            Why::Awaits(missing) => awaited.minus(missing).iter().map(|port| hold(Some(port))).collect(),
            Why::Finishes | Why::Stopped => vec![hold(None)],
        }
    }
}

/// All waits in the order in which they began, and which of them last.
#[derive(Debug, Default)]
struct Waits {
    all: Vec<Wait>,
    open: BTreeMap<OperatorId, usize>,
}

impl Waits {
    fn begin(&mut self, at: OperatorId, why: Why, now: Instant) {
        self.open.insert(at, self.all.len());
        self.all.push(Wait { at, why, since: now, until: None });
    }

    fn end(&mut self, at: OperatorId, now: Instant) {
        if let Some(open) = self.open.remove(&at) {
            self.all[open].until = Some(now);
        }
    }
}

impl Passage {
    /// Before the marker has come to any of so many operators in its scope.
    pub(crate) fn through(scope: usize) -> Self {
        let stages = Stages { scope: vec![None; scope], others: BTreeMap::new() };
        Self { stages: Mutex::new(stages), waits: Mutex::default() }
    }

    /// Notes how far the marker has come at an operator.
    pub(crate) fn note(&self, deployment: &Deployment, at: OperatorId, stage: Stage) {
        let before = self.enter(deployment.place(at), at, stage);
        // Most operators have one input, and are passed at once: nothing is held, and nothing noted.
        if before != Some(stage) && (before.is_some() || stage != Stage::Passed) {
            self.note_wait(at, stage);
        }
        if before != Some(stage) && stage == Stage::Passed && deployment.stopped.contains(&at) {
            self.note_stopped(at);
        }
    }

    fn note_wait(&self, at: OperatorId, stage: Stage) {
        let (now, mut waits) = (Instant::now(), self.waits.lock().expect("not poisoned"));
        waits.end(at, now);
        match stage {
            Stage::Waits(missing) => waits.begin(at, Why::Awaits(missing), now),
            Stage::Finishes => waits.begin(at, Why::Finishes, now),
            Stage::Passed => {}
        }
    }

    /// Notes that a source begins nothing until the update is answered.
    fn note_stopped(&self, at: OperatorId) {
        self.waits.lock().expect("not poisoned").begin(at, Why::Stopped, Instant::now());
    }

    /// Gives the stage before, if the marker had come there.
    fn enter(&self, place: Option<usize>, at: OperatorId, stage: Stage) -> Option<Stage> {
        let mut stages = self.stages.lock().expect("not poisoned");
        match place {
            Some(place) => stages.scope[place].replace(stage),
            None => stages.others.insert(at, stage),
        }
    }

    /// What was held up, now that the update is answered; `awaited` are the ports at which an operator awaits the marker.
    pub(crate) fn holds(&self, awaited: impl Fn(OperatorId) -> PortSet, answered: Instant) -> Vec<Hold> {
        let waits = self.waits.lock().expect("not poisoned");
        waits.all.iter().flat_map(|wait| wait.holds(awaited(wait.at), answered)).collect()
    }

    /// How far the marker has come at each operator of its scope that it has reached.
    pub(crate) fn stages(&self, deployment: &Deployment) -> BTreeMap<OperatorId, Stage> {
        let stages = self.stages.lock().expect("not poisoned");
        let stage = |at: &OperatorId| deployment.place(*at).and_then(|place| stages.scope[place]);
        deployment.scope.iter().filter_map(|at| Some((*at, stage(at)?))).collect()
    }
}
