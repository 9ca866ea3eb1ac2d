//! The header of a response, as a value until it is sent.
//!
//! ```text
//!   compose    status, media type, length, times
//!   compress   another length, Content-Encoding, Vary
//!   reply      HTTP/1.1 200 OK              HTTP/1.1 404 Not Found
//!              Date: ...                    Date: ...
//!              Server: neurath              Server: neurath
//!              Content-Type: text/html; ... Content-Type: text/plain; ...
//!              Content-Length: 4711         Content-Length: 14
//!              X-Content-Type-Options: ...  X-Content-Type-Options: ...
//!              Last-Modified: ...
//! ```
//!
//! What changes a field on the way would otherwise have to find it again in bytes. Nothing that the client sent is ever
//! written into a response, so there is nothing to be injected.

use super::message::{After, Terms};
use super::status::Status;
use httpdate::HttpDate;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

const ALLOW: &str = "GET, HEAD, OPTIONS";

/// Everything in a header but what the request's [`Terms`] decide.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) status: Status,
    /// When the response was made, as text.
    pub(crate) date: Arc<str>,
    /// `None` where no content is possible.
    pub(crate) content: Option<ContentFields>,
}

/// The fields that describe content.
#[derive(Debug, Clone)]
pub(crate) struct ContentFields {
    pub(crate) media_type: MediaType,
    /// The bytes of the body as it is sent, or would be to a `GET`; `None` where only making them would tell.
    pub(crate) length: Option<u64>,
    pub(crate) modified: Option<HttpDate>,
    /// The body is compressed.
    pub(crate) gzip: bool,
    /// Whether it is compressed depends on what the client accepts.
    pub(crate) varies: bool,
}

impl ContentFields {
    /// Of content as it is.
    pub(crate) fn plain(media_type: MediaType, length: u64, modified: Option<HttpDate>) -> Self {
        Self { media_type, length: Some(length), modified, gzip: false, varies: false }
    }
}

impl Header {
    /// As it is sent.
    pub(crate) fn text(&self, terms: Terms) -> Vec<u8> {
        let mut text = Text(Vec::with_capacity(320));
        text.status(self.status);
        text.field("Date", &self.date);
        text.field("Server", "neurath");
        match terms.after {
            After::Close | After::Linger => text.field("Connection", "close"),
            After::Keep if terms.old_client => text.field("Connection", "keep-alive"),
            After::Keep => {}
        }
        if matches!(self.status, Status::MethodNotAllowed | Status::NoContent) {
            text.field("Allow", ALLOW);
        }
        if let Some(content) = &self.content {
            text.content(content);
        }
        text.end()
    }
}

/// A header under way. Writing into a vector cannot fail.
struct Text(Vec<u8>);

impl Text {
    fn status(&mut self, status: Status) {
        write!(self.0, "HTTP/1.1 {}\r\n", status.line()).expect("a vector takes everything");
    }

    fn content(&mut self, content: &ContentFields) {
        let MediaType(kind, parameter) = content.media_type;
        self.field("Content-Type", format_args!("{kind}{parameter}"));
        if content.gzip {
            self.field("Content-Encoding", "gzip");
        }
        if let Some(length) = content.length {
            self.field("Content-Length", length);
        }
        if content.varies {
            self.field("Vary", "Accept-Encoding");
        }
        self.field("X-Content-Type-Options", "nosniff");
        if let Some(modified) = content.modified {
            self.field("Last-Modified", modified);
        }
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct MediaType(&'static str, &'static str);

impl MediaType {
    /// What errors are told in.
    pub(crate) const TEXT: Self = Self("text/plain", CHARSET);

    /// By the name of a file.
    pub(crate) fn of(file: &Path) -> Self {
        let kind = mime_guess::from_path(file).first_raw().unwrap_or("application/octet-stream");
        let is_text = kind.starts_with("text/") || kind == "application/javascript";
        Self(kind, if is_text { CHARSET } else { "" })
    }

    /// Whether such content gets much smaller by compression. Images, sounds, archives and fonts for the web are
    /// compressed already.
    pub(crate) fn is_compressible(self) -> bool {
        const OTHERS: [&str; 9] = [
            "application/javascript",
            "application/json",
            "application/manifest+json",
            "application/rtf",
            "application/wasm",
            "application/xml",
            "application/x-sh",
            "font/otf",
            "font/ttf",
        ];
        let Self(kind, _) = self;
        kind.starts_with("text/") || kind.ends_with("+xml") || kind.ends_with("+json") || OTHERS.contains(&kind)
    }
}

const CHARSET: &str = "; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_compressing() {
        for yes in ["a.html", "a.css", "a.js", "a.json", "a.svg", "a.xml", "a.txt", "a.md", "a.atom", "a.wasm"] {
            assert!(MediaType::of(Path::new(yes)).is_compressible(), "{yes}");
        }
        for no in ["a.png", "a.jpg", "a.gz", "a.zip", "a.woff2", "a.mp4", "a.pdf", "a"] {
            assert!(!MediaType::of(Path::new(no)).is_compressible(), "{no}");
        }
    }

    #[test]
    fn a_header_says_what_its_value_says() {
        let terms = Terms { header_only: true, old_client: true, gzip: true, after: After::Keep };
        let content =
            ContentFields { gzip: true, varies: true, length: None, ..ContentFields::plain(MediaType::TEXT, 1, None) };
        let header = Header { status: Status::Ok, date: "today".into(), content: Some(content) };
        let expected = "HTTP/1.1 200 OK\r\nDate: today\r\nServer: neurath\r\nConnection: keep-alive\r\n\
                        Content-Type: text/plain; charset=utf-8\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n\
                        X-Content-Type-Options: nosniff\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&header.text(terms)), expected);
    }
}
