//! `http/compose`: makes the header of a response.
//!
//! ```text
//!   content            200, media type, length, time
//!   refused            the status, and its words as the body
//!   HEAD               the same header, no body
//! ```
//!
//! The body passes through untouched, which is why one version serves both kinds of it. How a header is written stands in
//! [`header`](super::header); what is said about content that is kept was written when it was.

use super::header::{About, ContentFields, Date, Header, MediaType};
use super::message::{Body, Content, Exchange, Stage};
use super::status::Status;
use crate::function::{Context, Function};
use crate::packet::{Packet, State};
use httpdate::HttpDate;
use neurath_model::id::PortIndex;
use std::path::Path;
use std::time::SystemTime;

const OUT: PortIndex = PortIndex(0);

/// The function of `http/compose@1`.
#[derive(Default)]
pub(crate) struct Composer {
    clock: Clock,
}

impl Function for Composer {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let mut exchange: Box<Exchange> = packet.take_boxed();
        exchange.met.compose = cx.version();
        self.clock.look();
        let (header, body) = match exchange.take_loaded() {
            Ok(content) => self.found(exchange.path(), content),
            Err(status) => self.refused(status),
        };
        let body = if exchange.terms.header_only { Body::NOTHING } else { body };
        exchange.stage = Stage::Response(header, body);
        cx.emit(OUT, Packet::boxed(exchange));
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}

impl Composer {
    fn found(&self, asked: &Path, content: Content) -> (Header, Body) {
        // A time that is yet to come would be taken back by the next answer (RFC 9110, 8.8.2.1).
        let is_past = content.modified.is_none_or(|modified| modified <= self.clock.now);
        let about = match content.fields {
            Some(fields) if is_past => About::Kept(fields),
            Some(_) | None => {
                let modified = content.modified.map(|modified| modified.min(self.clock.now));
                About::Own(fields_of(asked, content.is_index, content.size, modified))
            }
        };
        (self.header(Status::Ok, Some(about)), content.body)
    }

    fn refused(&self, status: Status) -> (Header, Body) {
        // Such an answer has no length either (RFC 9110, 8.6).
        if status == Status::NoContent {
            return (self.header(status, None), Body::NOTHING);
        }
        let body = status.body().into_bytes();
        let fields = ContentFields::plain(MediaType::TEXT, body.len() as u64, None);
        (self.header(status, Some(About::Own(fields))), Body::Bytes(body.into()))
    }

    fn header(&self, status: Status, content: Option<About>) -> Header {
        Header { status, date: self.clock.text, content }
    }
}

/// What is said about a file.
pub(crate) fn fields_of(asked: &Path, is_index: bool, size: u64, modified: Option<SystemTime>) -> ContentFields {
    ContentFields::plain(MediaType::of_asked(asked, is_index), size, modified.map(HttpDate::from))
}

/// The time, and its text, which is written anew once a second.
struct Clock {
    now: SystemTime,
    second: Option<u64>,
    text: Date,
}

impl Default for Clock {
    fn default() -> Self {
        Self { now: SystemTime::UNIX_EPOCH, second: None, text: [b' '; size_of::<Date>()] }
    }
}

impl Clock {
    /// A clock that is set before 1970 stands still at its beginning.
    fn look(&mut self) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.now = SystemTime::UNIX_EPOCH + since;
        if self.second.replace(since.as_secs()) != Some(since.as_secs()) {
            let text = httpdate::fmt_http_date(self.now);
            self.text.copy_from_slice(text.as_bytes());
        }
    }
}
