//! A ring as rtrb's is: the same atomics with the same orderings, and the same numbers remembered on each side. A place of the ring
//! that is read while it is written is found by loom.
//!
//! What rtrb does in its `unsafe` code is not explored here, but what follows from the promise that it makes: who sees a packet sees
//! all that its producer did before, and who sees a free place sees all that its consumer did before.

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

std::thread_local! {
    static MADE: Cell<usize> = const { Cell::new(0) };
}

/// In one ring of each arc, emptied batches go back.
pub(super) const OF_EMPTIED: usize = 1;

/// How many rings were made since this was asked last.
pub(super) fn made() -> usize {
    MADE.take()
}

#[derive(Debug)]
pub(crate) struct RingBuffer<T> {
    /// How many were taken, ever.
    head: AtomicUsize,
    /// How many were put in, ever.
    tail: AtomicUsize,
    places: Vec<Place<T>>,
    /// Nothing in a model depends on it: it is looked at in assertions.
    abandoned: AtomicBool,
}

#[derive(Debug)]
struct Place<T> {
    /// Reports to loom when the value is read and written.
    watched: UnsafeCell<()>,
    value: Mutex<Option<T>>,
}

#[derive(Debug)]
pub(crate) struct Producer<T> {
    ring: Arc<RingBuffer<T>>,
    head: usize,
    tail: usize,
}

#[derive(Debug)]
pub(crate) struct Consumer<T> {
    ring: Arc<RingBuffer<T>>,
    head: usize,
    tail: Cell<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PushError<T> {
    Full(T),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PopError {
    Empty,
}

impl<T> RingBuffer<T> {
    #[expect(clippy::new_ret_no_self, reason = "as rtrb has it")]
    pub(crate) fn new(capacity: usize) -> (Producer<T>, Consumer<T>) {
        MADE.set(MADE.get() + 1);
        let place = || Place { watched: UnsafeCell::new(()), value: Mutex::new(None) };
        let ring = Arc::new(Self {
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
            places: std::iter::repeat_with(place).take(capacity).collect(),
            abandoned: AtomicBool::new(false),
        });
        let producer = Producer { ring: ring.clone(), head: 0, tail: 0 };
        (producer, Consumer { ring, head: 0, tail: Cell::new(0) })
    }

    pub(crate) fn capacity(&self) -> usize {
        self.places.len()
    }

    fn place(&self, at: usize) -> &Place<T> {
        &self.places[at % self.capacity()]
    }
}

impl<T> Producer<T> {
    /// How many places are free.
    pub(crate) fn slots(&mut self) -> usize {
        self.head = self.ring.head.load(Ordering::Acquire);
        self.ring.capacity() - (self.tail - self.head)
    }

    pub(crate) fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        if self.ring.capacity() == 0 || self.tail - self.head == self.ring.capacity() && self.slots() == 0 {
            return Err(PushError::Full(value));
        }
        let place = self.ring.place(self.tail);
        place.watched.with_mut(|_| *place.value.lock().expect("not poisoned") = Some(value));
        self.tail += 1;
        self.ring.tail.store(self.tail, Ordering::Release);
        Ok(())
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.ring.abandoned.load(Ordering::SeqCst)
    }

    pub(crate) fn buffer(&self) -> &RingBuffer<T> {
        &self.ring
    }
}

impl<T> Consumer<T> {
    pub(crate) fn pop(&mut self) -> Result<T, PopError> {
        if self.ring.capacity() == 0 || self.head == self.tail.get() && self.slots() == 0 {
            return Err(PopError::Empty);
        }
        let place = self.ring.place(self.head);
        let value = place.watched.with_mut(|_| place.value.lock().expect("not poisoned").take());
        self.head += 1;
        self.ring.head.store(self.head, Ordering::Release);
        Ok(value.expect("what was counted is there"))
    }

    pub(crate) fn slots(&self) -> usize {
        self.tail.set(self.ring.tail.load(Ordering::Acquire));
        self.tail.get() - self.head
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.ring.abandoned.store(true, Ordering::SeqCst);
    }
}

mod tests {
    use super::super::explore;
    use super::{PushError, RingBuffer, made};
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn it_answers_as_rtrb_does() {
        for seed in 0..100 {
            explore(None, move || {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let capacity = random.random_range(0..4);
                let (mut tx, mut rx) = RingBuffer::new(capacity);
                let (mut rtrb_tx, mut rtrb_rx) = rtrb::RingBuffer::new(capacity);
                for n in 0..100 {
                    match random.random_range(0..3) {
                        0 => {
                            let rtrb_answers = (rtrb_rx.slots(), rtrb_tx.slots());
                            assert_eq!((rx.slots(), tx.slots()), rtrb_answers, "seed {seed}");
                        }
                        1 => assert_eq!(rx.pop().ok(), rtrb_rx.pop().ok(), "seed {seed}"),
                        _ => {
                            let back = tx.push(n).err().map(|PushError::Full(n)| n);
                            let rtrb_back = rtrb_tx.push(n).err().map(|rtrb::PushError::Full(n)| n);
                            assert_eq!(back, rtrb_back, "seed {seed}");
                        }
                    }
                }
                assert_eq!(tx.buffer().capacity(), rtrb_tx.buffer().capacity());
                drop((rx, rtrb_rx));
                assert!(tx.is_abandoned() && rtrb_tx.is_abandoned());
                assert_eq!(made(), 1);
            });
        }
    }
}
