//! Reads one response at a time out of whatever pieces the network gives.
//!
//! The head is tokenised by httparse, straight from the bytes just read; only a head that is cut in two is kept. The body
//! is hashed as it passes and never stored. Knows nothing of sockets and of what the response should be.

use super::schedule::Method;
use xxhash_rust::xxh3::Xxh3;

/// A head longer than this is not one.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 64;

/// Reads responses, one after the other.
pub(super) struct Reply {
    method: Method,
    phase: Phase,
    /// The beginning of a head whose end is still to come.
    partial: Vec<u8>,
    hash: Xxh3,
    compares: bool,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Head,
    Body { head: Head, left: u64 },
}

/// What a head says that matters here.
#[derive(Debug, Clone, Copy)]
struct Head {
    status: u16,
    length: Option<u64>,
    close: bool,
}

/// A response that has come in completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) status: u16,
    /// As the head told it.
    pub(super) length: Option<u64>,
    /// Of the body's bytes; the hash of nothing if there is no body. None where it is not compared.
    pub(super) hash: Option<u64>,
    /// The server will not answer on this connection again.
    pub(super) close: bool,
    /// More came than the response is long.
    pub(super) stray: bool,
}

/// This is not a response, or none that a server of files sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Reply {
    pub(super) fn new() -> Self {
        Self { method: Method::Get, phase: Phase::Head, partial: Vec::new(), hash: Xxh3::new(), compares: true }
    }

    /// A request with this method is sent: the next bytes answer it, and are hashed if they are to be compared.
    pub(super) fn begin(&mut self, method: Method, compares: bool) {
        self.compares = compares;
        self.method = method;
        self.phase = Phase::Head;
        self.partial.clear();
        self.hash.reset();
    }

    /// Takes the next bytes; gives the response once it is complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<Finished>, Malformed> {
        match self.phase {
            Phase::Head if self.partial.is_empty() => self.feed_head(bytes),
            Phase::Head => {
                let mut joined = std::mem::take(&mut self.partial);
                joined.extend_from_slice(bytes);
                self.feed_head(&joined)
            }
            Phase::Body { head, left } => Ok(self.feed_body(head, left, bytes)),
        }
    }

    fn feed_head(&mut self, mut bytes: &[u8]) -> Result<Option<Finished>, Malformed> {
        while let Some((head, rest)) = parse(bytes)? {
            if !(100..200).contains(&head.status) {
                let left = self.body_bytes(&head)?;
                return Ok(self.feed_body(head, left, rest));
            }
            bytes = rest;
        }
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(Malformed);
        }
        self.partial.extend_from_slice(bytes);
        Ok(None)
    }

    fn feed_body(&mut self, head: Head, left: u64, bytes: &[u8]) -> Option<Finished> {
        let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        if self.compares {
            self.hash.update(&bytes[..taken]);
        }
        let left = left - taken as u64;
        self.phase = Phase::Body { head, left };
        let Head { status, length, close } = head;
        let hash = self.compares.then(|| self.hash.digest());
        (left == 0).then_some(Finished { status, length, close, hash, stray: taken < bytes.len() })
    }

    /// How long the body is (RFC 9112, 6.3), as far as a kept-alive connection can tell without chunks.
    fn body_bytes(&self, head: &Head) -> Result<u64, Malformed> {
        match (self.method, head.status) {
            (Method::Head, _) | (_, 204 | 304) => Ok(0),
            (Method::Get, _) => head.length.ok_or(Malformed),
        }
    }
}

/// The head at the beginning of `bytes` and what follows it; none as long as its end is not there.
fn parse(bytes: &[u8]) -> Result<Option<(Head, &[u8])>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => Ok(Some((Head::of(&response)?, &bytes[end..]))),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(Malformed),
    }
}

impl Head {
    fn of(response: &httparse::Response<'_, '_>) -> Result<Self, Malformed> {
        let status = response.code.ok_or(Malformed)?;
        let mut head = Self { status, length: None, close: response.version == Some(0) };
        for header in response.headers.iter() {
            head.note(header.name, header.value)?;
        }
        Ok(head)
    }

    fn note(&mut self, name: &str, value: &[u8]) -> Result<(), Malformed> {
        if name.eq_ignore_ascii_case("content-length") {
            let length = parse_length(value)?;
            // A second length that differs leaves the end of the body open to two readings (RFC 9112, 6.3).
            if self.length.replace(length).is_some_and(|before| before != length) {
                return Err(Malformed);
            }
        } else if name.eq_ignore_ascii_case("connection") {
            self.close = lists(value, "close") || (self.close && !lists(value, "keep-alive"));
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Malformed);
        }
        Ok(())
    }
}

fn parse_length(value: &[u8]) -> Result<u64, Malformed> {
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(Malformed)
}

/// Whether a comma-separated list has that word.
fn lists(value: &[u8], word: &str) -> bool {
    value.split(|byte| *byte == b',').any(|entry| entry.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    fn read(method: Method, pieces: &[&[u8]]) -> Result<Option<Finished>, Malformed> {
        let mut reply = Reply::new();
        reply.begin(method, true);
        let mut last = Ok(None);
        for (number, piece) in pieces.iter().enumerate() {
            assert_eq!(last, Ok(None), "complete before piece {number}");
            last = reply.feed(piece);
        }
        last
    }

    fn get(text: &str) -> Result<Option<Finished>, Malformed> {
        read(Method::Get, &[text.as_bytes()])
    }

    fn finished(status: u16, body: &[u8]) -> Finished {
        let length = Some(body.len() as u64);
        Finished { status, length, hash: Some(xxh3_64(body)), close: false, stray: false }
    }

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\nX: y\r\n\r\nhello world";

    #[test]
    fn however_a_response_is_cut_it_reads_the_same() {
        let expected = Ok(Some(finished(200, b"hello world")));
        for cut in 0..=WHOLE.len() {
            let (a, b) = WHOLE.split_at(cut);
            let pieces: &[&[u8]] = if b.is_empty() { &[a] } else { &[a, b] };
            assert_eq!(read(Method::Get, pieces), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = WHOLE.chunks(1).collect();
        assert_eq!(read(Method::Get, &bytes), expected);
    }

    #[test]
    fn a_reader_starts_afresh_with_each_request() {
        let mut reply = Reply::new();
        reply.begin(Method::Get, true);
        assert_eq!(reply.feed(&WHOLE[..20]), Ok(None));
        for _ in 0..2 {
            reply.begin(Method::Get, true);
            assert_eq!(reply.feed(WHOLE), Ok(Some(finished(200, b"hello world"))));
        }
    }

    #[test]
    fn what_has_no_body_ends_with_its_head() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n";
        let expected = Finished { length: Some(11), ..finished(200, b"") };
        assert_eq!(read(Method::Head, &[head]), Ok(Some(expected)));
        assert_eq!(get("HTTP/1.1 304 Not Modified\r\n\r\n"), Ok(Some(Finished { length: None, ..finished(304, b"") })));
        assert_eq!(get("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Ok(Some(finished(200, b""))));
    }

    #[test]
    fn an_interim_response_is_passed_over() {
        let text = [b"HTTP/1.1 103 Early Hints\r\n\r\n", WHOLE].concat();
        assert_eq!(read(Method::Get, &[&text]), Ok(Some(finished(200, b"hello world"))));
    }

    #[test]
    fn bytes_beyond_the_response_are_seen() {
        let text = [WHOLE, b"!"].concat();
        let expected = Finished { stray: true, ..finished(200, b"hello world") };
        assert_eq!(read(Method::Get, &[&text]), Ok(Some(expected)));
    }

    #[test]
    fn the_announced_end_of_the_connection_is_seen() {
        let closes = |version: &str, header: &str| {
            let text = format!("HTTP/{version} 200 OK\r\nContent-Length: 0\r\n{header}\r\n");
            get(&text).unwrap().unwrap().close
        };
        assert!(!closes("1.1", ""));
        assert!(!closes("1.1", "Connection: keep-alive\r\n"));
        assert!(closes("1.1", "connection: x, Close\r\n"));
        assert!(closes("1.0", ""));
        assert!(!closes("1.0", "Connection: Keep-Alive\r\n"));
    }

    #[test]
    fn what_cannot_be_framed_is_malformed() {
        let texts = [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
            "hello",
        ];
        for text in texts {
            assert_eq!(get(text), Err(Malformed), "{text}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD_BYTES_MAX));
        assert_eq!(get(&endless), Err(Malformed));
    }
}
