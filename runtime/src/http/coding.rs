//! Whether a client would rather have gzip: the list in `Accept-Encoding` (RFC 9110, 12.5.3).
//!
//! ```text
//!   gzip, br                    yes
//!   gzip;q=0                    no
//!   *;q=0.5                     yes, it is one of all
//!   gzip;q=0.2, identity        no, it would rather have the bytes as they are
//!                               no, nothing is said
//! ```
//!
//! A client that takes neither gzip nor the bytes as they are gets the bytes, as it may (RFC 9110, 12.5.3): a file that
//! it perhaps cannot read is more use to it than none.

/// Reads the elements of the list, over all lines of the field. The first word on a coding counts, and a weight that makes
/// no sense refuses.
pub(crate) fn prefers_gzip<'a>(elements: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for element in elements {
        let mut parts = element.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let is = |name: &[u8]| coding.eq_ignore_ascii_case(name);
        let slot = if is(b"gzip") || is(b"x-gzip") {
            &mut gzip
        } else if is(b"*") {
            &mut any
        } else if is(b"identity") {
            &mut identity
        } else {
            continue;
        };
        slot.get_or_insert_with(|| parts.next().map_or(Some(1000), weight).unwrap_or(0));
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// A weight in thousandths, if it is one: `q=0.5`, `q=1`, `q=1.000`.
fn weight(text: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', whole @ (b'0' | b'1'), rest @ ..] = text else { return None };
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut thousandths = u16::from(whole - b'0') * 1000;
    for (digit, unit) in digits.iter().zip([100, 10, 1]) {
        thousandths += u16::from(digit.is_ascii_digit().then(|| digit - b'0')?) * unit;
    }
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_say() {
        let rows = [
            ("", false, "nothing"),
            ("gzip", true, "just so"),
            ("GZip", true, "codings have no case (9110 8.4.1)"),
            ("x-gzip", true, "an old name (9110 8.4.1.3)"),
            ("gzip, deflate, br, zstd", true, "what browsers send"),
            ("br, deflate", false, "others"),
            ("gzip;q=0", false, "not at any price"),
            ("gzip;q=0.000, *", false, "its own weight, not that of all"),
            ("gzip;q=0.001", true, "the least there is"),
            ("gzip ; Q=1.000", true, "space and case"),
            ("gzip;q=1.001", false, "more than 1"),
            ("gzip;q=0.0001", false, "too many digits"),
            ("gzip;q=x", false, "no number"),
            ("gzip;q=", false, "no weight"),
            ("gzip;level=9", false, "no weight either"),
            ("*", true, "any"),
            ("*;q=0", false, "none"),
            ("br, *;q=0.1", true, "one of the others"),
            ("identity", false, "as it is"),
            ("gzip;q=0.5, identity;q=0.6", false, "rather as it is"),
            ("identity;q=0.5, gzip;q=0.5", true, "both are as good: the smaller one"),
            ("identity;q=0, br", false, "neither: as it is all the same"),
            ("gzip;q=0, gzip", false, "the first word counts"),
            ("not gzip", false, "another word"),
        ];
        for (list, expected, what) in rows {
            assert_eq!(prefers_gzip(list.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii)), expected, "{what}");
        }
    }
}
