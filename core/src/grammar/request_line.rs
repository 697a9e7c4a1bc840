//! The request-line (RFC 9112 §3).

use nom::sequence::{preceded, separated_pair};

use super::TOKEN;
use super::element::Element::{Many1, Octet};
use super::element::{Digit, Literal, SP, after, whole};
use crate::bytes::class::TARGET;
use crate::bytes::span::Span;

/// The positions of the parts of a request-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// `method`.
    pub method: Span,
    /// `request-target`, of whichever form.
    pub target: Span,
    /// The two digits of `HTTP-version`.
    pub version: (u8, u8),
}

/// The first part of a line that makes it no request-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestLineFault {
    /// Its method, or the one space after it.
    Method,
    /// Its request-target, or the one space after it.
    Target,
    /// Its HTTP-version.
    Version,
}

/// ```abnf
/// request-line = method SP request-target SP HTTP-version
/// method       = token
/// HTTP-version = HTTP-name "/" DIGIT "." DIGIT          ; RFC 9112 §2.3, case-sensitive
/// HTTP-name    = %x48.54.54.50
/// ```
/// A whole line, without its CRLF.
pub fn request_line(line: &[u8]) -> Result<RequestLine, RequestLineFault> {
    let http_version = preceded(Literal(b"HTTP/"), separated_pair(Digit, Octet(b'.'), Digit));
    let target = after((TOKEN, SP), line).ok_or(RequestLineFault::Method)?;
    let version = after((Many1(&TARGET), SP), target).ok_or(RequestLineFault::Target)?;
    let at = |rest: &[u8]| line.len() - rest.len();
    Ok(RequestLine {
        method: Span { start: 0, end: at(target) - 1 },
        target: Span { start: at(target), end: at(version) - 1 },
        version: whole(http_version, version).ok_or(RequestLineFault::Version)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, method, target, version) in [
            ("GET /a?b HTTP/1.1", "GET", "/a?b", (1, 1)),
            ("g~ * HTTP/0.9", "g~", "*", (0, 9)),
            ("! :|\\ HTTP/2.0", "!", ":|\\", (2, 0)),
        ] {
            let found = request_line(line.as_bytes()).unwrap();
            assert_eq!(line.get(found.method.start..found.method.end), Some(method));
            assert_eq!(line.get(found.target.start..found.target.end), Some(target));
            assert_eq!(found.version, version);
        }
    }

    #[test]
    fn what_is_not_in_the_grammar_has_a_fault() {
        for bad in [&b""[..], b"GET", b" GET /", b"G\tT /", b"G:T /", b"GET\t/"] {
            assert_eq!(request_line(bad), Err(RequestLineFault::Method));
        }
        for bad in [&b"A "[..], b"A  ", b"A /a", b"A /\x80 ", b"A /# ", b"A /\" ", b"A \t "] {
            assert_eq!(request_line(bad), Err(RequestLineFault::Target));
        }
        for bad in ["", "HTTP/1", "HTTP/1.", "http/1.1", "HTTP/1.1 ", "HTTP/11.1", "HTTP/1.10"] {
            let line = std::format!("A / {bad}");
            assert_eq!(request_line(line.as_bytes()), Err(RequestLineFault::Version));
        }
    }
}
