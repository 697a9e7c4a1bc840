//! Reading a head, line by line, as it arrives.

use super::entry::FieldEntry;
use super::error::ParseError;
use super::facts::{Facts, Once};
use super::line::{Line, line_end};
use super::version::Version;
use super::word::{Word, may_matter};
use crate::bytes::class::is_tchar;
use crate::bytes::span::Span;
use crate::fast::{Lengths, Ordinary};
use crate::grammar::field_line::{FieldLine, field_line};
use crate::grammar::request_line::{RequestLine, RequestLineFault, request_line};

/// Limits on a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Octets of the request-line, without its CRLF.
    pub request_line: usize,
    /// Octets of all field lines, each with its CRLF.
    pub field_section: usize,
    /// Field lines.
    pub fields: usize,
}

/// Reads a head. What it accepts depends on the octets alone, not on how they were split: whatever
/// goes wrong first, by line, is the error.
#[derive(Clone, Debug, Default)]
pub struct HeadReader {
    /// The start of the line that is being read.
    line: usize,
    /// Octets that were searched for its end.
    searched: usize,
    /// Field lines so far.
    count: usize,
    /// The request-line, once it is whole.
    pub(super) start: Option<Start>,
    /// Where the value of Host stands.
    pub(super) host: Once<Span>,
    pub(super) facts: Facts,
    /// Those of the names of the field lines.
    pub(super) lengths: Lengths,
}

/// The start of a head. All other positions in it follow from that of the target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) target: Span,
    pub(super) version: Version,
}

impl HeadReader {
    /// Reads on in `input`, which is the same head each time, with more octets at its end. Returns the
    /// length of the head, with the final empty line, once it is whole.
    ///
    /// Field lines are entered into `table`, which has to be the same each time. Those without room in
    /// it are left out. [`Fields`](super::Fields) reads no table for a head past 64 KiB.
    ///
    /// # Errors
    /// The first line that is not in the grammar, or that is over a limit.
    ///
    /// # Complexity
    /// Linear in the octets that are new.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub fn resume(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        table: &mut [FieldEntry],
    ) -> Result<Option<usize>, ParseError> {
        loop {
            if let Some(length) = self.ordinary_lines(input, limits, table)? {
                return Ok(Some(length));
            }
            let Some(end) = self.line_end(input, limits)? else {
                return Ok(None);
            };
            let line = Span { start: self.line, end }.of(input);
            match self.start {
                None => self.request_line(line)?,
                Some(_) if line.is_empty() => return Ok(Some(end + 2)),
                Some(_) if self.count >= limits.fields => return Err(ParseError::TooManyFields),
                Some(_) => self.field_line(line, table)?,
            }
            self.line = end + 2;
            self.searched = self.line;
        }
    }

    /// Octets of the request-target, once the request-line is whole.
    pub(crate) fn target_length(&self) -> usize {
        self.start.map_or(0, |Start { target, .. }| target.length())
    }

    /// Field lines.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The end of the line that is being read, once it is here.
    fn line_end(&mut self, input: &[u8], limits: &HeadLimits) -> Result<Option<usize>, ParseError> {
        let found = line_end(input, self.searched);
        let (Line::End(reached) | Line::Partial(reached) | Line::Invalid(reached)) = found;
        let most = match self.start {
            None => limits.request_line,
            // The line ends with a CRLF, when it has begun.
            Some(start) => start.fields().saturating_add(limits.field_section.saturating_sub(2)),
        };
        if reached > most && reached > self.line {
            return Err(self.too_long(input, limits));
        }
        match found {
            Line::End(end) => Ok(Some(end)),
            Line::Invalid(_) => Err(ParseError::Octet),
            Line::Partial(reached) => {
                self.searched = reached;
                Ok(None)
            }
        }
    }

    fn too_long(&self, input: &[u8], limits: &HeadLimits) -> ParseError {
        match self.start {
            Some(_) => ParseError::FieldSectionTooLarge,
            // A method longer than any that is known is 501, a target 414 (RFC 9112 §3).
            None if input.iter().take(limits.request_line).all(|&octet| is_tchar(octet)) => {
                ParseError::MethodTooLong
            }
            None => ParseError::RequestLineTooLong,
        }
    }

    /// Reads a request-line by the strict grammar.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn request_line(&mut self, line: &[u8]) -> Result<(), ParseError> {
        let found = request_line(line).map_err(|fault| match fault {
            RequestLineFault::Method => ParseError::Method,
            RequestLineFault::Target => ParseError::RequestTarget,
            RequestLineFault::Version => ParseError::Version,
        })?;
        self.start = Some(Start::new(found)?);
        Ok(())
    }

    /// Reads a field line by the strict grammar.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn field_line(&mut self, line: &[u8], table: &mut [FieldEntry]) -> Result<(), ParseError> {
        let Some(found) = field_line(line) else {
            return Err(match line {
                [b' ' | b'\t', ..] => ParseError::ObsFold,
                _ => ParseError::FieldName,
            });
        };
        let name = found.name.behind(self.line);
        let value = found.value.behind(self.line);
        self.note(found.name.of(line), found.value.of(line), value);
        self.lengths.add(name.length());
        if let Some(entry) = table.get_mut(self.count) {
            *entry = FieldEntry::new(name, value);
        }
        self.count += 1;
        Ok(())
    }

    /// Takes note of a field line. `value` is where in the head its content stands.
    fn note(&mut self, name: &[u8], content: &[u8], value: Span) {
        match Word::of(name) {
            Word::Host => self.host.add(Some(value)),
            field => self.facts.add(field, content),
        }
    }

    /// Reads lines as long as they are ordinary ones. Returns the length of the head when they end
    /// with the empty line.
    #[inline(always)]
    fn ordinary_lines(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        table: &mut [FieldEntry],
    ) -> Result<Option<usize>, ParseError> {
        let Some(head) = Ordinary::of(input) else { return Ok(None) };
        if self.searched != self.line {
            return Ok(None);
        }
        let fields = match self.start {
            Some(start) => start.fields(),
            None => match head.request_line() {
                Some((line, end)) if end <= limits.request_line => {
                    self.start = Some(Start::new(line)?);
                    self.line = end + 2;
                    end + 2
                }
                _ => return Ok(None),
            },
        };
        let is_end = |line: usize| matches!(input.get(line..), Some([b'\r', b'\n', ..]));
        if !is_end(self.line) {
            let most = fields.saturating_add(limits.field_section);
            self.ordinary_field_lines(input, head, most, limits.fields, table)?;
        }
        self.searched = self.line;
        Ok(is_end(self.line).then_some(self.line + 2))
    }

    /// Reads field lines as long as they are ordinary ones, and end by `most`.
    #[inline(always)]
    fn ordinary_field_lines(
        &mut self,
        input: &[u8],
        head: Ordinary<'_>,
        most: usize,
        most_lines: usize,
        table: &mut [FieldEntry],
    ) -> Result<(), ParseError> {
        // In variables of their own, so that they stay in registers.
        let (mut count, mut lengths) = (self.count, self.lengths);
        self.line = head.field_lines(self.line, |FieldLine { name, value }, first_four| {
            let fits = value.end + 2 <= most;
            if fits {
                if may_matter(first_four, name.length()) {
                    self.note(name.of(input), value.of(input), value);
                }
                if let Some(entry) = table.get_mut(count) {
                    *entry = FieldEntry::new(name, value);
                }
                lengths.add(name.length());
                count += 1;
            }
            fits
        });
        (self.count, self.lengths) = (count, lengths);
        // Once for all of them: whichever was the first too many, nothing was wrong before it.
        if count > most_lines {
            self.count = most_lines;
            return Err(ParseError::TooManyFields);
        }
        Ok(())
    }
}

impl Start {
    #[inline(always)]
    fn new(line: RequestLine) -> Result<Self, ParseError> {
        let RequestLine { target, version: (major, minor), .. } = line;
        Ok(Self { target, version: Version::new(major, minor)? })
    }

    /// Where the method stands: before the space before the target.
    pub(super) const fn method(self) -> Span {
        Span { start: 0, end: self.target.start - 1 }
    }

    /// Where the field section begins.
    pub(super) const fn fields(self) -> usize {
        self.target.end + " HTTP/1.1\r\n".len()
    }
}
