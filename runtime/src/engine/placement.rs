//! Placement: which operators share a thread. Operators do not know; it is chosen when a flow is started, and
//! those that updates bring in are placed by it too.
//!
//! ```text
//!   a place is said (property PLACE)     with all others of that place
//!   fused         blocking components    each on a thread of its own
//!                 all others             on one thread
//!   thread-each                          each on a thread of its own, as in the paper
//!   one-thread                           on one thread
//! ```
//!
//! An update that gives an operator another place, or a component that blocks in place of one that does not, moves it: its function is
//! taken out on the one thread, and the next one is started on the other.

use neurath_model::component::PLACE;
use neurath_model::graph::Node;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// A way to place operators on threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// One thread for all operators but those whose components block, which have threads of their own.
    #[default]
    Fused,
    /// A thread for each operator of the flow, as in the paper.
    ThreadEach,
    /// One thread for all.
    OneThread,
}

/// Where an operator runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Home {
    /// On a thread of its own.
    Own,
    /// On the thread of that place; the one without a name is where all are that nothing is said of.
    Shared(String),
}

impl Placement {
    /// Where an operator runs.
    pub(crate) fn home(self, node: &Node) -> Home {
        let place = node.properties.get(PLACE).and_then(Value::as_str).unwrap_or_default();
        match self {
            _ if !place.is_empty() => Home::Shared(place.to_owned()),
            Self::ThreadEach => Home::Own,
            Self::Fused if node.component.blocking => Home::Own,
            Self::Fused | Self::OneThread => Home::Shared(String::new()),
        }
    }
}

/// As it is told behind an operator's name: nothing for the thread that most are on.
impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str(", on a thread of its own"),
            Self::Shared(place) if place.is_empty() => Ok(()),
            Self::Shared(place) => write!(f, ", at place {place}"),
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fused => "fused",
            Self::ThreadEach => "thread-each",
            Self::OneThread => "one-thread",
        })
    }
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fused" => Ok(Self::Fused),
            "thread-each" => Ok(Self::ThreadEach),
            "one-thread" => Ok(Self::OneThread),
            other => Err(format!("`{other}` is not a placement; expected fused, thread-each or one-thread")),
        }
    }
}
