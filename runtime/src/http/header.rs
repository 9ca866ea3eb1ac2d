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
//! What changes a field on the way would otherwise have to find it again in bytes. The fields about content that somebody keeps are
//! kept as text too ([`Fields`]), and copied as they are into every response that does not change them. Nothing that the client sent is ever
//! written into a response, so there is nothing to be injected.

use super::message::{After, Terms};
use super::root::INDEX;
use super::status::Status;
use httpdate::HttpDate;
use smallvec::SmallVec;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

const ALLOW: &str = "GET, HEAD, OPTIONS";

/// Everything in a header but what the request's [`Terms`] decide.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) status: Status,
    /// When the response was made, as text.
    pub(crate) date: Date,
    /// `None` where no content is possible.
    pub(crate) content: Option<About>,
}

/// A date as headers have it: always as long, so that it is copied and never shared between threads.
pub(crate) type Date = [u8; 29];

/// What is said about content.
#[derive(Debug, Clone)]
pub(crate) enum About {
    /// As it was written when the content was kept.
    Kept(Arc<Fields>),
    /// Of this response alone.
    Own(ContentFields),
}

/// The fields of content that is kept, as values and as text.
#[derive(Debug)]
pub(crate) struct Fields {
    values: ContentFields,
    /// Beside the values, as long as it usually is: with many files it is not in the processor's cache, and a second place to look
    /// would be a second wait.
    text: SmallVec<[u8; 224]>,
}

/// The fields that describe content.
#[derive(Debug, Clone, Copy)]
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

impl Fields {
    /// Writes them once.
    pub(crate) fn new(values: ContentFields) -> Self {
        let mut text = Vec::new();
        Text(&mut text).content(&values);
        Self { values, text: SmallVec::from_slice(&text) }
    }
}

impl About {
    /// The values.
    pub(crate) fn values(&self) -> &ContentFields {
        match self {
            Self::Kept(fields) => &fields.values,
            Self::Own(values) => values,
        }
    }

    /// The same, to be changed for this response.
    pub(crate) fn own(&mut self) -> &mut ContentFields {
        *self = Self::Own(*self.values());
        match self {
            Self::Own(values) => values,
            Self::Kept(_) => unreachable!("it was just made its own"),
        }
    }
}

impl Header {
    /// Writes it as it is sent.
    pub(crate) fn write(&self, terms: Terms, into: &mut Vec<u8>) {
        let mut text = Text(into);
        text.put(&[b"HTTP/1.1 ", self.status.line().as_bytes(), b"\r\nDate: ", &self.date, b"\r\nServer: neurath\r\n"]);
        match terms.after {
            After::Close | After::Linger => text.put(&[b"Connection: close\r\n"]),
            After::Keep if terms.old_client => text.put(&[b"Connection: keep-alive\r\n"]),
            After::Keep => {}
        }
        if matches!(self.status, Status::MethodNotAllowed | Status::NoContent) {
            text.field("Allow", ALLOW);
        }
        match &self.content {
            Some(About::Kept(fields)) => text.put(&[&fields.text]),
            Some(About::Own(values)) => text.content(values),
            None => {}
        }
        text.put(&[b"\r\n"]);
    }
}

/// A header under way. Writing into a vector cannot fail.
struct Text<'a>(&'a mut Vec<u8>);

impl Text<'_> {
    fn content(&mut self, content: &ContentFields) {
        let MediaType(kind, parameter) = content.media_type;
        self.put(&[b"Content-Type: ", kind.as_bytes(), parameter.as_bytes(), b"\r\n"]);
        if content.gzip {
            self.put(&[b"Content-Encoding: gzip\r\n"]);
        }
        if let Some(length) = content.length {
            self.field("Content-Length", length);
        }
        if content.varies {
            self.put(&[b"Vary: Accept-Encoding\r\n"]);
        }
        self.put(&[b"X-Content-Type-Options: nosniff\r\n"]);
        if let Some(modified) = content.modified {
            self.field("Last-Modified", modified);
        }
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        write!(self.0, "{name}: {value}\r\n").expect("a vector takes everything");
    }

    /// Formatting would go through the text byte by byte for what is known as it is.
    fn put(&mut self, pieces: &[&[u8]]) {
        pieces.iter().for_each(|piece| self.0.extend_from_slice(piece));
    }
}

/// A media type and its parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MediaType(&'static str, &'static str);

impl MediaType {
    /// What errors are told in.
    pub(crate) const TEXT: Self = Self("text/plain", CHARSET);

    /// By the name of a file, or that of the index of what was asked for.
    pub(crate) fn of_asked(asked: &Path, is_index: bool) -> Self {
        Self::of(if is_index { Path::new(INDEX) } else { asked })
    }

    /// By the name of a file.
    fn of(file: &Path) -> Self {
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
        let header = Header { status: Status::Ok, date: *DATE, content: Some(About::Own(content)) };
        let expected = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: neurath\r\nConnection: keep-alive\r\n\
                        Content-Type: text/plain; charset=utf-8\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n\
                        X-Content-Type-Options: nosniff\r\n\r\n";
        assert_eq!(written(&header, terms), expected);
    }

    const DATE: &Date = b"Thu, 01 Jan 1970 00:00:00 GMT";

    fn written(header: &Header, terms: Terms) -> String {
        let mut text = Vec::new();
        header.write(terms, &mut text);
        String::from_utf8(text).expect("headers are ASCII")
    }

    #[test]
    fn what_is_kept_says_the_same_until_it_is_changed() {
        let terms = Terms { header_only: false, old_client: false, gzip: false, after: After::Close };
        let values = ContentFields::plain(MediaType::TEXT, 4711, Some(HttpDate::from(std::time::UNIX_EPOCH)));
        let header = |content| Header { status: Status::Ok, date: *DATE, content: Some(content) };
        let own = written(&header(About::Own(values)), terms);
        assert!(own.contains("Connection: close\r\n") && own.contains("Content-Length: 4711\r\n"), "{own}");
        assert!(own.ends_with("Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"), "{own}");
        let kept = Arc::new(Fields::new(values));
        assert_eq!(written(&header(About::Kept(kept.clone())), terms), own);
        let mut changed = About::Kept(kept.clone());
        changed.own().varies = true;
        assert!(written(&header(changed), terms).contains("Vary: Accept-Encoding\r\n"));
        assert_eq!(written(&header(About::Kept(kept)), terms), own, "nobody else's was changed");
    }
}
