//! Which states were found: a set of 64-bit fingerprints.
//!
//! An open table of bare fingerprints, probed linearly: one line of cache for nearly every question, and 11 to 22 bytes
//! per state. A `HashMap<u64, _>` would add a byte of its own hash per slot, and hash what is a hash already.
//!
//! The fingerprint is XXH3 over the bytes that a state's derived `Hash` writes. XXH3 is a published function, so a
//! fingerprint is the same in every build; numbers are written little endian and `usize` as eight bytes, so that
//! platforms agree too (the standard library's slices of wide integers on big-endian ones apart). The bytes are gathered
//! first and hashed in one go: the streaming form of XXH3 sets up a block of a quarter of a kilobyte for each state.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::mem;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Makes fingerprints, keeping its buffer from one state to the next.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints {
    bytes: Vec<u8>,
}

impl Fingerprints {
    /// The fingerprint of a value in 128 bits.
    pub(crate) fn wide<T: Hash>(&mut self, value: &T) -> u128 {
        self.bytes.clear();
        value.hash(self);
        xxh3_128(&self.bytes)
    }

    /// The fingerprint of a state; never zero.
    pub(super) fn of<T: Hash>(&mut self, state: &T) -> u64 {
        self.bytes.clear();
        state.hash(self);
        self.finish()
    }
}

impl Hasher for Fingerprints {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.write(&value.to_le_bytes());
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.write(&value.to_le_bytes());
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        self.write(&value.to_le_bytes());
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    // The signed forms of `Hasher` go through the unsigned ones, but for `isize`, whose width differs.
    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        xxh3_64(&self.bytes).max(1)
    }
}

/// Which states were found, by fingerprints of 64 bits, or of 128 where it is worth it.
pub(super) enum Known {
    Narrow(Visited),
    Wide(HashSet<u128>),
}

impl Known {
    pub(super) fn new(wide: bool) -> Self {
        if wide { Self::Wide(HashSet::new()) } else { Self::Narrow(Visited::new()) }
    }

    /// Adds a state; whether it was new.
    pub(super) fn insert<T: Hash>(&mut self, fingerprints: &mut Fingerprints, state: &T) -> bool {
        match self {
            Self::Narrow(visited) => visited.insert(fingerprints.of(state)),
            Self::Wide(visited) => visited.insert(fingerprints.wide(state)),
        }
    }

    /// Bytes held; of the standard library's set, a byte and a slot for each that there is room for.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Narrow(visited) => visited.bytes(),
            Self::Wide(visited) => visited.capacity() * 8 / 7 * (mem::size_of::<u128>() + 1),
        }
    }

    /// How many bits a fingerprint has.
    pub(super) fn bits(&self) -> i32 {
        match self {
            Self::Narrow(_) => 64,
            Self::Wide(_) => 128,
        }
    }
}

const EMPTY: u64 = 0;
const SLOTS_FIRST: usize = 1 << 12;

/// A set of fingerprints.
pub(super) struct Visited {
    slots: Vec<u64>,
    held: usize,
}

impl Visited {
    pub(super) fn new() -> Self {
        Self { slots: vec![EMPTY; SLOTS_FIRST], held: 0 }
    }

    /// Adds a fingerprint; whether it was new.
    pub(super) fn insert(&mut self, fingerprint: u64) -> bool {
        debug_assert_ne!(fingerprint, EMPTY);
        let slot = self.slot(fingerprint);
        if self.slots[slot] == fingerprint {
            return false;
        }
        self.slots[slot] = fingerprint;
        self.held += 1;
        if self.held * 4 > self.slots.len() * 3 {
            self.grow();
        }
        true
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        mem::size_of_val(self.slots.as_slice())
    }

    /// Where a fingerprint is, or the free slot where it belongs.
    fn slot(&self, fingerprint: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = fingerprint as usize & mask;
        while self.slots[slot] != fingerprint && self.slots[slot] != EMPTY {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let doubled = vec![EMPTY; self.slots.len() * 2];
        for fingerprint in mem::replace(&mut self.slots, doubled) {
            if fingerprint != EMPTY {
                let slot = self.slot(fingerprint);
                self.slots[slot] = fingerprint;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn agrees_with_an_ordered_set_while_growing() {
        let mut visited = Visited::new();
        let mut ordered = BTreeSet::new();
        // Multiples of a large number, so that low bits repeat and probing goes around the end of the table.
        for step in 0..40_000_u64 {
            let fingerprint = (step % 25_000).wrapping_mul(0xFFFF_FFFF_0000_07FF).max(1);
            assert_eq!(visited.insert(fingerprint), ordered.insert(fingerprint), "step {step}");
        }
        assert_eq!(visited.held, ordered.len());
        assert!(visited.bytes() <= ordered.len() * 22);
    }

    #[test]
    fn fingerprints_are_those_of_the_published_function() {
        // XXH3_64bits of nothing, as in the reference implementation's own test of its empty input.
        assert_eq!(Fingerprints::default().of(&()), 0x2D06_8005_38D3_94C2);
        assert_eq!(Fingerprints::default().of(&0x0201_u16), xxh3_64(&[1, 2]));
        assert_eq!(Fingerprints::default().of(&-2_isize), xxh3_64(&(-2_i64).to_le_bytes()));
    }

    #[test]
    fn a_fingerprint_does_not_depend_on_the_one_before() {
        let mut fingerprints = Fingerprints::default();
        let first = fingerprints.of(&(7_u32, "arc"));
        assert_ne!(fingerprints.of(&(8_u32, "arc")), first);
        assert_eq!(fingerprints.of(&(7_u32, "arc")), first);
    }
}
