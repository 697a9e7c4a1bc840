//! The request-line (RFC 9112 §3).

use nom::Parser;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::char;
use nom::combinator::map;
use nom::sequence::{preceded, separated_pair, terminated};

use super::{Parsed, ascii, token, whole};
use crate::bytes::class::is_target;

/// ```abnf
/// request-line = method SP request-target SP HTTP-version
/// method       = token
/// ```
/// The method, and what follows its SP.
pub fn method(line: &[u8]) -> Option<(&str, &[u8])> {
    let (rest, method) = terminated(token, char(' ')).parse(line).ok()?;
    Some((ascii(method), rest))
}

/// The request-target, of whichever form, and what follows its SP.
pub fn request_target(input: &[u8]) -> Option<(&str, &[u8])> {
    let target = |input| -> Parsed<'_, &[u8]> { take_while1(is_target)(input) };
    let (rest, target) = terminated(target, char(' ')).parse(input).ok()?;
    Some((ascii(target), rest))
}

/// ```abnf
/// HTTP-version = HTTP-name "/" DIGIT "." DIGIT          ; RFC 9112 §2.3, case-sensitive
/// HTTP-name    = %x48.54.54.50
/// ```
/// The major and minor digit, when that is all of `input`.
pub fn http_version(input: &[u8]) -> Option<(u8, u8)> {
    let digit = |input| -> Parsed<'_, u8> {
        map(nom::character::complete::satisfy(|c| c.is_ascii_digit()), |c| c as u8 - b'0')
            .parse(input)
    };
    whole(preceded(tag(&b"HTTP/"[..]), separated_pair(digit, char('.'), digit)).parse(input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_one_after_the_other() {
        let (name, rest) = method(b"GET /a?b HTTP/1.1").unwrap();
        assert_eq!(name, "GET");
        let (target, rest) = request_target(rest).unwrap();
        assert_eq!((target, http_version(rest)), ("/a?b", Some((1, 1))));
    }

    #[test]
    fn what_is_not_in_the_grammar_is_nothing() {
        for bad in [&b""[..], b"GET", b" GET /", b"G\tT /", b"G:T /", b"GET\t/"] {
            assert_eq!(method(bad), None);
        }
        for bad in [&b" "[..], b"/a", b"/\x80 ", b"/# ", b"/\" ", b"\t "] {
            assert_eq!(request_target(bad), None);
        }
        for bad in ["", "HTTP/1", "HTTP/1.", "http/1.1", "HTTP/1.1 ", "HTTP/11.1", "HTTP/1.10"] {
            assert_eq!(http_version(bad.as_bytes()), None);
        }
    }
}
