//! A client's connection, as it travels in packets: the socket, what was read ahead, and its seat.
//!
//! A seat is the right to be an open connection. Dropping the connection, wherever in the flow that happens, gives the
//! seat back, so that the cap needs no message to `accept`. When `accept` has stopped at the cap it says so, and the
//! next seat given back wakes it through an eventfd; the usual close costs no system call for this.
//!
//! ```text
//!   accept: at the cap -> awaiting = true, look once more, sleep
//!   drop of a seat     -> taken - 1, awaiting was true ? write the eventfd
//! ```

use super::framing::Buffer;
use super::observations::Observations;
use rustix::event::EventfdFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// One client's connection. Its socket does not block.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: OwnedFd,
    /// Bytes that came in behind the request under way: the next ones, when requests are pipelined.
    pub(crate) buffer: Buffer,
    /// The watch for input, which goes on while the connection is elsewhere in the flow.
    pub(crate) watch: Option<Watch>,
    /// Set when the last response is out and input is only thrown away: how many bytes of it at most.
    pub(crate) lingering: Option<usize>,
    seat: Seat,
}

/// A reader's watch on a socket, and what the last read under it has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Which `read` has set it, by [`Reader`](super::read::Reader) number.
    pub(crate) by: u64,
    /// Nothing was left to read, so that whatever comes after is an edge for the watch.
    pub(crate) is_dry: bool,
    /// The peer sends no more, which is an edge only once: there is always its end to be read.
    pub(crate) has_ended: bool,
}

/// What an attempt to read gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// That many bytes.
    Bytes(usize),
    /// Nothing now.
    Blocked,
    /// The peer sends no more.
    End,
    /// The connection is broken.
    Broken,
}

impl Connection {
    /// A connection that was just accepted.
    pub(crate) fn new(socket: OwnedFd, seat: Seat) -> Self {
        Self { socket, buffer: Buffer::default(), watch: None, lingering: None, seat }
    }

    /// A number that no other open connection has.
    pub(crate) fn key(&self) -> u32 {
        u32::try_from(self.socket.as_raw_fd()).expect("an open descriptor is not negative")
    }

    /// Reads what is there into `space`.
    pub(crate) fn receive(&self, space: &mut [u8]) -> Input {
        loop {
            return match rustix::net::recv(&self.socket, &mut *space, RecvFlags::DONTWAIT) {
                Ok((0, _)) => Input::End,
                Ok((count, _)) => Input::Bytes(count),
                Err(Errno::AGAIN) => Input::Blocked,
                Err(Errno::INTR) => continue,
                Err(_) => Input::Broken,
            };
        }
    }

    /// Says that nothing more will be sent, and turns the connection into one whose input is thrown away. Closing it
    /// at once would reset it, and a reset can destroy the response before the client has read it (RFC 9112, 9.6).
    pub(crate) fn linger(&mut self) {
        const LIMIT: usize = 16 << 20;
        // The peer may have closed already; then the next read says so.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
        self.buffer = Buffer::default();
        self.lingering = Some(LIMIT);
    }

    /// Counts the connection as one that ended in an error.
    pub(crate) fn note_broken(&self) {
        self.seat.0.observations.note_broken();
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The right to be an open connection; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Seats>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.observations.note_closed();
        self.0.taken.fetch_sub(1, Ordering::SeqCst);
        if self.0.awaiting.swap(false, Ordering::SeqCst) {
            // It fails only when the counter is full, and then the wake is under way already.
            let _ = rustix::io::write(&self.0.event, &1u64.to_ne_bytes());
        }
    }
}

/// The seats of one listener.
#[derive(Debug)]
pub(crate) struct Seats {
    taken: AtomicUsize,
    awaiting: AtomicBool,
    event: OwnedFd,
    observations: Arc<Observations>,
}

impl Seats {
    /// No seat is taken.
    pub(crate) fn new(observations: Arc<Observations>) -> Result<Self, Errno> {
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { taken: AtomicUsize::new(0), awaiting: AtomicBool::new(false), event, observations })
    }

    /// How many are taken. Only the listener takes seats, so a free one stays free until it does.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Takes one.
    pub(crate) fn take(self: &Arc<Self>) -> Seat {
        self.taken.fetch_add(1, Ordering::SeqCst);
        self.observations.note_opened();
        Seat(Arc::clone(self))
    }

    /// Asks that the next seat given back makes the eventfd readable. One given back just before is not told of: look
    /// again after asking.
    pub(crate) fn await_one(&self) {
        self.awaiting.store(true, Ordering::SeqCst);
    }

    /// Makes the eventfd quiet again.
    pub(crate) fn hush(&self) {
        let mut count = [MaybeUninit::<u8>::uninit(); 8];
        // Nothing to read means that it is quiet.
        let _ = rustix::io::read(&self.event, &mut count);
    }
}

impl AsFd for Seats {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
