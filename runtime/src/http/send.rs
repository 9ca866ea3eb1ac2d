//! Sending one response, in as many pieces as the socket takes.
//!
//! An [`Outgoing`] is a response on its way: header, body, and how far it got. Both versions of `reply` send the same
//! value, one waiting for the socket and one not, so a half-sent response is carried from one to the other as it is.
//!
//! ```text
//!   advance(budget)   one piece: the header's rest, and at most `budget` bytes of the body
//!     Done            all of it is out
//!     More            the budget is used up; others may have their turn
//!     Blocked         the socket takes no more now
//!     Failed          the peer is gone, or the file lost bytes that its header has promised
//! ```
//!
//! Bytes go out together with the header in one `sendmsg`. A file goes by `sendfile`; its header is then sent with
//! `MSG_MORE`, so that both leave in one segment and the peer has no reason to delay its acknowledgement.

use super::connection::Connection;
use super::message::{After, Body};
use super::observations::{Met, Observations};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A response on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) connection: Connection,
    pub(crate) met: Met,
    pub(crate) header: Vec<u8>,
    pub(crate) header_sent: usize,
    pub(crate) body: Body,
    pub(crate) after: After,
}

/// How far one piece of work got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    More,
    Blocked,
    Failed,
}

impl Outgoing {
    /// Sends on, at most `budget` bytes of the body.
    pub(crate) fn advance(&mut self, budget: usize) -> Progress {
        let mut left = budget;
        while !self.is_complete() {
            if left == 0 {
                return Progress::More;
            }
            match self.send_some(left) {
                // A file that ends before its header says so.
                Ok(0) => return Progress::Failed,
                Ok(sent) => left = left.saturating_sub(sent),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Progress::Blocked,
                Err(_) => return Progress::Failed,
            }
        }
        Progress::Done
    }

    /// What is left of a connection whose response is done or failed: it is given back for the next request, or for
    /// its last input to be thrown away, or closed.
    pub(crate) fn end(mut self, progress: Progress, observations: &Observations) -> Option<Connection> {
        match progress {
            Progress::Done => observations.note_answered(self.met),
            Progress::Failed => {
                self.connection.note_broken();
                return None;
            }
            Progress::More | Progress::Blocked => unreachable!("a response that goes on has not ended"),
        }
        match self.after {
            After::Keep => Some(self.connection),
            After::Close if self.connection.buffer.is_empty() => None,
            After::Close | After::Linger => {
                self.connection.linger();
                Some(self.connection)
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.header_sent == self.header.len() && self.body.remaining() == 0
    }

    /// One system call. Returns how many bytes it sent, of which those of the header are few.
    fn send_some(&mut self, budget: usize) -> Result<usize, Errno> {
        let header = &self.header[self.header_sent..];
        match &mut self.body {
            Body::Bytes(bytes, position) => {
                let end = bytes.len().min(position.saturating_add(budget));
                let sent = send_both(self.connection.as_fd(), header, &bytes[*position..end])?;
                let of_header = sent.min(header.len());
                self.header_sent += of_header;
                *position += sent - of_header;
                Ok(sent)
            }
            Body::File { remaining, .. } if !header.is_empty() => {
                let more = if *remaining > 0 { SendFlags::MORE } else { SendFlags::empty() };
                let sent = rustix::net::send(&self.connection, header, SendFlags::NOSIGNAL | more)?;
                self.header_sent += sent;
                Ok(sent)
            }
            Body::File { file, offset, remaining } => {
                let sent = send_file(self.connection.as_fd(), file, offset, (*remaining).min(budget as u64))?;
                *remaining -= sent as u64;
                Ok(sent)
            }
        }
    }
}

fn send_both(socket: BorrowedFd<'_>, header: &[u8], body: &[u8]) -> Result<usize, Errno> {
    let parts = [IoSlice::new(header), IoSlice::new(body)];
    rustix::net::sendmsg(socket, &parts, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)
}

/// `sendfile` has no flag against SIGPIPE; Rust programs ignore that signal from their start.
fn send_file(socket: BorrowedFd<'_>, file: &OwnedFd, offset: &mut u64, count: u64) -> Result<usize, Errno> {
    let count = usize::try_from(count).expect("it is at most the budget, which is one");
    rustix::fs::sendfile(socket, file, Some(offset), count)
}
