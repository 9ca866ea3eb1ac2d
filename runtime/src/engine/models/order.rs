//! FIFO: packets, markers, rings and the end, each through the way that it takes.

use super::arc::{Item, arc};
use super::sync::{Fault, Order};
use super::{Worker, explore, marker, number, packet, ring};
use loom::thread;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Sends items over an arc that holds any number, and takes them as they were sent.
fn sent_and_taken(items: fn() -> Vec<Item>) {
    let (producer, consumer) = (Worker::new(), Worker::new());
    let (mut tx, mut rx) = arc(None, producer.bell.clone(), consumer.bell.clone());
    let sends = thread::spawn(move || items().into_iter().for_each(|item| producer.send(&mut tx, item)));
    for item in items() {
        assert_eq!(number(consumer.receive(&mut rx)), number(item), "out of order");
    }
    sends.join().expect("it ends");
}

fn with_markers() {
    sent_and_taken(|| vec![packet(0), marker(1), packet(1), Item::End]);
}

fn with_two_markers() {
    sent_and_taken(|| vec![marker(1), marker(2), packet(0)]);
}

#[test]
fn packets_and_markers_keep_their_order() {
    explore(None, with_markers);
    explore(None, with_two_markers);
}

#[test]
#[should_panic(expected = "out of order")]
fn a_packet_may_overtake_a_marker_if_the_consumer_looks_for_markers_first() {
    explore(Some(Fault::Without(Order::RingThenBetween)), with_markers);
}

/// Packets go on in a second ring and in a third, or all in the first, where the consumer was quick.
#[test]
fn rings_go_on_where_others_end() {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let all = seen.clone();
    explore(None, move || {
        ring::made();
        sent_and_taken(|| (0..4).map(packet).collect());
        all.lock().expect("not poisoned").insert(ring::made() - ring::OF_EMPTIED);
    });
    assert_eq!(*seen.lock().expect("not poisoned"), (1..=3).collect());
}
