//! The shelf of `http/cache`: what is used often stays, even if much else is used once.
//!
//! quick_cache lets what comes in prove itself before it may push out what has (after S3-FIFO and Clock-PRO), and counts
//! weights itself. One entry may take 97 in 100 of the room.

use super::{Entry, Shelf};
use crate::http::observations::Met;
use neurath_model::id::Version;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use std::ffi::{OsStr, OsString};

/// The state type `http.Cache`.
pub(crate) struct FrequentShelf(Cache<OsString, Entry, Weigh>);

#[derive(Clone)]
struct Weigh;

impl Weighter<OsString, Entry> for Weigh {
    fn weight(&self, asked: &OsString, entry: &Entry) -> u64 {
        entry.weight(asked)
    }
}

impl Shelf for FrequentShelf {
    fn note(met: &mut Met, version: Version) {
        met.cache = Some(version);
    }

    fn new(bytes_max: u64) -> Self {
        /// By it the library reckons how many dropped names to remember.
        const USUAL: u64 = 16 << 10;
        let count = usize::try_from(bytes_max / USUAL).unwrap_or(usize::MAX).clamp(64, 1 << 20);
        Self(Cache::with_weighter(count, bytes_max, Weigh))
    }

    fn bytes_max(&self) -> u64 {
        self.0.capacity()
    }

    fn set_bytes_max(&mut self, bytes_max: u64) {
        self.0.set_capacity(bytes_max);
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.0.weight()
    }

    fn get(&mut self, asked: &OsStr) -> Option<&Entry> {
        self.0.get(asked)
    }

    fn put(&mut self, asked: OsString, entry: Entry) {
        self.0.insert(asked, entry);
    }

    fn remove(&mut self, asked: &OsStr) {
        self.0.remove(asked);
    }

    fn remove_larger(&mut self, content_max: u64) {
        self.0.retain(|_, entry| entry.bytes.len() as u64 <= content_max);
    }

    fn into_entries(mut self) -> Vec<(OsString, Entry)> {
        self.0.drain().collect()
    }
}
