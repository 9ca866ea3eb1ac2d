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

use super::carried::Carried;
use super::signal::{Bell, Place};
use super::sync::{
    AtomicBool, AtomicU32, AtomicUsize, Consumer, FIRST_RING, LARGEST_RING, Mutex, Order, Ordering, Producer,
    PushError, RingBuffer, SPARES, fence, in_order,
};
use crate::packet::Packet;
use neurath_model::id::Lineage;
use neurath_model::protocol::Head;
use std::collections::VecDeque;
use std::sync::Arc;
use std::vec;

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

/// The producer's end.
#[derive(Debug)]
pub(crate) struct Sender {
    ring: Producer<Batch>,
    shared: Arc<Shared>,
    /// How many went into rings.
    sent: usize,
    /// Packets that were sent and go into the ring together.
    batch: Batch,
    /// Batches that were emptied.
    spares: Consumer<Batch>,
    /// How many the batch may hold: there was room for them when it last looked, which was after it last told of what it sent.
    fits: usize,
    /// How many were taken when it last looked.
    taken: usize,
    /// Who read the arc when it had moved so often.
    consumer: Arc<Bell>,
    moves: u32,
    /// Whether there is something that the consumer was not told of.
    untold: bool,
}

/// The consumer's end.
#[derive(Debug)]
pub(crate) struct Receiver {
    ring: Consumer<Batch>,
    /// What it took from the ring last, as far as it is not empty yet.
    batch: vec::IntoIter<Parcel>,
    /// Where emptied batches go back to the producer.
    spares: Producer<Batch>,
    shared: Arc<Shared>,
    taken: usize,
    /// What stands between packets next, and how many packets were sent before it.
    between: Option<(usize, Between)>,
    taken_between: usize,
    ended: bool,
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
    let sender = Sender {
        ring: send,
        shared: shared.clone(),
        sent: 0,
        batch: Batch::new(),
        spares,
        fits: 0,
        taken: 0,
        consumer,
        moves: 0,
        untold: false,
    };
    let receiver = Receiver {
        ring: receive,
        batch: Batch::new().into_iter(),
        spares: give_back,
        shared,
        taken: 0,
        between: None,
        taken_between: 0,
        ended: false,
    };
    (sender, receiver)
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

impl Sender {
    /// How many packets go into the ring together at most.
    const BATCH: usize = 256;

    /// How many more packets fit, as far as it has looked: each that is sent makes it one less.
    pub(crate) fn known_room(&self) -> usize {
        let capacity = self.shared.capacity.load(Ordering::Relaxed);
        let sent = self.sent.wrapping_add(self.batch.len());
        capacity.saturating_sub(sent.wrapping_sub(self.taken))
    }

    /// How many more packets fit, at least; none only if none did just now.
    pub(crate) fn room(&mut self) -> usize {
        let room = self.known_room();
        if room > 0 {
            return room;
        }
        // Whoever sees that a packet was taken finds its place in the ring free.
        self.taken = self.shared.taken.0.load(Ordering::Acquire);
        self.known_room()
    }

    /// Whether there is a batch, and no room for more.
    pub(crate) fn is_full(&mut self) -> bool {
        !self.batch.is_empty() && self.room() == 0
    }

    /// How many more packets fit; so many can be put into the batch, though not more than one may hold.
    pub(crate) fn make_ready(&mut self) -> usize {
        let room = self.room();
        self.fits = self.batch.len().saturating_add(room).min(Self::BATCH);
        room
    }

    /// Looks for room; where there is none, the producer will be called when there is.
    #[cold]
    fn find_room_or_wait(&mut self) -> bool {
        self.put_in();
        let mut room = self.room();
        if room == 0 {
            self.shared.producer_waits.swap(true, Ordering::Relaxed);
            fence(Order::WaitThenRoom);
            room = self.room();
        }
        self.fits = room.min(Self::BATCH);
        room > 0
    }

    /// Puts the batch into the ring, if anything is in it.
    #[inline(always)]
    fn put_in(&mut self) {
        self.fits = 0;
        if !self.batch.is_empty() {
            self.put_batch_in();
        }
    }

    /// If the ring is full, it goes on in a larger one.
    fn put_batch_in(&mut self) {
        let next = self.spares.pop().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        let count = batch.len();
        if let Err(PushError::Full(batch)) = self.ring.push(batch) {
            self.go_on_in_a_larger_ring();
            self.ring.push(batch).expect("nothing is in it yet");
        }
        self.sent = self.sent.wrapping_add(count);
        self.untold = true;
    }

    /// Sends an item; a packet only where there is room. If there is none, it gives the packet back, and the producer will
    /// be called when there is. All of it is on the arc, and the consumer told, after [`tell`](Self::tell).
    pub(crate) fn send(&mut self, item: Item) -> Result<(), Item> {
        match item {
            Item::Packet(lineage, packet) => {
                return self.send_packet(lineage, packet).map_err(|packet| Item::Packet(lineage, packet));
            }
            Item::Marker(carried) => self.put_between(Between::Marker(carried)),
            Item::End => self.put_between(Between::End),
        }
        Ok(())
    }

    /// Before it takes another packet, it looks for room anew.
    pub(crate) fn forget_room(&mut self) {
        self.fits = 0;
    }

    /// The batch, if it can take another packet as it is.
    #[inline(always)]
    pub(crate) fn batch_with_room(&mut self) -> Option<&mut Batch> {
        let held = self.batch.len();
        (held < self.fits && held < self.batch.capacity()).then_some(&mut self.batch)
    }

    /// The same for a packet.
    pub(crate) fn send_packet(&mut self, lineage: Lineage, packet: Packet) -> Result<(), Packet> {
        if self.batch.len() >= self.fits && !self.find_room_or_wait() {
            return Err(packet);
        }
        self.batch.push((lineage, packet));
        Ok(())
    }

    #[cold]
    fn go_on_in_a_larger_ring(&mut self) {
        let size = (2 * self.ring.buffer().capacity()).min(LARGEST_RING);
        let (send, receive) = RingBuffer::new(size);
        self.set_between(Between::Ring(receive));
        self.ring = send;
    }

    fn put_between(&mut self, between: Between) {
        self.put_in();
        self.set_between(between);
        self.untold = true;
    }

    fn set_between(&self, between: Between) {
        assert!(!self.ring.is_abandoned(), "a consumer reads its arc to the end");
        self.shared.between.lock().expect("not poisoned").push_back((self.sent, between));
        self.shared.put_between.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells whoever reads the arc now of what was sent, if anything was.
    pub(crate) fn tell(&mut self) {
        self.put_in();
        if !std::mem::take(&mut self.untold) {
            return;
        }
        if !is_here(&self.shared.consumer_at) {
            fence(Order::WorkThenReader);
        }
        let moves = self.shared.moves.load(Ordering::Relaxed);
        if moves != self.moves {
            self.moves = moves;
            self.consumer = self.shared.consumer.lock().expect("not poisoned").clone();
        }
        self.consumer.ring();
    }

    /// This end is on this thread from now on.
    pub(crate) fn arrives(&self) {
        self.shared.producer_at.store(Place::here().0, Ordering::Relaxed);
    }

    /// The producer has another bell, and leaves the thread; it must look for room after this.
    pub(crate) fn moved(&self, producer: Arc<Bell>) {
        self.shared.producer_at.store(Place::NOWHERE.0, Ordering::Relaxed);
        *self.shared.producer.lock().expect("not poisoned") = producer;
    }
}

impl Receiver {
    /// The end has come to another consumer, at a port that holds so many packets; it must look for items after this. A
    /// producer that waits for room tries again.
    pub(crate) fn moved(&self, consumer: Arc<Bell>, capacity: Option<usize>) {
        self.read_by(consumer);
        self.set_capacity(capacity);
        self.arrives();
    }

    /// This end is on this thread from now on.
    pub(crate) fn arrives(&self) {
        self.shared.consumer_at.store(Place::here().0, Ordering::Relaxed);
    }

    /// This end is about to leave the thread.
    pub(crate) fn leaves(&self) {
        self.shared.consumer_at.store(Place::NOWHERE.0, Ordering::Relaxed);
    }

    /// The consumer has another bell, and leaves the thread; it must look for items after this.
    pub(crate) fn read_by(&self, consumer: Arc<Bell>) {
        self.leaves();
        let shared = &self.shared;
        in_order(
            Order::ReaderThenMove,
            || *shared.consumer.lock().expect("not poisoned") = consumer,
            || shared.moves.fetch_add(1, Ordering::Relaxed),
        );
        fence(Order::ReaderThenWork);
    }

    /// The end is on its way to a feedback port: from now on the arc holds any number. That must not wait until it is attached, for
    /// the producer, which may wait for room, may be the one to attach it.
    pub(crate) fn widen(&self) {
        self.set_capacity(None);
    }

    fn set_capacity(&self, capacity: Option<usize>) {
        self.shared.capacity.store(capacity.unwrap_or(usize::MAX), Ordering::Relaxed);
        self.wake_producer();
    }

    /// What stands at the head.
    pub(crate) fn head(&mut self) -> Head {
        self.look();
        match &self.between {
            Some((before, Between::Marker(carried))) if *before == self.taken => Head::Marker(carried.marker.update),
            Some((before, Between::End)) if *before == self.taken => Head::Closed,
            Some(_) | None if !self.batch.as_slice().is_empty() => Head::Packet,
            Some(_) | None => Head::Empty,
        }
    }

    /// Looks what there is, until it knows what stands at the head.
    fn look(&mut self) {
        loop {
            let Self { ring, batch, shared, .. } = self;
            let (next, put_between) = in_order(
                Order::RingThenBetween,
                || if batch.as_slice().is_empty() { ring.pop().ok() } else { None },
                || shared.put_between.load(Ordering::Relaxed),
            );
            if let Some(next) = next {
                self.go_on_with(next);
            }
            // The lock makes visible what was counted; nothing more needs to be ordered with the count.
            if self.between.is_none() && put_between != self.taken_between {
                self.between = self.shared.between.lock().expect("not poisoned").pop_front();
                self.taken_between = self.taken_between.wrapping_add(1);
            }
            let Some(ring) = self.next_ring() else { return };
            assert!(
                self.batch.as_slice().is_empty(),
                "a ring was emptied when as many packets were taken as were sent before the next"
            );
            self.ring = ring;
        }
    }

    fn go_on_with(&mut self, batch: Batch) {
        let emptied = in_its_place(std::mem::replace(&mut self.batch, batch.into_iter()));
        if emptied.capacity() > 0 {
            // Where there are enough of them, it is given up.
            let _ = self.spares.push(emptied);
        }
    }

    /// The ring through which the next packet comes, if it is another one.
    fn next_ring(&mut self) -> Option<Consumer<Batch>> {
        let taken = self.taken;
        let next = self.between.take_if(|(before, what)| *before == taken && matches!(what, Between::Ring(_)))?;
        let Between::Ring(ring) = next.1 else { unreachable!("only a ring was taken") };
        Some(ring)
    }

    /// What the marker at the head carries, if one stands there.
    pub(crate) fn marker(&self) -> Option<&Arc<Carried>> {
        match &self.between {
            Some((before, Between::Marker(carried))) if *before == self.taken => Some(carried),
            Some(_) | None => None,
        }
    }

    /// Takes the head, which must be there.
    pub(crate) fn take(&mut self) -> Item {
        self.look();
        let taken = self.taken;
        match self.between.take_if(|(before, _)| *before == taken) {
            None => {
                let (lineage, packet) = self.next_packet();
                self.publish();
                Item::Packet(lineage, packet)
            }
            Some((_, Between::Marker(carried))) => Item::Marker(carried),
            Some((_, Between::End)) => {
                self.ended = true;
                Item::End
            }
            Some((_, Between::Ring(_))) => unreachable!("it has looked into the next ring already"),
        }
    }

    /// How many packets stand at the head before anything else does; there may be more. `None` if something else is at the head.
    pub(crate) fn run(&mut self) -> Option<usize> {
        self.look();
        match &self.between {
            Some((before, _)) if *before == self.taken => None,
            Some((before, _)) => Some(self.batch.len().min(before.wrapping_sub(self.taken))),
            None => Some(self.batch.len()),
        }
    }

    /// Takes packets of a [`run`](Self::run), at most so many, for as long as they are wanted; says how many. Their room is the
    /// producer's when they are taken.
    #[inline(always)]
    pub(crate) fn take_run(&mut self, most: usize, mut wants: impl FnMut(Parcel) -> bool) -> usize {
        let mut count = 0;
        while count < most {
            let parcel = self.batch.next().expect("packets are taken where they stand");
            count += 1;
            if !wants(parcel) {
                break;
            }
        }
        self.taken = self.taken.wrapping_add(count);
        self.publish();
        count
    }

    fn next_packet(&mut self) -> Parcel {
        let parcel = self.batch.next().expect("an item is taken where one stands");
        self.taken = self.taken.wrapping_add(1);
        parcel
    }

    /// Gives the producer the room of what was taken.
    fn publish(&self) {
        self.shared.taken.0.store(self.taken, Ordering::Release);
        self.wake_producer();
    }

    /// Calls the producer if it waits for room, after there was made some.
    fn wake_producer(&self) {
        if !is_here(&self.shared.producer_at) {
            fence(Order::RoomThenWait);
        }
        let waits = &self.shared.producer_waits;
        if waits.load(Ordering::Relaxed) && waits.swap(false, Ordering::Relaxed) {
            self.shared.producer.lock().expect("not poisoned").ring();
        }
    }

    /// Whether the end was taken.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }
}
