//! The path of a request, decoded once, for handlers to match on.

use crate::bytes::ascii::{as_str, pct_decoded};
use crate::fast::first;

/// The most segments that a path is divided into. The last one holds the rest of a longer path.
pub const MAX_SEGMENTS: usize = 8;

/// A decoded path.
#[derive(Debug)]
pub(super) struct Route<'c> {
    /// Its segments, the slash at the start not counted.
    pub(super) segments: &'c [&'c str],
    /// All of it; `None` when a segment holds an encoded slash, which then could not be told from
    /// those that divide segments.
    pub(super) decoded: Option<&'c [u8]>,
}

impl<'c> Route<'c> {
    /// Octets of scratch that [`new`](Self::new) needs for `path`.
    pub(super) fn scratch(path: &str) -> usize {
        if first(path.as_bytes(), b'%').is_some() { path.len() } else { 0 }
    }

    /// Decodes `path`, which is valid, into `scratch`; where nothing is encoded, it is borrowed as it
    /// stands. Its segments are put into `segments`.
    #[inline(never)]
    pub(super) fn new(
        path: &'c str,
        scratch: &'c mut [u8],
        segments: &'c mut [&'c str; MAX_SEGMENTS],
    ) -> Self {
        // On small devices, one way is smaller than two.
        if cfg!(target_pointer_width = "64") && scratch.is_empty() {
            return Self::plain(path, segments);
        }
        // Where in the decoded path segments end.
        let mut ends = [0; MAX_SEGMENTS + 1];
        let (mut count, mut length, mut encoded_slash) = (0, 0, false);
        let mut rest = path.as_bytes();
        while let [first, after @ ..] = rest {
            rest = after;
            let mut octet = *first;
            if octet == b'/' && count < MAX_SEGMENTS {
                count += 1;
            } else if octet == b'%' {
                octet = pct_decoded(rest).unwrap_or_default();
                rest = rest.get(2..).unwrap_or_default();
                encoded_slash |= octet == b'/';
            }
            if let Some(slot) = scratch.get_mut(length) {
                *slot = octet;
            }
            length += 1;
            if let Some(end) = ends.get_mut(count) {
                *end = length;
            }
        }
        let is_encoded = !scratch.is_empty();
        let decoded = if is_encoded { scratch } else { path.as_bytes() };
        let decoded = decoded.get(..length).unwrap_or_default();
        // The root has none.
        let count = if length > 1 { count } else { 0 };
        for (slot, [before, end]) in segments.iter_mut().zip(ends.array_windows()).take(count) {
            *slot = as_str(decoded.get(before + 1..*end).unwrap_or_default());
        }
        let segments = segments.get(..count).unwrap_or_default();
        Self { segments, decoded: (!encoded_slash).then_some(decoded) }
    }

    /// Leaves out the first `count` segments, if there are more.
    pub(super) fn enter(&mut self, count: usize) {
        let Some((left, rest)) = self.segments.split_at_checked(count) else { return };
        if rest.is_empty() {
            return;
        }
        // The root has none.
        self.segments = if matches!(rest, [""]) { &[] } else { rest };
        // What is not UTF-8 has another length, as text.
        self.decoded = self.decoded.and_then(|decoded| {
            let slash = |octets: &[u8]| octets.iter().skip(1).position(|octet| *octet == b'/');
            left.iter().try_fold(decoded, |octets, _| octets.get(slash(octets)? + 1..))
        });
    }

    /// The same of a path in which nothing is encoded.
    fn plain(path: &'c str, segments: &'c mut [&'c str; MAX_SEGMENTS]) -> Self {
        let mut rest = path.get(1..).unwrap_or_default();
        let mut count = 0;
        // The root has none.
        if !rest.is_empty() {
            for slot in segments.iter_mut() {
                count += 1;
                *slot = rest;
                if count < MAX_SEGMENTS
                    && let Some(slash) = first(rest.as_bytes(), b'/')
                    && let Some((segment, after)) = rest.split_at_checked(slash)
                {
                    *slot = segment;
                    rest = after.get(1..).unwrap_or_default();
                } else {
                    break;
                }
            }
        }
        let segments = segments.get(..count).unwrap_or_default();
        Self { segments, decoded: Some(path.as_bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_a_path_of_its_own() {
        for (path, count, expected, decoded) in [
            ("/a/b/c", 0, &["a", "b", "c"][..], Some(&b"/a/b/c"[..])),
            ("/a/b/c", 1, &["b", "c"], Some(b"/b/c")),
            ("/a/b/c", 2, &["c"], Some(b"/c")),
            ("/a/b/c", 3, &["a", "b", "c"], Some(b"/a/b/c")),
            ("/a/", 1, &[], Some(b"/")),
            ("/a/b/", 1, &["b", ""], Some(b"/b/")),
            ("/a//b", 1, &["", "b"], Some(b"//b")),
            ("//b", 1, &["b"], Some(b"/b")),
            ("/%ff/b", 1, &["b"], Some(b"/b")),
            ("/%61/b%2fc", 1, &["b/c"], None),
            ("/1/2/3/4/5/6/7/8/9", 7, &["8/9"], Some(b"/8/9")),
            ("/", 1, &[], Some(b"/")),
        ] {
            let mut scratch = [0; 64];
            let mut segments = [""; MAX_SEGMENTS];
            let mut route = Route::new(path, &mut scratch[..Route::scratch(path)], &mut segments);
            route.enter(count);
            assert_eq!(route.segments, expected, "{path}");
            assert_eq!(route.decoded, decoded, "{path}");
        }
    }

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
            let mut segments = [""; MAX_SEGMENTS];
            let route = Route::new(path, &mut scratch[..Route::scratch(path)], &mut segments);
            assert_eq!(route.segments, expected, "{path}");
            assert_eq!(route.decoded, decoded, "{path}");
        }
    }
}
