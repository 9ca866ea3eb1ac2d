//! What is asked for: how many clients, which files.
//!
//! ```text
//!   nio         30 clients, each file one of 10,000 of 50 kB
//!   evolution   30 clients on files of 2 kB, and 30 on files of 100 kB
//!   each-new    30 clients as in the first, but a connection for each request
//! ```

use crate::load::Corpus;
use std::io;
use std::path::Path;
use std::rc::Rc;

/// A load.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) groups: Vec<Group>,
    /// Whether a connection is used again.
    pub(crate) kept: bool,
}

/// Clients that ask for the same files.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) clients: usize,
    pub(crate) files: Rc<[Wanted]>,
}

/// A request, and what the response must hold.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) request: Vec<u8>,
    pub(crate) bytes: u64,
    /// The XXH3 hash of the body.
    pub(crate) hash: u64,
}

/// How many files of each kind are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files {
    pub(crate) medium: usize,
    pub(crate) small: usize,
    pub(crate) large: usize,
}

/// Writes the files below `root`; all loads that ask for them, each with so many clients per group.
pub(crate) fn loads(root: &Path, files: Files, clients: usize) -> io::Result<Vec<Load>> {
    let medium = Corpus::create(&root.join("medium"), files.medium, 50_000, 1)?;
    let small = Corpus::create(&root.join("small"), files.small, 2_000, 2)?;
    let large = Corpus::create(&root.join("large"), files.large, 100_000, 3)?;
    let group = |corpus: &Corpus, folder: &str, kept| Group { clients, files: wanted(corpus, folder, kept) };
    Ok(vec![
        Load { name: "nio", groups: vec![group(&medium, "medium", true)], kept: true },
        Load {
            name: "evolution",
            groups: vec![group(&small, "small", true), group(&large, "large", true)],
            kept: true,
        },
        Load { name: "each-new", groups: vec![group(&medium, "medium", false)], kept: false },
    ])
}

fn wanted(corpus: &Corpus, folder: &str, kept: bool) -> Rc<[Wanted]> {
    let last = if kept { "" } else { "Connection: close\r\n" };
    let files = corpus.files().iter().map(|file| Wanted {
        request: format!("GET /{folder}/{} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n", file.path).into_bytes(),
        bytes: file.bytes,
        hash: file.hash,
    });
    files.collect()
}
