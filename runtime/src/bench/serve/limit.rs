//! The limit: the least that a server of files does for a response, in one thread.
//!
//! ```text
//!   epoll -> recv -> the path out of the request line -> file kept open? -> send(header, more to come) -> sendfile
//! ```
//!
//! It takes a request as it comes from a client that it trusts: no header field but `Connection: close` is looked at, no limit is kept,
//! no request is sent before the response to the last one is in. What it answers is right nevertheless: whole, with its length, and
//! 404 for what is not there. Another server that is as fast as this one spends nothing on being a server.
//!
//! Sockets are watched edge by edge, so that a response that goes out at once costs a `recv`, a `send`, a `sendfile` and its
//! share of an `epoll_wait`: a read that did not fill its space has emptied the socket, and is not tried again.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, event::Event};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LISTENER: Token = Token(usize::MAX);
const SPACE: usize = 16 << 10;
const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/// The server, which listens.
pub(crate) struct Limit {
    poll: Poll,
    listener: TcpListener,
    files: Files,
    /// By the number of their descriptor.
    connections: Vec<Option<Connection>>,
    space: Vec<u8>,
    answered: u64,
}

impl Limit {
    /// Listens at a free port of this machine.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let files = Files { root: root.to_owned(), open: HashMap::new() };
        Ok(Self { poll, listener, files, connections: Vec::new(), space: vec![0; SPACE], answered: 0 })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is told to stop; how many requests it has answered.
    pub(crate) fn run(mut self, stop: &AtomicBool) -> io::Result<u64> {
        let mut events = Events::with_capacity(1024);
        while !stop.load(Ordering::Relaxed) {
            match self.poll.poll(&mut events, Some(Duration::from_millis(100))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                if event.token() == LISTENER { self.accept()? } else { self.turn(event) }
            }
        }
        Ok(self.answered)
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut socket, _)) => {
                    let key = usize::try_from(socket.as_raw_fd()).expect("an open descriptor is not negative");
                    socket.set_nodelay(true)?;
                    self.poll.registry().register(&mut socket, Token(key), Interest::READABLE | Interest::WRITABLE)?;
                    self.connections.resize_with(self.connections.len().max(key + 1), || None);
                    self.connections[key] = Some(Connection::new(socket));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // It was gone before it was taken.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A connection goes on as far as it can; one that is over is closed.
    fn turn(&mut self, event: &Event) {
        let Some(slot) = self.connections.get_mut(event.token().0) else { return };
        let Some(connection) = slot else { return };
        connection.readable |= event.is_readable();
        connection.hung_up |= event.is_read_closed() || event.is_error();
        if !connection.go_on(&mut self.files, &mut self.space, &mut self.answered) {
            *slot = None;
        }
    }
}

/// One client's connection.
struct Connection {
    socket: TcpStream,
    /// A request that has not come in completely.
    input: Vec<u8>,
    sending: Option<Sending>,
    /// Whether there may be something to read.
    readable: bool,
    /// Whether the client sends no more.
    hung_up: bool,
}

impl Connection {
    fn new(socket: TcpStream) -> Self {
        Self { socket, input: Vec::new(), sending: None, readable: false, hung_up: false }
    }

    /// Whether the connection lives on.
    fn go_on(&mut self, files: &mut Files, space: &mut [u8], answered: &mut u64) -> bool {
        loop {
            if let Some(sending) = &mut self.sending {
                match sending.advance(&self.socket) {
                    Ok(()) => *answered += 1,
                    Err(Errno::AGAIN) => return true,
                    Err(_) => return false,
                }
                if sending.close {
                    return false;
                }
                self.sending = None;
            }
            if !self.readable {
                return true;
            }
            match self.read(space) {
                Ok(0) => return false,
                Ok(_) if self.input.ends_with(b"\r\n\r\n") => self.sending = Some(files.answer_to(&self.input)),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.readable = false,
                Err(_) => return false,
            }
            if self.sending.is_some() {
                self.input.clear();
            }
        }
    }

    fn read(&mut self, space: &mut [u8]) -> Result<usize, Errno> {
        let (count, _) = rustix::net::recv(&self.socket, &mut *space, RecvFlags::empty())?;
        self.readable = count == space.len() || self.hung_up;
        self.input.extend_from_slice(&space[..count]);
        Ok(count)
    }
}

/// A response on its way.
struct Sending {
    header: Rc<str>,
    header_sent: usize,
    body: Option<Rc<File>>,
    sent: u64,
    bytes: u64,
    close: bool,
}

impl Sending {
    /// Sends as much as the socket takes; `Ok` when all is out.
    fn advance(&mut self, socket: &TcpStream) -> Result<(), Errno> {
        let more = if self.bytes > 0 { SendFlags::MORE } else { SendFlags::empty() };
        while self.header_sent < self.header.len() {
            let rest = &self.header.as_bytes()[self.header_sent..];
            self.header_sent += rustix::net::send(socket, rest, SendFlags::NOSIGNAL | more)?;
        }
        while let Some(file) = self.body.as_ref().filter(|_| self.sent < self.bytes) {
            let left = usize::try_from(self.bytes - self.sent).unwrap_or(usize::MAX);
            if rustix::fs::sendfile(socket, file, Some(&mut self.sent), left)? == 0 {
                // The file has become shorter than its header says.
                return Err(Errno::IO);
            }
        }
        Ok(())
    }
}

/// A file that is kept open, and the header of its responses.
struct Kept {
    file: Rc<File>,
    header: Rc<str>,
    bytes: u64,
}

/// The folder, and the files in it that are kept open, by the path in the request.
struct Files {
    root: PathBuf,
    open: HashMap<Vec<u8>, Kept>,
}

impl Files {
    /// When so many are open all are closed, and it begins anew.
    const OPEN_MAX: usize = 15_000;

    fn answer_to(&mut self, request: &[u8]) -> Sending {
        let close = request.windows(CLOSE.len()).any(|window| window == CLOSE);
        let (header_sent, sent) = (0, 0);
        match self.find(path_in(request)) {
            Some(kept) => {
                let (header, body, bytes) = (kept.header.clone(), Some(kept.file.clone()), kept.bytes);
                Sending { header, header_sent, body, sent, bytes, close }
            }
            None => Sending { header: NOT_FOUND.into(), header_sent, body: None, sent, bytes: 0, close },
        }
    }

    fn find(&mut self, path: &[u8]) -> Option<&Kept> {
        if !self.open.contains_key(path) {
            let kept = self.open_file(path)?;
            if self.open.len() == Self::OPEN_MAX {
                self.open.clear();
            }
            self.open.insert(path.to_vec(), kept);
        }
        self.open.get(path)
    }

    fn open_file(&self, path: &[u8]) -> Option<Kept> {
        let path = Path::new(std::str::from_utf8(path).ok()?);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let file = File::open(self.root.join(path)).ok()?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let bytes = metadata.len();
        let header = format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n").into();
        Some(Kept { file: Rc::new(file), header, bytes })
    }
}

const CLOSE: &[u8] = b"\r\nConnection: close\r\n";

/// What stands between the first slash and the next space.
fn path_in(request: &[u8]) -> &[u8] {
    let path = request.strip_prefix(b"GET /").unwrap_or_default();
    &path[..path.iter().position(|byte| *byte == b' ').unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_and_none_leads_out() {
        assert_eq!(path_in(b"GET /a/b.bin HTTP/1.1\r\n\r\n"), b"a/b.bin");
        assert_eq!(path_in(b"PUT /a HTTP/1.1\r\n\r\n"), b"");
        assert_eq!(path_in(b"GET /a"), b"");
        let outer = tempfile::tempdir().expect("a folder");
        let root = outer.path().join("root");
        std::fs::create_dir(&root).expect("a folder");
        std::fs::write(outer.path().join("out"), "secret").expect("a file");
        std::fs::write(root.join("in"), "hello").expect("a file");
        let mut files = Files { root, open: HashMap::new() };
        assert_eq!(files.find(b"in").map(|kept| kept.bytes), Some(5));
        for path in [&b"../out"[..], b"/etc/passwd", b"", b"a\xff"] {
            assert!(files.find(path).is_none(), "{path:?}");
        }
    }
}
