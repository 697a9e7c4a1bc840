//! Parameters of the fields of a form's parts (RFC 7578 §4.2), and of the type of the whole.

use nom::branch::alt;

use super::element::Element::{self, Many1, Octet, Rule};
use super::element::{DQUOTE, Repeated, after};
use super::{OWS, SEMICOLON, TOKEN};
use crate::bytes::class::QDTEXT;
use crate::bytes::span::Span;

/// A parameter: where its parts stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: Span,
    /// Its value as it is written, without the quotes around it.
    pub value: Span,
    /// Whether there are quotes around the value.
    pub is_quoted: bool,
}

/// ```abnf
/// parameters = *( OWS ";" OWS [ parameter ] )                     ; RFC 9110 §5.6.6
/// parameter  = token "=" ( token / quoted )
/// quoted     = DQUOTE *( "\" DQUOTE / "\\" / "\" / qdtext ) DQUOTE
/// ```
/// A backslash escapes a quote or a backslash, and stands for itself elsewhere: that is what browsers
/// and others send who put a path into a file name (RFC 7578 §5.1.3 leaves it open).
///
/// Gives `visit` the parameters in `value` from `at` on, and returns whether it is well-formed to its
/// end.
pub fn parameters(value: &[u8], at: usize, visit: &mut dyn FnMut(Parameter)) -> bool {
    let mut rest = value.get(at..).unwrap_or_default();
    while let Some(behind) = after(SEMICOLON, rest) {
        rest = behind;
        // There may be none.
        if let Some(equals) = after(TOKEN, rest) {
            let at = |rest: &[u8]| value.len() - rest.len();
            let name = Span { start: at(rest), end: at(equals) };
            let Some(written) = after(Octet(b'='), equals) else { return false };
            let Some(behind) = after(alt((TOKEN, QUOTED)), written) else { return false };
            let is_quoted = written.starts_with(b"\"");
            let quote = usize::from(is_quoted);
            let value = Span { start: at(written) + quote, end: at(behind) - quote };
            visit(Parameter { name, value, is_quoted });
            rest = behind;
        }
    }
    after(OWS, rest).is_some_and(<[u8]>::is_empty)
}

const QUOTED: Element = Rule(|input| {
    let escaped = Rule(|input| after((BACKSLASH, alt((DQUOTE, BACKSLASH))), input));
    after((DQUOTE, Repeated(alt((Many1(&QDTEXT), escaped, BACKSLASH))), DQUOTE), input)
});

const BACKSLASH: Element = Octet(b'\\');

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn parameters_are_divided_outside_of_quotes() {
        for (value, expected) in [
            ("", Some(&[][..])),
            (" ", Some(&[])),
            (";;\t; ", Some(&[])),
            (";a=b", Some(&["a=b"])),
            (" ;\ta=b ; C=\"\";", Some(&["a=b", "C=\"\""])),
            (";a=\";b=\\\";c\";b=1", Some(&["a=\";b=\\\";c\"", "b=1"])),
            (";a=\"C:\\b\\\\c\\ d\"", Some(&["a=\"C:\\b\\\\c\\ d\""])),
            (";a*=UTF-8\'\'%C3%A9", Some(&["a*=UTF-8\'\'%C3%A9"])),
            (";a=\"\u{e9}\t\"", Some(&["a=\"\u{e9}\t\""])),
            ("a=b", None),
            (";a", None),
            (";a=", None),
            (";a =b", None),
            (";a= b", None),
            (";a=b c", None),
            (";a=\u{e9}", None),
            (";a=b\"c\"", None),
            (";a=\"b", None),
            (";a=\"b\\\"", None),
            (";a=\"b\"c\"", None),
            (";a=\"\0\"", None),
            (";=b", None),
            (",a=b", None),
        ] {
            let mut found = Vec::new();
            let value = std::format!("form-data{value}");
            let text = |span: Span| core::str::from_utf8(span.of(value.as_bytes())).unwrap();
            let is_whole = parameters(value.as_bytes(), 9, &mut |parameter| {
                let quote = if parameter.is_quoted { "\"" } else { "" };
                let (name, value) = (text(parameter.name), text(parameter.value));
                found.push(std::format!("{name}={quote}{value}{quote}"));
            });
            assert_eq!(is_whole, expected.is_some(), "{value}");
            if let Some(expected) = expected {
                assert_eq!(found, expected.iter().map(|&e| String::from(e)).collect::<Vec<_>>());
            }
        }
    }
}
