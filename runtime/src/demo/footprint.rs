//! What a process takes up: what must be back where it was when operators that came have gone.

use crate::engine::Running;
use std::fs;

/// What a process takes up at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Threads that run operators of the flow.
    pub threads: usize,
    /// Resident memory of the process, in kB.
    pub resident_kb: u64,
    /// Open files of the process, sockets among them.
    pub files: usize,
}

impl Footprint {
    /// What this process takes up now. Without a `/proc` to read, memory and files are 0.
    pub fn now(flow: &Running) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Self {
            threads: flow.status().threads,
            resident_kb: number.and_then(|n| n.parse().ok()).unwrap_or(0),
            files: fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
        }
    }
}

impl std::fmt::Display for Footprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mb = self.resident_kb as f64 / 1000.0;
        write!(f, "{} operator threads, {mb:.0} MB resident, {} open files", self.threads, self.files)
    }
}
