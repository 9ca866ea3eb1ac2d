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
//! A file that was only opened is read here, if it is small, and then sent from memory: header and body leave in one call. Its
//! descriptor is read without moving its position. Of one that is not small the open file is kept, and sent by the kernel, which
//! does not copy it: `CONTENT_BYTES_MAX` says where that begins to be worth a second call. What was read anyway is kept as it is.
//!
//! Whatever is read here was read while the file did not change: the stamp that it had when it was opened, and still has when
//! it was read, is kept with it (see [`stamp`](super::stamp)). A file that changes meanwhile is sent as without a cache, and not kept.

use super::cache::{Entry, Kept};
use super::message::{Body, Content, Exchange, Fill, Stage};
use super::stamp::Seen;
use crate::function::{Context, Function, Properties};
use crate::packet::{Packet, State};
use neurath_model::id::PortIndex;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const MISS: PortIndex = PortIndex(0);
const OUT: PortIndex = PortIndex(0);
const FILL: PortIndex = PortIndex(1);

/// The function of `http/fill@1`.
pub(crate) struct Filler {
    entry_bytes_max: u64,
    content_bytes_max: u64,
}

impl Filler {
    /// Remembers nothing but its limits.
    pub(crate) fn new(properties: &Properties) -> Self {
        let mut filler = Self { entry_bytes_max: 0, content_bytes_max: 0 };
        filler.configure(properties);
        filler
    }

    fn keep_loaded(&self, exchange: &mut Exchange) -> Option<Box<(OsString, Entry)>> {
        let Exchange { path, stage: Stage::Loaded(Ok(content)), .. } = exchange else { return None };
        self.keep(Path::new(OsStr::from_bytes(path)), content)
    }

    /// What is worth keeping of what was loaded.
    fn keep(&self, asked: &Path, content: &mut Content) -> Option<Box<(OsString, Entry)>> {
        let seen = content.seen.filter(|_| content.size <= self.entry_bytes_max)?;
        let (kept, seen) = self.take(content, seen)?;
        if let Kept::Bytes(bytes) = &kept {
            content.body = Body::Bytes(bytes.clone());
        }
        Some(Box::new((asked.into(), Entry::new(asked, content, kept, seen))))
    }

    /// The whole body in memory, if it is certain of which state of the file it is; or else the file.
    fn take(&self, content: &Content, seen: Seen) -> Option<(Kept, Seen)> {
        match &content.body {
            // Who has read it has seen to that.
            Body::Bytes(bytes) => Some((Kept::Bytes(bytes.clone()), seen)),
            Body::File { file, .. } if content.size <= self.content_bytes_max => {
                let bytes = content.body.bytes()?;
                Some((Kept::Bytes(bytes), seen.if_still(file)?))
            }
            Body::File { file, .. } => Some((Kept::File(file.clone()), seen)),
        }
    }
}

impl Function for Filler {
    fn fire(&mut self, port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let mut exchange: Box<Exchange> = packet.take_boxed();
        exchange.met.fill = Some(cx.version());
        let kept = if port == MISS { self.keep_loaded(&mut exchange) } else { None };
        cx.emit(OUT, Packet::boxed(exchange));
        cx.emit(FILL, Packet::new(Fill(kept)));
    }

    fn configure(&mut self, properties: &Properties) {
        self.entry_bytes_max = properties.integer("ENTRY_BYTES_MAX");
        self.content_bytes_max = properties.integer("CONTENT_BYTES_MAX");
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::root::{Opened, Root};
    use crate::http::testing::client::settle;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::sync::Arc;

    const FILLER: Filler = Filler { entry_bytes_max: 20, content_bytes_max: 10 };

    fn keep(content: &mut Content) -> Option<Entry> {
        FILLER.keep(Path::new("a.txt"), content).map(|kept| kept.1)
    }

    /// What `load@nio` gives for a file of that content.
    fn opened(folder: &Path, text: &str) -> Content {
        let path = folder.join("a.txt");
        std::fs::write(&path, text).expect("a file");
        settle(&path);
        let root = Root::open(folder.to_str().expect("a plain name")).expect("a folder");
        let Opened { file, is_index, size, modified, seen } = root.find("a.txt".as_ref()).expect("it is there");
        let body = Body::File { file: file.into(), offset: 0, remaining: size };
        Content { is_index, size, modified, seen, fields: None, body }
    }

    fn file_of(content: &Content) -> Arc<File> {
        match &content.body {
            Body::File { file, .. } => file.clone(),
            Body::Bytes(_) => panic!("it is not read"),
        }
    }

    #[test]
    fn a_small_file_is_read_once_for_the_cache_and_the_client() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut content = opened(folder.path(), "0123456789");
        let mut same = file_of(&content).try_clone().expect("descriptors enough");
        let entry = keep(&mut content).expect("small enough");
        let Kept::Bytes(kept) = &entry.kept else { panic!("{entry:?}") };
        assert_eq!(&kept[..], b"0123456789");
        let sent = content.body.bytes().expect("in memory");
        assert_eq!(sent.as_ptr(), kept.as_ptr(), "shared, not copied");
        let mut rest = String::new();
        same.read_to_string(&mut rest).expect("open");
        assert_eq!(rest, "0123456789", "the position that both descriptors have was not moved");
    }

    #[test]
    fn a_larger_file_is_kept_open_and_what_was_read_is_kept_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut content = opened(folder.path(), "0123456789+");
        let file = file_of(&content);
        let entry = keep(&mut content).expect("not too large");
        let Kept::File(kept) = &entry.kept else { panic!("{entry:?}") };
        assert!(Arc::ptr_eq(kept, &file) && Arc::ptr_eq(&file_of(&content), &file), "the same descriptor");
        content.body = Body::Bytes("0123456789+".into());
        assert!(matches!(keep(&mut content).expect("not too large").kept, Kept::Bytes(_)));
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
            assert!(keep(&mut content).is_none(), "{what}");
            assert!(matches!(content.body, Body::File { offset: 0, remaining: 10, .. }), "{what}");
        }
    }

    #[test]
    fn what_is_too_large_or_of_no_certain_state_is_not_even_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let large = opened(folder.path(), "0123456789+0123456789");
        let uncertain = Content { seen: None, ..opened(folder.path(), "0123456789") };
        for mut content in [large, uncertain] {
            assert!(keep(&mut content).is_none());
            assert!(matches!(content.body, Body::File { .. }));
        }
    }
}
