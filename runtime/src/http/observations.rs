//! What the server flow tells the program around it: where it listens, how many connections and answers there were,
//! and which versions each request met.
//!
//! The last is the yardstick of an update. Each request carries a [`Met`], in which every operator it passes writes
//! the version it was met in; `reply` counts the answered requests by it. A request is *mixed* for an update when it
//! met one changed operator before the update and another after it:
//!
//! ```text
//!   update 1 changes load and reply
//!   met   read 0  parse 0  load 0  compose 0  reply 0    old
//!         read 0  parse 0  load 1  compose 0  reply 1    new
//!         read 0  parse 0  load 0  compose 0  reply 1    mixed: S4 is broken
//! ```
//!
//! Not every request passes every operator: one that a cache answers never sees `load`. It says nothing about an operator
//! that it did not pass, neither old nor new, hence the `Option`s. An operator that an update inserts begins with the number of
//! that update, so whoever meets it is new; one that an update deletes is met with an older number, so whoever met it is old:
//!
//! ```text
//!   update 2 puts lru in the place of cache, and changes fill
//!   met   cache 1  lru -  load 1  fill 1 ...               old
//!         cache -  lru 2  load -  fill 2 ...               new, answered from lru
//!         cache 1  lru -  load -  fill 2 ...               mixed
//! ```
//!
//! What cannot be told is whether a request should have passed an inserted operator that it did not pass.
//!
//! Nothing in the flow depends on these numbers.

use super::listening::{Addresses, Listener};
use neurath_model::id::{UpdateId, Version};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The version of each operator that one request met. Operators are named as in [`FLOW`](super::FLOW) and the flows beside
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Met {
    /// The version of `read`, where the request's lineage begins.
    pub read: Version,
    /// The version of `parse`.
    pub parse: Version,
    /// The version of `cache`, if there is one.
    pub cache: Option<Version>,
    /// The version of `lru`, if there is one.
    pub lru: Option<Version>,
    /// The version of `load`, unless a cache had the file.
    pub load: Option<Version>,
    /// The version of `fill`, if there is one.
    pub fill: Option<Version>,
    /// The version of `compose`.
    pub compose: Version,
    /// The version of `compress`, if there is one.
    pub compress: Option<Version>,
    /// The version of `reply`; one that was carried over half sent keeps the version that took it in.
    pub reply: Version,
}

impl Met {
    /// The version met at the operator of that name, if the request passed it.
    pub fn version(&self, operator: &str) -> Option<Version> {
        match operator {
            "read" => Some(self.read),
            "parse" => Some(self.parse),
            "cache" => self.cache,
            "lru" => self.lru,
            "load" => self.load,
            "fill" => self.fill,
            "compose" => Some(self.compose),
            "compress" => self.compress,
            "reply" => Some(self.reply),
            _ => None,
        }
    }

    /// Whether it met some of these operators before the update and some after it.
    pub fn is_mixed(&self, update: UpdateId, changed: &[&str]) -> bool {
        let mut after = changed.iter().filter_map(|o| self.version(o)).map(|version| version >= update);
        match after.next() {
            Some(first) => after.any(|other| other != first),
            None => false,
        }
    }
}

/// How many of the counted requests are mixed for at least one update of the history, which names with each update
/// the operators that it changed together.
pub fn mixed(counts: &[(Met, u64)], history: &[(UpdateId, &[&str])]) -> u64 {
    let is_mixed = |met: &Met| history.iter().any(|(update, changed)| met.is_mixed(*update, changed));
    counts.iter().filter(|(met, _)| is_mixed(met)).map(|(_, count)| count).sum()
}

/// Counters that the functions of one server flow share with the program around it.
#[derive(Debug)]
pub struct Observations {
    addresses: Arc<Addresses>,
    shard: usize,
    met: Mutex<BTreeMap<Met, u64>>,
    opened: AtomicU64,
    closed: AtomicU64,
    broken: AtomicU64,
    /// What is seen in each shard, where there are several, so that they do not wait for each other to count.
    shards: Vec<Arc<Observations>>,
}

impl Default for Observations {
    fn default() -> Self {
        Self::in_shard(Arc::new(Addresses::of_shards(1)), 0)
    }
}

impl Observations {
    /// Of a server with so many shards: their sum.
    pub fn of_shards(shards: usize) -> Self {
        let addresses = Arc::new(Addresses::of_shards(shards));
        let parts = (0..shards).map(|shard| Arc::new(Self::in_shard(Arc::clone(&addresses), shard)));
        Self { shards: parts.collect(), ..Self::in_shard(addresses.clone(), 0) }
    }

    fn in_shard(addresses: Arc<Addresses>, shard: usize) -> Self {
        Self {
            addresses,
            shard,
            met: Mutex::default(),
            opened: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            broken: AtomicU64::new(0),
            shards: Vec::new(),
        }
    }

    /// What is seen in each shard of [`of_shards`](Self::of_shards), in their order.
    pub fn shards(&self) -> &[Arc<Self>] {
        &self.shards
    }

    /// The address of the listening socket, known as soon as `accept` is built: of the one that has listened longest, where
    /// there are several. With port 0 in `LISTEN` this is where the chosen port is found.
    pub fn listening(&self) -> Option<SocketAddr> {
        self.listening_all().first().copied()
    }

    /// The addresses of all listening sockets, in the order in which they began to listen. Those of shards that share one are one.
    pub fn listening_all(&self) -> Vec<SocketAddr> {
        self.addresses.all()
    }

    /// How many requests were answered in full, by the versions they met.
    pub fn met_counts(&self) -> Vec<(Met, u64)> {
        let mut counts = locked(&self.met).clone();
        for (met, count) in self.shards.iter().flat_map(|shard| shard.met_counts()) {
            *counts.entry(met).or_default() += count;
        }
        counts.into_iter().collect()
    }

    /// How many requests were answered in full.
    pub fn answered(&self) -> u64 {
        locked(&self.met).values().sum::<u64>() + self.sum(Self::answered)
    }

    /// How many connections were accepted.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed) + self.sum(Self::opened)
    }

    /// How many connections were closed, by either side.
    pub fn closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed) + self.sum(Self::closed)
    }

    /// How many of the closed connections ended in an error or a timeout of their socket, or with a file that lost
    /// bytes while it was sent.
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed) + self.sum(Self::broken)
    }

    fn sum(&self, count: impl Fn(&Self) -> u64) -> u64 {
        self.shards.iter().map(|shard| count(shard)).sum()
    }

    /// Listens at an address, in this shard.
    pub(crate) fn listen(&self, text: &str) -> std::io::Result<Listener> {
        self.addresses.listen(self.shard, text)
    }

    pub(crate) fn note_answered(&self, met: Met) {
        *locked(&self.met).entry(met).or_default() += 1;
    }

    pub(crate) fn note_opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_closed(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_broken(&self) {
        self.broken.fetch_add(1, Ordering::Relaxed);
    }
}

/// A count that a panicking thread left behind is still a count.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWITCH: &[&str] = &["load", "reply"];

    fn met(load: u32, compose: u32, reply: u32) -> Met {
        Met { load: Some(UpdateId(load)), compose: UpdateId(compose), reply: UpdateId(reply), ..Met::default() }
    }

    #[test]
    fn a_request_is_mixed_when_it_met_both_sides_of_an_update() {
        let rows = [
            (met(0, 0, 0), false, "all before"),
            (met(1, 0, 1), false, "all after"),
            (met(0, 0, 1), true, "load before, reply after"),
            (met(1, 0, 0), true, "load after, reply before"),
            (met(0, 9, 0), false, "an operator that the update does not change"),
            (met(3, 0, 1), false, "another update changed load since"),
            (met(3, 0, 0), true, "the same, and reply still before"),
        ];
        for (met, expected, what) in rows {
            assert_eq!(met.is_mixed(UpdateId(1), SWITCH), expected, "{what}");
        }
    }

    /// Update 1 inserts `cache` and `fill`, 2 puts `lru` in the place of `cache` and changes `fill`, 3 takes both out again.
    #[test]
    fn operators_come_and_go() {
        let history: [(UpdateId, &[&str]); 3] = [
            (UpdateId(1), &["cache", "fill"]),
            (UpdateId(2), &["cache", "lru", "fill"]),
            (UpdateId(3), &["lru", "fill", "compose"]),
        ];
        let old = met(0, 0, 0);
        let at = |version: u32| Some(UpdateId(version));
        let rows = [
            (old, 0, "neither is there yet"),
            (Met { cache: at(1), fill: at(1), ..old }, 0, "a miss"),
            (Met { cache: at(1), load: None, fill: at(1), ..old }, 0, "a hit"),
            (Met { lru: at(2), load: None, fill: at(2), ..old }, 0, "a hit of the other cache"),
            (Met { cache: at(1), fill: at(2), ..old }, 1, "the old cache, the new fill"),
            (Met { cache: at(1), lru: at(2), fill: at(2), ..old }, 1, "both caches"),
            (met(0, 3, 0), 0, "both are gone"),
            (Met { lru: at(2), fill: at(2), ..met(0, 3, 0) }, 1, "they should be gone"),
        ];
        for (met, expected, what) in rows {
            assert_eq!(mixed(&[(met, 1)], &history), expected, "{what}");
        }
    }

    #[test]
    fn each_update_of_the_history_is_asked_and_a_request_counts_once() {
        let counts = [(met(0, 0, 0), 5), (met(1, 0, 1), 7), (met(2, 0, 1), 11), (met(0, 0, 2), 13)];
        assert_eq!(mixed(&counts, &[(UpdateId(1), SWITCH)]), 13);
        assert_eq!(mixed(&counts, &[(UpdateId(1), SWITCH), (UpdateId(2), SWITCH)]), 24);
        assert_eq!(mixed(&counts, &[(UpdateId(1), SWITCH), (UpdateId(2), &["load"])]), 13);
        assert_eq!(mixed(&counts, &[(UpdateId(1), &["accept"])]), 0);
        assert_eq!(mixed(&counts, &[]), 0);
    }

    #[test]
    fn answers_are_counted_by_what_they_met() {
        let observations = Observations::default();
        for version in [0, 1, 1] {
            observations.note_answered(met(version, 0, version));
        }
        assert_eq!(observations.met_counts(), [(met(0, 0, 0), 1), (met(1, 0, 1), 2)]);
        assert_eq!(observations.answered(), 3);
    }

    #[test]
    fn what_the_shards_see_is_summed() {
        let observations = Observations::of_shards(2);
        for (shard, version) in [(0, 0), (0, 1), (1, 1)] {
            observations.shards()[shard].note_answered(met(version, 0, version));
            observations.shards()[shard].note_opened();
        }
        observations.shards()[1].note_broken();
        assert_eq!(observations.met_counts(), [(met(0, 0, 0), 1), (met(1, 0, 1), 2)]);
        let counts = [observations.answered(), observations.opened(), observations.closed(), observations.broken()];
        assert_eq!(counts, [3, 3, 0, 1]);
        assert_eq!(observations.shards()[0].answered(), 2);
    }
}
