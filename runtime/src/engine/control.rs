//! What submitters and operators share: which operators run, which updates are under way, and what was answered.
//!
//! ```text
//!   submit ---> ledger ---> mail to the heads            operators ---> reports ---> tally ---> answer
//!               (one order of all updates)                                          (the exit of the talk)
//! ```
//!
//! The ledger is the entrance and the exit: whoever holds it decides the order of updates, once for all operators. What is
//! done under it takes microseconds and waits for nobody.

use crate::engine::applied::{Applied, Past};
use crate::engine::arc::Receiver;
use crate::engine::carried::Carried;
use crate::engine::mailbox::{Address, Letter};
use crate::engine::signal::{Bell, Signal};
use crate::engine::tracer::{Doors, Known};
use neurath_model::diagnostic::Diagnostics;
use neurath_model::graph::FlowGraph;
use neurath_model::id::{ArcId, InPort, OperatorId, UpdateId, Version};
use neurath_model::marker::{Mail, Outcome, Report};
use neurath_model::plan::Plan;
use neurath_model::program::Program;
use neurath_model::protocol::{Next, Tally};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
use std::time::Instant;

/// How many updates are remembered with all that is needed to take them back or apply them again.
const REMEMBERED: usize = 256;
/// How many operators the whole flows among them may name. Graphs share what is the same in them, and what an update says does not:
/// of flows that large, fewer are remembered.
const NAMED_MAX: usize = 1_000_000;

/// What is shared.
pub(crate) struct Control {
    ledger: Mutex<Ledger>,
    failed: AtomicBool,
    signals: Mutex<Vec<Arc<Signal>>>,
    /// Told when an update is answered, and when the flow has failed.
    answered: Condvar,
}

/// What is known of the flow and its updates.
pub(crate) struct Ledger {
    /// The flow as the updates submitted so far leave it.
    pub(crate) graph: FlowGraph,
    pub(crate) program: Program,
    pub(crate) directory: BTreeMap<OperatorId, Address>,
    pub(crate) versions: BTreeMap<OperatorId, Version>,
    pub(crate) in_flight: BTreeMap<UpdateId, InFlight>,
    /// Updates applied, the latest last; of older ones only the number is known.
    pub(crate) history: VecDeque<Past>,
    pub(crate) applied: u32,
    /// Operators that have retired and are not released yet.
    pub(crate) leaving: BTreeSet<OperatorId>,
    pub(crate) failure: Option<String>,
    pub(crate) stopped: bool,
    pub(crate) doors: Option<Doors>,
    pub(crate) known: Known,
}

/// An update under way.
pub(crate) struct InFlight {
    pub(crate) carried: Arc<Carried>,
    pub(crate) plan: Plan,
    pub(crate) before: FlowGraph,
    pub(crate) submitted: Instant,
    pub(crate) tally: Tally,
    pub(crate) waiting: mpsc::Sender<Result<Applied, Diagnostics>>,
}

impl Control {
    pub(crate) fn new(graph: FlowGraph, program: Program, doors: Option<Doors>, known: Known) -> Self {
        let ledger = Ledger {
            graph,
            program,
            directory: BTreeMap::new(),
            versions: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            history: VecDeque::new(),
            applied: 0,
            leaving: BTreeSet::new(),
            failure: None,
            stopped: false,
            doors,
            known,
        };
        Self {
            ledger: Mutex::new(ledger),
            failed: AtomicBool::new(false),
            signals: Mutex::new(Vec::new()),
            answered: Condvar::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no holder of the ledger panics")
    }

    /// A worker that is to be told if another fails.
    pub(crate) fn add_signal(&self, signal: Arc<Signal>) {
        self.signals.lock().expect("not poisoned").push(signal);
    }

    /// A worker whose thread ends is told no more.
    pub(crate) fn remove_signal(&self, signal: &Arc<Signal>) {
        self.signals.lock().expect("not poisoned").retain(|other| !Arc::ptr_eq(other, signal));
    }

    /// Whether a worker has failed, and all others must end too: nobody would read what they send it.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    pub(crate) fn fail(&self, failure: String) {
        self.lock().failure.get_or_insert(failure);
        self.failed.store(true, Ordering::SeqCst);
        self.answered.notify_all();
        self.signals.lock().expect("not poisoned").iter().for_each(|signal| signal.notify());
    }

    /// Sends a letter to an operator, if it has not left.
    pub(crate) fn send(&self, to: OperatorId, letter: Letter) {
        self.lock().send(to, letter);
    }

    /// Sends an arc that was taken away on to the port that it comes to.
    pub(crate) fn send_arc(&self, to: InPort, arc: ArcId, receiver: Receiver) {
        receiver.leaves();
        let ledger = self.lock();
        if ledger.program.is_feedback(to) {
            receiver.widen();
        }
        ledger.send(to.operator, Letter::Arc(arc, receiver));
    }

    /// An operator has another bell: letters ring it from now on, and those that came before are found in its mailbox.
    pub(crate) fn moved(&self, at: OperatorId, bell: &Arc<Bell>) {
        if let Some(address) = self.lock().directory.get_mut(&at) {
            address.moved(bell.clone());
        }
    }

    /// An operator tells the exit.
    pub(crate) fn report(&self, carried: &Carried, from: OperatorId, report: Report) {
        let mut ledger = self.lock();
        let update = carried.marker.update;
        let Some(in_flight) = ledger.in_flight.get_mut(&update) else { return };
        let next = in_flight.tally.report(from, report, None);
        if report == Report::Applied {
            ledger.versions.insert(from, update);
        }
        ledger.conclude(update, next);
        if matches!(next, Next::Answer(_)) {
            self.answered.notify_all();
        }
    }

    /// Waits until one more update is answered.
    pub(crate) fn wait_for_an_answer<'a>(&'a self, ledger: MutexGuard<'a, Ledger>) -> MutexGuard<'a, Ledger> {
        self.answered.wait(ledger).expect("no holder of the ledger panics")
    }

    /// An operator has left.
    pub(crate) fn release(&self, at: OperatorId) {
        let mut ledger = self.lock();
        ledger.directory.remove(&at);
        ledger.versions.remove(&at);
        ledger.leaving.remove(&at);
    }
}

impl Ledger {
    pub(crate) fn send(&self, to: OperatorId, letter: Letter) {
        if let Some(address) = self.directory.get(&to) {
            address.send(letter);
        }
    }

    /// What a report leads to.
    pub(crate) fn conclude(&mut self, update: UpdateId, next: Next) {
        match next {
            Next::Wait => {}
            Next::Quiet => {
                let carried = self.in_flight[&update].carried.clone();
                for at in carried.deployment.second_part() {
                    self.send(at, Letter::Mail(Mail::Apply(update), Some(carried.clone())));
                }
            }
            Next::Answer(outcome) => self.answer(update, outcome),
        }
    }

    fn answer(&mut self, update: UpdateId, outcome: Outcome) {
        assert!(outcome == Outcome::Applied, "an update planned for the flow that it finds is not rejected");
        let in_flight = self.in_flight.remove(&update).expect("an answer belongs to an update in flight");
        for at in &in_flight.carried.deployment.stopped {
            self.send(*at, Letter::Mail(Mail::Resume(update), None));
        }
        if let Some(doors) = &mut self.doors {
            doors.answer(update, outcome);
        }
        let applied = in_flight.applied(&self.program);
        let (past, waiting) = in_flight.into_past(&applied, &self.program);
        self.remember(past);
        self.applied += 1;
        // A submitter that no longer waits has missed nothing but the message.
        let _ = waiting.send(Ok(applied));
    }

    fn remember(&mut self, past: Past) {
        self.history.push_back(past);
        let named = |past: &Past| past.update.flow.as_ref().map_or(0, |flow| flow.operators.len());
        let mut all: usize = self.history.iter().map(named).sum();
        while self.history.len() > REMEMBERED || self.history.len() > 1 && all > NAMED_MAX {
            all -= self.history.pop_front().as_ref().map_or(0, named);
        }
    }
}
