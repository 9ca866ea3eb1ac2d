//! Connections that are held: opened, used once, left alone, and used again.

use crate::bench::serve::load::Wanted;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

const PATIENCE: Duration = Duration::from_secs(10);
/// A small file with its header comes in a few pieces at most.
const SPACE: usize = 16 << 10;

/// Open connections, each of which was answered.
pub(super) struct Held(Vec<TcpStream>);

/// What became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Again {
    /// Answered once more.
    pub(super) answered: u64,
    /// Closed or reset meanwhile.
    pub(super) closed: u64,
    /// Answered by something else than the file.
    pub(super) wrong: u64,
}

impl Held {
    /// Opens so many, and asks for a file on each.
    pub(super) fn open(address: SocketAddr, connections: usize, files: &[Wanted]) -> Result<Self, String> {
        let mut all = Vec::with_capacity(connections);
        for number in 0..connections {
            let failed = |why: std::io::Error| format!("connection {number} of {connections} cannot be used: {why}");
            let mut stream = TcpStream::connect(address).map_err(failed)?;
            stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_nodelay(true)).map_err(failed)?;
            if !ask(&mut stream, &files[number % files.len()]).map_err(failed)? {
                return Err(format!("connection {number} of {connections} was not answered with the file"));
            }
            all.push(stream);
        }
        Ok(Self(all))
    }

    /// Asks on each once more.
    pub(super) fn ask_again(&mut self, files: &[Wanted]) -> Again {
        let mut again = Again::default();
        for (number, stream) in self.0.iter_mut().enumerate() {
            match ask(stream, &files[(number + 1) % files.len()]) {
                Ok(true) => again.answered += 1,
                Ok(false) => again.wrong += 1,
                Err(_) => again.closed += 1,
            }
        }
        again
    }
}

/// Whether a request is answered with status 200 and the whole of the file. `Err` if the connection is gone.
fn ask(stream: &mut TcpStream, wanted: &Wanted) -> std::io::Result<bool> {
    stream.write_all(&wanted.request)?;
    let mut space = [0; SPACE];
    let mut length = 0;
    loop {
        let read = stream.read(&mut space[length..])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        length += read;
        let got = &space[..length];
        let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let body = &got[end + 4..];
        if body.len() as u64 >= wanted.bytes || length == SPACE {
            return Ok(got.starts_with(b"HTTP/1.1 200 ") && xxh3_64(body) == wanted.hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn wanted(body: &[u8]) -> [Wanted; 1] {
        [Wanted { request: b"GET / HTTP/1.1\r\n\r\n".to_vec(), bytes: body.len() as u64, hash: xxh3_64(body) }]
    }

    /// Answers so many requests on one connection with these bytes, and closes it.
    fn server(answer: &'static [u8], times: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            for _ in 0..times {
                let mut request = [0; 18];
                stream.read_exact(&mut request).expect("a request");
                stream.write_all(answer).expect("it is read");
            }
        });
        address
    }

    #[test]
    fn a_held_connection_is_answered_again_or_found_closed_or_wrong() {
        const RIGHT: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nabc";
        let files = wanted(b"abc");
        let again = |times| Held::open(server(RIGHT, times), 1, &files).expect("answered").ask_again(&files);
        assert_eq!(again(2), Again { answered: 1, ..Again::default() });
        assert_eq!(again(1), Again { closed: 1, ..Again::default() });
        let mut held = Held::open(server(RIGHT, 2), 1, &files).expect("answered");
        assert_eq!(held.ask_again(&wanted(b"xyz")), Again { wrong: 1, ..Again::default() });
        assert!(Held::open(server(b"HTTP/1.1 404 Not Found\r\n\r\nabc", 1), 1, &files).is_err());
    }
}
