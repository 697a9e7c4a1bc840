//! The receiving side of a connection: where heads end, and what of the octets behind them is content.

use super::decode::{Decoded, Decoder};
use super::length::{BodyLength, body_length};
use super::limits::MessageLimits;
use crate::bytes::class::is_tchar;
use crate::message::facts::Expect;
use crate::message::head::after_empty_lines;
use crate::message::{FieldEntry, Head, HeadReader, ParseError, Version};

/// Empty lines that may stand before a request-line (RFC 9112 §2.2 asks for one at least).
const MAX_EMPTY_LINES: usize = 16;

/// The receiving side of a connection, without I/O.
///
/// A head is [found](Self::find_head), [parsed](Self::head) where it stands, and
/// [accepted](super::Connection::accept) by the connection, since it says how the reply is framed, too.
/// Then its content is [decoded](Self::decode).
#[derive(Clone, Debug)]
pub struct Receiver {
    next: Next,
    limits: MessageLimits,
}

/// What comes next in the request.
///
/// ```text
/// Head --> Content --> (next_request) --> Head
///   `---------`-- any ParseError --> Nothing
/// ```
#[derive(Clone, Debug)]
enum Next {
    Head {
        reader: HeadReader,
        /// How many empty lines may still come before it.
        empty_lines: usize,
    },
    Content(Decoder),
    Nothing,
}

impl Next {
    fn head() -> Self {
        Self::Head { reader: HeadReader::default(), empty_lines: MAX_EMPTY_LINES }
    }
}

/// Where a head stands in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadSpan {
    /// Octets of empty lines before the head. They are consumed: don't pass them again.
    pub skipped: usize,
    /// The length of the head in octets, behind those; `None` until it is whole.
    pub length: Option<usize>,
}

impl Receiver {
    /// The receiving side of a new connection.
    pub(super) fn new(limits: MessageLimits) -> Self {
        Self { next: Next::head(), limits }
    }

    /// After the head of a request without content.
    pub(crate) const fn without_content(limits: MessageLimits) -> Self {
        Self { next: Next::Content(Decoder::new(BodyLength::Absent)), limits }
    }

    /// Looks for a head at the start of `input`, the octets that follow those consumed before. Writes
    /// the places of its field lines into `table`, as far as there is room.
    ///
    /// # Errors
    /// The error in the request, which has to be [refused](super::Connection::refuse).
    ///
    /// # Complexity
    /// Linear in the octets that are new, also when they come one by one.
    pub fn find_head(
        &mut self,
        input: &[u8],
        table: &mut [FieldEntry],
    ) -> Result<HeadSpan, ParseError> {
        let Next::Head { reader, empty_lines } = &mut self.next else {
            return Ok(HeadSpan { skipped: 0, length: None });
        };
        let rest = after_empty_lines(input);
        let skipped = input.len() - rest.len();
        *empty_lines = empty_lines.checked_sub(skipped / 2).ok_or(ParseError::EmptyLines)?;
        let length = match rest {
            [] | [b'\r'] => None,
            [b'\r' | b'\n', ..] => return Err(ParseError::Octet),
            // Nothing that begins like this becomes a request: say so without waiting for its end. It may
            // be TLS.
            [first, ..] if !is_tchar(*first) => return Err(ParseError::Method),
            _ => reader.resume(rest, &self.limits.head, table)?,
        };
        Ok(HeadSpan { skipped, length })
    }

    /// Parses the head that was found, which is all of `octets`.
    ///
    /// # Errors
    /// The error in the request; [`Connection::accept`](super::Connection::accept) takes the result as it
    /// is.
    pub fn head<'h>(
        &self,
        octets: &'h [u8],
        table: &'h [FieldEntry],
    ) -> Result<Head<'h>, ParseError> {
        match &self.next {
            Next::Head { reader, .. } => Head::new(octets, reader, table),
            Next::Content { .. } | Next::Nothing => Err(ParseError::TruncatedHead),
        }
    }

    /// Like [`head`](Self::head), on a connection that is secure, as TLS is: the request may be for `https`.
    ///
    /// # Errors
    /// As for [`head`](Self::head).
    pub fn secure_head<'h>(
        &self,
        octets: &'h [u8],
        table: &'h [FieldEntry],
    ) -> Result<Head<'h>, ParseError> {
        match &self.next {
            Next::Head { reader, .. } => Head::secure(octets, reader, table),
            Next::Content { .. } | Next::Nothing => Err(ParseError::TruncatedHead),
        }
    }

    /// Makes ready for the content that a head announces. Returns whether the client waits for 100
    /// (Continue).
    pub(super) fn accept(&mut self, head: &Head<'_>) -> Result<bool, ParseError> {
        let decoder = Decoder::new(body_length(head.facts(), head.version())?);
        // In HTTP/1.0 an expectation must be ignored (RFC 9110 §10.1.1).
        let expect = match (head.facts().expect, head.version()) {
            (_, Version::Http10) | (Expect::Nothing, _) => false,
            (Expect::Continue, _) => true,
            (Expect::Unknown, _) => return Err(ParseError::Expectation),
        };
        let expects_continue = expect && !decoder.is_complete();
        self.next = Next::Content(decoder);
        Ok(expects_continue)
    }

    /// Says that no octet follows those that are `unread`.
    pub(super) fn end(&mut self, unread: &[u8]) -> Result<(), ParseError> {
        match &self.next {
            Next::Head { .. } if !unread.is_empty() => Err(ParseError::TruncatedHead),
            Next::Content(decoder) if !decoder.is_complete() => Err(ParseError::TruncatedContent),
            _ => Ok(()),
        }
    }

    /// Makes ready for the next request.
    pub(super) fn next_request(&mut self) {
        self.next = Next::head();
    }

    /// Whether a head is what comes next.
    pub const fn awaits_head(&self) -> bool {
        matches!(self.next, Next::Head { .. })
    }

    /// The length of the request-target in octets, from when the request-line was read until its head is
    /// accepted; 0 otherwise.
    pub fn target_length(&self) -> usize {
        match &self.next {
            Next::Head { reader, .. } => reader.target_length(),
            _ => 0,
        }
    }

    /// Finds the next content in `input`, the octets that follow those consumed before.
    ///
    /// # Errors
    /// A chunk-size line or trailer line is malformed or too long. Nothing can be decoded any more.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, ParseError> {
        match &mut self.next {
            Next::Content(decoder) => {
                decoder.decode(input, &self.limits).inspect_err(|_| self.next = Next::Nothing)
            }
            Next::Head { .. } | Next::Nothing => Ok(Decoded::default()),
        }
    }

    /// Stops reading the request: octets that still arrive are not decoded.
    pub fn give_up(&mut self) {
        self.next = Next::Nothing;
    }

    /// Whether the whole request was received and decoded.
    pub fn is_complete(&self) -> bool {
        matches!(&self.next, Next::Content(decoder) if decoder.is_complete())
    }

    /// How many octets of content are still to come, at least, as far as the request has declared.
    pub fn announced(&self) -> usize {
        match &self.next {
            Next::Content(decoder) => decoder.announced(),
            Next::Head { .. } | Next::Nothing => 0,
        }
    }

    /// The limits on what is received.
    pub const fn limits(&self) -> MessageLimits {
        self.limits
    }

    /// Whether the rest of the request may be read and dropped: what it has declared so far is no longer
    /// than the limit `drain`. Chunks that have not begun count as nothing, so that the answer doesn't
    /// depend on how many of them have arrived.
    pub fn is_drainable(&self) -> bool {
        match &self.next {
            Next::Content(decoder) => decoder.announced() <= self.limits.drain,
            Next::Head { .. } | Next::Nothing => false,
        }
    }
}
