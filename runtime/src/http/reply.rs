//! `http/reply`, in two versions: `1` sends each response before it takes the next, `nio` sends many at a time.
//!
//! ```text
//!   reply@1    response -> send, wait for the socket, send, ... -> the connection goes BACK
//!   reply@nio  response -> send a chunk -> more: again, after the others had their turn
//!                                       -> blocked: watch the socket for writing
//!                                       -> done: the connection goes BACK
//! ```
//!
//! A half-sent response is open work, held with the lineage of its request. The two versions keep it in state types of
//! their own, so that an update has to say what becomes of it: the transfers `reply-to-nio` and `reply-to-blocking`
//! carry it over as it is, to the byte. Version `1` finishes what was carried to it before anything else, all of it at
//! once, so that one slow client does not make the others wait; after that it holds nothing between firings.
//!
//! Both versions send both kinds of body. Which kind meets which version is for the update check to promise, not for
//! a client to suffer from.

use super::message::Exchange;
use super::observations::Observations;
use super::places::Places;
use super::send::{Outgoing, Progress};
use crate::function::{Context, Function, Properties, Readiness};
use crate::packet::{Packet, State};
use mio::Interest;
use neurath_model::id::{Lineage, PortIndex};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

const BACK: PortIndex = PortIndex(0);

/// A response that is not out yet, and the hold on the packet that it came in.
#[derive(Debug)]
pub(crate) struct HalfSent {
    held: Lineage,
    outgoing: Outgoing,
}

/// The state type `http.ReplyBlocking`: empty, but for what was carried over and not started on.
#[derive(Debug)]
pub(crate) struct BlockingState(Vec<HalfSent>);

/// The state type `http.ReplyNio`: what waits for sockets, in the order of the connections' keys.
#[derive(Debug)]
pub(crate) struct NioState(Vec<HalfSent>);

/// The transfer `reply-to-nio`.
pub(crate) fn to_nio(BlockingState(half_sent): BlockingState) -> NioState {
    NioState(half_sent)
}

/// The transfer `reply-to-blocking`.
pub(crate) fn to_blocking(NioState(half_sent): NioState) -> BlockingState {
    BlockingState(half_sent)
}

/// The function of `http/reply@1`.
pub(crate) struct BlockingReply {
    timeout: Timespec,
    carried: Vec<HalfSent>,
    observations: Arc<Observations>,
}

impl BlockingReply {
    /// How much of one response is sent before the others that were carried over have their turn.
    const PIECE: usize = 1 << 20;

    /// Holds nothing.
    pub(crate) fn new(properties: &Properties, observations: &Arc<Observations>) -> Self {
        let observations = Arc::clone(observations);
        let mut reply = Self { timeout: Timespec { tv_sec: 0, tv_nsec: 0 }, carried: Vec::new(), observations };
        reply.configure(properties);
        reply
    }

    /// Sends all of them. Those that make no progress within the timeout, while none of the others does either, fail.
    fn finish(&self, mut half_sent: Vec<HalfSent>, cx: &mut Context<'_>) {
        while !half_sent.is_empty() {
            let mut blocked = Vec::new();
            let mut going_on = Vec::new();
            for mut half in half_sent {
                match half.outgoing.advance(Self::PIECE) {
                    Progress::Blocked => blocked.push(half),
                    Progress::More => going_on.push(half),
                    end @ (Progress::Done | Progress::Failed) => release(half, end, &self.observations, cx),
                }
            }
            if going_on.is_empty() && !blocked.is_empty() && !self.wait_for_any(&blocked) {
                return blocked.into_iter().for_each(|half| release(half, Progress::Failed, &self.observations, cx));
            }
            going_on.append(&mut blocked);
            half_sent = going_on;
        }
    }

    /// Whether one of the sockets takes more, before the time is over.
    fn wait_for_any(&self, blocked: &[HalfSent]) -> bool {
        let mut sockets: Vec<PollFd<'_>> =
            blocked.iter().map(|half| PollFd::new(&half.outgoing.exchange.connection, PollFlags::OUT)).collect();
        match rustix::event::poll(&mut sockets, Some(&self.timeout)) {
            Ok(ready) => ready > 0,
            Err(rustix::io::Errno::INTR) => true,
            Err(_) => false,
        }
    }
}

impl Function for BlockingReply {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let half = take_in(packet, cx);
        self.finish(vec![half], cx);
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        let carried = std::mem::take(&mut self.carried);
        self.finish(carried, cx);
    }

    fn configure(&mut self, properties: &Properties) {
        let milliseconds = i64::try_from(properties.integer("SEND_TIMEOUT_MS")).unwrap_or(i64::MAX);
        self.timeout = Timespec { tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000 };
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(BlockingState(self.carried))
    }

    fn import(&mut self, state: State, _cx: &mut Context<'_>) {
        let BlockingState(carried) = state.take();
        self.carried = carried;
    }
}

/// The function of `http/reply@nio`.
pub(crate) struct NioReply {
    chunk: usize,
    half_sent: Places<Waiting>,
    /// Those that can go on at once.
    runnable: Vec<u32>,
    observations: Arc<Observations>,
}

/// A half-sent response, and the watch on its socket once that has blocked.
struct Waiting {
    half: HalfSent,
    /// A second descriptor of the socket: `read` watches the first one, perhaps in the same poll, and a poll knows a
    /// descriptor only once.
    watched: Option<OwnedFd>,
}

impl NioReply {
    /// A smaller chunk would cost more in system calls than it gives in fairness.
    const CHUNK_MIN: usize = 4 << 10;

    /// Holds nothing.
    pub(crate) fn new(properties: &Properties, observations: &Arc<Observations>) -> Self {
        let observations = Arc::clone(observations);
        let mut reply = Self { chunk: 0, half_sent: Places::default(), runnable: Vec::new(), observations };
        reply.configure(properties);
        reply
    }

    /// Sends one chunk.
    fn advance(&mut self, mut waiting: Waiting, cx: &mut Context<'_>) {
        match waiting.half.outgoing.advance(self.chunk) {
            Progress::More => {
                self.runnable.push(waiting.half.outgoing.key());
                cx.again();
            }
            Progress::Blocked => {
                if !waiting.watch(cx) {
                    return waiting.end(Progress::Failed, &self.observations, cx);
                }
            }
            end @ (Progress::Done | Progress::Failed) => return waiting.end(end, &self.observations, cx),
        }
        self.half_sent.put(waiting.half.outgoing.key(), waiting);
    }
}

impl Waiting {
    /// Says whether the socket is watched now; descriptors or the kernel's memory for watches may be used up.
    fn watch(&mut self, cx: &Context<'_>) -> bool {
        if self.watched.is_some() {
            return true;
        }
        let connection = &self.half.outgoing.exchange.connection;
        let Ok(second) = rustix::io::fcntl_dupfd_cloexec(connection, 0) else { return false };
        let is_watched = cx.watch(second.as_fd(), connection.key(), Interest::WRITABLE).is_ok();
        self.watched = is_watched.then_some(second);
        is_watched
    }

    fn unwatch(&mut self, cx: &Context<'_>) {
        if let Some(second) = self.watched.take() {
            cx.unwatch(second.as_fd()).expect("what is watched can be unwatched");
        }
    }

    fn end(mut self, progress: Progress, observations: &Observations, cx: &mut Context<'_>) {
        self.unwatch(cx);
        release(self.half, progress, observations, cx);
    }
}

impl Function for NioReply {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let half = take_in(packet, cx);
        self.advance(Waiting { half, watched: None }, cx);
    }

    fn wake(&mut self, ready: &[Readiness], cx: &mut Context<'_>) {
        let mut turn = std::mem::take(&mut self.runnable);
        turn.extend(ready.iter().map(|r| r.key));
        // Each has one turn, for whatever reasons it has it.
        turn.sort_unstable();
        turn.dedup();
        for key in turn {
            if let Some(waiting) = self.half_sent.take(key) {
                self.advance(waiting, cx);
            }
        }
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        self.wake(&[], cx);
    }

    fn configure(&mut self, properties: &Properties) {
        self.chunk = usize::try_from(properties.integer("CHUNK")).unwrap_or(usize::MAX).max(Self::CHUNK_MIN);
    }

    fn export(mut self: Box<Self>, cx: &mut Context<'_>) -> State {
        let carry = |mut waiting: Waiting| {
            waiting.unwatch(cx);
            waiting.half
        };
        State::new(NioState(self.half_sent.drain().map(carry).collect()))
    }

    fn import(&mut self, state: State, _cx: &mut Context<'_>) {
        let NioState(carried) = state.take();
        for half in carried {
            let key = half.outgoing.key();
            self.runnable.push(key);
            self.half_sent.put(key, Waiting { half, watched: None });
        }
    }
}

fn take_in(packet: Packet, cx: &Context<'_>) -> HalfSent {
    let mut exchange: Box<Exchange> = packet.take_boxed();
    exchange.met.reply = cx.version();
    HalfSent { held: cx.lineage(), outgoing: Outgoing::new(exchange) }
}

/// Ends the hold, and sends the connection back if it lives on.
fn release(half: HalfSent, progress: Progress, observations: &Observations, cx: &mut Context<'_>) {
    let lives_on = half.outgoing.end(progress, observations);
    cx.release(half.held, lives_on.map(|exchange| (BACK, Packet::boxed(exchange))));
}
