//! Numbers, lists and commands in words.

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
    fn a_shell_gives_back_what_was_quoted() {
        for argument in ["a b", "it's", "$HOME", "", "plain.fbp", "a\\b\"c"] {
            let script = format!("printf %s {}", quoted(argument));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), argument);
        }
    }
}
