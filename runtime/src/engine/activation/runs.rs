//! Runs of packets: while an arc holds nothing else, its packets are fired on one after another, without asking anew whose turn it is.
//!
//! Whether that is right, the protocol says ([`fires_freely`](neurath_model::protocol::Operator::fires_freely)): a packet then does nothing but
//! invoke the function. A run ends at a marker, at the end of the arc, where outputs are full, or with the operator's turn; so it never
//! keeps an update waiting for longer than a turn takes.

use super::{Activation, Body, Progress, Slot};
use crate::function::{Begins, Context, Out, Run};
use mio::Registry as Poll;
use neurath_model::component::Emission;
use neurath_model::id::{Lineage, PortIndex, PortSet};

/// What an operator can do next, as far as that is seen without asking the protocol anew.
pub(super) enum Next {
    /// Fire on so many packets from a port.
    Run(PortIndex, usize),
    /// Nothing, until its bell is rung.
    Nothing,
    /// Something else, perhaps: a step tells.
    Step,
}

impl Activation {
    /// Fires on a run of at most so many packets from one port; says on how many.
    pub(super) fn fire_on_a_run(&mut self, port: PortIndex, run: usize, poll: &Poll) -> usize {
        self.progress.woke = false;
        self.set_next_port(port);
        let rules = self.rules();
        if rules.emission == Emission::Buffer || rules.absorbs.contains(port) || self.tracer.is_some() {
            self.fire_each(port, run, poll)
        } else {
            self.fire_through(port, run, poll)
        }
    }

    /// Fires on so many packets, and carries out what the function asked for after each.
    fn fire_each(&mut self, port: PortIndex, run: usize, poll: &Poll) -> usize {
        let mut fired = 0;
        while fired < run && self.outlet.is_clear() {
            let (taken, packet) = self.take_packet(port);
            self.fire(port, (taken, packet), poll);
            fired += 1;
        }
        fired
    }

    /// Fires on so many packets; what the function emits goes onto the arcs as it emits it. This is the path of nearly every packet.
    fn fire_through(&mut self, port: PortIndex, run: usize, poll: &Poll) -> usize {
        let begins = self.begins_at(port);
        let room = self.room_for_firings();
        let most = if room > 0 { run.min(room) } else { run };
        let Self { at, inputs, outlet, body, progress, token_base, .. } = self;
        let Slot::Arc(from) = &mut inputs[usize::from(port.0)] else { unreachable!("a run is on an arc") };
        let Body::Function(function, _) = body else { unreachable!("only a function fires") };
        let Progress { operator, again, begun, .. } = progress;
        let out = Out::Direct { outlet, lineage: Lineage::new(*at, *begun), step: 0 };
        let mut cx = Context { out, again, version: operator.version(), poll, token_base: *token_base };
        let begins = begins.then_some(Begins { at: *at, begun });
        function.fire_run(Run { port, from, most, has_room: room > 0, begins }, &mut cx)
    }

    /// For how many firings the outputs have room, if a firing emits once at most on each; 0 if that is not known. (An arc may hold less a
    /// moment later, where its end has moved. Then packets wait for room, more than one, and none is lost.)
    fn room_for_firings(&mut self) -> usize {
        let room = self.outlet.make_ready();
        match self.rules().emission {
            Emission::Each | Emission::Route | Emission::Filter => room,
            Emission::Many | Emission::Buffer => 0,
        }
    }

    /// Looks at the ports in turn.
    pub(super) fn look(&mut self) -> Next {
        let is_free = self.gate.is_none() && self.mailbox.is_empty() && matches!(self.body, Body::Function(..));
        let wakes = self.wake_is_due();
        if !is_free || (wakes && !self.progress.woke) || self.is_stopped() {
            return Next::Step;
        }
        let ports = self.free_ports();
        for port in ports.iter_from(self.progress.next_port) {
            match self.run_at(port) {
                Some(0) => {}
                Some(run) => return Next::Run(port, run),
                // In its turn, or other ports that are never empty would keep it waiting.
                None => return Next::Step,
            }
        }
        // An operator that fires freely anywhere runs, and has nothing to conclude.
        if ports.is_empty() || wakes { Next::Step } else { Next::Nothing }
    }

    /// Where packets do nothing but invoke the function. The protocol is asked anew when it has taken another step.
    fn free_ports(&mut self) -> PortSet {
        let Self { progress: Progress { free, operator, .. }, interface, .. } = self;
        *free.get_or_insert_with(|| operator.fires_freely(interface))
    }

    fn run_at(&mut self, port: PortIndex) -> Option<usize> {
        match &mut self.inputs[usize::from(port.0)] {
            Slot::Arc(receiver) => receiver.run(),
            Slot::Expects(_) | Slot::Vacant => Some(0),
        }
    }
}
