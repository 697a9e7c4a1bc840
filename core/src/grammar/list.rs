//! Lists and the quoted strings in them (RFC 9110 §5.6).

use nom::Parser;
use nom::bytes::complete::take_while;
use nom::character::complete::{char, satisfy};
use nom::combinator::{recognize, value};
use nom::multi::fold_many0;
use nom::sequence::delimited;

use super::Parsed;
use crate::bytes::ascii::trim_ows;
use crate::bytes::class::{is_field, is_qdtext};

/// ```abnf
/// quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE       ; RFC 9110 §5.6.4
/// quoted-pair   = "\" ( HTAB / SP / VCHAR / obs-text )
/// ```
/// The string with its quotes, escapes as they stand.
pub(super) fn quoted_string(input: &[u8]) -> Parsed<'_, &[u8]> {
    let qdtext = value((), satisfy(|c| u8::try_from(c).is_ok_and(is_qdtext)));
    let quoted_pair = value((), (char('\\'), satisfy(|c| u8::try_from(c).is_ok_and(is_field))));
    let text = fold_many0(nom::branch::alt((qdtext, quoted_pair)), || (), |(), ()| ());
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
        ] {
            assert!(members(value).eq(expected.iter().copied()));
        }
    }
}
