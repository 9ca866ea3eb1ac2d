//! `neurath bench nio`: the switch to non-blocking I/O under a saturating load.
//!
//! ```text
//!   0 s           2 s                            40 s                60 s
//!   blocking      |  control phase               | nio: load, reply   |
//!   30 clients, each one of 10,000 files of 50 kB, without a pause
//! ```
//!
//! The paper: the NIO switch, coordinated, after about 40 s.

use crate::bench::evolved::Evolved;
use crate::bench::live::{self, Plan, Setting, cannot, told, update};
use crate::bench::machine;
use crate::load::Corpus;
use neurath_model::diagnostic::Diagnostics;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    rounds: usize,
    files: usize,
    clients: usize,
    settle: Duration,
    switch: Duration,
    length: Duration,
}

impl Size {
    /// Three rounds of 14 s, and 2,000 files.
    pub const FAST: Self = Self {
        rounds: 3,
        files: 2_000,
        clients: 30,
        settle: Duration::from_secs(1),
        switch: Duration::from_secs(9),
        length: Duration::from_secs(14),
    };
    /// Five rounds of a minute.
    pub const FULL: Self = Self {
        rounds: 5,
        files: 10_000,
        clients: 30,
        settle: Duration::from_secs(2),
        switch: Duration::from_secs(40),
        length: Duration::from_secs(60),
    };
}

/// Measures, telling what is under way. `Err` if this machine does not let it, or it was told to stop.
pub fn measure(
    size: Size,
    setting: Setting,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&str),
) -> Result<Evolved, Diagnostics> {
    let mut facts = machine::facts();
    let folder = tempfile::tempdir().map_err(|e| cannot("make a temporary folder", &e))?;
    tell("writing files");
    let corpus = Corpus::create(folder.path(), size.files, 50_000, 1).map_err(|e| cannot("write files", &e))?;
    let files = Arc::new(corpus);
    let plan = Plan {
        updates: vec![(size.switch, update("nio"))],
        length: size.length,
        clients: size.clients,
        cores: setting.cores(),
    };
    let runs = live::rounds(size.rounds, folder.path(), (&files, 1), &plan, (setting, stop), tell)?;
    facts.extend([
        ("files".into(), format!("{} of 50 kB", size.files)),
        ("clients".into(), format!("{} kept-alive, without a pause", size.clients)),
    ]);
    facts.extend(told(setting, &runs));
    Ok(Evolved::new("The switch to non-blocking I/O under load", runs, size.settle, facts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Placement;

    const TINY: Size = Size {
        rounds: 1,
        files: 20,
        clients: 3,
        settle: Duration::from_millis(100),
        switch: Duration::from_millis(900),
        length: Duration::from_millis(1800),
    };

    #[test]
    fn a_small_run_switches_and_no_request_suffers() {
        let setting = Setting { placement: Placement::ThreadEach, pinned: false };
        let evolved = measure(TINY, setting, &AtomicBool::new(false), &mut |_| {}).expect("loopback");
        let value = evolved.json();
        assert!(evolved.passed(), "{evolved}");
        assert_eq!(value["updates"][0]["name"], "nio");
        assert!(value["counts"][0]["value"].as_u64() > Some(0));
        assert!(evolved.html().contains("submitted: to nio"));
    }

    #[test]
    fn told_to_stop_it_ends_without_figures() {
        let setting = Setting { placement: Placement::OneThread, pinned: false };
        assert!(measure(TINY, setting, &AtomicBool::new(true), &mut |_| {}).is_err());
    }
}
