//! Properties that a user states of a flow: predicates over what happens to lineages at operators, as data.
//!
//! A lineage *is processed* at an operator when it begins there or when the operator's function fires for it. `L @ a` stands for that.

use serde::{Deserialize, Serialize};

/// A property with its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Property {
    /// What it is called in messages.
    pub name: String,
    /// What must be so.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What must be so. Operators are given by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// Nothing is processed at an operator, or nothing once an update has been applied there: never (L @ at, after u).
    Never {
        /// The operator.
        at: String,
        /// The update, by name.
        after: Option<String>,
    },
    /// A lineage is processed at an operator at most once: for all L, |L @ at| <= 1.
    Once {
        /// The operator.
        at: String,
    },
    /// A lineage that is processed at one operator is processed at another before it ends: L @ from leads to L @ to.
    Responds {
        /// Where it must lead from.
        from: String,
        /// Where it must lead to.
        to: String,
    },
    /// Lineages are first processed at one operator in the order in which they first were at another: if L @ from precedes M @ from,
    /// then M @ to does not precede L @ to.
    InOrder {
        /// Where the order comes from.
        from: String,
        /// Where it must be the same.
        to: String,
    },
    /// A lineage is processed at one operator only after it was at another: L @ from precedes L @ to.
    Before {
        /// What must be first.
        from: String,
        /// What must come later.
        to: String,
    },
    /// Between one operator and another there are never more than so many lineages: |{L : L @ from and not L @ to, L not ended}| <= limit.
    AtMost {
        /// Where they are counted in.
        from: String,
        /// Where they are counted out.
        to: String,
        /// How many there may be.
        limit: u32,
    },
}

impl Kind {
    /// What must be so, in a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Never { at, after: None } => format!("Nothing is processed at {at}."),
            Self::Never { at, after: Some(update) } => {
                format!("Nothing is processed at {at} once `{update}` has been applied there.")
            }
            Self::Once { at } => format!("A lineage is processed at {at} at most once."),
            Self::Responds { from, to } => {
                format!("A lineage that is processed at {from} is processed at {to} before it ends.")
            }
            Self::InOrder { from, to } => {
                format!("Lineages come to {to} in the order in which they were processed at {from}.")
            }
            Self::Before { from, to } => format!("A lineage is processed at {to} only after {from}."),
            Self::AtMost { from, to, limit } => {
                format!("There are never more than {limit} lineages that were processed at {from} and not yet at {to}.")
            }
        }
    }

    /// Whether the order of steps of different operators makes no difference to it, so that a reduced search decides it.
    pub fn is_insensitive(&self) -> bool {
        match self {
            Self::Never { .. } | Self::Once { .. } | Self::Responds { .. } | Self::InOrder { .. } => true,
            Self::Before { .. } | Self::AtMost { .. } => false,
        }
    }
}
