//! A list in leaves that its clones share: a clone costs a count per leaf, a change copies one leaf.
//!
//! ```text
//!   flow before   [leaf 0] [leaf 1] [leaf 2]
//!                    |         |        |        one operator in leaf 1 changed
//!   flow after    [leaf 0] [leaf 1'] [leaf 2]
//! ```
//!
//! Flows of many operators change by few at a time, and what they were is remembered. A tree of small nodes would share more
//! of a leaf, and look an element up by several steps; two are enough for the sizes there are.

use serde::{Serialize, Serializer};
use std::ops::Index;
use std::sync::Arc;

/// How many elements a leaf holds.
const LEAF: usize = 64;

/// A list whose clones share what is the same in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheaf<T> {
    leaves: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Sheaf<T> {
    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements, in order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        (0..self.len).map(|at| &self[at])
    }
}

impl<T: Clone> Sheaf<T> {
    /// Adds an element at the end.
    pub(crate) fn push(&mut self, element: T) {
        if self.len.is_multiple_of(LEAF) {
            self.leaves.push(Arc::new(Vec::with_capacity(LEAF)));
        }
        let last = self.leaves.last_mut().expect("there is a leaf with room");
        Arc::make_mut(last).push(element);
        self.len += 1;
    }

    /// An element, to be changed here and in no clone.
    pub(crate) fn at_mut(&mut self, at: usize) -> &mut T {
        &mut Arc::make_mut(&mut self.leaves[at / LEAF])[at % LEAF]
    }
}

impl<T> Default for Sheaf<T> {
    fn default() -> Self {
        Self { leaves: Vec::new(), len: 0 }
    }
}

impl<T> Index<usize> for Sheaf<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.leaves[at / LEAF][at % LEAF]
    }
}

impl<T: Clone> FromIterator<T> for Sheaf<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut sheaf = Self::default();
        elements.into_iter().for_each(|element| sheaf.push(element));
        sheaf
    }
}

impl<T: Serialize> Serialize for Sheaf<T> {
    /// As the list of its elements.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_in_no_clone_and_copies_one_leaf() {
        let first: Sheaf<usize> = (0..1000).collect();
        let mut second = first.clone();
        *second.at_mut(500) = 7;
        second.push(1000);
        assert_eq!((first[500], second[500], first.len(), second.len()), (500, 7, 1000, 1001));
        let shared = first.leaves.iter().zip(&second.leaves).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, 1000usize.div_ceil(LEAF) - 2, "the leaf that was changed, and the one that was added to");
        assert_eq!(second.iter().copied().sum::<usize>(), (0..=1000).sum::<usize>() - 500 + 7);
        assert_eq!(first, (0..1000).collect());
    }
}
