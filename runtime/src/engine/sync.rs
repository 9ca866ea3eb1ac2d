//! What arcs, signals and mailboxes are made of: here the standard library, mio and rtrb.
//!
//! The models (`models.rs`) include the sources of arcs, signals and mailboxes a second time, beside a module of this
//! name that is made of loom's types. So what they explore is the very code that runs.
//!
//! Where code depends on the order of two things, that order has a name here. Nothing comes of the name in the code that runs; the
//! models take each order away in turn, and find what goes wrong.

use std::cell::{Cell, RefCell};
use std::sync::atomic;

pub(crate) use mio::{Poll, Token, Waker};
pub(crate) use rtrb::{Consumer, Producer, PushError, RingBuffer};
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, mpsc};

thread_local! {
    /// The place of the worker whose thread this is; 0 where it is no worker's.
    pub(crate) static HERE: Cell<usize> = const { Cell::new(0) };
    /// Seats of this worker whose bell was rung from here.
    pub(crate) static SLIP: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// How many batches of packets the first ring of an arc holds, if the arc may hold as many packets.
pub(crate) const FIRST_RING: usize = 8;
/// How many batches a ring holds at most. Beyond that, an arc is a chain of rings.
pub(crate) const LARGEST_RING: usize = 1024;
/// How many emptied batches wait for their producer to fill them again: one, and one more where both ends are busy.
pub(crate) const SPARES: usize = 2;

/// An order of two things that something depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// A producer makes its work visible, then asks who reads.
    WorkThenReader,
    /// A new reader says that it reads, then looks for work.
    ReaderThenWork,
    /// A producer says that it waits, then looks for room.
    WaitThenRoom,
    /// A consumer makes room, then asks whether the producer waits.
    RoomThenWait,
    /// A consumer looks at the ring, then for what stands between its packets.
    RingThenBetween,
    /// An operator looks what stands on its arcs, then for letters that came before that.
    ArcsThenMail,
    /// Who reads an arc is put down, then that there is somebody new.
    ReaderThenMove,
}

/// A fence between the two: of two threads that do it crosswise, one sees what the other did.
#[inline(always)]
pub(crate) fn fence(_: Order) {
    atomic::fence(Ordering::SeqCst);
}

/// Does two things, and says what came of them.
#[inline(always)]
pub(crate) fn in_order<A, B>(_: Order, first: impl FnOnce() -> A, second: impl FnOnce() -> B) -> (A, B) {
    (first(), second())
}

/// Does two things with something, and says what came of them.
#[inline(always)]
pub(crate) fn in_order_with<S, A, B>(
    _: Order,
    with: &mut S,
    first: impl FnOnce(&mut S) -> A,
    second: impl FnOnce(&mut S) -> B,
) -> (A, B) {
    (first(with), second(with))
}
