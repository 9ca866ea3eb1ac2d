//! Step schedulers: who has the next step, of those that could take one.
//!
//! | step scheduler | whose step is next |
//! |---|---|
//! | weighted | anybody's, by [weights](super::Weights) |
//! | priorities | that of the first in an order drawn for the run; at some steps, drawn too, the first becomes the last |
//! | longest queue | that of the operator with most before it, three times out of four |
//! | starving | anybody's but one operator's, who has a step only where nobody else has one |
//!
//! The second is probabilistic concurrency testing (PCT; Burckhardt et al., ASPLOS 2010): a mistake that shows when a few steps
//! come in a certain order is met with a chance that does not vanish as runs grow longer. Within what a step scheduler leaves
//! open, the step is drawn by weight.

use crate::net::Net;
use neurath_model::choice::Choice;
use neurath_model::id::OperatorId;
use neurath_model::program::Feed;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

/// The last step at which a priority may change.
const CHANGE_MAX: u64 = 96;

/// The most changes of priority in a run.
const CHANGES_MAX: usize = 4;

/// Who has the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepping {
    /// Anybody, by weight.
    Weighted,
    /// The first in an order that changes at some steps.
    Priorities {
        /// The order at first: the environment is number 0, an operator its id and one.
        order: Vec<u32>,
        /// The steps at which the one that has it goes to the end of the order, ascending.
        changes: Vec<u64>,
    },
    /// The operator with the most before it.
    LongestQueue,
    /// Anybody but one operator.
    Starving(OperatorId),
}

impl Stepping {
    /// One half of the runs are weighted.
    pub(super) fn draw(operators: usize, rng: &mut impl Rng) -> Self {
        match rng.random_range(0..6_u32) {
            0..3 => Self::Weighted,
            3 => {
                let mut order: Vec<u32> = (0..=operators as u32).collect();
                order.shuffle(rng);
                let count = rng.random_range(0..=CHANGES_MAX as u32);
                let mut changes: Vec<u64> = (0..count).map(|_| rng.random_range(0..CHANGE_MAX)).collect();
                changes.sort_unstable();
                Self::Priorities { order, changes }
            }
            4 => Self::LongestQueue,
            _ => Self::Starving(OperatorId(rng.random_range(0..operators as u32))),
        }
    }

    /// In words, with the operators' names.
    pub(super) fn describe(&self, names: &[String]) -> String {
        let name = |who: &u32| match who.checked_sub(1) {
            None => "environment",
            Some(at) => &names[at as usize],
        };
        match self {
            Self::Weighted => "by weight".into(),
            Self::Priorities { order, changes } => {
                let order: Vec<&str> = order.iter().map(name).collect();
                let changes: Vec<String> = changes.iter().map(u64::to_string).collect();
                let changes =
                    if changes.is_empty() { "none".into() } else { format!("after steps {}", changes.join(", ")) };
                format!("by priority ({}), changes {changes}", order.join(", "))
            }
            Self::LongestQueue => "longest queue first".into(),
            Self::Starving(at) => format!("{} starves", names[at.0 as usize]),
        }
    }
}

/// How far a run's step scheduler is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    order: Vec<u32>,
    changes: usize,
}

impl Turns {
    /// Begins a run.
    pub(super) fn begin(&mut self, stepping: &Stepping) {
        self.changes = 0;
        self.order.clear();
        if let Stepping::Priorities { order, .. } = stepping {
            self.order.extend(order);
        }
    }

    /// Moves to the front those of the open choices that may be next, and says how many they are: at least one.
    pub(super) fn narrow(
        &mut self,
        stepping: &Stepping,
        net: &Net,
        open: &mut [Choice],
        step: u64,
        rng: &mut impl Rng,
    ) -> usize {
        match stepping {
            Stepping::Weighted => open.len(),
            Stepping::Priorities { changes, .. } => self.first_in_order(changes, open, step),
            Stepping::LongestQueue if rng.random_range(0..4_u32) == 0 => open.len(),
            Stepping::LongestQueue => {
                let waits = |choice: &Choice| choice.at().map_or(0, |at| before(net, at));
                let most = open.iter().map(waits).max().unwrap_or(0);
                front(open, |choice| waits(choice) == most)
            }
            Stepping::Starving(starved) => some_or_all(open, |choice| choice.at() != Some(*starved)),
        }
    }

    fn first_in_order(&mut self, changes: &[u64], open: &mut [Choice], step: u64) -> usize {
        let place = |order: &[u32], choice: &Choice| {
            let who = choice.at().map_or(0, |at| at.0 + 1);
            order.iter().position(|other| *other == who).expect("everybody has a place")
        };
        let first = open.iter().map(|choice| place(&self.order, choice)).min().unwrap_or(0);
        let count = front(open, |choice| place(&self.order, choice) == first);
        if changes.get(self.changes).is_some_and(|at| *at <= step) {
            self.changes += 1;
            let lowered = self.order.remove(first);
            self.order.push(lowered);
        }
        count
    }
}

/// How much stands before an operator: on its arcs, and mail.
fn before(net: &Net, at: OperatorId) -> usize {
    let cell = net.cell(at);
    let arcs = cell.inputs.iter().filter_map(|feed| match feed {
        Feed::Arc(arc) => Some(net.arc(*arc).items.len()),
        Feed::Expects(_) | Feed::Vacant => None,
    });
    arcs.sum::<usize>() + cell.mail.len()
}

/// Moves to the front what is wanted, in its order, and says how much that is.
pub(super) fn front(open: &mut [Choice], wanted: impl Fn(&Choice) -> bool) -> usize {
    let mut count = 0;
    for i in 0..open.len() {
        if wanted(&open[i]) {
            open.swap(count, i);
            count += 1;
        }
    }
    count
}

/// The same; where nothing is wanted, all of it.
pub(super) fn some_or_all(open: &mut [Choice], wanted: impl Fn(&Choice) -> bool) -> usize {
    match front(open, wanted) {
        0 => open.len(),
        count => count,
    }
}
