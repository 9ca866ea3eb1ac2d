//! Runs of packets: while an arc holds nothing else, its packets are fired on one after another, without asking anew whose turn it is.
//!
//! Whether that is right, the protocol says ([`fires_freely`](neurath_model::protocol::Operator::fires_freely)): a packet then does nothing but
//! invoke the function. A run ends at a marker, at the end of the arc, where outputs are full, or with the operator's turn; so it never
//! keeps an update waiting for longer than a turn takes.

use super::{Activation, Body, Slot};
use mio::Registry as Poll;
use neurath_model::id::{PortIndex, PortSet};

impl Activation {
    /// Fires on a run of at most so many packets from one port; says on how many.
    pub(super) fn fire_on_a_run(&mut self, poll: &Poll, most: usize) -> usize {
        let Some((port, run)) = self.port_with_a_run() else { return 0 };
        self.progress.woke = false;
        self.set_next_port(port);
        let mut fired = 0;
        while fired < run.min(most) && self.outlet.is_clear() {
            let (taken, packet) = self.arc_at(port).next_packet();
            self.fire(port, (taken, packet), poll);
            fired += 1;
        }
        self.arc_at(port).publish();
        fired
    }

    fn arc_at(&mut self, port: PortIndex) -> &mut crate::engine::arc::Receiver {
        let Slot::Arc(receiver) = &mut self.inputs[usize::from(port.0)] else { unreachable!("a run is on an arc") };
        receiver
    }

    /// The next port in turn that has packets to fire on, and how many.
    fn port_with_a_run(&mut self) -> Option<(PortIndex, usize)> {
        let is_free = self.gate.is_none() && self.mailbox.is_empty() && matches!(self.body, Body::Function(..));
        if !is_free || (self.wake_is_due() && !self.progress.woke) || self.is_stopped() {
            return None;
        }
        let ports = self.progress.operator.fires_freely(&self.interface);
        let passed_over = PortSet::first(usize::from(self.progress.next_port));
        let in_turn = ports.minus(passed_over).iter().chain(ports.intersection(passed_over).iter());
        in_turn.map(|port| (port, self.run_at(port))).find(|(_, run)| *run > 0)
    }

    fn run_at(&mut self, port: PortIndex) -> usize {
        match &mut self.inputs[usize::from(port.0)] {
            Slot::Arc(receiver) => receiver.run(),
            Slot::Expects(_) | Slot::Vacant => 0,
        }
    }
}
