//! Cookies, as a client sends them back (RFC 6265 §4.2).

use crate::bytes::ascii::trim_ows;
use crate::bytes::take::take_until;

/// The cookies of a field line, by name and value.
///
/// ```abnf
/// cookie-string = cookie-pair *( ";" SP cookie-pair )           ; RFC 6265 §4.2.1
/// cookie-pair   = cookie-name "=" cookie-value                  ; RFC 6265 §4.1.1
/// cookie-name   = token
/// cookie-value  = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )
/// ```
/// Browsers keep and send more than that, scripts' cookies above all, and no server refuses it. So
/// cookies are divided by semicolons, and name and value by the first equals sign, each without the
/// whitespace around it. Quotes are part of the value, as they are to browsers. What has no equals
/// sign is the value of a cookie without a name, and what is empty is none.
#[derive(Clone, Debug)]
pub struct Cookies<'a> {
    rest: &'a [u8],
}

/// The cookies of `value`.
pub const fn cookies(value: &[u8]) -> Cookies<'_> {
    Cookies { rest: value }
}

impl<'a> Iterator for Cookies<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let pair = take_until(&mut self.rest, b';');
            let mut value = trim_ows(pair);
            if value.is_empty() {
                continue;
            }
            let whole = value;
            let name = take_until(&mut value, b'=');
            let has_name = name.len() < whole.len();
            return Some(if has_name { (trim_ows(name), trim_ows(value)) } else { (b"", whole) });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_divided_by_semicolons() {
        for (value, expected) in [
            ("", &[][..]),
            (" ; ;", &[]),
            ("a=1; b=2", &[("a", "1"), ("b", "2")]),
            ("a=1;b=2;", &[("a", "1"), ("b", "2")]),
            ("a = 1 ;\tb= 2", &[("a", "1"), ("b", "2")]),
            ("a=b=c; d==", &[("a", "b=c"), ("d", "=")]),
            ("a=\"1 2\"; b=\"; c=\"", &[("a", "\"1 2\""), ("b", "\""), ("c", "\"")]),
            ("a; =b; =; c=", &[("", "a"), ("", "b"), ("", ""), ("c", "")]),
            ("a=%3B, b=2", &[("a", "%3B, b=2")]),
        ] {
            let expected = expected.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            assert!(cookies(value.as_bytes()).eq(expected), "{value}");
        }
    }
}
