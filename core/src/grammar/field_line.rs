//! Field lines (RFC 9112 §5), also those of a trailer section.

use nom::Parser;
use nom::bytes::complete::take_while;
use nom::character::complete::char;
use nom::sequence::terminated;

use super::{Parsed, ascii, token};
use crate::bytes::ascii::trim_ows;
use crate::bytes::class::is_field;

/// A field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLine<'a> {
    /// `field-name`, in the case it was sent.
    pub name: &'a str,
    /// `field-value` without the whitespace around it. It may hold octets above 0x7f (obs-text),
    /// but no control besides HTAB.
    pub value: &'a [u8],
}

/// What is wrong with a line that is no field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// It begins with whitespace: obs-fold (§5.2), or whitespace before the first line (§2.2).
    Folded,
    /// Its name is empty, or not a token, or is followed by whitespace or by no colon.
    Name,
    /// Its value holds a control.
    Value,
}

/// ```abnf
/// field-line  = field-name ":" OWS field-value OWS         ; RFC 9112 §5
/// field-name  = token                                      ; RFC 9110 §5.1
/// field-value = *field-content                             ; RFC 9110 §5.5
/// ```
/// A whole line, without its CRLF. No whitespace is allowed between name and colon (§5.1).
pub fn field_line(line: &[u8]) -> Result<FieldLine<'_>, FieldFault> {
    if let [b' ' | b'\t', ..] = line {
        return Err(FieldFault::Folded);
    }
    let (rest, name) = terminated(token, char(':')).parse(line).map_err(|_| FieldFault::Name)?;
    let content: Parsed<'_, &[u8]> = take_while(is_field)(rest);
    match content {
        Ok(([], value)) => Ok(FieldLine { name: ascii(name), value: trim_ows(value) }),
        _ => Err(FieldFault::Value),
    }
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
            assert_eq!(field_line(line), Ok(FieldLine { name, value }));
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
            (b"a:b\rc", FieldFault::Value),
            (b"a:\0", FieldFault::Value),
            (b"a:\x7f", FieldFault::Value),
        ] {
            assert_eq!(field_line(line), Err(fault));
        }
    }
}
