//! Moves: the consumer's end goes to another, while the producer sends or waits for room.

use super::arc::{Item, Receiver, arc};
use super::mailbox::{Letter, mailbox};
use super::sync::{Fault, Order};
use super::{Worker, explore, number, packet};
use loom::thread;
use neurath_model::id::ArcId;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// One consumer takes a packet, another the rest.
fn to_another() {
    let [producer, old, new] = [(); 3].map(|()| Worker::new());
    let (mut tx, mut rx) = arc(None, producer.bell.clone(), old.bell.clone());
    let sends = thread::spawn(move || (0..2).for_each(|n| producer.send(&mut tx, packet(n))));
    assert_eq!(number(old.receive(&mut rx)), Some(0));
    rx.read_by(new.bell.clone());
    assert_eq!(number(new.receive(&mut rx)), Some(1));
    sends.join().expect("it ends");
}

/// A producer goes to another thread while it waits for room there was none of, and its consumer makes some.
fn with_its_producer() {
    let [old, new, consumer] = [(); 3].map(|()| Worker::new());
    let (mut tx, mut rx) = arc(Some(1), old.bell.clone(), consumer.bell.clone());
    old.send(&mut tx, packet(0));
    let sends = thread::spawn(move || {
        let _none_where_there_was_no_room = tx.send(packet(1));
        tx.tell();
        tx.moved(new.bell.clone());
        new.send(&mut tx, packet(2));
    });
    let mut last = None;
    while last != Some(2) {
        last = number(consumer.receive(&mut rx));
    }
    sends.join().expect("it ends");
}

#[test]
fn a_producer_that_moves_while_it_waits_is_called_where_it_is() {
    explore(None, with_its_producer);
}

#[test]
fn an_end_that_moves_wakes_its_new_owner() {
    explore(None, to_another);
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_old_owner_is_told_if_the_producer_may_ask_who_reads_before_its_packet_is_there() {
    explore(Some(Fault::Without(Order::WorkThenReader)), to_another);
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_old_owner_is_told_if_the_new_one_may_look_before_it_says_that_it_reads() {
    explore(Some(Fault::Without(Order::ReaderThenWork)), to_another);
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_old_owner_is_told_if_a_move_is_counted_before_it_is_known_who_reads() {
    explore(Some(Fault::Without(Order::ReaderThenMove)), to_another);
}

/// Both ends are on one thread, until the consumer's goes to another by mail; the producer sends a packet before that and one after it. Who leaves
/// without saying so, as an end that forgets it would, is taken to be where it was.
fn away_from_its_producer(says_so: bool) {
    let [here, there] = [(); 2].map(|()| Worker::new());
    here.signal.settle_here();
    let (mut tx, mut rx) = arc(None, here.bell.clone(), here.bell.clone());
    tx.arrives();
    rx.arrives();
    here.send(&mut tx, packet(0));
    assert_eq!(number(here.receive(&mut rx)), Some(0));
    if says_so {
        rx.leaves();
    }
    let reads = thread::spawn(move || {
        there.signal.settle_here();
        rx.moved(there.bell.clone(), None);
        assert_eq!(number(there.receive(&mut rx)), Some(1));
    });
    here.send(&mut tx, packet(1));
    reads.join().expect("it ends");
}

/// The same the other way round: the producer goes, and waits for room where it comes to.
fn away_from_its_consumer(says_so: bool) {
    let [here, there] = [(); 2].map(|()| Worker::new());
    here.signal.settle_here();
    let (mut tx, mut rx) = arc(Some(1), here.bell.clone(), here.bell.clone());
    tx.arrives();
    rx.arrives();
    here.send(&mut tx, packet(0));
    tx.moved(there.bell.clone());
    if !says_so {
        tx.arrives();
    }
    let sends = thread::spawn(move || {
        there.signal.settle_here();
        tx.arrives();
        there.send(&mut tx, packet(1));
    });
    assert_eq!([(); 2].map(|()| number(here.receive(&mut rx))), [Some(0), Some(1)]);
    sends.join().expect("it ends");
}

#[test]
fn ends_that_were_on_one_thread_find_each_other_on_two() {
    explore(None, || away_from_its_producer(true));
    explore(None, || away_from_its_consumer(true));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_consumer_is_not_told_if_it_left_without_saying_so() {
    explore(None, || away_from_its_producer(false));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_producer_is_not_told_if_it_left_without_saying_so() {
    explore(None, || away_from_its_consumer(false));
}

/// An operator takes the arc from its port and sends it, by mail, to one that sleeps until it comes; that one attaches it and reads it to
/// its end.
#[test]
fn nothing_is_lost_on_an_arc_that_goes_by_mail() {
    explore(None, || {
        let [producer, old, new] = [(); 3].map(|()| Worker::new());
        let (mut tx, rx) = arc(Some(1), producer.bell.clone(), old.bell.clone());
        let (address, mut mail) = mailbox(new.bell.clone());
        let sends = thread::spawn(move || [packet(0), Item::End].map(|item| producer.send(&mut tx, item)));
        let hands_over = thread::spawn(move || address.send(Letter::Arc(ArcId(0), rx)));
        let mut arc = None;
        while arc.is_none() {
            arc = new.sleep_unless(|| {
                mail.open();
                mail.has_arc(ArcId(0)).then(|| mail.take_arc(ArcId(0)))
            });
        }
        let mut rx: Receiver = arc.expect("it came");
        rx.moved(new.bell.clone(), Some(1));
        assert_eq!([(); 2].map(|()| number(new.receive(&mut rx))), [Some(0), None]);
        hands_over.join().expect("it ends");
        sends.join().expect("it ends");
    });
}

/// An arc that holds one gets two packets, while nobody takes any: what happens to its end must give room to the second.
fn gets_room(how: fn(&mut Receiver)) {
    let [producer, consumer] = [(); 2].map(|()| Worker::new());
    let (mut tx, mut rx) = arc(Some(1), producer.bell.clone(), consumer.bell.clone());
    let sends = thread::spawn(move || (0..2).for_each(|n| producer.send(&mut tx, packet(n))));
    how(&mut rx);
    sends.join().expect("it ends");
    assert_eq!([(); 2].map(|()| number(consumer.receive(&mut rx))), [Some(0), Some(1)]);
}

fn widened() {
    gets_room(|rx| rx.widen());
}

fn moved() {
    gets_room(|rx| rx.moved(Worker::new().bell, None));
}

#[test]
fn a_producer_that_waits_is_woken_when_the_arc_is_to_hold_any_number() {
    explore(None, widened);
    explore(None, moved);
}

#[test]
#[should_panic(expected = "deadlock")]
fn it_waits_for_ever_if_whoever_widens_the_arc_may_ask_before_whether_it_waits() {
    explore(Some(Fault::Without(Order::RoomThenWait)), widened);
}

#[test]
#[should_panic(expected = "deadlock")]
fn it_waits_for_ever_if_whoever_attaches_the_arc_may_ask_before_whether_it_waits() {
    explore(Some(Fault::Without(Order::RoomThenWait)), moved);
}

/// An arc that held any number and has a packet on it comes to a port that holds one, while its producer goes on. How many of three more
/// it could send, and whether room that it saw was gone when it looked again.
fn narrowed() -> (usize, bool) {
    let [producer, consumer] = [(); 2].map(|()| Worker::new());
    let (mut tx, rx) = arc(None, producer.bell.clone(), consumer.bell.clone());
    producer.send(&mut tx, packet(0));
    let (sent, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, was_gone) = (sent.clone(), gone.clone());
    let sends = thread::spawn(move || {
        for n in 1..4 {
            was_gone.fetch_or(tx.room() > 0 && tx.room() == 0, Ordering::SeqCst);
            if tx.send(packet(n)).is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
            tx.tell();
        }
    });
    rx.moved(consumer.bell.clone(), Some(1));
    let at_move = sent.load(Ordering::SeqCst);
    sends.join().expect("it ends");
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent <= at_move + 1, "only one packet more goes in: the one whose room was seen before");
    (sent, gone.load(Ordering::SeqCst))
}

/// Once, a producer looked for room, and looked again when it sent, and that there was none any more was taken for a mistake of its own: the
/// flow failed. Now there is one look.
#[test]
fn room_that_was_seen_is_gone_when_the_arc_comes_to_a_port_that_holds_less() {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let all = seen.clone();
    explore(None, move || _ = all.lock().expect("not poisoned").insert(narrowed()));
    let seen = seen.lock().expect("not poisoned");
    assert_eq!(seen.iter().map(|(sent, _)| *sent).collect::<BTreeSet<_>>(), (0..=3).collect());
    assert!(seen.iter().any(|(_, gone)| *gone));
}
