//! Where the parts of a multipart message begin and end (RFC 2046 §5.1.1), without I/O.

use crate::bytes::class::BCHARS;
use crate::fast::first;
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
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    ///
    /// ```abnf
    /// boundary      = 0*69bchars bcharsnospace
    /// bchars        = bcharsnospace / " "
    /// bcharsnospace = DIGIT / ALPHA / "'" / "(" / ")" / "+" / "_" / "," / "-" / "."
    ///               / "/" / ":" / "=" / "?"                      ; RFC 2046 §5.1.1
    /// ```
    pub(super) fn new(boundary: &'b [u8]) -> Option<Self> {
        let is_one = boundary.len() <= MAX_BOUNDARY
            && boundary.iter().all(|&octet| BCHARS.contains(octet))
            && boundary.last().is_some_and(|&octet| octet != b' ');
        is_one.then_some(Self { boundary, next: 0, matched: 2 })
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
            let behind_dashes = self.matched.wrapping_sub(CRLF_DASHES.len());
            let expected = CRLF_DASHES.get(self.matched).or_else(|| self.boundary.get(behind_dashes));
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
                    // delimiter, only the first is a CR.
                    self.matched = 0;
                    self.next += first(rest, b'\r').unwrap_or(rest.len());
                }
            }
        }
    }

    /// Where what was found stands, or may begin: where the content before it ends, for now.
    pub(super) const fn start(&self) -> usize {
        self.next.saturating_sub(self.matched)
    }
}
