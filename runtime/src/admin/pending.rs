//! Updates on their way to commit: what is being done with each, and whether somebody wants it aborted.
//!
//! An abort and a commit can come at the same time; which was first is decided here, under one lock.

use super::PendingStatus;
use crate::engine::Status;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap, Thing};
use std::sync::{Mutex, MutexGuard};

/// The updates on their way.
#[derive(Default)]
pub(super) struct Pending(Mutex<Vec<Waiting>>);

struct Waiting {
    key: u64,
    name: String,
    phase: &'static str,
    aborted: bool,
    /// Whether it is too late to abort it.
    committed: bool,
}

/// An update's place among them; given up when dropped.
pub(super) struct Entry<'a> {
    pending: &'a Pending,
    key: u64,
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.0.lock().expect("no holder panics")
    }

    /// An update comes.
    pub(super) fn enter(&self, name: &str) -> Entry<'_> {
        let mut all = self.lock();
        let key = all.iter().map(|w| w.key).max().map_or(0, |key| key + 1);
        all.push(Waiting { key, name: name.into(), phase: "waiting for its turn", aborted: false, committed: false });
        Entry { pending: self, key }
    }

    /// Asks for an update not to be committed. `Err` if none of that name is on its way.
    pub(super) fn abort(&self, name: &str, status: &Status) -> Result<(), Diagnostics> {
        let mut all = self.lock();
        let mut found = all.iter_mut().filter(|w| w.name == name && !w.aborted && !w.committed).peekable();
        if found.peek().is_some() {
            found.for_each(|w| w.aborted = true);
            return Ok(());
        }
        let committed = all.iter().any(|w| w.name == name && w.committed)
            || status.in_flight.iter().any(|update| update.name == name);
        Err(Diagnostics(vec![if committed { too_late(name) } else { not_there(name) }]))
    }

    /// What is being done.
    pub(super) fn status(&self) -> Vec<PendingStatus> {
        let tell = |w: &Waiting| PendingStatus { name: w.name.clone(), phase: w.phase.into() };
        self.lock().iter().map(tell).collect()
    }
}

impl Entry<'_> {
    /// Goes on to the next phase, unless the update was aborted (R08).
    pub(super) fn go_on(&self, phase: &'static str, map: &SourceMap) -> Result<(), Diagnostics> {
        let mut all = self.pending.lock();
        let own = all.iter_mut().find(|w| w.key == self.key).expect("it is there until it is dropped");
        own.phase = phase;
        if own.aborted { Err(aborted(&own.name, map)) } else { Ok(()) }
    }

    /// Goes on to the commit: from here on it cannot be aborted.
    pub(super) fn commits(&self, map: &SourceMap) -> Result<(), Diagnostics> {
        let mut all = self.pending.lock();
        let own = all.iter_mut().find(|w| w.key == self.key).expect("it is there until it is dropped");
        own.phase = "being committed, once those that it must wait for are answered";
        own.committed = !own.aborted;
        if own.aborted { Err(aborted(&own.name, map)) } else { Ok(()) }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.pending.lock().retain(|w| w.key != self.key);
    }
}

fn diagnostic(code: Code, message: String, texts: [&str; 3]) -> Diagnostic {
    let [expected, found, hint] = texts.map(str::to_owned);
    Diagnostic { code, message, places: Vec::new(), expected, found, hint }
}

fn aborted(name: &str, map: &SourceMap) -> Diagnostics {
    let said = [
        "a submitter that still wants it",
        "a request to abort it",
        "the flow is as before; submit it again if it is wanted",
    ];
    let places = map.place(&Thing::UpdateName, "this update").into_iter().collect();
    Diagnostics(vec![Diagnostic {
        places,
        ..diagnostic(Code::R08, format!("update `{name}` was aborted before it was committed"), said)
    }])
}

fn too_late(name: &str) -> Diagnostic {
    let said = [
        "an update that is being planned or checked",
        "one whose marker is on its way",
        "it will be applied within moments; take it back with `neurath update rollback`",
    ];
    diagnostic(Code::R07, format!("update `{name}` is committed and cannot be aborted"), said)
}

fn not_there(name: &str) -> Diagnostic {
    let said = [
        "an update that is being planned or checked",
        "none of that name",
        "`neurath update status` shows what is under way",
    ];
    diagnostic(Code::R09, format!("no update `{name}` is on its way"), said)
}
