//! What a marker carries at run time: the deployment, new functions, built before the update was committed, and properties.
//!
//! One `Carried` is shared by all copies of an update's marker. Each operator takes out what is meant for it, at its
//! computation time, and notes how far the marker has come.

use crate::engine::crew::Berth;
use crate::function::{Properties, Runnable};
use neurath_model::component::Component;
use neurath_model::id::{OperatorId, PortIndex, PortSet};
use neurath_model::marker::Marker;
use neurath_model::program::{Deployment, Program};
use neurath_model::update::{StatePolicy, Update};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What is needed for an action, beyond what the deployment says.
pub(crate) enum PreparedAction {
    /// Go on with another function.
    Replace(Box<Replacement>),
    /// Take new values of properties.
    Configure(Properties),
    /// Nothing more.
    Rewire,
}

/// A function that is ready to take over.
pub(crate) struct Replacement {
    pub(crate) function: Box<dyn Runnable>,
    pub(crate) component: Arc<Component>,
    pub(crate) state: StatePolicy,
    /// Where it goes on, if not on the same thread.
    pub(crate) berth: Option<Berth>,
}

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

/// A marker and what it carries.
pub(crate) struct Carried {
    pub(crate) marker: Marker,
    pub(crate) update: Update,
    pub(crate) deployment: Deployment,
    prepared: BTreeMap<OperatorId, Mutex<Vec<Option<PreparedAction>>>>,
    applied: Mutex<Vec<(OperatorId, Instant)>>,
    stages: Mutex<BTreeMap<OperatorId, Stage>>,
    /// What was held up by its marker, as it began; ended when the marker has passed.
    waits: Mutex<Waits>,
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

impl Carried {
    pub(crate) fn new(
        update: Update,
        deployment: Deployment,
        prepared: BTreeMap<OperatorId, Vec<PreparedAction>>,
    ) -> Self {
        let slots = |list: Vec<PreparedAction>| Mutex::new(list.into_iter().map(Some).collect());
        Self {
            marker: Marker { update: deployment.update },
            update,
            deployment,
            prepared: prepared.into_iter().map(|(at, list)| (at, slots(list))).collect(),
            applied: Mutex::new(Vec::new()),
            stages: Mutex::new(BTreeMap::new()),
            waits: Mutex::default(),
        }
    }

    /// Takes what an action needs: it is performed once.
    pub(crate) fn take(&self, at: OperatorId, action: u16) -> PreparedAction {
        let mut slots = self.prepared[&at].lock().expect("not poisoned");
        slots[usize::from(action)].take().expect("S6: an update is applied at most once at each operator")
    }

    /// Notes that an operator has performed all its actions.
    pub(crate) fn note_applied(&self, at: OperatorId) {
        self.applied.lock().expect("not poisoned").push((at, Instant::now()));
    }

    /// When each operator was changed.
    pub(crate) fn applied(&self) -> Vec<(OperatorId, Instant)> {
        self.applied.lock().expect("not poisoned").clone()
    }

    /// Notes how far the marker has come at an operator.
    pub(crate) fn note(&self, at: OperatorId, stage: Stage) {
        let before = self.stages.lock().expect("not poisoned").insert(at, stage);
        // Most operators have one input, and are passed at once: nothing is held, and nothing noted.
        if before != Some(stage) && (before.is_some() || stage != Stage::Passed) {
            self.note_wait(at, stage);
        }
        if before != Some(stage) && stage == Stage::Passed && self.deployment.stopped.contains(&at) {
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

    /// What was held up, now that the update is answered.
    pub(crate) fn holds(&self, program: &Program, answered: Instant) -> Vec<Hold> {
        let waits = self.waits.lock().expect("not poisoned");
        let awaited = |at| self.deployment.orders(&program.operator(at).interface, at).awaited;
        waits.all.iter().flat_map(|wait| wait.holds(awaited(wait.at), answered)).collect()
    }

    /// How far the marker has come at each operator that it has reached.
    pub(crate) fn stages(&self) -> BTreeMap<OperatorId, Stage> {
        self.stages.lock().expect("not poisoned").clone()
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carried({:?}, {})", self.marker, self.update.name)
    }
}
