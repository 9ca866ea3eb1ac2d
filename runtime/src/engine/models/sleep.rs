//! Sleep: whoever sleeps while something has come to it is woken.

use super::arc::arc;
use super::mailbox::{Letter, mailbox};
use super::sync::Fault;
use super::{Worker, explore, number, packet};
use loom::thread;
use neurath_model::marker::Mail;

/// A producer and a consumer that sleeps whenever the arc is empty.
fn two_packets() {
    let (producer, consumer) = (Worker::new(), Worker::new());
    let (mut tx, mut rx) = arc(None, producer.bell.clone(), consumer.bell.clone());
    let sends = thread::spawn(move || (0..2).for_each(|n| producer.send(&mut tx, packet(n))));
    for n in 0..2 {
        assert_eq!(number(consumer.receive(&mut rx)), Some(n));
    }
    sends.join().expect("it ends");
}

#[test]
fn a_consumer_that_sleeps_is_told() {
    explore(None, two_packets);
}

/// The producer finds the bell rung already, and the consumer, who hushes it, does not see what the producer did before.
#[test]
#[should_panic(expected = "deadlock")]
fn a_ring_is_lost_if_bells_are_relaxed() {
    explore(Some(Fault::RelaxedBells), two_packets);
}

/// Only one of two producers finds the bell silent, and what the other has sent is seen all the same.
#[test]
fn one_ring_is_enough_for_two_arcs() {
    explore(None, || {
        let consumer = Worker::new();
        let [first, second] = [1, 2].map(|n| {
            let producer = Worker::new();
            let (mut tx, rx) = arc(None, producer.bell.clone(), consumer.bell.clone());
            (rx, thread::spawn(move || producer.send(&mut tx, packet(n))))
        });
        for (mut rx, sends) in [first, second] {
            consumer.receive(&mut rx);
            sends.join().expect("it ends");
        }
    });
}

#[test]
fn whoever_sleeps_gets_its_mail() {
    explore(None, || {
        let worker = Worker::new();
        let (address, mut mail) = mailbox(worker.bell.clone());
        let sends = thread::spawn(move || {
            address.send(Letter::Mail(Mail::End, None));
            address.send(Letter::State(None, 1));
        });
        let mut state = None;
        while state.is_none() {
            state = worker.sleep_unless(|| {
                mail.open();
                mail.take_state()
            });
        }
        assert!(mail.has_mail(), "letters come in order");
        sends.join().expect("it ends");
    });
}
