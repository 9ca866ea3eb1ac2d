//! The shelf of `http/cache`: what is used often stays, even if much else is used once.
//!
//! quick_cache lets what comes in prove itself before it may push out what has (after S3-FIFO and Clock-PRO), and counts
//! weights itself. One entry may take 97 in 100 of the room.

use super::{Entry, Limits, Shelf, in_order};
use crate::http::observations::Met;
use neurath_model::id::Version;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use std::ffi::{OsStr, OsString};

/// The state type `http.Cache`.
pub(crate) struct FrequentShelf {
    entries: Cache<OsString, Entry, Weigh>,
    limits: Limits,
}

#[derive(Clone)]
struct Weigh(Limits);

impl Weighter<OsString, Entry> for Weigh {
    fn weight(&self, asked: &OsString, entry: &Entry) -> u64 {
        self.0.weight(asked, entry)
    }
}

impl Shelf for FrequentShelf {
    fn note(met: &mut Met, version: Version) {
        met.cache = Some(version);
    }

    fn new(limits: Limits) -> Self {
        /// By it the library reckons how many dropped names to remember.
        const USUAL: u64 = 16 << 10;
        let count = usize::try_from(limits.bytes / USUAL).unwrap_or(usize::MAX).clamp(64, 1 << 20);
        Self { entries: Cache::with_weighter(count, limits.bytes, Weigh(limits)), limits }
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    /// Puts everything anew, for it may count for something else now.
    fn set_limits(&mut self, limits: Limits) {
        if limits != self.limits {
            let before = std::mem::replace(self, Self::new(limits));
            in_order(before).for_each(|(asked, entry)| self.put(asked, entry));
        }
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    fn get(&mut self, asked: &OsStr) -> Option<&Entry> {
        self.entries.get(asked)
    }

    fn put(&mut self, asked: OsString, entry: Entry) {
        if self.limits.admit(&asked, &entry) {
            self.entries.insert(asked, entry);
        } else {
            self.remove(&asked);
        }
    }

    fn remove(&mut self, asked: &OsStr) {
        self.entries.remove(asked);
    }

    fn remove_larger(&mut self, size_max: u64) {
        self.entries.retain(|_, entry| entry.size() <= size_max);
    }

    fn into_entries(mut self) -> Vec<(OsString, Entry)> {
        self.entries.drain().collect()
    }
}
