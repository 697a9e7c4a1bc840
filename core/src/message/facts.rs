//! What the fields say about framing and connection, collected while they are read.

use super::word::Word;
use crate::bytes::ascii::{parse_decimal, trim_ows};

/// What the fields say about framing and connection. Nothing is concluded from it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The value of Content-Length, if it is valid: apart, since there would be padding in the middle.
    length: u64,
    length_is: Once<()>,
    /// Transfer-Encoding.
    pub transfer_encoding: TransferEncoding,
    /// Connection.
    pub connection: ConnectionOption,
    /// Expect.
    pub expect: Expect,
    /// Whether there is an Upgrade field.
    pub upgrade: bool,
}

/// A field that may be there once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
// In front of 64 bits the tag would have as many, and on a microcontroller they take two registers.
#[repr(u32)]
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
    pub(super) fn add(&mut self, value: Option<T>) {
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransferEncoding {
    /// The field is absent.
    #[default]
    Absent,
    /// `chunked` alone.
    Chunked,
    /// Others, and then `chunked`.
    OthersThenChunked,
    /// Others, and no `chunked` after them.
    Others,
    /// `chunked` before the end, or twice, or an empty member.
    Invalid,
}

/// The connection option that decides whether the connection persists (RFC 9110 §7.6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectionOption {
    /// Neither of these.
    #[default]
    Neither,
    /// `keep-alive`, and not `close`.
    KeepAlive,
    /// `close`, which wins over `keep-alive` (RFC 9112 §9.3).
    Close,
}

/// What the client expects before it sends the content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expect {
    /// Nothing.
    #[default]
    Nothing,
    /// 100-continue.
    Continue,
    /// Something else, alone or besides 100-continue.
    Unknown,
}

impl Facts {
    /// Content-Length.
    pub const fn content_length(&self) -> Once<u64> {
        match self.length_is {
            Once::Absent => Once::Absent,
            Once::Valid(()) => Once::Valid(self.length),
            Once::Invalid => Once::Invalid,
        }
    }

    /// Whether there is a field that declares content (RFC 9112 §6).
    pub fn declare_content(&self) -> bool {
        self.length_is != Once::Absent || self.transfer_encoding != TransferEncoding::Absent
    }

    /// Takes note of a field line, if it says anything about framing and connection.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(super) fn add(&mut self, field: Word, content: &[u8]) {
        match field {
            Word::ContentLength => {
                let length = parse_decimal(content);
                self.length_is.add(length.map(|length| self.length = length));
            }
            Word::Upgrade => self.upgrade = true,
            Word::Connection | Word::Expect | Word::TransferEncoding => {
                self.add_members(content, field);
            }
            _ => {}
        }
    }

    /// Takes note of a list-valued `field`.
    fn add_members(&mut self, content: &[u8], field: Word) {
        // A comma in quotes divides as well: a coding or an expectation with quotes is refused,
        // whatever is in them, and an option of Connection is a token.
        for member in content.split(|&octet| octet == b',').map(trim_ows) {
            self.add_member(field, member);
        }
    }

    // In the loop, all that it may change would be held in registers.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn add_member(&mut self, field: Word, member: &[u8]) {
        if member.is_empty() {
            // They are to be skipped (RFC 9110 §5.6.1.2). But recipients differ about that, and
            // where they differ about this field, they differ about where the message ends.
            if field == Word::TransferEncoding {
                self.transfer_encoding = TransferEncoding::Invalid;
            }
            return;
        }
        match (field, Word::of(member)) {
            (Word::Connection, Word::Close) => self.connection = ConnectionOption::Close,
            (Word::Connection, Word::KeepAlive) => {
                self.connection = self.connection.max(ConnectionOption::KeepAlive);
            }
            (Word::Expect, Word::Continue) => self.expect = self.expect.max(Expect::Continue),
            (Word::Expect, _) => self.expect = Expect::Unknown,
            (Word::TransferEncoding, coding) => {
                let is_chunked = coding == Word::Chunked;
                self.transfer_encoding = self.transfer_encoding.and_then(is_chunked);
            }
            _ => {}
        }
    }
}

impl TransferEncoding {
    /// With one more coding. A `chunked` with parameters is none: it has no parameters
    /// (RFC 9112 §7.1).
    const fn and_then(self, is_chunked: bool) -> Self {
        match (self, is_chunked) {
            (Self::Absent, true) => Self::Chunked,
            (Self::Others, true) => Self::OthersThenChunked,
            (Self::Absent | Self::Others, false) => Self::Others,
            _ => Self::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_codings_add_up_over_lines() {
        for (values, expected) in [
            (&["chunked"][..], TransferEncoding::Chunked),
            (&[" ", "Chunked"], TransferEncoding::Invalid),
            (&[", CHUNKED"], TransferEncoding::Invalid),
            (&["chunked ,"], TransferEncoding::Invalid),
            (&["chunked, ,"], TransferEncoding::Invalid),
            (&["gzip,, chunked"], TransferEncoding::Invalid),
            (&["gzip", "chunked"], TransferEncoding::OthersThenChunked),
            (&["gzip;a=\",\", chunked"], TransferEncoding::OthersThenChunked),
            (&["gzip"], TransferEncoding::Others),
            (&[""], TransferEncoding::Invalid),
            (&["xchunked"], TransferEncoding::Others),
            (&["\"chunked\""], TransferEncoding::Others),
            (&["chunked", ""], TransferEncoding::Invalid),
            (&["chunked, chunked"], TransferEncoding::Invalid),
            (&["chunked", "gzip"], TransferEncoding::Invalid),
            (&["chunked;a=b"], TransferEncoding::Others),
            (&["chunked b"], TransferEncoding::Others),
        ] {
            let mut facts = Facts::default();
            for value in values {
                facts.add(Word::TransferEncoding, value.as_bytes());
            }
            assert_eq!(facts.transfer_encoding, expected, "{values:?}");
        }
    }
}
