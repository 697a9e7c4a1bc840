//! Field lines (RFC 9112 §5), also those of a trailer section.

use super::length_before;
use crate::bytes::ascii::{trim_ows_end, trim_ows_start};
use crate::bytes::class::TCHAR;
use crate::bytes::span::Span;

/// Where the parts of a field line stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLine {
    /// `field-name`.
    pub name: Span,
    /// `field-value` without the whitespace around it. It may hold octets above 0x7f (obs-text),
    /// but no control besides HTAB.
    pub value: Span,
}

/// What is wrong with a line that is no field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// It begins with whitespace: obs-fold (§5.2), or whitespace before the first line (§2.2).
    Folded,
    /// Its name is empty, or not a token, or is followed by whitespace or by no colon.
    Name,
}

/// ```abnf
/// field-line  = field-name ":" OWS field-value OWS         ; RFC 9112 §5
/// field-name  = token                                      ; RFC 9110 §5.1
/// field-value = *field-content                             ; RFC 9110 §5.5
/// ```
/// A whole line as [`line_end`](crate::bytes::scan::line_end) finds it, without its CRLF: it holds
/// no control besides HTAB, and so any octets are a value. No whitespace is allowed between name and
/// colon (§5.1).
pub fn field_line(line: &[u8]) -> Result<FieldLine, FieldFault> {
    if let [b' ' | b'\t', ..] = line {
        return Err(FieldFault::Folded);
    }
    let name = length_before(b':', &TCHAR, line).ok_or(FieldFault::Name)?;
    let value = trim_ows_start(line.get(name + 1..).unwrap_or_default());
    let start = line.len() - value.len();
    Ok(FieldLine {
        name: Span { start: 0, end: name },
        value: Span { start, end: start + trim_ows_end(value).len() },
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
        for (line, fault) in [
            (&b" a: b"[..], FieldFault::Folded),
            (b"\ta: b", FieldFault::Folded),
            (b"", FieldFault::Name),
            (b":b", FieldFault::Name),
            (b"a", FieldFault::Name),
            (b"a :b", FieldFault::Name),
            (b"a b:c", FieldFault::Name),
            (b"\xe4:c", FieldFault::Name),
        ] {
            assert_eq!(field_line(line), Err(fault));
        }
    }
}
