//! A list of a few small values, made to be copied: what a world consists of.
//!
//! A search copies a world for every choice that it takes, and most of its lists are short or empty. Up to `N` values lie in the
//! list itself, so that copying them is copying bytes; more than that go to a vector. (A `SmallVec` lies in place, too, but clones its
//! values one by one.)

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

/// A list whose first `N` values need no memory of their own.
#[derive(Clone)]
pub struct Few<T, const N: usize> {
    len: u32,
    inline: [T; N],
    /// All values, if there are more than `N`; else empty.
    more: Vec<T>,
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    /// An empty list.
    pub fn new() -> Self {
        Self { len: 0, inline: [T::default(); N], more: Vec::new() }
    }

    /// The list of `count` times one value.
    pub fn of(value: T, count: usize) -> Self {
        std::iter::repeat_n(value, count).collect()
    }

    fn is_inline(&self) -> bool {
        self.len as usize <= N
    }

    /// Adds a value at the end.
    #[inline]
    pub fn push(&mut self, value: T) {
        let len = self.len as usize;
        if len < N {
            self.inline[len] = value;
        } else {
            if len == N {
                self.more.extend_from_slice(&self.inline);
            }
            self.more.push(value);
        }
        self.len += 1;
    }

    /// Adds a value before the one of that index, or at the end.
    ///
    /// # Panics
    /// If the index is beyond the end.
    pub fn insert(&mut self, index: usize, value: T) {
        self.push(value);
        self[index..].rotate_right(1);
    }

    /// Takes the value of that index out.
    ///
    /// # Panics
    /// If there is none.
    pub fn remove(&mut self, index: usize) -> T {
        let value = self[index];
        self[index..].rotate_left(1);
        self.truncate(self.len() - 1);
        value
    }

    /// Keeps the first values only.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.len() {
            return;
        }
        if !self.is_inline() && len <= N {
            self.inline[..len].copy_from_slice(&self.more[..len]);
            self.more = Vec::new();
        } else {
            self.more.truncate(len);
        }
        self.len = len as u32;
    }

    /// Keeps the values of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let mut kept = 0;
        for i in 0..self.len() {
            let value = self[i];
            if keep(&value) {
                self[kept] = value;
                kept += 1;
            }
        }
        self.truncate(kept);
    }

    /// Leaves nothing.
    pub fn clear(&mut self) {
        self.truncate(0);
    }
}

impl<T: Copy + Default + PartialEq, const N: usize> Few<T, N> {
    /// Leaves of equal values that follow each other the first.
    pub fn dedup(&mut self) {
        let mut last = None;
        self.retain(|value| last.replace(*value) != Some(*value));
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let len = self.len as usize;
        if len <= N { &self.inline[..len] } else { &self.more }
    }
}

impl<T, const N: usize> DerefMut for Few<T, N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        let len = self.len as usize;
        if len <= N { &mut self.inline[..len] } else { &mut self.more }
    }
}

impl<T: Copy + Default, const N: usize> FromIterator<T> for Few<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut few = Self::new();
        values.into_iter().for_each(|value| few.push(value));
        few
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Few<T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq, const N: usize> PartialEq for Few<T, N> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq, const N: usize> Eq for Few<T, N> {}

impl<T: Hash, const N: usize> Hash for Few<T, N> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.len);
        self.iter().for_each(|value| value.hash(state));
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Few<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Op {
        Push(u8),
        Insert(usize, u8),
        Remove(usize),
        Truncate(usize),
        RetainEven,
        Dedup,
        Clear,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            6 => any::<u8>().prop_map(Op::Push),
            2 => (any::<usize>(), any::<u8>()).prop_map(|(i, v)| Op::Insert(i, v)),
            4 => any::<usize>().prop_map(Op::Remove),
            1 => (0..8_usize).prop_map(Op::Truncate),
            1 => Just(Op::RetainEven),
            1 => Just(Op::Dedup),
            1 => Just(Op::Clear),
        ]
    }

    proptest! {
        /// It does what a vector does, and equals another by its values, however it came by them.
        #[test]
        fn does_what_a_vector_does(ops in proptest::collection::vec(op(), 0..40)) {
            let (mut few, mut vec) = (Few::<u8, 3>::new(), Vec::new());
            for op in ops {
                match op {
                    Op::Push(v) => { few.push(v); vec.push(v); }
                    Op::Insert(i, v) => { let i = i % (vec.len() + 1); few.insert(i, v); vec.insert(i, v); }
                    Op::Remove(i) if !vec.is_empty() => { let i = i % vec.len(); prop_assert_eq!(few.remove(i), vec.remove(i)); }
                    Op::Remove(_) => {}
                    Op::Truncate(len) => { few.truncate(len); vec.truncate(len); }
                    Op::RetainEven => { few.retain(|v| v % 2 == 0); vec.retain(|v| v % 2 == 0); }
                    Op::Dedup => { few.dedup(); vec.dedup(); }
                    Op::Clear => { few.clear(); vec.clear(); }
                }
                prop_assert_eq!(&*few, &*vec);
                let fresh: Few<u8, 3> = vec.iter().copied().collect();
                prop_assert!(fresh == few && fresh == few.clone());
                prop_assert_eq!(crate::explore::fingerprint(&fresh), crate::explore::fingerprint(&few));
            }
        }
    }
}
