//! The four forms of request-target (RFC 9112 §3.2).

use crate::bytes::ascii::{as_str, is_pct_encoded};
use crate::bytes::take::{take_octet, take_while};

/// A path and its query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathAndQuery<'a> {
    /// `absolute-path`, still percent-encoded; it begins with a slash.
    pub path: &'a str,
    /// `query`, still percent-encoded, without the question mark.
    pub query: Option<&'a str>,
}

/// An absolute-form, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsoluteForm<'a> {
    /// Whether the scheme is `https`, and not `http`.
    pub is_https: bool,
    /// The authority as it stands.
    pub authority: &'a [u8],
    /// The path and the query as they stand.
    pub path_and_query: &'a [u8],
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
    let path = match take_while(&mut rest, |octet| octet != b'?') {
        [] => b"/",
        path => path,
    };
    let query = take_octet(&mut rest, b'?').map(|()| as_str(rest));
    is_pct_encoded(path).then_some(PathAndQuery { path: as_str(path), query })
}

/// ```abnf
/// absolute-form = absolute-URI                              ; RFC 9112 §3.2.2
/// absolute-URI  = scheme ":" hier-part [ "?" query ]        ; RFC 3986 §4.3
/// http-URI      = "http" "://" authority path-abempty [ "?" query ]    ; RFC 9110 §4.2.1
/// ```
/// Only `http` and `https`: nothing else can be served.
pub fn absolute_form(target: &[u8]) -> Option<AbsoluteForm<'_>> {
    let mut rest = target;
    let scheme = take_while(&mut rest, |octet| octet != b':');
    let is_https = scheme.eq_ignore_ascii_case(b"https");
    if !is_https && !scheme.eq_ignore_ascii_case(b"http") {
        return None;
    }
    let [b':', b'/', b'/', after @ ..] = rest else { return None };
    let mut rest = after;
    let authority = take_while(&mut rest, |octet| !matches!(octet, b'/' | b'?'));
    Some(AbsoluteForm { is_https, authority, path_and_query: rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path<'a>(path: &'a str, query: Option<&'a str>) -> PathAndQuery<'a> {
        PathAndQuery { path, query }
    }

    #[test]
    fn paths_and_queries() {
        for (text, expected, query) in [
            ("/", "/", None),
            ("/a/%41?b?c%", "/a/%41", Some("b?c%")),
            ("/?", "/", Some("")),
            ("", "/", None),
            ("?b", "/", Some("b")),
        ] {
            assert_eq!(path_and_query(text.as_bytes()), Some(path(expected, query)));
        }
        for bad in ["/%", "/%4", "/%4g", "/%%41"] {
            assert_eq!(path_and_query(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn absolute_forms() {
        for (target, is_https, authority, rest) in [
            ("http://a/b?c", false, "a", "/b?c"),
            ("HTTPS://a:1", true, "a:1", ""),
            ("http://a?b", false, "a", "?b"),
        ] {
            let (authority, path_and_query) = (authority.as_bytes(), rest.as_bytes());
            let expected = AbsoluteForm { is_https, authority, path_and_query };
            assert_eq!(absolute_form(target.as_bytes()), Some(expected), "{target}");
        }
        for bad in ["http:/a", "ftp://a/", "httpss://a/", "http:a", "://a/", "a/b"] {
            assert_eq!(absolute_form(bad.as_bytes()), None, "{bad}");
        }
    }
}
