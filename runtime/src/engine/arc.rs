//! Arcs at run time: FIFO, one producer, one consumer, bounded in packets; their consumer's end moves.
//!
//! The bound is kept by credit, as it would be between two machines: the consumer counts what it has taken, the
//! producer what it has sent. Markers and the end of the arc are not counted, so that an update is never held up by
//! a full arc that it does not need (protocol rule: markers do not count against capacity). The queue behind it is
//! std's list-based channel, which grows in blocks and frees them.
//!
//! When the consumer's end moves with packets inside, the producer may be about to tell the old consumer of one more. It puts
//! the packet on the arc first and then asks who reads; the new consumer says that it reads first and then looks. With
//! sequential consistency between the two, either the producer tells the new one or the new one sees the packet (protocol rule 9).

use crate::engine::carried::Carried;
use crate::engine::signal::Signal;
use crate::packet::Packet;
use neurath_model::id::Lineage;
use neurath_model::protocol::Head;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, mpsc};

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
    /// How many packets the arc holds; changed when its end moves between a feedback port and another.
    capacity: AtomicUsize,
    producer_waits: AtomicBool,
    producer: Arc<Signal>,
    consumer: Mutex<Arc<Signal>>,
    /// How often the consumer's end has moved.
    moves: AtomicU32,
}

/// The producer's end.
#[derive(Debug)]
pub(crate) struct Sender {
    queue: mpsc::Sender<Item>,
    shared: Arc<Shared>,
    sent: usize,
    /// Who read the arc when it had moved so often.
    consumer: Arc<Signal>,
    moves: u32,
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
    let shared = Arc::new(Shared {
        taken: AtomicUsize::new(0),
        capacity: AtomicUsize::new(capacity.unwrap_or(usize::MAX)),
        producer_waits: AtomicBool::new(false),
        producer,
        consumer: Mutex::new(consumer.clone()),
        moves: AtomicU32::new(0),
    });
    (
        Sender { queue: send, shared: shared.clone(), sent: 0, consumer, moves: 0 },
        Receiver { queue: receive, shared, head: None, ended: false },
    )
}

impl Sender {
    /// How many more packets fit.
    pub(crate) fn room(&self) -> usize {
        let under_way = self.sent.wrapping_sub(self.shared.taken.load(Ordering::Acquire));
        self.shared.capacity.load(Ordering::Relaxed).saturating_sub(under_way)
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

    /// Tells whoever reads the arc now that something was sent.
    pub(crate) fn notify(&mut self) {
        fence(Ordering::SeqCst);
        let moves = self.shared.moves.load(Ordering::Relaxed);
        if moves != self.moves {
            self.moves = moves;
            self.consumer = self.shared.consumer.lock().expect("not poisoned").clone();
        }
        self.consumer.notify();
    }
}

impl Receiver {
    /// The end has come to another consumer, at a port that holds so many packets; it must look for items after this. A
    /// producer that waits for room tries again.
    pub(crate) fn moved(&self, consumer: Arc<Signal>, capacity: Option<usize>) {
        *self.shared.consumer.lock().expect("not poisoned") = consumer;
        self.shared.capacity.store(capacity.unwrap_or(usize::MAX), Ordering::Relaxed);
        self.shared.moves.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.wake_producer();
    }

    /// What stands at the head.
    pub(crate) fn head(&mut self) -> Head {
        if self.head.is_none() {
            self.head = self.queue.try_recv().ok();
        }
        match &self.head {
            None => Head::Empty,
            Some(Item::Packet(..)) => Head::Packet,
            Some(Item::Marker(carried)) => Head::Marker(carried.marker.update),
            Some(Item::End) => Head::Closed,
        }
    }

    /// What the marker at the head carries, if one stands there.
    pub(crate) fn marker(&self) -> Option<&Arc<Carried>> {
        match &self.head {
            Some(Item::Marker(carried)) => Some(carried),
            Some(Item::Packet(..) | Item::End) | None => None,
        }
    }

    /// The end is on its way to a feedback port: from now on the arc holds any number. That must not wait until it is attached, for
    /// the producer, which may wait for room, may be the one to attach it.
    pub(crate) fn widen(&self) {
        self.shared.capacity.store(usize::MAX, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.wake_producer();
    }

    /// Takes the head, which must be there.
    pub(crate) fn take(&mut self) -> Item {
        let item = self.head.take().expect("an item is taken where one stands");
        match &item {
            Item::Packet(..) => {
                self.shared.taken.fetch_add(1, Ordering::Release);
                fence(Ordering::SeqCst);
                self.wake_producer();
            }
            Item::Marker(_) => {}
            Item::End => self.ended = true,
        }
        item
    }

    fn wake_producer(&self) {
        let waits = &self.shared.producer_waits;
        if waits.load(Ordering::Relaxed) && waits.swap(false, Ordering::AcqRel) {
            self.shared.producer.notify();
        }
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
    fn an_arc_that_comes_to_a_feedback_port_holds_any_number() {
        let (mut tx, rx) = arc(Some(1), signal(), signal());
        tx.send(packet(0));
        assert!(!tx.has_room_or_waits());
        rx.moved(signal(), None);
        assert!(tx.has_room_or_waits());
        tx.send(packet(1));
        rx.moved(signal(), Some(1));
        assert_eq!(tx.room(), 0, "what is there stays, and nothing is added");
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

    /// The end goes to and fro between two consumers, each of which sleeps in its own poll until it is told; a lost word would
    /// make it sleep for ever.
    #[test]
    fn an_end_that_moves_wakes_its_new_owner() {
        const N: u64 = 20_000;
        let polls = [Poll::new().expect("a poll"), Poll::new().expect("a poll")];
        let signals = [0, 1].map(|i| Arc::new(Signal::new(&polls[i]).expect("a waker")));
        let (mut tx, rx) = arc(None, signal(), signals[0].clone());
        let producer = std::thread::spawn(move || {
            for n in 0..N {
                tx.send(packet(n));
                tx.notify();
            }
        });
        let (to_first, first) = mpsc::channel::<(Receiver, u64)>();
        let (to_second, second) = mpsc::channel::<(Receiver, u64)>();
        to_first.send((rx, 0)).expect("open");
        let consume =
            |mut poll: Poll, signal: Arc<Signal>, from: mpsc::Receiver<(Receiver, u64)>, to: mpsc::Sender<_>| {
                move || {
                    let mut events = mio::Events::with_capacity(8);
                    while let Ok((mut rx, mut expected)) = from.recv() {
                        rx.moved(signal.clone(), None);
                        let until = (expected + 97).min(N);
                        while expected < until {
                            signal.announce_sleep();
                            if rx.head() == Head::Empty {
                                poll.poll(&mut events, None).expect("woken");
                            }
                            signal.awake();
                            if rx.head() != Head::Empty {
                                let Item::Packet(_, value) = rx.take() else { panic!("only packets were sent") };
                                assert_eq!(value.take::<u64>(), expected);
                                expected += 1;
                            }
                        }
                        if expected == N || to.send((rx, expected)).is_err() {
                            return;
                        }
                    }
                }
            };
        let [a, b] = polls;
        let first = std::thread::spawn(consume(a, signals[0].clone(), first, to_second));
        let second = std::thread::spawn(consume(b, signals[1].clone(), second, to_first));
        for thread in [producer, first, second] {
            thread.join().expect("it ends");
        }
    }
}
