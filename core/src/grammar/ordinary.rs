//! Lines as nearly every client writes them, recognised by a few probes of sixteen octets.
//!
//! What is recognised here is what the strict grammar of [`request_line`](super::request_line) and
//! [`field_line`](super::field_line) finds too. Everything else, right or wrong, is left to it: so it
//! alone decides what is accepted.

use crate::bytes::probe::{Probe, WIDTH, find};
use crate::bytes::span::Span;
use crate::grammar::field_line::FieldLine;
use crate::grammar::request_line::RequestLine;

/// A request-line at the start of `input`, with its CRLF: a method in capital letters and version
/// 1.x. Also where it ends.
#[inline(always)]
pub fn request_line(input: &[u8]) -> Option<(RequestLine, usize)> {
    let method = match input.first_chunk()? {
        b"GET " => 3,
        b"POST" => 4,
        _ => input.iter().take(WIDTH).position(|octet| !octet.is_ascii_uppercase())?,
    };
    let target = method + 1;
    let end = find(input, target, Probe::not_in_target)?;
    let [name @ .., minor, cr, lf] = *input.get(end..)?.first_chunk::<11>()?;
    let line = RequestLine {
        method: Span { start: 0, end: method },
        target: Span { start: target, end },
        version: (1, minor.wrapping_sub(b'0')),
    };
    let is_ordinary = *input.get(method)? == b' '
        && method > 0
        && end > target
        && name == *b" HTTP/1."
        && minor.is_ascii_digit()
        && [cr, lf] == *b"\r\n";
    is_ordinary.then_some((line, end + 9))
}

/// The field line from `at` to the CRLF at `end`, which is where the next control is: a name of
/// letters, digits and hyphens, a colon, one space, and a value without whitespace around it. Also
/// the first four octets, the first of them lowest.
#[inline(always)]
pub fn field_line(input: &[u8], at: usize, end: usize) -> Option<(FieldLine, u32)> {
    let (names, first_four) = if let Some(probe) = Probe::new(input, at) {
        (probe.not_in_name(), probe.first_four())
    } else {
        let (probe, others) = Probe::last(input, at)?;
        let first_four = u32::from_le_bytes(*input.get(at..)?.first_chunk()?);
        (probe.not_in_name() >> others, first_four)
    };
    let name = match names {
        // Longer than a probe, as few are, and not longer than two.
        0 => {
            let names = Probe::new(input, at + WIDTH)?.not_in_name() | 1 << WIDTH;
            WIDTH + names.trailing_zeros() as usize
        }
        names => names.trailing_zeros() as usize,
    };
    let rest = input.get(at + name..end + 2)?;
    let [before @ .., first] = *rest.first_chunk::<3>()?;
    let [last, after @ ..] = *rest.last_chunk::<3>()?;
    let is_ordinary =
        before == *b": " && after == *b"\r\n" && first > b' ' && last > b' ' && name > 0;
    let name = Span { start: at, end: at + name };
    let value = Span { start: name.end + 2, end };
    is_ordinary.then_some((FieldLine { name, value }, first_four))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::field_line as strict;
    use crate::grammar::request_line as strict_request;

    #[test]
    fn field_lines_are_those_of_the_strict_grammar() {
        for (line, ordinary) in [
            ("Host: a", true),
            ("A: b", true),
            ("Some-Very-Long-Name-0123456789: with \u{e4} value, of some length", true),
            ("A:b", false),
            ("A: ", false),
            ("A:  b", false),
            ("A: b ", false),
            ("A: b\tc", false),
            ("A_b: c", false),
            ("A-Name-Of-Forty-Octets-And-No-Colon-At-It x-----: b", false),
            ("A-Name-Of-Thirty-Two-Octets-0123: b", true),
            ("A-Name-Of-Thirty-Three-Octets-012: b", false),
            (": b", false),
            ("A : b", false),
            ("A", false),
            ("A: b\0", false),
        ] {
            let input = std::format!("{line}\r\nAnother-Line: after it\r\n\r\n");
            let end = input.find(|octet: char| octet.is_ascii_control()).unwrap();
            let found = field_line(input.as_bytes(), 0, end);
            assert_eq!(found.is_some(), ordinary, "{line}");
            if let Some((found, first_four)) = found {
                assert_eq!(Ok(found), strict::field_line(line.as_bytes()));
                assert_eq!(first_four.to_le_bytes(), input.as_bytes()[..4]);
            }
        }
    }

    #[test]
    fn request_lines_are_those_of_the_strict_grammar() {
        for (line, ordinary) in [
            ("GET / HTTP/1.1", true),
            ("POST /a?b=c|d%20 HTTP/1.0", true),
            ("OPTIONS * HTTP/1.2", true),
            ("GET  / HTTP/1.1", false),
            ("GET /\" HTTP/1.1", false),
            ("GET /\u{e4} HTTP/1.1", false),
            ("GET / HTTP/2.0", false),
            ("get / HTTP/1.1", false),
            (" / HTTP/1.1", false),
            ("GET / HTTP/1.1 ", false),
            ("GET  HTTP/1.1", false),
        ] {
            let input = std::format!("{line}\r\nHost: a\r\n\r\n");
            let found = request_line(input.as_bytes());
            assert_eq!(found.is_some(), ordinary, "{line}");
            if let Some((found, end)) = found {
                assert_eq!(end, line.len());
                assert_eq!(strict_request::request_line(line.as_bytes()), Ok(found));
            }
        }
    }
}
