//! The four forms of request-target (RFC 9112 §3.2).

use nom::combinator::{opt, verify};
use nom::sequence::delimited;

use super::element::Element::{AnyCase, Many0};
use super::element::{Literal, take};
use super::host::{AUTHORITY, Authority};
use crate::bytes::ascii::{as_str, is_pct_encoded};
use crate::bytes::class::BEFORE_QUERY;

/// A path and its query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathAndQuery<'a> {
    /// Both, as they stand.
    text: &'a str,
    /// Where the path ends.
    end: usize,
}

impl<'a> PathAndQuery<'a> {
    /// A path of `end` octets, and what follows it in `text`.
    pub(crate) const fn divided(text: &'a str, end: usize) -> Self {
        Self { text, end }
    }

    /// Both, as they stand.
    pub const fn as_str(self) -> &'a str {
        self.text
    }

    /// `absolute-path`, still percent-encoded; it begins with a slash.
    pub fn path(self) -> &'a str {
        let (path, _) = self.text.split_at_checked(self.end).unwrap_or_default();
        if path.is_empty() { "/" } else { path }
    }

    /// `query`, still percent-encoded, without the question mark.
    pub fn query(self) -> Option<&'a str> {
        self.text.get(self.end + 1..)
    }
}

/// ```abnf
/// origin-form   = absolute-path [ "?" query ]               ; RFC 9112 §3.2.1
/// absolute-path = 1*( "/" segment )                         ; RFC 9110 §4.1
/// pct-encoded   = "%" HEXDIG HEXDIG                         ; RFC 3986 §2.1
/// ```
/// What begins with a slash, and what follows the authority of an absolute-form: an empty path there
/// is the same as a slash (RFC 9110 §4.2.3).
///
/// A percent sign in the query need not begin a pct-encoded: browsers leave a lone one as it is,
/// and nothing here decodes a query.
pub fn path_and_query(target: &[u8]) -> Option<PathAndQuery<'_>> {
    let (_, path) = take(verify(Many0(&BEFORE_QUERY), is_pct_encoded), target)?;
    Some(PathAndQuery::divided(as_str(target), path.len()))
}

/// The schemes of an absolute-form that mean HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

impl Scheme {
    /// ```abnf
    /// absolute-form = absolute-URI                              ; RFC 9112 §3.2.2
    /// absolute-URI  = scheme ":" hier-part [ "?" query ]        ; RFC 3986 §4.3
    /// http-URI      = "http" "://" authority path-abempty [ "?" query ]    ; RFC 9110 §4.2.1
    /// https-URI     = "https" "://" authority path-abempty [ "?" query ]   ; RFC 9110 §4.2.2
    /// ```
    /// The scheme of an absolute-form, and what follows the slashes; `None` for any other.
    pub fn of(target: &[u8]) -> Option<(Self, &[u8])> {
        let scheme = delimited(AnyCase(b"http"), opt(AnyCase(b"s")), Literal(b"://"));
        let (rest, s) = take(scheme, target)?;
        Some((if s.is_some() { Self::Https } else { Self::Http }, rest))
    }
}

/// ```abnf
/// authority path-abempty [ "?" query ]                      ; RFC 9110 §4.2.1
/// ```
/// All that follows the scheme and the slashes of an absolute-form.
pub fn hier_part(after_scheme: &[u8]) -> Option<(Authority<'_>, PathAndQuery<'_>)> {
    let (rest, authority) = take(AUTHORITY, after_scheme)?;
    let ([] | [b'/' | b'?', ..]) = rest else { return None };
    Some((Authority(as_str(authority)), path_and_query(rest)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries() {
        for (text, expected, query) in [
            ("/", "/", None),
            ("/a/%41?b?c%", "/a/%41", Some("b?c%")),
            ("/?", "/", Some("")),
            ("", "/", None),
            ("?b", "/", Some("b")),
        ] {
            let found = path_and_query(text.as_bytes()).unwrap();
            assert_eq!((found.path(), found.query()), (expected, query), "{text}");
        }
        for bad in ["/%", "/%4", "/%4g", "/%%41"] {
            assert_eq!(path_and_query(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn absolute_forms() {
        for (target, scheme, authority, path_and_query) in [
            ("http://a/b?c", Scheme::Http, "a", "/b?c"),
            ("HTTPS://a:1", Scheme::Https, "a:1", ""),
            ("http://a?b", Scheme::Http, "a", "?b"),
        ] {
            let (found, rest) = Scheme::of(target.as_bytes()).unwrap();
            let expected = (authority, path_and_query);
            let (found_authority, found_path) = hier_part(rest).unwrap();
            let parts = (found_authority.as_str(), found_path.as_str());
            assert_eq!((found, parts), (scheme, expected), "{target}");
        }
        for bad in ["", "/b", "a:b/", "a|/", "u@a/", "a/%4"] {
            assert_eq!(hier_part(bad.as_bytes()), None, "{bad}");
        }
        for bad in ["http:/a", "ftp://a/", "httpss://a/", "http:a", "://a/", "a/b"] {
            assert_eq!(Scheme::of(bad.as_bytes()), None, "{bad}");
        }
    }
}
