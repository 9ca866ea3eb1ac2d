//! Room: an arc holds no more than it may, and a producer that waits for room is woken when there is.

use super::arc::arc;
use super::sync::{Fault, Order};
use super::{Worker, explore, number, packet, ring};
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

/// Packets over an arc. How many are on it is counted beside it, where loom does not look.
fn packets(number_of: i64, capacity: usize, at_most: isize) {
    let (producer, consumer) = (Worker::new(), Worker::new());
    let (mut tx, mut rx) = arc(Some(capacity), producer.bell.clone(), consumer.bell.clone());
    let on_it = Arc::new(AtomicIsize::new(0));
    let count = on_it.clone();
    let put = move || assert!(count.fetch_add(1, Ordering::SeqCst) < at_most, "more are on the arc than may be");
    let sends = thread::spawn(move || (0..number_of).for_each(|n| producer.send_and(&mut tx, packet(n), &put)));
    for n in 0..number_of {
        let taken = consumer.receive_after(&mut rx, || _ = on_it.fetch_sub(1, Ordering::SeqCst));
        assert_eq!(number(taken), Some(n));
    }
    sends.join().expect("it ends");
}

#[test]
fn a_producer_that_waits_for_room_is_woken_and_the_bound_is_kept() {
    explore(None, || packets(2, 1, 1));
}

#[test]
#[should_panic(expected = "more are on the arc than may be")]
fn a_larger_bound_is_noticed() {
    explore(None, || packets(2, 2, 1));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_producer_waits_for_ever_if_it_may_look_for_room_before_it_says_that_it_waits() {
    explore(Some(Fault::Without(Order::WaitThenRoom)), || packets(3, 1, 1));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_producer_waits_for_ever_if_the_consumer_may_ask_whether_it_waits_before_it_makes_room() {
    explore(Some(Fault::Without(Order::RoomThenWait)), || packets(2, 1, 1));
}

fn as_many_as_fit_a_ring() {
    ring::made();
    packets(2, 1, 1);
    assert_eq!(ring::made() - ring::OF_EMPTIED, 1, "another ring was made");
}

/// One that does not hold more than its ring never gets another.
#[test]
fn where_there_is_room_the_ring_has_it() {
    explore(None, as_many_as_fit_a_ring);
}

#[test]
#[should_panic(expected = "another ring was made")]
fn the_ring_may_seem_full_where_there_is_room_if_counts_are_relaxed() {
    explore(Some(Fault::RelaxedCounts), as_many_as_fit_a_ring);
}
