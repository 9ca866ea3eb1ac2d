//! `http/compose`: writes the header of a response.
//!
//! ```text
//!   HTTP/1.1 200 OK                      HTTP/1.1 404 Not Found
//!   Date: ...                            Date: ...
//!   Server: neurath                      Server: neurath
//!   Content-Type: text/html; ...         Content-Type: text/plain; ...
//!   Content-Length: 4711                 Content-Length: 14
//!   Last-Modified: ...                   X-Content-Type-Options: nosniff
//!   X-Content-Type-Options: nosniff
//! ```
//!
//! Nothing that the client sent is ever written into a response, so there is nothing to be injected. The body passes
//! through untouched, which is why one version serves both kinds of it.

use super::message::{After, Body, Content, Loaded, Response, Terms};
use super::send::Outgoing;
use super::status::Status;
use crate::function::{Context, Function};
use crate::packet::{Packet, State};
use neurath_model::id::PortIndex;
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

const OUT: PortIndex = PortIndex(0);
const ALLOW: &str = "GET, HEAD, OPTIONS";
const TEXT: &str = "text/plain; charset=utf-8";

/// The function of `http/compose@1`.
#[derive(Default)]
pub(crate) struct Composer {
    clock: Clock,
}

impl Function for Composer {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let Loaded { connection, mut met, terms, content } = packet.take();
        met.compose = cx.version();
        self.clock.look();
        let (header, body) = match content {
            Ok(content) => self.found(terms, content),
            Err(status) => self.refused(terms, status),
        };
        let body = if terms.header_only { Body::NOTHING } else { body };
        let outgoing = Outgoing { connection, met, header, header_sent: 0, body, after: terms.after };
        cx.emit(OUT, Packet::new(Response(outgoing)));
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}

impl Composer {
    fn found(&self, terms: Terms, content: Content) -> (Vec<u8>, Body) {
        let mut header = Header::new(Status::Ok, &self.clock, terms);
        header.content(MediaType::of(&content.path), content.size);
        if let Some(modified) = content.modified {
            // A time that is yet to come would be taken back by the next answer (RFC 9110, 8.8.2.1).
            header.field("Last-Modified", httpdate::HttpDate::from(modified.min(self.clock.now)));
        }
        (header.end(), content.body)
    }

    fn refused(&self, terms: Terms, status: Status) -> (Vec<u8>, Body) {
        let mut header = Header::new(status, &self.clock, terms);
        if matches!(status, Status::MethodNotAllowed | Status::NoContent) {
            header.field("Allow", ALLOW);
        }
        // Such an answer has no length either (RFC 9110, 8.6).
        if status == Status::NoContent {
            return (header.end(), Body::NOTHING);
        }
        let body = status.body().into_bytes();
        header.content(MediaType(TEXT, ""), body.len() as u64);
        (header.end(), Body::Bytes(body, 0))
    }
}

/// A header under way. Writing into a vector cannot fail.
struct Header(Vec<u8>);

impl Header {
    fn new(status: Status, clock: &Clock, terms: Terms) -> Self {
        let mut header = Self(Vec::with_capacity(320));
        header.0.extend_from_slice(b"HTTP/1.1 ");
        header.0.extend_from_slice(status.line().as_bytes());
        header.0.extend_from_slice(b"\r\n");
        header.field("Date", &clock.text);
        header.field("Server", "neurath");
        match terms.after {
            After::Close | After::Linger => header.field("Connection", "close"),
            After::Keep if terms.old_client => header.field("Connection", "keep-alive"),
            After::Keep => {}
        }
        header
    }

    fn content(&mut self, MediaType(kind, parameter): MediaType, size: u64) {
        self.field("Content-Type", format_args!("{kind}{parameter}"));
        self.field("Content-Length", size);
        self.field("X-Content-Type-Options", "nosniff");
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        write!(self.0, "{name}: {value}\r\n").expect("a vector takes everything");
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

/// A media type and its parameter.
struct MediaType(&'static str, &'static str);

impl MediaType {
    /// By the name of a file.
    fn of(path: &Path) -> Self {
        let kind = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
        let is_text = kind.starts_with("text/") || kind == "application/javascript";
        Self(kind, if is_text { "; charset=utf-8" } else { "" })
    }
}

/// The time, and its text, which is written anew once a second.
struct Clock {
    now: SystemTime,
    second: Option<u64>,
    text: String,
}

impl Default for Clock {
    fn default() -> Self {
        Self { now: SystemTime::UNIX_EPOCH, second: None, text: String::new() }
    }
}

impl Clock {
    /// A clock that is set before 1970 stands still at its beginning.
    fn look(&mut self) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.now = SystemTime::UNIX_EPOCH + since;
        if self.second.replace(since.as_secs()) != Some(since.as_secs()) {
            self.text = httpdate::fmt_http_date(self.now);
        }
    }
}
