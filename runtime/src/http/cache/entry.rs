//! What a cache keeps of a file.

use crate::http::stamp::{Seen, Stamp};
use bytes::Bytes;
use std::cell::Cell;
use std::ffi::OsStr;
use std::time::{Instant, SystemTime};

/// The content of a file, and of which state of the file it is.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) bytes: Bytes,
    /// Whether what was asked for is a directory, of whose index this is.
    pub(crate) is_index: bool,
    pub(crate) modified: Option<SystemTime>,
    pub(crate) stamp: Stamp,
    /// When the file was last seen to be in that state. In a cell, because shelves do not let entries be changed.
    pub(crate) confirmed: Cell<Instant>,
}

impl Entry {
    /// What an entry takes beside content and name: its own fields twice over, for tables are half empty, links between
    /// entries, and what the allocator adds.
    pub(crate) const OVERHEAD: u64 = 512;

    /// Content that was read in that state of its file.
    pub(crate) fn new(bytes: Bytes, is_index: bool, modified: Option<SystemTime>, seen: Seen) -> Self {
        Self { bytes, is_index, modified, stamp: seen.stamp, confirmed: Cell::new(seen.at) }
    }

    /// The bytes it counts for under a name.
    pub(crate) fn weight(&self, asked: &OsStr) -> u64 {
        self.bytes.len() as u64 + asked.len() as u64 + Self::OVERHEAD
    }
}
