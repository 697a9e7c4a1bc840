//! The names of fields and the members of their values that core knows.

use core::ops::BitOr;

/// A known name of a field, received or sent, or a known member of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Host,
    Connection,
    KeepAlive,
    ContentLength,
    TransferEncoding,
    Expect,
    Upgrade,
    Close,
    Chunked,
    Continue,
    Other,
}

/// The most frequent ones come first.
const WORDS: [(Word, &[u8]); 10] = [
    (Word::Host, b"host"),
    (Word::Connection, b"connection"),
    (Word::KeepAlive, b"keep-alive"),
    (Word::ContentLength, b"content-length"),
    (Word::TransferEncoding, b"transfer-encoding"),
    (Word::Expect, b"expect"),
    (Word::Upgrade, b"upgrade"),
    (Word::Close, b"close"),
    (Word::Chunked, b"chunked"),
    (Word::Continue, b"100-continue"),
];

impl Word {
    pub(crate) fn of(text: &[u8]) -> Self {
        WORDS.iter().find(|(_, known)| is(text, known)).map_or(Self::Other, |(word, _)| *word)
    }

    /// Whether it is a field that only framing may emit.
    pub(crate) const fn is_of_framing(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::ContentLength
                | Self::KeepAlive
                | Self::TransferEncoding
                | Self::Upgrade
        )
    }
}

/// Whether a name or value, in any case, is `known`, which is in lower case. All octets are compared
/// at once, not one after the other: what comes here is nearly always the same.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn is(text: &[u8], known: &[u8]) -> bool {
    // No octet becomes one that is known by this, but a capital letter, and a control, which can't
    // be here.
    let differs = |(octet, known): (&u8, &u8)| (octet | 0x20) ^ known;
    text.len() == known.len() && text.iter().zip(known).map(differs).fold(0, BitOr::bitor) == 0
}

/// Whether a field with this name may be one that [`Facts`](super::facts::Facts) notes, by the length of
/// the name and its first four octets, the first of them lowest. Most other names are told apart by that,
/// and need no comparison.
#[inline(always)]
pub(super) const fn may_matter(first_four: u32, length: usize) -> bool {
    FILTER >> slot(first_four, length) & 1 != 0
}

/// One bit for each of the names above.
const FILTER: u64 = {
    let mut filter = 0;
    let mut words = WORDS.as_slice();
    while let [(word, text), rest @ ..] = words {
        words = rest;
        if let Some(first) = text.first_chunk()
            && matches!(
                word,
                Word::Host
                    | Word::Connection
                    | Word::ContentLength
                    | Word::TransferEncoding
                    | Word::Expect
                    | Word::Upgrade
            )
        {
            filter |= 1 << slot(u32::from_le_bytes(*first), text.len());
        }
    }
    filter
};

/// The bit of a name, by its first four octets in any case and its length.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "six bits of it count")]
const fn slot(first_four: u32, length: usize) -> u32 {
    // Chosen so that no other name that is common shares a bit with one of them.
    let hash = (first_four | 0x2020_2020).wrapping_mul(0xd190_d7b3) >> 26;
    hash.wrapping_add(length as u32) & 63
}
