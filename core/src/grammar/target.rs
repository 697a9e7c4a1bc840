//! The four forms of request-target (RFC 9112 §3.2).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_while};
use nom::combinator::value;

use super::{Parsed, ascii};
use crate::bytes::ascii::is_pct_encoded;

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
    pub authority: &'a str,
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
pub fn origin_form(target: &str) -> Option<PathAndQuery<'_>> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    (path.starts_with('/') && is_pct_encoded(path.as_bytes()))
        .then_some(PathAndQuery { path, query })
}

/// ```abnf
/// absolute-form = absolute-URI                              ; RFC 9112 §3.2.2
/// absolute-URI  = scheme ":" hier-part [ "?" query ]        ; RFC 3986 §4.3
/// http-URI      = "http" "://" authority path-abempty [ "?" query ]    ; RFC 9110 §4.2.1
/// ```
/// Only `http` and `https`: nothing else can be served.
pub fn absolute_form(target: &str) -> Option<AbsoluteForm<'_>> {
    let scheme = alt((
        value(true, tag_no_case(&b"https://"[..])),
        value(false, tag_no_case(&b"http://"[..])),
    ));
    let authority = take_while(|octet| !matches!(octet, b'/' | b'?'));
    let parsed: Parsed<'_, (bool, &[u8])> = (scheme, authority).parse(target.as_bytes());
    let (rest, (is_https, authority)) = parsed.ok()?;
    let rest = ascii(rest);
    let query_alone =
        rest.strip_prefix('?').map(|query| PathAndQuery { path: "", query: Some(query) });
    let path = match query_alone {
        None if rest.is_empty() => PathAndQuery { path: "", query: None },
        None => origin_form(rest)?,
        Some(path) => path,
    };
    Some(AbsoluteForm { is_https, authority: ascii(authority), path })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path<'a>(path: &'a str, query: Option<&'a str>) -> PathAndQuery<'a> {
        PathAndQuery { path, query }
    }

    #[test]
    fn origin_forms() {
        assert_eq!(origin_form("/"), Some(path("/", None)));
        assert_eq!(origin_form("/a/%41?b?c%"), Some(path("/a/%41", Some("b?c%"))));
        assert_eq!(origin_form("/?"), Some(path("/", Some(""))));
        for bad in ["", "a", "?a", "*", "/%", "/%4", "/%4g", "/%%41"] {
            assert_eq!(origin_form(bad), None, "{bad}");
        }
    }

    #[test]
    fn absolute_forms() {
        for (target, is_https, authority, path) in [
            ("http://a/b?c", false, "a", path("/b", Some("c"))),
            ("HTTPS://a:1", true, "a:1", path("", None)),
            ("http://a?b", false, "a", path("", Some("b"))),
        ] {
            assert_eq!(absolute_form(target), Some(AbsoluteForm { is_https, authority, path }));
        }
        for bad in ["http:/a", "ftp://a/", "httpss://a/", "http:a", "://a/", "http://a/%"] {
            assert_eq!(absolute_form(bad), None, "{bad}");
        }
    }
}
