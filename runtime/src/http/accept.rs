//! `http/accept`: takes connections from a listening socket, up to a cap.
//!
//! It accepts while connections are there, the output has room, and the cap allows it. What stops it says how it
//! goes on, so that it neither spins nor sleeps for ever:
//!
//! ```text
//!   no connection there        the listening socket becomes readable
//!   the output is full         another wake is asked for; it comes when the output has taken what was emitted
//!   the cap is reached         the next connection that ends writes the eventfd (see [`Seats`])
//!   no descriptors or memory   the same, or the next connection that comes in
//! ```
//!
//! The listening socket passes `TCP_NODELAY` on to what it accepts. There may be several acceptors in a flow, each with its
//! own address and cap. One that is closed stops listening at once; the connections that it accepted live on, and those that
//! the kernel had ready for it are refused.
//!
//! Not done: changing the address of a running listener; a new `LISTEN` counts from the next time the function is built.

use super::connection::{Connection, Seats};
use super::listening::Listener;
use super::message::Exchange;
use super::observations::Observations;
use crate::function::{BuildError, Context, Function, Properties, Readiness};
use crate::packet::{Packet, State};
use mio::Interest;
use neurath_model::id::PortIndex;
use rustix::io::Errno;
use rustix::net::SocketFlags;
use std::os::fd::AsFd;
use std::sync::Arc;

const OUT: PortIndex = PortIndex(0);
const LISTENER: u32 = 0;
const SEATS: u32 = 1;

/// The function of `http/accept@1`.
pub(crate) struct Acceptor {
    state: ListenerState,
    cap: usize,
}

/// The state type `http.Listener`: the listening socket, until it is closed, and the seats of the connections it accepted.
#[derive(Debug)]
pub(crate) struct ListenerState {
    listener: Option<Listener>,
    seats: Arc<Seats>,
}

/// Why accepting stopped.
enum Stop {
    NoneThere,
    NoRoom,
    NoSeat,
    NoResources,
}

impl Acceptor {
    /// Binds and listens.
    pub(crate) fn new(properties: &Properties, observations: &Arc<Observations>) -> Result<Self, BuildError> {
        let text = properties.text("LISTEN");
        let listener = observations.listen(text).map_err(|error| {
            BuildError(format!("cannot listen on `{text}`: {error}; is the address free and ours?"))
        })?;
        let seats = Seats::new(Arc::clone(observations))
            .map_err(|error| BuildError(format!("cannot make an eventfd: {error}")))?;
        let state = ListenerState { listener: Some(listener), seats: Arc::new(seats) };
        let mut acceptor = Self { state, cap: 0 };
        acceptor.configure(properties);
        Ok(acceptor)
    }

    fn accept_all(&mut self, cx: &mut Context<'_>) {
        let mut asked = false;
        loop {
            match self.accept_while_possible(cx) {
                Stop::NoneThere => return,
                Stop::NoRoom => return cx.again(),
                Stop::NoSeat | Stop::NoResources if asked => return,
                // One may have ended between the look and the question, hence another look.
                Stop::NoSeat | Stop::NoResources => self.state.seats.await_one(),
            }
            asked = true;
        }
    }

    /// The eventfd lives on as long as any connection that was accepted: nobody may be woken by it any more.
    fn unwatch(&self, cx: &Context<'_>) {
        let Some(listener) = &self.state.listener else { return };
        // Both fail only where nothing is watched.
        let _ = cx.unwatch(listener.socket.as_fd());
        let _ = cx.unwatch(self.state.seats.as_fd());
    }

    /// Emits one connection more than there is room for when there is none at all: the operator then waits until it is
    /// in, and the wake it asks for comes after that.
    fn accept_while_possible(&mut self, cx: &mut Context<'_>) -> Stop {
        let ListenerState { listener: Some(listener), seats } = &self.state else { return Stop::NoneThere };
        loop {
            if seats.taken() >= self.cap {
                return Stop::NoSeat;
            }
            match rustix::net::accept_with(&listener.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(socket) => {
                    let connection = Connection::new(socket, seats.take());
                    cx.emit(OUT, Packet::new(Exchange::new(connection)));
                }
                Err(Errno::AGAIN) => return Stop::NoneThere,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => return Stop::NoResources,
                // The connection that was to be accepted is gone and no longer in the queue, so this does not repeat.
                Err(_) => {}
            }
            if cx.room() == 0 {
                return Stop::NoRoom;
            }
        }
    }
}

impl Function for Acceptor {
    fn wake(&mut self, ready: &[Readiness], cx: &mut Context<'_>) {
        if ready.iter().any(|r| r.key == SEATS) {
            self.state.seats.hush();
        }
        self.accept_all(cx);
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        let Some(listener) = &self.state.listener else { return };
        cx.watch(listener.socket.as_fd(), LISTENER, Interest::READABLE).expect("a listening socket can be watched");
        cx.watch(self.state.seats.as_fd(), SEATS, Interest::READABLE).expect("an eventfd can be watched");
    }

    fn configure(&mut self, properties: &Properties) {
        self.cap = usize::try_from(properties.integer("CONNECTIONS")).unwrap_or(usize::MAX);
    }

    fn export(self: Box<Self>, cx: &mut Context<'_>) -> State {
        self.unwatch(cx);
        State::new(self.state)
    }

    fn import(&mut self, state: State, _cx: &mut Context<'_>) {
        self.state = state.take();
    }

    fn close(&mut self, cx: &mut Context<'_>) {
        self.unwatch(cx);
        self.state.listener = None;
    }
}
