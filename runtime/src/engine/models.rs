//! Models of what threads do to each other over arcs, signals and mailboxes, explored by loom: interleavings of their steps, and the values
//! that loads may give under the C11 memory model.
//!
//! ```text
//!   engine/arc.rs  engine/signal.rs  engine/mailbox.rs    one source
//!          |                                |
//!   engine::sync: std, mio, rtrb     engine::models::sync: loom
//! ```
//!
//! The sources are included here once more, so that no build of its own is needed, and `cargo test` runs the models. What they show: no
//! word to a sleeper is lost, packets and markers keep their order, the bound is kept, and nothing is lost when an end moves. A lost word is
//! a deadlock, which loom reports. Each order that the sources name is taken away in a model that must then fail.
//!
//! What they do not show: runs with more interruptions than [`explore`] allows for. That threads sleep and wake as these do, which is the
//! worker's business, of which [`Worker`] is a small copy. And what loom leaves out of C11: no load gives a value that is stored later.

#![expect(clippy::duplicate_mod, reason = "that is the point")]
#![expect(clippy::arc_with_non_send_sync, reason = "all threads of a model run on one")]
#![allow(dead_code, reason = "not everything in the sources is used in models")]

#[path = "arc.rs"]
mod arc;
#[path = "mailbox.rs"]
mod mailbox;
#[path = "signal.rs"]
mod signal;

mod ring;
mod sync;

mod mail;
mod moving;
mod order;
mod room;
mod sleep;

/// What a marker carries in a model.
mod carried {
    /// The marker, and nothing more.
    #[derive(Debug)]
    pub(crate) struct Carried {
        pub(crate) marker: neurath_model::marker::Marker,
    }
}

use crate::packet::Packet;
use arc::{Item, Receiver, Sender};
use carried::Carried;
use neurath_model::id::{Lineage, OperatorId, UpdateId};
use neurath_model::marker::Marker;
use neurath_model::protocol::Head;
use signal::{Bell, Signal};
use std::sync::Arc;
use sync::{Fault, Poll};

/// Explores a model, with a fault switched in: all runs in which threads that could go on are interrupted three times at most. No fault
/// needs more to be found; without a bound, some models take hours. `LOOM_MAX_PREEMPTIONS` sets another.
fn explore(fault: Option<Fault>, model: impl Fn() + Send + Sync + 'static) {
    sync::switch_in(fault);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.check(model);
}

fn packet(n: i64) -> Item {
    Item::Packet(Lineage::new(OperatorId(0), 0), Packet::new(n))
}

fn marker(n: u32) -> Item {
    Item::Marker(Arc::new(Carried { marker: Marker { update: UpdateId(n) } }))
}

/// A thread that sends, receives and sleeps as a worker with one operator does.
struct Worker {
    poll: Poll,
    signal: Arc<Signal>,
    bell: Arc<Bell>,
}

impl Worker {
    fn new() -> Self {
        let poll = Poll::new();
        let signal = Arc::new(Signal::new(&poll).expect("a waker"));
        let bell = Bell::new(&signal);
        Self { poll, signal, bell }
    }

    /// Gives the operator its turn, and sleeps if it found nothing to do and its bell was not rung since.
    fn sleep_unless<T>(&self, finds: impl FnOnce() -> Option<T>) -> Option<T> {
        self.signal.gather(|_| ());
        self.bell.hush();
        let found = finds();
        if found.is_none() {
            if self.signal.announce_sleep() {
                self.poll.sleep();
            }
            self.signal.awake();
        }
        found
    }

    /// Waits for an item.
    fn receive(&self, receiver: &mut Receiver) -> Item {
        self.receive_after(receiver, || ())
    }

    /// Waits for an item; does something else before it takes it.
    fn receive_after(&self, receiver: &mut Receiver, before: impl Fn()) -> Item {
        let mut found = None;
        while found.is_none() {
            found = self.sleep_unless(|| take(receiver, &before));
        }
        found.expect("it was found")
    }

    /// Sends an item when there is room, and tells the consumer.
    fn send(&self, sender: &mut Sender, item: Item) {
        self.send_and(sender, item, || ());
    }

    /// Sends an item when there is room, and does something else in the same moment; tells the consumer.
    fn send_and(&self, sender: &mut Sender, item: Item, and: impl Fn()) {
        let mut left = sender.send(item).map(|()| and()).err();
        while let Some(item) = left.take() {
            self.sleep_unless(|| {
                left = sender.send(item).map(|()| and()).err();
                left.is_none().then_some(())
            });
        }
        sender.tell();
    }
}

/// Takes the head, if there is one, after something else.
fn take(receiver: &mut Receiver, before: impl Fn()) -> Option<Item> {
    let head = receiver.head();
    if head == Head::Empty {
        return None;
    }
    before();
    let item = receiver.take();
    let taken = match &item {
        Item::Packet(..) => Head::Packet,
        Item::Marker(carried) => Head::Marker(carried.marker.update),
        Item::End => Head::Closed,
    };
    assert_eq!(taken, head, "out of order: another item was taken than the head that was seen");
    Some(item)
}

/// The number of a packet; that of a marker, below zero; none for the end.
fn number(item: Item) -> Option<i64> {
    match item {
        Item::Packet(_, packet) => Some(packet.take()),
        Item::Marker(carried) => Some(-i64::from(carried.marker.update.0)),
        Item::End => None,
    }
}
