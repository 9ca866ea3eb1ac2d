//! The producer's end of an arc: it fills batches, as far as it knows of room.

use super::super::signal::{Bell, Place};
use super::super::sync::{Consumer, LARGEST_RING, Order, Ordering, Producer, PushError, RingBuffer, fence};
use super::{Batch, Between, Item, Shared, is_here};
use crate::packet::Packet;
use neurath_model::id::Lineage;
use std::sync::Arc;

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

impl Sender {
    /// How many packets go into the ring together at most.
    const BATCH: usize = 256;

    /// Before anything was sent.
    pub(super) fn new(
        shared: Arc<Shared>,
        (ring, spares): (Producer<Batch>, Consumer<Batch>),
        consumer: Arc<Bell>,
    ) -> Self {
        let batch = Batch::new();
        Self { ring, shared, sent: 0, batch, spares, fits: 0, taken: 0, consumer, moves: 0, untold: false }
    }

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
    pub(crate) fn find_room_or_wait(&mut self) -> bool {
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
