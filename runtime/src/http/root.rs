//! The folder that is served, and how files below it are opened.
//!
//! The folder is opened once; every file is opened relative to it with `openat2` and `RESOLVE_BENEATH`, so the kernel
//! itself refuses to leave it, whatever links are made inside while we look. A check of the path beforehand could not
//! promise that.
//!
//! Only regular files are served. A directory stands for the `index.html` in it.

use super::status::Status;
use crate::function::BuildError;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
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
    /// Below the root.
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
}

impl Root {
    /// Opens the folder, and makes sure that files below it can be opened safely.
    pub(crate) fn open(path: &str) -> Result<Self, BuildError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map(Self)
            .map_err(|error| BuildError(format!("cannot open the folder `{path}`: {error}")))?;
        match root.open_beneath(Path::new(".")) {
            Err(Errno::NOSYS) => {
                Err(BuildError("this kernel lacks openat2 (Linux 5.6), which keeps requests inside the root".into()))
            }
            Ok(_) | Err(_) => Ok(root),
        }
    }

    /// Opens what a request asks for.
    pub(crate) fn find(&self, path: PathBuf) -> Result<Opened, Status> {
        let (file, metadata) = self.stat(&path)?;
        if !metadata.is_dir() {
            return opened(file, path, &metadata);
        }
        let index = path.join(INDEX);
        let (file, metadata) = self.stat(&index)?;
        opened(file, index, &metadata)
    }

    fn stat(&self, path: &Path) -> Result<(File, Metadata), Status> {
        let file = File::from(self.open_beneath(path).map_err(status_of)?);
        let metadata = file.metadata().map_err(|_| Status::InternalError)?;
        Ok((file, metadata))
    }

    /// `NONBLOCK`: opening a pipe must not wait for its writer.
    fn open_beneath(&self, path: &Path) -> Result<OwnedFd, Errno> {
        const ATTEMPTS: usize = 4;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let open = || rustix::fs::openat2(&self.0, path, flags, Mode::empty(), resolve);
        // AGAIN: something was renamed meanwhile, so that the kernel could not tell whether `..` leaves the root.
        let is_final = |result: &Result<OwnedFd, Errno>| !matches!(result, Err(Errno::AGAIN | Errno::INTR));
        (0..ATTEMPTS).map(|_| open()).find(is_final).unwrap_or(Err(Errno::AGAIN))
    }
}

fn opened(file: File, path: PathBuf, metadata: &Metadata) -> Result<Opened, Status> {
    if !metadata.is_file() {
        return Err(Status::NotFound);
    }
    // A header cannot say a time before 1970.
    let modified = metadata.modified().ok().filter(|time| time.duration_since(SystemTime::UNIX_EPOCH).is_ok());
    Ok(Opened { file, path, size: metadata.len(), modified })
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
