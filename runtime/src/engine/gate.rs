//! A gate: every operator takes its steps when a schedule says so, and as it says.
//!
//! ```text
//!   schedule   submit u1 | accept wakes | accept takes mail | read fires | ...
//!                             ^ next
//!   every thread:  is the next step mine, and can I take it?  --no-->  sleep until something comes, or the gate moves
//!                                                             --yes->  take it, move the gate, wake whose turn it is
//! ```
//!
//! So a schedule that the checker found, or one drawn at random, is carried out by the real threads, arcs and mailboxes. What
//! is not a choice in the checker's world is not held up here either: outputs move onto their arcs when there is room, a function that
//! has nothing left to finish ends, state that is handed over is taken in. In the world that happens at once; here it happens
//! some time before the next step that depends on it.
//!
//! Functions are told what to do by [`Gate::current`]: a router takes the output that the schedule says. Without a gate, all this
//! costs one look at an option for each step.

use crate::engine::signal::Bell;
use crate::function::{Context, Function};
use crate::packet::Packet;
use neurath_model::choice::{Choice, Emits};
use neurath_model::id::{OperatorId, PortIndex};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// A schedule, and how far it was carried out.
pub struct Gate {
    place: Mutex<Place>,
    moved: Condvar,
}

struct Place {
    schedule: Vec<Choice>,
    next: usize,
    bells: BTreeMap<OperatorId, Arc<Bell>>,
}

/// What the environment is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// This.
    Take(Choice),
    /// Nothing: the schedule is carried out.
    Over,
    /// Nothing has moved for as long as it was willing to wait: this step was not taken.
    Stuck {
        /// Its place in the schedule, from 0.
        step: usize,
        /// The step.
        choice: Choice,
    },
}

impl Gate {
    /// A gate before the first step of a schedule.
    pub fn new(schedule: Vec<Choice>) -> Self {
        Self { place: Mutex::new(Place { schedule, next: 0, bells: BTreeMap::new() }), moved: Condvar::new() }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().expect("nobody panics at the gate")
    }

    /// The step that is next; none if all were taken.
    pub fn current(&self) -> Option<Choice> {
        let place = self.place();
        place.schedule.get(place.next).cloned()
    }

    /// The step that is next, if it is this operator's.
    pub(crate) fn due(&self, at: OperatorId) -> Option<Choice> {
        self.current().filter(|choice| choice.at() == Some(at))
    }

    /// Which bell is to be rung when it is an operator's turn.
    pub(crate) fn introduce(&self, at: OperatorId, bell: Arc<Bell>) {
        self.place().bells.insert(at, bell);
    }

    /// The step was taken: whose turn it is now is called.
    pub fn pass(&self) {
        let mut place = self.place();
        place.next += 1;
        let next = place.schedule.get(place.next).and_then(Choice::at);
        if let Some(bell) = next.and_then(|at| place.bells.get(&at)) {
            bell.ring();
        }
        self.moved.notify_all();
    }

    /// Waits for the environment's turn, as long as something moves at least once in `patience`.
    pub fn environment(&self, patience: Duration) -> Turn {
        let mut place = self.place();
        loop {
            match place.schedule.get(place.next) {
                None => return Turn::Over,
                Some(choice) if choice.at().is_none() => return Turn::Take(choice.clone()),
                Some(_) => {}
            }
            let before = place.next;
            let (after, waited) = self.moved.wait_timeout(place, patience).expect("nobody panics at the gate");
            place = after;
            if waited.timed_out() && place.next == before {
                return Turn::Stuck { step: before, choice: place.schedule[before].clone() };
            }
        }
    }
}

/// A function that does what the schedule says, whatever its component is: it emits where the step at the gate emits, and lets go of what
/// that lets go. Its packets are empty.
pub struct Steered(pub Arc<Gate>);

impl Steered {
    fn emit(emits: &Emits, cx: &mut Context<'_>) {
        emits.iter().for_each(|port| cx.emit(*port, Packet::new(())));
    }
}

impl Function for Steered {
    fn fire(&mut self, _: PortIndex, _: Packet, cx: &mut Context<'_>) {
        if let Some(Choice::Fire { emits, .. }) = self.0.current() {
            Self::emit(&emits, cx);
        }
    }

    fn fire_all(&mut self, _: Vec<Packet>, cx: &mut Context<'_>) {
        if let Some(Choice::Join { emits, .. }) = self.0.current() {
            Self::emit(&emits, cx);
        }
    }

    fn wake(&mut self, _: &[crate::function::Readiness], cx: &mut Context<'_>) {
        match self.0.current() {
            Some(Choice::Wake { releases: Some(held), emits, .. }) => {
                cx.release(held, emits.first().map(|port| (*port, Packet::new(()))));
            }
            Some(Choice::Wake { releases: None, emits, .. }) => Self::emit(&emits, cx),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neurath_model::id::UpdateId;

    const SHORT: Duration = Duration::from_millis(20);

    fn ended(at: u32) -> Choice {
        Choice::Ended { at: OperatorId(at), port: PortIndex(0) }
    }

    #[test]
    fn each_has_its_turn() {
        let submit = Choice::Submit { update: UpdateId(1) };
        let gate = Gate::new(vec![submit.clone(), ended(3), Choice::End]);
        assert_eq!(gate.environment(SHORT), Turn::Take(submit));
        assert_eq!(gate.due(OperatorId(3)), None);
        gate.pass();
        assert_eq!((gate.due(OperatorId(3)), gate.due(OperatorId(2))), (Some(ended(3)), None));
        gate.pass();
        assert_eq!(gate.environment(SHORT), Turn::Take(Choice::End));
        gate.pass();
        assert_eq!((gate.environment(SHORT), gate.current()), (Turn::Over, None));
    }

    #[test]
    fn a_step_that_nobody_takes_is_named() {
        let gate = Gate::new(vec![ended(1), ended(2)]);
        gate.pass();
        assert_eq!(gate.environment(SHORT), Turn::Stuck { step: 1, choice: ended(2) });
    }
}
