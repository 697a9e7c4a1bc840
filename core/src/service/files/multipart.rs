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

/// Gives `emit` the line between two parts with the fields of the next one, which is `range` of `len`
/// octets; or the line behind the last.
pub(super) fn delimiter(
    boundary: &Boundary,
    content_type: &str,
    range: Option<OctetRange>,
    len: u64,
    emit: &mut dyn FnMut(&[u8]),
) {
    emit(b"\r\n--");
    emit(boundary.as_bytes());
    let Some(OctetRange { first, last }) = range else { return emit(b"--\r\n") };
    emit(b"\r\nContent-Type: ");
    emit(content_type.as_bytes());
    let numbers = [(&b"\r\nContent-Range: bytes "[..], first), (b"-", last), (b"/", len)];
    for (before, number) in numbers {
        emit(before);
        emit(Decimal::new(number).as_bytes());
    }
    emit(b"\r\n\r\n");
}
