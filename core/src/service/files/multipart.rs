//! Several ranges in one reply: `multipart/byteranges` (RFC 9110 §14.6, RFC 2046 §5.1.1).

use crate::bytes::ascii::Decimal;
use crate::semantics::range::OctetRange;

/// What divides the parts. None of them holds it, unless somebody knew the file's entity tag when
/// writing the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boundary([u8; 16]);

impl Boundary {
    /// The boundary in a representation of `len` octets with this tag.
    pub(super) fn new(opaque: &[u8], len: u64) -> Self {
        // The hash is FNV-1a.
        let hash = opaque.iter().fold(len ^ 0xcbf2_9ce4_8422_2325, |hash, &octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut text = [0; 16];
        for (letters, octet) in text.as_chunks_mut::<2>().0.iter_mut().zip(hash.to_le_bytes()) {
            *letters = [b'a' + (octet >> 4), b'a' + (octet & 0xf)];
        }
        Self(text)
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A line between two parts with the fields of the next one, or the line behind the last.
#[derive(Clone, Copy, Debug)]
pub struct Delimiter<'p> {
    boundary: Boundary,
    content_type: &'p str,
    /// First and last position, and the length of the whole; nothing behind the last part.
    range: Option<[Decimal; 3]>,
}

impl<'p> Delimiter<'p> {
    pub(super) fn new(
        boundary: Boundary,
        content_type: &'p str,
        range: Option<OctetRange>,
        len: u64,
    ) -> Self {
        let range = range.map(|range| [range.first, range.last, len].map(Decimal::new));
        Self { boundary, content_type, range }
    }

    /// Its octets, in parts that are to be joined.
    pub fn parts(&self) -> [&[u8]; 11] {
        let boundary = self.boundary.as_bytes();
        match &self.range {
            Some([first, last, len]) => [
                b"\r\n--",
                boundary,
                b"\r\nContent-Type: ",
                self.content_type.as_bytes(),
                b"\r\nContent-Range: bytes ",
                first.as_bytes(),
                b"-",
                last.as_bytes(),
                b"/",
                len.as_bytes(),
                b"\r\n\r\n",
            ],
            None => [b"\r\n--", boundary, b"--\r\n", b"", b"", b"", b"", b"", b"", b"", b""],
        }
    }

    /// Octets of it.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> u64 {
        self.parts().iter().map(|part| part.len()).sum::<usize>() as u64
    }
}
