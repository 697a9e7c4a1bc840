//! Lists and the quoted strings in them (RFC 9110 §5.6).

use super::token;
use crate::bytes::ascii::trim_ows;
use crate::bytes::class::{is_field, is_qdtext};
use crate::bytes::take::{take_octet, take_while};

/// The value of a parameter, or of a chunk extension.
pub(super) fn token_or_quoted_string(input: &mut &[u8]) -> Option<()> {
    match input {
        [b'"', ..] => quoted_string(input),
        _ => token(input).map(drop),
    }
}

/// ```abnf
/// quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE       ; RFC 9110 §5.6.4
/// quoted-pair   = "\" ( HTAB / SP / VCHAR / obs-text )
/// ```
fn quoted_string(input: &mut &[u8]) -> Option<()> {
    take_octet(input, b'"')?;
    loop {
        take_while(input, is_qdtext);
        let [b'\\', escaped, rest @ ..] = *input else { return take_octet(input, b'"') };
        *input = rest;
        if !is_field(*escaped) {
            return None;
        }
    }
}

/// The members of a list-valued field line, without the whitespace around each.
///
/// ```abnf
/// #element => [ element ] *( OWS "," OWS [ element ] )          ; RFC 9110 §5.6.1.2
/// ```
/// Empty members are left out. A comma in a quoted-string divides nothing, and none does after a
/// quote that is never closed.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    rest: &'a [u8],
}

/// The members of `value`.
pub const fn members(value: &[u8]) -> Members<'_> {
    Members { rest: value }
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = member_end(self.rest);
            let member = self.rest.get(..end).unwrap_or_default();
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            let member = trim_ows(member);
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    }
}

/// Where the first member ends: at a comma outside of quotes, or with the input.
fn member_end(input: &[u8]) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let ends = |&octet: &u8| {
        is_quoted ^= octet == b'"' && !is_escaped;
        is_escaped = is_quoted && octet == b'\\' && !is_escaped;
        octet == b',' && !is_quoted
    };
    input.iter().position(ends).unwrap_or(input.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_divided_by_commas_outside_of_quotes() {
        for (value, expected) in [
            (&b""[..], &[][..]),
            (b"a", &[&b"a"[..]]),
            (b" ,a ,\t,b;c=d, ", &[b"a", b"b;c=d"]),
            (b"a=\"b,\\\",c\",d", &[b"a=\"b,\\\",c\"", b"d"]),
            (b"a, \"b,c", &[b"a", b"\"b,c"]),
            (b"\"\xff", &[b"\"\xff"]),
            (b"\"a\\\\\",b", &[b"\"a\\\\\"", b"b"]),
            (b"\"\\\xff\xe4\",b", &[b"\"\\\xff\xe4\"", b"b"]),
        ] {
            assert!(members(value).eq(expected.iter().copied()));
        }
    }
}
