//! What was applied, to be looked at, taken back or applied again.

use super::Shard;
use crate::engine::applied::Past;
use crate::engine::status::PastStatus;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};
use neurath_model::plan::{Scheduler, inverse};
use neurath_model::update::Update;

impl Shard {
    /// The update that takes back the last one that was applied.
    pub(crate) fn rollback(&self) -> Result<Update, Diagnostics> {
        let ledger = self.control.lock();
        let Some(last) = ledger.history.back().filter(|_| ledger.in_flight.is_empty()) else {
            let found = match ledger.in_flight.values().next() {
                Some(in_flight) => format!("`{}`, which is under way", in_flight.carried.update.name),
                None => "a flow as it was started".into(),
            };
            return Err(unknown("there is no update to take back", "an applied update, and none under way", found));
        };
        inverse(&last.before, &last.after, &last.update, &SourceMap::default())
    }

    /// An update that was applied, to be applied again.
    pub(crate) fn past_update(&self, number: u32) -> Result<(Update, Scheduler), Diagnostics> {
        let ledger = self.control.lock();
        let past: Option<&Past> = ledger.history.iter().find(|past| past.number.0 == number);
        past.map(|past| (past.update.clone(), past.scheduler)).ok_or_else(|| {
            unknown(
                &format!("update {number} is not in the history"),
                "the number of an update that is remembered",
                format!("{number}, of {} applied", ledger.applied),
            )
        })
    }

    /// What was applied, the latest last.
    pub(crate) fn history(&self) -> Vec<PastStatus> {
        self.control.lock().past()
    }
}

/// R09.
fn unknown(message: &str, expected: &str, found: String) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R09,
        message: message.into(),
        places: Vec::new(),
        expected: expected.into(),
        found,
        hint: "`neurath update history` lists what was applied, `neurath update status` what is under way".into(),
    }])
}
