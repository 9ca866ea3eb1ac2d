//! A set of updates as bits, for what properties remember of packets and operators.

use neurath_model::id::UpdateId;

/// Updates 1 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct UpdateSet(u64);

impl UpdateSet {
    /// No update.
    pub const EMPTY: Self = Self(0);

    fn bit(update: UpdateId) -> u64 {
        assert!((1..=64).contains(&update.0), "an instance has at most 64 updates, got number {}", update.0);
        1 << (update.0 - 1)
    }

    /// Adds an update.
    pub fn insert(&mut self, update: UpdateId) {
        self.0 |= Self::bit(update);
    }

    /// Whether the update is in the set.
    pub fn contains(self, update: UpdateId) -> bool {
        self.0 & Self::bit(update) != 0
    }

    /// Updates in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Updates in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The lowest.
    pub fn first(self) -> Option<UpdateId> {
        (!self.is_empty()).then(|| UpdateId(self.0.trailing_zeros() + 1))
    }

    /// The highest.
    pub fn last(self) -> Option<UpdateId> {
        (!self.is_empty()).then(|| UpdateId(64 - self.0.leading_zeros()))
    }

    /// The updates, lowest first.
    pub fn iter(self) -> impl Iterator<Item = UpdateId> {
        (1..=64).map(UpdateId).filter(move |u| self.contains(*u))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_its_first_and_its_last() {
        let mut set = UpdateSet::EMPTY;
        assert_eq!((set.first(), set.last()), (None, None));
        for (update, ends) in [(7, (7, 7)), (64, (7, 64)), (1, (1, 64))] {
            set.insert(UpdateId(update));
            assert_eq!((set.first(), set.last()), (Some(UpdateId(ends.0)), Some(UpdateId(ends.1))));
        }
    }
}
