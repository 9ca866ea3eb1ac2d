//! `http/parse`: reads a head, and refuses what must not be guessed at.
//!
//! httparse splits the head into tokens, and with that refuses control characters, a lone CR, folded lines and a space
//! before a colon. What the tokens mean together is decided here, in the order of RFC 9112:
//!
//! ```text
//!   version   505 another major one
//!   framing   400 lengths that contradict each other or a transfer coding; 501 an unknown coding
//!   host      400 none, several, or not one
//!   method    501 unknown, 405 known but not for files, 204 OPTIONS
//!   target    400 not one, or it leads out of the root
//! ```
//!
//! A head that was refused before its framing was understood ends the connection, for nobody knows where the next
//! request begins; so does a body, which nobody reads.

use super::coding::prefers_gzip;
use super::framing::request_line;
use super::message::{After, Exchange, Stage, Terms};
use super::status::Status;
use super::target::{Target, is_authority, relative};
use crate::function::{Context, Function, Properties};
use crate::packet::{Packet, State};
use httparse::{Error, Header};
use neurath_model::id::PortIndex;
use std::mem::MaybeUninit;

const OUT: PortIndex = PortIndex(0);
const FIELDS_MAX: usize = 100;

/// The function of `http/parse@1`.
pub(crate) struct Parser {
    line_max: usize,
}

impl Parser {
    /// Remembers nothing but its limit.
    pub(crate) fn new(properties: &Properties) -> Self {
        let mut parser = Self { line_max: 0 };
        parser.configure(properties);
        parser
    }
}

impl Function for Parser {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let mut exchange: Box<Exchange> = packet.take_boxed();
        exchange.met.parse = cx.version();
        let Exchange { connection, terms, path, stage, .. } = &mut *exchange;
        let Stage::Framed(head) = *stage else { panic!("{stage:?} is not framed") };
        let request;
        (*terms, request) = match head {
            Ok(end) => understand(connection.buffer.head(end), self.line_max, path),
            Err(status) => refused(&[], status),
        };
        if let Ok(end) = head {
            connection.buffer.remove_head(end);
        }
        *stage = Stage::Asked(request);
        cx.emit(OUT, Packet::boxed(exchange));
    }

    fn configure(&mut self, properties: &Properties) {
        self.line_max = usize::try_from(properties.integer("LINE_MAX")).unwrap_or(usize::MAX);
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}

/// How to answer, and whether with the file of which the path was written, or with a status.
type Asked = (Terms, Result<(), Status>);

/// What a head asks for. It may be any bytes.
fn understand(head: &mut [u8], line_max: usize, path: &mut Vec<u8>) -> Asked {
    try_understand(head, line_max, path).unwrap_or_else(|status| refused(head, status))
}

/// The answer to a head of which no more is known than its first bytes.
fn refused(head: &[u8], status: Status) -> Asked {
    (Terms::refused(head.starts_with(b"HEAD ")), Err(status))
}

/// `Err` where the connection cannot go on, because of how the request is framed.
fn try_understand(head: &mut [u8], line_max: usize, path: &mut Vec<u8>) -> Result<Asked, Status> {
    let line = request_line(head);
    if line.len() > line_max {
        return Err(Status::TargetTooLong);
    }
    admit_version(&mut head[line])?;
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut fields) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(Error::TooManyHeaders) => return Err(Status::HeadTooLarge),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Status::BadRequest),
    }
    let method = request.method.expect("httparse gives it when complete");
    let target = request.path.expect("httparse gives it when complete");
    let is_old = request.version == Some(0);
    let has_body = has_body(request.headers, is_old)?;
    check_host(request.headers, is_old)?;
    let after = if has_body { After::Linger } else { persistence(request.headers, is_old) };
    let gzip = prefers_gzip(elements(request.headers, "Accept-Encoding"));
    let terms = Terms { header_only: method == "HEAD", old_client: is_old, gzip, after };
    Ok((terms, file_asked_for(method, target, path)))
}

/// A later minor version than ours is read as ours (RFC 9110, 2.5); httparse knows only ours.
fn admit_version(line: &mut [u8]) -> Result<(), Status> {
    match line {
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9'] => *minor = b'1',
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1'] => {}
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            return Err(Status::VersionNotSupported);
        }
        _ => return Err(Status::BadRequest),
    }
    Ok(())
}

fn file_asked_for(method: &str, target: &str, file: &mut Vec<u8>) -> Result<(), Status> {
    let target = match method {
        "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" | "DELETE" | "CONNECT" | "TRACE" | "PATCH" => {
            Target::read(method, target)?
        }
        _ => return Err(Status::NotImplemented),
    };
    match (method, target) {
        ("GET" | "HEAD", Target::Path(path)) => relative(path, file),
        ("OPTIONS", _) => Err(Status::NoContent),
        _ => Err(Status::MethodNotAllowed),
    }
}

fn values<'a>(fields: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value)
}

/// The elements of a field that is a list, over all its lines (RFC 9110, 5.6.1).
fn elements<'a>(fields: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    values(fields, name).flat_map(|v| v.split(|b| *b == b',')).map(<[u8]>::trim_ascii)
}

/// Whether a body follows (RFC 9112, 6).
fn has_body(fields: &[Header<'_>], is_old: bool) -> Result<bool, Status> {
    let length = content_length(fields)?;
    if values(fields, "Transfer-Encoding").next().is_none() {
        return Ok(length.unwrap_or(0) > 0);
    }
    if length.is_some() || is_old {
        return Err(Status::BadRequest);
    }
    let codings: Vec<&[u8]> = elements(fields, "Transfer-Encoding").filter(|e| !e.is_empty()).collect();
    let (last, before) = codings.split_last().ok_or(Status::BadRequest)?;
    if !codings.iter().all(|coding| is_known_coding(coding)) {
        return Err(Status::NotImplemented);
    }
    // Where such a body ends cannot be known (RFC 9112, 6.3).
    if !is_chunked(last) || before.iter().any(|coding| is_chunked(coding)) {
        return Err(Status::BadRequest);
    }
    if before.is_empty() { Ok(true) } else { Err(Status::NotImplemented) }
}

fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

fn is_known_coding(coding: &[u8]) -> bool {
    [&b"chunked"[..], b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"]
        .iter()
        .any(|known| coding.eq_ignore_ascii_case(known))
}

/// The length, if one is given; several must agree (RFC 9112, 6.3).
fn content_length(fields: &[Header<'_>]) -> Result<Option<u64>, Status> {
    let mut length = None;
    for element in elements(fields, "Content-Length") {
        let number = decimal(element).ok_or(Status::BadRequest)?;
        if length.replace(number).is_some_and(|before| before != number) {
            return Err(Status::BadRequest);
        }
    }
    Ok(length)
}

/// Digits only: `parse` alone would take a sign.
fn decimal(text: &[u8]) -> Option<u64> {
    text.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

/// RFC 9112, 3.2.
fn check_host(fields: &[Header<'_>], is_old: bool) -> Result<(), Status> {
    let mut hosts = values(fields, "Host");
    let is_valid = match hosts.next() {
        None => is_old,
        Some(host) => std::str::from_utf8(host).is_ok_and(is_authority) && hosts.next().is_none(),
    };
    if is_valid { Ok(()) } else { Err(Status::BadRequest) }
}

/// RFC 9112, 9.3. A client that expects to be asked for its body gets the final answer instead, and what it makes of
/// that is not waited for (RFC 9110, 10.1.1).
fn persistence(fields: &[Header<'_>], is_old: bool) -> After {
    let says = |option: &str| elements(fields, "Connection").any(|e| e.eq_ignore_ascii_case(option.as_bytes()));
    if values(fields, "Expect").next().is_some() {
        return After::Linger;
    }
    if says("close") || (is_old && !says("keep-alive")) { After::Close } else { After::Keep }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How to answer, and with which file or status.
    fn understood_bytes(head: &[u8]) -> (Terms, Result<Vec<u8>, Status>) {
        let mut path = b"the one before".to_vec();
        let (terms, request) = understand(&mut head.to_vec(), 200, &mut path);
        (terms, request.map(|()| path))
    }

    fn understood(head: &str) -> (Terms, Result<Vec<u8>, Status>) {
        understood_bytes(head.as_bytes())
    }

    #[test]
    fn a_plain_request() {
        let asked = understood("GET /a%20b?c HTTP/1.1\r\nHost: a\r\n\r\n");
        let terms = Terms { header_only: false, old_client: false, gzip: false, after: After::Keep };
        assert_eq!(asked, (terms, Ok(b"a b".to_vec())));
    }

    #[test]
    fn what_codings_the_client_takes_is_one_list_over_all_lines() {
        let gzip = |fields: &str| understood(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).0.gzip;
        assert!(!gzip(""));
        assert!(gzip("accept-encoding: br\r\nAccept-Encoding: deflate , gzip;q=0.5\r\n"));
        assert!(!gzip("Accept-Encoding: *\r\nAccept-Encoding: gzip;q=0\r\n"));
    }

    #[test]
    fn a_refused_head_still_gets_no_body() {
        let asked = understood("HEAD / HTTP/1.1\r\n\r\n");
        let terms = Terms { header_only: true, old_client: false, gzip: false, after: After::Linger };
        assert_eq!(asked, (terms, Err(Status::BadRequest)));
    }

    #[test]
    fn what_is_refused_after_its_framing_is_understood_keeps_the_connection() {
        let rows = [
            ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", Status::NotImplemented, After::Keep),
            ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", Status::BadRequest, After::Keep),
            ("GET /%zz HTTP/1.0\r\n\r\n", Status::BadRequest, After::Close),
            ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", Status::MethodNotAllowed, After::Linger),
        ];
        for (head, status, after) in rows {
            let (terms, file) = understood(head);
            assert_eq!((file, terms.after), (Err(status), after), "{head}");
        }
    }

    /// SplitMix64: the same bytes on every run.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Random bytes alone are refused at the first one; random pieces and flipped bytes get further in.
    fn random_head(state: &mut u64) -> Vec<u8> {
        const PIECES: &[&[u8]] = &[
            b"GET ",
            b"HEAD ",
            b"OPTIONS ",
            b"CONNECT ",
            b"/",
            b"*",
            b"http://",
            b"..",
            b"%2e",
            b"%",
            b"?",
            b"a",
            b":",
            b"[",
            b"]",
            b" HTTP/1.1",
            b" HTTP/1.0",
            b" HTTP/3.9",
            b"\r\n",
            b"\n",
            b"\r",
            b" ",
            b"\t",
            b"\0",
            b"\xff",
            b"Host: a",
            b"Host:",
            b"Content-Length: ",
            b"1",
            b"0",
            b",",
            b"Transfer-Encoding: ",
            b"chunked",
            b"gzip",
            b"Connection: close",
        ];
        let mut head = Vec::new();
        match random(state) % 3 {
            0 => (0..random(state) % 60).for_each(|_| head.push(random(state) as u8)),
            1 => head.extend_from_slice(b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"),
            _ => {
                for _ in 0..random(state) % 30 {
                    head.extend_from_slice(PIECES[random(state) as usize % PIECES.len()]);
                }
            }
        }
        for _ in 0..random(state) % 3 {
            let length = head.len().max(1);
            if let Some(byte) = head.get_mut(random(state) as usize % length) {
                *byte = random(state) as u8;
            }
        }
        head.extend_from_slice(b"\r\n\r\n");
        head
    }

    #[test]
    fn no_bytes_whatever_make_it_panic_or_leave_the_root() {
        let (mut state, mut accepted) = (1, 0);
        for _ in 0..200_000 {
            let head = random_head(&mut state);
            if let Ok(path) = understood_bytes(&head).1 {
                assert!(!path.starts_with(b"/") && path.split(|b| *b == b'/').all(|s| s != b".."), "{head:?}");
                accepted += 1;
            }
        }
        assert!(accepted > 1000, "only {accepted} were accepted: the pieces no longer make requests");
    }
}
