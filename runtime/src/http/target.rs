//! From a request target to a path below the root.
//!
//! ```text
//!   /a/./b/../c%20d?x=y   ->   a/c d        http://host/a   ->   a
//!   /a/%2e%2e/%2e%2e/x    ->   refused: it leaves the root
//! ```
//!
//! Escapes are decoded exactly once, before dot segments are taken out, so that no second reading of the path can
//! find anything in it that was not looked at here. Symbolic links are the business of [`Root`](super::root::Root).

use super::status::Status;

/// A request target (RFC 9112, 3.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// `/path?query`, or what follows the authority of an absolute target.
    Path(&'a str),
    /// `*`, for `OPTIONS`: the server as a whole.
    Server,
    /// `host:port`, for `CONNECT`.
    Authority,
}

impl<'a> Target<'a> {
    /// Reads the target of a request with this method.
    pub(crate) fn read(method: &str, target: &'a str) -> Result<Self, Status> {
        if target.bytes().any(|b| b == b'#' || !b.is_ascii_graphic()) {
            return Err(Status::BadRequest);
        }
        if method == "CONNECT" {
            return if is_authority(target) { Ok(Self::Authority) } else { Err(Status::BadRequest) };
        }
        match target.as_bytes() {
            [b'/', ..] => Ok(Self::Path(target)),
            b"*" if method == "OPTIONS" => Ok(Self::Server),
            _ => Self::read_absolute(method, target),
        }
    }

    fn read_absolute(method: &str, target: &'a str) -> Result<Self, Status> {
        let (scheme, rest) = target.split_once("://").ok_or(Status::BadRequest)?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(Status::BadRequest);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || !is_authority(authority) {
            return Err(Status::BadRequest);
        }
        Ok(if path.is_empty() && method == "OPTIONS" { Self::Server } else { Self::Path(path) })
    }
}

/// Whether it can be the value of a `Host` field: `host`, `host:port`, `[v6]:port`, or nothing (RFC 9112, 3.2).
pub(crate) fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, rest)) if is_address_literal(address) => ("", rest),
            Some(_) | None => return false,
        },
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    is_port && is_name(host)
}

fn is_address_literal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.'))
}

/// A `reg-name` of RFC 3986, 3.2.2.
fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&b);
    text.bytes().all(allowed) && has_whole_escapes(text.as_bytes())
}

/// Writes the path relative to the root. One that ends with a slash, or with a dot segment, means a directory and ends with a
/// slash; the root itself is `./`.
pub(crate) fn relative(target: &str, path: &mut Vec<u8>) -> Result<(), Status> {
    let target = target.split('?').next().unwrap_or_default().as_bytes();
    if !has_whole_escapes(target) {
        return Err(Status::BadRequest);
    }
    path.clear();
    if target.contains(&b'%') {
        path.extend(percent_encoding::percent_decode(target));
    } else {
        path.extend_from_slice(target);
    }
    if path.contains(&0) {
        return Err(Status::BadRequest);
    }
    let is_directory = matches!(path.rsplit(|b| *b == b'/').next(), None | Some(b"" | b"." | b".."));
    let end = without_dots(path)?;
    path.truncate(end);
    if path.is_empty() {
        path.push(b'.');
    }
    if is_directory {
        path.push(b'/');
    }
    Ok(())
}

/// Takes empty and dot segments out in place, since what is written is never longer than what was read; where it ends then.
fn without_dots(path: &mut [u8]) -> Result<usize, Status> {
    let (mut end, mut next) = (0, 0);
    while next < path.len() {
        let start = next;
        let length = path[start..].iter().position(|b| *b == b'/').unwrap_or(path.len() - start);
        next = start + length + 1;
        match &path[start..start + length] {
            b"" | b"." => {}
            b".." if end == 0 => return Err(Status::BadRequest),
            b".." => end = path[..end].iter().rposition(|b| *b == b'/').unwrap_or(0),
            _ => {
                if end > 0 {
                    path[end] = b'/';
                    end += 1;
                }
                path.copy_within(start..start + length, end);
                end += length;
            }
        }
    }
    Ok(end)
}

fn has_whole_escapes(text: &[u8]) -> bool {
    text.split(|b| *b == b'%')
        .skip(1)
        .all(|rest| matches!(rest, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once_and_stay_below_the_root() {
        let rows: &[(&str, Result<&str, Status>)] = &[
            ("/", Ok("./")),
            ("", Ok("./")),
            ("?q", Ok("./")),
            ("/a", Ok("a")),
            ("/a/", Ok("a/")),
            ("//a//b", Ok("a/b")),
            ("/a/.", Ok("a/")),
            ("/a/./b/../c%20d?x=/../..", Ok("a/c d")),
            ("/a/..", Ok("./")),
            ("/a%2fb", Ok("a/b")),
            ("/%252e%252e/x", Ok("%2e%2e/x")),
            ("/...", Ok("...")),
            ("/a/b/../../c/d/..", Ok("c/")),
            ("/ab/../c", Ok("c")),
            ("/..", Err(Status::BadRequest)),
            ("/../etc/passwd", Err(Status::BadRequest)),
            ("/%2e%2e/etc/passwd", Err(Status::BadRequest)),
            ("/%2e%2e%2fetc", Err(Status::BadRequest)),
            ("/a/../../x", Err(Status::BadRequest)),
            ("/a%00", Err(Status::BadRequest)),
            ("/a%", Err(Status::BadRequest)),
            ("/a%2", Err(Status::BadRequest)),
            ("/a%zz", Err(Status::BadRequest)),
            ("/a%%41", Err(Status::BadRequest)),
        ];
        for (target, expected) in rows {
            let mut path = b"what was there before".to_vec();
            let read = relative(target, &mut path).map(|()| String::from_utf8(path).expect("these are text"));
            assert_eq!(read, expected.map(str::to_owned), "{target}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_a_path_too() {
        let mut path = Vec::new();
        assert_eq!((relative("/%ff", &mut path), path), (Ok(()), vec![0xff]));
    }

    #[test]
    fn targets_come_in_four_forms() {
        let rows = [
            ("GET", "/a?b", Ok(Target::Path("/a?b"))),
            ("GET", "http://example.org/a", Ok(Target::Path("/a"))),
            ("GET", "HTTP://example.org:80", Ok(Target::Path(""))),
            ("GET", "http://example.org?q", Ok(Target::Path("?q"))),
            ("OPTIONS", "*", Ok(Target::Server)),
            ("OPTIONS", "http://example.org", Ok(Target::Server)),
            ("CONNECT", "example.org:443", Ok(Target::Authority)),
            ("GET", "*", Err(Status::BadRequest)),
            ("GET", "a", Err(Status::BadRequest)),
            ("GET", "http:///a", Err(Status::BadRequest)),
            ("GET", "http://user@example.org/", Err(Status::BadRequest)),
            ("GET", "ftp://example.org/a", Err(Status::BadRequest)),
            ("GET", "/a#b", Err(Status::BadRequest)),
            ("GET", "/\u{e9}", Err(Status::BadRequest)),
            ("CONNECT", "/a", Err(Status::BadRequest)),
        ];
        for (method, target, expected) in rows {
            assert_eq!(Target::read(method, target), expected, "{method} {target}");
        }
    }

    #[test]
    fn hosts() {
        for good in ["", "a", "example.org", "example.org:8080", "a:", "127.0.0.1:1", "[::1]", "[::1]:80", "a%20b"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["a b", "a/b", "a:b", "a:80:80", "[::1", "[]", "[::1]80", "user@a", "a%2", "a\\b", "\u{e9}", "a, b"]
        {
            assert!(!is_authority(bad), "{bad}");
        }
    }
}
