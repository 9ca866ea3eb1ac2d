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

use super::message::{After, Body, Exchange};
use super::observations::Observations;
use bytes::Buf;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd};

/// A response on its way. Its header stands in the exchange.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) exchange: Box<Exchange>,
    header_sent: usize,
    body: Body,
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
    /// Of which nothing is sent yet.
    pub(crate) fn new(mut exchange: Box<Exchange>) -> Self {
        let body = exchange.take_response();
        Self { exchange, header_sent: 0, body }
    }

    /// A number that no other response on its way has.
    pub(crate) fn key(&self) -> u32 {
        self.exchange.connection.key()
    }

    /// Sends on, at most `budget` bytes of the body.
    pub(crate) fn advance(&mut self, budget: usize) -> Progress {
        let mut left = budget;
        while !self.is_complete() {
            if left == 0 {
                return Progress::More;
            }
            let body_before = self.body.remaining();
            match self.send_some(left) {
                // A file that ends before its header says so.
                Ok(0) => return Progress::Failed,
                Ok(_) => left -= (body_before - self.body.remaining()) as usize,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Progress::Blocked,
                Err(_) => return Progress::Failed,
            }
        }
        Progress::Done
    }

    /// What is left of a connection whose response is done or failed: it is given back for the next request, or for
    /// its last input to be thrown away, or closed.
    pub(crate) fn end(mut self, progress: Progress, observations: &Observations) -> Option<Box<Exchange>> {
        let Exchange { connection, met, terms, .. } = &mut *self.exchange;
        match progress {
            Progress::Done => observations.note_answered(*met),
            Progress::Failed => {
                connection.note_broken();
                return None;
            }
            Progress::More | Progress::Blocked => unreachable!("a response that goes on has not ended"),
        }
        match terms.after {
            After::Keep => {}
            After::Close if connection.buffer.is_empty() => return None,
            After::Close | After::Linger => connection.linger(),
        }
        Some(self.exchange)
    }

    fn is_complete(&self) -> bool {
        self.header_sent == self.exchange.header.len() && self.body.remaining() == 0
    }

    /// One system call. Returns how many bytes it sent, at most `budget` of them of the body.
    fn send_some(&mut self, budget: usize) -> Result<usize, Errno> {
        let socket = self.exchange.connection.as_fd();
        let header = &self.exchange.header[self.header_sent..];
        match &mut self.body {
            Body::Bytes(bytes) => {
                let sent = send_both(socket, header, &bytes[..bytes.len().min(budget)])?;
                let of_header = sent.min(header.len());
                self.header_sent += of_header;
                bytes.advance(sent - of_header);
                Ok(sent)
            }
            Body::File { remaining, .. } if !header.is_empty() => {
                let more = if *remaining > 0 { SendFlags::MORE } else { SendFlags::empty() };
                let sent = rustix::net::send(socket, header, SendFlags::NOSIGNAL | more)?;
                self.header_sent += sent;
                Ok(sent)
            }
            Body::File { file, offset, remaining } => {
                let sent = send_file(socket, file, offset, (*remaining).min(budget as u64))?;
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
fn send_file(socket: BorrowedFd<'_>, file: &File, offset: &mut u64, count: u64) -> Result<usize, Errno> {
    let count = usize::try_from(count).expect("it is at most the budget, which is one");
    rustix::fs::sendfile(socket, file, Some(offset), count)
}

#[cfg(test)]
mod tests {
    use super::super::connection::{Connection, Seats};
    use super::*;
    use bytes::Bytes;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::sync::Arc;

    fn outgoing(body: Body) -> (Outgoing, File) {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).expect("a pair");
        let seats = Arc::new(Seats::new(Arc::default()).expect("an eventfd"));
        let mut exchange = Box::new(Exchange::new(Connection::new(ours, seats.take())));
        exchange.header = b"header ".to_vec();
        (Outgoing { exchange, header_sent: 0, body }, File::from(theirs))
    }

    /// Everything that was sent so far.
    fn received(mut from: &File) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _would_block = from.read_to_end(&mut bytes);
        bytes
    }

    fn file_with(start: u64, bytes: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.seek(SeekFrom::Start(start)).expect("it can be sparse");
        file.write_all(bytes).expect("a few bytes");
        file.into()
    }

    #[test]
    fn no_piece_is_longer_than_its_budget() {
        let file = Body::File { file: file_with(0, b"0123456789"), offset: 0, remaining: 10 };
        for body in [Body::Bytes(Bytes::from_static(b"0123456789")), file] {
            let (mut outgoing, peer) = outgoing(body);
            assert_eq!(outgoing.advance(9), Progress::More);
            assert_eq!(received(&peer), b"header 012345678");
            assert_eq!(outgoing.advance(9), Progress::Done);
            assert_eq!(received(&peer), b"9");
        }
    }

    #[test]
    fn files_beyond_4_gib_are_sent_from_where_they_are() {
        let start = (5 << 30) + 12_345;
        let body = Body::File { file: file_with(start, b"far out"), offset: start, remaining: 7 };
        let (mut outgoing, peer) = outgoing(body);
        assert_eq!(outgoing.advance(1 << 20), Progress::Done);
        assert_eq!(received(&peer), b"header far out");
    }

    #[test]
    fn a_promise_of_more_than_there_is_fails() {
        let body = Body::File { file: file_with(0, b"short"), offset: 0, remaining: 6 };
        let (mut outgoing, peer) = outgoing(body);
        assert_eq!(outgoing.advance(1 << 20), Progress::Failed);
        assert_eq!(received(&peer), b"header short");
        let observations = Observations::default();
        assert!(outgoing.end(Progress::Failed, &observations).is_none());
        assert_eq!(observations.answered(), 0);
    }

    #[test]
    fn a_socket_that_is_full_blocks_and_goes_on() {
        let bytes: Vec<u8> = (0..4_000_000u32).map(|i| (i % 251) as u8).collect();
        let (mut outgoing, peer) = outgoing(Body::Bytes(bytes.clone().into()));
        let mut all = Vec::new();
        assert_eq!(outgoing.advance(usize::MAX), Progress::Blocked);
        while outgoing.advance(usize::MAX) != Progress::Done {
            all.extend(received(&peer));
        }
        all.extend(received(&peer));
        assert!(all == [b"header ", bytes.as_slice()].concat());
    }
}
