//! Arcs at run time: FIFO, one producer, one consumer, bounded in packets; their consumer's end moves.
//!
//! ```text
//!   producer          fills a batch ------ the ring: [0 1 2][3][4 5] ------> consumer empties a batch
//!                        ^-------------------- emptied batches --------------------------'
//!   what is between    ^2: marker  ^6: ring   in front of which packet it stands, counted from the first one ever sent
//! ```
//!
//! Packets go in batches through a ring that takes no lock: a packet is written once and read once, in one place. Emptied batches go
//! back the same way. If the ring is full while the arc is not, another, larger one goes on behind it.
//!
//! Markers and the end of the arc must never wait for room, so that an update is not held up by a full arc (protocol rule: markers do not
//! count against capacity). They go through a list of their own, under a lock, each with the number of packets sent before it. So
//! does the next ring: an arc that holds any number, or more than fits its ring, is a chain of them.
//!
//! The two are one FIFO. The consumer takes what is between when it has taken as many packets as were sent before it, and not
//! earlier. Nor does it later: what stands in front of a packet was put into the list and counted before that packet was put
//! into the ring. The consumer looks at the ring first and then at the count, so when it sees the packet it sees the count, too.
//! While nothing is between, that costs it the load of a number that does not change.
//!
//! The bound is kept by credit, as it would be between two machines: the consumer counts what it has taken, the
//! producer what it has sent. The producer remembers the consumer's count, and looks again only if that leaves no room.
//!
//! Packets are taken and sent in runs: what was taken is counted, and what was sent goes into the ring and is told of, when the run is
//! over ([`take_run`](Receiver::take_run), [`tell`](Sender::tell)).
//!
//! When the consumer's end moves with packets inside, the producer may be about to tell the old consumer of one more. It puts
//! the packet on the arc first and then asks who reads; the new consumer says that it reads first and then looks. With
//! sequential consistency between the two, either the producer tells the new one or the new one sees the packet (protocol rule 9).
//! The producer moves, too, when it is placed on another thread; it then looks for room once more, and so misses no word of it.
//!
//! Where both ends are on one thread, nothing can come between two things that this thread does, and none of this costs anything: an arc is a
//! plain queue then. Each end says where it is when it arrives on a thread, and that it is nowhere before it leaves. So a thread that reads its
//! own number there wrote it itself, and has not written anything else since: the other end is here.

// By their paths, since the models include this file from another place.
#[path = "arc/receiver.rs"]
mod receiver;
#[path = "arc/sender.rs"]
mod sender;

use super::carried::Carried;
use super::signal::{Bell, Place};
use super::sync::{AtomicBool, AtomicU32, AtomicUsize, Consumer, FIRST_RING, Mutex, Ordering, RingBuffer, SPARES};
use crate::packet::Packet;
use neurath_model::id::Lineage;
use std::collections::VecDeque;
use std::sync::Arc;
use std::vec;

pub(crate) use receiver::Receiver;
pub(crate) use sender::Sender;

/// What travels on an arc.
#[derive(Debug)]
pub(crate) enum Item {
    /// A packet and its lineage.
    Packet(Lineage, Packet),
    /// A marker and what it carries.
    Marker(Arc<Carried>),
    /// The end of the arc.
    End,
}

/// A packet and its lineage.
pub(crate) type Parcel = (Lineage, Packet);

/// Packets that go through the ring together.
pub(crate) type Batch = Vec<Parcel>;

/// What stands between packets.
#[derive(Debug)]
enum Between {
    Marker(Arc<Carried>),
    End,
    /// The packets that follow come through this.
    Ring(Consumer<Batch>),
}

/// On a cache line of its own: one side writes it for every packet.
#[derive(Debug)]
#[repr(align(128))]
struct Apart<T>(T);

/// What both ends see.
#[derive(Debug)]
struct Shared {
    taken: Apart<AtomicUsize>,
    /// How many packets the arc holds; changed when its end moves between a feedback port and another.
    capacity: AtomicUsize,
    /// Changed only by exchanges: each change knows the one before it.
    producer_waits: AtomicBool,
    producer: Mutex<Arc<Bell>>,
    consumer: Mutex<Arc<Bell>>,
    /// How often the consumer's end has moved.
    moves: AtomicU32,
    /// On which thread each end is.
    producer_at: AtomicUsize,
    consumer_at: AtomicUsize,
    /// What stands between packets, each with the number of packets sent before it.
    between: Mutex<VecDeque<(usize, Between)>>,
    /// How many were ever put there.
    put_between: AtomicUsize,
}

/// An arc between two operators; without a capacity it is unbounded.
pub(crate) fn arc(capacity: Option<usize>, producer: Arc<Bell>, consumer: Arc<Bell>) -> (Sender, Receiver) {
    let capacity = capacity.unwrap_or(usize::MAX);
    let (send, receive) = RingBuffer::new(capacity.min(FIRST_RING));
    let (give_back, spares) = RingBuffer::new(SPARES);
    let shared = Arc::new(Shared {
        taken: Apart(AtomicUsize::new(0)),
        capacity: AtomicUsize::new(capacity),
        producer_waits: AtomicBool::new(false),
        producer: Mutex::new(producer),
        consumer: Mutex::new(consumer.clone()),
        moves: AtomicU32::new(0),
        producer_at: AtomicUsize::new(Place::NOWHERE.0),
        consumer_at: AtomicUsize::new(Place::NOWHERE.0),
        between: Mutex::new(VecDeque::new()),
        put_between: AtomicUsize::new(0),
    });
    let sender = Sender::new(shared.clone(), (send, spares), consumer);
    (sender, Receiver::new(shared, (receive, give_back)))
}

/// Whether the end of an arc that says where it is is on this thread.
#[inline(always)]
fn is_here(end: &AtomicUsize) -> bool {
    let here = Place::here();
    here != Place::NOWHERE && end.load(Ordering::Relaxed) == here.0
}

/// What is left of a batch, where it lies: an iterator that is mapped and collected keeps its memory. (So the standard library does it today. If it
/// ceases to, this is slower and right.)
#[expect(
    clippy::map_identity,
    reason = "without an adapter in between, an iterator that has begun is collected elsewhere"
)]
pub(super) fn in_its_place(batch: vec::IntoIter<Parcel>) -> Batch {
    batch.map(|parcel| parcel).collect()
}
