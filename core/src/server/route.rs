//! The path of a request, decoded once, for handlers to match on.

use crate::bytes::ascii::hex_digit;

/// Segments that are kept apart. The last one holds all that is left of a longer path.
pub const MAX_SEGMENTS: usize = 8;

/// A decoded path.
#[derive(Debug)]
pub(super) struct Route<'c> {
    segments: [&'c str; MAX_SEGMENTS],
    count: usize,
    /// All of it; `None` when a segment holds an encoded slash, which then could not be told from
    /// those that divide segments.
    pub(super) decoded: Option<&'c [u8]>,
}

/// What a segment that is not UTF-8 shows as: it matches nothing that a handler would write.
const NOT_UTF8: &str = "\u{fffd}";

impl<'c> Route<'c> {
    /// Octets of scratch that [`new`](Self::new) needs for `path`.
    pub(super) fn scratch(path: &str) -> usize {
        if path.contains('%') { path.len() } else { 0 }
    }

    /// Decodes `path`, which is valid, into `scratch`; where nothing is encoded, it is borrowed as it
    /// stands.
    #[inline(never)]
    pub(super) fn new(path: &'c str, scratch: &'c mut [u8]) -> Self {
        let mut encoded_slash = false;
        let decoded: &'c [u8] = if Self::scratch(path) == 0 {
            path.as_bytes()
        } else {
            let mut octets = path.bytes();
            let mut length = 0;
            for slot in scratch.iter_mut() {
                *slot = match octets.next() {
                    None => break,
                    Some(b'%') => {
                        let mut digit = || octets.next().and_then(hex_digit).unwrap_or_default();
                        let octet = digit() << 4 | digit();
                        encoded_slash |= octet == b'/';
                        octet
                    }
                    Some(octet) => octet,
                };
                length += 1;
            }
            scratch.get(..length).unwrap_or_default()
        };
        let decoded_whole = (!encoded_slash).then_some(decoded);
        let mut route = Self { segments: [""; MAX_SEGMENTS], count: 0, decoded: decoded_whole };
        route.divide(path, decoded);
        route
    }

    /// Divides `decoded` where `path`, the same before decoding, has its slashes.
    fn divide(&mut self, path: &str, decoded: &'c [u8]) {
        let Some(path) = path.strip_prefix('/').filter(|path| !path.is_empty()) else { return };
        let mut rest = decoded.get(1..).unwrap_or_default();
        let divided = path.splitn(MAX_SEGMENTS, '/');
        for (slot, encoded) in self.segments.iter_mut().zip(divided) {
            let length = encoded.len() - 2 * encoded.bytes().filter(|&octet| octet == b'%').count();
            let segment = rest.get(..length).unwrap_or(rest);
            rest = rest.get(length + 1..).unwrap_or_default();
            *slot = core::str::from_utf8(segment).unwrap_or(NOT_UTF8);
            self.count += 1;
        }
    }

    /// The segments, the slash at the start not counted.
    pub(super) fn segments(&self) -> &[&'c str] {
        self.segments.get(..self.count).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_after_they_are_divided() {
        for (path, expected, decoded) in [
            ("/", &[][..], Some(&b"/"[..])),
            ("/led/a", &["led", "a"], Some(b"/led/a")),
            ("/%6ced/%41/", &["led", "A", ""], Some(b"/led/A/")),
            ("//a", &["", "a"], Some(b"//a")),
            ("/a%2Fb/%25", &["a/b", "%"], None),
            ("/%ff/%c3%a9", &["\u{fffd}", "\u{e9}"], Some(b"/\xff/\xc3\xa9")),
            (
                "/1/2/3/4/5/6/7/8/9%2e",
                &["1", "2", "3", "4", "5", "6", "7", "8/9."],
                Some(b"/1/2/3/4/5/6/7/8/9."),
            ),
        ] {
            let mut scratch = [0; 64];
            let route = Route::new(path, &mut scratch[..Route::scratch(path)]);
            assert_eq!(route.segments(), expected, "{path}");
            assert_eq!(route.decoded, decoded, "{path}");
        }
    }
}
