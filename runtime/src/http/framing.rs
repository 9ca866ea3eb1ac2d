//! Where a request's head ends in the bytes of a connection.
//!
//! A head ends with an empty line. CR LF ends a line, and so does a lone LF (RFC 9112, 2.2); what else may stand in it
//! is `parse`'s business. The search goes on where it left off, so a head that arrives byte by byte is looked at once.
//!
//! ```text
//!   \r\n GET / HTTP/1.1 \r\n Host: a \r\n \r\n GET /2 ...
//!   ^^^^ skipped        `--- the head ------´ ^^^^^^^^^^^ stays for the next round
//! ```
//!
//! A head is read where it is, and then taken out of the buffer, which stays as large as usual heads need it: many connections are
//! idle.

use std::ops::Range;

/// Empty lines that are skipped before a request, which some old clients send after a body.
const EMPTY_LINES: u8 = 4;

/// As much of an empty buffer is kept for the next head.
const KEPT: usize = 4 << 10;

/// Where the request line of a head is, without the end of line.
pub(crate) fn request_line(head: &[u8]) -> Range<usize> {
    let start = head.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(head.len());
    let end = head[start..].iter().position(|b| *b == b'\n').map_or(head.len(), |length| start + length);
    start..if head[start..end].ends_with(b"\r") { end - 1 } else { end }
}

/// The unread bytes of a connection.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// No head ends before this.
    searched: usize,
    skipped: u8,
}

/// What the buffer begins with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    /// A whole head, of so many bytes.
    Head(usize),
    /// The beginning of one, or nothing.
    Partial,
    /// A head longer than the limit; whether its first line alone is.
    TooLong { in_first_line: bool },
}

impl Buffer {
    /// Puts bytes that came in behind the others.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Looks for the next head, which may have at most `limit` bytes.
    pub(crate) fn frame(&mut self, limit: usize) -> Framed {
        self.skip_empty_lines();
        match self.head_end() {
            Some(end) if end <= limit => Framed::Head(end),
            None if self.bytes.len() < limit => Framed::Partial,
            Some(_) | None => {
                let first = self.bytes.iter().take(limit).position(|b| *b == b'\n');
                Framed::TooLong { in_first_line: first.is_none() }
            }
        }
    }

    fn skip_empty_lines(&mut self) {
        let mut start = 0;
        while self.skipped < EMPTY_LINES {
            start += match &self.bytes[start..] {
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => break,
            };
            self.skipped += 1;
        }
        if start > 0 {
            self.bytes.drain(..start);
            self.searched = 0;
        }
    }

    fn head_end(&mut self) -> Option<usize> {
        let from = self.searched;
        let lines = (from..self.bytes.len()).filter(|i| self.bytes[*i] == b'\n');
        let end = lines.map(|i| (i, &self.bytes[i + 1..])).find_map(|(i, rest)| match rest {
            [b'\n', ..] => Some(i + 2),
            [b'\r', b'\n', ..] => Some(i + 3),
            _ => None,
        });
        // The last two bytes may be the LF CR of an end whose last LF is not there yet.
        self.searched = self.bytes.len().saturating_sub(2).max(from);
        end
    }

    /// The head that was found.
    pub(crate) fn head(&mut self, end: usize) -> &mut [u8] {
        &mut self.bytes[..end]
    }

    /// Takes it out.
    pub(crate) fn remove_head(&mut self, end: usize) {
        self.bytes.drain(..end);
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        self.searched = 0;
        self.skipped = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(pieces: &[&[u8]], limit: usize) -> (Vec<String>, Buffer) {
        let mut buffer = Buffer::default();
        let mut heads = Vec::new();
        for piece in pieces {
            buffer.extend(piece);
            while let Framed::Head(end) = buffer.frame(limit) {
                heads.push(String::from_utf8(buffer.head(end).to_vec()).expect("tests use ASCII"));
                buffer.remove_head(end);
            }
        }
        (heads, buffer)
    }

    #[test]
    fn heads_come_out_the_same_however_the_bytes_come_in() {
        let text =
            b"\r\n\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\nHost: a\n\n\r\nGET /3 HTTP/1.1\nB: c\n\r\nrest";
        let expected =
            ["GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /2 HTTP/1.1\nHost: a\n\n", "GET /3 HTTP/1.1\nB: c\n\r\n"];
        for cut in 0..=text.len() {
            let (found, rest) = heads(&[&text[..cut], &text[cut..]], 100);
            assert_eq!(found, expected, "cut at {cut}");
            assert_eq!(rest.bytes, b"rest", "cut at {cut}");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(heads(&single, 100).0, expected);
    }

    #[test]
    fn a_head_of_just_the_limit_passes_and_one_byte_more_does_not() {
        let text = b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(heads(&[text], text.len()).0.len(), 1);
        let mut buffer = Buffer::default();
        buffer.extend(text);
        assert_eq!(buffer.frame(text.len() - 1), Framed::TooLong { in_first_line: false });
        assert_eq!(buffer.frame(10), Framed::TooLong { in_first_line: true });
    }

    #[test]
    fn empty_lines_without_end_are_not_skipped_without_end() {
        let (found, _) = heads(&[&b"\r\n".repeat(7)], 100);
        assert_eq!(found, ["\r\n\r\n"]);
    }

    #[test]
    fn a_buffer_is_kept_for_the_next_head_unless_it_is_large() {
        let (_, kept) = heads(&[b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], 100);
        assert!((1..=KEPT).contains(&kept.bytes.capacity()));
        let large = [b"GET / HTTP/1.1\r\nHost: ", "a".repeat(KEPT).as_bytes(), b"\r\n\r\n"].concat();
        let (found, kept) = heads(&[&large], 2 * KEPT);
        assert_eq!((found.len(), kept.bytes.capacity()), (1, 0));
    }
}
