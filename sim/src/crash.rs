//! Crashes: what is left of an update when somebody dies in the middle of it, and what its submitter is told.
//!
//! ```text
//!   prepare -----> commit: the marker goes to its heads -----> applied, operator by operator -----> answered
//!   old program  |                       new program                                           | told `applied`
//!                '-- one moment under one lock: the step `Submit` of the world
//! ```
//!
//! *Which* program is left is decided at one place: the runtime's ledger takes an update in under its lock, and from that moment
//! its flow is the one after the update. The marker only carries out what was decided. So there are two answers, old and new, and
//! no third, wherever the operators are when the crash comes. Three can crash:
//!
//! * **The submitter.** Nothing of an update depends on it: the update goes on, the answer finds nobody, and who asks later is told.
//! * **An operator.** Its function panics. The flow has failed: this operator takes no further step, the others end within a few,
//!   and nothing is lost or doubled that anybody could see afterwards, for nothing runs. The ledger is still there, and says
//!   which program it holds; submitters that wait are told that the flow has failed.
//! * **The runtime.** The process is gone, with all that was in flight *and with the ledger*: a program is not kept anywhere else.
//!   The submitter finds its connection closed. A new process runs the flow that it is given.
//!
//! What has to agree: an update that was not committed is applied nowhere, one that is answered is applied everywhere, and up
//! to the crash no property is broken; a mix of old and new is never seen by a packet, or told to anybody. [`Crashing`] is
//! the system of all runs with a crash at any step, to be explored; the simulator draws some.
//!
//! The crash of an operator comes between two of its steps here. In a firing it is the same to everybody else, but that the packet
//! taken is gone.

mod system;
mod table;
#[cfg(test)]
mod tests;

pub use system::{Crashed, Crashing, Next};
pub use table::{Row, markdown, table};

use crate::instance::Instance;
use crate::system::Breach;
use crate::world::World;
use neurath_model::id::{OperatorId, UpdateId};
use rand::{Rng, RngExt};
use std::fmt;

/// The last step before which a crash is drawn.
const STEP_MAX: u64 = 64;

/// The most steps that others take after an operator has crashed.
const LINGER_MAX: u64 = 16;

/// Who crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// Who submitted the update, and waits for its answer.
    Submitter,
    /// An operator: its function panics.
    Operator(OperatorId),
    /// The process in which everything runs.
    Runtime,
}

/// A crash in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// Who crashes.
    pub who: Who,
    /// Before which step.
    pub step: u64,
    /// How many steps others still take, where an operator crashes.
    pub linger: u64,
}

/// Which program is left, as far as one update is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Program {
    /// The one before the update.
    Old,
    /// The one after it.
    New,
}

/// What becomes of the program that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It runs.
    Runs,
    /// Nothing runs any more, and who asks is told so; the ledger still holds the program.
    Failed,
    /// The process is gone, and the program with it.
    Gone,
}

/// What the submitter is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// That the update is applied.
    Applied,
    /// That the flow does not run any more (R05).
    Failed,
    /// That the runtime went away before it answered (R02).
    ConnectionLost,
    /// Nothing: it is not there. Who asks for the history later is told that the update is applied.
    Nobody,
}

/// What is left of an update after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Aftermath {
    /// Which program.
    pub program: Program,
    /// What becomes of it.
    pub fate: Fate,
    /// What the submitter is told.
    pub told: Told,
}

impl Crash {
    /// The crash of a run, for one in eight.
    pub(crate) fn draw(operators: usize, rng: &mut impl Rng) -> Option<Self> {
        if rng.random_range(0..8_u32) > 0 {
            return None;
        }
        let who = match rng.random_range(0..3_u32) {
            0 => Who::Submitter,
            1 => Who::Operator(OperatorId(rng.random_range(0..operators as u32))),
            _ => Who::Runtime,
        };
        Some(Self { who, step: rng.random_range(0..STEP_MAX), linger: rng.random_range(0..=LINGER_MAX) })
    }

    /// In words.
    pub(crate) fn describe(&self, instance: &Instance) -> String {
        let linger = match self.who {
            Who::Operator(_) => format!("; the others take up to {} more", self.linger),
            Who::Submitter | Who::Runtime => String::new(),
        };
        format!("of {} before step {}{linger}", self.who.describe(instance), self.step + 1)
    }
}

impl Who {
    /// In words.
    pub fn describe(self, instance: &Instance) -> String {
        match self {
            Self::Submitter => "the submitter".into(),
            Self::Operator(at) => instance.name(at).to_owned(),
            Self::Runtime => "the runtime".into(),
        }
    }
}

impl Aftermath {
    /// What a crash leaves of an update, where the world is as it was when everything had come to a stop. The submitter has sent
    /// its request: what it is told is the answer to that.
    pub fn of(world: &World, update: UpdateId, who: Who) -> Self {
        let is_committed = world.net.submitted >= update.0;
        let is_answered = is_committed && world.net.tallies[update.0 as usize - 1].is_answered();
        let program = if is_committed { Program::New } else { Program::Old };
        let told = |otherwise| if is_answered { Told::Applied } else { otherwise };
        match who {
            // The request has been read, so that the runtime goes on with it.
            Who::Submitter => Self { program: Program::New, fate: Fate::Runs, told: told(Told::Nobody) },
            Who::Operator(_) => Self { program, fate: Fate::Failed, told: told(Told::Failed) },
            Who::Runtime => Self { program, fate: Fate::Gone, told: told(Told::ConnectionLost) },
        }
    }
}

/// What does not agree in a world that has come to a stop: a property that was broken on the way, an update that has taken
/// effect somewhere though it was not committed, or not everywhere though it was answered.
pub fn disagreement(instance: &Instance, world: &World) -> Option<Breach> {
    if let Some(broken) = world.breaches.first() {
        return Some(broken.clone());
    }
    let told = instance.update_ids().find_map(|update| {
        let deployment = instance.update(update);
        // One that only goes performs no action: that it has gone is all there is to see.
        let acting = || deployment.changed().filter(|(_, acts)| !acts.is_empty()).map(|(at, _)| at);
        let changed = || acting().chain(deployment.born.iter().copied());
        let is_committed = world.net.submitted >= update.0;
        let is_answered = is_committed && world.net.tallies[update.0 as usize - 1].is_answered();
        let early = changed().find(|at| !is_committed && world.net.is_applied(*at, update));
        let early = early.map(|at| (at, "is applied, though it was not committed,"));
        let late = changed().find(|at| is_answered && !world.net.is_applied(*at, update));
        let late = late.map(|at| (at, "was answered before the crash, and is not applied"));
        let (at, what) = early.or(late)?;
        Some(format!("`{}` {what} at {}", deployment.name, instance.name(at)))
    });
    told.map(|story| Breach { property: "S6", story })
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Old => "old",
            Self::New => "new",
        })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applied => "applied",
            Self::Failed => "failed (R05)",
            Self::ConnectionLost => "connection lost (R02)",
            Self::Nobody => "nobody",
        })
    }
}
