//! Mail beside arcs: a letter is there when a marker is read that was sent after it.

use super::arc::{Receiver, arc};
use super::mailbox::{Letter, Mailbox, find_with_mail, mailbox};
use super::sync::{Fault, Order};
use super::{Worker, explore, marker, packet};
use loom::thread;
use neurath_model::id::UpdateId;
use neurath_model::marker::Mail;
use neurath_model::protocol::Head;

/// An operator: what its arc leads to, and its mailbox.
type Operator = (Receiver, Mailbox);

/// What is found at the head, and whether there is mail then.
fn find(operator: &mut Operator) -> Option<(Head, bool)> {
    let (head, has_mail) = find_with_mail(operator, |(rx, mail)| (rx.head(), mail.has_mail()), |(_, mailbox)| mailbox);
    (head != Head::Empty).then_some((head, has_mail))
}

/// A turn: the mailbox is opened when it begins. What is found that is no packet, if anything is.
fn turn(operator: &mut Operator) -> Option<(Head, bool)> {
    operator.1.open();
    loop {
        let found = find(operator);
        if !matches!(found, Some((Head::Packet, _))) {
            return found;
        }
        operator.0.take();
    }
}

/// An operator is sent a packet, the word to go on after an update, and the marker of the next update.
fn word_and_marker() {
    let [sends, reads] = [(); 2].map(|()| Worker::new());
    let (mut tx, rx) = arc(None, sends.bell.clone(), reads.bell.clone());
    let (address, mail) = mailbox(reads.bell.clone());
    let sent = thread::spawn(move || {
        sends.send(&mut tx, packet(0));
        address.send(Letter::Mail(Mail::Resume(UpdateId(1)), None));
        sends.send(&mut tx, marker(2));
    });
    let mut operator = (rx, mail);
    let mut found = None;
    while found.is_none() {
        found = reads.sleep_unless(|| turn(&mut operator));
    }
    assert_eq!(found, Some((Head::Marker(UpdateId(2)), true)), "a letter was overtaken");
    sent.join().expect("it ends");
}

/// Trophy. An operator opened its mailbox once in a turn, before it looked at its arcs. A letter that came while it had its turn was not seen
/// until the next, and a marker that came behind the packets of that turn was read before it: the next update was begun before the word to go
/// on after the last. Found by the tests of shards, whose traces the model refused (T02) in one run of fifteen.
#[test]
fn a_letter_is_read_before_a_marker_that_was_sent_after_it() {
    explore(None, word_and_marker);
}

#[test]
#[should_panic(expected = "a letter was overtaken")]
fn it_is_overtaken_if_the_mailbox_may_be_opened_before_the_arcs_are_looked_at() {
    explore(Some(Fault::Without(Order::ArcsThenMail)), word_and_marker);
}
