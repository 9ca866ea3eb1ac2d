//! `neurath bench evolution`: the server changes twice under a mixed load.
//!
//! ```text
//!   0 s        2 s                 40 s             70 s                100 s
//!   blocking   |  control phase    | nio            | cache-in           |
//!   30 clients on feeds of 2 kB, and 30 on pages of 100 kB, without a pause
//! ```
//!
//! The paper goes on with a proxy at about 145 s, between machines. It needs arcs over the network, and is left out.

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
    nio: Duration,
    cache: Duration,
    length: Duration,
}

impl Size {
    /// Three rounds of 17 s.
    pub const FAST: Self = Self {
        rounds: 3,
        files: 500,
        clients: 30,
        settle: Duration::from_secs(1),
        nio: Duration::from_secs(6),
        cache: Duration::from_secs(12),
        length: Duration::from_secs(17),
    };
    /// Five rounds of 100 s.
    pub const FULL: Self = Self {
        rounds: 5,
        files: 1_000,
        clients: 30,
        settle: Duration::from_secs(2),
        nio: Duration::from_secs(40),
        cache: Duration::from_secs(70),
        length: Duration::from_secs(100),
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
    let kind = |name: &str, bytes, seed| {
        let corpus = Corpus::create(&folder.path().join(name), size.files, bytes, seed);
        corpus.map(Corpus::below_parent).map_err(|e| cannot("write files", &e))
    };
    let files = Arc::new(kind("feeds", 2_000, 1)?.beside(kind("pages", 100_000, 2)?));
    let plan = Plan {
        updates: vec![(size.nio, update("nio")), (size.cache, update("cache-in"))],
        length: size.length,
        clients: size.clients,
        cores: setting.cores(),
    };
    let runs = live::rounds(size.rounds, folder.path(), (&files, 2), &plan, (setting, stop), tell)?;
    facts.extend([
        ("files".into(), format!("{} feeds of 2 kB, {} pages of 100 kB", size.files, size.files)),
        ("clients".into(), format!("{} of each kind, kept-alive, without a pause", size.clients)),
        ("left out".into(), "the paper's proxy at 145 s: it needs arcs over the network".into()),
    ]);
    facts.extend(told(setting, &runs));
    Ok(Evolved::new("A server that evolves under load", runs, size.settle, facts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Placement;

    #[test]
    fn a_small_run_goes_through_both_updates_and_no_request_suffers() {
        let ms = Duration::from_millis;
        let size =
            Size { rounds: 1, files: 10, clients: 2, settle: ms(100), nio: ms(800), cache: ms(1600), length: ms(2400) };
        let setting = Setting { placement: Placement::ThreadEach, pinned: false };
        let evolved = measure(size, setting, &AtomicBool::new(false), &mut |_| {}).expect("loopback");
        let value = evolved.json();
        assert!(evolved.passed(), "{evolved}");
        let names = [&value["updates"][0]["name"], &value["updates"][1]["name"]];
        assert_eq!(names, ["nio", "cache-in"]);
        assert!(evolved.to_string().contains("left out: the paper's proxy"));
        assert!(evolved.html().contains("submitted: to cache-in"));
    }
}
