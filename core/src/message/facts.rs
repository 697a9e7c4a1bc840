//! What a server needs to know of the fields anyway, collected while they are read.

use crate::bytes::ascii::parse_decimal;
use crate::bytes::span::Span;
use crate::grammar::list::members;

/// What the fields say about framing and connection, before anything is concluded from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Content-Length.
    pub content_length: Once<u64>,
    /// Transfer-Encoding.
    pub transfer_encoding: TransferEncoding,
    /// Where in the head the value of Host stands.
    pub host: Once<Span>,
    /// Whether Connection has the option `close`.
    pub close: bool,
    /// Whether Connection has the option `keep-alive`.
    pub keep_alive: bool,
    /// Expect.
    pub expect: Expect,
    /// Whether there is an Upgrade.
    pub upgrade: bool,
}

/// A field that may be there once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Once<T> {
    /// It is absent.
    #[default]
    Absent,
    /// It is there, and valid.
    Valid(T),
    /// It is there more than once, or is not valid.
    Invalid,
}

impl<T> Once<T> {
    fn add(&mut self, value: Option<T>) {
        *self = match (&self, value) {
            (Self::Absent, Some(value)) => Self::Valid(value),
            _ => Self::Invalid,
        };
    }

    /// The value, when it is there and valid.
    pub fn valid(self) -> Option<T> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Absent | Self::Invalid => None,
        }
    }
}

/// The transfer codings, as far as they matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransferEncoding {
    /// The field is absent.
    #[default]
    Absent,
    /// The field is there, with no coding in it.
    Empty,
    /// `chunked` alone.
    Chunked,
    /// Others, and then `chunked`.
    OthersThenChunked,
    /// Others, and no `chunked` after them.
    Others,
    /// `chunked` before the end, twice, or with parameters.
    Invalid,
}

/// What the client expects before it sends the content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    #[default]
    Nothing,
    /// 100-continue.
    Continue,
    /// Something else, too.
    Unknown,
}

impl TransferEncoding {
    fn add(&mut self, value: &[u8]) {
        if *self == Self::Absent {
            *self = Self::Empty;
        }
        for coding in members(value) {
            let name = coding.split(|octet| b"; \t".contains(octet)).next().unwrap_or_default();
            let is_chunked = name.eq_ignore_ascii_case(b"chunked");
            *self = match self {
                Self::Absent | Self::Empty | Self::Others if !is_chunked => Self::Others,
                Self::Absent | Self::Empty if name == coding => Self::Chunked,
                Self::Others if name == coding => Self::OthersThenChunked,
                _ => Self::Invalid,
            };
        }
    }
}

impl Facts {
    /// Takes note of a field line, if it says anything about framing and connection. Its name and
    /// value stand at `name` and `value` in `octets`, and `first_four` are the octets that the line
    /// begins with, the first of them lowest.
    #[inline(always)]
    pub(super) fn add(&mut self, octets: &[u8], name: Span, value: Span, first_four: u32) {
        // Where code is to be small, the names are compared right away.
        let is_likely = cfg!(not(target_pointer_width = "64"))
            || FILTER >> slot(first_four, name.end - name.start) & 1 != 0;
        if is_likely {
            self.add_likely(octets, name, value);
        }
    }

    fn add_likely(&mut self, octets: &[u8], name: Span, value: Span) {
        let name = octets.get(name.start..name.end).unwrap_or_default();
        let content = octets.get(value.start..value.end).unwrap_or_default();
        match name.len() {
            4 if is(name, HOST) => self.host.add(Some(value)),
            6 if is(name, EXPECT) => self.add_expect(content),
            7 if is(name, UPGRADE) => self.upgrade = true,
            10 if is(name, CONNECTION) => self.add_connection(content),
            14 if is(name, CONTENT_LENGTH) => self.content_length.add(parse_decimal(content)),
            17 if is(name, TRANSFER_ENCODING) => self.transfer_encoding.add(content),
            _ => {}
        }
    }

    fn add_connection(&mut self, content: &[u8]) {
        // Nearly always it is this alone.
        if is(content, b"keep-alive") {
            self.keep_alive = true;
            return;
        }
        for option in members(content) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn add_expect(&mut self, content: &[u8]) {
        for expectation in members(content) {
            self.expect = match (self.expect, expectation.eq_ignore_ascii_case(b"100-continue")) {
                (Expect::Nothing | Expect::Continue, true) => Expect::Continue,
                _ => Expect::Unknown,
            };
        }
    }
}

const HOST: &[u8; 4] = b"host";
const EXPECT: &[u8; 6] = b"expect";
const UPGRADE: &[u8; 7] = b"upgrade";
const CONNECTION: &[u8; 10] = b"connection";
const CONTENT_LENGTH: &[u8; 14] = b"content-length";
const TRANSFER_ENCODING: &[u8; 17] = b"transfer-encoding";

/// Whether a name or value, in any case, is `known`, which is in lower case with hyphens. All octets
/// are compared at once, not one after the other: what comes here is nearly always the same.
#[inline(always)]
fn is<const N: usize>(text: &[u8], known: &[u8; N]) -> bool {
    // Only CR becomes a hyphen by this, and no octet but a capital letter a small one.
    let differences = |text: &[u8; N]| {
        text.iter().zip(known).fold(0, |all, (octet, known)| all | ((octet | 0x20) ^ known))
    };
    text.len() == N && text.first_chunk().is_some_and(|text| differences(text) == 0)
}

/// One bit for each of the names above: most other names miss them all, and need no comparison.
const FILTER: u64 = {
    let names: [&[u8]; 6] = [HOST, EXPECT, UPGRADE, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];
    let mut filter = 0;
    let mut i = 0;
    while i < names.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        let name = names[i];
        if let Some(first) = name.first_chunk() {
            filter |= 1 << slot(u32::from_le_bytes(*first), name.len());
        }
        i += 1;
    }
    filter
};

/// The bit of a name, by its first four octets in any case and its length.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "six bits of it count")]
const fn slot(first_four: u32, length: usize) -> u32 {
    // An odd multiplier spreads them over the top six bits.
    let hash = (first_four | 0x2020_2020).wrapping_mul(0x9e37_79b1) >> 26;
    hash.wrapping_add(length as u32) & 63
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_codings_add_up_over_lines() {
        for (values, expected) in [
            (&["chunked"][..], TransferEncoding::Chunked),
            (&[" ", "Chunked"], TransferEncoding::Chunked),
            (&[", CHUNKED ,"], TransferEncoding::Chunked),
            (&["gzip", "chunked"], TransferEncoding::OthersThenChunked),
            (&["gzip;a=\",\", chunked"], TransferEncoding::OthersThenChunked),
            (&["gzip"], TransferEncoding::Others),
            (&[""], TransferEncoding::Empty),
            (&["xchunked"], TransferEncoding::Others),
            (&["\"chunked\""], TransferEncoding::Others),
            (&["chunked", ""], TransferEncoding::Chunked),
            (&["chunked, chunked"], TransferEncoding::Invalid),
            (&["chunked", "gzip"], TransferEncoding::Invalid),
            (&["chunked;a=b"], TransferEncoding::Invalid),
            (&["chunked b"], TransferEncoding::Invalid),
        ] {
            let mut encoding = TransferEncoding::Absent;
            for value in values {
                encoding.add(value.as_bytes());
            }
            assert_eq!(encoding, expected, "{values:?}");
        }
    }
}
