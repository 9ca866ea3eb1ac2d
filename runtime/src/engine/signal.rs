//! How operators are called to their worker, and how a worker that found nothing to do is woken: once, and only if it sleeps.
//!
//! ```text
//!   from other threads   producer, entrance, gate --ring--> Bell --first ring--> board of its worker --it sleeps--> eventfd
//!   from its own thread  producer, consumer ------ring--> Bell --------------> slip of the thread
//! ```
//!
//! A bell that was rung from another thread stays rung until the operator has its turn; rings in between cost one exchange and nothing
//! else. Who rings has made its work visible before; who hushes the bell looks for work after that. Both are exchanges of one flag,
//! so whichever comes second sees what the other did before it. A bell that seems silent need not be hushed: whoever rings it, or
//! has rung it, puts the seat on the board, and there will be another turn.
//!
//! The board is under a lock, and so is whether the worker sleeps: who puts a seat on it sees a sleeper, or the sleeper sees the seat.
//!
//! A thread that rings a bell of its own worker does not sleep, and sees whatever it did: it notes the seat on a slip that nobody
//! else reads, and touches nothing that is shared.

use super::sync::{AtomicBool, HERE, Mutex, Ordering, Poll, SLIP, Token, Waker};
use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Which thread something is on: a number for each worker there ever was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) usize);

impl Place {
    /// On its way, or on a thread that is no worker's.
    pub(crate) const NOWHERE: Self = Self(0);

    fn new() -> Self {
        // Only that numbers differ is needed of it.
        static PLACES: AtomicUsize = AtomicUsize::new(1);
        Self(PLACES.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    /// Where the code runs that asks.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        Self(HERE.with(Cell::get))
    }
}

/// A worker, as those see it who call its operators or wake it.
#[derive(Debug)]
pub(crate) struct Signal {
    place: Place,
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
        let waker = Waker::new(poll.registry(), Self::TOKEN)?;
        Ok(Self { place: Place::new(), board: Mutex::new(Board::default()), waker })
    }

    /// From now on, this thread is the worker's.
    pub(crate) fn settle_here(&self) {
        HERE.with(|here| here.set(self.place.0));
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

    /// Gives every seat whose bell was rung; some more than once.
    pub(crate) fn gather(&self, mut take: impl FnMut(usize)) {
        SLIP.with(|slip| slip.borrow_mut().drain(..).for_each(&mut take));
        self.board.lock().expect("not poisoned").rung.drain(..).for_each(&mut take);
    }

    /// The worker is about to sleep; `false` if a bell was rung. What no bell tells of it must look for once more after this.
    pub(crate) fn announce_sleep(&self) -> bool {
        let mut board = self.board.lock().expect("not poisoned");
        board.sleeping = board.rung.is_empty() && SLIP.with(|slip| slip.borrow().is_empty());
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
        if Place::here() == self.signal.place {
            SLIP.with(|slip| slip.borrow_mut().push(self.seat));
        } else if !self.rung.swap(true, Ordering::AcqRel) {
            self.signal.post(Some(self.seat));
        }
    }

    /// The operator has its turn: it must look for work after this.
    pub(crate) fn hush(&self) {
        if self.rung.load(Ordering::Relaxed) {
            self.rung.swap(false, Ordering::AcqRel);
        }
    }

    /// The place of the operator among those of its worker.
    pub(crate) fn seat(&self) -> usize {
        self.seat
    }
}
