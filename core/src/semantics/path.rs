//! Paths to files.

use core::mem;

/// A percent-decoded path to a file or directory, in which nothing leads anywhere else: no segment
/// is empty, `.` or `..`, and none holds a slash or NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<'p> {
    /// The segments, each but the last with a slash behind it; and the last one, too, of a directory.
    parent: &'p [u8],
    /// One segment more, or none.
    child: &'p [u8],
}

impl<'p> Path<'p> {
    /// The root.
    pub const ROOT: Self = Self { parent: b"", child: b"" };

    /// The path that a decoded absolute-path names, if it can name a file or directory.
    ///
    /// Dot segments are no names of files. Clients resolve them before they send
    /// (RFC 3986 §5.2.4), so that only those come here that someone has disguised.
    pub fn new(decoded: &'p [u8]) -> Option<Self> {
        let parent = decoded.strip_prefix(b"/")?;
        let names = parent.strip_suffix(b"/").unwrap_or(parent);
        let valid = parent.is_empty() || names.split(|&octet| octet == b'/').all(is_name);
        valid.then_some(Self { parent, child: b"" })
    }

    /// Whether it ends with a slash, and so names a directory. The root does.
    pub const fn is_directory(&self) -> bool {
        self.child.is_empty() && matches!(self.parent, [] | [.., b'/'])
    }

    /// The file `name` in this directory; `None` if that can't be a name.
    pub fn child(mut self, name: &'p [u8]) -> Option<Self> {
        self.enter(name).then_some(self)
    }

    /// Becomes the file `name` in this directory, or nothing if that can't be a name. Returns whether
    /// it can.
    pub(crate) fn enter(&mut self, name: &'p [u8]) -> bool {
        let is_one = name.iter().all(|&octet| octet != b'/');
        let is_child = self.child.is_empty() && is_name(name) && is_one;
        if is_child {
            self.child = name;
        }
        is_child
    }

    /// Becomes the directory again that was [entered](Self::enter).
    pub(crate) const fn leave(&mut self) {
        self.child = b"";
    }

    /// The names from the root on; none is empty.
    pub const fn segments(&self) -> Segments<'p> {
        Segments { parent: self.parent, child: self.child }
    }

    /// The last of its names; empty for the root.
    pub fn name(&self) -> &'p [u8] {
        self.segments().last().unwrap_or_default()
    }

    /// Whether one of its names begins with a dot, and so is hidden. `.well-known` at the root is
    /// not (RFC 8615).
    pub fn is_hidden(&self) -> bool {
        self.segments()
            .enumerate()
            .any(|(depth, name)| name.starts_with(b".") && (depth > 0 || name != b".well-known"))
    }
}

/// The names in a path that are left.
#[derive(Clone, Debug)]
pub struct Segments<'p> {
    parent: &'p [u8],
    child: &'p [u8],
}

impl<'p> Iterator for Segments<'p> {
    type Item = &'p [u8];

    fn next(&mut self) -> Option<&'p [u8]> {
        if self.parent.is_empty() {
            return Some(mem::take(&mut self.child)).filter(|child| !child.is_empty());
        }
        let end = self.parent.iter().position(|&octet| octet == b'/');
        let (segment, rest) = self.parent.split_at_checked(end.unwrap_or(self.parent.len()))?;
        self.parent = rest.get(1..).unwrap_or_default();
        Some(segment)
    }
}

/// Gives `emit`, piece by piece, a name as a segment of a path in a URI: all but `unreserved` is
/// percent-encoded (RFC 3986 §2.3), so that nothing in it is read as something else.
pub fn percent_encode(name: &[u8], emit: &mut dyn FnMut(&[u8])) {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' - 10 + nibble };
    for octet in name {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') {
            emit(&[*octet]);
        } else {
            emit(&[b'%', digit(octet >> 4), digit(octet & 0xf)]);
        }
    }
}

fn is_name(segment: &[u8]) -> bool {
    !matches!(segment, b"" | b"." | b"..") && segment.iter().all(|&octet| octet != 0)
}

/// Whether `segment` is the ordinary name of a file on any system, so that a path to a folder with it
/// behind leads to something directly in that folder: it is not empty, `.` or `..`, holds no control
/// and none of `/`, `\\` and `:`, and was UTF-8 when it was decoded.
///
/// Such a name may still begin with a dot, and may be one that a link has.
pub fn is_file_name(segment: &str) -> bool {
    let leads_elsewhere = |octet| matches!(octet, b'/' | b'\\' | b':');
    let is_plain = |octet: u8| !leads_elsewhere(octet) && !octet.is_ascii_control();
    !matches!(segment, "" | "." | ".." | "\u{fffd}") && segment.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_make_a_path() {
        for (decoded, count, is_directory) in [
            ("/", 0, true),
            ("/a", 1, false),
            ("/a/", 1, true),
            ("/a/b c/..d", 3, false),
            ("/\u{e4}\\", 1, false),
        ] {
            let path = Path::new(decoded.as_bytes()).unwrap();
            assert_eq!((path.segments().count(), path.is_directory()), (count, is_directory));
        }
        for decoded in
            ["", "a", "//", "//a", "/a//b", "/a//", "/.", "/..", "/../a", "/a/./b", "/a\0"]
        {
            assert_eq!(Path::new(decoded.as_bytes()), None, "{decoded:?}");
        }
    }

    #[test]
    fn children_are_names() {
        let path = Path::new(b"/a/").unwrap();
        let child = path.child(b"index.html").unwrap();
        assert!(child.segments().eq([&b"a"[..], b"index.html"]));
        assert!(!child.is_directory());
        assert_eq!(child.name(), b"index.html");
        for name in [&b""[..], b"..", b"a/b"] {
            assert_eq!(path.child(name), None);
        }
        assert_eq!(Path::new(b"/").unwrap().child(b"i").unwrap().segments().count(), 1);
    }

    #[test]
    fn dot_names_are_hidden_but_for_well_known() {
        let hidden = |path: &str| Path::new(path.as_bytes()).unwrap().is_hidden();
        assert!(hidden("/.git/config") && hidden("/a/.b") && hidden("/a/.well-known/b"));
        assert!(hidden("/.well-known/.a") && hidden("/.well-knowns"));
        assert!(!hidden("/.well-known/a") && !hidden("/a.b/c") && !hidden("/"));
    }

    #[test]
    fn file_names_lead_nowhere_else() {
        for name in ["a", "a.txt", ".a", "...", "a b", "\u{e4}", "%2e", "~", "-a", "..a"] {
            assert!(is_file_name(name), "{name:?}");
        }
        for segment in [
            "", ".", "..", "a/b", "../a", "/a", "a/", "a\\b", "\\\\a", "C:", "C:a", "a:b", "a\0",
            "a\n", "\x7f", "\u{fffd}",
        ] {
            assert!(!is_file_name(segment), "{segment:?}");
        }
    }

    #[test]
    fn names_become_segments() {
        let encoded = |name: &[u8]| {
            let mut octets = std::vec::Vec::new();
            percent_encode(name, &mut |piece| octets.extend_from_slice(piece));
            std::string::String::from_utf8(octets)
        };
        assert_eq!(encoded(b"aZ0-._~").unwrap(), "aZ0-._~");
        assert_eq!(encoded(b" %\"<>#?:/&\xff").unwrap(), "%20%25%22%3C%3E%23%3F%3A%2F%26%FF");
    }
}
