//! What a marker carries at run time: new functions, built before the update was committed, and properties.
//!
//! One `Carried` is shared by all copies of an update's marker. Each operator takes out what is meant for it, at its
//! computation time, and notes when that was.

use crate::function::{Function, Properties};
use neurath_model::component::Component;
use neurath_model::id::OperatorId;
use neurath_model::marker::Marker;
use neurath_model::update::{StatePolicy, Update};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Instant;

/// An action, ready to be performed.
pub(crate) enum PreparedAction {
    /// Go on with another function.
    Replace(Box<Replacement>),
    /// Take new values of properties.
    Configure(Properties),
}

/// A function that is ready to take over.
pub(crate) struct Replacement {
    pub(crate) function: Box<dyn Function>,
    pub(crate) component: Component,
    pub(crate) state: StatePolicy,
}

/// A marker and what it carries.
pub(crate) struct Carried {
    pub(crate) marker: Marker,
    pub(crate) update: Update,
    actions: BTreeMap<OperatorId, Mutex<Vec<Option<PreparedAction>>>>,
    applied: Mutex<Vec<(OperatorId, Instant)>>,
}

impl Carried {
    pub(crate) fn new(marker: Marker, update: Update, actions: BTreeMap<OperatorId, Vec<PreparedAction>>) -> Self {
        let slots = |list: Vec<PreparedAction>| Mutex::new(list.into_iter().map(Some).collect());
        let actions = actions.into_iter().map(|(at, list)| (at, slots(list))).collect();
        Self { marker, update, actions, applied: Mutex::new(Vec::new()) }
    }

    /// How many actions it has for an operator.
    pub(crate) fn actions_for(&self, at: OperatorId) -> u16 {
        self.actions.get(&at).map_or(0, |slots| slots.lock().expect("not poisoned").len() as u16)
    }

    /// Takes an action out: it is performed once.
    pub(crate) fn take(&self, at: OperatorId, action: u16) -> PreparedAction {
        let mut slots = self.actions[&at].lock().expect("not poisoned");
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
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carried({:?}, {})", self.marker, self.update.name)
    }
}
