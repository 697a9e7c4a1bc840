//! Lists and the quoted strings in them (RFC 9110 §5.6).

use nom::branch::alt;
use nom::combinator::eof;

use super::element::Element::{self, Many1, Octet, One, Rule};
use super::element::{DQUOTE, Repeated, after};
use super::{OWS, TOKEN};
use crate::bytes::ascii::trim_ows;
use crate::bytes::class::{FIELD, QDTEXT};

/// The value of a parameter, or of a chunk extension.
pub(super) const TOKEN_OR_QUOTED_STRING: Element = Rule(token_or_quoted_string);

#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn token_or_quoted_string(input: &[u8]) -> Option<&[u8]> {
    after(alt((TOKEN, QUOTED_STRING)), input)
}

/// ```abnf
/// quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE       ; RFC 9110 §5.6.4
/// quoted-pair   = "\" ( HTAB / SP / VCHAR / obs-text )
/// ```
const QUOTED_STRING: Element = Rule(|input| {
    let quoted_pair = Rule(|input| after((Octet(b'\\'), One(&FIELD)), input));
    after((DQUOTE, Repeated(alt((Many1(&QDTEXT), quoted_pair))), DQUOTE), input)
});

/// What ends the member of a list: a comma, or the end of the field.
pub(super) const MEMBER_END: Element = Rule(member_end);

#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn member_end(input: &[u8]) -> Option<&[u8]> {
    after((OWS, alt((Octet(b','), eof))), input)
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
            let end = divider(self.rest);
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

/// Where the first member ends: at a comma outside of quotes, or with the input. No combinator says
/// this: a quote that is never closed is no quoted-string, and yet no comma after it divides.
fn divider(input: &[u8]) -> usize {
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
