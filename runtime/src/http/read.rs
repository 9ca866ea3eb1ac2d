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
//! The watch is set when a read first finds nothing, and stays while the connection is elsewhere in the flow. Edges
//! that come then are dropped; nothing is lost by it, because a connection that comes back is read before it is waited
//! for.
//!
//! A connection that is lingering (its last response is out, see [`Connection::linger`]) is held until its peer closes
//! too. Not done here: anything about the content of a head.

use super::connection::{Connection, Input};
use super::framing::Framed;
use super::message::Exchange;
use super::observations::Met;
use super::status::Status;
use crate::function::{Context, Function, Properties, Readiness};
use crate::packet::{Packet, State};
use mio::Interest;
use neurath_model::id::{Lineage, PortIndex};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

const OUT: PortIndex = PortIndex(0);
const READ_AT_ONCE: usize = 16 << 10;

/// The function of `http/read@1`.
pub(crate) struct Reader {
    /// Tells the watches of this reader from those of one before it, which may have been set on another poll.
    number: u64,
    head_max: usize,
    idle: BTreeMap<u32, Idle>,
    space: Vec<u8>,
    closed: bool,
}

/// A connection without a request, and the hold on the packet that it came in.
#[derive(Debug)]
pub(crate) struct Idle {
    held: Lineage,
    connection: Connection,
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
            idle: BTreeMap::new(),
            space: vec![0; READ_AT_ONCE],
            closed: false,
        };
        reader.configure(properties);
        reader
    }

    /// Reads until there is a request, or nothing more to read.
    fn attempt(&mut self, mut idle: Idle, cx: &mut Context<'_>) {
        loop {
            if let Some(head) = self.next_head(&mut idle.connection) {
                let met = Met { read: cx.version(), ..Met::default() };
                let exchange = Exchange { connection: idle.connection, met, head };
                return cx.release(idle.held, Some((OUT, Packet::new(exchange))));
            }
            match idle.connection.receive(&mut self.space) {
                Input::Bytes(count) => {
                    if !take_in(&mut idle.connection, &self.space[..count]) {
                        return cx.release(idle.held, None);
                    }
                }
                Input::Blocked => return self.wait(idle, cx),
                Input::End => return cx.release(idle.held, None),
                Input::Broken => {
                    idle.connection.note_broken();
                    return cx.release(idle.held, None);
                }
            }
        }
    }

    fn next_head(&self, connection: &mut Connection) -> Option<Result<Vec<u8>, Status>> {
        match connection.buffer.frame(self.head_max) {
            Framed::Partial => None,
            Framed::Head(head) => Some(Ok(head)),
            Framed::TooLong { in_first_line: true } => Some(Err(Status::TargetTooLong)),
            Framed::TooLong { in_first_line: false } => Some(Err(Status::HeadTooLarge)),
        }
    }

    fn wait(&mut self, mut idle: Idle, cx: &mut Context<'_>) {
        if idle.connection.watched_by != Some(self.number) && !self.watch(&mut idle.connection, cx) {
            idle.connection.note_broken();
            return cx.release(idle.held, None);
        }
        let before = self.idle.insert(idle.connection.key(), idle);
        assert!(before.is_none(), "the key of an open connection is its own");
    }

    /// Says whether the connection is watched now; the kernel's memory for watches may be used up.
    fn watch(&self, connection: &mut Connection, cx: &Context<'_>) -> bool {
        if connection.watched_by.is_some() {
            // Another reader's watch; it is on this poll, or it is none of ours.
            let _ = cx.unwatch(connection_fd(connection));
        }
        connection.watched_by = Some(self.number);
        cx.watch(connection_fd(connection), connection.key(), Interest::READABLE).is_ok()
    }
}

impl Function for Reader {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let idle = Idle { held: cx.lineage(), connection: packet.take() };
        if self.closed { cx.release(idle.held, None) } else { self.attempt(idle, cx) }
    }

    fn wake(&mut self, ready: &[Readiness], cx: &mut Context<'_>) {
        for readiness in ready {
            if let Some(idle) = self.idle.remove(&readiness.key) {
                self.attempt(idle, cx);
            }
        }
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        for idle in std::mem::take(&mut self.idle).into_values() {
            self.attempt(idle, cx);
        }
    }

    fn configure(&mut self, properties: &Properties) {
        self.head_max = usize::try_from(properties.integer("HEAD_MAX")).unwrap_or(usize::MAX);
    }

    fn export(self: Box<Self>, cx: &mut Context<'_>) -> State {
        let mut idle: Vec<Idle> = self.idle.into_values().collect();
        for Idle { connection, .. } in &mut idle {
            if connection.watched_by.take().is_some() {
                // It fails when there is no such watch, which is what is wanted.
                let _ = cx.unwatch(connection_fd(connection));
            }
        }
        State::new(IdleState(idle))
    }

    fn import(&mut self, state: State, _cx: &mut Context<'_>) {
        let IdleState(idle) = state.take();
        self.idle.extend(idle.into_iter().map(|idle| (idle.connection.key(), idle)));
    }

    fn close(&mut self, cx: &mut Context<'_>) {
        self.closed = true;
        for idle in std::mem::take(&mut self.idle).into_values() {
            cx.release(idle.held, None);
        }
    }
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

fn connection_fd(connection: &Connection) -> std::os::fd::BorrowedFd<'_> {
    std::os::fd::AsFd::as_fd(connection)
}
