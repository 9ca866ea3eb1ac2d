//! What may be chosen in a world.

use super::World;
use crate::instance::{Behaviour, Fault, Instance};
use crate::net::Item;
use neurath_model::choice::{Choice, Emits};
use neurath_model::component::Wake;
use neurath_model::id::{InPort, Lineage, OperatorId, PortIndex, PortSet, UpdateId};
use neurath_model::marker::Marker;
use neurath_model::protocol::{Head, Readable};

impl World {
    /// Adds every choice that is open, in a fixed order: the environment first, then the operators by id.
    pub fn choices(&self, instance: &Instance, choices: &mut Vec<Choice>) {
        let next = UpdateId(self.net.submitted + 1);
        if self.may_submit(instance, next) {
            choices.push(Choice::Submit { update: next });
        }
        if instance.bounds.ends && !self.net.ended {
            choices.push(Choice::End);
        }
        for at in self.net.operators() {
            self.choices_at(instance, at, choices);
        }
    }

    /// Adds every choice that is open at one operator.
    pub fn choices_at(&self, instance: &Instance, at: OperatorId, choices: &mut Vec<Choice>) {
        let cell = self.net.cell(at);
        let readable = self.readable(instance, at);
        if !cell.pending.is_empty() {
            if instance.fault == Some(Fault::ApplyMidFiring) {
                self.marker_choices(instance, at, readable.ports, choices);
            }
            return;
        }
        choices.extend(cell.next_mail().map(|(_, mail)| Choice::Deliver { at, mail }));
        let vacant = cell.operator.vacant().iter();
        let come = vacant.filter(|port| self.has_come(InPort { operator: at, port: *port }));
        choices.extend(come.map(|port| Choice::Attach { at, port }));
        let behaviour = instance.behaviour(at, cell.operator.version());
        self.wakes(instance, at, behaviour, choices);
        if readable.tuple {
            choices.extend(behaviour.alternatives().into_iter().map(|emits| Choice::Join { at, emits }));
        }
        for port in readable.ports.iter() {
            self.port_choices(at, port, behaviour, choices);
        }
    }

    /// Whether a choice may be taken now: the rule behind [`choices`](Self::choices) without its bounds on how much a
    /// source or a `many` emits, so that a trace of a real run can be held to it.
    pub fn permits(&self, instance: &Instance, choice: &Choice) -> bool {
        let known = |at: OperatorId| (at.0 as usize) < self.net.cells.len();
        let free = |at: OperatorId| known(at) && self.net.cell(at).pending.is_empty();
        let behaviour = |at: OperatorId| instance.behaviour(at, self.net.cell(at).operator.version());
        match choice {
            Choice::Submit { update } => self.may_submit(instance, *update),
            Choice::End => !self.net.ended,
            Choice::Deliver { at, mail } => free(*at) && self.net.cell(*at).next_mail().map(|(_, m)| m) == Some(*mail),
            Choice::Fire { at, port, emits } => {
                free(*at)
                    && self.stands(instance, *at, *port, |i| matches!(i, Item::Packet(_)))
                    && if self.net.cell(*at).operator.is_closed() {
                        emits.is_empty()
                    } else {
                        behaviour(*at).admits_at(*port, emits)
                    }
            }
            Choice::Join { at, emits } => {
                free(*at) && self.readable(instance, *at).tuple && behaviour(*at).admits(emits)
            }
            Choice::Mark { at, port } => {
                free(*at) && self.stands(instance, *at, *port, |i| matches!(i, Item::Marker(_)))
            }
            Choice::Attach { at, port } => free(*at) && self.has_come(InPort { operator: *at, port: *port }),
            Choice::Ended { at, port } => free(*at) && self.stands(instance, *at, *port, |i| matches!(i, Item::End)),
            Choice::Wake { at, releases, emits } => {
                free(*at) && self.permits_wake(*at, behaviour(*at), *releases, emits)
            }
        }
    }

    /// Whether a step is taken only if the environment does something: it submits, ends the flow, brings a source something to begin,
    /// or hangs up. A source that ends lets go what it holds by itself.
    pub fn is_of_environment(&self, instance: &Instance, choice: &Choice) -> bool {
        match choice {
            Choice::Submit { .. } | Choice::End => true,
            Choice::Wake { at, emits, .. } => {
                let cell = self.net.cell(*at);
                let is_source = instance.behaviour(*at, cell.operator.version()).wake == Wake::Source;
                is_source && !(emits.is_empty() && cell.operator.is_ending())
            }
            Choice::Deliver { .. }
            | Choice::Fire { .. }
            | Choice::Join { .. }
            | Choice::Mark { .. }
            | Choice::Attach { .. }
            | Choice::Ended { .. } => false,
        }
    }

    /// Updates are submitted in turn, and one that awaits others when these are answered.
    fn may_submit(&self, instance: &Instance, update: UpdateId) -> bool {
        let is_next = update.0 == self.net.submitted + 1 && update.0 as usize <= instance.updates.len();
        let is_answered = |u: &UpdateId| self.net.tallies[u.0 as usize - 1].is_answered();
        is_next && !self.net.ended && instance.update(update).awaits.iter().all(is_answered)
    }

    fn readable(&self, instance: &Instance, at: OperatorId) -> Readable {
        let interface = &instance.program.operator(at).interface;
        let cell = self.net.cell(at);
        let is_early = |marker: &Marker, port| {
            let orders = instance.update(marker.update).orders_at(interface, at, port);
            !cell.operator.takes_marker(interface, &orders)
        };
        cell.operator.readable(interface, cell.oldest_mail(), |port| match self.net.first(at, port) {
            Some(Item::Marker(marker)) if is_early(marker, port) => Head::Empty,
            _ => self.net.head(at, port),
        })
    }

    fn port_choices(&self, at: OperatorId, port: PortIndex, behaviour: &Behaviour, choices: &mut Vec<Choice>) {
        match self.net.first(at, port) {
            Some(Item::Packet(_)) if self.net.cell(at).operator.is_closed() => {
                choices.push(Choice::Fire { at, port, emits: Emits::new() });
            }
            Some(Item::Packet(_)) => {
                let alternatives = behaviour.alternatives_at(port).into_iter();
                choices.extend(alternatives.map(|emits| Choice::Fire { at, port, emits }));
            }
            Some(Item::Marker(_)) => choices.push(Choice::Mark { at, port }),
            Some(Item::End) => choices.push(Choice::Ended { at, port }),
            None => {}
        }
    }

    fn marker_choices(&self, instance: &Instance, at: OperatorId, ports: PortSet, choices: &mut Vec<Choice>) {
        let marked = |port: &PortIndex| self.stands(instance, at, *port, |i| matches!(i, Item::Marker(_)));
        choices.extend(ports.iter().filter(marked).map(|port| Choice::Mark { at, port }));
    }

    fn wakes(&self, instance: &Instance, at: OperatorId, behaviour: &Behaviour, choices: &mut Vec<Choice>) {
        let cell = self.net.cell(at);
        let may_begin = cell.begun < instance.bounds.packets && !cell.operator.is_paused();
        match (behaviour.wake, behaviour.has_inputs) {
            _ if !cell.operator.may_wake() => {}
            (Wake::None, _) => {}
            (Wake::Source, false) if may_begin && cell.operator.may_begin() => {
                let emissions = behaviour.alternatives().into_iter().filter(|e| !e.is_empty());
                choices.extend(emissions.map(|emits| Choice::Wake { at, releases: None, emits }));
            }
            (Wake::Source, false) => {}
            (Wake::Source, true) => {
                let may_drop = instance.bounds.hangups || cell.operator.is_ending();
                self.releases(at, behaviour, choices, |emits| if emits.is_empty() { may_drop } else { may_begin });
            }
            (Wake::Resume, _) => self.releases(at, behaviour, choices, |_| true),
        }
    }

    fn releases(
        &self,
        at: OperatorId,
        behaviour: &Behaviour,
        choices: &mut Vec<Choice>,
        allowed: impl Fn(&Emits) -> bool,
    ) {
        // Packets of one lineage are alike: it does not matter which of them is let go.
        let mut open_work = self.net.cell(at).held.clone();
        open_work.dedup();
        for &held in &open_work {
            let emissions = behaviour.releases().into_iter().filter(&allowed);
            choices.extend(emissions.map(|emits| Choice::Wake { at, releases: Some(held), emits }));
        }
    }

    fn permits_wake(&self, at: OperatorId, behaviour: &Behaviour, releases: Option<Lineage>, emits: &Emits) -> bool {
        let cell = self.net.cell(at);
        match (behaviour.wake, releases) {
            (Wake::None, _) => false,
            (Wake::Source, None) => {
                !behaviour.has_inputs && behaviour.admits(emits) && cell.operator.may_begin() && !emits.is_empty()
            }
            (Wake::Resume, None) => false,
            (Wake::Source | Wake::Resume, Some(lineage)) => {
                let begins = behaviour.wake == Wake::Source && !emits.is_empty();
                cell.held.contains(&lineage)
                    && behaviour.releases().contains(emits)
                    && !(begins && cell.operator.is_paused())
            }
        }
    }

    fn stands(&self, instance: &Instance, at: OperatorId, port: PortIndex, is: impl Fn(&Item) -> bool) -> bool {
        self.readable(instance, at).ports.contains(port) && self.net.first(at, port).is_some_and(is)
    }
}
