//! `http/cache` and `http/lru`: keep files, each by its own policy.
//!
//! ```text
//!   IN    kept, and the file is as it was   -> HIT   what is kept, shared, not copied
//!         all else                          -> MISS  the request as it came
//!   FILL  something to keep, or nothing     -> taken in; nothing is emitted
//! ```
//!
//! What is kept of a file is its content or, under version `nio`, the file itself, open: see [`Entry`]. Which of them, `fill` decides.
//!
//! An entry is found by the path that was asked for, to the byte: `dir` and `dir/` are two entries of one file, and `a.txt/`
//! is not `a.txt`. It is believed for a time (`REVALIDATE_MS`) after it was last seen to be what the file holds; an open file only as
//! long as nothing happens to it (`LOOK_MS`), either. After that its [stamp](super::stamp) is compared with the file's, which costs an open but no
//! read; an entry whose file is another now, or is gone, is dropped. What cannot be confirmed is not served. New properties end all
//! belief, since they may name another folder.
//!
//! A `HEAD` is answered from an entry too. What was refused goes down MISS, for `load` to pass on.
//!
//! What the two components share is [`Cacher`]; what they differ in is a [`Shelf`]. The [bounds](limits) count what is on the shelf.
//! What was dropped lives on while responses with it are under way.

mod entry;
mod frequent;
mod limits;
mod recent;

pub(crate) use entry::{Belief, Entry, Kept};
pub(crate) use frequent::FrequentShelf;
pub(crate) use limits::{Limits, open_files};
pub(crate) use recent::RecentShelf;

use super::message::{Content, Exchange, Fill, Stage};
use super::observations::Met;
use super::root::Root;
use crate::function::{BuildError, Context, Function, Properties};
use crate::packet::{Packet, State};
use neurath_model::id::{PortIndex, Version};
use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::time::Instant;

const IN: PortIndex = PortIndex(0);
const HIT: PortIndex = PortIndex(0);
const MISS: PortIndex = PortIndex(1);

/// Entries within limits, and the policy by which some make room for others. It is the state of its component,
/// and goes along to the next version as it is.
pub(crate) trait Shelf: Any + Send {
    /// Notes that a request has met this kind.
    fn note(met: &mut Met, version: Version);

    /// An empty one.
    fn new(limits: Limits) -> Self;

    /// How much it may hold.
    fn limits(&self) -> Limits;

    /// Changes how much it may hold, and drops what is too much.
    fn set_limits(&mut self, limits: Limits);

    /// How many bytes it holds.
    #[cfg(test)]
    fn bytes(&self) -> u64;

    /// The entry of that name, which counts as a use of it.
    fn get(&mut self, asked: &OsStr) -> Option<&Entry>;

    /// Puts an entry in the place of any of that name. One that is larger than all the room there is is dropped.
    fn put(&mut self, asked: OsString, entry: Entry);

    /// Drops the entry of that name.
    fn remove(&mut self, asked: &OsStr);

    /// Drops the entries of files with more bytes than that.
    fn remove_larger(&mut self, size_max: u64);

    /// What it holds, in any order.
    fn into_entries(self) -> Vec<(OsString, Entry)>;
}

/// The transfers `cache-to-lru` and `lru-to-cache`: what is kept is carried over with its stamps.
pub(crate) fn carry<A: Shelf, B: Shelf>(from: A) -> B {
    let mut to = B::new(from.limits());
    in_order(from).for_each(|(asked, entry)| to.put(asked, entry));
    to
}

/// The entries in the order in which to put them on another shelf. How often one was used is not known to all policies; when it
/// was last confirmed is, and stands for when it was used.
fn in_order<S: Shelf>(from: S) -> impl Iterator<Item = (OsString, Entry)> {
    let mut entries = from.into_entries();
    entries.sort_by_key(|(_, entry)| entry.confirmed());
    entries.into_iter()
}

/// The function of both versions of `http/cache` and of `http/lru`.
pub(crate) struct Cacher<S> {
    root: Root,
    shelf: S,
    entry_bytes_max: u64,
    belief: Belief,
}

impl<S: Shelf> Cacher<S> {
    /// Keeps nothing yet.
    pub(crate) fn new(properties: &Properties) -> Result<Self, BuildError> {
        let mut cacher = Self {
            root: Root::open(properties.text("ROOT"))?,
            shelf: S::new(Limits::new(properties)),
            entry_bytes_max: 0,
            belief: belief(properties),
        };
        cacher.limit(properties);
        Ok(cacher)
    }

    fn limit(&mut self, properties: &Properties) {
        self.entry_bytes_max = properties.integer("ENTRY_BYTES_MAX");
        self.shelf.set_limits(Limits::new(properties));
        self.shelf.remove_larger(self.entry_bytes_max);
        self.belief = belief(properties);
    }

    fn answer(&mut self, mut exchange: Box<Exchange>, cx: &mut Context<'_>) {
        S::note(&mut exchange.met, cx.version());
        let port = match self.find(&exchange) {
            Some(content) => {
                exchange.stage = Stage::Loaded(Ok(content));
                HIT
            }
            None => MISS,
        };
        cx.emit(port, Packet::boxed(exchange));
    }

    /// The content of a file, if it is kept and confirmed.
    fn find(&mut self, exchange: &Exchange) -> Option<Content> {
        exchange.request().ok()?;
        let entry = self.shelf.get(exchange.asked())?;
        if entry.is_believed(self.belief) || entry.confirm(&self.root, exchange.path()) {
            return Some(entry.content(exchange.terms.header_only));
        }
        self.shelf.remove(exchange.asked());
        None
    }

    fn keep(&mut self, Fill(kept): Fill) {
        if let Some((asked, entry)) = kept.map(|kept| *kept).filter(|(_, e)| e.size() <= self.entry_bytes_max) {
            self.shelf.put(asked, entry);
        }
    }
}

impl<S: Shelf> Function for Cacher<S> {
    fn fire(&mut self, port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        if port == IN { self.answer(packet.take_boxed(), cx) } else { self.keep(packet.take()) }
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
        let limits = self.shelf.limits();
        self.shelf = state.take();
        self.shelf.set_limits(limits);
        self.shelf.remove_larger(self.entry_bytes_max);
        self.belief.since = Instant::now();
    }
}

fn belief(properties: &Properties) -> Belief {
    Belief::new(properties, "REVALIDATE_MS", "LOOK_MS")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::message::Body;
    use crate::http::testing::client::settle;
    use std::time::Duration;

    /// An entry of so many bytes, seen just now.
    fn entry(folder: &tempfile::TempDir, size: usize) -> Entry {
        let path = folder.path().join("file");
        std::fs::write(&path, vec![7; size]).expect("a file");
        settle(&path);
        let kept = Kept::Bytes(vec![7; size].into());
        let seen = crate::http::stamp::Seen::of(&path).expect("settled");
        let body = Body::NOTHING;
        let content = Content { is_index: false, size: size as u64, modified: None, seen: None, fields: None, body };
        Entry::new(&path, &content, kept, seen)
    }

    /// The same, kept open.
    fn open_entry(folder: &tempfile::TempDir, size: usize) -> Entry {
        let entry = entry(folder, size);
        entry.open(std::fs::File::open(folder.path().join("file")).expect("it is there"))
    }

    /// Room for content alone.
    fn bytes(bytes: u64) -> Limits {
        Limits { bytes, open_files: 0 }
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
        let weight = bytes(0).weight("00".as_ref(), &one);
        assert_eq!(weight, 1000 + 2 + Limits::OVERHEAD);
        let mut shelf = S::new(bytes(10 * weight));
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
        shelf.set_limits(bytes(3 * weight));
        assert!(shelf.bytes() <= 3 * weight && shelf.bytes() > weight);
        shelf.remove_larger(999);
        let weights =
            |shelf: S| shelf.into_entries().iter().map(|(name, entry)| bytes(0).weight(name, entry)).sum::<u64>();
        assert_eq!(shelf.bytes(), weights(shelf));
    }

    #[test]
    fn the_bound_holds_on_both_shelves() {
        the_bound_holds::<FrequentShelf>();
        the_bound_holds::<RecentShelf>();
    }

    fn what_is_replaced_or_removed_no_longer_counts<S: Shelf>() {
        let folder = tempfile::tempdir().expect("a folder");
        let (small, large) = (entry(&folder, 10), entry(&folder, 1000));
        let mut shelf = S::new(bytes(1 << 20));
        let weight = |entry: &Entry| bytes(0).weight("a".as_ref(), entry);
        for next in [&small, &large, &small] {
            shelf.put("a".into(), next.clone());
            assert_eq!(shelf.bytes(), weight(next));
        }
        shelf.put("b".into(), large);
        shelf.remove_larger(10);
        assert_eq!(shelf.bytes(), weight(&small));
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
        let mut shelf = RecentShelf::new(bytes(3 * bytes(0).weight("a".as_ref(), &one)));
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
            let mut shelf = S::new(bytes(20 * bytes(0).weight("often0".as_ref(), &one)));
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
        let weight = bytes(0).weight("0".as_ref(), &one);
        let mut from = FrequentShelf::new(bytes(9 * weight));
        for i in 0..8 {
            let next = one.with(one.confirmed() + Duration::from_millis(i), vec![i as u8; 1000]);
            from.put(i.to_string().into(), next);
        }
        let mut there: RecentShelf = carry(from);
        there.set_limits(bytes(5 * weight));
        let mut back: FrequentShelf = carry(there);
        for i in 3..8 {
            let entry = back.get(i.to_string().as_ref()).expect("the last five to be confirmed");
            let Kept::Bytes(content) = &entry.kept else { panic!("{entry:?}") };
            assert_eq!((content[0], entry.stamp()), (i, one.stamp()));
        }
        assert_eq!(held(back).len(), 5);
    }

    fn open_files_are_bounded<S: Shelf>() {
        let folder = tempfile::tempdir().expect("a folder");
        let (open, content) = (open_entry(&folder, 100_000), entry(&folder, 1000));
        let Kept::File(file) = &open.kept else { panic!("{open:?}") };
        let limits = |open_files| Limits { bytes: 1 << 20, open_files };
        let mut shelf = S::new(limits(10));
        let fill = |shelf: &mut S| (10..99).for_each(|i| shelf.put(i.to_string().into(), open.clone()));
        let kept = || std::sync::Arc::strong_count(file) - 1;
        fill(&mut shelf);
        assert!((6..=10).contains(&kept()), "{} are kept open", kept());
        shelf.put("content".into(), content);
        assert!(shelf.bytes() <= 1 << 20 && kept() > 5);
        shelf.set_limits(limits(4));
        assert!((2..=4).contains(&kept()), "{} are kept open", kept());
        shelf.set_limits(limits(0));
        assert_eq!(kept(), 0, "all are closed");
        fill(&mut shelf);
        assert_eq!(kept(), 0, "and none is opened");
    }

    #[test]
    fn open_files_are_bounded_on_both_shelves() {
        open_files_are_bounded::<FrequentShelf>();
        open_files_are_bounded::<RecentShelf>();
    }
}
