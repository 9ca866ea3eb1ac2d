//! How a thread that found nothing to do is woken: once, and only if it sleeps.
//!
//! The sleeper says so first and then looks once more; the waker makes its work visible first and then asks whether
//! anybody sleeps. With sequential consistency between the two, one of them always sees the other.
//!
//! Whether it sleeps is only ever changed by an exchange: each change knows the one before it, so that there is no question which came last.

use super::sync::{AtomicBool, Order, Ordering, Poll, Token, Waker, fence};
use std::io;

/// Wakes one worker.
#[derive(Debug)]
pub(crate) struct Signal {
    sleeping: AtomicBool,
    waker: Waker,
}

impl Signal {
    /// The token by which a worker's poll reports that it was woken.
    pub(crate) const TOKEN: Token = Token(usize::MAX);

    /// The signal of the worker that waits on `poll`.
    pub(crate) fn new(poll: &Poll) -> io::Result<Self> {
        Ok(Self { sleeping: AtomicBool::new(false), waker: Waker::new(poll.registry(), Self::TOKEN)? })
    }

    /// Says that there is work, after the work was made visible.
    pub(crate) fn notify(&self) {
        fence(Order::WorkThenSleeper);
        self.wake();
    }

    /// Wakes the worker if it sleeps, for one who has put that fence between its work and this.
    pub(crate) fn wake(&self) {
        if self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::Relaxed) {
            self.waker.wake().expect("an eventfd of our own can be written");
        }
    }

    /// The worker is about to sleep; it must look for work once more after this.
    pub(crate) fn announce_sleep(&self) {
        self.sleeping.swap(true, Ordering::Relaxed);
        fence(Order::SleepThenWork);
    }

    /// The worker is awake.
    pub(crate) fn awake(&self) {
        self.sleeping.swap(false, Ordering::Relaxed);
    }
}
