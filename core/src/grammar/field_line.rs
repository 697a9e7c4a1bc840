//! Field lines (RFC 9112 §5), also those of a trailer section.

use super::element::Element::Octet;
use super::element::after;
use super::{OWS, TOKEN};
use crate::bytes::ascii::trim_ows_end;
use crate::bytes::span::Span;

/// The positions of the parts of a field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLine {
    /// `field-name`.
    pub name: Span,
    /// `field-value` without the whitespace around it. It may hold octets above 0x7f (obs-text),
    /// but no control besides HTAB.
    pub value: Span,
}

/// ```abnf
/// field-line  = field-name ":" OWS field-value OWS         ; RFC 9112 §5
/// field-name  = token                                      ; RFC 9110 §5.1
/// field-value = *field-content                             ; RFC 9110 §5.5
/// ```
/// A whole line as [`line_end`](crate::message::line::line_end) finds it, without its CRLF: it holds
/// no control besides HTAB, and so any octets are a value. No whitespace is allowed before the name
/// (obs-fold, §5.2), nor between it and the colon (§5.1).
pub fn field_line(line: &[u8]) -> Option<FieldLine> {
    let colon = after(TOKEN, line)?;
    let value = after((Octet(b':'), OWS), colon)?;
    let at = |rest: &[u8]| line.len() - rest.len();
    Some(FieldLine {
        name: Span { start: 0, end: at(colon) },
        value: Span { start: at(value), end: at(value) + trim_ows_end(value).len() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let good = [
            (&b"A:b"[..], "A", &b"b"[..]),
            (b"a-1: \t b c\t ", "a-1", b"b c"),
            (b"A:", "A", b""),
            (b"A: :\xff\t\"", "A", b":\xff\t\""),
        ];
        for (line, name, value) in good {
            let found = field_line(line).unwrap();
            assert_eq!(&line[found.name.start..found.name.end], name.as_bytes());
            assert_eq!(&line[found.value.start..found.value.end], value);
        }
        for line in [&b" a: b"[..], b"\ta: b", b"", b":b", b"a", b"a :b", b"a b:c", b"\xe4:c"] {
            assert_eq!(field_line(line), None);
        }
    }
}
