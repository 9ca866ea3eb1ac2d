//! The consumer's end of an arc: it empties batches, and finds what stands between packets where it stands.

use super::super::carried::Carried;
use super::super::signal::{Bell, Place};
use super::super::sync::{Consumer, Order, Ordering, Producer, fence, in_order};
use super::{Batch, Between, Item, Parcel, Shared, in_its_place, is_here};
use neurath_model::protocol::Head;
use std::sync::Arc;
use std::vec;

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

impl Receiver {
    /// Before anything was taken.
    pub(super) fn new(shared: Arc<Shared>, (ring, spares): (Consumer<Batch>, Producer<Batch>)) -> Self {
        let batch = Batch::new().into_iter();
        Self { ring, batch, spares, shared, taken: 0, between: None, taken_between: 0, ended: false }
    }

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
