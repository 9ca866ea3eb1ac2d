//! Text with nothing in it that XML or HTML would take for its own.

use std::fmt::{self, Display, Write};

/// A value whose text can stand between tags or in a quoted attribute. What XML cannot hold is shown as a replacement character.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<T>(pub T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '&' => self.0.write_str("&amp;"),
            '<' => self.0.write_str("&lt;"),
            '>' => self.0.write_str("&gt;"),
            '"' => self.0.write_str("&quot;"),
            '\'' => self.0.write_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => self.0.write_char(char::REPLACEMENT_CHARACTER),
            c => self.0.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_can_become_markup() {
        let text = "<script>&\"it's\" a>b && c</script>";
        let expected = "&lt;script&gt;&amp;&quot;it&#39;s&quot; a&gt;b &amp;&amp; c&lt;/script&gt;";
        assert_eq!(Escaped(text).to_string(), expected);
        assert_eq!(Escaped("ünïcode – ok").to_string(), "ünïcode – ok");
        assert_eq!(Escaped("").to_string(), "");
    }

    #[test]
    fn text_cannot_become_an_element_or_end_an_attribute() {
        assert_eq!(Escaped("a<b>&\"'\u{1}\n").to_string(), "a&lt;b&gt;&amp;&quot;&#39;\u{fffd}\n");
    }
}
