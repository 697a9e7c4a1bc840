//! Decoding a message body: it finds where content stands in the octets (RFC 9112 §6 and §7.1).

use super::length::BodyLength;
use super::limits::Limits;
use crate::grammar::chunk::{chunk_size, may_be_chunk_size};
use crate::grammar::field_line::field_line;
use crate::message::ParseError;
use crate::message::line::{Line, line_end};

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
    next: Next,
    /// Octets at the start of the line that were scanned for its end already.
    scanned: usize,
    /// Octets of chunk extensions so far.
    extensions: usize,
}

/// What comes next in the body.
///
/// ```text
/// ChunkSize --n--> Chunk(n) --CRLF--> ChunkSize
///     `-----0----> Trailers --empty line--> Content(0)
/// ```
#[derive(Clone, Copy, Debug)]
enum Next {
    /// So many octets, and then nothing.
    Content(u64),
    /// So many octets, and then the end of the line.
    Chunk(u64),
    ChunkSize,
    Trailers {
        octets: usize,
        lines: usize,
    },
}

impl Decoder {
    /// A decoder for a body of `length`.
    pub const fn new(length: BodyLength) -> Self {
        let next = match length {
            BodyLength::Absent => Next::Content(0),
            BodyLength::Exact(length) => Next::Content(length),
            BodyLength::Chunked => Next::ChunkSize,
        };
        Self { next, scanned: 0, extensions: 0 }
    }

    /// Whether the whole body was decoded.
    pub const fn is_complete(&self) -> bool {
        matches!(self.next, Next::Content(0))
    }

    /// How many octets of content are still to come, at least: the rest of the body if its length is
    /// known, or else of the chunk that has begun. Larger numbers saturate.
    pub fn announced(&self) -> usize {
        match self.next {
            Next::Content(remaining) | Next::Chunk(remaining) => {
                usize::try_from(remaining).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// Finds the next content in `input`, the octets that follow those consumed before. `limits` are
    /// the same each time.
    ///
    /// Content is reported as it arrives: where a piece ends says nothing about the chunks.
    ///
    /// # Errors
    /// A chunk-size line or trailer line is malformed or too long.
    pub fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<Decoded, ParseError> {
        let mut framing = 0;
        loop {
            let rest = input.get(framing..).unwrap_or_default();
            if let Next::Content(remaining) | Next::Chunk(remaining @ 1..) = &mut self.next {
                let content = rest.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                *remaining -= content as u64;
                return Ok(Decoded { framing, content });
            }
            match self.line(rest, limits)? {
                Some(length) => framing += length,
                None => return Ok(Decoded { framing, content: 0 }),
            }
        }
    }

    /// Takes the line at the start of `input`. Returns its length with its CRLF; `None` while it has
    /// no end.
    fn line(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, ParseError> {
        let found = line_end(input, self.scanned);
        let (Line::End(reached) | Line::Partial(reached) | Line::Invalid(reached)) = found;
        let line = input.get(..reached).unwrap_or_default();
        let (malformed, too_long) = match self.next {
            Next::Trailers { .. } => (ParseError::Octet, ParseError::TrailersTooLarge),
            Next::ChunkSize => (ParseError::Chunk, ParseError::ChunkLineTooLong),
            // It has to be empty.
            _ => (ParseError::Chunk, ParseError::Chunk),
        };
        let (is_plausible, most) = match self.next {
            Next::Trailers { .. } => (true, limits.line),
            Next::ChunkSize => (may_be_chunk_size(line.get(..32).unwrap_or(line)), limits.line),
            _ => (true, 0),
        };
        if !is_plausible {
            return Err(malformed);
        }
        if reached > most {
            return Err(too_long);
        }
        match found {
            Line::Invalid(_) => Err(malformed),
            Line::Partial(_) => {
                self.scanned = reached;
                Ok(None)
            }
            Line::End(_) => {
                self.scanned = 0;
                self.next = self.after(line, limits)?;
                Ok(Some(reached + 2))
            }
        }
    }

    /// What comes after a whole line.
    fn after(&mut self, line: &[u8], limits: &Limits) -> Result<Next, ParseError> {
        match self.next {
            Next::Trailers { .. } if line.is_empty() => Ok(Next::Content(0)),
            Next::Trailers { octets, lines } => {
                field_line(line).ok_or(ParseError::FieldName)?;
                let (octets, lines) = (octets + line.len() + 2, lines + 1);
                if octets > limits.field_section || lines > limits.fields {
                    return Err(ParseError::TrailersTooLarge);
                }
                Ok(Next::Trailers { octets, lines })
            }
            Next::ChunkSize => {
                let (size, extensions) = chunk_size(line).ok_or(ParseError::Chunk)?;
                // They are limited over all of the body (RFC 9112 §7.1.1).
                self.extensions += extensions;
                if self.extensions > limits.field_section {
                    return Err(ParseError::ChunkLineTooLong);
                }
                Ok(if size == 0 {
                    Next::Trailers { octets: 0, lines: 0 }
                } else {
                    Next::Chunk(size)
                })
            }
            _ => Ok(Next::ChunkSize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn decode(
        length: BodyLength,
        input: &[u8],
        step: usize,
    ) -> Result<(Vec<u8>, usize, bool), ParseError> {
        let limits = Limits { line: 40, field_section: 60, fields: 3, ..Limits::DEVICE };
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
