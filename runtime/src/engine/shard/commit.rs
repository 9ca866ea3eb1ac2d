//! An update is committed: it enters the ledger, operators join, and its marker goes to its heads. Nothing of this fails.

use super::prepare::Prepared;
use super::{Shard, failed};
use crate::engine::applied::Applied;
use crate::engine::carried::Carried;
use crate::engine::control::{Control, InFlight, Ledger};
use crate::engine::crew::Recruit;
use crate::engine::mailbox::Letter;
use neurath_model::diagnostic::Diagnostics;
use neurath_model::id::UpdateId;
use neurath_model::marker::Mail;
use neurath_model::protocol::Tally;
use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Whether an update can be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Now.
    Now,
    /// When one of those under way is answered.
    Waits,
    /// Not as it was prepared: another was committed since.
    Missed,
}

/// An update under way.
pub(crate) struct Ticket {
    pub(crate) update: UpdateId,
    control: Arc<Control>,
    answer: mpsc::Receiver<Result<Applied, Diagnostics>>,
}

impl Ticket {
    /// Waits for the answer. `Err` if the flow failed (a function panicked) before the update was answered.
    pub(crate) fn wait(self) -> Result<Applied, Diagnostics> {
        loop {
            match self.answer.recv_timeout(Duration::from_millis(100)) {
                Ok(answer) => return answer,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(failed("the flow ended before the update was answered".into()));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if let Some(failure) = self.control.lock().failure.clone() {
                        return Err(failed(failure));
                    }
                }
            }
        }
    }
}

impl Shard {
    /// Whether what was prepared can be committed now.
    pub(crate) fn turn(&self, prepared: &Prepared) -> Result<Turn, Diagnostics> {
        let ledger = self.control.lock();
        ledger.still_runs()?;
        Ok(ledger.turn(prepared))
    }

    /// Waits until it can, or cannot any more.
    pub(crate) fn await_turn(&self, prepared: &Prepared) -> Result<(), Diagnostics> {
        let mut ledger = self.control.lock();
        loop {
            ledger.still_runs()?;
            if ledger.turn(prepared) != Turn::Waits {
                return Ok(());
            }
            ledger = self.control.wait_for_an_answer(ledger);
        }
    }

    /// Commits what was prepared, at its [`turn`](Self::turn): nothing after this fails.
    pub(crate) fn commit(&self, prepared: Prepared, submitted: Instant) -> Result<Ticket, Diagnostics> {
        let mut ledger = self.control.lock();
        ledger.still_runs()?;
        assert!(ledger.turn(&prepared) == Turn::Now, "it was asked, and nobody else commits meanwhile");
        let (ticket, carried, recruits) = ledger.admit(prepared, submitted, &self.control);
        self.crew.launch(&mut ledger, recruits);
        let update = carried.marker.update;
        for at in &carried.deployment.heads {
            ledger.send(*at, Letter::Mail(Mail::Marker(update), Some(carried.clone())));
        }
        let next = ledger.in_flight[&update].tally.submitted(None);
        ledger.conclude(update, next);
        Ok(ticket)
    }
}

impl Ledger {
    /// Whether updates are taken: if not, why.
    pub(super) fn still_runs(&self) -> Result<(), Diagnostics> {
        match &self.failure {
            Some(failure) => Err(failed(failure.clone())),
            None if self.stopped => Err(failed("it was told to end".into())),
            None => Ok(()),
        }
    }

    /// Updates that are submitted and not answered.
    fn under_way(&self) -> BTreeSet<UpdateId> {
        self.in_flight.keys().copied().collect()
    }

    /// What an update before this one switches when its marker has come round must be switched before this one begins.
    fn turn(&self, prepared: &Prepared) -> Turn {
        if UpdateId(self.program.updates()) != prepared.base {
            return Turn::Missed;
        }
        let under_way = self.under_way();
        if !self.program.may_await(&under_way) {
            return Turn::Now;
        }
        let mut trial = self.program.clone();
        let deployment = trial.admit_beside(&prepared.before, &prepared.plan, &under_way);
        let waits = deployment.awaits.iter().any(|update| self.in_flight.contains_key(update));
        if waits { Turn::Waits } else { Turn::Now }
    }

    /// Takes an update in: from here on it is under way, and the flow is the one after it.
    fn admit(
        &mut self,
        prepared: Prepared,
        submitted: Instant,
        control: &Arc<Control>,
    ) -> (Ticket, Arc<Carried>, Vec<Recruit>) {
        let Prepared { update, plan, before, actions, extension, .. } = prepared;
        let beside = self.under_way();
        let deployment = self.program.admit_beside(&before, &plan, &beside);
        if !deployment.born.is_empty() {
            self.known.set(self.program.clone());
        }
        if let Some(doors) = &mut self.doors {
            doors.submit(&self.program, deployment.update, &update, plan.scheduler, &beside);
        }
        let recruits = deployment.born.iter().zip(extension);
        let recruits =
            recruits.map(|(at, (function, component, berth))| Recruit { at: *at, function, component, berth });
        let recruits = recruits.collect();
        let numbered = actions.into_iter().map(|(at, list)| (deployment.before[at.0 as usize], list)).collect();
        self.leaving.extend(&deployment.retired);
        let number = deployment.update;
        let tally = Tally::new(&deployment.expected);
        let carried = Arc::new(Carried::new(update, deployment, numbered));
        let (waiting, answer) = mpsc::channel();
        self.graph = plan.after.clone();
        let in_flight = InFlight { carried: carried.clone(), plan, before, submitted, tally, waiting };
        self.in_flight.insert(number, in_flight);
        (Ticket { update: number, control: control.clone(), answer }, carried, recruits)
    }
}
