//! The four forms of request-target (RFC 9112 §3.2).

use crate::bytes::ascii::{as_str, is_pct_encoded};
use crate::bytes::take::{take_until, take_while};

/// A path and its query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathAndQuery<'a> {
    /// Both, as they stand.
    pub(super) text: &'a str,
    /// Where the path ends.
    pub(super) end: usize,
}

impl<'a> PathAndQuery<'a> {
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
    let mut rest = target;
    let path = take_until(&mut rest, b'?');
    is_pct_encoded(path).then_some(PathAndQuery { text: as_str(target), end: path.len() })
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
        let mut rest = target;
        let scheme = match take_until(&mut rest, b':') {
            name if name.eq_ignore_ascii_case(b"http") => Self::Http,
            name if name.eq_ignore_ascii_case(b"https") => Self::Https,
            _ => return None,
        };
        let [b':', b'/', b'/', rest @ ..] = rest else { return None };
        Some((scheme, rest))
    }
}

/// The authority, and the path and query behind it, of what follows the scheme of an absolute-form.
pub fn hierarchy(after_scheme: &[u8]) -> (&[u8], &[u8]) {
    let mut rest = after_scheme;
    (take_while(&mut rest, |octet| !matches!(octet, b'/' | b'?')), rest)
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
            let expected = (authority.as_bytes(), path_and_query.as_bytes());
            assert_eq!((found, hierarchy(rest)), (scheme, expected), "{target}");
        }
        for bad in ["http:/a", "ftp://a/", "httpss://a/", "http:a", "://a/", "a/b"] {
            assert_eq!(Scheme::of(bad.as_bytes()), None, "{bad}");
        }
    }
}
