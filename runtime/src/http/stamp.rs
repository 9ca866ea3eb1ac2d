//! What tells one state of a file from another, without reading it.
//!
//! ```text
//!   device, inode    another file was put in its place
//!   size, modified   it was written to
//!   changed          it was written to and its time set back, or who may read it was changed
//! ```
//!
//! Before Linux 6.13 the kernel takes these times from a clock that ticks every few milliseconds, so two changes within one
//! tick look the same. A stamp therefore counts only once that clock has moved on since the last change; whatever changes the
//! file after that gets another time. (git knows such files as racily clean.)
//!
//! Not seen: a change within the same second on a file system that keeps no smaller part of it, and what is written
//! through a memory map before the kernel takes note of it.

use rustix::fs::Stat;
use rustix::time::{ClockId, clock_gettime};
use std::os::fd::AsFd;
use std::time::Instant;

/// A state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A stamp, and when it was looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) stamp: Stamp,
    pub(crate) at: Instant,
}

impl Stamp {
    /// The state that a file is in, which need not be open for reading; `None` if even that cannot be told.
    pub(crate) fn of(file: impl AsFd) -> Option<Self> {
        Some(Self::of_stat(&rustix::fs::fstat(file).ok()?))
    }

    fn of_stat(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size as u64,
            modified: (stat.st_mtime, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime, stat.st_ctime_nsec as i64),
        }
    }

    /// Whether every change from now on gives another stamp.
    fn is_settled(self) -> bool {
        let now = clock_gettime(ClockId::RealtimeCoarse);
        (now.tv_sec, now.tv_nsec) > self.changed
    }
}

impl Seen {
    /// The state that an open file is in, before any of it is read. `None` where a change while it is read, or after,
    /// could not be told from it.
    pub(crate) fn of_stat(stat: &Stat) -> Option<Self> {
        let seen = Self { at: Instant::now(), stamp: Stamp::of_stat(stat) };
        seen.stamp.is_settled().then_some(seen)
    }

    /// The same, if the file is still in that state: then what was read meanwhile is of it.
    pub(crate) fn if_still(self, file: impl AsFd) -> Option<Self> {
        (Stamp::of(file) == Some(self.stamp)).then_some(self)
    }

    /// The state that the file of that name is in.
    #[cfg(test)]
    pub(crate) fn of(path: &std::path::Path) -> Option<Self> {
        Self::of_stat(&rustix::fs::stat(path).expect("it is there"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::client::settle;
    use std::fs::{File, FileTimes, Permissions};
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn stamp(path: &Path) -> Stamp {
        Stamp::of_stat(&rustix::fs::stat(path).expect("it is there"))
    }

    #[test]
    fn every_change_that_matters_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let other = folder.path().join("b");
        std::fs::write(&path, "one").expect("a file");
        let time = path.metadata().expect("there").modified().expect("a time");
        type Change<'a> = (&'a str, &'a dyn Fn());
        let changes: &[Change<'_>] = &[
            ("written to, size and time as before", &|| {
                let mut file = File::options().write(true).open(&path).expect("it is ours");
                file.write_all(b"two").expect("room");
                file.set_times(FileTimes::new().set_modified(time)).expect("it is ours");
            }),
            ("nobody may read it", &|| {
                std::fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("it is ours");
            }),
            ("another one in its place", &|| {
                std::fs::write(&other, "two").expect("a file");
                std::fs::rename(&other, &path).expect("it is ours");
            }),
        ];
        for (what, change) in changes {
            let before = stamp(&path);
            settle(&path);
            assert_eq!(stamp(&path), before, "looking changes nothing");
            change();
            assert_ne!(stamp(&path), before, "{what}");
        }
    }

    #[test]
    fn what_was_changed_just_now_is_not_relied_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, "one").expect("a file");
        settle(&path);
        assert!(Seen::of(&path).is_some());
        // A clock that is behind the file's time stands for one that has not moved on.
        let ahead = Stamp { changed: (i64::MAX, 0), ..stamp(&path) };
        assert!(!ahead.is_settled());
    }
}
