//! The folder that is served, and how files below it are opened.
//!
//! The folder is opened once; every file is opened relative to it with `openat2` and `RESOLVE_BENEATH`, so the kernel
//! itself refuses to leave it, whatever links are made inside while we look. A check of the path beforehand could not
//! promise that.
//!
//! Only regular files are served. A directory stands for the `index.html` in it.

use super::stamp::{Seen, Stamp};
use super::status::Status;
use crate::function::BuildError;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const INDEX: &str = "index.html";

/// The folder that is served.
#[derive(Debug)]
pub(crate) struct Root(OwnedFd);

/// A regular file, open for reading.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) name: Name,
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
    pub(crate) seen: Option<Seen>,
}

/// What a file below the root is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// What was asked for.
    pub(crate) asked: PathBuf,
    /// Whether that is a directory, for whose index it was taken.
    pub(crate) is_index: bool,
}

impl Name {
    /// Where the file is.
    pub(crate) fn path(&self) -> Cow<'_, Path> {
        if self.is_index { self.asked.join(INDEX).into() } else { self.asked.as_path().into() }
    }

    /// By what its media type is told.
    pub(crate) fn file(&self) -> &Path {
        if self.is_index { Path::new(INDEX) } else { &self.asked }
    }
}

impl Root {
    /// Opens the folder, and makes sure that files below it can be opened safely.
    pub(crate) fn open(path: &str) -> Result<Self, BuildError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map(Self)
            .map_err(|error| BuildError(format!("cannot open the folder `{path}`: {error}")))?;
        match root.open_beneath(Path::new("."), OFlags::RDONLY) {
            Err(Errno::NOSYS) => {
                Err(BuildError("this kernel lacks openat2 (Linux 5.6), which keeps requests inside the root".into()))
            }
            Ok(_) | Err(_) => Ok(root),
        }
    }

    /// Opens what a request asks for.
    pub(crate) fn find(&self, asked: PathBuf) -> Result<Opened, Status> {
        let (file, metadata) = self.open_for_reading(&asked)?;
        if !metadata.is_dir() {
            return opened(file, Name { asked, is_index: false }, &metadata);
        }
        let name = Name { asked, is_index: true };
        let (file, metadata) = self.open_for_reading(&name.path())?;
        opened(file, name, &metadata)
    }

    /// The state that a file is in now, if it is there: what [`find`](Self::find) would find of that name. Whether it may
    /// be read is not looked at; a change of that is a change of the stamp.
    pub(crate) fn stamp(&self, name: &Name) -> Option<Stamp> {
        let file = File::from(self.open_beneath(&name.path(), OFlags::PATH).ok()?);
        Some(Stamp::of(&file.metadata().ok()?))
    }

    fn open_for_reading(&self, path: &Path) -> Result<(File, Metadata), Status> {
        let file = File::from(self.open_beneath(path, OFlags::RDONLY).map_err(status_of)?);
        let metadata = file.metadata().map_err(|_| Status::InternalError)?;
        Ok((file, metadata))
    }

    /// `NONBLOCK`: opening a pipe must not wait for its writer.
    fn open_beneath(&self, path: &Path, access: OFlags) -> Result<OwnedFd, Errno> {
        const ATTEMPTS: usize = 4;
        // Of a descriptor that is only a place (`PATH`) openat2 wants to hear nothing about reading.
        let reading = if access == OFlags::PATH { OFlags::empty() } else { OFlags::NONBLOCK | OFlags::NOCTTY };
        let flags = access | OFlags::CLOEXEC | reading;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let open = || rustix::fs::openat2(&self.0, path, flags, Mode::empty(), resolve);
        // AGAIN: something was renamed meanwhile, so that the kernel could not tell whether `..` leaves the root.
        let is_final = |result: &Result<OwnedFd, Errno>| !matches!(result, Err(Errno::AGAIN | Errno::INTR));
        (0..ATTEMPTS).map(|_| open()).find(is_final).unwrap_or(Err(Errno::AGAIN))
    }
}

fn opened(file: File, name: Name, metadata: &Metadata) -> Result<Opened, Status> {
    if !metadata.is_file() {
        return Err(Status::NotFound);
    }
    // A header cannot say a time before 1970.
    let modified = metadata.modified().ok().filter(|time| time.duration_since(SystemTime::UNIX_EPOCH).is_ok());
    Ok(Opened { file, name, size: metadata.len(), modified, seen: Seen::of(metadata) })
}

/// Whether something is there is not told to those who may not have it by any other word than that it is not.
fn status_of(error: Errno) -> Status {
    match error {
        Errno::ACCESS | Errno::PERM => Status::Forbidden,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN => Status::Unavailable,
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP | Errno::XDEV | Errno::NXIO | Errno::INVAL => {
            Status::NotFound
        }
        _ => Status::InternalError,
    }
}
