//! The content of a reply: what is sent of a file, and what stands between several ranges of it in
//! `multipart/byteranges` (RFC 9110 §14.6, RFC 2046 §5.1.1).

use super::plan::{Content, Plan, Variant};
use crate::bytes::ascii::Decimal;
use crate::semantics::range::OctetRange;

impl Plan<'_> {
    /// The length of the content in octets: of the file, or of its ranges with their delimiters. 0 for
    /// [`Content::None`].
    pub fn length(&self) -> u64 {
        let mut length = 0;
        let mut index = 0;
        loop {
            self.delimiter(index, &mut |piece| length += piece.len() as u64);
            let Some(range) = self.range(index) else { return length };
            length += range.len();
            index += 1;
        }
    }

    /// The range of the file at `index`, to be sent behind its [delimiter](Self::delimiter); `None` after
    /// the last. A whole file is one range.
    pub fn range(&self, index: usize) -> Option<OctetRange> {
        match self.content {
            Content::Parts(parts) => parts.nth(index),
            Content::One(range) if index == 0 => Some(range),
            Content::Whole if index == 0 => {
                Some(OctetRange { first: 0, last: self.variant.len.checked_sub(1)? })
            }
            _ => None,
        }
    }

    /// Gives `emit`, piece by piece, the delimiter before the range at `index` in `multipart/byteranges`,
    /// or behind the last one (RFC 9110 §14.6). Nothing, unless the content is [`Content::Parts`].
    pub fn delimiter(&self, index: usize, emit: &mut dyn FnMut(&[u8])) {
        let Content::Parts(parts) = self.content else { return };
        emit(b"\r\n--");
        emit(self.boundary(&mut [0; 16]));
        let Some(OctetRange { first, last }) = parts.nth(index) else { return emit(b"--\r\n") };
        emit(b"\r\nContent-Type: ");
        emit(self.content_type.as_bytes());
        let before: &[u8] = b"\r\nContent-Range: bytes ";
        for (before, number) in [(before, first), (b"-", last), (b"/", self.variant.len)] {
            emit(before);
            emit(Decimal::new(number).as_bytes());
        }
        emit(b"\r\n\r\n");
    }

    /// What divides the parts, put into `text`. None of them holds it, unless somebody knew the file's
    /// entity tag when writing the file.
    pub(super) fn boundary<'t>(&self, text: &'t mut [u8; 16]) -> &'t [u8] {
        let Variant { len, validators, .. } = self.variant;
        let opaque = validators.etag.map_or(&b""[..], |etag| etag.opaque);
        // The hash is FNV-1a.
        let hash = opaque.iter().fold(len ^ 0xcbf2_9ce4_8422_2325, |hash, &octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        });
        for (letters, octet) in text.as_chunks_mut::<2>().0.iter_mut().zip(hash.to_le_bytes()) {
            *letters = [b'a' + (octet >> 4), b'a' + (octet & 0xf)];
        }
        text
    }
}
