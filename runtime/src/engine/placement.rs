//! Placement: which operators share a thread. Operators do not know; it is chosen when a flow is started.

use neurath_model::id::OperatorId;
use neurath_model::program::Program;
use std::fmt;
use std::str::FromStr;

/// A way to place operators on threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// A thread for each operator of the flow, as in the paper; entrance and exit share one.
    #[default]
    ThreadEach,
    /// One thread for all.
    OneThread,
}

impl Placement {
    /// The operators of each thread.
    pub fn threads(self, program: &Program) -> Vec<Vec<OperatorId>> {
        let all = program.operators().map(|(id, _)| id);
        match self {
            Self::OneThread => vec![all.collect()],
            Self::ThreadEach => {
                let outer = [program.entrance, program.exit];
                let each = all.filter(|id| !outer.contains(id)).map(|id| vec![id]);
                each.chain([outer.to_vec()]).collect()
            }
        }
    }
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
