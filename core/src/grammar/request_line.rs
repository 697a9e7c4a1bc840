//! The request-line (RFC 9112 §3).

use nom::Parser;
use nom::sequence::terminated;

use super::{octet, take_while1, token};
use crate::bytes::class::is_target;

/// ```abnf
/// request-line = method SP request-target SP HTTP-version
/// method       = token
/// ```
/// The method, and what follows its SP.
pub fn method(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, method) = terminated(token, octet(b' ')).parse(line).ok()?;
    Some((method, rest))
}

/// The request-target, of whichever form, and what follows its SP.
pub fn request_target(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let target = take_while1(is_target);
    let (rest, target) = terminated(target, octet(b' ')).parse(input).ok()?;
    Some((target, rest))
}

/// ```abnf
/// HTTP-version = HTTP-name "/" DIGIT "." DIGIT          ; RFC 9112 §2.3, case-sensitive
/// HTTP-name    = %x48.54.54.50
/// ```
/// The major and minor digit, when that is all of `input`.
pub fn http_version(input: &[u8]) -> Option<(u8, u8)> {
    let [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] = input
    else {
        return None;
    };
    Some((major - b'0', minor - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_one_after_the_other() {
        let (name, rest) = method(b"GET /a?b HTTP/1.1").unwrap();
        assert_eq!(name, b"GET");
        let (target, rest) = request_target(rest).unwrap();
        assert_eq!((target, http_version(rest)), (&b"/a?b"[..], Some((1, 1))));
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
