//! What comes to an operator outside its arcs: mail from the entrance, arcs that move to it, and state it takes over.
//!
//! A letter is made visible before the operator is called, like an item on an arc.

use super::arc::Receiver;
use super::carried::Carried;
use super::signal::Bell;
use super::sync::{AtomicUsize, Order, Ordering, in_order_with, mpsc};
use crate::packet::State;
use neurath_model::id::{ArcId, UpdateId};
use neurath_model::marker::Mail;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A letter.
pub(crate) enum Letter {
    /// Mail from the entrance, and the update that it is about.
    Mail(Mail, Option<Arc<Carried>>),
    /// An arc that was taken away elsewhere.
    Arc(ArcId, Receiver),
    /// The state of an operator that goes, and how many packets are open work in it.
    State(Option<State>, usize),
}

/// Where letters to an operator are sent.
#[derive(Clone)]
pub(crate) struct Address {
    letters: mpsc::Sender<Letter>,
    /// How many were ever sent: a look at it costs less than one into the channel.
    sent: Arc<AtomicUsize>,
    bell: Arc<Bell>,
}

impl Address {
    /// Sends a letter. An operator that has left reads no more, and misses nothing.
    pub(crate) fn send(&self, letter: Letter) {
        let _ = self.letters.send(letter);
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.bell.ring();
    }

    /// The operator has another bell; it must look for letters after this.
    pub(crate) fn moved(&mut self, bell: Arc<Bell>) {
        self.bell = bell;
    }
}

/// What has come and was not taken yet.
pub(crate) struct Mailbox {
    letters: mpsc::Receiver<Letter>,
    sent: Arc<AtomicUsize>,
    opened: usize,
    mail: VecDeque<(Mail, Option<Arc<Carried>>)>,
    arcs: BTreeMap<ArcId, Receiver>,
    state: Option<(Option<State>, usize)>,
}

/// A mailbox and its address.
pub(crate) fn mailbox(bell: Arc<Bell>) -> (Address, Mailbox) {
    let (send, letters) = mpsc::channel();
    let sent = Arc::new(AtomicUsize::new(0));
    let address = Address { letters: send, sent: sent.clone(), bell };
    (address, Mailbox { letters, sent, opened: 0, mail: VecDeque::new(), arcs: BTreeMap::new(), state: None })
}

/// What somebody finds who looks at arcs, when every letter is in the mailbox that was sent before what stands there. Mail goes before the
/// markers of later updates, and it may have come when the mailbox was open already.
pub(crate) fn find_with_mail<S, T>(
    somebody: &mut S,
    finds: impl Fn(&mut S) -> T,
    mailbox: impl Fn(&mut S) -> &mut Mailbox,
) -> T {
    loop {
        let opens = |somebody: &mut S| mailbox(somebody).open();
        let (found, has_come) = in_order_with(Order::ArcsThenMail, somebody, &finds, opens);
        if !has_come {
            return found;
        }
    }
}

impl Mailbox {
    /// Sorts what has come. The bell was hushed before: what is not seen here will ring it.
    /// Says whether anything had.
    pub(crate) fn open(&mut self) -> bool {
        let sent = self.sent.load(Ordering::Relaxed);
        let has_come = self.opened != sent;
        while self.opened != sent {
            self.opened = self.opened.wrapping_add(1);
            match self.letters.recv().expect("it was sent before it was counted") {
                Letter::Mail(mail, carried) => self.mail.push_back((mail, carried)),
                Letter::Arc(arc, receiver) => drop(self.arcs.insert(arc, receiver)),
                Letter::State(state, held) => self.state = Some((state, held)),
            }
        }
        has_come
    }

    /// Whether nothing has come, or all that has was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.mail.is_empty() && self.arcs.is_empty() && self.state.is_none()
    }

    /// Whether there is mail.
    pub(crate) fn has_mail(&self) -> bool {
        !self.mail.is_empty()
    }

    /// The oldest update that mail is about.
    pub(crate) fn oldest(&self) -> Option<UpdateId> {
        self.mail.iter().map(|(mail, _)| mail.place()).min()
    }

    /// The place of the mail to take next: the first, or the first of what a stopped operator waits for.
    pub(crate) fn next(&self, takes: impl Fn(bool) -> bool) -> Option<usize> {
        if takes(false) {
            return (!self.mail.is_empty()).then_some(0);
        }
        let awaited = |(mail, _): &(Mail, _)| mail.ends_pause();
        self.mail.iter().position(awaited).filter(|_| takes(true))
    }

    /// Whether that mail is at a place.
    pub(crate) fn is_at(&self, place: usize, mail: Mail) -> bool {
        self.mail.get(place).is_some_and(|(other, _)| *other == mail)
    }

    /// Takes mail.
    pub(crate) fn take(&mut self, place: usize) -> (Mail, Option<Arc<Carried>>) {
        self.mail.remove(place).expect("mail is taken where there is some")
    }

    /// Whether an arc has come.
    pub(crate) fn has_arc(&self, arc: ArcId) -> bool {
        self.arcs.contains_key(&arc)
    }

    /// Takes an arc that has come.
    pub(crate) fn take_arc(&mut self, arc: ArcId) -> Receiver {
        self.arcs.remove(&arc).expect("an arc is taken where one has come")
    }

    /// Takes the state that has come.
    pub(crate) fn take_state(&mut self) -> Option<(Option<State>, usize)> {
        self.state.take()
    }
}
