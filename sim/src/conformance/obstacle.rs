//! Why an operator's next line cannot be taken: the model's side of a disagreement.
//!
//! [`admits`] is the rule, asked for every line. [`explain`] is asked only when nothing goes on any more, and finds the first
//! reason, in an order that a person would look in: is its last output in, may this port be read, what stands there,
//! is the emission one that the component declares, is the version the one that follows.

use super::name_of;
use super::part::Step;
use crate::instance::Instance;
use crate::net::Item;
use crate::world::World;
use neurath_model::choice::{Choice, Emits};
use neurath_model::component::{Emission, Firing, Wake};
use neurath_model::id::{InPort, Lineage, OperatorId, PortIndex, PortSet, UpdateId, Version};
use neurath_model::marker::{Mail, Marker};
use neurath_model::program::Feed;
use neurath_model::protocol::{Effects, Event};
use smallvec::SmallVec;

/// Why a line cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Whatever the others do, it could never be.
    Contradiction {
        /// What the model has there.
        expected: String,
        /// What may lie behind it.
        hint: &'static str,
    },
    /// It waits for another operator to do something.
    Waits {
        /// Who that is.
        on: OperatorId,
        /// Whether it waits for room, rather than for something to take.
        room: bool,
        /// What the model has there.
        expected: String,
    },
}

use Obstacle::{Contradiction, Waits};

const UPSTREAM: &str = "a line may be missing or changed here or at the producer of that arc; if the file was not touched, packets were \
     lost, doubled or overtaken in the run";
const DECLARED: &str = "the function does what its component does not declare, or the line was changed; mend the declaration or the function";
const OUT_OF_TURN: &str = "a line of this operator may be missing, added or out of order";
const BLOCKED: &str = "a port that has brought a marker is not read until the join is complete (S3, S5); if the file was \
     not touched, the run broke that rule";

/// Whether a step may be taken now and is what the model would do: permitted, the same packets, the same version after.
pub(super) fn admits(instance: &Instance, world: &World, at: OperatorId, step: &Step) -> bool {
    world.permits(instance, &step.choice)
        && takes(instance, world, &step.choice) == step.of
        && version_after(instance, world, at, &step.choice) == step.version
}

/// The lineages of the packets that a permitted choice takes.
fn takes(instance: &Instance, world: &World, choice: &Choice) -> SmallVec<[Lineage; 2]> {
    let heads = |at: OperatorId, ports: PortSet| ports.iter().filter_map(move |port| lineage(world, at, port));
    match choice {
        Choice::Fire { at, port, .. } => heads(*at, PortSet::only(*port)).collect(),
        Choice::Join { at, .. } => heads(*at, instance.program.operator(*at).interface.inputs).collect(),
        Choice::Submit { .. }
        | Choice::End
        | Choice::Deliver { .. }
        | Choice::Mark { .. }
        | Choice::Attach { .. }
        | Choice::Ended { .. }
        | Choice::Wake { .. } => SmallVec::new(),
    }
}

/// The operator's version after a permitted choice. Only what may complete a marker join can change it; the protocol
/// is asked on a copy of the operator.
fn version_after(instance: &Instance, world: &World, at: OperatorId, choice: &Choice) -> Version {
    if choice.at().is_none() {
        return UpdateId::NONE;
    }
    let mut operator = world.net.cell(at).operator.clone();
    let event = match choice {
        Choice::Fire { .. } | Choice::Join { .. } | Choice::Wake { .. } | Choice::Submit { .. } | Choice::End => {
            return operator.version();
        }
        Choice::Mark { port, .. } => match head(world, at, *port) {
            Some(Item::Marker(marker)) => {
                let orders =
                    instance.update(marker.update).orders_at(&instance.program.operator(at).interface, at, *port);
                Event::Marker { port: *port, marker: *marker, orders }
            }
            Some(Item::Packet(_) | Item::End) | None => return operator.version(),
        },
        Choice::Ended { port, .. } => Event::Closed { port: *port },
        Choice::Attach { port, .. } => Event::Attached { port: *port },
        Choice::Deliver { mail, .. } => match mail {
            Mail::Marker(update) | Mail::Apply(update) => {
                let orders =
                    instance.update(*update).orders_by_mail(&instance.program.operator(at).interface, at, *mail);
                Event::Command { marker: Marker { update: *update }, orders }
            }
            Mail::Resume(_) => Event::Resume,
            Mail::End => Event::End,
        },
    };
    operator.step(&instance.program.operator(at).interface, event, &mut Effects::new());
    operator.version()
}

fn head(world: &World, at: OperatorId, port: PortIndex) -> Option<&Item> {
    world.net.first(at, port)
}

fn lineage(world: &World, at: OperatorId, port: PortIndex) -> Option<Lineage> {
    match head(world, at, port) {
        Some(Item::Packet(parcel)) => Some(parcel.lineage),
        Some(Item::Marker(_) | Item::End) | None => None,
    }
}

/// Why a step that [`admits`] refuses cannot be taken.
pub(super) fn explain(instance: &Instance, world: &World, at: OperatorId, step: &Step) -> Obstacle {
    let look = Look { instance, world, at };
    look.turn(&step.choice)
        .or_else(|| look.heads(step))
        .or_else(|| look.does(step))
        .unwrap_or_else(|| look.version(step))
}

/// One operator, looked at for what is in the way.
struct Look<'a> {
    instance: &'a Instance,
    world: &'a World,
    at: OperatorId,
}

impl Look<'_> {
    fn name(&self) -> &str {
        name_of(self.instance, self.at)
    }

    fn input(&self, port: PortIndex) -> String {
        format!("{}.{}", self.name(), self.instance.program.operator(self.at).input_names[usize::from(port.0)])
    }

    fn inputs(&self, ports: PortSet) -> String {
        ports.iter().map(|p| self.input(p)).collect::<Vec<_>>().join(" and ")
    }

    fn update(&self, update: UpdateId) -> &str {
        &self.instance.update(update).name
    }

    /// What an update that is the next to be submitted awaits: those that were not under way any more when it was.
    fn unanswered(&self, update: UpdateId) -> Option<Obstacle> {
        let awaited = &self.instance.update(update).awaits;
        let open = awaited.iter().find(|u| !self.world.net.tallies[u.0 as usize - 1].is_answered())?;
        Some(contradiction(format!("update `{}` to be answered before", self.update(*open)), OUT_OF_TURN))
    }

    /// Whether it is the operator's turn at all, whatever stands at its ports.
    fn turn(&self, choice: &Choice) -> Option<Obstacle> {
        match choice {
            Choice::Submit { .. } | Choice::End if self.world.net.ended => {
                Some(contradiction("nothing, for the flow has been ended".into(), OUT_OF_TURN))
            }
            Choice::Submit { update } if update.0 == self.world.net.submitted + 1 => self.unanswered(*update),
            Choice::Submit { .. } => Some(contradiction(
                format!("update number {}, the next to be submitted", self.world.net.submitted + 1),
                OUT_OF_TURN,
            )),
            Choice::Deliver { mail, .. } => self.full().or_else(|| self.mail(*mail)),
            Choice::End => None,
            Choice::Attach { port, .. } => self.full().or_else(|| self.arc(*port)),
            Choice::Fire { .. }
            | Choice::Join { .. }
            | Choice::Mark { .. }
            | Choice::Ended { .. }
            | Choice::Wake { .. } => self.full(),
        }
    }

    /// Whether it is this mail's turn.
    fn mail(&self, mail: Mail) -> Option<Obstacle> {
        let next = self.world.net.cell(self.at).next_mail().map(|(_, mail)| mail);
        (next != Some(mail)).then(|| match next {
            Some(other) => {
                contradiction(format!("{} to take {} first", self.name(), self.mail_name(other)), OUT_OF_TURN)
            }
            None => match self.has_yet_to_report(mail) {
                Some(on) => Waits { on, room: false, expected: self.no_mail() },
                None => contradiction(self.no_mail(), OUT_OF_TURN),
            },
        })
    }

    fn no_mail(&self) -> String {
        format!("no mail for {}", self.name())
    }

    /// An operator whose report is missing for the word to apply an update, or to go on after it.
    fn has_yet_to_report(&self, mail: Mail) -> Option<OperatorId> {
        let (Mail::Apply(update) | Mail::Resume(update)) = mail else { return None };
        let missing = self.world.net.tallies.get((update.0 as usize).checked_sub(1)?)?.missing();
        missing.passed.iter().chain(&missing.applied).copied().find(|at| *at != self.at)
    }

    fn mail_name(&self, mail: Mail) -> String {
        match mail {
            Mail::Marker(update) => format!("the marker of `{}` from its mail", self.update(update)),
            Mail::Apply(update) => format!("the word to apply `{}`", self.update(update)),
            Mail::Resume(update) => format!("the word to go on after `{}`", self.update(update)),
            Mail::End => "the word that the flow ends".into(),
        }
    }

    /// Whether the arc that a port waits for has come.
    fn arc(&self, port: PortIndex) -> Option<Obstacle> {
        let program = &self.instance.program;
        match self.world.net.feed(InPort { operator: self.at, port }) {
            Feed::Expects(arc) if self.world.net.is_under_way(arc, InPort { operator: self.at, port }) => None,
            Feed::Expects(arc) => {
                let stands = self.world.net.arc(arc).to.map_or(self.at, |port| port.operator);
                let before = program.arc(arc);
                let expected =
                    format!("nothing yet: the arc of {} was not taken away", program.output_name(before.from));
                let on = if stands == self.at { before.to.operator } else { stands };
                Some(Waits { on, room: false, expected })
            }
            Feed::Arc(_) | Feed::Vacant => {
                Some(contradiction(format!("no arc to come to {}", self.input(port)), OUT_OF_TURN))
            }
        }
    }

    fn full(&self) -> Option<Obstacle> {
        let (port, _) = self.world.net.cell(self.at).pending.first()?;
        let arc = self.instance.program.driven(self.at, *port);
        let consumer = self.world.net.arc(arc).to?;
        let (arc, holds) =
            (Look { at: consumer.operator, ..*self }.input(consumer.port), self.instance.bounds.capacity);
        let expected = format!(
            "{} to wait until its last output has room: {holds} packets are on the arc to {arc}, as many as it holds",
            self.name()
        );
        Some(Waits { on: consumer.operator, room: true, expected })
    }

    /// What stands at the ports that the step reads.
    fn heads(&self, step: &Step) -> Option<Obstacle> {
        let all = self.instance.program.operator(self.at).interface.firing == Firing::All;
        match &step.choice {
            Choice::Fire { port, .. } if all => Some(contradiction(
                format!(
                    "{} to take a packet from every input together, not one from {}",
                    self.name(),
                    self.input(*port)
                ),
                DECLARED,
            )),
            Choice::Join { .. } if !all => {
                Some(contradiction(format!("{} to take one packet at a time", self.name()), DECLARED))
            }
            Choice::Fire { port, .. } => {
                self.port(*port, is_packet).or_else(|| self.lineages(PortSet::only(*port), step))
            }
            Choice::Join { .. } => {
                let inputs = self.instance.program.operator(self.at).interface.inputs;
                let obstacles: Vec<_> = inputs.iter().filter_map(|port| self.port(port, is_packet)).collect();
                let never = obstacles.iter().find(|o| matches!(o, Contradiction { .. })).cloned();
                never.or_else(|| obstacles.into_iter().next()).or_else(|| self.lineages(inputs, step))
            }
            Choice::Mark { port, .. } => self.port(*port, |i| matches!(i, Item::Marker(_))),
            Choice::Ended { port, .. } => self.port(*port, |i| matches!(i, Item::End)),
            Choice::Submit { .. }
            | Choice::End
            | Choice::Deliver { .. }
            | Choice::Attach { .. }
            | Choice::Wake { .. } => None,
        }
    }

    /// Whether a port may be read, and whether what is wanted stands there.
    fn port(&self, port: PortIndex, wanted: fn(&Item) -> bool) -> Option<Obstacle> {
        let (operator, interface) =
            (&self.world.net.cell(self.at).operator, &self.instance.program.operator(self.at).interface);
        if operator.blocked().contains(port) {
            return Some(contradiction(self.blocked(port), BLOCKED));
        }
        if operator.vacant().contains(port) {
            return Some(self.arc(port).unwrap_or_else(|| {
                contradiction(format!("the arc to {} to be attached first", self.input(port)), OUT_OF_TURN)
            }));
        }
        if !operator.ready(interface).contains(port) {
            return Some(contradiction(
                format!("nothing from {}, which has been read to its end", self.input(port)),
                OUT_OF_TURN,
            ));
        }
        match head(self.world, self.at, port) {
            None => Some(self.empty(port)),
            Some(item) if wanted(item) => None,
            Some(item) => {
                Some(contradiction(format!("{} at the head of {}", self.item(item), self.input(port)), UPSTREAM))
            }
        }
    }

    fn blocked(&self, port: PortIndex) -> String {
        let cell = self.world.net.cell(self.at);
        let update = cell.operator.joining().next().expect("a blocked port waits in a join");
        let missing = cell.operator.missing();
        let (name, update) = (self.input(port), self.update(update));
        format!(
            "{name} to wait in the marker join of `{update}` until the marker has come from {}",
            self.inputs(missing)
        )
    }

    fn empty(&self, port: PortIndex) -> Obstacle {
        let arc = self.world.net.feeding(self.at, port).expect("a port that may be read has an arc");
        let on = self.instance.program.arc(arc).from.operator;
        let producer = self.instance.name(on);
        let expected = format!("nothing at {}: all that {producer} has sent there is taken", self.input(port));
        Waits { on, room: false, expected }
    }

    fn item(&self, item: &Item) -> String {
        match item {
            Item::Packet(parcel) => format!("a packet of {}", self.instance.lineage_name(parcel.lineage)),
            Item::Marker(marker) => format!("the marker of `{}`", self.update(marker.update)),
            Item::End => "the end of the arc".into(),
        }
    }

    fn lineages(&self, ports: PortSet, step: &Step) -> Option<Obstacle> {
        let stand: SmallVec<[Lineage; 2]> =
            ports.iter().filter_map(|port| lineage(self.world, self.at, port)).collect();
        if stand == step.of {
            return None;
        }
        let names: Vec<_> = stand.iter().map(|l| self.instance.lineage_name(*l)).collect();
        let packets = if names.len() == 1 { "a packet" } else { "packets" };
        let expected = format!("{packets} of {} at the head of {}", names.join(" and "), self.inputs(ports));
        Some(contradiction(expected, UPSTREAM))
    }

    /// Whether the function may do that.
    fn does(&self, step: &Step) -> Option<Obstacle> {
        let operator = &self.world.net.cell(self.at).operator;
        let behaviour = self.instance.behaviour(self.at, operator.version());
        let declared = |may: String| {
            contradiction(format!("{} (running {}) to emit {may}", self.name(), behaviour.component), DECLARED)
        };
        match &step.choice {
            Choice::Fire { emits, .. } | Choice::Join { emits, .. } if operator.is_closed() => (!emits.is_empty())
                .then(|| contradiction(format!("{} to emit nothing, for it has ended", self.name()), OUT_OF_TURN)),
            Choice::Fire { port, emits, .. } if behaviour.absorbs.contains(*port) => {
                (!emits.is_empty()).then(|| declared(format!("nothing on a packet from {}", self.input(*port))))
            }
            Choice::Fire { emits, .. } | Choice::Join { emits, .. } => {
                (!behaviour.admits(emits)).then(|| declared(self.emission(behaviour.emission)))
            }
            Choice::Wake { releases, emits, .. } => self.wakes(*releases, emits),
            Choice::Submit { .. }
            | Choice::End
            | Choice::Deliver { .. }
            | Choice::Mark { .. }
            | Choice::Attach { .. }
            | Choice::Ended { .. } => None,
        }
    }

    fn emission(&self, emission: Emission) -> String {
        let outputs = self.outputs();
        match emission {
            Emission::Each => format!("one packet on each of its outputs ({outputs}) at a firing, as `each` says"),
            Emission::Filter => format!("one packet on each of its outputs ({outputs}) or none, as `filter` says"),
            Emission::Route => format!("one packet on one of its outputs ({outputs}), as `route` says"),
            Emission::Many => format!("on its outputs ({outputs}) only"),
            Emission::Buffer => "nothing when a packet comes in, as `buffer` says".into(),
        }
    }

    fn outputs(&self) -> String {
        let operator = self.instance.program.operator(self.at);
        let declared = usize::from(self.instance.behaviour(self.at, UpdateId::NONE).outputs);
        operator.output_names[..declared].join(", ")
    }

    fn wakes(&self, releases: Option<Lineage>, emits: &Emits) -> Option<Obstacle> {
        let cell = self.world.net.cell(self.at);
        let behaviour = self.instance.behaviour(self.at, cell.operator.version());
        let (name, component) = (self.name(), &behaviour.component);
        let held = |l: Lineage| cell.held.contains(&l);
        let says = |expected: String, hint| Some(contradiction(expected, hint));
        match (behaviour.wake, releases) {
            _ if cell.operator.is_closed() => says(format!("nothing from {name}, which has ended"), OUT_OF_TURN),
            (Wake::None, _) => says(format!("{name} (running {component}) to fire on packets only"), DECLARED),
            (Wake::Source | Wake::Resume, Some(l)) if !held(l) => says(self.holds(), OUT_OF_TURN),
            (Wake::Source | Wake::Resume, Some(_)) => (!behaviour.releases().contains(emits)).then(|| {
                contradiction(
                    format!("{name} to emit at most one packet for each it lets go, on one of {}", self.outputs()),
                    DECLARED,
                )
            }),
            (Wake::Source, None) if !behaviour.has_inputs && emits.is_empty() => {
                says(format!("{name} to emit when it fires on its own"), DECLARED)
            }
            (Wake::Source, None) if !behaviour.has_inputs => (!behaviour.admits(emits)).then(|| {
                let may = self.emission(behaviour.emission);
                contradiction(format!("{name} (running {component}) to emit {may}"), DECLARED)
            }),
            (Wake::Source | Wake::Resume, None) => says(self.holds(), DECLARED),
        }
    }

    fn holds(&self) -> String {
        let held = &self.world.net.cell(self.at).held;
        let some: Vec<_> = held.iter().take(4).map(|h| self.instance.lineage_name(*h)).collect();
        let more = if held.len() > some.len() { " and others" } else { "" };
        let held = if some.is_empty() { "nothing".into() } else { some.join(", ") };
        format!("{} to let go what it holds, which is {held}{more}", self.name())
    }

    fn version(&self, step: &Step) -> Obstacle {
        let after = version_after(self.instance, self.world, self.at, &step.choice);
        let expected = match after {
            UpdateId::NONE => format!("{} to be as it was started after this step, version 0", self.name()),
            after => {
                format!("{} to be at version {}, by `{}`, after this step", self.name(), after.0, self.update(after))
            }
        };
        contradiction(expected, "an update took effect here at another step than the model's, or the line was changed")
    }
}

fn is_packet(item: &Item) -> bool {
    matches!(item, Item::Packet(_))
}

fn contradiction(expected: String, hint: &'static str) -> Obstacle {
    Contradiction { expected, hint }
}
