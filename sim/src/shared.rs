//! A part of a state that many states have in common: copied when it changes, and hashed once.
//!
//! A step touches one or two operators and their arcs. The state after it shares all other parts with the state before, so that
//! making it costs a count for each of them, and its fingerprint is made of theirs.

use crate::explore::Fingerprints;
use std::cell::RefCell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value that is shared until it is changed.
pub struct Shared<T>(Arc<Node<T>>);

struct Node<T> {
    value: T,
    /// The value's fingerprint, of 128 bits; zero while it is not known.
    fingerprint: [AtomicU64; 2],
}

impl<T> Shared<T> {
    /// Shares a value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Node::new(value)))
    }
}

impl<T> Node<T> {
    fn new(value: T) -> Self {
        Self { value, fingerprint: [AtomicU64::new(0), AtomicU64::new(0)] }
    }
}

impl<T: Clone> Clone for Node<T> {
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl<T> Clone for Shared<T> {
    #[inline]
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    /// From here on the value is this one's own.
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        let node = Arc::make_mut(&mut self.0);
        *node.fingerprint[0].get_mut() = 0;
        &mut node.value
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

thread_local! {
    static FINGERPRINTS: RefCell<Fingerprints> = RefCell::default();
}

impl<T: Hash> Hash for Shared<T> {
    /// What is written is the value's own fingerprint. Its first half is never zero, so that tells whether it is known. Threads that find
    /// it unknown at a time write the same.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [low, high] = &self.0.fingerprint;
        let mut known = low.load(Ordering::Acquire);
        if known == 0 {
            let made = FINGERPRINTS.with_borrow_mut(|fingerprints| fingerprints.wide(&self.0.value));
            known = (made as u64).max(1);
            high.store((made >> 64) as u64, Ordering::Relaxed);
            low.store(known, Ordering::Release);
        }
        state.write_u64(known);
        state.write_u64(high.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::fingerprint;

    #[test]
    fn a_change_is_seen_by_its_own_copy_only() {
        let one = Shared::new(vec![1]);
        let mut two = one.clone();
        assert_eq!(fingerprint(&one), fingerprint(&two));
        two.push(2);
        assert_eq!((&*one, &*two), (&vec![1], &vec![1, 2]));
        assert_ne!(fingerprint(&one), fingerprint(&two));
        two.pop();
        assert_eq!((&one, fingerprint(&one)), (&two, fingerprint(&two)));
    }

    #[test]
    fn what_is_nobody_elses_changes_in_place() {
        let mut one = Shared::new(7);
        let before: *const i32 = &raw const *one;
        *one += 1;
        assert_eq!((before, *one), (&raw const *one, 8));
    }
}
