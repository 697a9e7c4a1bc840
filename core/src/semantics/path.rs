//! Paths to files.

use core::mem;

/// A percent-decoded path to a file or directory that can't lead out of the folder in which it begins: no
/// segment is empty, `.` or `..`, and none holds a slash or NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<'p> {
    /// The segments, each but the last with a slash behind it; and the last one, too, of a directory.
    parent: &'p [u8],
    /// Where in that the last one begins.
    last: usize,
    /// Whether one of those is hidden.
    hides: bool,
    /// Whether it lacks the extension of the page that it leads to.
    is_short: bool,
    /// One segment more, or none.
    child: &'p [u8],
}

impl<'p> Path<'p> {
    /// The root.
    pub const ROOT: Self = Self { parent: b"", last: 0, hides: false, is_short: false, child: b"" };

    /// The path of a percent-decoded absolute-path; `None` if it can't name a file or directory.
    ///
    /// Dot segments are not names of files. Clients resolve them before they send a request
    /// (RFC 3986 §5.2.4), so that only encoded ones, which somebody has disguised, come here.
    pub fn new(decoded: &'p [u8]) -> Option<Self> {
        let parent = decoded.strip_prefix(b"/")?;
        let mut path = Self { parent, ..Self::ROOT };
        let mut start = 0;
        for (at, octet) in parent.iter().enumerate() {
            match octet {
                0 => return None,
                b'/' => {
                    path.end_name(start, at)?;
                    start = at + 1;
                }
                _ => {}
            }
        }
        if start < parent.len() {
            path.end_name(start, parent.len())?;
        }
        Some(path)
    }

    /// A name ends; `None` if it can be none.
    fn end_name(&mut self, start: usize, end: usize) -> Option<()> {
        let name = self.parent.get(start..end)?;
        if leads_elsewhere(name) {
            return None;
        }
        self.last = start;
        self.hides |= is_hidden(name, start == 0);
        Some(())
    }

    /// Whether it ends with a slash, and so names a directory. The root does.
    pub const fn is_directory(&self) -> bool {
        self.child.is_empty() && matches!(self.parent, [] | [.., b'/'])
    }

    /// The path of `name` in this directory; `None` if `name` can't be the name of a file.
    pub fn child(mut self, name: &'p [u8]) -> Option<Self> {
        self.enter(name).then_some(self)
    }

    /// The path of `name` in the same directory, instead of the file that this is; `None` if this is a
    /// directory, or `name` can't be the name of a file.
    pub fn sibling(mut self, name: &'p [u8]) -> Option<Self> {
        if self.is_directory() {
            return None;
        }
        if self.child.is_empty() {
            let last = self.parent.get(self.last..)?;
            let is_hidden = is_hidden(last, self.last == 0);
            self.parent = self.parent.get(..self.last)?;
            // Of those before it, one may be hidden as well.
            self.hides = self.hides && (!is_hidden || has_hidden(self.parent));
            self.last = before_last(self.parent);
        }
        self.leave();
        self.child(name)
    }

    /// Becomes the file `name` in this directory, or nothing if that can't be a name. Returns whether
    /// it can.
    pub(crate) fn enter(&mut self, name: &'p [u8]) -> bool {
        let is_name = !leads_elsewhere(name) && name.iter().all(|octet| !matches!(octet, b'/' | 0));
        let is_child = self.child.is_empty() && is_name;
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
        if !self.child.is_empty() {
            return self.child;
        }
        let last = self.parent.get(self.last..).unwrap_or_default();
        last.strip_suffix(b"/").unwrap_or(last)
    }

    /// Leads to a page whose extension it lacks.
    pub(crate) const fn shorten(&mut self) {
        self.is_short = true;
    }

    /// Whether it lacks the extension of the page that it leads to.
    pub(crate) const fn is_short(&self) -> bool {
        self.is_short
    }

    /// The name whose extension says of which type the file is.
    pub(crate) fn type_name(&self) -> &'p [u8] {
        if self.is_short { b"page.html" } else { self.name() }
    }

    /// The whole path, as two parts to be concatenated: its names with a slash between each two, and no
    /// slash at either end.
    pub fn parts(&self) -> [&'p [u8]; 2] {
        match self.child {
            [] => [self.parent.strip_suffix(b"/").unwrap_or(self.parent), b""],
            child => [self.parent, child],
        }
    }

    /// Whether one of its names is hidden, because it begins with a dot. `.well-known` at the root is not
    /// hidden (RFC 8615).
    pub fn is_hidden(&self) -> bool {
        self.hides || is_hidden(self.child, self.parent.is_empty())
    }
}

/// An iterator over the names in a [`Path`].
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

/// Gives `emit`, piece by piece, `name` as a segment of a path in a URI: every octet but `unreserved` is
/// percent-encoded (RFC 3986 §2.3).
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

/// Whether one of the names in a directory's path is hidden.
fn has_hidden(parent: &[u8]) -> bool {
    let mut names = parent.split(|octet| *octet == b'/').enumerate();
    names.any(|(at, name)| is_hidden(name, at == 0))
}

/// Where in a directory's path its last name begins.
fn before_last(parent: &[u8]) -> usize {
    let names = parent.strip_suffix(b"/").unwrap_or(parent);
    names.iter().rposition(|octet| *octet == b'/').map_or(0, |at| at + 1)
}

fn leads_elsewhere(name: &[u8]) -> bool {
    matches!(name, b"" | b"." | b"..")
}

fn is_hidden(name: &[u8], is_at_root: bool) -> bool {
    name.starts_with(b".") && !(is_at_root && name == b".well-known")
}

/// Whether `segment` is the ordinary name of a file on any system, so that it can be appended to the path
/// of a folder, and the result stands directly in that folder: it is not empty, `.` or `..`, holds no
/// control and none of `/`, `\\` and `:`, and was UTF-8 when it was decoded.
///
/// Such a name may still begin with a dot, and the file may be a link.
pub fn is_file_name(segment: &str) -> bool {
    let leads_elsewhere = |octet| matches!(octet, b'/' | b'\\' | b':');
    let is_plain = |octet: u8| !leads_elsewhere(octet) && !octet.is_ascii_control();
    !matches!(segment, "" | "." | ".." | "\u{fffd}") && segment.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

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
    fn siblings_stand_in_the_same_directory() {
        for (path, joined, is_hidden) in [
            ("/a", "n", false),
            ("/a/b", "a/n", false),
            ("/a/b/c", "a/b/n", false),
            ("/.a", "n", false),
            ("/.a/b", ".a/n", true),
            ("/.a/.b", ".a/n", true),
            ("/a/.b", "a/n", false),
            ("/.well-known/a", ".well-known/n", false),
        ] {
            let sibling = Path::new(path.as_bytes()).unwrap().sibling(b"n").unwrap();
            assert_eq!(sibling.parts().concat(), joined.as_bytes(), "{path}");
            assert_eq!((sibling.name(), sibling.is_hidden()), (&b"n"[..], is_hidden), "{path}");
            let names: Vec<_> = joined.split('/').map(str::as_bytes).collect();
            assert!(sibling.segments().eq(names), "{path}");
        }
        let index = Path::new(b"/a/").unwrap().child(b"index.html").unwrap();
        assert_eq!(index.sibling(b"b").unwrap().parts().concat(), b"a/b");
        assert!(Path::ROOT.sibling(b"a").is_none());
        assert!(Path::new(b"/a").unwrap().sibling(b"..").is_none());
        let mut left = index.sibling(b"b").unwrap();
        left.leave();
        assert_eq!(left.name(), b"a");
    }

    #[test]
    fn parts_are_names_with_slashes_between() {
        let path = |decoded| Path::new(decoded).unwrap();
        for (path, joined, name) in [
            (Path::ROOT, &b""[..], &b""[..]),
            (path(b"/"), b"", b""),
            (path(b"/a"), b"a", b"a"),
            (path(b"/a/bc/"), b"a/bc", b"bc"),
            (path(b"/a/bc/").child(b"d").unwrap(), b"a/bc/d", b"d"),
            (Path::ROOT.child(b"d").unwrap(), b"d", b"d"),
        ] {
            assert_eq!((path.parts().concat().as_slice(), path.name()), (joined, name));
        }
    }

    #[test]
    fn dot_names_are_hidden_but_for_well_known() {
        let hidden = |path: &str| Path::new(path.as_bytes()).unwrap().is_hidden();
        assert!(hidden("/.git/config") && hidden("/a/.b") && hidden("/a/.well-known/b"));
        assert!(hidden("/.well-known/.a") && hidden("/.well-knowns"));
        assert!(!hidden("/.well-known/a") && !hidden("/a.b/c") && !hidden("/"));
        let child = |name| Path::ROOT.child(name).unwrap().is_hidden();
        assert!(child(b".a") && !child(b".well-known") && !child(b"a"));
        assert!(Path::new(b"/a/").unwrap().child(b".well-known").unwrap().is_hidden());
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
