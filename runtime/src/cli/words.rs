//! Numbers, lists and commands in words.

use std::fmt::Write;

/// How wide reports are.
pub const WIDTH: usize = 110;

/// Where the values of a report begin.
const INDENT: usize = 11;

/// `1 arc`, `2 arcs`.
pub fn count(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(names: &[impl AsRef<str>]) -> String {
    match names {
        [] => "nothing".into(),
        [only] => only.as_ref().into(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// Adds a field of a report: its name, and its value in lines that begin where the first does.
pub fn field(to: &mut String, name: &str, value: &str) {
    writeln!(to, "{name:<INDENT$}{}", wrapped(value, WIDTH - INDENT).replace('\n', &format!("\n{:INDENT$}", "")))
        .expect("a string takes any text");
}

/// Lines that are too long go on in further lines, indented more than where they begin.
pub fn hanging(text: &str) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let below = format!("\n{:1$}", "", indent + 4);
        format!("{:indent$}{}\n", "", wrapped(line.trim_start(), WIDTH - indent - 4).replace('\n', &below))
    };
    text.lines().map(line).collect()
}

/// A text in lines of at most this many characters, broken at spaces; what has none stays whole.
pub fn wrapped(text: &str, width: usize) -> String {
    let (mut lines, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        let separator = match column {
            0 => "",
            c if c + 1 + length > width => "\n",
            _ => " ",
        };
        column = if separator == " " { column + 1 + length } else { length };
        lines.extend([separator, word]);
    }
    lines
}

/// An argument as a shell takes it: in quotes if it has anything but plain characters.
pub fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_counted_and_listed() {
        assert_eq!((count(1, "arc"), count(0, "arc")), ("1 arc".into(), "0 arcs".into()));
        assert_eq!(list(&[] as &[&str]), "nothing");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn long_texts_are_broken_at_spaces() {
        let text = wrapped(&"word ".repeat(50), 100);
        assert!(text.lines().all(|line| line.len() <= 100 && !line.starts_with(' ')), "{text}");
        assert_eq!(text.split_whitespace().count(), 50);
        assert_eq!(wrapped(&"x".repeat(200), 100).len(), 200);
    }

    #[test]
    fn a_field_goes_on_below_its_value() {
        let mut text = String::new();
        field(&mut text, "name", &"word ".repeat(30));
        let mut lines = text.lines();
        assert!(lines.next().is_some_and(|line| line.starts_with("name       word")), "{text}");
        assert!(lines.all(|line| line.starts_with("           word")), "{text}");
    }

    #[test]
    fn a_shell_gives_back_what_was_quoted() {
        for argument in ["a b", "it's", "$HOME", "", "plain.fbp", "a\\b\"c"] {
            let script = format!("printf %s {}", quoted(argument));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), argument);
        }
    }
}
