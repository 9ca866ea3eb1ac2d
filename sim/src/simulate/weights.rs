//! How often each kind of step, and each operator, has its turn in a run.

use neurath_model::choice::Choice;
use rand::{Rng, RngExt};

/// How much more often one kind of choice, or one operator, is taken than another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// By kind of choice, in the order of [`Choice::KINDS`].
    pub kinds: Vec<u32>,
    /// For a wake that lets a packet go and emits nothing, in place of the weight of wakes.
    pub drops: u32,
    /// By operator, those that updates bring in included.
    pub operators: Vec<u32>,
}

impl Weights {
    /// Each weight is drawn from 1, 3, 9 and 27, so that one may be far ahead of another. The end of the flow is rare,
    /// because little happens after it.
    pub fn draw(operators: usize, rng: &mut impl Rng) -> Self {
        let mut weight = || 3_u32.pow(rng.random_range(0..=3));
        let kinds = Choice::KINDS.iter().map(|kind| if *kind == "end" { 1 } else { weight() }).collect();
        Self { kinds, drops: weight(), operators: (0..operators).map(|_| weight()).collect() }
    }

    /// The weight of a choice. What the environment does has no operator to lag behind: it counts for an operator
    /// of middling speed.
    pub fn of(&self, choice: &Choice) -> u64 {
        let kind = match choice {
            Choice::Submit { .. } => self.kinds[0],
            Choice::End => self.kinds[1],
            Choice::Deliver { .. } => self.kinds[2],
            Choice::Fire { .. } => self.kinds[3],
            Choice::Join { .. } => self.kinds[4],
            Choice::Mark { .. } => self.kinds[5],
            Choice::Attach { .. } => self.kinds[6],
            Choice::Ended { .. } => self.kinds[7],
            Choice::Wake { emits, .. } if emits.is_empty() => self.drops,
            Choice::Wake { .. } => self.kinds[8],
        };
        u64::from(kind) * u64::from(choice.at().map_or(3, |at| self.operators[at.0 as usize]))
    }
}
