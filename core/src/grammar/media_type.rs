//! Media types (RFC 9110 §8.3.1).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::take_while;
use nom::character::complete::char;
use nom::combinator::{map, opt};
use nom::multi::fold_many0;

use super::list::quoted_string;
use super::{Parsed, ascii, token, whole};
use crate::bytes::class::is_ows;

/// A type and its subtype, in the case they were written; parameters are checked and left out.
#[derive(Clone, Copy, Debug)]
pub struct MediaType<'a> {
    /// `type`.
    pub kind: &'a str,
    /// `subtype`.
    pub subtype: &'a str,
}

impl MediaType<'_> {
    /// Whether this is `kind/subtype`, without regard to case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }
}

/// ```abnf
/// media-type = type "/" subtype parameters                          ; RFC 9110 §8.3.1
/// parameters = *( OWS ";" OWS [ parameter ] )                       ; RFC 9110 §5.6.6
/// parameter  = parameter-name "=" ( token / quoted-string )
/// ```
pub fn media_type(value: &[u8]) -> Option<MediaType<'_>> {
    let parameter = (token, char('='), alt((token, quoted_string)));
    let parameters = fold_many0((ows, char(';'), ows, opt(parameter)), || (), |(), _| ());
    whole(
        map((token, char('/'), token, parameters, ows), |(kind, _, subtype, (), _)| MediaType {
            kind: ascii(kind),
            subtype: ascii(subtype),
        })
        .parse(value),
    )
}

fn ows(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(is_ows)(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        for value in ["text/html", "TEXT/Html;charset=utf-8", "text/html ; a=\"b;c\" ;; d=e;"] {
            assert!(media_type(value.as_bytes()).is_some_and(|m| m.is("text", "html")), "{value}");
        }
        for value in
            ["", "text", "text/", "/html", "text /html", "text/html charset", "a/b;c=", "a/b,c/d"]
        {
            assert!(media_type(value.as_bytes()).is_none(), "{value}");
        }
    }
}
