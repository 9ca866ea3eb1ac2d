//! What travels between the operators: a connection, and the exchange that it is in.
//!
//! ```text
//!   http.Connection accept, reply -> read   nothing is asked
//!   http.Exchange   read -> parse           a framed head
//!   http.Request    parse -> load           what is asked for, or why it is refused
//!   http.Loaded     load -> compose         the content, or why there is none
//!   http.Response   compose -> reply        header and body
//!   http.Fill       fill -> cache           what is worth keeping, if anything
//! ```
//!
//! All but the last are one and the same value in one and the same box, from `accept` to the end of the connection: an
//! [`Exchange`], whose [`Stage`] is what the packet type says. An operator moves it to the next stage and hands the box on, so that
//! a request costs no allocation, and the buffers for path and header are used again by the next one. A type for each stage would
//! have had to be moved to a box of its own at every operator.
//!
//! A refusal travels the same way as a request, so that it is answered in its turn. Loaded and response packets are declared with
//! what their body is, `bytes` or `file`; as values they can hold either, and every version of `reply` sends either.

use super::cache::Entry;
use super::connection::Connection;
use super::header::{Fields, Header};
use super::observations::Met;
use super::stamp::Seen;
use super::status::Status;
use bytes::Bytes;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// A connection, and the exchange that it is in.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) connection: Connection,
    pub(crate) met: Met,
    /// How the answer is to be given, once the request is read.
    pub(crate) terms: Terms,
    /// The file that is asked for, relative to the root, once that is known.
    pub(crate) path: Vec<u8>,
    /// The header as it is sent, once it is written.
    pub(crate) header: Vec<u8>,
    pub(crate) stage: Stage,
}

/// How far an exchange has come, with what only that stage has.
#[derive(Debug, Default)]
pub(crate) enum Stage {
    /// Nothing is asked, or the response is being sent.
    #[default]
    Idle,
    /// The head is so many bytes at the beginning of the connection's buffer, or could not be framed.
    Framed(Result<usize, Status>),
    /// The request was understood, or is answered with that status.
    Asked(Result<(), Status>),
    /// There is content, or none.
    Loaded(Result<Content, Status>),
    /// The response waits to be sent. Its header is a value until then, so that it can be changed on the way.
    Response(Header, Body),
}

impl Exchange {
    /// Of a connection that has asked nothing.
    pub(crate) fn new(connection: Connection) -> Self {
        let (met, terms) = (Met::default(), Terms::refused(false));
        Self { connection, met, terms, path: Vec::new(), header: Vec::new(), stage: Stage::Idle }
    }

    /// The file that is asked for, relative to the root.
    pub(crate) fn path(&self) -> &Path {
        Path::new(self.asked())
    }

    /// The same to the byte: to the standard library `a/` and `a` are equal as paths.
    pub(crate) fn asked(&self) -> &OsStr {
        OsStr::from_bytes(&self.path)
    }

    /// Takes what was loaded.
    ///
    /// # Panics
    /// As the next ones, if the packet is not what its type says: an operator does not do what it declares.
    pub(crate) fn take_loaded(&mut self) -> Result<Content, Status> {
        match std::mem::take(&mut self.stage) {
            Stage::Loaded(content) => content,
            other => panic!("{other:?} is not loaded"),
        }
    }

    /// Whether a request is for a file.
    pub(crate) fn request(&self) -> Result<(), Status> {
        match &self.stage {
            Stage::Asked(request) => *request,
            other => panic!("{other:?} is not a request"),
        }
    }

    /// The header and the body of a response, in their place.
    pub(crate) fn response(&mut self) -> (&mut Header, &mut Body) {
        match &mut self.stage {
            Stage::Response(header, body) => (header, body),
            other => panic!("{other:?} is not a response"),
        }
    }

    /// Writes the header as it is sent, and takes the body.
    pub(crate) fn take_response(&mut self) -> Body {
        let Stage::Response(header, body) = std::mem::take(&mut self.stage) else { panic!("it is not a response") };
        self.header.clear();
        header.write(self.terms, &mut self.header);
        body
    }
}

/// How the answer is to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The request is `HEAD`: no body follows the header.
    pub(crate) header_only: bool,
    /// The client speaks HTTP/1.0, where staying open has to be said.
    pub(crate) old_client: bool,
    /// The client would rather have gzip than the bytes as they are.
    pub(crate) gzip: bool,
    pub(crate) after: After,
}

impl Terms {
    /// Of a request of which no more is known than whether it is a `HEAD`.
    pub(crate) fn refused(header_only: bool) -> Self {
        Self { header_only, old_client: false, gzip: false, after: After::Linger }
    }
}

/// What becomes of the connection after the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It stays open for the next request.
    Keep,
    /// It is closed.
    Close,
    /// It is closed, and input that nobody will read (a body, or what follows a head that made no sense) may still
    /// come in.
    Linger,
}

/// The content of a file.
#[derive(Debug)]
pub(crate) struct Content {
    /// Whether what was asked for is a directory, of whose index this is.
    pub(crate) is_index: bool,
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
    /// Of which state of the file the bytes of the body are, or will be if it does not change; `None` where that cannot be
    /// told, or does not matter any more.
    pub(crate) seen: Option<Seen>,
    /// The header fields about it, where somebody keeps them.
    pub(crate) fields: Option<Arc<Fields>>,
    pub(crate) body: Body,
}

/// What follows a header.
#[derive(Debug)]
pub(crate) enum Body {
    /// Bytes in memory. They may be shared: a cache and many responses hold the same ones, each its own part of them.
    Bytes(Bytes),
    /// So many bytes of a file, from an offset on. It may be shared just so; nobody moves its position.
    File { file: Arc<File>, offset: u64, remaining: u64 },
}

impl Body {
    /// No body.
    pub(crate) const NOTHING: Self = Self::Bytes(Bytes::new());

    /// How many bytes are yet to be sent.
    pub(crate) fn remaining(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { remaining, .. } => *remaining,
        }
    }

    /// What is yet to be sent, in memory. Of a file nothing moves, and `None` is said of one that is shorter than it was, or
    /// cannot be read, or for which there is no memory.
    pub(crate) fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::File { file, offset, remaining } => read_at(file, *offset, *remaining),
        }
    }
}

fn read_at(file: &File, offset: u64, count: u64) -> Option<Bytes> {
    let count = usize::try_from(count).ok()?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(count).ok()?;
    bytes.resize(count, 0);
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes.into())
}

/// What a cache is to keep, and what was asked for; or that there is nothing to keep, for every request sends one.
#[derive(Debug)]
pub(crate) struct Fill(pub(crate) Option<Box<(OsString, Entry)>>);
