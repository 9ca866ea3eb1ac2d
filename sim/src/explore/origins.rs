//! Where each state was first come from: enough to find the run to it, eight bytes per state.
//!
//! States are numbered in the order in which they are found, so their origins are a list that only grows. It grows by
//! blocks: a `Vec` would move everything, and hold twice of it, each time it doubles.

use std::mem;

const BLOCK: usize = 1 << 14;
const NOWHERE: u32 = u32::MAX;

/// The number of a state, in order of finding.
pub(crate) type Number = u32;

/// How many states can be numbered; the last number stands for no state.
pub(super) const NUMBERS: u64 = NOWHERE as u64;

#[derive(Clone, Copy)]
struct Origin {
    from: Number,
    index: u32,
}

/// The list of origins.
#[derive(Default)]
pub(super) struct Origins {
    blocks: Vec<Vec<Origin>>,
    count: u64,
}

impl Origins {
    /// Notes that the next state is the initial state of that index.
    pub(super) fn push_initial(&mut self, index: usize) {
        self.push(NOWHERE, index);
    }

    /// Notes that the next state comes from another, by the choice of that index.
    pub(super) fn push(&mut self, from: Number, index: usize) {
        if self.count.is_multiple_of(BLOCK as u64) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let index = u32::try_from(index).expect("a state offers fewer choices than numbers of 32 bits");
        let block = self.blocks.last_mut().expect("a block was added when the last one was full");
        block.push(Origin { from, index });
        self.count += 1;
    }

    /// How many states are numbered.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.len() * (BLOCK * mem::size_of::<Origin>() + mem::size_of::<Vec<Origin>>())
    }

    /// The way to a state: the index of the initial state, and of each choice from there.
    pub(super) fn way_to(&self, number: Number) -> (usize, Vec<usize>) {
        let mut origin = self.origin(number);
        let mut indices = Vec::new();
        while origin.from != NOWHERE {
            indices.push(origin.index as usize);
            origin = self.origin(origin.from);
        }
        indices.reverse();
        (origin.index as usize, indices)
    }

    fn origin(&self, number: Number) -> Origin {
        let number = number as usize;
        self.blocks[number / BLOCK][number % BLOCK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_through_blocks_back_to_its_initial_state() {
        let mut origins = Origins::default();
        origins.push_initial(0);
        origins.push_initial(1);
        for number in 2..(3 * BLOCK) {
            origins.push(Number::try_from(number / 2).unwrap(), number % 2);
        }
        // 2 comes from 1, so the halvings of a number end in initial state 1, and the choices are its binary digits.
        let (start, indices) = origins.way_to(0b1010_0110_0101_1101);
        assert_eq!((start, indices), (1, vec![0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1]));
        assert_eq!(origins.way_to(0), (0, vec![]));
        assert_eq!(origins.count(), 3 * BLOCK as u64);
    }
}
