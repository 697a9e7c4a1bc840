//! Parameters of a media type, and of a Content-Disposition (RFC 9110 §5.6.6, RFC 7578 §4.2).

use super::element::Element::Octet;
use super::element::after;
use super::list::TOKEN_OR_QUOTED_STRING;
use super::{OWS, SEMICOLON, TOKEN};
use crate::bytes::span::Span;

/// ```abnf
/// parameters      = *( OWS ";" OWS [ parameter ] )                  ; RFC 9110 §5.6.6
/// parameter       = parameter-name "=" parameter-value
/// parameter-name  = token
/// parameter-value = ( token / quoted-string )
/// ```
/// Returns whether all of `field` from `at` on is parameters, none of those in `names` twice. Puts where
/// their values stand in `field`, quotes included, into `values`, which is empty before.
pub fn parameters(field: &[u8], at: usize, names: &[&[u8]], values: &mut [Span]) -> bool {
    let at_rest = |rest: &[u8]| field.len() - rest.len();
    let mut rest = field.get(at..).unwrap_or_default();
    while let Some(name) = after(SEMICOLON, rest) {
        rest = name;
        // There may be none.
        let Some(equals) = after(TOKEN, name) else { continue };
        let Some(value) = after(Octet(b'='), equals) else { return false };
        let Some(behind) = after(TOKEN_OR_QUOTED_STRING, value) else { return false };
        let name = Span { start: at_rest(name), end: at_rest(equals) };
        let value = Span { start: at_rest(value), end: at_rest(behind) };
        if let Some(place) = position(names, name.of(field)).and_then(|index| values.get_mut(index))
        {
            if place.end > 0 {
                return false;
            }
            *place = value;
        }
        rest = behind;
    }
    after(OWS, rest).is_some_and(<[u8]>::is_empty)
}

/// The position of a name among `names`, in any case.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn position(names: &[&[u8]], name: &[u8]) -> Option<usize> {
    names.iter().position(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_divided_outside_of_quotes() {
        for (parameters, a, b) in [
            ("", None, None),
            (" ", None, None),
            (";;\t; ", None, None),
            (";a=b", Some("b"), None),
            (" ;\tA=b ; b=\"\";", Some("b"), Some("\"\"")),
            (";a=\";b=\\\";c\";c=1;c=2", Some("\";b=\\\";c\""), None),
            (";b=\"C:\\b\\\\c\\ d\"", None, Some("\"C:\\b\\\\c\\ d\"")),
            (";a*=UTF-8\'\'%C3%A9", None, None),
            (";a=\"\u{e9}\t\"", Some("\"\u{e9}\t\""), None),
        ] {
            let field = std::format!("form-data{parameters}");
            let mut values = [Span::default(); 2];
            assert!(super::parameters(field.as_bytes(), 9, &[b"a", b"B"], &mut values), "{field}");
            let text = |span: Span| core::str::from_utf8(span.of(field.as_bytes())).unwrap();
            let found = values.map(|value| (value.end > 0).then(|| text(value)));
            assert_eq!(found, [a, b], "{field}");
        }
    }

    #[test]
    fn what_is_no_parameter_is_refused() {
        for parameters in [
            "a=b",
            ";a",
            ";a=",
            ";a =b",
            ";a= b",
            ";a=b c",
            ";a=\u{e9}",
            ";a=b\"c\"",
            ";a=\"b",
            ";a=\"b\\\"",
            ";a=\"b\"c\"",
            ";a=\"\0\"",
            ";=b",
            ",a=b",
            ";a=1;A=2",
        ] {
            let field = std::format!("form-data{parameters}");
            assert!(
                !super::parameters(field.as_bytes(), 9, &[b"a"], &mut [Span::default()]),
                "{field}"
            );
        }
    }
}
