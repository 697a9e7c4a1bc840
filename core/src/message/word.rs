//! The names of fields and the members of their values that core knows.

use core::ops::BitOr;

macro_rules! words {
    ($($place:literal $word:ident $text:literal)*) => {
        /// A known name of a field, received or sent, or a known member of a value.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Word {
            $($word,)*
            Other,
        }

        const WORDS: &[(Word, &[u8])] = &[$((Word::$word, $text)),*];
        /// The texts alone, each in its place: a program needs no more of them.
        const TEXTS: &[&[u8]] = &[$($text),*];

        impl Word {
            pub(crate) fn of(text: &[u8]) -> Self {
                match TEXTS.iter().position(|known| is(text, known)) {
                    $(Some($place) => Self::$word,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

// The most frequent ones come first.
words! {
    0 Host b"host"
    1 Connection b"connection"
    2 KeepAlive b"keep-alive"
    3 ContentLength b"content-length"
    4 TransferEncoding b"transfer-encoding"
    5 Expect b"expect"
    6 Upgrade b"upgrade"
    7 Close b"close"
    8 Chunked b"chunked"
    9 Continue b"100-continue"
}

impl Word {
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
    let mut words = WORDS;
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
