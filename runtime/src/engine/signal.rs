//! How operators are called to their worker, and how a worker that found nothing to do is woken: once, and only if it sleeps.
//!
//! ```text
//!   producer, entrance, gate --ring--> Bell of an operator --first ring--> board of its worker --it sleeps--> eventfd
//! ```
//!
//! A bell that was rung stays rung until the operator has its turn; rings in between cost one exchange and nothing else. Who rings has made
//! its work visible before; who hushes the bell looks for work after that. Both are exchanges of one flag, so whichever comes second
//! sees what the other did before it.
//!
//! The board is under a lock, and so is whether the worker sleeps: who puts a seat on it sees a sleeper, or the sleeper sees the seat.

use super::sync::{AtomicBool, Mutex, Ordering, Poll, Token, Waker};
use std::io;
use std::sync::Arc;

/// A worker, as those see it who call its operators or wake it.
#[derive(Debug)]
pub(crate) struct Signal {
    board: Mutex<Board>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Board {
    /// Seats whose bell was rung and that have not had their turn since.
    rung: Vec<usize>,
    sleeping: bool,
    /// Seats that were left, to be taken again.
    free: Vec<usize>,
    /// How many seats there are.
    seats: usize,
}

impl Signal {
    /// The token by which a worker's poll reports that it was woken.
    pub(crate) const TOKEN: Token = Token(usize::MAX);

    /// The signal of the worker that waits on `poll`.
    pub(crate) fn new(poll: &Poll) -> io::Result<Self> {
        Ok(Self { board: Mutex::new(Board::default()), waker: Waker::new(poll.registry(), Self::TOKEN)? })
    }

    /// Says that there is something new that no bell tells of, after it was made visible.
    pub(crate) fn notify(&self) {
        self.post(None);
    }

    fn post(&self, seat: Option<usize>) {
        let mut board = self.board.lock().expect("not poisoned");
        board.rung.extend(seat);
        let was_sleeping = std::mem::take(&mut board.sleeping);
        drop(board);
        if was_sleeping {
            self.waker.wake().expect("an eventfd of our own can be written");
        }
    }

    /// Gives every seat whose bell was rung.
    pub(crate) fn gather(&self, mut take: impl FnMut(usize)) {
        self.board.lock().expect("not poisoned").rung.drain(..).for_each(&mut take);
    }

    /// The worker is about to sleep; `false` if a bell was rung. What no bell tells of it must look for once more after this.
    pub(crate) fn announce_sleep(&self) -> bool {
        let mut board = self.board.lock().expect("not poisoned");
        board.sleeping = board.rung.is_empty();
        board.sleeping
    }

    /// The worker is awake.
    pub(crate) fn awake(&self) {
        self.board.lock().expect("not poisoned").sleeping = false;
    }

    /// A seat for one more operator.
    fn seat(&self) -> usize {
        let mut board = self.board.lock().expect("not poisoned");
        let free = board.free.pop();
        free.unwrap_or_else(|| {
            board.seats += 1;
            board.seats - 1
        })
    }

    /// A seat was left. A late ring of its bell calls whoever takes it next, who then finds nothing to do.
    pub(crate) fn leave(&self, seat: usize) {
        self.board.lock().expect("not poisoned").free.push(seat);
    }
}

/// Calls one operator to its worker.
#[derive(Debug)]
pub(crate) struct Bell {
    rung: AtomicBool,
    seat: usize,
    signal: Arc<Signal>,
}

impl Bell {
    /// The bell of an operator that takes a seat at a worker.
    pub(crate) fn new(signal: &Arc<Signal>) -> Arc<Self> {
        Arc::new(Self { rung: AtomicBool::new(false), seat: signal.seat(), signal: signal.clone() })
    }

    /// Says that there is work for the operator, after the work was made visible.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.signal.post(Some(self.seat));
        }
    }

    /// The operator has its turn: it must look for work after this.
    pub(crate) fn hush(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }

    /// The place of the operator among those of its worker.
    pub(crate) fn seat(&self) -> usize {
        self.seat
    }
}
