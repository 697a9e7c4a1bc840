//! The four forms of request-target (RFC 9112 §3.2).

use crate::bytes::ascii::{as_str, is_pct_encoded};
use crate::bytes::take::{take_octet, take_while};

/// A path and its query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathAndQuery<'a> {
    /// `absolute-path`, still percent-encoded; it begins with a slash, but is empty where an
    /// absolute-form has no path.
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
    /// The path and the query.
    pub path: PathAndQuery<'a>,
}

/// ```abnf
/// origin-form   = absolute-path [ "?" query ]               ; RFC 9112 §3.2.1
/// absolute-path = 1*( "/" segment )                         ; RFC 9110 §4.1
/// pct-encoded   = "%" HEXDIG HEXDIG                         ; RFC 3986 §2.1
/// ```
/// A percent sign in the query need not begin a pct-encoded: browsers leave a lone one as it is,
/// and nothing here decodes a query.
pub fn origin_form(target: &[u8]) -> Option<PathAndQuery<'_>> {
    path_and_query(target).filter(|_| target.starts_with(b"/"))
}

/// The path before the first question mark, which may be empty, and the query behind it.
fn path_and_query(target: &[u8]) -> Option<PathAndQuery<'_>> {
    let mut rest = target;
    let path = take_while(&mut rest, |octet| octet != b'?');
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
    rest = rest.strip_prefix(b"://")?;
    let authority = take_while(&mut rest, |octet| !matches!(octet, b'/' | b'?'));
    Some(AbsoluteForm { is_https, authority, path: path_and_query(rest)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path<'a>(path: &'a str, query: Option<&'a str>) -> PathAndQuery<'a> {
        PathAndQuery { path, query }
    }

    #[test]
    fn origin_forms() {
        assert_eq!(origin_form(b"/"), Some(path("/", None)));
        assert_eq!(origin_form(b"/a/%41?b?c%"), Some(path("/a/%41", Some("b?c%"))));
        assert_eq!(origin_form(b"/?"), Some(path("/", Some(""))));
        for bad in ["", "a", "?a", "*", "/%", "/%4", "/%4g", "/%%41"] {
            assert_eq!(origin_form(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn absolute_forms() {
        for (target, is_https, authority, path) in [
            ("http://a/b?c", false, "a", path("/b", Some("c"))),
            ("HTTPS://a:1", true, "a:1", path("", None)),
            ("http://a?b", false, "a", path("", Some("b"))),
        ] {
            let authority = authority.as_bytes();
            let expected = AbsoluteForm { is_https, authority, path };
            assert_eq!(absolute_form(target.as_bytes()), Some(expected), "{target}");
        }
        for bad in ["http:/a", "ftp://a/", "httpss://a/", "http:a", "://a/", "http://a/%"] {
            assert_eq!(absolute_form(bad.as_bytes()), None, "{bad}");
        }
    }
}
