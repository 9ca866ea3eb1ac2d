//! `http/compose`: makes the header of a response.
//!
//! ```text
//!   content            200, media type, length, time
//!   refused            the status, and its words as the body
//!   HEAD               the same header, no body
//! ```
//!
//! The body passes through untouched, which is why one version serves both kinds of it. How a header is written stands in
//! [`header`](super::header).

use super::header::{ContentFields, Header, MediaType};
use super::message::{Body, Content, Loaded, Response};
use super::status::Status;
use crate::function::{Context, Function};
use crate::packet::{Packet, State};
use httpdate::HttpDate;
use neurath_model::id::PortIndex;
use std::sync::Arc;
use std::time::SystemTime;

const OUT: PortIndex = PortIndex(0);

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
            Ok(content) => self.found(content),
            Err(status) => self.refused(status),
        };
        let body = if terms.header_only { Body::NOTHING } else { body };
        cx.emit(OUT, Packet::new(Response { connection, met, terms, header, body }));
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}

impl Composer {
    fn found(&self, content: Content) -> (Header, Body) {
        // A time that is yet to come would be taken back by the next answer (RFC 9110, 8.8.2.1).
        let modified = content.modified.map(|modified| HttpDate::from(modified.min(self.clock.now)));
        let fields = ContentFields::plain(MediaType::of(content.name.file()), content.size, modified);
        (self.header(Status::Ok, Some(fields)), content.body)
    }

    fn refused(&self, status: Status) -> (Header, Body) {
        // Such an answer has no length either (RFC 9110, 8.6).
        if status == Status::NoContent {
            return (self.header(status, None), Body::NOTHING);
        }
        let body = status.body().into_bytes();
        let fields = ContentFields::plain(MediaType::TEXT, body.len() as u64, None);
        (self.header(status, Some(fields)), Body::Bytes(body.into()))
    }

    fn header(&self, status: Status, content: Option<ContentFields>) -> Header {
        Header { status, date: Arc::clone(&self.clock.text), content }
    }
}

/// The time, and its text, which is written anew once a second.
struct Clock {
    now: SystemTime,
    second: Option<u64>,
    text: Arc<str>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { now: SystemTime::UNIX_EPOCH, second: None, text: Arc::default() }
    }
}

impl Clock {
    /// A clock that is set before 1970 stands still at its beginning.
    fn look(&mut self) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.now = SystemTime::UNIX_EPOCH + since;
        if self.second.replace(since.as_secs()) != Some(since.as_secs()) {
            self.text = httpdate::fmt_http_date(self.now).into();
        }
    }
}
