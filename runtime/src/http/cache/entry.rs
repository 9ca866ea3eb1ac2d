//! What is kept of a file: its content, or the file itself, open.
//!
//! ```text
//!   content    small files, and those of which the content was read anyway    sent with the header in one call
//!   the file   all others                                                     sent by the kernel, from its own memory
//! ```
//!
//! Content does not change when its file does, and is out of date then until somebody looks. An open file does change, under a header
//! that was written before: so it is looked at whenever it is used, unless somebody says (`LOOK_MS`) that this may wait. It costs a
//! small system call, where a name would have to be looked up in several folders. By that it is seen at once that it was written to,
//! or cut, or that another file has taken its name, or that it has none any more: each sets the time of the last change. Only what
//! happens to the folders and links above it is not seen.

use crate::function::Properties;
use crate::http::compose::fields_of;
use crate::http::header::Fields;
use crate::http::message::{Body, Content};
use crate::http::root::Root;
use crate::http::stamp::{Seen, Stamp};
use bytes::Bytes;
use std::cell::Cell;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A file, and of which state of it that is.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) kept: Kept,
    /// Whether what was asked for is a directory, of whose index this is.
    is_index: bool,
    size: u64,
    modified: Option<SystemTime>,
    fields: Arc<Fields>,
    stamp: Stamp,
    /// When the name was last seen to lead to a file in that state. In a cell, because shelves do not let entries be changed.
    confirmed: Cell<Instant>,
    /// When the open file was last seen to be in that state.
    looked: Cell<Instant>,
}

/// What is believed of an entry without looking.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Belief {
    /// Nothing, unless its name was looked up since.
    pub(crate) since: Instant,
    /// How long its name leads to the same file.
    pub(crate) valid: Duration,
    /// How long an open file does not change.
    pub(crate) look: Duration,
}

impl Belief {
    /// From now on, as the properties of those names say: so many milliseconds.
    pub(crate) fn new(properties: &Properties, valid: &str, look: &str) -> Self {
        let time = |name| Duration::from_millis(properties.integer(name));
        Self { since: Instant::now(), valid: time(valid), look: time(look) }
    }
}

/// What is kept.
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    /// The content.
    Bytes(Bytes),
    /// The file, open.
    File(Arc<File>),
}

impl Entry {
    /// Of a file that was found under that name, in that state.
    pub(crate) fn new(asked: &Path, content: &Content, kept: Kept, seen: Seen) -> Self {
        let Content { is_index, size, modified, .. } = *content;
        let fields = Arc::new(Fields::new(fields_of(asked, is_index, size, modified)));
        let [confirmed, looked] = [seen.at, seen.at].map(Cell::new);
        Self { kept, is_index, size, modified, fields, stamp: seen.stamp, confirmed, looked }
    }

    /// The bytes of the file.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// When its name was last looked up.
    pub(crate) fn confirmed(&self) -> Instant {
        self.confirmed.get()
    }

    /// Whether it may be sent: its name was looked up since, and not too long ago, and nothing has happened to the file.
    pub(crate) fn is_believed(&self, belief: Belief) -> bool {
        let (now, confirmed) = (Instant::now(), self.confirmed.get());
        let is_valid = confirmed >= belief.since && now.duration_since(confirmed) < belief.valid;
        is_valid && (now.duration_since(self.looked.get()) < belief.look || self.is_as_it_was(now))
    }

    /// Looks the name up again, and says whether it still leads to a file in that state.
    pub(crate) fn confirm(&self, root: &Root, asked: &Path) -> bool {
        let now = Instant::now();
        let is_same = root.stamp(asked, self.is_index) == Some(self.stamp);
        if is_same {
            self.confirmed.set(now);
        }
        is_same
    }

    fn is_as_it_was(&self, now: Instant) -> bool {
        match &self.kept {
            Kept::Bytes(_) => true,
            Kept::File(file) => {
                self.looked.set(now);
                Stamp::of(file) == Some(self.stamp)
            }
        }
    }

    /// What a request for it gets.
    pub(crate) fn content(&self, header_only: bool) -> Content {
        let Self { is_index, size, modified, stamp, .. } = *self;
        let body = match &self.kept {
            _ if header_only => Body::NOTHING,
            Kept::Bytes(bytes) => Body::Bytes(bytes.clone()),
            Kept::File(file) => Body::File { file: file.clone(), offset: 0, remaining: size },
        };
        let seen = (!header_only).then_some(Seen { stamp, at: self.confirmed.get() });
        Content { is_index, size, modified, seen, fields: Some(self.fields.clone()), body }
    }
}

#[cfg(test)]
impl Entry {
    /// The same at another time, with other content.
    pub(crate) fn with(&self, confirmed: Instant, bytes: Vec<u8>) -> Self {
        Self { kept: Kept::Bytes(bytes.into()), confirmed: confirmed.into(), ..self.clone() }
    }

    /// The same, kept open.
    pub(crate) fn open(&self, file: File) -> Self {
        Self { kept: Kept::File(file.into()), ..self.clone() }
    }

    /// The state of the file.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }
}
