//! How much a cache may keep.
//!
//! An open file takes hardly any memory of ours, but a descriptor, and of these there are few. Two bounds would take two policies that
//! do not know of each other; so there is one sum of bytes, in which an open file counts for its share of all there is room for:
//!
//! ```text
//!   content     name + bytes + 512
//!   open file   name + 512, or BYTES / OPEN_FILES where that is more:  no more than OPEN_FILES can be within BYTES
//! ```

use super::entry::{Entry, Kept};
use crate::function::Properties;
use rustix::process::{Resource, getrlimit};
use std::ffi::OsStr;

/// How much a cache may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) bytes: u64,
    pub(crate) open_files: u64,
}

impl Limits {
    /// What an entry takes beside content and name: its own fields twice over, for tables are half empty, links between
    /// entries, and what the allocator adds.
    pub(crate) const OVERHEAD: u64 = 512;

    /// As the properties `BYTES` and `OPEN_FILES` say. A component that has no such property keeps no files open.
    pub(crate) fn new(properties: &Properties) -> Self {
        // Sums of a few of these are formed.
        let bytes = properties.integer("BYTES").min(1 << 60);
        Self { bytes, open_files: open_files(properties) }
    }

    /// The bytes that an entry counts for under a name; more than there are, if it may not be kept.
    pub(crate) fn weight(&self, asked: &OsStr, entry: &Entry) -> u64 {
        let own = asked.len() as u64 + Self::OVERHEAD;
        match entry.kept {
            Kept::Bytes(_) => own + entry.size(),
            Kept::File(_) => match self.open_files {
                0 => u64::MAX,
                open_files => own.max(self.bytes.div_ceil(open_files)),
            },
        }
    }

    /// Whether an entry has room at all.
    pub(crate) fn admit(&self, asked: &OsStr, entry: &Entry) -> bool {
        self.weight(asked, entry) <= self.bytes
    }
}

/// The property `OPEN_FILES`, but never so many that connections want for descriptors: half of those that the process may have.
pub(crate) fn open_files(properties: &Properties) -> u64 {
    let all = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    properties.integer("OPEN_FILES").min(all / 2)
}
