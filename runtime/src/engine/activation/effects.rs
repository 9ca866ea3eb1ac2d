//! What the protocol asks for, done: actions of an update, markers sent on, reports, the end.

use super::{Activation, Body, Progress, Rules, Slot};
use crate::engine::arc::Item;
use crate::engine::carried::{Carried, PreparedAction, Replacement};
use crate::engine::mailbox::Letter;
use crate::engine::passage::Stage;
use crate::packet::State;
use mio::Registry as Poll;
use neurath_model::id::{OperatorId, PortIndex, UpdateId};
use neurath_model::marker::Report;
use neurath_model::program::{Act, Move};
use neurath_model::protocol::{Effect, Effects, Event};
use neurath_model::update::StatePolicy;
use std::sync::Arc;

impl Activation {
    /// Gives the protocol an event that can only invoke the function or discard what was taken.
    pub(super) fn invokes(&mut self, event: Event) -> bool {
        let mut effects = Effects::new();
        self.progress.operator.step(&self.interface, event, &mut effects);
        match effects[..] {
            [Effect::Invoke | Effect::InvokeWake] => true,
            [Effect::Discard] => false,
            _ => unreachable!("a packet or a wake has no other effect, got {effects:?}"),
        }
    }

    pub(super) fn react(&mut self, event: Event, poll: &Poll) {
        let mut effects = Effects::new();
        self.progress.operator.step(&self.interface, event, &mut effects);
        for effect in effects {
            self.perform(effect, poll);
        }
        self.progress.free = None;
        self.note_stages();
    }

    /// Notes where markers stand here, and keeps what those carry that have not passed.
    pub(super) fn note_stages(&mut self) {
        let (at, Progress { operator, carried, .. }) = (self.at, &mut self.progress);
        carried.retain(|carried| {
            let stays = operator.under_way().any(|update| update == carried.marker.update);
            let stage = match (stays, operator.is_finishing()) {
                (false, _) => Stage::Passed,
                (true, true) => Stage::Finishes,
                (true, false) => Stage::Waits(operator.missing()),
            };
            carried.note(at, stage);
            stays
        });
    }

    pub(super) fn perform(&mut self, effect: Effect, poll: &Poll) {
        match effect {
            Effect::Apply { update, port, action } => self.apply(update, port, action, poll),
            Effect::Broadcast { marker, ports } => {
                let carried = self.carried(marker.update);
                // A marker goes out at once, for it fits everywhere: what is applied after it finds all outputs gone.
                ports.iter().for_each(|port| self.outlet.put(port, Item::Marker(carried.clone())));
            }
            Effect::Report { update, report } => {
                let carried = self.carried(update);
                if report == Report::Applied {
                    carried.note_applied(self.at);
                }
                self.control.report(&carried, self.at, report);
            }
            Effect::Finish => {
                if matches!(self.body, Body::Function(..)) {
                    self.call(poll, None, |function, cx| function.close(cx));
                }
            }
            Effect::Drain => {}
            Effect::Close => {
                self.outlet.ports().for_each(|port| self.outlet.put(port, Item::End));
            }
            Effect::Release => {
                self.body = Body::Gone(self.rules());
                self.control.release(self.at);
            }
            Effect::Invoke | Effect::InvokeWake | Effect::Discard => {
                unreachable!("packets and wakes do not come this way")
            }
        }
    }

    pub(super) fn carried(&self, update: UpdateId) -> Arc<Carried> {
        let found = self.progress.carried.iter().find(|c| c.marker.update == update);
        found.expect("a join keeps what its marker carries").clone()
    }

    /// The update's computation time at this operator: between two firings, all outputs gone out.
    pub(super) fn apply(&mut self, update: UpdateId, port: Option<PortIndex>, action: u16, poll: &Poll) {
        assert!(self.outlet.is_clear(), "S3: an update is applied when all outputs have gone out");
        let carried = self.carried(update);
        let deployment = &carried.deployment;
        let acts = port.map_or_else(|| deployment.acts(self.at), |port| deployment.acts_at(self.at, port));
        match &acts[usize::from(action)] {
            Act::Replace(_) | Act::Configure => self.change(carried.take(self.at, action), poll),
            Act::HandOver(to, policy) => self.hand_over(*to, policy, poll),
            Act::Disconnect(a_move) => self.disconnect(*a_move),
            Act::Connect(a_move) => {
                let to = a_move.to.expect("an arc comes to somewhere");
                self.inputs[usize::from(to.port.0)] = Slot::Expects(a_move.arc);
            }
        }
    }

    pub(super) fn change(&mut self, prepared: PreparedAction, poll: &Poll) {
        match prepared {
            PreparedAction::Replace(replacement) => self.replace(*replacement, poll),
            PreparedAction::Configure(properties) => {
                let Body::Function(function, _) = &mut self.body else { unreachable!("only functions are changed") };
                function.configure(&properties);
                // New values may let it do what it could not before: it is asked once.
                self.progress.again = true;
            }
            PreparedAction::Rewire => unreachable!("arcs are moved by what the deployment says"),
        }
    }

    /// Takes the arc from its own port and sends it on, with all that is on it.
    pub(super) fn disconnect(&mut self, a_move: Move) {
        let from = a_move.from.expect("an arc is taken from somewhere");
        let slot = std::mem::replace(&mut self.inputs[usize::from(from.port.0)], Slot::Vacant);
        let Slot::Arc(receiver) = slot else { unreachable!("S9: an arc stands where it is taken away") };
        if let Some(to) = a_move.to {
            self.control.send_arc(to, a_move.arc, receiver);
        }
    }

    /// Gives the state, open work included, to an operator that waits for it.
    pub(super) fn hand_over(&mut self, to: OperatorId, policy: &StatePolicy, poll: &Poll) {
        let state = self.export(poll, policy);
        let held = std::mem::take(&mut self.progress.held);
        self.control.send(to, Letter::State(state, held));
    }

    /// Takes the function out, and makes of its state what the policy says.
    pub(super) fn export(&mut self, poll: &Poll, policy: &StatePolicy) -> Option<State> {
        let gone = Body::Gone(self.rules());
        let Body::Function(old, _) = std::mem::replace(&mut self.body, gone) else {
            unreachable!("a function is taken out once")
        };
        let mut state = None;
        self.with_context(poll, None, |_, cx| state = Some(old.export(cx)));
        self.assert_silent();
        let state = state.expect("the function was asked");
        match policy {
            StatePolicy::Keep => Some(state),
            StatePolicy::Reset => None,
            StatePolicy::Transfer(name) => Some(self.registry.run_transfer(name, state)),
        }
    }

    pub(super) fn assert_silent(&self) {
        assert!(
            self.progress.done.is_empty(),
            "a function emits nothing while state is handed over; it may in start()"
        );
    }

    pub(super) fn replace(&mut self, new: Replacement, poll: &Poll) {
        let state = self.export(poll, &new.state);
        self.body = Body::Function(new.function, Rules::of(&new.component));
        if let Some(state) = state {
            self.call(poll, None, |function, cx| function.import(state, cx));
        }
        self.assert_silent();
        self.progress.started = false;
        // It starts where it goes on.
        self.moves_to = new.berth.or(self.moves_to.take());
    }
}
