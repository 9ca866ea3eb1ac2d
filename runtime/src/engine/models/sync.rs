//! What arcs, signals and mailboxes are made of in the models: loom's types, each of whose operations is a place where another thread may
//! go on, and whose loads give every value that the memory model allows.

pub(crate) use super::ring::{Consumer, Producer, PushError, RingBuffer};
pub(crate) use crate::engine::sync::Order;
pub(crate) use loom::sync::atomic::AtomicU32;
pub(crate) use loom::sync::{Mutex, mpsc};
pub(crate) use mio::Token;
pub(crate) use std::sync::atomic::Ordering;

use loom::sync::Notify;
use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;

/// The second batch that is not taken at once makes a second ring.
pub(crate) const FIRST_RING: usize = 1;
pub(crate) const LARGEST_RING: usize = 2;
/// Emptied batches are given up: nothing depends on where the next one comes from.
pub(crate) const SPARES: usize = 0;

loom::thread_local! {
    /// The place of the worker whose thread this is; 0 where it is no worker's.
    pub(crate) static HERE: Cell<usize> = Cell::new(0);
    /// Seats of this worker whose bell was rung from here.
    pub(crate) static SLIP: RefCell<Vec<usize>> = RefCell::new(Vec::new());
}

/// What is taken away from the code in a model that is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This order of two things.
    Without(Order),
    /// Acquire and release, where a number is counted up.
    RelaxedCounts,
    /// Acquire and release, where a bell is rung and hushed.
    RelaxedBells,
}

// All threads of a model run on one thread of the system; models beside each other run on different ones.
std::thread_local! {
    static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// From now on, the code has this fault.
pub(super) fn switch_in(fault: Option<Fault>) {
    FAULT.set(fault);
}

fn has(fault: Fault) -> bool {
    FAULT.get() == Some(fault)
}

pub(crate) fn fence(order: Order) {
    if !has(Fault::Without(order)) {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }
}

pub(crate) fn in_order<A, B>(order: Order, first: impl FnOnce() -> A, second: impl FnOnce() -> B) -> (A, B) {
    in_order_with(order, &mut (), |()| first(), |()| second())
}

pub(crate) fn in_order_with<S, A, B>(
    order: Order,
    with: &mut S,
    first: impl FnOnce(&mut S) -> A,
    second: impl FnOnce(&mut S) -> B,
) -> (A, B) {
    if has(Fault::Without(order)) {
        let b = second(with);
        (first(with), b)
    } else {
        (first(with), second(with))
    }
}

/// A number that one side counts up.
#[derive(Debug)]
pub(crate) struct AtomicUsize(loom::sync::atomic::AtomicUsize);

impl AtomicUsize {
    pub(crate) fn new(value: usize) -> Self {
        Self(loom::sync::atomic::AtomicUsize::new(value))
    }

    pub(crate) fn load(&self, ordering: Ordering) -> usize {
        self.0.load(Self::weakened(ordering))
    }

    pub(crate) fn store(&self, value: usize, ordering: Ordering) {
        self.0.store(value, Self::weakened(ordering));
    }

    pub(crate) fn fetch_add(&self, value: usize, ordering: Ordering) -> usize {
        self.0.fetch_add(value, Self::weakened(ordering))
    }

    fn weakened(ordering: Ordering) -> Ordering {
        if has(Fault::RelaxedCounts) { Ordering::Relaxed } else { ordering }
    }
}

/// A bell, or whether a producer waits.
#[derive(Debug)]
pub(crate) struct AtomicBool(loom::sync::atomic::AtomicBool);

impl AtomicBool {
    pub(crate) fn new(value: bool) -> Self {
        Self(loom::sync::atomic::AtomicBool::new(value))
    }

    pub(crate) fn load(&self, ordering: Ordering) -> bool {
        self.0.load(ordering)
    }

    pub(crate) fn swap(&self, value: bool, ordering: Ordering) -> bool {
        self.0.swap(value, if has(Fault::RelaxedBells) { Ordering::Relaxed } else { ordering })
    }
}

/// What a worker sleeps on. It may wake for no reason, as from a system call.
#[derive(Debug)]
pub(crate) struct Poll(Registry);

/// Where wakers are made.
#[derive(Debug)]
pub(crate) struct Registry(Arc<Notify>);

/// Wakes who sleeps, or who next would. What came before it is seen by who was woken, as with any system call.
#[derive(Debug)]
pub(crate) struct Waker(Arc<Notify>);

impl Poll {
    pub(super) fn new() -> Self {
        Self(Registry(Arc::new(Notify::new())))
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0
    }

    pub(super) fn sleep(&self) {
        self.0.0.wait();
    }
}

impl Waker {
    pub(crate) fn new(registry: &Registry, _: Token) -> io::Result<Self> {
        Ok(Self(registry.0.clone()))
    }

    pub(crate) fn wake(&self) -> io::Result<()> {
        self.0.notify();
        Ok(())
    }
}
