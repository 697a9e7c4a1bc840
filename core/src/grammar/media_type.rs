//! Media types (RFC 9110 §8.3.1).

use nom::combinator::{cut, opt};
use nom::sequence::{preceded, separated_pair, terminated};

use super::element::Element::Octet;
use super::element::{Repeated, whole};
use super::list::TOKEN_OR_QUOTED_STRING;
use super::{OWS, SEMICOLON, TOKEN};

/// A type and its subtype, in the case they were written; parameters are checked and left out.
#[derive(Clone, Copy, Debug)]
pub struct MediaType<'a> {
    /// `type`.
    pub kind: &'a [u8],
    /// `subtype`.
    pub subtype: &'a [u8],
}

impl MediaType<'_> {
    /// Octets in front of the parameters.
    pub const fn length(&self) -> usize {
        self.kind.len() + 1 + self.subtype.len()
    }

    /// Whether this is `kind/subtype`, without regard to case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
            && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }
}

/// ```abnf
/// media-type = type "/" subtype parameters                          ; RFC 9110 §8.3.1
/// parameters = *( OWS ";" OWS [ parameter ] )                       ; RFC 9110 §5.6.6
/// parameter  = parameter-name "=" ( token / quoted-string )
/// ```
pub fn media_type(value: &[u8]) -> Option<MediaType<'_>> {
    let parameter = (TOKEN, cut((Octet(b'='), TOKEN_OR_QUOTED_STRING)));
    let parameters = Repeated(preceded(SEMICOLON, opt(parameter)));
    let types = separated_pair(TOKEN, Octet(b'/'), TOKEN);
    let (kind, subtype) = whole(terminated(types, (parameters, OWS)), value)?;
    Some(MediaType { kind, subtype })
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
