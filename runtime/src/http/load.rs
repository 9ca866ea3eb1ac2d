//! `http/load`, in two versions: `1` reads the whole file, `nio` only opens it, or has it open.
//!
//! ```text
//!   load@1    request -> open, read        -> Loaded(bytes)   holds its thread for as long as the disk takes
//!   load@nio  request -> open, ask for size -> Loaded(file)   the bytes never come into this process
//! ```
//!
//! A refused request passes through, and becomes a response without content in `compose`. Neither version remembers
//! anything between firings, but for the files that `nio` keeps open if it is told to ([`OpenFiles`]); they are closed, not handed on,
//! when its version changes. Not done: ranges, preconditions, precompressed variants.

use super::message::{Body, Content, Exchange, Stage};
use super::open_files::OpenFiles;
use super::root::{Opened, Root};
use super::status::Status;
use crate::function::{BuildError, Context, Function, Properties};
use crate::packet::{Packet, State};
use neurath_model::id::PortIndex;
use std::io::Read;

const OUT: PortIndex = PortIndex(0);

/// The function of both versions of `http/load`.
pub(crate) struct Loader {
    root: Root,
    take: Take,
}

/// How a file becomes content.
enum Take {
    Whole,
    Open(OpenFiles),
}

impl Loader {
    /// The function of `http/load@1`.
    pub(crate) fn blocking(properties: &Properties) -> Result<Self, BuildError> {
        Ok(Self { root: Root::open(properties.text("ROOT"))?, take: Take::Whole })
    }

    /// The function of `http/load@nio`.
    pub(crate) fn nio(properties: &Properties) -> Result<Self, BuildError> {
        Ok(Self { root: Root::open(properties.text("ROOT"))?, take: Take::Open(OpenFiles::new(properties)) })
    }

    fn load(&mut self, exchange: &Exchange) -> Result<Content, Status> {
        exchange.request()?;
        let header_only = exchange.terms.header_only;
        match &mut self.take {
            Take::Open(files) => files.find(&self.root, exchange.asked(), header_only),
            Take::Whole => {
                let opened = self.root.find(exchange.path())?;
                if header_only { Ok(header_of(&opened)) } else { read_whole(opened) }
            }
        }
    }
}

impl Function for Loader {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let mut exchange: Box<Exchange> = packet.take_boxed();
        exchange.met.load = Some(cx.version());
        exchange.stage = Stage::Loaded(self.load(&exchange));
        cx.emit(OUT, Packet::boxed(exchange));
    }

    /// The folder was opened once, as a check, before the update was committed. Should it have gone since, the one before
    /// stays in service.
    fn configure(&mut self, properties: &Properties) {
        if let Ok(root) = Root::open(properties.text("ROOT")) {
            self.root = root;
        }
        if let Take::Open(files) = &mut self.take {
            *files = OpenFiles::new(properties);
        }
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}

/// Nothing was read, so there is nothing that anybody could keep.
fn header_of(opened: &Opened) -> Content {
    let Opened { is_index, size, modified, .. } = *opened;
    Content { is_index, size, modified, seen: None, fields: None, body: Body::NOTHING }
}

/// As many bytes as there are now, at most as many as there were when it was opened.
fn read_whole(Opened { file, is_index, size, modified, seen }: Opened) -> Result<Content, Status> {
    let capacity = usize::try_from(size).map_err(|_| Status::InternalError)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(capacity).map_err(|_| Status::Unavailable)?;
    (&file).take(size).read_to_end(&mut bytes).map_err(|_| Status::InternalError)?;
    let seen = seen.and_then(|seen| seen.if_still(&file));
    let (size, body) = (bytes.len() as u64, Body::Bytes(bytes.into()));
    Ok(Content { is_index, size, modified, seen, fields: None, body })
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
            let opened = root.find("a.txt".as_ref()).expect("it is there");
            between();
            let content = read_whole(opened).expect("it can be read");
            (content.size, content.seen.is_some())
        };
        assert_eq!(read(&|| ()), (10, true));
        assert_eq!(read(&|| std::fs::write(&path, "9876543210").expect("ours")), (10, false));
        assert_eq!(read(&|| std::fs::write(&path, "01234").expect("ours")), (5, false));
    }
}
