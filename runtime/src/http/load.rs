//! `http/load`, in two versions: `1` reads the whole file, `nio` only opens it.
//!
//! ```text
//!   load@1    request -> open, read        -> Loaded(bytes)   holds its thread for as long as the disk takes
//!   load@nio  request -> open, ask for size -> Loaded(file)   the bytes never come into this process
//! ```
//!
//! A refused request passes through, and becomes a response without content in `compose`. Neither version remembers
//! anything between firings. Not done: ranges, preconditions, precompressed variants.

use super::message::{Asked, Body, Content, Loaded, Request};
use super::root::{Opened, Root};
use super::status::Status;
use crate::function::{BuildError, Context, Function, Properties};
use crate::packet::{Packet, State};
use neurath_model::id::PortIndex;
use std::io::Read;

const OUT: PortIndex = PortIndex(0);

/// How an opened file becomes content.
type Take = fn(Opened) -> Result<Content, Status>;

/// The function of both versions of `http/load`.
pub(crate) struct Loader {
    root: Root,
    take: Take,
}

impl Loader {
    /// The function of `http/load@1`.
    pub(crate) fn blocking(properties: &Properties) -> Result<Self, BuildError> {
        Ok(Self { root: Root::open(properties.text("ROOT"))?, take: read_whole })
    }

    /// The function of `http/load@nio`.
    pub(crate) fn nio(properties: &Properties) -> Result<Self, BuildError> {
        Ok(Self { root: Root::open(properties.text("ROOT"))?, take: pass_on })
    }

    fn load(&self, asked: Asked) -> Result<Content, Status> {
        let opened = self.root.find(asked.file?)?;
        if asked.terms.header_only { Ok(header_of(opened)) } else { (self.take)(opened) }
    }
}

impl Function for Loader {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let Request { connection, mut met, asked } = packet.take();
        met.load = Some(cx.version());
        let terms = asked.terms;
        cx.emit(OUT, Packet::new(Loaded { connection, met, terms, content: self.load(asked) }));
    }

    /// The folder was opened once, as a check, before the update was committed. Should it have gone since, the one before
    /// stays in service.
    fn configure(&mut self, properties: &Properties) {
        if let Ok(root) = Root::open(properties.text("ROOT")) {
            self.root = root;
        }
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}

/// Nothing was read, so there is nothing that anybody could keep.
fn header_of(Opened { name, size, modified, .. }: Opened) -> Content {
    Content { name, size, modified, seen: None, body: Body::NOTHING }
}

/// As many bytes as there are now, at most as many as there were when it was opened.
fn read_whole(Opened { file, name, size, modified, seen }: Opened) -> Result<Content, Status> {
    let capacity = usize::try_from(size).map_err(|_| Status::InternalError)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(capacity).map_err(|_| Status::Unavailable)?;
    (&file).take(size).read_to_end(&mut bytes).map_err(|_| Status::InternalError)?;
    let seen = seen.and_then(|seen| seen.if_still(&file.metadata().ok()?));
    Ok(Content { name, size: bytes.len() as u64, modified, seen, body: Body::Bytes(bytes.into()) })
}

fn pass_on(Opened { file, name, size, modified, seen }: Opened) -> Result<Content, Status> {
    Ok(Content { name, size, modified, seen, body: Body::File { file, offset: 0, remaining: size } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::client::settle;

    #[test]
    fn what_changed_while_it_was_read_is_of_no_certain_state() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "0123456789").expect("a file");
        settle(&path);
        let root = Root::open(folder.path().to_str().expect("a plain name")).expect("a folder");
        let read = |between: &dyn Fn()| {
            let opened = root.find("a.txt".into()).expect("it is there");
            between();
            let content = read_whole(opened).expect("it can be read");
            (content.size, content.seen.is_some())
        };
        assert_eq!(read(&|| ()), (10, true));
        assert_eq!(read(&|| std::fs::write(&path, "9876543210").expect("ours")), (10, false));
        assert_eq!(read(&|| std::fs::write(&path, "01234").expect("ours")), (5, false));
    }
}
