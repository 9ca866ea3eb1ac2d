//! Arcs as they run, with std's threads and mio's poll.

use super::arc::{Batch, Item, Receiver, arc, in_its_place};
use super::signal::{Bell, Signal};
use crate::packet::Packet;
use mio::Poll;
use neurath_model::id::{Lineage, OperatorId};
use neurath_model::protocol::Head;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::VecDeque;
use std::sync::{Arc, mpsc};

fn bell() -> Arc<Bell> {
    Bell::new(&Arc::new(Signal::new(&Poll::new().expect("a poll")).expect("a waker")))
}

fn packet(n: u64) -> Item {
    Item::Packet(Lineage::new(OperatorId(0), n), Packet::new(n))
}

fn number(item: Item) -> Option<u64> {
    match item {
        Item::Packet(_, packet) => Some(packet.take()),
        Item::Marker(_) => panic!("no marker was sent"),
        Item::End => None,
    }
}

#[test]
fn a_full_arc_takes_what_is_no_packet() {
    let (mut tx, mut rx) = arc(Some(1), bell(), bell());
    tx.send(packet(0)).expect("there is room");
    let back = tx.send(packet(1)).expect_err("there is none");
    assert_eq!(number(back), Some(1));
    tx.send(Item::End).expect("it needs no room");
    assert_eq!(rx.head(), Head::Packet);
    rx.take();
    assert_eq!(tx.room(), 1);
    assert_eq!(rx.head(), Head::Closed);
}

#[test]
fn an_arc_that_comes_to_a_feedback_port_holds_any_number() {
    let (mut tx, rx) = arc(Some(1), bell(), bell());
    tx.send(packet(0)).expect("there is room");
    tx.send(packet(1)).expect_err("there is none");
    rx.moved(bell(), None);
    tx.send(packet(1)).expect("there is room");
    rx.moved(bell(), Some(1));
    assert_eq!(tx.room(), 0, "what is there stays, and nothing is added");
}

/// Beside a queue of std, with bursts that need several rings, and ports that hold any number and few.
#[test]
fn an_arc_is_a_bounded_queue() {
    for seed in 0..20 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut tx, mut rx) = arc(Some(3), bell(), bell());
        let (mut queue, mut capacity, mut next) = (VecDeque::new(), 3, 0);
        for _ in 0..200 {
            for _ in 0..random.random_range(0..300) {
                let fits = queue.len() < capacity;
                assert_eq!(tx.send(packet(next)).is_ok(), fits, "seed {seed}");
                if fits {
                    queue.push_back(next);
                    next += 1;
                }
            }
            assert!(tx.room() <= capacity.saturating_sub(queue.len()), "seed {seed}");
            tx.tell();
            for _ in 0..random.random_range(0..300) {
                let head = if queue.is_empty() { Head::Empty } else { Head::Packet };
                assert_eq!(rx.head(), head, "seed {seed}");
                let Some(expected) = queue.pop_front() else { break };
                assert_eq!(number(rx.take()), Some(expected), "seed {seed}");
            }
            let holds = [None, Some(1), Some(100), Some(5000)][random.random_range(0..4)];
            rx.moved(bell(), holds);
            capacity = holds.unwrap_or(usize::MAX);
        }
    }
}

#[test]
fn packets_cross_threads_in_order_under_a_bound() {
    const N: u64 = 100_000;
    let (mut tx, mut rx) = arc(Some(7), bell(), bell());
    let producer = std::thread::spawn(move || {
        for n in 0..N {
            while tx.send(packet(n)).is_err() {
                std::thread::yield_now();
            }
        }
        tx.send(Item::End).expect("it needs no room");
    });
    for n in (0..N).map(Some).chain([None]) {
        while rx.head() == Head::Empty {
            std::thread::yield_now();
        }
        assert_eq!(number(rx.take()), n);
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
    let bells = [0, 1].map(|i| Bell::new(&signals[i]));
    let (mut tx, rx) = arc(None, bell(), bells[0].clone());
    let producer = std::thread::spawn(move || {
        for n in 0..N {
            tx.send(packet(n)).expect("there is always room");
            tx.tell();
        }
    });
    let (to_first, first) = mpsc::channel::<(Receiver, u64)>();
    let (to_second, second) = mpsc::channel::<(Receiver, u64)>();
    to_first.send((rx, 0)).expect("open");
    let consume = |mut poll: Poll,
                   signal: Arc<Signal>,
                   bell: Arc<Bell>,
                   from: mpsc::Receiver<(Receiver, u64)>,
                   to: mpsc::Sender<_>| {
        move || {
            let mut events = mio::Events::with_capacity(8);
            while let Ok((mut rx, mut expected)) = from.recv() {
                rx.moved(bell.clone(), None);
                let until = (expected + 97).min(N);
                while expected < until {
                    signal.gather(|_| ());
                    bell.hush();
                    if rx.head() != Head::Empty {
                        assert_eq!(number(rx.take()), Some(expected));
                        expected += 1;
                    } else if signal.announce_sleep() {
                        poll.poll(&mut events, None).expect("woken");
                    }
                    signal.awake();
                }
                if expected == N || to.send((rx, expected)).is_err() {
                    return;
                }
            }
        }
    };
    let [a, b] = polls;
    let first = std::thread::spawn(consume(a, signals[0].clone(), bells[0].clone(), first, to_second));
    let second = std::thread::spawn(consume(b, signals[1].clone(), bells[1].clone(), second, to_first));
    for thread in [producer, first, second] {
        thread.join().expect("it ends");
    }
}

#[test]
fn an_emptied_batch_keeps_its_memory() {
    let mut batch = Batch::with_capacity(64);
    batch.extend((0..40).map(|number| (Lineage::new(OperatorId(0), number), Packet::new(number))));
    let place = batch.as_ptr();
    let mut left = batch.into_iter();
    assert_eq!(left.by_ref().count(), 40);
    let emptied = in_its_place(left);
    assert_eq!((emptied.len(), emptied.capacity(), emptied.as_ptr()), (0, 64, place));
}

#[test]
fn room_that_is_known_only_falls_however_fast_packets_are_taken() {
    let (mut sender, mut receiver) = arc(Some(4), bell(), bell());
    assert_eq!(sender.make_ready(), 4);
    for left in (0..4).rev() {
        sender.send(packet(left)).expect("there is room");
        sender.tell();
        receiver.take();
        assert_eq!(sender.known_room(), left as usize);
    }
    assert_eq!((sender.room(), sender.known_room()), (4, 4), "it has looked again");
}
