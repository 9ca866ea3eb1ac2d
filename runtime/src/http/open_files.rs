//! The files that `load@nio` keeps open, if it is told to.
//!
//! To open a file, ask for its size, and close it again is a third of what a response costs the kernel. Of the files that were asked
//! for lately (`OPEN_FILES`, 0 without being told) the descriptor is kept, and given to as many responses as want it:
//!
//! ```text
//!   kept, looked up less than VALID_MS ago, nothing has happened to the file   -> the descriptor
//!   all else                                                                   -> opened anew, and kept if it is settled
//! ```
//!
//! Whether something has happened to it is asked with each use, if `LOOK_MS` does not say otherwise: see [`Entry`]. So what is written
//! to a file, or put in its place, is seen at once; a change of the folders and links on the way to it only after `VALID_MS`. What was
//! not found is not remembered.

use super::cache::{Belief, Entry, Kept, open_files};
use super::message::{Body, Content};
use super::root::{Opened, Root};
use super::status::Status;
use crate::function::Properties;
use lru::LruCache;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

/// The files that are kept open; the one that was used longest ago makes room.
pub(crate) struct OpenFiles {
    /// `None` where none are kept.
    entries: Option<LruCache<OsString, Entry>>,
    belief: Belief,
}

impl OpenFiles {
    /// None yet.
    pub(crate) fn new(properties: &Properties) -> Self {
        let count = NonZeroUsize::new(usize::try_from(open_files(properties)).unwrap_or(usize::MAX));
        // Not `new`, which takes memory for all of them at once.
        let entries = count.map(|count| {
            let mut entries = LruCache::unbounded();
            entries.resize(count);
            entries
        });
        Self { entries, belief: Belief::new(properties, "VALID_MS", "LOOK_MS") }
    }

    /// What is asked for: kept, or opened.
    pub(crate) fn find(&mut self, root: &Root, asked: &OsStr, header_only: bool) -> Result<Content, Status> {
        let Self { entries: Some(entries), belief } = self else {
            return Ok(content(root.find(Path::new(asked))?, header_only).0);
        };
        if let Some(entry) = entries.get(asked) {
            if entry.is_believed(*belief) {
                return Ok(entry.content(header_only));
            }
            // Closed before the next is opened, which may be the same.
            entries.pop(asked);
        }
        let opened = match root.find(Path::new(asked)) {
            // Descriptors may be used up: these are the ones to do without.
            Err(Status::Unavailable) if !entries.is_empty() => {
                entries.clear();
                root.find(Path::new(asked))
            }
            found => found,
        }?;
        let seen = opened.seen;
        let (content, file) = content(opened, header_only);
        if let Some(seen) = seen {
            entries.put(asked.to_owned(), Entry::new(Path::new(asked), &content, Kept::File(file), seen));
        }
        Ok(content)
    }
}

/// An opened file as content, and the file. Of a header alone nobody else can keep anything.
fn content(opened: Opened, header_only: bool) -> (Content, Arc<File>) {
    let Opened { file, is_index, size, modified, seen } = opened;
    let file = Arc::new(file);
    let (seen, body) = if header_only {
        (None, Body::NOTHING)
    } else {
        (seen, Body::File { file: file.clone(), offset: 0, remaining: size })
    };
    (Content { is_index, size, modified, seen, fields: None, body }, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::client::settle;
    use std::fs;
    use std::sync::Weak;
    use tempfile::TempDir;

    struct Folder(TempDir, Root);

    impl Folder {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let root = Root::open(folder.path().to_str().expect("a plain name")).expect("a folder");
            Self(folder, root)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.path().join(name);
            fs::write(&path, text).expect("a file");
            settle(&path);
        }

        /// What is sent of it, and the file it is sent from.
        fn ask(&self, files: &mut OpenFiles, name: &str) -> Result<(String, Arc<File>), Status> {
            let content = files.find(&self.1, name.as_ref(), false)?;
            let bytes = content.body.bytes().expect("as long as it says");
            let Body::File { file, .. } = content.body else { panic!("it was not read") };
            assert_eq!(content.size, bytes.len() as u64);
            Ok((String::from_utf8(bytes.to_vec()).expect("text"), file))
        }
    }

    fn files(count: u64, valid_ms: u64) -> OpenFiles {
        files_with(count, valid_ms, 0)
    }

    fn files_with(count: u64, valid_ms: u64, look_ms: u64) -> OpenFiles {
        let values = [("OPEN_FILES", count), ("VALID_MS", valid_ms), ("LOOK_MS", look_ms)];
        OpenFiles::new(&Properties::new(values.map(|(name, value)| (name.to_owned(), value.into())).into()))
    }

    #[test]
    fn what_happens_to_a_file_is_seen_later_if_it_may_be_and_never_lied_about() {
        let folder = Folder::new();
        folder.write("a", "one");
        let mut files = files_with(9, 1 << 40, 1 << 40);
        let (_, first) = folder.ask(&mut files, "a").expect("there");
        folder.write("a", "longer");
        let (text, second) = folder.ask(&mut files, "a").expect("there");
        assert!(Arc::ptr_eq(&first, &second) && text == "lon", "as long as the header says");
        folder.write("a", "s");
        let content = files.find(&folder.1, "a".as_ref(), false).expect("there");
        assert!(content.size == 3 && content.body.bytes().is_none(), "it is known to be too short");
    }

    #[test]
    fn a_file_is_opened_once_if_it_is_to_be_kept() {
        let folder = Folder::new();
        folder.write("a", "one");
        for (count, is_kept) in [(1, true), (0, false)] {
            let mut files = files(count, 1 << 40);
            let [first, second] = [(); 2].map(|()| folder.ask(&mut files, "a").expect("there"));
            assert_eq!((first.0.as_str(), second.0.as_str()), ("one", "one"));
            assert_eq!(Arc::ptr_eq(&first.1, &second.1), is_kept);
            let head = files.find(&folder.1, "a".as_ref(), true).expect("there");
            assert_eq!((head.size, head.body.remaining(), head.fields.is_some()), (3, 0, is_kept));
        }
        let mut files = files(1, 1 << 40);
        assert_eq!(folder.ask(&mut files, "a").expect("there").0, "one");
        assert_eq!(folder.ask(&mut files, "a/").err(), Some(Status::NotFound), "to the byte");
    }

    #[test]
    fn what_happens_to_a_file_is_seen_at_once() {
        let folder = Folder::new();
        let path = folder.0.path().join("a");
        let mut files = files(9, 1 << 40);
        type Change<'a> = (&'a dyn Fn(), Option<&'a str>);
        let changes: [Change<'_>; 9] = [
            (&|| folder.write("a", "one"), Some("one")),
            (&|| folder.write("a", "two"), Some("two")),
            (&|| folder.write("a", "longer"), Some("longer")),
            (&|| folder.write("a", "s"), Some("s")),
            (
                &|| {
                    folder.write("b", "t");
                    fs::rename(folder.0.path().join("b"), &path).expect("ours");
                },
                Some("t"),
            ),
            (&|| fs::remove_file(&path).expect("ours"), None),
            (&|| folder.write("a", "back"), Some("back")),
            (&|| fs::rename(&path, folder.0.path().join("b")).expect("ours"), None),
            (&|| fs::rename(folder.0.path().join("b"), &path).expect("ours"), Some("back")),
        ];
        for (change, expected) in changes {
            change();
            for _ in 0..2 {
                let found = folder.ask(&mut files, "a").map(|(text, _)| text);
                assert_eq!(found, expected.map(str::to_owned).ok_or(Status::NotFound));
            }
        }
    }

    #[test]
    fn what_happens_on_the_way_to_a_file_is_seen_when_its_name_is_looked_up_again() {
        for (valid_ms, expected) in [(0, "new"), (1 << 40, "old")] {
            let folder = Folder::new();
            let link = folder.0.path().join("current");
            for release in ["old", "new"] {
                fs::create_dir(folder.0.path().join(release)).expect("a folder");
                folder.write(&format!("{release}/a"), release);
            }
            std::os::unix::fs::symlink("old", &link).expect("a link");
            let mut files = files(9, valid_ms);
            assert_eq!(folder.ask(&mut files, "current/a").expect("there").0, "old");
            fs::remove_file(&link).expect("ours");
            std::os::unix::fs::symlink("new", &link).expect("a link");
            assert_eq!(folder.ask(&mut files, "current/a").expect("there").0, expected, "{valid_ms}");
        }
    }

    #[test]
    fn those_used_longest_ago_are_closed() {
        let folder = Folder::new();
        let names: Vec<String> = (0..9).map(|i| format!("f{i}")).collect();
        names.iter().for_each(|name| folder.write(name, name));
        let mut files = files(3, 1 << 40);
        let mut ask = |name: &str| Arc::downgrade(&folder.ask(&mut files, name).expect("there").1);
        let first = ask("f0");
        let others: Vec<Weak<File>> = names[1..]
            .iter()
            .map(|name| {
                let other = ask(name);
                ask("f0");
                other
            })
            .collect();
        let is_open = |file: &Weak<File>| file.upgrade().is_some();
        assert!(is_open(&first), "used in between");
        assert_eq!(others.iter().map(is_open).collect::<Vec<_>>(), [[false; 6].as_slice(), &[true; 2]].concat());
    }

    /// Runs in a process of its own, because the limit holds for all of it.
    #[test]
    fn those_that_are_kept_make_room_when_descriptors_are_used_up() {
        const CHILD: &str = "NEURATH_TEST_WITH_NO_MORE_DESCRIPTORS";
        if std::env::var_os(CHILD).is_some() {
            return with_no_more_descriptors();
        }
        let name = "http::open_files::tests::those_that_are_kept_make_room_when_descriptors_are_used_up";
        let this = std::env::current_exe().expect("a test runs from a file");
        let child = std::process::Command::new(this).args(["--exact", name]).env(CHILD, "1").output();
        let child = child.expect("it starts");
        let output = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && output.contains("1 passed"), "{output}");
    }

    fn with_no_more_descriptors() {
        let folder = Folder::new();
        ["a", "b", "c"].iter().for_each(|name| folder.write(name, name));
        let mut files = files(2, 1 << 40);
        let kept = folder.ask(&mut files, "a").map(|(_, file)| Arc::downgrade(&file)).expect("there");
        let last = folder.ask(&mut files, "b").expect("there").1;
        let limit = rustix::process::Resource::Nofile;
        let used = std::os::fd::AsRawFd::as_raw_fd(&*last) as u64 + 1;
        let none = rustix::process::Rlimit { current: Some(used), ..rustix::process::getrlimit(limit) };
        rustix::process::setrlimit(limit, none).expect("a limit can be lowered");
        assert_eq!(folder.ask(&mut files, "c").expect("there").0, "c");
        assert!(kept.upgrade().is_none());
        assert_eq!(folder.ask(&mut OpenFiles::new(&Properties::default()), "a").err(), Some(Status::Unavailable));
    }
}
