//! Disturbances: what a machine does to a program now and then, without anybody being at fault.
//!
//! ```text
//!   step  0      10        30           60 calm
//!         ......[ load is slow         ]........    a run is disturbed at first, and then left in peace:
//!         ...........[ accept stalls ]..........    what has not come to its end by then must come to it now
//! ```
//!
//! A disturbance only takes steps away from what could be chosen. So a disturbed run is a run like any other, which can be
//! replayed, told and shrunk without it. Where everything that is open is disturbed, time passes: the step is taken all the same.
//!
//! A full arc is one whose capacity is smaller for some time. Its producer then has to wait with an output sooner. In the world
//! the output is on the arc and the producer is not chosen; nobody but the producer can tell the difference.

use super::stepping::some_or_all;
use crate::instance::Instance;
use crate::net::Net;
use neurath_model::choice::Choice;
use neurath_model::id::{ArcId, OperatorId};
use rand::{Rng, RngExt};

/// The most disturbances of a run.
const COUNT_MAX: u32 = 3;

/// The last step at which one may begin.
const BEGIN_MAX: u64 = 48;

/// The longest that one lasts, in steps.
const LENGTH_MAX: u64 = 64;

/// What goes on for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An operator has a step only now and then.
    Slow {
        /// The operator.
        at: OperatorId,
        /// One step in so many may be its.
        one_in: u64,
    },
    /// An arc holds less.
    Full {
        /// The arc.
        arc: ArcId,
        /// How many packets it holds.
        capacity: usize,
    },
    /// A source takes nothing in: it waits for I/O. Markers reach it all the same.
    Stalled {
        /// The source.
        at: OperatorId,
    },
}

/// A disturbance of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disturbance {
    /// What goes on.
    pub kind: Kind,
    /// The first step that it is felt at.
    pub begins: u64,
    /// The first step that it is not.
    pub ends: u64,
}

impl Disturbance {
    /// Draws the disturbances of a run, none for half of all runs.
    pub(super) fn draw_some(instance: &Instance, arcs_hold: usize, rng: &mut impl Rng) -> Vec<Self> {
        let count = if rng.random() { rng.random_range(1..=COUNT_MAX) } else { 0 };
        (0..count).map(|_| Self::draw(instance, arcs_hold, rng)).collect()
    }

    fn draw(instance: &Instance, arcs_hold: usize, rng: &mut impl Rng) -> Self {
        let operators = instance.program.operators().len() as u32;
        let arcs = instance.program.arcs().len() as u32;
        let at = OperatorId(rng.random_range(0..operators));
        let kind = match rng.random_range(0..3_u32) {
            0 => Kind::Slow { at, one_in: rng.random_range(2..=16) },
            1 if arcs > 0 => {
                let capacity = rng.random_range(0..arcs_hold as u32) as usize;
                Kind::Full { arc: ArcId(rng.random_range(0..arcs)), capacity }
            }
            _ => {
                let is_source = |at: &OperatorId| instance.program.operator(*at).interface.forward().is_empty();
                let all = (0..operators).map(OperatorId);
                let sources: Vec<OperatorId> = all.filter(is_source).collect();
                Kind::Stalled { at: sources[rng.random_range(0..sources.len())] }
            }
        };
        let begins = rng.random_range(0..BEGIN_MAX);
        Self { kind, begins, ends: begins + rng.random_range(1..=LENGTH_MAX) }
    }

    /// In words, with the operators' names.
    pub(super) fn describe(&self, instance: &Instance) -> String {
        let what = match self.kind {
            Kind::Slow { at, one_in } => format!("{} has one step in {one_in}", instance.name(at)),
            Kind::Full { arc, capacity } => {
                let arc = instance.program.arc(arc);
                let (from, to) = (instance.name(arc.from.operator), instance.name(arc.to.operator));
                format!("the arc from {from} to {to} holds {capacity}")
            }
            Kind::Stalled { at } => format!("{} stalls", instance.name(at)),
        };
        format!("steps {}..{}: {what}", self.begins, self.ends)
    }

    /// Whether it keeps a choice from being taken at a step.
    fn forbids(&self, instance: &Instance, net: &Net, step: u64, choice: &Choice) -> bool {
        if !(self.begins..self.ends).contains(&step) {
            return false;
        }
        match self.kind {
            Kind::Slow { at, one_in } => choice.at() == Some(at) && !step.is_multiple_of(one_in),
            Kind::Full { arc, capacity } => {
                let producer = instance.program.arc(arc).from.operator;
                let waits = |queue: &crate::net::Queue| {
                    let bounded = queue.to.is_some_and(|to| !instance.program.is_feedback(to));
                    bounded && queue.packets() > capacity
                };
                choice.at() == Some(producer) && net.arcs.get(arc.0 as usize).is_some_and(|queue| waits(queue))
            }
            Kind::Stalled { at } => choice.at() == Some(at) && matches!(choice, Choice::Wake { .. }),
        }
    }
}

/// The step from which on a run is left in peace.
pub(super) fn calm_from(disturbances: &[Disturbance]) -> u64 {
    disturbances.iter().map(|d| d.ends).max().unwrap_or(0)
}

/// Moves to the front those of the open choices that are not disturbed, and says how many they are; all where none is.
pub(super) fn undisturbed(
    disturbances: &[Disturbance],
    instance: &Instance,
    net: &Net,
    open: &mut [Choice],
    step: u64,
) -> usize {
    some_or_all(open, |choice| !disturbances.iter().any(|d| d.forbids(instance, net, step, choice)))
}
