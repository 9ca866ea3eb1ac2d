//! `http/cache` and `http/lru`: keep the content of files in memory, each by its own policy.
//!
//! ```text
//!   IN    kept, and the file is as it was   -> HIT   the content, shared, not copied
//!         all else                          -> MISS  the request as it came
//!   FILL  something to keep, or nothing     -> taken in; nothing is emitted
//! ```
//!
//! An entry is found by the path that was asked for, to the byte: `dir` and `dir/` are two entries of one file, and `a.txt/`
//! is not `a.txt`. It is believed for a time (`REVALIDATE_MS`) after it was last seen to be what the file holds. After that
//! its [stamp](super::stamp) is compared with the file's, which costs an open but no read; an entry whose file is another
//! now, or is gone, is dropped. What cannot be confirmed is not served. New properties end all belief, since they may name
//! another folder.
//!
//! A `HEAD` is answered from an entry too. What was refused goes down MISS, for `load` to pass on.
//!
//! What the two components share is [`Cacher`]; what they differ in is a [`Shelf`]. The bound counts what is on the shelf.
//! Content that was dropped lives on while responses with it are under way.

mod entry;
mod frequent;
mod recent;

pub(crate) use entry::Entry;
pub(crate) use frequent::FrequentShelf;
pub(crate) use recent::RecentShelf;

use super::message::{Body, Content, Fill, Loaded, Request};
use super::observations::Met;
use super::root::{Name, Root};
use crate::function::{BuildError, Context, Function, Properties};
use crate::packet::{Packet, State};
use neurath_model::id::{PortIndex, Version};
use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

const IN: PortIndex = PortIndex(0);
const HIT: PortIndex = PortIndex(0);
const MISS: PortIndex = PortIndex(1);

/// Entries up to a number of bytes, and the policy by which some make room for others. It is the state of its component,
/// and goes along to the next version as it is.
pub(crate) trait Shelf: Any + Send {
    /// Notes that a request has met this kind.
    fn note(met: &mut Met, version: Version);

    /// An empty one.
    fn new(bytes_max: u64) -> Self;

    /// How many bytes it may hold.
    fn bytes_max(&self) -> u64;

    /// Changes how many bytes it may hold, and drops what is too much.
    fn set_bytes_max(&mut self, bytes_max: u64);

    /// How many bytes it holds.
    #[cfg(test)]
    fn bytes(&self) -> u64;

    /// The entry of that name, which counts as a use of it.
    fn get(&mut self, asked: &OsStr) -> Option<&Entry>;

    /// Puts an entry in the place of any of that name. One that is larger than all the room there is is dropped.
    fn put(&mut self, asked: OsString, entry: Entry);

    /// Drops the entry of that name.
    fn remove(&mut self, asked: &OsStr);

    /// Drops the entries with more content than that.
    fn remove_larger(&mut self, content_max: u64);

    /// What it holds, in any order.
    fn into_entries(self) -> Vec<(OsString, Entry)>;
}

/// The transfers `cache-to-lru` and `lru-to-cache`: the content is carried over with its stamps. How often it was used is not
/// known to both policies; when it was last confirmed is, and stands for when it was used.
pub(crate) fn carry<A: Shelf, B: Shelf>(from: A) -> B {
    let mut to = B::new(from.bytes_max());
    let mut entries = from.into_entries();
    entries.sort_by_key(|(_, entry)| entry.confirmed.get());
    for (asked, entry) in entries {
        to.put(asked, entry);
    }
    to
}

/// The function of both versions of `http/cache` and of `http/lru`.
pub(crate) struct Cacher<S> {
    root: Root,
    shelf: S,
    entry_bytes_max: u64,
    revalidate: Duration,
    /// What was confirmed before this is not believed.
    believes_since: Instant,
}

impl<S: Shelf> Cacher<S> {
    /// Keeps nothing yet.
    pub(crate) fn new(properties: &Properties) -> Result<Self, BuildError> {
        let mut cacher = Self {
            root: Root::open(properties.text("ROOT"))?,
            shelf: S::new(properties.integer("BYTES")),
            entry_bytes_max: 0,
            revalidate: Duration::ZERO,
            believes_since: Instant::now(),
        };
        cacher.limit(properties);
        Ok(cacher)
    }

    fn limit(&mut self, properties: &Properties) {
        self.entry_bytes_max = properties.integer("ENTRY_BYTES_MAX");
        self.revalidate = Duration::from_millis(properties.integer("REVALIDATE_MS"));
        self.shelf.set_bytes_max(properties.integer("BYTES"));
        self.shelf.remove_larger(self.entry_bytes_max);
        self.believes_since = Instant::now();
    }

    fn answer(&mut self, Request { connection, mut met, mut asked }: Request, cx: &mut Context<'_>) {
        S::note(&mut met, cx.version());
        match asked.file.as_mut().ok().and_then(|path| self.find(path, asked.terms.header_only)) {
            Some(content) => {
                let loaded = Loaded { connection, met, terms: asked.terms, content: Ok(content) };
                cx.emit(HIT, Packet::new(loaded));
            }
            None => cx.emit(MISS, Packet::new(Request { connection, met, asked })),
        }
    }

    /// The content of a file, if it is kept and confirmed. Only then the path is taken.
    fn find(&mut self, path: &mut std::path::PathBuf, header_only: bool) -> Option<Content> {
        let entry = self.shelf.get(path.as_os_str())?;
        let name = Name { asked: std::mem::take(path), is_index: entry.is_index };
        let confirmed = entry.confirmed.get();
        let is_believed = confirmed >= self.believes_since && confirmed.elapsed() < self.revalidate;
        if is_believed || confirm(&self.root, &name, entry) {
            let body = if header_only { Body::NOTHING } else { Body::Bytes(entry.bytes.clone()) };
            let (size, modified) = (entry.bytes.len() as u64, entry.modified);
            return Some(Content { name, size, modified, seen: None, body });
        }
        self.shelf.remove(name.asked.as_os_str());
        *path = name.asked;
        None
    }

    fn keep(&mut self, Fill(kept): Fill) {
        if let Some((asked, entry)) = kept.filter(|(_, entry)| entry.bytes.len() as u64 <= self.entry_bytes_max) {
            self.shelf.put(asked, entry);
        }
    }
}

impl<S: Shelf> Function for Cacher<S> {
    fn fire(&mut self, port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        if port == IN { self.answer(packet.take(), cx) } else { self.keep(packet.take()) }
    }

    /// As with `load`: should the folder have gone since it was checked, the one before stays in service.
    fn configure(&mut self, properties: &Properties) {
        if let Ok(root) = Root::open(properties.text("ROOT")) {
            self.root = root;
        }
        self.limit(properties);
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(self.shelf)
    }

    fn import(&mut self, state: State, _cx: &mut Context<'_>) {
        let bytes_max = self.shelf.bytes_max();
        self.shelf = state.take();
        self.shelf.set_bytes_max(bytes_max);
        self.shelf.remove_larger(self.entry_bytes_max);
        self.believes_since = Instant::now();
    }
}

/// Whether the file is still what the entry holds.
fn confirm(root: &Root, name: &Name, entry: &Entry) -> bool {
    let now = Instant::now();
    let is_same = root.stamp(name) == Some(entry.stamp);
    if is_same {
        entry.confirmed.set(now);
    }
    is_same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::client::settle;
    use bytes::Bytes;

    /// An entry of so many bytes, seen just now.
    fn entry(folder: &tempfile::TempDir, size: usize) -> Entry {
        let path = folder.path().join("file");
        std::fs::write(&path, vec![7; size]).expect("a file");
        settle(&path);
        let seen = crate::http::stamp::Seen::of(&path.metadata().expect("there")).expect("settled");
        Entry::new(Bytes::from(vec![7; size]), false, None, seen)
    }

    fn held<S: Shelf>(shelf: S) -> Vec<String> {
        let mut names: Vec<String> =
            shelf.into_entries().into_iter().map(|(name, _)| name.into_string().expect("plain names")).collect();
        names.sort();
        names
    }

    fn the_bound_holds<S: Shelf>() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = entry(&folder, 1000);
        let weight = one.weight("00".as_ref());
        assert_eq!(weight, 1000 + 2 + Entry::OVERHEAD);
        let mut shelf = S::new(10 * weight);
        for i in 10..99 {
            shelf.put(i.to_string().into(), one.clone());
            assert!(shelf.bytes() <= 10 * weight, "{} after {i}", shelf.bytes());
        }
        assert!(shelf.bytes() > 5 * weight, "it is not just empty");
        shelf.put("98".into(), entry(&folder, 500));
        assert!(shelf.bytes() <= 10 * weight);
        shelf.put("huge".into(), entry(&folder, 20_000));
        assert!(
            shelf.get("huge".as_ref()).is_none() && shelf.bytes() > 5 * weight,
            "it makes no room for what cannot fit"
        );
        shelf.put("98".into(), entry(&folder, 20_000));
        assert!(shelf.get("98".as_ref()).is_none(), "what it would have replaced is out of date all the same");
        shelf.set_bytes_max(3 * weight);
        assert!(shelf.bytes() <= 3 * weight && shelf.bytes() > weight);
        shelf.remove_larger(999);
        assert_eq!(shelf.bytes(), shelf.into_entries().iter().map(|(name, entry)| entry.weight(name)).sum::<u64>());
    }

    #[test]
    fn the_bound_holds_on_both_shelves() {
        the_bound_holds::<FrequentShelf>();
        the_bound_holds::<RecentShelf>();
    }

    fn what_is_replaced_or_removed_no_longer_counts<S: Shelf>() {
        let folder = tempfile::tempdir().expect("a folder");
        let (small, large) = (entry(&folder, 10), entry(&folder, 1000));
        let mut shelf = S::new(1 << 20);
        for next in [&small, &large, &small] {
            shelf.put("a".into(), next.clone());
            assert_eq!(shelf.bytes(), next.weight("a".as_ref()));
        }
        shelf.put("b".into(), large);
        shelf.remove_larger(10);
        assert_eq!(shelf.bytes(), small.weight("a".as_ref()));
        shelf.remove("a".as_ref());
        shelf.remove("none".as_ref());
        assert_eq!((shelf.bytes(), held(shelf)), (0, vec![]));
    }

    #[test]
    fn what_is_replaced_or_removed_no_longer_counts_on_both_shelves() {
        what_is_replaced_or_removed_no_longer_counts::<FrequentShelf>();
        what_is_replaced_or_removed_no_longer_counts::<RecentShelf>();
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = entry(&folder, 1000);
        let mut shelf = RecentShelf::new(3 * one.weight("a".as_ref()));
        for name in ["a", "b", "c"] {
            shelf.put(name.into(), one.clone());
        }
        assert!(shelf.get("a".as_ref()).is_some());
        shelf.put("d".into(), one);
        assert_eq!(held(shelf), ["a", "c", "d"]);
    }

    /// One look at everything there is pushes out all but the last under one policy, and nothing under the other.
    #[test]
    fn what_is_used_often_survives_a_scan_on_one_shelf_only() {
        fn after_scan<S: Shelf>() -> usize {
            let folder = tempfile::tempdir().expect("a folder");
            let one = entry(&folder, 1000);
            let mut shelf = S::new(20 * one.weight("often0".as_ref()));
            let often: Vec<String> = (0..5).map(|i| format!("often{i}")).collect();
            for _ in 0..3 {
                for name in &often {
                    if shelf.get(name.as_ref()).is_none() {
                        shelf.put(name.into(), one.clone());
                    }
                }
            }
            for i in 0..200 {
                shelf.put(format!("scan{i}").into(), one.clone());
            }
            often.iter().filter(|name| shelf.get(name.as_ref()).is_some()).count()
        }
        assert_eq!((after_scan::<FrequentShelf>(), after_scan::<RecentShelf>()), (5, 0));
    }

    #[test]
    fn content_is_carried_from_one_shelf_to_the_other_with_its_stamps() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = entry(&folder, 1000);
        let mut from = FrequentShelf::new(9 * one.weight("0".as_ref()));
        for i in 0..8 {
            let confirmed = one.confirmed.get() + Duration::from_millis(i);
            let next = Entry { confirmed: confirmed.into(), bytes: vec![i as u8; 1000].into(), ..one.clone() };
            from.put(i.to_string().into(), next);
        }
        let mut there: RecentShelf = carry(from);
        there.set_bytes_max(5 * one.weight("0".as_ref()));
        let mut back: FrequentShelf = carry(there);
        for i in 3..8 {
            let entry = back.get(i.to_string().as_ref()).expect("the last five to be confirmed");
            assert_eq!((entry.bytes[0], entry.stamp), (i, one.stamp));
        }
        assert_eq!(held(back).len(), 5);
    }
}
