//! An update as its author wrote it: which operators change, to what, and what becomes of their state; or the flow to
//! change to, from which the rest is found out.

use crate::flow::{ComponentRef, Flow};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What becomes of an operator's state when its function changes. There is no default: forgetting it must not decide it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatePolicy {
    /// The new function goes on with the old one's state; both must declare the same state type.
    Keep,
    /// The new function starts afresh; refused where the old one may hold open work.
    Reset,
    /// A declared transfer makes the new state from the old.
    Transfer(String),
}

impl fmt::Display for StatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep"),
            Self::Reset => f.write_str("reset"),
            Self::Transfer(name) => write!(f, "transfer {name}"),
        }
    }
}

/// What the submitter asks to be guaranteed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    /// S4: no lineage meets the old version of one changed operator and the new version of another.
    #[default]
    Serializability,
    /// S5: what happened before the update is closed under happened-before. Implies S4 on flows without splits that rejoin.
    CutConsistency,
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serializability => "serializability",
            Self::CutConsistency => "cut-consistency",
        })
    }
}

/// The change of one operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The component it runs from then on; `None` leaves the function and changes properties only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentRef>,
    /// Properties set from then on; the others keep their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Value>,
    /// What becomes of its state.
    pub state: StatePolicy,
    /// The operator whose state it takes over, for one that comes in while that one goes; `None` for its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What becomes of its state when the update is rolled back; where it is not said, the state is kept if its type is the
    /// same on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<StatePolicy>,
}

impl Change {
    /// Another component with that state policy.
    pub fn to(component: ComponentRef, state: StatePolicy) -> Self {
        Self { component: Some(component), properties: BTreeMap::new(), state, from: None, back: None }
    }

    /// Only a state policy: the rest is said elsewhere.
    pub fn of_state(state: StatePolicy) -> Self {
        Self { component: None, properties: BTreeMap::new(), state, from: None, back: None }
    }
}

/// An update: a name, the guarantee asked for, and the operators it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// What it is called in messages, traces and the history.
    pub name: String,
    /// What it must guarantee.
    #[serde(default)]
    pub guarantee: Guarantee,
    /// The changes, by operator name. With a flow to change to, they say what becomes of states, and no more.
    pub changes: BTreeMap<String, Change>,
    /// The whole flow to change to; `None` where only operators change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Flow>,
}

impl Update {
    /// An update that changes a flow into another.
    pub fn to_flow(name: impl Into<String>, flow: Flow) -> Self {
        Self { name: name.into(), guarantee: Guarantee::default(), changes: BTreeMap::new(), flow: Some(flow) }
    }
}
