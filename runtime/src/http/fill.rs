//! `http/fill`: joins what was found in a cache with what was loaded, and tells the cache what to keep.
//!
//! ```text
//!   cache MISS -> load -> MISS ─┐          ┌─ OUT  -> compose
//!                               ├─ fill ───┤
//!   cache HIT ----------> HIT ──┘          └─ FILL -> cache    (feedback)
//! ```
//!
//! Every firing emits on both outputs, so that the flow is the same for each request; `FILL` mostly says that there is
//! nothing to keep: of a hit, a refusal, a `HEAD`, a file that is too large.
//!
//! A file that was only opened is read here, if it is small enough, and then sent from memory: the bytes are there, and
//! header and body leave in one call. Its descriptor is read without moving its position. Whatever is kept was read from
//! the file while that did not change: the stamp that it had when it was opened, and still has when it was read, is kept with
//! it (see [`stamp`](super::stamp)). A file that changes meanwhile is sent as without a cache, and not kept.

use super::cache::Entry;
use super::message::{Body, Content, Fill, Loaded};
use super::stamp::Seen;
use crate::function::{Context, Function, Properties};
use crate::packet::{Packet, State};
use bytes::Bytes;
use neurath_model::id::PortIndex;
use std::ffi::OsString;

const MISS: PortIndex = PortIndex(0);
const OUT: PortIndex = PortIndex(0);
const FILL: PortIndex = PortIndex(1);

/// The function of `http/fill@1`.
pub(crate) struct Filler {
    entry_bytes_max: u64,
}

impl Filler {
    /// Remembers nothing but its limit.
    pub(crate) fn new(properties: &Properties) -> Self {
        let mut filler = Self { entry_bytes_max: 0 };
        filler.configure(properties);
        filler
    }

    /// What is worth keeping of what was loaded.
    fn keep(&self, content: &mut Content) -> Option<(OsString, Entry)> {
        let seen = content.seen.filter(|_| content.size <= self.entry_bytes_max)?;
        let (bytes, seen) = read(&content.body, seen)?;
        content.body = Body::Bytes(bytes.clone());
        let entry = Entry::new(bytes, content.name.is_index, content.modified, seen);
        Some((content.name.asked.clone().into_os_string(), entry))
    }
}

impl Function for Filler {
    fn fire(&mut self, port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let mut loaded: Loaded = packet.take();
        loaded.met.fill = Some(cx.version());
        let kept = match &mut loaded.content {
            Ok(content) if port == MISS => self.keep(content),
            Ok(_) | Err(_) => None,
        };
        cx.emit(OUT, Packet::new(loaded));
        cx.emit(FILL, Packet::new(Fill(kept)));
    }

    fn configure(&mut self, properties: &Properties) {
        self.entry_bytes_max = properties.integer("ENTRY_BYTES_MAX");
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}

/// The whole body in memory, if it is certain of which state of the file it is. Who has read it into memory before has seen
/// to that.
fn read(body: &Body, seen: Seen) -> Option<(Bytes, Seen)> {
    match body {
        Body::Bytes(bytes) => Some((bytes.clone(), seen)),
        Body::File { file, .. } => {
            let bytes = body.bytes()?;
            Some((bytes, seen.if_still(&file.metadata().ok()?)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::root::{Opened, Root};
    use crate::http::testing::client::settle;
    use std::io::{Read, Write};
    use std::path::Path;

    const FILLER: Filler = Filler { entry_bytes_max: 10 };

    /// What `load@nio` gives for a file of that content.
    fn opened(folder: &Path, text: &str) -> Content {
        let path = folder.join("a.txt");
        std::fs::write(&path, text).expect("a file");
        settle(&path);
        let root = Root::open(folder.to_str().expect("a plain name")).expect("a folder");
        let Opened { file, name, size, modified, seen } = root.find("a.txt".into()).expect("it is there");
        Content { name, size, modified, seen, body: Body::File { file, offset: 0, remaining: size } }
    }

    #[test]
    fn a_small_file_is_read_once_for_the_cache_and_the_client() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut content = opened(folder.path(), "0123456789");
        let Body::File { file, .. } = &content.body else { panic!("it is a file") };
        let mut same = file.try_clone().expect("descriptors enough");
        let (asked, entry) = FILLER.keep(&mut content).expect("small enough");
        assert_eq!((asked.to_str(), &entry.bytes[..], entry.is_index), (Some("a.txt"), &b"0123456789"[..], false));
        let sent = content.body.bytes().expect("in memory");
        assert_eq!(sent.as_ptr(), entry.bytes.as_ptr(), "shared, not copied");
        let mut rest = String::new();
        same.read_to_string(&mut rest).expect("open");
        assert_eq!(rest, "0123456789", "the position that both descriptors have was not moved");
    }

    #[test]
    fn what_changed_since_it_was_opened_is_sent_and_not_kept() {
        type Change<'a> = (&'a str, &'a dyn Fn(&Path));
        let rewrite = |path: &Path| {
            std::fs::File::options()
                .write(true)
                .open(path)
                .and_then(|mut file| file.write_all(b"9876543210"))
                .expect("ours");
        };
        let shrink = |path: &Path| {
            std::fs::File::options().write(true).open(path).and_then(|file| file.set_len(3)).expect("ours");
        };
        let changes: [Change<'_>; 2] = [("rewritten, as long as before", &rewrite), ("cut", &shrink)];
        for (what, change) in changes {
            let folder = tempfile::tempdir().expect("a folder");
            let mut content = opened(folder.path(), "0123456789");
            change(&folder.path().join("a.txt"));
            assert!(FILLER.keep(&mut content).is_none(), "{what}");
            assert!(matches!(content.body, Body::File { offset: 0, remaining: 10, .. }), "{what}");
        }
    }

    #[test]
    fn what_is_too_large_or_of_no_certain_state_is_not_even_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let large = opened(folder.path(), "0123456789+");
        let uncertain = Content { seen: None, ..opened(folder.path(), "0123456789") };
        for mut content in [large, uncertain] {
            assert!(FILLER.keep(&mut content).is_none());
            assert!(matches!(content.body, Body::File { .. }));
        }
    }
}
