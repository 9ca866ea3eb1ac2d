//! Clients that saturate a server: each asks for its next file as soon as it has the last one.
//!
//! ```text
//!   send request -> read the head -> throw away the body, or hash it -> all there? -> send the next
//!                   status, length    (every 64th is compared)
//! ```
//!
//! Such a closed loop says how much a server can do. It says less of latency than the open load of [`load`](crate::load) does, for it
//! asks least when the server is worst: the percentiles here are those of a queue as long as there are clients.
//!
//! One thread drives all, and spends as little as it can, so that what is measured is the server. A body that is not compared is
//! counted but not copied (`MSG_TRUNC` on a TCP socket has the kernel drop the bytes).

use super::load::{Load, Wanted};
use crate::load::pick;
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, event::Event};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::Xxh3;

/// One body of so many is compared with what is on disk.
const COMPARED: u64 = 64;
/// The first read of a response takes no more, for of the body it would be a copy.
const HEAD_SPACE: usize = 1 << 10;
const SPACE: usize = 256 << 10;
/// Without any byte for so long, the requests that are out have failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the clients ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// What ends before is not counted, but for its failures.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    /// No more requests than that.
    pub(crate) requests_max: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Right responses within the time measured.
    pub(crate) answered: u64,
    /// All requests that were begun.
    pub(crate) begun: u64,
    /// Bodies that were compared, and found right.
    pub(crate) compared: u64,
    pub(crate) seconds: f64,
    pub(crate) latency_us: Histogram<u64>,
    pub(crate) faults: Faults,
}

/// Requests that failed, by how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// No connection.
    pub(crate) refused: u64,
    /// The connection was closed or reset before the end of the response.
    pub(crate) cut: u64,
    /// Not HTTP, or not status 200.
    pub(crate) status: u64,
    /// Another length than the file's.
    pub(crate) length: u64,
    /// Another body than the file's.
    pub(crate) body: u64,
    /// No answer in time.
    pub(crate) stalled: u64,
}

impl Faults {
    /// How many in all.
    pub(crate) fn count(&self) -> u64 {
        let Self { refused, cut, status, length, body, stalled } = self;
        refused + cut + status + length + body + stalled
    }

    /// These and those.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            refused: self.refused + other.refused,
            cut: self.cut + other.cut,
            status: self.status + other.status,
            length: self.length + other.length,
            body: self.body + other.body,
            stalled: self.stalled + other.stalled,
        }
    }
}

impl Seen {
    /// What was seen in one span and then in another.
    pub(crate) fn and(mut self, later: &Self) -> Self {
        self.answered += later.answered;
        self.begun += later.begun;
        self.compared += later.compared;
        self.seconds += later.seconds;
        self.latency_us.add(&later.latency_us).expect("both hold the same range");
        self.faults = self.faults.and(later.faults);
        self
    }
}

/// Puts a load on the server at `address`. `tick` is called once when what is measured begins and once when it ends. `Err` if this
/// process cannot ask at all, or was told to stop.
pub(crate) fn saturate(
    load: &Load,
    address: SocketAddr,
    span: Span,
    stop: &AtomicBool,
    tick: &mut dyn FnMut(),
) -> io::Result<Seen> {
    let mut clients = Clients::new(load, address, span)?;
    let mut events = Events::with_capacity(256);
    (0..clients.all.len()).for_each(|number| clients.begin(number));
    while clients.is_busy() {
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::new(ErrorKind::Interrupted, "told to stop"));
        }
        match clients.poll.poll(&mut events, Some(Duration::from_millis(100))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        clients.pass_time(events.is_empty(), tick);
        events.iter().for_each(|event| clients.turn(event));
    }
    clients.finish(tick);
    Ok(clients.seen)
}

/// All clients, and what they have seen.
struct Clients<'a> {
    load: &'a Load,
    address: SocketAddr,
    span: Span,
    poll: Poll,
    all: Vec<Client>,
    /// How many wait for a response or for the end of a connection.
    busy: usize,
    started: Instant,
    now: Instant,
    last_byte: Instant,
    phase: Phase,
    space: Vec<u8>,
    seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measured,
    Over,
}

/// One client: its connection, and what it waits for.
struct Client {
    group: usize,
    socket: Option<TcpStream>,
    hung_up: bool,
    begun: Instant,
    wanted: usize,
    awaits: Awaits,
    head: Vec<u8>,
    hash: Option<Box<Xxh3>>,
}

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Nothing,
    Head,
    Body(u64),
    Close,
}

/// What came of reading.
enum Step {
    /// There may be more to read.
    GoOn,
    /// Nothing more now.
    Wait,
    /// The response is complete.
    Complete,
    /// The connection was closed after its one response.
    Closed,
    /// The request failed.
    Failed(fn(&mut Faults) -> &mut u64),
}

impl<'a> Clients<'a> {
    fn new(load: &'a Load, address: SocketAddr, span: Span) -> io::Result<Self> {
        let now = Instant::now();
        let client = |group| Client {
            group,
            socket: None,
            hung_up: false,
            begun: now,
            wanted: 0,
            awaits: Awaits::Nothing,
            head: Vec::new(),
            hash: None,
        };
        let groups = load.groups.iter().enumerate();
        let all = groups.flat_map(|(number, group)| (0..group.clients).map(move |_| client(number))).collect();
        let latency_us = Histogram::new(3).expect("three digits are possible");
        let faults = Faults::default();
        Ok(Self {
            load,
            address,
            span,
            poll: Poll::new()?,
            all,
            busy: 0,
            started: now,
            now,
            last_byte: now,
            phase: Phase::WarmUp,
            space: vec![0; SPACE],
            seen: Seen { answered: 0, begun: 0, compared: 0, seconds: 0.0, latency_us, faults },
        })
    }

    fn is_busy(&self) -> bool {
        self.busy > 0
    }

    /// Begins what is measured, ends it, and gives up on a server that is silent.
    fn pass_time(&mut self, is_silent: bool, tick: &mut dyn FnMut()) {
        self.now = Instant::now();
        if self.phase == Phase::WarmUp && self.now - self.started >= self.span.warm_up {
            self.phase = Phase::Measured;
            self.started = self.now;
            tick();
        } else if self.phase == Phase::Measured && self.now - self.started >= self.span.measured {
            self.finish(tick);
        }
        if is_silent && self.now - self.last_byte > PATIENCE {
            self.seen.faults.stalled += self.busy as u64;
            self.finish(tick);
            self.busy = 0;
        }
    }

    fn finish(&mut self, tick: &mut dyn FnMut()) {
        if self.phase == Phase::Measured {
            self.seen.seconds = (self.now - self.started).as_secs_f64();
            tick();
        }
        self.phase = Phase::Over;
    }

    /// A client asks for its next file, unless it is time to end.
    fn begin(&mut self, number: usize) {
        while self.phase != Phase::Over && self.seen.begun < self.span.requests_max {
            self.seen.begun += 1;
            let begun = self.seen.begun;
            let client = &mut self.all[number];
            let files = &self.load.groups[client.group].files;
            client.begun = self.now;
            client.wanted = pick(begun, files.len() as u64) as usize;
            client.hash = begun.is_multiple_of(COMPARED).then(Box::default);
            client.head.clear();
            if client.socket.is_none() && client.connect(self.address, &self.poll, Token(number)).is_err() {
                self.seen.faults.refused += 1;
            } else if client.ask(&files[client.wanted].request) {
                client.awaits = Awaits::Head;
                self.busy += 1;
                return;
            } else {
                self.seen.faults.cut += 1;
                client.socket = None;
            }
            // Failures take time too.
            self.now = Instant::now();
        }
        let client = &mut self.all[number];
        client.socket = None;
    }

    fn turn(&mut self, event: &Event) {
        let number = event.token().0;
        self.last_byte = self.now;
        self.all[number].hung_up |= event.is_read_closed() || event.is_error();
        loop {
            let files: &Rc<[Wanted]> = &self.load.groups[self.all[number].group].files;
            let client = &mut self.all[number];
            let wanted = &files[client.wanted];
            match client.step(wanted, &mut self.space) {
                Step::GoOn => continue,
                Step::Wait => return,
                Step::Complete => {
                    self.complete(number, wanted);
                    if self.all[number].awaits == Awaits::Close {
                        continue;
                    }
                }
                Step::Closed => self.end(number),
                Step::Failed(kind) => {
                    *kind(&mut self.seen.faults) += 1;
                    self.end(number);
                }
            }
            self.busy -= 1;
            return self.begin(number);
        }
    }

    fn end(&mut self, number: usize) {
        let client = &mut self.all[number];
        client.socket = None;
        client.awaits = Awaits::Nothing;
    }

    /// Counts a response, and looks at its body if it was hashed.
    fn complete(&mut self, number: usize, wanted: &Wanted) {
        let client = &mut self.all[number];
        client.awaits = if self.load.kept { Awaits::Nothing } else { Awaits::Close };
        self.now = Instant::now();
        if let Some(hash) = client.hash.take() {
            if hash.digest() != wanted.hash {
                self.seen.faults.body += 1;
                return;
            }
            self.seen.compared += 1;
        }
        if self.phase == Phase::Measured {
            self.seen.answered += 1;
            let latency = (self.now - client.begun).as_micros() as u64;
            self.seen.latency_us.record(latency.max(1)).expect("the histogram grows as needed");
        }
    }
}

impl Client {
    fn connect(&mut self, address: SocketAddr, poll: &Poll, token: Token) -> io::Result<()> {
        let socket = std::net::TcpStream::connect(address)?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        poll.registry().register(&mut socket, token, Interest::READABLE)?;
        (self.socket, self.hung_up) = (Some(socket), false);
        Ok(())
    }

    /// Sends a request; a small one always fits into a socket that is empty.
    fn ask(&self, request: &[u8]) -> bool {
        let Some(socket) = &self.socket else { return false };
        rustix::net::send(socket, request, SendFlags::NOSIGNAL) == Ok(request.len())
    }

    /// One read.
    fn step(&mut self, wanted: &Wanted, space: &mut [u8]) -> Step {
        match self.awaits {
            // A word after the last response of a client that has ended.
            Awaits::Nothing => Step::Wait,
            Awaits::Head => self.read_head(wanted, &mut space[..HEAD_SPACE]),
            Awaits::Body(left) => self.read_body(left, space),
            Awaits::Close => match self.receive(&mut space[..HEAD_SPACE], RecvFlags::empty()) {
                Ok(0) | Err(Errno::CONNRESET) => Step::Closed,
                Ok(_) => Step::Failed(|faults| &mut faults.length),
                Err(error) => without_bytes(error),
            },
        }
    }

    fn read_head(&mut self, wanted: &Wanted, space: &mut [u8]) -> Step {
        let count = match self.receive(space, RecvFlags::empty()) {
            Ok(0) => return Step::Failed(|faults| &mut faults.cut),
            Ok(count) => count,
            Err(error) => return without_bytes(error),
        };
        self.head.extend_from_slice(&space[..count]);
        match read_head(&self.head) {
            Some((head, Some(200), Some(length))) if length == wanted.bytes => {
                let body = &self.head[head..];
                if body.len() as u64 > length {
                    return Step::Failed(|faults| &mut faults.length);
                }
                if let Some(hash) = &mut self.hash {
                    hash.update(body);
                }
                self.after(length - body.len() as u64, count == space.len())
            }
            Some((_, Some(200), _)) => Step::Failed(|faults| &mut faults.length),
            Some(_) => Step::Failed(|faults| &mut faults.status),
            None if self.head.len() > SPACE => Step::Failed(|faults| &mut faults.status),
            None => Step::GoOn,
        }
    }

    fn read_body(&mut self, left: u64, space: &mut [u8]) -> Step {
        let at_most = space.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let flags = if self.hash.is_some() { RecvFlags::empty() } else { RecvFlags::TRUNC };
        match self.receive(&mut space[..at_most], flags) {
            Ok(0) => Step::Failed(|faults| &mut faults.cut),
            Ok(count) => {
                if let Some(hash) = &mut self.hash {
                    hash.update(&space[..count]);
                }
                self.after(left - count as u64, count == at_most)
            }
            Err(error) => without_bytes(error),
        }
    }

    /// So many bytes are left; a read that did not fill its space has emptied the socket.
    fn after(&mut self, left: u64, was_filled: bool) -> Step {
        self.awaits = Awaits::Body(left);
        match left {
            0 => Step::Complete,
            _ if was_filled || self.hung_up => Step::GoOn,
            _ => Step::Wait,
        }
    }

    fn receive(&self, space: &mut [u8], flags: RecvFlags) -> Result<usize, Errno> {
        let socket = self.socket.as_ref().expect("a client that waits has a connection");
        rustix::net::recv(socket, space, flags).map(|(_, count)| count)
    }
}

fn without_bytes(error: Errno) -> Step {
    match error {
        Errno::AGAIN => Step::Wait,
        Errno::INTR => Step::GoOn,
        _ => Step::Failed(|faults| &mut faults.cut),
    }
}

/// The length of a head, its status and the length of the body; `None` while it is not complete.
fn read_head(bytes: &[u8]) -> Option<(usize, Option<u16>, Option<u64>)> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(bytes) {
        Ok(httparse::Status::Partial) => None,
        Err(_) => Some((0, None, None)),
        Ok(httparse::Status::Complete(head)) => {
            let length = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("Content-Length"));
            let length = length.and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok());
            Some((head, response.code, length))
        }
    }
}
