//! Arcs at run time: FIFO, one producer, one consumer, bounded in packets.
//!
//! The bound is kept by credit, as it would be between two machines: the consumer counts what it has taken, the
//! producer what it has sent. Markers and the end of the arc are not counted, so that an update is never held up by
//! a full arc that it does not need (protocol rule: markers do not count against capacity). The queue behind it is
//! std's list-based channel, which grows in blocks and frees them.

use crate::engine::carried::Carried;
use crate::engine::signal::Signal;
use crate::packet::Packet;
use neurath_model::id::Lineage;
use neurath_model::protocol::Head;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::mpsc;

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

/// What both ends see.
#[derive(Debug)]
struct Shared {
    taken: AtomicUsize,
    producer_waits: AtomicBool,
    producer: Arc<Signal>,
    consumer: Arc<Signal>,
}

/// The producer's end.
#[derive(Debug)]
pub(crate) struct Sender {
    queue: mpsc::Sender<Item>,
    shared: Arc<Shared>,
    sent: usize,
    capacity: usize,
}

/// The consumer's end.
#[derive(Debug)]
pub(crate) struct Receiver {
    queue: mpsc::Receiver<Item>,
    shared: Arc<Shared>,
    head: Option<Item>,
    ended: bool,
}

/// An arc between two workers (or two operators of one); without a capacity it is unbounded.
pub(crate) fn arc(capacity: Option<usize>, producer: Arc<Signal>, consumer: Arc<Signal>) -> (Sender, Receiver) {
    let (send, receive) = mpsc::channel();
    let shared =
        Arc::new(Shared { taken: AtomicUsize::new(0), producer_waits: AtomicBool::new(false), producer, consumer });
    let capacity = capacity.unwrap_or(usize::MAX);
    (
        Sender { queue: send, shared: shared.clone(), sent: 0, capacity },
        Receiver { queue: receive, shared, head: None, ended: false },
    )
}

impl Sender {
    /// How many more packets fit.
    pub(crate) fn room(&self) -> usize {
        let under_way = self.sent.wrapping_sub(self.shared.taken.load(Ordering::Acquire));
        self.capacity - under_way.min(self.capacity)
    }

    /// Whether a packet fits; if not, the producer will be woken when one does.
    pub(crate) fn has_room_or_waits(&self) -> bool {
        if self.room() > 0 {
            return true;
        }
        self.shared.producer_waits.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.room() > 0
    }

    /// Puts an item on the arc; a packet only where there is room. The consumer is told by [`notify`](Self::notify).
    pub(crate) fn send(&mut self, item: Item) {
        if matches!(item, Item::Packet(..)) {
            assert!(self.room() > 0, "a packet is sent only where there is room");
            self.sent = self.sent.wrapping_add(1);
        }
        self.queue.send(item).expect("a consumer reads its arc to the end");
    }

    /// Tells the consumer that something was sent.
    pub(crate) fn notify(&self) {
        self.shared.consumer.notify();
    }
}

impl Receiver {
    /// What stands at the head.
    pub(crate) fn head(&mut self) -> Head {
        if self.head.is_none() {
            self.head = self.queue.try_recv().ok();
        }
        match &self.head {
            None => Head::Empty,
            Some(Item::Packet(..)) => Head::Packet,
            Some(Item::Marker(_)) => Head::Marker,
            Some(Item::End) => Head::Closed,
        }
    }

    /// Takes the head, which must be there.
    pub(crate) fn take(&mut self) -> Item {
        let item = self.head.take().expect("an item is taken where one stands");
        match &item {
            Item::Packet(..) => {
                self.shared.taken.fetch_add(1, Ordering::Release);
                fence(Ordering::SeqCst);
                if self.shared.producer_waits.load(Ordering::Relaxed)
                    && self.shared.producer_waits.swap(false, Ordering::AcqRel)
                {
                    self.shared.producer.notify();
                }
            }
            Item::Marker(_) => {}
            Item::End => self.ended = true,
        }
        item
    }

    /// Whether the end was taken.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::Poll;
    use neurath_model::id::OperatorId;

    fn signal() -> Arc<Signal> {
        Arc::new(Signal::new(&Poll::new().expect("a poll")).expect("a waker"))
    }

    fn packet(n: u64) -> Item {
        Item::Packet(Lineage::new(OperatorId(0), n), Packet::new(n))
    }

    #[test]
    fn a_full_arc_takes_markers_but_no_packets() {
        let (mut tx, mut rx) = arc(Some(1), signal(), signal());
        tx.send(packet(0));
        assert!(!tx.has_room_or_waits());
        tx.send(Item::End);
        assert_eq!(rx.head(), Head::Packet);
        rx.take();
        assert!(tx.has_room_or_waits());
        assert_eq!(rx.head(), Head::Closed);
    }

    #[test]
    fn packets_cross_threads_in_order_under_a_bound() {
        const N: u64 = 100_000;
        let (mut tx, mut rx) = arc(Some(7), signal(), signal());
        let producer = std::thread::spawn(move || {
            for n in 0..N {
                while !tx.has_room_or_waits() {
                    std::thread::yield_now();
                }
                tx.send(packet(n));
            }
        });
        for n in 0..N {
            while rx.head() == Head::Empty {
                std::thread::yield_now();
            }
            let Item::Packet(_, value) = rx.take() else { panic!("only packets were sent") };
            assert_eq!(value.take::<u64>(), n);
        }
        producer.join().expect("the producer ends");
    }
}
