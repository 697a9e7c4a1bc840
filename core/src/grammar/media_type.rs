//! Media types (RFC 9110 §8.3.1).

use super::list::token_or_quoted_string;
use super::{divider, ows, token};
use crate::bytes::take::take_octet;

/// A type and its subtype, in the case they were written; parameters are checked and left out.
#[derive(Clone, Copy, Debug)]
pub struct MediaType<'a> {
    /// `type`.
    pub kind: &'a [u8],
    /// `subtype`.
    pub subtype: &'a [u8],
}

impl MediaType<'_> {
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
    let mut rest = value;
    let kind = token(&mut rest)?;
    take_octet(&mut rest, b'/')?;
    let subtype = token(&mut rest)?;
    loop {
        ows(&mut rest);
        if rest.is_empty() {
            return Some(MediaType { kind, subtype });
        }
        divider(b';', &mut rest)?;
        if token(&mut rest).is_some() {
            take_octet(&mut rest, b'=')?;
            token_or_quoted_string(&mut rest)?;
        }
    }
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
