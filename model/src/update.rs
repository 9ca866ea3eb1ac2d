//! An update as its author wrote it: which operators change, to what, and what becomes of their state.

use crate::flow::ComponentRef;
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
}

/// An update: a name, the guarantee asked for, and the operators it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// What it is called in messages, traces and the history.
    pub name: String,
    /// What it must guarantee.
    #[serde(default)]
    pub guarantee: Guarantee,
    /// The changes, by operator name.
    pub changes: BTreeMap<String, Change>,
}
