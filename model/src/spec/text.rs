//! Where a byte of a text stands, for people: line and column.
//!
//! Readers and diagnostics speak of bytes, which are exact and cheap; lines and columns exist only where a person
//! reads them, and where a parser of others gives nothing better.

use std::fmt;
use std::ops::Range;

/// A place in a text as an editor shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, counted in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The position of a byte; a byte inside a character counts as the character's first, one past the end as the end.
pub fn position(text: &str, offset: usize) -> Position {
    let before = &text[..floor(text, offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// The bytes of the line in which a byte stands, without its newline.
pub fn line(text: &str, offset: usize) -> Range<usize> {
    let offset = floor(text, offset);
    let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |newline| offset + newline);
    start..end
}

/// The byte at a line (from 1) and a column counted in bytes (from 1), which is how `serde_json` counts.
pub(super) fn offset(text: &str, line: usize, byte_column: usize) -> usize {
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    floor(text, start + byte_column.saturating_sub(1))
}

/// The first byte of the character that a byte is in.
fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "añb\nc";
        assert_eq!(position(text, 3), Position { line: 1, column: 3 });
        assert_eq!(position(text, 2), Position { line: 1, column: 2 });
        assert_eq!(position(text, 5), Position { line: 2, column: 1 });
        assert_eq!(position(text, 99), Position { line: 2, column: 2 });
    }

    #[test]
    fn a_line_is_found_from_any_byte_in_it() {
        let text = "one\ntwo\n";
        assert_eq!((line(text, 3), line(text, 4), line(text, 8)), (0..3, 4..7, 8..8));
    }

    #[test]
    fn offset_undoes_position_on_plain_text() {
        let text = "ab\ncd\n";
        for at in 0..text.len() {
            let Position { line, column } = position(text, at);
            assert_eq!(offset(text, line, column), at);
        }
    }
}
