//! Request-targets (RFC 9112 §3.2).

use super::error::ParseError;
use super::method::Method;
use crate::grammar::host::{self, Authority};
use crate::grammar::target::{PathAndQuery, Scheme, hier_part, path_and_query};

/// The target of a request, by form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// `/path?query`: the usual form.
    Origin(PathAndQuery<'a>),
    /// `http://host/path?query`, or the same of `https`: the form for proxies. Its authority wins over Host (§3.2.2).
    Absolute(Authority<'a>, PathAndQuery<'a>),
    /// `host:port`: CONNECT only.
    Authority(Authority<'a>),
    /// `*`: OPTIONS only.
    Asterisk,
}

impl<'a> Target<'a> {
    /// The target that `text` spells for `method`, on a connection in the clear.
    ///
    /// # Errors
    /// [`ParseError::RequestTarget`] when it is of no form, or of a form that is not the method's;
    /// [`ParseError::Misdirected`] when it is under `https`, whatever follows that: a connection in the
    /// clear has to reject it (RFC 9110 §7.4).
    pub fn new(method: Method<'_>, text: &'a [u8]) -> Result<Self, ParseError> {
        Self::over(method, text, false)
    }

    /// The target that `text` spells for `method`, on a connection that may be secure.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(super) fn over(
        method: Method<'_>,
        text: &'a [u8],
        may_be_secure: bool,
    ) -> Result<Self, ParseError> {
        let target = match (method, text) {
            (Method::Connect, _) => Self::authority_form(text),
            (Method::Options, b"*") => Some(Self::Asterisk),
            (_, [b'/', ..]) => path_and_query(text).map(Self::Origin),
            _ => match Scheme::of(text) {
                Some((Scheme::Https, _)) if !may_be_secure => return Err(ParseError::Misdirected),
                Some((_, rest)) => Self::absolute_form(method, rest),
                None => None,
            },
        };
        target.ok_or(ParseError::RequestTarget)
    }

    /// CONNECT has to say a port (RFC 9112 §3.2.3).
    fn authority_form(text: &'a [u8]) -> Option<Self> {
        let authority = host::authority(text)?;
        authority.has_port().then_some(Self::Authority(authority))
    }

    /// Without a path, OPTIONS means the server as a whole, and any other method the root
    /// (RFC 9112 §3.2.1 and §3.2.4).
    fn absolute_form(method: Method<'_>, after_scheme: &'a [u8]) -> Option<Self> {
        let (authority, path) = hier_part(after_scheme)?;
        Some(match method {
            Method::Options if path.as_str().is_empty() => Self::Asterisk,
            _ => Self::Absolute(authority, path),
        })
    }

    /// The path, still percent-encoded; `*` in asterisk-form and nothing in authority-form.
    pub fn path(&self) -> &'a str {
        match self {
            Self::Origin(path) | Self::Absolute(_, path) => path.path(),
            Self::Authority(_) => "",
            Self::Asterisk => "*",
        }
    }

    /// The query, still percent-encoded, without its question mark.
    pub fn query(&self) -> Option<&'a str> {
        match self {
            Self::Origin(path) | Self::Absolute(_, path) => path.query(),
            Self::Authority(_) | Self::Asterisk => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_has_its_forms() {
        let target = |method, text: &'static str| Target::new(Method::new(method), text.as_bytes());
        assert_eq!(target("GET", "http://a?b").unwrap().path(), "/");
        assert_eq!(target("GET", "http://a?b").unwrap().query(), Some("b"));
        assert_eq!(target("OPTIONS", "http://a:80"), Ok(Target::Asterisk));
        assert_eq!(target("OPTIONS", "*"), Ok(Target::Asterisk));
        assert!(matches!(target("CONNECT", "a:80"), Ok(Target::Authority(_))));
        assert_eq!(target("GET", "https://a/"), Err(ParseError::Misdirected));
        for (method, text) in [
            ("GET", "*"),
            ("GET", "a:80"),
            ("GET", "a/b"),
            ("GET", "http://"),
            ("GET", "ftp://a/"),
            ("GET", "http://u@a/"),
            ("GET", "http://:80/"),
            ("CONNECT", "a"),
            ("CONNECT", "a:"),
            ("CONNECT", "/"),
            ("CONNECT", "http://a/"),
            ("OPTIONS", "**"),
        ] {
            assert_eq!(target(method, text), Err(ParseError::RequestTarget), "{method} {text}");
        }
    }
}
