//! `http/read`: waits for requests on idle connections, and lets each out as an exchange.
//!
//! A connection comes in new on `CONN` or after a response on `BACK`, and is held as open work until its next request
//! is framed. It is tried at once, for the request may be there already: pipelined, or just quicker than us.
//!
//! ```text
//!   connection in -> frame what is buffered -> read -> frame -> ... -> exchange out
//!                                               | nothing there
//!                                               v
//!                                    idle, watched (edge-triggered)
//! ```
//!
//! The watch is set when a read first finds nothing, and stays while the connection is elsewhere in the flow. An edge that comes then
//! is noted, so that a connection that comes back is read only if there may be something to read. That spares the read that finds
//! nothing, after every request that came alone:
//!
//! ```text
//!   watch set before -> read less than there was space for: dry -> away -> back, no edge noted   idle at once
//!                                                                  | edge: something came
//!                                                                  back, noted                   read
//! ```
//!
//! No watch, or that of a reader before this one, or a read that filled its space, or a peer that has ended (which is told once,
//! perhaps together with its last bytes): then a connection that comes back is read.
//!
//! A connection that is lingering (its last response is out, see [`Connection::linger`]) is held until its peer closes
//! too. Not done here: anything about the content of a head.

use super::connection::{Connection, Input, Watch};
use super::framing::Framed;
use super::message::{Exchange, Stage};
use super::observations::Met;
use super::places::Places;
use super::status::Status;
use crate::function::{Context, Function, Properties, Readiness};
use crate::packet::{Packet, State};
use mio::Interest;
use neurath_model::id::{Lineage, PortIndex};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};

const OUT: PortIndex = PortIndex(0);
const READ_AT_ONCE: usize = 16 << 10;

/// The function of `http/read@1`.
pub(crate) struct Reader {
    /// Tells the watches of this reader from those of one before it, which may have been set on another poll.
    number: u64,
    head_max: usize,
    idle: Places<Idle>,
    /// What the watches have told of connections that were elsewhere.
    news: Places<News>,
    space: Vec<u8>,
    closed: bool,
}

/// A connection without a request, and the hold on the packet that it came in.
#[derive(Debug)]
pub(crate) struct Idle {
    held: Lineage,
    exchange: Box<Exchange>,
}

/// That a watch has told something of a connection; whether also that the peer sends no more.
#[derive(Debug, Clone, Copy, Default)]
struct News {
    has_ended: bool,
}

/// The state type `http.Idle`: the idle connections, no longer watched.
#[derive(Debug)]
pub(crate) struct IdleState(Vec<Idle>);

impl Reader {
    /// Holds nothing.
    pub(crate) fn new(properties: &Properties) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut reader = Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            head_max: 0,
            idle: Places::default(),
            news: Places::default(),
            space: vec![0; READ_AT_ONCE],
            closed: false,
        };
        reader.configure(properties);
        reader
    }

    /// Reads until there is a request, or nothing more to read.
    fn attempt(&mut self, mut idle: Idle, cx: &mut Context<'_>) {
        let news = self.news.take(idle.exchange.connection.key());
        if let (Some(news), Some(watch)) = (news, &mut idle.exchange.connection.watch) {
            watch.is_dry = false;
            watch.has_ended |= news.has_ended;
        }
        loop {
            let connection = &mut idle.exchange.connection;
            if let Some(head) = next_head(connection, self.head_max) {
                return release(idle, head, cx);
            }
            if self.is_dry(connection) {
                return self.wait(idle, cx);
            }
            match connection.receive(&mut self.space) {
                Input::Bytes(count) => {
                    self.note_read(connection, count);
                    if !take_in(connection, &self.space[..count]) {
                        return cx.release(idle.held, None);
                    }
                }
                Input::Blocked => return self.wait(idle, cx),
                Input::End => return cx.release(idle.held, None),
                Input::Broken => {
                    connection.note_broken();
                    return cx.release(idle.held, None);
                }
            }
        }
    }

    /// Whether a read would find nothing.
    fn is_dry(&self, connection: &Connection) -> bool {
        connection.watch.is_some_and(|watch| watch.by == self.number && watch.is_dry)
    }

    /// A read that was given more space than it needed has left nothing, and what comes after it is an edge: if the watch was
    /// there before. An end is no more than one edge, and may have come with the bytes.
    fn note_read(&self, connection: &mut Connection, count: usize) {
        if let Some(watch) = connection.watch.as_mut().filter(|watch| watch.by == self.number) {
            watch.is_dry = count < self.space.len() && !watch.has_ended;
        }
    }

    fn wait(&mut self, mut idle: Idle, cx: &mut Context<'_>) {
        let connection = &mut idle.exchange.connection;
        if connection.watch.is_none_or(|watch| watch.by != self.number) && !self.watch(connection, cx) {
            connection.note_broken();
            return cx.release(idle.held, None);
        }
        self.idle.put(connection.key(), idle);
    }

    /// Says whether the connection is watched now; the kernel's memory for watches may be used up. What is there already, and
    /// came after the last look, is told as an edge.
    fn watch(&self, connection: &mut Connection, cx: &Context<'_>) -> bool {
        if connection.watch.is_some() {
            // Another reader's watch; it is on this poll, or it is none of ours.
            let _ = cx.unwatch(connection.as_fd());
        }
        connection.watch = Some(Watch { by: self.number, is_dry: false, has_ended: false });
        cx.watch(connection.as_fd(), connection.key(), Interest::READABLE).is_ok()
    }
}

impl Function for Reader {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let idle = Idle { held: cx.lineage(), exchange: packet.take_boxed() };
        if self.closed { cx.release(idle.held, None) } else { self.attempt(idle, cx) }
    }

    fn wake(&mut self, ready: &[Readiness], cx: &mut Context<'_>) {
        for Readiness { key, ended, .. } in ready {
            let before = self.news.take(*key).unwrap_or_default();
            self.news.put(*key, News { has_ended: before.has_ended || *ended });
            if let Some(idle) = self.idle.take(*key) {
                self.attempt(idle, cx);
            }
        }
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        for idle in self.idle.drain() {
            self.attempt(idle, cx);
        }
    }

    fn configure(&mut self, properties: &Properties) {
        self.head_max = usize::try_from(properties.integer("HEAD_MAX")).unwrap_or(usize::MAX);
    }

    fn export(mut self: Box<Self>, cx: &mut Context<'_>) -> State {
        let mut idle: Vec<Idle> = self.idle.drain().collect();
        for Idle { exchange, .. } in &mut idle {
            if exchange.connection.watch.take().is_some() {
                // It fails when there is no such watch, which is what is wanted.
                let _ = cx.unwatch(exchange.connection.as_fd());
            }
        }
        State::new(IdleState(idle))
    }

    fn import(&mut self, state: State, _cx: &mut Context<'_>) {
        let IdleState(idle) = state.take();
        idle.into_iter().for_each(|idle| self.idle.put(idle.exchange.connection.key(), idle));
    }

    fn close(&mut self, cx: &mut Context<'_>) {
        self.closed = true;
        for idle in self.idle.drain() {
            cx.release(idle.held, None);
        }
    }
}

fn next_head(connection: &mut Connection, head_max: usize) -> Option<Result<usize, Status>> {
    match connection.buffer.frame(head_max) {
        Framed::Partial => None,
        Framed::Head(end) => Some(Ok(end)),
        Framed::TooLong { in_first_line: true } => Some(Err(Status::TargetTooLong)),
        Framed::TooLong { in_first_line: false } => Some(Err(Status::HeadTooLarge)),
    }
}

/// Lets a request go.
fn release(Idle { held, mut exchange }: Idle, head: Result<usize, Status>, cx: &mut Context<'_>) {
    exchange.met = Met { read: cx.version(), ..Met::default() };
    exchange.stage = Stage::Framed(head);
    cx.release(held, Some((OUT, Packet::boxed(exchange))));
}

/// Puts away what came in; `false` when the connection has sent more than enough.
fn take_in(connection: &mut Connection, bytes: &[u8]) -> bool {
    match &mut connection.lingering {
        None => connection.buffer.extend(bytes),
        Some(left) => match left.checked_sub(bytes.len()) {
            Some(less) => *left = less,
            None => return false,
        },
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{Done, Out};
    use crate::http::connection::Seats;
    use mio::{Events, Poll};
    use neurath_model::id::{OperatorId, UpdateId};
    use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair};
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::io::Write;
    use std::sync::Arc;
    use std::time::Duration;

    const BACK: PortIndex = PortIndex(1);
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A reader that is called by hand, so that a test says when it looks.
    struct Driven {
        reader: Reader,
        poll: Poll,
        taken: u64,
    }

    /// What became of a connection that was given to a reader.
    #[derive(Debug)]
    enum Became {
        Held,
        Request(Box<Exchange>),
        Over,
    }

    impl Became {
        /// The connection, as it comes back when its request is answered.
        fn answered(self) -> Box<Exchange> {
            let Self::Request(mut exchange) = self else { panic!("{self:?} is no request") };
            let Stage::Framed(Ok(end)) = std::mem::take(&mut exchange.stage) else { panic!("no head") };
            exchange.connection.buffer.remove_head(end);
            exchange
        }
    }

    impl Driven {
        fn new() -> Self {
            let properties = [("HEAD_MAX".to_owned(), serde_json::Value::from(READ_AT_ONCE))].into();
            Self { reader: Reader::new(&Properties::new(properties)), poll: Poll::new().expect("a poll"), taken: 0 }
        }

        fn call(&mut self, lineage: Option<Lineage>, call: impl FnOnce(&mut Reader, &mut Context<'_>)) -> Became {
            let (mut done, mut again) = (Vec::new(), false);
            let mut cx = Context {
                out: Out::Noted { done: &mut done, room: 1, lineage },
                again: &mut again,
                version: UpdateId(0),
                poll: self.poll.registry(),
                token_base: 0,
            };
            call(&mut self.reader, &mut cx);
            match done.pop() {
                None => Became::Held,
                Some(Done::Release(_, Some((OUT, packet)))) => Became::Request(packet.take_boxed()),
                Some(Done::Release(_, None)) => Became::Over,
                Some(other) => panic!("{other:?}"),
            }
        }

        fn give(&mut self, exchange: Box<Exchange>) -> Became {
            self.taken += 1;
            let lineage = Lineage::new(OperatorId(0), self.taken);
            self.call(Some(lineage), |reader, cx| reader.fire(BACK, Packet::boxed(exchange), cx))
        }

        /// Lets the reader know what its watches tell.
        fn look(&mut self) -> Became {
            let mut events = Events::with_capacity(8);
            self.poll.poll(&mut events, Some(Duration::ZERO)).expect("a poll");
            let ready: BTreeMap<u32, bool> =
                events.iter().map(|event| (event.token().0 as u32, event.is_read_closed())).collect();
            let ready: Vec<Readiness> = ready
                .into_iter()
                .map(|(key, ended)| Readiness { key, readable: true, writable: false, ended })
                .collect();
            self.call(None, |reader, cx| reader.wake(&ready, cx))
        }

        /// A connection whose first request came in when it was watched already, and its other end.
        fn asked(&mut self, request: &[u8]) -> (Box<Exchange>, File) {
            let (exchange, mut peer) = connection();
            assert!(matches!(self.give(exchange), Became::Held));
            peer.write_all(request).expect("room");
            (self.look().answered(), peer)
        }
    }

    fn connection() -> (Box<Exchange>, File) {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).expect("a pair");
        let seats = Arc::new(Seats::new(Arc::default()).expect("an eventfd"));
        (Box::new(Exchange::new(Connection::new(ours, seats.take()))), theirs.into())
    }

    /// That it is held although a request is there shows that nothing was read.
    #[test]
    fn a_dry_connection_that_comes_back_is_not_read_before_its_watch_tells() {
        let mut driven = Driven::new();
        let (exchange, mut peer) = driven.asked(REQUEST);
        peer.write_all(REQUEST).expect("room");
        assert!(matches!(driven.give(exchange), Became::Held));
        let exchange = driven.look().answered();
        assert!(matches!(driven.give(exchange), Became::Held), "and again");
        assert!(matches!(driven.look(), Became::Held), "nothing came");
    }

    #[test]
    fn what_came_while_it_was_away_is_read_when_it_comes_back() {
        let mut driven = Driven::new();
        let (exchange, mut peer) = driven.asked(REQUEST);
        peer.write_all(REQUEST).expect("room");
        assert!(matches!(driven.look(), Became::Held), "it is not here");
        let exchange = driven.give(exchange).answered();
        assert!(matches!(driven.give(exchange), Became::Held), "that news is old now");
    }

    #[test]
    fn an_end_is_seen_whenever_it_comes() {
        for with_request in [true, false] {
            let mut driven = Driven::new();
            let (exchange, mut peer) = connection();
            assert!(matches!(driven.give(exchange), Became::Held));
            peer.write_all(REQUEST).expect("room");
            if with_request {
                shutdown(&peer, Shutdown::Write).expect("open");
            }
            let exchange = driven.look().answered();
            if !with_request {
                shutdown(&peer, Shutdown::Write).expect("open");
                assert!(matches!(driven.look(), Became::Held), "it is not here");
            }
            assert!(matches!(driven.give(exchange), Became::Over), "with its request: {with_request}");
        }
    }

    #[test]
    fn a_read_that_filled_its_space_is_not_the_last() {
        let mut driven = Driven::new();
        let first = [&b"GET / HTTP/1.1\r\nHost: "[..], &[b'a'; READ_AT_ONCE - 26], b"\r\n\r\n"].concat();
        assert_eq!(first.len(), READ_AT_ONCE);
        let (exchange, _peer) = driven.asked(&[&first, REQUEST].concat());
        let exchange = driven.give(exchange).answered();
        assert!(matches!(driven.give(exchange), Became::Held));
    }

    #[test]
    fn the_watch_of_another_reader_is_not_relied_on() {
        let (mut one, mut other) = (Driven::new(), Driven::new());
        let (exchange, mut peer) = one.asked(REQUEST);
        peer.write_all(REQUEST).expect("room");
        let exchange = other.give(exchange).answered();
        assert!(matches!(other.give(exchange), Became::Held));
        peer.write_all(REQUEST).expect("room");
        let exchange = other.look().answered();
        peer.write_all(REQUEST).expect("room");
        assert!(matches!(other.give(exchange), Became::Held), "now it has a watch of its own");
        other.look().answered();
    }
}
