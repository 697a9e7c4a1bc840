//! Media types (RFC 9110 §8.3.1).

use nom::sequence::separated_pair;

use super::TOKEN;
use super::element::Element::Octet;
use super::element::take;
use super::parameter::parameters;
use crate::bytes::span::Span;

/// A type and its subtype, in the case they were written.
#[derive(Clone, Copy, Debug)]
pub struct MediaType<'a> {
    /// `type`.
    pub kind: &'a [u8],
    /// `subtype`.
    pub subtype: &'a [u8],
    /// All of it, with its parameters.
    value: &'a [u8],
}

impl<'a> MediaType<'a> {
    /// Whether this is `kind/subtype`, without regard to case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
            && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// The value of the only parameter with this name, without quotes around it; quoted-pairs are left as
    /// they are.
    pub fn parameter(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut values = [Span::default()];
        let is_well_formed = self.parameters(&[name], &mut values);
        let [value] = values;
        match value.of(self.value) {
            [b'"', value @ .., b'"'] | value if is_well_formed && !value.is_empty() => Some(value),
            _ => None,
        }
    }

    fn parameters(&self, names: &[&[u8]], values: &mut [Span]) -> bool {
        parameters(self.value, self.kind.len() + 1 + self.subtype.len(), names, values)
    }
}

/// ```abnf
/// media-type = type "/" subtype parameters                          ; RFC 9110 §8.3.1
/// ```
pub fn media_type(value: &[u8]) -> Option<MediaType<'_>> {
    let (_, (kind, subtype)) = take(separated_pair(TOKEN, Octet(b'/'), TOKEN), value)?;
    let media_type = MediaType { kind, subtype, value };
    media_type.parameters(&[], &mut []).then_some(media_type)
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
