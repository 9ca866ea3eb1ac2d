//! Placement: which operators share a thread. Operators do not know; it is chosen when a flow is started, and
//! those that updates bring in are placed by it too.

use std::fmt;
use std::str::FromStr;

/// A way to place operators on threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// A thread for each operator of the flow, as in the paper.
    #[default]
    ThreadEach,
    /// One thread for all.
    OneThread,
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThreadEach => "thread-each",
            Self::OneThread => "one-thread",
        })
    }
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "thread-each" => Ok(Self::ThreadEach),
            "one-thread" => Ok(Self::OneThread),
            other => Err(format!("`{other}` is not a placement; expected thread-each or one-thread")),
        }
    }
}
