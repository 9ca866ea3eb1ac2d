//! The shelf of `http/lru`: what was used longest ago goes first.
//!
//! The library counts entries; bytes are counted here.

use super::{Entry, Shelf};
use crate::http::observations::Met;
use lru::LruCache;
use neurath_model::id::Version;
use std::ffi::{OsStr, OsString};

/// The state type `http.Lru`.
pub(crate) struct RecentShelf {
    entries: LruCache<OsString, Entry>,
    bytes: u64,
    bytes_max: u64,
}

impl RecentShelf {
    fn evict(&mut self) {
        while self.bytes > self.bytes_max {
            let (asked, entry) = self.entries.pop_lru().expect("bytes are counted only of entries");
            self.bytes -= entry.weight(&asked);
        }
    }
}

impl Shelf for RecentShelf {
    fn note(met: &mut Met, version: Version) {
        met.lru = Some(version);
    }

    fn new(bytes_max: u64) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, bytes_max }
    }

    fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    fn set_bytes_max(&mut self, bytes_max: u64) {
        self.bytes_max = bytes_max;
        self.evict();
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
        let weight = entry.weight(&asked);
        if weight <= self.bytes_max {
            self.entries.put(asked, entry);
            self.bytes += weight;
            self.evict();
        }
    }

    fn remove(&mut self, asked: &OsStr) {
        if let Some(entry) = self.entries.pop(asked) {
            self.bytes -= entry.weight(asked);
        }
    }

    fn remove_larger(&mut self, content_max: u64) {
        let bytes = &mut self.bytes;
        self.entries.retain(|asked, entry| {
            let stays = entry.bytes.len() as u64 <= content_max;
            if !stays {
                *bytes -= entry.weight(asked);
            }
            stays
        });
    }

    fn into_entries(self) -> Vec<(OsString, Entry)> {
        self.entries.into_iter().collect()
    }
}
