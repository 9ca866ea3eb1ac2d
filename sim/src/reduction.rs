//! Fewer runs with the same ends: in each state only the steps of a *persistent set* of operators are looked at.
//!
//! An arc has one producer and one consumer. The producer's end belongs to the operator whose output drives it; the consumer's end
//! to the operator at whose port it stands, or else to the one marker in which it travels. This is the bijectivity that the planner
//! checks and the protocol keeps (S9, S10), and it makes steps of different operators commute: one appends behind what the other
//! takes from the front, and what finds no room is held until there is some, whoever is first.
//!
//! ```text
//!          a ┌───┐ b
//!         ┌─▶│   │───┐       a and b are steps of different operators. If neither can bring about or take away a step of the
//!       ┌─┴─┐└───┘ ┌─▼─┐     other, both ways lead to the same state, and it is enough to go one of them.
//!       │   │      │   │
//!       └─┬─┘┌───┐ └─▲─┘
//!         └ ▶│   │─ ─┘
//!          b └───┘ a
//! ```
//!
//! A set of processes (operators, and the environment) is *closed* if no process outside can bring about, take away, or fail to
//! commute with a step of one inside, before one inside has taken a step. All steps of a closed set are a persistent set
//! (Godefroid 1996, chapter 4; Valmari's stubborn sets). So the search takes the steps of the closed set that has fewest of them. Every
//! step lowers a rank (see [`rank`](mod@crate::rank)), so no run is infinite and nothing is put off for ever: every state in which a full
//! search ends is one in which the reduced search ends. Violations are latched in the states, so that is enough.
//!
//! Whom a process waits for, and must have with it in a closed set (`waits_for`):
//!
//! * an operator with output for a full arc: the one that reads that arc;
//! * one that takes from any of several ports, or fires by itself: the producers of those that are empty, since a packet that comes
//!   there is one more choice (an order-sensitive merge waits while something upstream can still fill its empty port);
//! * the two ends of an arc that leaves a feedback port, where there is room for anything, for an ordinary one: each for the other;
//! * one whose port waits for an arc: the one where the arc stands; one that waits for state: the one that hands it over;
//! * one that could be sent mail (a marker that enters there, the end, the word to apply or to go on): whoever brings that about,
//!   unless it has mail already, of which the first is always the next;
//! * the environment: a reporter that an update awaits before it may be submitted.
//!
//! Exceptions, all of them harmless. That a lineage began after an answer, which S14 remembers, depends on the order of two operators'
//! steps; but an answer before every target has applied is a breach of S6 in the same run, and after one there is no old version
//! left to meet. And some faults break what the argument rests on: an operator that fetches an arc from where it stands, an
//! arc that is not first in, first out, a marker at the head, a step amid a firing. With these nothing is left out.
//!
//! That all this is so is not believed but tested: on every reachable state of small instances, for every closed set and every
//! step outside it (`checks::reduction`), which is the induction step of the proof.

mod processes;

use crate::instance::{Fault, Instance};
use crate::net::Cell;
use crate::properties::named::NAMED;
use crate::system::{Breach, System};
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::component::Wake;
use neurath_model::id::{InPort, OperatorId, UpdateId};
use neurath_model::program::{Act, Feed};
use neurath_model::protocol::Head;
pub use processes::{Process, Processes};

/// A system that knows which of its choices are enough.
pub trait Reducible: System {
    /// Leaves of the choices open in a state a persistent set.
    fn persistent(&self, state: &Self::State, choices: &mut Vec<Self::Choice>);
}

/// A system of which only persistent sets of choices are offered.
#[derive(Debug, Clone)]
pub struct Reduced<S>(
    /// The system.
    pub S,
);

impl<S: Reducible> System for Reduced<S> {
    type State = S::State;
    type Choice = S::Choice;

    fn initial(&self) -> Vec<S::State> {
        self.0.initial()
    }

    fn choices(&self, state: &S::State, choices: &mut Vec<S::Choice>) {
        let mut open = Vec::new();
        self.0.choices(state, &mut open);
        if open.len() > 1 {
            self.0.persistent(state, &mut open);
        }
        choices.append(&mut open);
    }

    fn next(&self, state: &S::State, choice: &S::Choice) -> S::State {
        self.0.next(state, choice)
    }

    fn next_in(&self, state: &S::State, choice: &S::Choice, place: &mut S::State) {
        self.0.next_in(state, choice, place);
    }

    fn breach(&self, state: &S::State, ended: bool) -> Option<Breach> {
        self.0.breach(state, ended)
    }

    fn breach_among(&self, state: &S::State, ended: bool, properties: &[&str]) -> Option<Breach> {
        self.0.breach_among(state, ended, properties)
    }

    fn picture(&self, run: &[S::Choice]) -> Option<String> {
        self.0.picture(run)
    }

    fn kind(&self, choice: &S::Choice) -> &'static str {
        self.0.kind(choice)
    }

    fn kinds(&self) -> &'static [&'static str] {
        self.0.kinds()
    }

    fn witnesses(&self) -> &'static [&'static str] {
        self.0.witnesses()
    }

    fn witnessed(&self, state: &S::State, witness: usize) -> bool {
        self.0.witnessed(state, witness)
    }
}

impl<S: Reducible> Reducible for &S {
    fn persistent(&self, state: &S::State, choices: &mut Vec<S::Choice>) {
        (**self).persistent(state, choices);
    }
}

impl Reducible for Instance {
    fn persistent(&self, world: &World, choices: &mut Vec<Choice>) {
        if !is_reduced(self) {
            return;
        }
        let dependence = Dependence { instance: self, world };
        let mut best: Option<(usize, Processes)> = None;
        // What is downstream has higher numbers, as a rule: what goes on there keeps states few.
        let mut candidates: Vec<Process> = choices.iter().map(|choice| Process::of(choice.at())).collect();
        candidates.dedup();
        for process in candidates.into_iter().rev() {
            let closed = dependence.closure(process);
            let steps = choices.iter().filter(|choice| closed.contains(Process::of(choice.at()))).count();
            if best.is_none_or(|(fewest, _)| steps < fewest) {
                best = Some((steps, closed));
            }
            if steps == 1 {
                break;
            }
        }
        if let Some((_, closed)) = best {
            choices.retain(|choice| closed.contains(Process::of(choice.at())));
        }
    }
}

/// Whether anything is left out for an instance: not where a fault breaks what commutation rests on, not where a property was asked
/// for, or stated by a user, that minds the order of steps that commute, not where something could go round for ever, and not where there are more operators than a set of processes can hold.
pub fn is_reduced(instance: &Instance) -> bool {
    let breaks_ownership = match instance.fault {
        Some(Fault::FetchArc | Fault::MarkerAtHead | Fault::LastInFirstOut | Fault::ApplyMidFiring) => true,
        Some(Fault::Protocol(_) | Fault::LossyArc | Fault::TransferTwice | Fault::DropOpenWork) | None => false,
    };
    let commutes = instance.clients.iter().all(|client| client.predicate.is_insensitive());
    let asked = NAMED.iter().all(|named| named.commutes || !instance.asks(named.about.code));
    !breaks_ownership
        && commutes
        && asked
        && !goes_round(instance)
        && instance.program.operators().len() <= Processes::OPERATORS_MAX
}

/// Whether something could go round for ever: a feedback arc leads to an operator that neither uses up what comes back nor counts what it
/// lets go, so that no rank falls, and what is put off might be put off for ever.
pub fn goes_round(instance: &Instance) -> bool {
    let versions = || std::iter::once(UpdateId::NONE).chain(instance.update_ids());
    instance.program.operators().any(|(at, operator)| {
        let behaviours = || versions().map(|version| instance.behaviour(at, version));
        let ends = |port| behaviours().all(|b| b.wake == Wake::Source || b.absorbs.contains(port));
        operator.interface.feedback.iter().any(|port| !ends(port))
    })
}

/// Who can make a difference to whom, in one world.
pub struct Dependence<'a> {
    /// What is explored.
    pub instance: &'a Instance,
    /// Where it is.
    pub world: &'a World,
}

impl Dependence<'_> {
    /// The smallest closed set with this process.
    pub fn closure(&self, process: Process) -> Processes {
        let (mut closed, mut frontier) = (Processes::only(process), Processes::only(process));
        while let Some(next) = frontier.pop() {
            let found = self.waits_for(next).minus(closed);
            closed = closed.union(found);
            frontier = frontier.union(found);
        }
        closed
    }

    fn waits_for(&self, process: Process) -> Processes {
        match process.operator() {
            None => self.environment(),
            Some(at) if (at.0 as usize) < self.world.net.cells.len() => self.operator(at),
            // It is not there before the environment has submitted the update that brings it.
            Some(_) => Processes::only(Process::ENVIRONMENT),
        }
    }

    fn operator(&self, at: OperatorId) -> Processes {
        let (net, cell) = (&self.world.net, self.world.net.cell(at));
        if cell.operator.is_released() {
            return Processes::NONE;
        }
        let mut found = self.mail(at, cell);
        found.extend(self.narrowed_with(at));
        if self.words_may_cross() {
            // The word that it is over, and what the environment sends, come to the same operators.
            found.insert(Process::ENVIRONMENT);
        }
        if let Some((port, _)) = cell.pending.first() {
            let reader = net.arc(self.instance.program.driven(at, *port)).to;
            found.extend(reader.map(|port| port.operator));
            return found;
        }
        found.extend(self.arcs_to_come(at, cell));
        if cell.operator.is_waiting() {
            found.extend(self.giver(at));
            return found;
        }
        let interface = &self.instance.program.operator(at).interface;
        let empty = cell.operator.ready(interface).iter().filter(|port| net.head(at, *port) == Head::Empty);
        let arcs = empty.filter_map(|port| net.feeding(at, port));
        found.extend(arcs.map(|arc| self.instance.program.arc(arc).from.operator));
        found
    }

    /// The other end of arcs that come to have an end: from a feedback port, where there is room for anything, to one where there is
    /// not. Whether what its producer sends finds room then depends on whether the operator that gives the arc away has done so.
    fn narrowed_with(&self, at: OperatorId) -> impl Iterator<Item = OperatorId> + '_ {
        let program = &self.instance.program;
        let open = self.instance.update_ids().filter(|u| !self.is_answered(*u));
        open.flat_map(|u| &self.instance.update(u).moves).filter_map(move |a_move| {
            let (from, to) = (a_move.from?, a_move.to?);
            let producer = program.arc(a_move.arc).from.operator;
            let narrows = program.is_feedback(from) && !program.is_feedback(to);
            match (narrows, at == producer, at == from.operator) {
                (true, true, _) => Some(from.operator),
                (true, false, true) => Some(producer),
                _ => None,
            }
        })
    }

    /// Where the arcs stand that are to come to vacant ports.
    fn arcs_to_come<'a>(&'a self, at: OperatorId, cell: &'a Cell) -> impl Iterator<Item = OperatorId> + 'a {
        let net = &self.world.net;
        cell.operator.vacant().iter().filter_map(move |port| match net.feed(InPort { operator: at, port }) {
            Feed::Expects(arc) => net.arc(arc).to.map(|port| port.operator).filter(|holder| *holder != at),
            Feed::Arc(_) | Feed::Vacant => None,
        })
    }

    fn giver(&self, at: OperatorId) -> Option<OperatorId> {
        let born = self.instance.program.operator(at).born;
        let mut givers = self.instance.update(born).changed();
        let hands_over = |acts: &[Act]| acts.iter().any(|act| matches!(act, Act::HandOver(to, _) if *to == at));
        givers.find(|(_, acts)| hands_over(acts)).map(|(from, _)| from)
    }

    /// Whoever could send mail that would be the next to take, or be about an earlier update than all that is there.
    fn mail(&self, at: OperatorId, cell: &Cell) -> Processes {
        let mut found = Processes::NONE;
        if cell.next_mail().is_none() && self.environment_may_mail(at) {
            found.insert(Process::ENVIRONMENT);
        }
        for u in self.stopping() {
            let deployment = self.instance.update(u);
            let is_told = deployment.stopped.contains(&at) || deployment.second_part().any(|other| other == at);
            // Nothing is quiet before the marker has passed here, too.
            let is_first = deployment.concerns(at) && !cell.passed.contains(u);
            if is_told && !is_first {
                found.extend(self.reporter(u).filter(|reporter| *reporter != at));
            }
        }
        found
    }

    fn environment_may_mail(&self, at: OperatorId) -> bool {
        let net = &self.world.net;
        let ends = self.instance.bounds.ends && self.instance.program.operator(at).interface.forward().is_empty();
        let later = &self.instance.updates[net.submitted as usize..];
        !net.ended && (ends || later.iter().any(|update| update.heads.contains(&at)))
    }

    /// Whether the environment can send mail beside the words of an update that stops everything first, under way or to come.
    fn words_may_cross(&self) -> bool {
        let net = &self.world.net;
        let is_done = net.ended || !self.instance.bounds.ends && net.submitted as usize == self.instance.updates.len();
        !is_done && self.instance.update_ids().any(|u| !self.is_answered(u) && self.crosses(u))
    }

    /// Whether an update stops everything first, and something that the environment does need not wait for it.
    fn crosses(&self, u: UpdateId) -> bool {
        let later = &self.instance.updates[u.0 as usize..];
        let stops = self.instance.update(u).scheduler.in_two_parts();
        stops && (self.instance.bounds.ends || later.iter().any(|update| !update.awaits.contains(&u)))
    }

    /// Updates under way that stop everything first.
    fn stopping(&self) -> impl Iterator<Item = UpdateId> + '_ {
        let submitted = (1..=self.world.net.submitted).map(UpdateId);
        submitted.filter(|u| self.instance.update(*u).scheduler.in_two_parts() && !self.is_answered(*u))
    }

    fn is_answered(&self, u: UpdateId) -> bool {
        self.world.net.tallies.get(u.0 as usize - 1).is_some_and(|tally| tally.is_answered())
    }

    /// One operator without whose report the next thing that the exit does with an update is not done.
    fn reporter(&self, u: UpdateId) -> Option<OperatorId> {
        let missing = self.world.net.tallies[u.0 as usize - 1].missing();
        let first = missing.passed.first().or_else(|| missing.applied.first()).copied();
        first.or_else(|| missing.switched.first().map(|(at, _)| *at))
    }

    fn environment(&self) -> Processes {
        let (net, mut found) = (&self.world.net, Processes::NONE);
        if net.ended {
            return found;
        }
        if let Some(next) = self.instance.updates.get(net.submitted as usize) {
            let awaited = next.awaits.iter().find(|u| !self.is_answered(**u));
            found.extend(awaited.and_then(|u| self.reporter(*u)));
        }
        found.extend(self.stopping().filter(|u| self.crosses(*u)).filter_map(|u| self.reporter(u)));
        found
    }
}
