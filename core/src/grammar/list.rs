//! Lists and the quoted strings in them (RFC 9110 §5.6).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while_m_n, take_while1};
use nom::character::complete::char;
use nom::combinator::recognize;
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded};

use super::Parsed;
use crate::bytes::ascii::trim_ows;
use crate::bytes::class::{is_field, is_qdtext};

/// ```abnf
/// quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE       ; RFC 9110 §5.6.4
/// quoted-pair   = "\" ( HTAB / SP / VCHAR / obs-text )
/// ```
/// The string with its quotes, escapes as they stand.
pub(super) fn quoted_string(input: &[u8]) -> Parsed<'_, &[u8]> {
    // Not `satisfy`: it takes an octet above 0x7f for a character of two, and panics at the end of
    // the input.
    let qdtext = take_while1(is_qdtext);
    let quoted_pair = preceded(char('\\'), take_while_m_n(1, 1, is_field));
    let text = fold_many0(alt((qdtext, quoted_pair)), || (), |(), _| ());
    recognize(delimited(char('"'), text, char('"'))).parse(input)
}

/// The members of a list-valued field line, without the whitespace around each.
///
/// ```abnf
/// #element => [ element ] *( OWS "," OWS [ element ] )          ; RFC 9110 §5.6.1.2
/// ```
/// Empty members are left out. A comma in a quoted-string divides nothing.
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
            let (member, rest) = self.rest.split_at(member_end(self.rest));
            self.rest = rest.get(1..).unwrap_or_default();
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
    let mut rest = input;
    loop {
        let plain: Parsed<'_, &[u8]> = take_while(|octet| octet != b',' && octet != b'"')(rest);
        rest = plain.map_or(rest, |(rest, _)| rest);
        match rest {
            [b'"', after @ ..] => rest = quoted_string(rest).map_or(after, |(rest, _)| rest),
            _ => return input.len() - rest.len(),
        }
    }
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
            (b"\"a,b", &[b"\"a", b"b"]),
            (b"\"\xff", &[b"\"\xff"]),
            (b"\"\\\xff\xe4\",b", &[b"\"\\\xff\xe4\"", b"b"]),
        ] {
            assert!(members(value).eq(expected.iter().copied()));
        }
    }
}
