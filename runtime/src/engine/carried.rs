//! What a marker carries at run time: the deployment, new functions, built before the update was committed, and properties.
//!
//! One `Carried` is shared by all copies of an update's marker. Each operator takes out what is meant for it, at its
//! computation time, and notes how far the marker has come ([`passage`](super::passage)).

use crate::engine::crew::Berth;
use crate::engine::passage::{Hold, Passage, Stage};
use crate::function::{Properties, Runnable};
use neurath_model::component::Component;
use neurath_model::id::OperatorId;
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

/// A marker and what it carries.
pub(crate) struct Carried {
    pub(crate) marker: Marker,
    pub(crate) update: Update,
    pub(crate) deployment: Deployment,
    prepared: BTreeMap<OperatorId, Mutex<Vec<Option<PreparedAction>>>>,
    applied: Mutex<Vec<(OperatorId, Instant)>>,
    passage: Passage,
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
            passage: Passage::through(deployment.scope.len()),
            deployment,
            prepared: prepared.into_iter().map(|(at, list)| (at, slots(list))).collect(),
            applied: Mutex::new(Vec::new()),
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
        self.passage.note(&self.deployment, at, stage);
    }

    /// What was held up, now that the update is answered.
    pub(crate) fn holds(&self, program: &Program, answered: Instant) -> Vec<Hold> {
        let awaited = |at| self.deployment.orders(&program.operator(at).interface, at).awaited;
        self.passage.holds(awaited, answered)
    }

    /// How far the marker has come at each operator of its scope that it has reached.
    pub(crate) fn stages(&self) -> BTreeMap<OperatorId, Stage> {
        self.passage.stages(&self.deployment)
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carried({:?}, {})", self.marker, self.update.name)
    }
}
