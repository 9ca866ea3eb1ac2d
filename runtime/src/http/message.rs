//! The packets between the operators: one exchange in its stages.
//!
//! ```text
//!   http.Exchange   read -> parse      a framed head
//!   http.Request    parse -> load      what is asked for, or why it is refused
//!   http.Loaded     load -> compose    the content, or why there is none
//!   http.Response   compose -> reply   header and body
//!   http.Fill       fill -> cache      what is worth keeping, if anything
//! ```
//!
//! Each but the last carries the connection, and the versions met so far. A refusal travels the same way as a request, so
//! that it is answered in its turn. Loaded and response packets are declared with what their body is, `bytes` or `file`;
//! as values they can hold either, and every version of `reply` sends either.

use super::cache::Entry;
use super::connection::Connection;
use super::header::Header;
use super::observations::Met;
use super::root::Name;
use super::stamp::Seen;
use super::status::Status;
use bytes::Bytes;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::SystemTime;

/// A framed request.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) connection: Connection,
    pub(crate) met: Met,
    /// The bytes of the head, or why it could not be framed.
    pub(crate) head: Result<Vec<u8>, Status>,
}

/// A request that was understood, or refused.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) connection: Connection,
    pub(crate) met: Met,
    pub(crate) asked: Asked,
}

/// What a request's head says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) terms: Terms,
    /// The file, relative to the root, or what is answered instead.
    pub(crate) file: Result<PathBuf, Status>,
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

/// A request with its content.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) connection: Connection,
    pub(crate) met: Met,
    pub(crate) terms: Terms,
    pub(crate) content: Result<Content, Status>,
}

/// The content of a file.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) name: Name,
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
    /// Of which state of the file the bytes of the body are, or will be if it does not change; `None` where that cannot be
    /// told, or does not matter any more.
    pub(crate) seen: Option<Seen>,
    pub(crate) body: Body,
}

/// What follows a header.
#[derive(Debug)]
pub(crate) enum Body {
    /// Bytes in memory. They may be shared: a cache and many responses hold the same ones, each its own part of them.
    Bytes(Bytes),
    /// So many bytes of a file, from an offset on.
    File { file: File, offset: u64, remaining: u64 },
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
pub(crate) struct Fill(pub(crate) Option<(OsString, Entry)>);

/// A response that waits to be sent. Its header is a value until then, so that it can be changed on the way.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) connection: Connection,
    pub(crate) met: Met,
    pub(crate) terms: Terms,
    pub(crate) header: Header,
    pub(crate) body: Body,
}
