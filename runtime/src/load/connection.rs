//! One kept-alive connection: a socket, the request under way on it, and the reader of its response.
//!
//! ```text
//! Down --retry--> Opening --writable--> Up --ended by the server, or given up--> Down
//! ```
//!
//! Says what happened; counting it and deciding what comes next is the client's work.

use super::reply::{Finished, Malformed, Reply};
use super::schedule::Arrival;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// How long to wait after the server refused a connection.
const RETRY: Duration = Duration::from_millis(10);

pub(super) struct Connection {
    link: Link,
    /// The request under way, or none if the connection is idle.
    pub(super) request: Option<Request>,
    /// How many of its arrivals have been due, and how many of these were sent: the difference waits here.
    pub(super) due: u64,
    pub(super) sent: u64,
    reply: Reply,
    outgoing: Vec<u8>,
    written: usize,
    interest: EventFlags,
}

enum Link {
    Down { retry: Duration },
    Opening(TcpStream),
    Up(TcpStream),
}

/// A request on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) arrival: Arrival,
    pub(super) sent_at: Duration,
}

/// What came of looking at a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Nothing more to do for now.
    Wait,
    /// It is open now.
    Opened,
    /// It could not be opened.
    Refused,
    /// The response to the request under way is complete.
    Response(Finished),
    /// What came is not a response.
    Malformed,
    /// Bytes came while no request was under way.
    Stray,
    /// The server ended it.
    Lost,
}

impl Connection {
    /// A connection that is to be opened at once.
    pub(super) fn new() -> Self {
        Self {
            link: Link::Down { retry: Duration::ZERO },
            request: None,
            due: 0,
            sent: 0,
            reply: Reply::new(),
            outgoing: Vec::with_capacity(256),
            written: 0,
            interest: EventFlags::empty(),
        }
    }

    /// Whether it could take a request now.
    pub(super) fn free(&self) -> bool {
        matches!(self.link, Link::Up(_)) && self.request.is_none()
    }

    /// Whether it is to be opened at that time.
    pub(super) fn wants_opening(&self, now: Duration) -> bool {
        matches!(self.link, Link::Down { retry } if retry <= now)
    }

    /// Whether any of its arrivals is not done with.
    pub(super) fn has_work(&self) -> bool {
        self.request.is_some() || self.sent < self.due
    }

    /// Takes an open socket.
    pub(super) fn adopt(&mut self, stream: TcpStream, poll: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        self.interest = EventFlags::IN;
        epoll::add(poll, &stream, EventData::new_u64(token), self.interest)?;
        self.link = Link::Up(stream);
        Ok(())
    }

    /// Begins to open it, without waiting; a socket that it had is given up.
    pub(super) fn open(&mut self, address: SocketAddr, poll: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        self.outgoing.clear();
        self.written = 0;
        self.link = Link::Down { retry: Duration::ZERO };
        let stream = connect(address)?;
        self.interest = EventFlags::IN | EventFlags::OUT;
        epoll::add(poll, &stream, EventData::new_u64(token), self.interest)?;
        self.link = Link::Opening(stream);
        Ok(())
    }

    /// Leaves it down for a moment, after a refusal.
    pub(super) fn back_off(&mut self, now: Duration) {
        self.link = Link::Down { retry: now + RETRY };
    }

    /// Sends a request; its head has been written by `compose` into the buffer it is given.
    pub(super) fn send(&mut self, request: Request, compose: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        assert!(self.free(), "one request at a time on a connection");
        self.outgoing.clear();
        self.written = 0;
        compose(&mut self.outgoing);
        self.reply.begin(request.arrival.method, request.arrival.compares);
        self.request = Some(request);
        self.sent += 1;
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        let Link::Up(stream) = &mut self.link else { return Ok(()) };
        while self.written < self.outgoing.len() {
            match stream.write(&self.outgoing[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Asks to be told of room for writing exactly while something is left to write.
    pub(super) fn update_interest(&mut self, poll: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let unwritten = self.written < self.outgoing.len();
        let wanted = if unwritten { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        if let Link::Up(stream) = &self.link
            && wanted != self.interest
        {
            epoll::modify(poll, stream, EventData::new_u64(token), wanted)?;
            self.interest = wanted;
        }
        Ok(())
    }

    /// Does what readiness allows. What is not done then is announced again: readiness is level-triggered.
    pub(super) fn ready(&mut self, flags: EventFlags, scratch: &mut [u8]) -> Event {
        match &self.link {
            Link::Down { .. } => Event::Wait,
            Link::Opening(_) => self.finish_opening(),
            Link::Up(_) => {
                if flags.contains(EventFlags::OUT) && self.flush().is_err() {
                    return Event::Lost;
                }
                self.receive(scratch)
            }
        }
    }

    fn finish_opening(&mut self) -> Event {
        let Link::Opening(stream) = std::mem::replace(&mut self.link, Link::Down { retry: Duration::ZERO }) else {
            unreachable!("only called on a connection that opens");
        };
        // On one machine, a socket that looks for a port nobody listens on may be given that very port, and meet itself.
        let is_met = stream.peer_addr().is_ok_and(|peer| stream.local_addr().is_ok_and(|local| local != peer));
        if is_met && matches!(stream.take_error(), Ok(None)) {
            self.link = Link::Up(stream);
            return Event::Opened;
        }
        Event::Refused
    }

    fn receive(&mut self, scratch: &mut [u8]) -> Event {
        let Link::Up(stream) = &mut self.link else { return Event::Wait };
        loop {
            let count = match stream.read(scratch) {
                Ok(0) => return Event::Lost,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Event::Wait,
                Err(_) => return Event::Lost,
            };
            if self.request.is_none() {
                return Event::Stray;
            }
            match self.reply.feed(&scratch[..count]) {
                Ok(Some(finished)) => return Event::Response(finished),
                Err(Malformed) => return Event::Malformed,
                // A short read has emptied the socket, and need not be followed by one that only says so.
                Ok(None) if count < scratch.len() => return Event::Wait,
                Ok(None) => {}
            }
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket: OwnedFd = rustix::net::socket_with(family(address), SocketType::STREAM, flags, None)?;
    match rustix::net::connect(socket.as_fd(), &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}

fn family(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}
