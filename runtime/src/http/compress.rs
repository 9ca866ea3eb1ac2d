//! `http/compress`: makes responses smaller on their way from `compose` to `reply`.
//!
//! ```text
//!   media type that does not get smaller     as it is
//!   one that does                            Vary: Accept-Encoding, and then:
//!     too small, too large, not wanted         as it is
//!     GET                                      gzip, with the length that this has
//!     HEAD                                     gzip is announced, without a length
//! ```
//!
//! `Vary` is said whether or not this response is compressed, since the next may be. A `HEAD` is told what a `GET` would be,
//! but for the length, which only compressing would tell (RFC 9110, 8.6 and 9.3.2). No ETags are sent, so none has to be
//! weakened.
//!
//! A file is read for it; one that cannot be read goes on as it is, and ends as it would have ended. Nothing is remembered:
//! each response is compressed anew. Not done: other codings, and files that lie there compressed already.

use super::header::ContentFields;
use super::message::{Body, Exchange};
use crate::function::{Context, Function, Properties};
use crate::packet::{Packet, State};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use neurath_model::id::PortIndex;
use std::io::Write;

const OUT: PortIndex = PortIndex(0);

/// Of 9. The next ones take much longer, and gain a few percent on text.
const LEVEL: u32 = 4;

/// The function of `http/compress@1`.
pub(crate) struct Compressor {
    bytes_min: u64,
    bytes_max: u64,
}

impl Compressor {
    /// Remembers nothing but its limits.
    pub(crate) fn new(properties: &Properties) -> Self {
        let mut compressor = Self { bytes_min: 0, bytes_max: 0 };
        compressor.configure(properties);
        compressor
    }

    fn compress(&self, exchange: &mut Exchange) {
        let terms = exchange.terms;
        let (header, body) = exchange.response();
        let Some(content) = &mut header.content else { return };
        if !content.values().media_type.is_compressible() {
            return;
        }
        let content = content.own();
        content.varies = true;
        let is_in_bounds = content.length.is_some_and(|length| (self.bytes_min..=self.bytes_max).contains(&length));
        if !terms.gzip || !is_in_bounds {
            return;
        }
        if terms.header_only {
            announce(content, None);
        } else if let Some(bytes) = body.bytes() {
            let smaller = gzip(&bytes);
            announce(content, Some(smaller.len() as u64));
            *body = Body::Bytes(smaller);
        }
    }
}

impl Function for Compressor {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let mut exchange: Box<Exchange> = packet.take_boxed();
        exchange.met.compress = Some(cx.version());
        self.compress(&mut exchange);
        cx.emit(OUT, Packet::boxed(exchange));
    }

    fn configure(&mut self, properties: &Properties) {
        self.bytes_min = properties.integer("MIN_BYTES");
        self.bytes_max = properties.integer("BYTES_MAX");
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}

fn announce(content: &mut ContentFields, length: Option<u64>) {
    content.gzip = true;
    content.length = length;
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::new(LEVEL));
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything").into()
}
