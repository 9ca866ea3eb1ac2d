//! Which states were found: a set of 64-bit fingerprints, each with the number of its state if the steps between states are kept.
//!
//! An open table of bare fingerprints, probed linearly: one line of cache for nearly every question, and 11 to 22 bytes
//! per state. A `HashMap<u64, _>` would add a byte of its own hash per slot, and hash what is a hash already.
//!
//! The fingerprint is XXH3 over the bytes that a state's derived `Hash` writes. XXH3 is a published function, so a
//! fingerprint is the same in every build; numbers are written little endian and `usize` as eight bytes, so that
//! platforms agree too (the standard library's slices of wide integers on big-endian ones apart). The bytes are gathered
//! first and hashed in one go: the streaming form of XXH3 sets up a block of a quarter of a kilobyte for each state.

use super::origins::Number;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
    Wide(HashMap<u128, Number>),
}

impl Known {
    /// With the numbers of states, if they are asked for; 128 bits have room for them anyway.
    pub(super) fn new(wide: bool, numbered: bool) -> Self {
        if wide { Self::Wide(HashMap::new()) } else { Self::Narrow(Visited::new(numbered)) }
    }

    /// Adds a state by the number that it has if it is new; of one that was known, the number it was added by, where numbers are kept.
    pub(super) fn insert<T: Hash>(&mut self, fingerprints: &mut Fingerprints, state: &T, fresh: Number) -> Insertion {
        match self {
            Self::Narrow(visited) => visited.insert(fingerprints.of(state), fresh),
            Self::Wide(visited) => match visited.entry(fingerprints.wide(state)) {
                Entry::Occupied(known) => Insertion::Known(Some(*known.get())),
                Entry::Vacant(place) => {
                    place.insert(fresh);
                    Insertion::New
                }
            },
        }
    }

    /// Bytes held; of the standard library's map, a byte and a slot for each that there is room for.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Narrow(visited) => visited.bytes(),
            Self::Wide(visited) => visited.capacity() * 8 / 7 * (mem::size_of::<(u128, Number)>() + 1),
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

/// What became of a state that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Insertion {
    /// It was new, and has been added.
    New,
    /// It was there, by this number if numbers are kept.
    Known(Option<Number>),
}

const EMPTY: u64 = 0;
const SLOTS_FIRST: usize = 1 << 12;

/// A set of fingerprints, with a number for each if they are kept.
pub(super) struct Visited {
    slots: Vec<u64>,
    /// By slot; empty if numbers are not kept.
    numbers: Vec<Number>,
    held: usize,
}

impl Visited {
    pub(super) fn new(numbered: bool) -> Self {
        let numbers = if numbered { vec![0; SLOTS_FIRST] } else { Vec::new() };
        Self { slots: vec![EMPTY; SLOTS_FIRST], numbers, held: 0 }
    }

    /// Adds a fingerprint, and its number.
    pub(super) fn insert(&mut self, fingerprint: u64, number: Number) -> Insertion {
        debug_assert_ne!(fingerprint, EMPTY);
        let slot = self.slot(fingerprint);
        if self.slots[slot] == fingerprint {
            return Insertion::Known(self.numbers.get(slot).copied());
        }
        self.put(slot, fingerprint, Some(number));
        self.held += 1;
        if self.held * 4 > self.slots.len() * 3 {
            self.grow();
        }
        Insertion::New
    }

    fn put(&mut self, slot: usize, fingerprint: u64, number: Option<Number>) {
        self.slots[slot] = fingerprint;
        if let (Some(place), Some(number)) = (self.numbers.get_mut(slot), number) {
            *place = number;
        }
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        mem::size_of_val(self.slots.as_slice()) + mem::size_of_val(self.numbers.as_slice())
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
        let numbers = vec![0; self.numbers.len() * 2];
        let (slots, numbers) = (mem::replace(&mut self.slots, doubled), mem::replace(&mut self.numbers, numbers));
        for (place, fingerprint) in slots.into_iter().enumerate() {
            if fingerprint != EMPTY {
                let slot = self.slot(fingerprint);
                self.put(slot, fingerprint, numbers.get(place).copied());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn agrees_with_an_ordered_map_while_growing() {
        let (mut visited, mut numbered) = (Visited::new(false), Visited::new(true));
        let mut ordered = BTreeMap::new();
        // Multiples of a large number, so that low bits repeat and probing goes around the end of the table.
        for step in 0..40_000_u64 {
            let fingerprint = (step % 25_000).wrapping_mul(0xFFFF_FFFF_0000_07FF).max(1);
            let known = ordered.get(&fingerprint).copied();
            let number = *ordered.entry(fingerprint).or_insert(step as Number);
            let expected = |number| known.map_or(Insertion::New, |_| Insertion::Known(number));
            assert_eq!(visited.insert(fingerprint, step as Number), expected(None), "step {step}");
            assert_eq!(numbered.insert(fingerprint, step as Number), expected(Some(number)), "step {step}");
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
