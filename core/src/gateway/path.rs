//! Where in a path the script is named, and what follows its name.

use crate::bytes::ascii::pct_decoded;

/// The path of a request, percent-decoded, to be divided into the name of a script and PATH_INFO
/// (RFC 3875 §3.3).
///
/// Only the server knows which names are those of scripts: it looks at one [division](Self::divisions)
/// after the other.
///
/// ```
/// use thimble_core::gateway::ScriptPath;
///
/// let mut buffer = [0; 64];
/// let path = ScriptPath::new("/cgi-bin/%77iki/Main%20page", &mut buffer).unwrap();
/// let mut divisions = path.divisions();
/// assert_eq!(divisions.next(), Some((&b"/cgi-bin"[..], &b"/wiki/Main page"[..])));
/// assert_eq!(divisions.next(), Some((&b"/cgi-bin/wiki"[..], &b"/Main page"[..])));
/// assert_eq!(divisions.next(), Some((&b"/cgi-bin/wiki/Main page"[..], &b""[..])));
/// assert_eq!(divisions.next(), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ScriptPath<'p> {
    decoded: &'p [u8],
    /// Where the names end that a script may have: at the first segment that is no name.
    names: usize,
}

impl<'p> ScriptPath<'p> {
    /// Decodes `path`, which is valid, into `buffer`, for which as many octets as `path` has are enough.
    ///
    /// `None` if there is no such script: a segment is `.` or `..`, which would lead a script that opens
    /// files by PATH_INFO elsewhere, or holds NUL, which no variable can; or `buffer` is too small. An
    /// encoded slash divides no names, and what follows it is PATH_INFO.
    pub fn new(path: &str, buffer: &'p mut [u8]) -> Option<Self> {
        let (mut rest, mut length, mut segment) = (path.as_bytes(), 0, 0);
        let mut names = None;
        while let [first, after @ ..] = rest {
            let is_encoded = *first == b'%';
            let octet = if is_encoded { pct_decoded(after)? } else { *first };
            rest = if is_encoded { after.get(2..)? } else { after };
            if octet == 0 {
                return None;
            }
            if octet == b'/' && !is_encoded {
                // Two slashes have an empty segment between them.
                if length > 0 && segment + 1 == length {
                    names = names.or(Some(segment));
                }
                segment = length;
            } else if octet == b'/' {
                names = names.or(Some(segment));
            }
            *buffer.get_mut(length)? = octet;
            length += 1;
        }
        let decoded = buffer.get(..length)?;
        let leads_elsewhere = |name: &[u8]| matches!(name, b"." | b"..");
        if decoded.split(|&octet| octet == b'/').any(leads_elsewhere) {
            return None;
        }
        // A slash at the end has an empty segment behind it.
        let end = if segment + 1 == length { segment } else { length };
        Some(Self { decoded, names: names.unwrap_or(end) })
    }

    /// The ways to divide it, shortest name first: what names the script, and all that follows, which is
    /// empty or begins with a slash.
    pub fn divisions(self) -> impl Iterator<Item = (&'p [u8], &'p [u8])> {
        let Self { decoded, names } = self;
        let is_end = move |end: &usize| {
            *end > 0 && (*end == names || (*end < names && decoded.get(*end) == Some(&b'/')))
        };
        (1..=names).filter(is_end).filter_map(|end| decoded.split_at_checked(end))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn names_are_divided_from_what_follows() {
        for (path, expected) in [
            ("/", &[][..]),
            ("/a", &[("/a", "")]),
            ("/a/", &[("/a", "/")]),
            ("/a/b", &[("/a", "/b"), ("/a/b", "")]),
            ("/%61/b/", &[("/a", "/b/"), ("/a/b", "/")]),
            ("//a/b", &[]),
            ("/a//b", &[("/a", "//b")]),
            ("/a/b//c", &[("/a", "/b//c"), ("/a/b", "//c")]),
            ("/a%2Fb/c", &[]),
            ("/a/b%2fc/d", &[("/a", "/b/c/d")]),
            ("/a/%2f", &[("/a", "//")]),
        ] {
            let mut buffer = [0; 32];
            let path_found = ScriptPath::new(path, &mut buffer).unwrap();
            let found: Vec<_> = path_found.divisions().collect();
            let expected: Vec<_> =
                expected.iter().map(|(a, b)| (a.as_bytes(), b.as_bytes())).collect();
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_no_path() {
        for path in ["/a/..", "/a/../b", "/a/%2e%2E/b", "/./a", "/a%2f..%2fb", "/a%00b", "/a/."] {
            assert!(ScriptPath::new(path, &mut [0; 32]).is_none(), "{path}");
        }
        assert!(ScriptPath::new("/abc", &mut [0; 3]).is_none());
        assert!(ScriptPath::new("/a...b/..c/d..", &mut [0; 32]).is_some());
    }
}
