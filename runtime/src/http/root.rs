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
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::borrow::Cow;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What stands for a directory.
pub(crate) const INDEX: &str = "index.html";

/// The folder that is served.
#[derive(Debug)]
pub(crate) struct Root(OwnedFd);

/// A regular file, open for reading.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    /// Whether what was asked for is a directory, of whose index this is.
    pub(crate) is_index: bool,
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
    pub(crate) seen: Option<Seen>,
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
    pub(crate) fn find(&self, asked: &Path) -> Result<Opened, Status> {
        let (file, stat) = self.open_for_reading(asked)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return opened(file, false, &stat);
        }
        let (file, stat) = self.open_for_reading(&asked.join(INDEX))?;
        opened(file, true, &stat)
    }

    /// The state that a file is in now, if it is there: what [`find`](Self::find) would find of that name, which was a directory
    /// then, or was not. Whether it may be read is not looked at; a change of that is a change of the stamp.
    pub(crate) fn stamp(&self, asked: &Path, is_index: bool) -> Option<Stamp> {
        let path = if is_index { asked.join(INDEX).into() } else { Cow::from(asked) };
        Stamp::of(self.open_beneath(&path, OFlags::PATH).ok()?)
    }

    fn open_for_reading(&self, path: &Path) -> Result<(File, Stat), Status> {
        let file = File::from(self.open_beneath(path, OFlags::RDONLY).map_err(status_of)?);
        let stat = rustix::fs::fstat(&file).map_err(|_| Status::InternalError)?;
        Ok((file, stat))
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

fn opened(file: File, is_index: bool, stat: &Stat) -> Result<Opened, Status> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Status::NotFound);
    }
    // A header cannot say a time before 1970.
    let since = u64::try_from(stat.st_mtime).ok().map(|seconds| Duration::new(seconds, stat.st_mtime_nsec as u32));
    let modified = since.map(|since| SystemTime::UNIX_EPOCH + since);
    Ok(Opened { file, is_index, size: stat.st_size as u64, modified, seen: Seen::of_stat(stat) })
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
