//! Decoding a message body: it finds where content stands in the octets (RFC 9112 §6 and §7.1).

use super::length::BodyLength;
use super::limits::MessageLimits;
use crate::grammar::chunk::{chunk_size, may_be_chunk_size};
use crate::grammar::field_line::field_line;
use crate::message::ParseError;
use crate::message::line::{Line, line_end};
use crate::message::reader::HeadLimits;

/// What one call of [`Decoder::decode`] has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded {
    /// Octets of framing at the start of the input. They are consumed: don't pass them again.
    pub framing: usize,
    /// Octets of content behind those, consumed too; 0 if more input is needed, or if the body is
    /// complete.
    pub content: usize,
}

/// Decodes one message body.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// Octets of content that are still to come, as far as that is known.
    remaining: u64,
    next: Next,
    /// Octets at the start of the line that were scanned for its end already.
    scanned: usize,
    /// Octets of chunk extensions so far, and then of trailer lines.
    octets: usize,
    /// Trailer lines so far.
    lines: usize,
}

/// What comes next, after the content that is known to come.
///
/// ```text
/// ChunkSize --n--> ChunkEnd --CRLF--> ChunkSize
///     `-----0----> Trailers --empty line--> End
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    ChunkSize,
    ChunkEnd,
    Trailers,
    End,
}

impl Decoder {
    /// A decoder for a body of `length`.
    pub const fn new(length: BodyLength) -> Self {
        let (next, remaining) = match length {
            BodyLength::Absent => (Next::End, 0),
            BodyLength::Exact(length) => (Next::End, length),
            BodyLength::Chunked => (Next::ChunkSize, 0),
        };
        Self { remaining, next, scanned: 0, octets: 0, lines: 0 }
    }

    /// Whether the whole body was decoded.
    pub const fn is_complete(&self) -> bool {
        self.remaining == 0 && matches!(self.next, Next::End)
    }

    /// How many octets of content are still to come, at least: the rest of the body if its length is
    /// known, or else of the chunk that has begun. Larger numbers saturate.
    pub fn announced(&self) -> usize {
        usize::try_from(self.remaining).unwrap_or(usize::MAX)
    }

    /// Finds the next content in `input`, the octets that follow those consumed before. `limits` are
    /// the same each time.
    ///
    /// Content is reported as it arrives: where a piece ends says nothing about the chunks.
    ///
    /// # Errors
    /// A chunk-size line or trailer line is malformed or too long.
    pub fn decode(&mut self, input: &[u8], limits: &MessageLimits) -> Result<Decoded, ParseError> {
        let mut framing = 0;
        loop {
            let rest = input.get(framing..).unwrap_or_default();
            if self.remaining > 0 || self.next == Next::End {
                let content = rest.len().min(self.announced());
                self.remaining -= content as u64;
                return Ok(Decoded { framing, content });
            }
            match self.line(rest, limits)? {
                0 => return Ok(Decoded { framing, content: 0 }),
                length => framing += length,
            }
        }
    }

    /// Takes the line at the start of `input`. Returns its length with its CRLF, 0 while it has no end.
    // In the loop, all that it may change would be held in registers.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn line(&mut self, input: &[u8], limits: &MessageLimits) -> Result<usize, ParseError> {
        let found = line_end(input, self.scanned);
        let (Line::End(reached) | Line::Partial(reached) | Line::Invalid(reached)) = found;
        let line = input.get(..reached).unwrap_or_default();
        let (malformed, too_long, most) = match self.next {
            Next::Trailers => (ParseError::Octet, ParseError::TrailersTooLarge, limits.line),
            Next::ChunkSize if may_be_chunk_size(line.get(..32).unwrap_or(line)) => {
                (ParseError::Chunk, ParseError::ChunkLineTooLong, limits.line)
            }
            // It has to be empty, and isn't when it can't be a chunk-size.
            _ => (ParseError::Chunk, ParseError::Chunk, 0),
        };
        if reached > most {
            return Err(too_long);
        }
        match found {
            Line::Invalid(_) => Err(malformed),
            Line::Partial(_) => {
                self.scanned = reached;
                Ok(0)
            }
            Line::End(_) => {
                self.scanned = 0;
                self.next = self.after(line, &limits.head)?;
                Ok(reached + 2)
            }
        }
    }

    /// What comes after a whole line.
    fn after(&mut self, line: &[u8], limits: &HeadLimits) -> Result<Next, ParseError> {
        match self.next {
            Next::Trailers if line.is_empty() => Ok(Next::End),
            Next::Trailers => {
                field_line(line).ok_or(ParseError::FieldName)?;
                self.octets += line.len() + 2;
                self.lines += 1;
                if self.octets > limits.field_section || self.lines > limits.fields {
                    return Err(ParseError::TrailersTooLarge);
                }
                Ok(Next::Trailers)
            }
            Next::ChunkSize => {
                let (size, extensions) = chunk_size(line).ok_or(ParseError::Chunk)?;
                // They are limited over all of the body (RFC 9112 §7.1.1).
                self.octets += extensions;
                if self.octets > limits.field_section {
                    return Err(ParseError::ChunkLineTooLong);
                }
                self.remaining = size;
                if size > 0 {
                    return Ok(Next::ChunkEnd);
                }
                self.octets = 0;
                Ok(Next::Trailers)
            }
            Next::ChunkEnd | Next::End => Ok(Next::ChunkSize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Limits;
    use std::vec::Vec;

    fn decode(
        length: BodyLength,
        input: &[u8],
        step: usize,
    ) -> Result<(Vec<u8>, usize, bool), ParseError> {
        let limits = Limits { line: 40, field_section: 60, fields: 3, ..Limits::DEVICE };
        let limits = limits.of_message();
        let mut decoder = Decoder::new(length);
        let (mut content, mut start, mut end) = (Vec::new(), 0, 0);
        while !decoder.is_complete() {
            let found = decoder.decode(&input[start..end], &limits)?;
            content.extend_from_slice(&input[start + found.framing..][..found.content]);
            start += found.framing + found.content;
            if found.content == 0 && !decoder.is_complete() {
                if end == input.len() {
                    break;
                }
                end = (end + step).min(input.len());
            }
        }
        Ok((content, start, decoder.is_complete()))
    }

    #[test]
    fn bodies_decode_alike_at_every_step() {
        use BodyLength::{Chunked, Exact};
        let cases = [
            (Exact(3), &b"abcd"[..], Ok((&b"abc"[..], 3, true))),
            (Exact(0), b"a", Ok((b"", 0, true))),
            (Exact(3), b"ab", Ok((b"ab", 2, false))),
            (Chunked, b"0\r\n\r\nx", Ok((b"", 5, true))),
            (Chunked, b"2\r\nab\r\n1;x=\"y\"\r\nc\r\n0\r\nA: b\r\n\r\n", Ok((b"abc", 30, true))),
            (Chunked, b"2\r\nabc\r\n", Err(ParseError::Chunk)),
            (Chunked, b"2\r\nab\n", Err(ParseError::Chunk)),
            (Chunked, b"2\nab", Err(ParseError::Chunk)),
            (Chunked, b"x", Err(ParseError::Chunk)),
            (Chunked, b"0\r\nA\r\n\r\n", Err(ParseError::FieldName)),
            (Chunked, b"0\r\nA: b\n", Err(ParseError::Octet)),
            (Chunked, b"0\r\nA:b\r\nA:b\r\nA:b\r\nA:b\r\n", Err(ParseError::TrailersTooLarge)),
            (
                Chunked,
                b"0;a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                Err(ParseError::ChunkLineTooLong),
            ),
        ];
        for (length, input, expected) in cases {
            for step in 1..=input.len() {
                let decoded = decode(length, input, step);
                let expected = expected.map(|(content, used, done)| (content.to_vec(), used, done));
                assert_eq!(decoded, expected, "{:?} by {step}", core::str::from_utf8(input));
            }
        }
    }
}
