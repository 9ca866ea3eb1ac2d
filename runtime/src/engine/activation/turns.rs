//! Whose turn it is: a wake, mail, an arc that has come, or a port; by itself, or as a gate says.

use super::{Activation, Body, Pick, Slot, Turn};
use crate::engine::gate::Gate;
use crate::engine::mailbox::find_with_mail;
use mio::Registry as Poll;
use neurath_model::choice::Choice;
use neurath_model::component::Wake;
use neurath_model::id::PortIndex;
use neurath_model::protocol::{Head, Readable};

impl Activation {
    pub(super) fn step(&mut self, poll: &Poll) -> bool {
        if self.is_over() {
            return false;
        }
        self.inherit(poll);
        if !self.outlet.flush() {
            return true;
        }
        if self.conclusion_is_due() {
            self.conclude(poll);
            return true;
        }
        let turn = find_with_mail(self, Self::next_turn, |activation| &mut activation.mailbox);
        let Some(turn) = turn else { return false };
        let starts = matches!(turn, Turn::Wake) && !self.progress.started;
        self.take(turn, poll);
        if let Some(gate) = self.gate.as_ref().filter(|_| !starts) {
            gate.pass();
        }
        true
    }

    pub(super) fn take(&mut self, turn: Turn, poll: &Poll) {
        match turn {
            Turn::Wake => self.wake(poll),
            Turn::Mail(place) => self.take_mail(place, poll),
            Turn::Attach(port) => self.attach(port, poll),
            Turn::Read(pick) => self.read(pick, poll),
        }
        if self.outlet.flush() {
            self.conclude(poll);
        }
    }

    /// Wakes and ports take turns: a function that always asks for another wake must not keep markers waiting, nor a
    /// busy port what is ready (protocol rule 7).
    pub(super) fn next_turn(&mut self) -> Option<Turn> {
        if let Some(gate) = self.gate.clone() {
            return self.turn_at(&gate);
        }
        let wake = self.wake_is_due().then_some(Turn::Wake);
        if self.progress.woke || wake.is_none() {
            let mail = self.next_mail().map(Turn::Mail).or_else(|| self.arc_that_came().map(Turn::Attach));
            mail.or_else(|| self.pick().map(Turn::Read)).or(wake)
        } else {
            wake
        }
    }

    /// The turn that the gate is at, if it is this operator's, and what it is about has come. That a function starts is no step in
    /// a schedule.
    pub(super) fn turn_at(&mut self, gate: &Gate) -> Option<Turn> {
        let may_wake = matches!(self.body, Body::Function(..)) && self.progress.operator.may_wake();
        if may_wake && !self.progress.started && !self.is_stopped() {
            return Some(Turn::Wake);
        }
        match gate.due(self.at)? {
            Choice::Deliver { mail, .. } => {
                self.next_mail().filter(|place| self.mailbox.is_at(*place, mail)).map(Turn::Mail)
            }
            Choice::Attach { port, .. } => {
                self.has_come(&self.inputs[usize::from(port.0)]).then_some(Turn::Attach(port))
            }
            Choice::Fire { port, .. } => self.pick_of(port, |head| head == Head::Packet),
            Choice::Mark { port, .. } => self.pick_of(port, |head| matches!(head, Head::Marker(_))),
            Choice::Ended { port, .. } => self.pick_of(port, |head| head == Head::Closed),
            Choice::Join { .. } => self.readable().tuple.then_some(Turn::Read(Pick::Tuple)),
            Choice::Wake { .. } => may_wake.then_some(Turn::Wake),
            Choice::Submit { .. } | Choice::End => None,
        }
    }

    pub(super) fn pick_of(&mut self, port: PortIndex, is_wanted: impl Fn(Head) -> bool) -> Option<Turn> {
        let stands = self.readable().ports.contains(port) && is_wanted(self.inputs[usize::from(port.0)].head());
        stands.then_some(Turn::Read(Pick::Port(port)))
    }

    pub(super) fn wake_is_due(&self) -> bool {
        let p = &self.progress;
        let wanted = !p.started || (p.again && !p.awaits_room) || !p.ready.is_empty();
        wanted && matches!(self.body, Body::Function(..)) && p.operator.may_wake() && !self.is_stopped()
    }

    /// Whether it is a source that was stopped: it begins nothing, so its function is not called at all.
    pub(super) fn is_stopped(&self) -> bool {
        self.progress.operator.is_paused() && self.rules().wake == Wake::Source
    }

    pub(super) fn next_mail(&self) -> Option<usize> {
        self.mailbox.next(|resumes| self.progress.operator.takes_mail(resumes))
    }

    /// A port whose arc has come.
    pub(super) fn arc_that_came(&self) -> Option<PortIndex> {
        let port = self.inputs.iter().position(|slot| self.has_come(slot))?;
        Some(PortIndex(port as u8))
    }

    fn has_come(&self, slot: &Slot) -> bool {
        matches!(slot, Slot::Expects(arc) if self.mailbox.has_arc(*arc))
    }

    /// A port to read, or a whole tuple. Ports take turns, so that none is starved.
    pub(super) fn pick(&mut self) -> Option<Pick> {
        let readable = self.readable();
        if readable.tuple {
            return Some(Pick::Tuple);
        }
        readable.ports.iter_from(self.progress.next_port).next().map(Pick::Port)
    }

    /// What may be read now.
    pub(super) fn readable(&mut self) -> Readable {
        // A stopped source may take packets, but not let go of any: a free one leaves them where they are; a schedule may say otherwise.
        let is_stopped = self.is_stopped() && self.gate.is_none();
        let (mail, at) = (self.mailbox.oldest(), self.at);
        let (inputs, operator, interface) = (&mut self.inputs, &self.progress.operator, &self.interface);
        operator.readable(interface, mail, |port| {
            let slot = &mut inputs[usize::from(port.0)];
            match slot.head() {
                Head::Packet if is_stopped => Head::Empty,
                Head::Marker(_) if !slot.gives_marker(operator, interface, at, port) => Head::Empty,
                head => head,
            }
        })
    }

    pub(super) fn read(&mut self, pick: Pick, poll: &Poll) {
        self.progress.woke = false;
        match pick {
            Pick::Tuple => self.join(poll),
            Pick::Port(port) => {
                self.set_next_port(port);
                self.read_port(port, poll);
            }
        }
    }

    pub(super) fn set_next_port(&mut self, read: PortIndex) {
        let next = usize::from(read.0) + 1;
        self.progress.next_port = PortIndex(if next < self.inputs.len() { next as u8 } else { 0 });
    }

    pub(super) fn read_port(&mut self, port: PortIndex, poll: &Poll) {
        match self.inputs[usize::from(port.0)].head() {
            Head::Packet => self.take_one(port, poll),
            Head::Marker(_) => self.mark(port, poll),
            Head::Closed => self.ended(port, poll),
            Head::Empty => unreachable!("a port is picked where something stands"),
        }
    }
}
