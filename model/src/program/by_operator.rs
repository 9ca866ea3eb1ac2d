//! What belongs to operators, one thing each, found by their numbers.

use crate::id::OperatorId;

/// A thing for each of some operators, in the order of their numbers.
///
/// An update of a whole flow has a thing for nearly every number; then a thing stands where its number says, and is found at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByOperator<T>(Vec<(OperatorId, T)>);

impl<T> Default for ByOperator<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<(OperatorId, T)> for ByOperator<T> {
    /// # Panics
    /// If an operator has two.
    fn from_iter<I: IntoIterator<Item = (OperatorId, T)>>(things: I) -> Self {
        let mut things: Vec<_> = things.into_iter().collect();
        things.sort_by_key(|(at, _)| *at);
        assert!(things.windows(2).all(|pair| pair[0].0 < pair[1].0), "an operator has one at most");
        Self(things)
    }
}

impl<T> ByOperator<T> {
    /// The place of an operator's among all.
    pub fn place(&self, at: OperatorId) -> Option<usize> {
        let (first, _) = self.0.first()?;
        // Numbers rise by one at least from place to place: it stands here, or before.
        let last = at.0.checked_sub(first.0)? as usize;
        match self.0.get(last) {
            Some((there, _)) if *there == at => Some(last),
            _ => self.0[..last.min(self.0.len())].binary_search_by_key(&at, |(at, _)| *at).ok(),
        }
    }

    /// An operator's, if it has one.
    pub fn get(&self, at: OperatorId) -> Option<&T> {
        self.place(at).map(|place| &self.0[place].1)
    }
}

#[cfg(test)]
mod tests {
    use super::ByOperator;
    use crate::id::OperatorId;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(things in prop::collection::btree_map(0_u32..40, any::<u8>(), 0..40), asked in 0_u32..50) {
            let map: BTreeMap<_, _> = things.into_iter().map(|(at, thing)| (OperatorId(at), thing)).collect();
            let by: ByOperator<u8> = map.clone().into_iter().rev().collect();
            prop_assert_eq!(by.get(OperatorId(asked)), map.get(&OperatorId(asked)));
            let places: Vec<_> = map.keys().filter_map(|at| by.place(*at)).collect();
            prop_assert_eq!(places, (0..map.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "one at most")]
    fn two_for_one_operator_are_a_mistake() {
        let _: ByOperator<u8> = [(OperatorId(1), 0), (OperatorId(1), 1)].into_iter().collect();
    }
}
