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
/// Returns whether all of `field` from `at` on is parameters, none of those in `known` twice. Puts the
/// position of their values in `field` behind their names, quotes included.
pub fn parameters(field: &[u8], at: usize, known: &mut [(&[u8], Option<Span>)]) -> bool {
    let position = |rest: &[u8]| field.len() - rest.len();
    let mut rest = field.get(at..).unwrap_or_default();
    while let Some(name) = after(SEMICOLON, rest) {
        rest = name;
        // There may be none.
        let Some(equals) = after(TOKEN, name) else { continue };
        let Some(value) = after(Octet(b'='), equals) else { return false };
        let Some(behind) = after(TOKEN_OR_QUOTED_STRING, value) else { return false };
        let name = Span { start: position(name), end: position(equals) };
        let value = Span { start: position(value), end: position(behind) };
        for (wanted, place) in &mut *known {
            if wanted.eq_ignore_ascii_case(name.of(field)) && place.replace(value).is_some() {
                return false;
            }
        }
        rest = behind;
    }
    after(OWS, rest).is_some_and(<[u8]>::is_empty)
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
            let mut known: [(&[u8], _); 2] = [(b"a", None), (b"B", None)];
            assert!(super::parameters(field.as_bytes(), 9, &mut known), "{field}");
            let text = |span: Span| core::str::from_utf8(span.of(field.as_bytes())).unwrap();
            let found = known.map(|(_, value)| value.map(text));
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
            let mut known: [(&[u8], _); 1] = [(b"a", None)];
            assert!(!super::parameters(field.as_bytes(), 9, &mut known), "{field}");
        }
    }
}
