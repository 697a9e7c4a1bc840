//! Where the parts of a multipart message begin and end (RFC 2046 §5.1.1), without I/O.

use crate::fast::first_crlf;
use crate::grammar::boundary::is_boundary;
use crate::message::{Refusal, Status};

/// What answers content that ends before its close-delimiter, or is malformed in another way.
pub(super) const MALFORMED: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "the parts are malformed or incomplete");

/// The octets that stand before the boundary in each delimiter.
const CRLF_DASHES: &[u8] = b"\r\n--";

/// The most octets of a boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;

/// Finds the delimiters of a multipart message in a buffer that fills while they are sought.
///
/// ```abnf
/// multipart-body    = [preamble CRLF] dash-boundary transport-padding CRLF
///                     body-part *encapsulation
///                     close-delimiter transport-padding [CRLF epilogue]
/// dash-boundary     = "--" boundary
/// encapsulation     = delimiter transport-padding CRLF body-part
/// delimiter         = CRLF dash-boundary
/// close-delimiter   = delimiter "--"
/// transport-padding = *LWSP-char                               ; RFC 2046 §5.1.1
/// ```
///
/// A line that begins with the dash-boundary and goes on with anything but padding, CRLF or `--` is
/// content: other readers take it so. A delimiter with LF alone behind it is malformed.
///
/// # Complexity
/// Linear in the octets, however they arrive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search<'b> {
    boundary: &'b [u8],
    /// The position of the octet to be looked at next.
    pub(super) next: usize,
    /// How many octets of a delimiter stand before it.
    matched: usize,
    /// How many backslashes stand in that much of the boundary, as it is written.
    escapes: usize,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// As wide as what else a `Result` may hold, so that both are returned in registers.
#[repr(usize)]
pub(super) enum Found {
    /// No delimiter, as far as the octets go.
    Nothing,
    /// A delimiter, behind which the rest of its line and a part follow.
    Part,
    /// The close-delimiter.
    Close,
}

impl<'b> Search<'b> {
    /// For the value of the parameter `boundary`; `None` if it can't be one.
    pub(super) fn new(boundary: &'b [u8]) -> Option<Self> {
        let is_one = boundary.len() <= MAX_BOUNDARY && is_boundary(boundary);
        is_one.then_some(Self { boundary, next: 0, matched: 2, escapes: 0 })
    }

    /// Goes on where content, or the whole message, begins: the CRLF of a delimiter may be missing there,
    /// since it stands before.
    pub(super) const fn restart(&mut self, at: usize) {
        (self.next, self.matched) = (at, 2);
    }

    /// Looks for the next delimiter in `octets`, which begin with those of the call before that found
    /// nothing.
    ///
    /// # Errors
    /// The answer to content that is malformed.
    pub(super) fn find(&mut self, octets: &[u8]) -> Result<Found, &'static Refusal> {
        loop {
            let rest = octets.get(self.next..).unwrap_or_default();
            let mut expected = CRLF_DASHES.get(self.matched);
            if expected.is_none() {
                if self.matched == CRLF_DASHES.len() {
                    self.escapes = 0;
                }
                let at = (self.matched + self.escapes).wrapping_sub(CRLF_DASHES.len());
                expected = self.boundary.get(at);
                if expected == Some(&b'\\') {
                    self.escapes += 1;
                    expected = self.boundary.get(at + 1);
                }
            }
            match (expected, rest) {
                (_, []) | (None, [b'-' | b'\r']) => return Ok(Found::Nothing),
                (None, [b'-', b'-', ..]) => return Ok(Found::Close),
                (None, [b' ' | b'\t', ..] | [b'\r', b'\n', ..]) => return Ok(Found::Part),
                // Others take that for the end of the line.
                (None, [b'\n', ..]) => return Err(MALFORMED),
                (Some(expected), [octet, ..]) if octet == expected => {
                    self.matched += 1;
                    self.next += 1;
                }
                _ => {
                    // It was none. Another one may begin at this octet, but not before it: of those of a
                    // delimiter, only the first is a CR. At a CR that is the last octet, LF may follow.
                    self.matched = 0;
                    self.next += first_crlf(rest).unwrap_or(rest.len());
                }
            }
        }
    }

    /// Where what was found stands, or may begin: where the content before it ends, for now.
    pub(super) const fn start(&self) -> usize {
        self.next.saturating_sub(self.matched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// The delimiters in `content`, of which `size` octets arrive each time: where the content before each
    /// ends, and what it is. And how many octets were looked at.
    fn delimiters(
        content: &[u8],
        boundary: &str,
        size: usize,
    ) -> (Result<Vec<(usize, Found)>, u16>, usize) {
        let mut search = Search::new(boundary.as_bytes()).unwrap();
        let (mut found, mut count) = (Vec::new(), 0);
        let mut end = 0;
        while end < content.len() {
            end = content.len().min(end + size);
            loop {
                let from = search.next;
                // What was looked at before is others now.
                let mut octets = content[..end].to_vec();
                octets[..from].fill(b'?');
                let event = match search.find(&octets) {
                    Ok(event) => event,
                    Err(refusal) => return (Err(refusal.status.code()), count),
                };
                // One octet behind a delimiter is looked at to tell what it is.
                count += search.next - from + 2;
                if event == Found::Nothing {
                    assert!(end - search.next <= 1);
                    break;
                }
                found.push((search.start(), event));
                if event == Found::Close {
                    return (Ok(found), count);
                }
                search.restart(search.next);
            }
        }
        (Ok(found), count)
    }

    #[test]
    fn only_whole_delimiters_divide() {
        use Found::{Close, Part};
        for (content, expected) in [
            ("--b\r\n", Ok(&[(0, Part)][..])),
            ("--b--", Ok(&[(0, Close)])),
            ("x\r\n--b \r\n--b--", Ok(&[(1, Part), (7, Close)])),
            ("\r\n--b\t\r\n\r\n--b--", Ok(&[(0, Part), (8, Close)])),
            ("x--b\r\n--c\r\n\n--b\r\r\n--b--", Ok(&[(16, Close)])),
            ("--bb\r\n--b-\r\n--b\r\r\n\r\r\n-\r\n--\r\n--b\r\n", Ok(&[(26, Part)])),
            ("--b\n", Err(400)),
            ("--b\r\n\r\n--b\n", Err(400)),
            ("--B\r\n--b", Ok(&[])),
        ] {
            for size in 1..=content.len() {
                let (found, _) = delimiters(content.as_bytes(), "b", size);
                let expected = expected.map(<[_]>::to_vec);
                assert_eq!(found, expected, "{content:?} by {size}");
            }
        }
    }

    #[test]
    fn a_boundary_may_have_backslashes_in_quotes() {
        use Found::{Close, Part};
        let content = b"--a b\r\n--a\\ b\r\n\r\n--a\r\n--a b--";
        for boundary in ["a b", "\\a b", "a\\ b", "a \\b", "\\a\\ \\b"] {
            for size in 1..=content.len() {
                let (found, _) = delimiters(content, boundary, size);
                assert_eq!(found, Ok(std::vec![(0, Part), (20, Close)]), "{boundary} by {size}");
            }
        }
    }

    #[test]
    fn octets_are_looked_at_once() {
        let boundary = "b".repeat(70);
        let delimiter = std::format!("\r\n--{boundary}");
        let short = delimiter.strip_suffix('b').unwrap();
        for unit in [
            "x",
            "\r",
            "\r\n",
            "\r\n--",
            short,
            &std::format!("{short}\r"),
            &std::format!("{delimiter}b"),
            &std::format!("{delimiter}-"),
            &std::format!("{delimiter}-x"),
            &std::format!("{delimiter}\rx"),
            &delimiter,
        ] {
            let content = [&unit.repeat(20_000 / unit.len()), &*delimiter, "--"].concat();
            for size in [1, 2, 75, 76, 1460, content.len()] {
                let (found, count) = delimiters(content.as_bytes(), &boundary, size);
                let end = content.len() - delimiter.len() - 2;
                let found = found.unwrap();
                assert_eq!(found.last(), Some(&(end, Found::Close)), "{unit:?} by {size}");
                // Each octet once; and two more each time that others arrive, or a delimiter was found.
                let calls = content.len().div_ceil(size) + found.len();
                assert!(count <= content.len() + 2 * calls, "{count}: {unit:?} by {size}");
            }
        }
    }

    #[test]
    fn boundaries_are_of_their_characters_and_length() {
        let longest = "b".repeat(70);
        for good in ["b", "----WebKitFormBoundaryAbC", "a b", "'()+_,-./:=?", "\\a\\ b", &longest] {
            assert!(Search::new(good.as_bytes()).is_some(), "{good}");
        }
        let too_long = "b".repeat(71);
        for bad in ["", "a ", "a\\ ", "a\"", "\u{e9}", "a;b", "a\r\nb", &too_long] {
            assert!(Search::new(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
