//! The clients of tests, and the folders they are served from.
//!
//! ```text
//!   Turns     same thread as the server: sends, lets the server take a turn, reads what came
//!   Client    thread of its own: sends and waits, as clients do
//! ```

use super::Server;
use crate::http::stamp::Seen;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A client that takes turns with the server, on one thread.
pub(crate) struct Turns {
    stream: TcpStream,
    pub(crate) received: Vec<u8>,
    pub(crate) ended: bool,
}

impl Turns {
    /// Connects, and lets the server notice.
    pub(crate) fn connect(server: &mut Server) -> Self {
        let client = Self::connect_only(server);
        server.turn();
        client
    }

    pub(crate) fn connect_only(server: &Server) -> Self {
        Self::connect_to(server.address())
    }

    pub(crate) fn connect_to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the kernel takes the connection");
        stream.set_nonblocking(true).expect("a socket can be non-blocking");
        stream.set_nodelay(true).expect("a socket can be undelayed");
        Self { stream, received: Vec::new(), ended: false }
    }

    /// Sends, and lets the server do what it can.
    pub(crate) fn send(&mut self, server: &mut Server, bytes: &[u8]) {
        self.write(bytes);
        server.turn();
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("so little fits into the socket");
    }

    /// Takes turns until so many bytes are there, or the server has closed.
    pub(crate) fn receive(&mut self, server: &mut Server, count: usize) {
        const PATIENCE: usize = 10_000;
        for _ in 0..PATIENCE {
            if self.received.len() >= count || self.ended {
                return;
            }
            if !self.take_what_is_there() {
                server.look(Duration::from_millis(1));
            }
            server.turn();
        }
        panic!("{} of {count} bytes came, and then no more", self.received.len());
    }

    /// Whether there was anything.
    pub(crate) fn take_what_is_there(&mut self) -> bool {
        let mut space = [0; 1 << 16];
        match self.stream.read(&mut space) {
            Ok(0) => self.ended = true,
            Ok(count) => self.received.extend_from_slice(&space[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => self.ended = true,
        }
        true
    }

    /// Gives the socket over to a thread of its own.
    pub(crate) fn into_blocking(self) -> (TcpStream, Vec<u8>) {
        self.stream.set_nonblocking(false).expect("a socket can be blocking");
        (self.stream, self.received)
    }
}

/// A response as a client sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// A blocking client.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        // Only a server that hangs is ever cut off by this.
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket can time out");
        Self(BufReader::new(stream))
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Sends a request and reads the answer to it.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Received {
        self.send(request);
        self.receive(request.starts_with(b"HEAD "))
    }

    pub(crate) fn receive(&mut self, header_only: bool) -> Received {
        read_response(&mut self.0, header_only)
    }

    /// Whether the server has closed and nothing was left to read.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.0.fill_buf().expect("closed, not reset").is_empty()
    }
}

/// Reads one response.
pub(crate) fn read_response(from: &mut impl BufRead, header_only: bool) -> Received {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(from.read_line(&mut head).expect("a response"), 0, "the server closed within `{head}`");
    }
    let status = head.get(9..12).and_then(|code| code.parse().ok()).expect("a status line");
    let mut received = Received { status, head, body: Vec::new() };
    let length = received.field("Content-Length").map_or(0, |text| text.parse().expect("a length"));
    if !header_only {
        received.body = vec![0; length];
        from.read_exact(&mut received.body).expect("a whole body");
    }
    received
}

/// Bytes that are nowhere the same within a few pages, so that none can be lost or doubled unseen.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length.div_ceil(4)).flat_map(|i| (i as u32).wrapping_mul(0x9e37_79b1).to_le_bytes()).take(length).collect()
}

/// Waits until a change of the file from now on would show in its times, which takes a tick of the kernel's clock.
pub(crate) fn settle(path: &Path) {
    while Seen::of(path).is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A folder to serve, with things outside it that must not be served.
pub(crate) fn folder() -> TempDir {
    let outer = tempfile::tempdir().expect("a temporary folder");
    let root = outer.path().join("root");
    for dir in ["", "dir", "bare"] {
        std::fs::create_dir(root.join(dir)).expect("a folder");
    }
    let files = [
        ("root/a.txt", "hello\n"),
        ("root/b c.html", "<p>"),
        ("root/empty.txt", ""),
        ("root/index.html", "top"),
        ("root/dir/index.html", "in dir"),
        ("secret", "secret"),
    ];
    for (name, text) in files {
        std::fs::write(outer.path().join(name), text).expect("a file");
    }
    let links = [
        ("in", "a.txt"),
        ("round", "dir/../a.txt"),
        ("out", "../secret"),
        ("dir/out", "../../secret"),
        ("loop", "loop"),
        ("dangling", "nothing"),
    ];
    for (name, target) in links {
        symlink(target, root.join(name)).expect("a link");
    }
    symlink(outer.path().join("secret"), root.join("absolute")).expect("a link");
    symlink(root.join("a.txt"), root.join("absolute-in")).expect("a link");
    symlink(outer.path(), root.join("up")).expect("a link");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), fifo, rustix::fs::Mode::RWXU, 0).expect("a pipe");
    outer
}
