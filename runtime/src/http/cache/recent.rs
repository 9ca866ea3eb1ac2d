//! The shelf of `http/lru`: what was used longest ago goes first.
//!
//! The library counts entries; bytes are counted here.

use super::{Entry, Limits, Shelf};
use crate::http::observations::Met;
use lru::LruCache;
use neurath_model::id::Version;
use std::ffi::{OsStr, OsString};

/// The state type `http.Lru`.
pub(crate) struct RecentShelf {
    entries: LruCache<OsString, Entry>,
    bytes: u64,
    limits: Limits,
}

impl RecentShelf {
    fn evict(&mut self) {
        while self.bytes > self.limits.bytes {
            let (asked, entry) = self.entries.pop_lru().expect("bytes are counted only of entries");
            self.bytes -= self.limits.weight(&asked, &entry);
        }
    }
}

impl Shelf for RecentShelf {
    fn note(met: &mut Met, version: Version) {
        met.lru = Some(version);
    }

    fn new(limits: Limits) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, limits }
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    /// Puts everything anew, the last used last, for it may count for something else now.
    fn set_limits(&mut self, limits: Limits) {
        if limits == self.limits {
            return;
        }
        let mut before = std::mem::replace(self, Self::new(limits));
        while let Some((asked, entry)) = before.entries.pop_lru() {
            self.put(asked, entry);
        }
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn get(&mut self, asked: &OsStr) -> Option<&Entry> {
        self.entries.get(asked)
    }

    fn put(&mut self, asked: OsString, entry: Entry) {
        self.remove(&asked);
        if self.limits.admit(&asked, &entry) {
            self.bytes += self.limits.weight(&asked, &entry);
            self.entries.put(asked, entry);
            self.evict();
        }
    }

    fn remove(&mut self, asked: &OsStr) {
        if let Some(entry) = self.entries.pop(asked) {
            self.bytes -= self.limits.weight(asked, &entry);
        }
    }

    fn remove_larger(&mut self, size_max: u64) {
        let (bytes, limits) = (&mut self.bytes, self.limits);
        self.entries.retain(|asked, entry| {
            let stays = entry.size() <= size_max;
            if !stays {
                *bytes -= limits.weight(asked, entry);
            }
            stays
        });
    }

    fn into_entries(self) -> Vec<(OsString, Entry)> {
        self.entries.into_iter().collect()
    }
}
