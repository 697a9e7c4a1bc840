//! Lines of the head that a script replies with (RFC 3875 §6.3).

use nom::combinator::opt;
use nom::sequence::terminated;

use super::element::Element::{Many0, Rule};
use super::element::{Digit, SP, after, whole};
use super::target::{PathAndQuery, path_and_query};
use crate::bytes::ascii::{as_str, is_pct_encoded};
use crate::bytes::class::{FIELD, TARGET};

/// The first line of `input`, without what ends it, and what follows; `None` as long as it has no end.
///
/// ```abnf
/// NL = LF / CR LF                                             ; RFC 3875 §7.2
/// ```
pub fn line(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = input.iter().position(|&octet| octet == b'\n')?;
    let (line, rest) = input.split_at_checked(end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..)?))
}

/// The code in the value of a Status field.
///
/// ```abnf
/// Status        = "Status:" status-code SP reason-phrase NL   ; RFC 3875 §6.3.3
/// status-code   = "200" / "302" / "400" / "501" / extension-code
/// extension-code = 3DIGIT
/// reason-phrase = *TEXT
/// ```
/// Many scripts leave the reason out, and the space before it, too.
pub fn status_code(value: &[u8]) -> Option<u16> {
    let reason = Rule(|input| after((SP, Many0(&FIELD)), input));
    let code = (Digit, Digit, Digit);
    let digits: (u8, u8, u8) = whole(terminated(code, opt(reason)), value)?;
    let (hundreds, tens, ones) = digits;
    Some(u16::from(hundreds) * 100 + u16::from(tens) * 10 + u16::from(ones))
}

/// The value of a Location that leads to another resource of the same server, which the server is to
/// answer with itself.
///
/// ```abnf
/// local-Location  = "Location:" local-pathquery NL            ; RFC 3875 §6.3.2
/// local-pathquery = abs-path [ "?" query-string ]
/// ```
/// Two slashes at the start lead to another host for every client (RFC 3986 §4.2), and so are no
/// path here; nor is what has a fragment.
pub fn local_path(value: &[u8]) -> Option<PathAndQuery<'_>> {
    let is_path = value.starts_with(b"/") && !value.starts_with(b"//");
    let is_target = value.iter().all(|&octet| TARGET.contains(octet));
    path_and_query(value).filter(|target| is_path && is_target && as_str(value) == target.as_str())
}

/// Whether the value of a Location is one that clients can follow.
///
/// ```abnf
/// Location        = local-Location / client-Location          ; RFC 3875 §6.3.2
/// client-Location = "Location:" fragment-URI NL
/// Location        = URI-reference                             ; RFC 9110 §10.2.2
/// ```
/// It is not empty, though a URI-reference may be. Besides the octets of a URI, it may have those that
/// [`TARGET`] has, as a request may. A percent sign in the path begins a pct-encoded.
pub fn is_location(value: &[u8]) -> bool {
    let is_known = |octet: &u8| *octet == b'#' || TARGET.contains(*octet);
    let path = value.split(|octet| matches!(octet, b'?' | b'#')).next().unwrap_or_default();
    !value.is_empty() && value.iter().all(is_known) && is_pct_encoded(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_either_newline() {
        for (input, expected) in [
            (&b"a: b\nc"[..], Some((&b"a: b"[..], &b"c"[..]))),
            (b"a: b\r\n\r\n", Some((b"a: b", b"\r\n"))),
            (b"\n", Some((b"", b""))),
            (b"\r\n", Some((b"", b""))),
            (b"a\rb\n", Some((b"a\rb", b""))),
            (b"a\r\r\n", Some((b"a\r", b""))),
            (b"a: b\r", None),
            (b"", None),
        ] {
            assert_eq!(line(input), expected);
        }
    }

    #[test]
    fn statuses() {
        for (value, expected) in [
            ("200 OK", Some(200)),
            ("404", Some(404)),
            ("299 ", Some(299)),
            ("500 Not\tso good", Some(500)),
            ("20", None),
            ("2000", None),
            ("200OK", None),
            ("200\tOK", None),
            ("OK", None),
            ("+20", None),
            ("", None),
        ] {
            assert_eq!(status_code(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn locations() {
        for value in
            ["/", "z", "?a", "#b", "/a%20b?50%#c", "http://[::1]:1/{a}", "mailto:a@b", "//a"]
        {
            assert!(is_location(value.as_bytes()), "{value}");
        }
        for value in ["", "/a b", "/a\tb", "/a\0", "/a\x7f", "/%4", "<a>", "\"a\"", "/\u{e4}"] {
            assert!(!is_location(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn local_paths() {
        let path = |value: &'static str| local_path(value.as_bytes());
        let found = path("/a/b%20c?d=e");
        assert_eq!(found.map(|it| (it.path(), it.query())), Some(("/a/b%20c", Some("d=e"))));
        assert!(path("/").is_some());
        for other in ["", "a", "//a/b", "/a#b", "/a b", "/a%2", "http://a/", "/\u{e4}", "?a"] {
            assert_eq!(path(other), None, "{other}");
        }
    }
}
