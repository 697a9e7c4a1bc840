//! Reading a head, line by line, as it arrives.

use super::facts::Facts;
use super::{ParseError, Version};
use crate::bytes::class::is_tchar;
#[cfg(target_pointer_width = "64")]
use crate::bytes::controls::Controls;
use crate::bytes::scan::{Line, line_end};
use crate::bytes::span::Span;
use crate::grammar::field_line::{FieldFault, FieldLine, field_line};
#[cfg(target_pointer_width = "64")]
use crate::grammar::ordinary;
use crate::grammar::request_line;

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

/// Where in a head a field line stands. It says nothing without the head, and may be used again for
/// the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldEntry {
    pub(super) name: u16,
    pub(super) name_length: u16,
    pub(super) value: u16,
    pub(super) value_length: u16,
}

/// Reads a head. What it accepts depends on the octets alone, not on how they were split: whatever
/// goes wrong first, by line, is the error.
#[derive(Clone, Debug, Default)]
pub struct HeadReader {
    /// Where the line begins that is being read.
    line: usize,
    /// Octets that were searched for its end.
    searched: usize,
    /// Where the field section begins; 0 while the request-line goes on.
    fields: usize,
    /// Field lines so far.
    count: usize,
    pub(super) method: Span,
    pub(super) target: Span,
    pub(super) version: Option<Version>,
    pub(super) facts: Facts,
}

impl HeadReader {
    /// Goes on: `input` is the same head, with more octets behind it. Returns its length, the final
    /// empty line included, once it is whole.
    ///
    /// Field lines are entered into `table`, which has to be the same each time, as far as there is
    /// room; and as far as 16 bits can say where they stand.
    ///
    /// # Errors
    /// The first line that is not in the grammar, or that is over a limit.
    ///
    /// # Complexity
    /// Linear in the octets that are new.
    pub fn resume(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        table: &mut [FieldEntry],
    ) -> Result<Option<usize>, ParseError> {
        if self.fields == 0 && !self.request_line(input, limits)? {
            return Ok(None);
        }
        loop {
            #[cfg(target_pointer_width = "64")]
            self.ordinary_field_lines(input, limits, table)?;
            if let Some([b'\r', b'\n', ..]) = input.get(self.line..) {
                return Ok(Some(self.line + 2));
            }
            if !self.field_line(input, limits, table)? {
                return Ok(None);
            }
        }
    }

    /// Where the field section stands, without the empty line after it.
    pub(super) const fn field_section(&self) -> Span {
        Span { start: self.fields, end: self.line }
    }

    /// Field lines.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Reads the request-line. Returns whether it is whole.
    #[inline(always)]
    fn request_line(&mut self, input: &[u8], limits: &HeadLimits) -> Result<bool, ParseError> {
        #[cfg(target_pointer_width = "64")]
        if self.searched == 0
            && let Some(line) = ordinary::request_line(input)
            && line.end <= limits.request_line
        {
            self.method = line.method;
            self.target = line.target;
            self.version = Some(Version::new(1, line.minor_version)?);
            self.begin_fields(line.end + 2);
            return Ok(true);
        }
        self.strict_request_line(input, limits)
    }

    fn strict_request_line(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Result<bool, ParseError> {
        let too_long = |input: &[u8]| {
            // A method longer than any that is known is 501, a target 414 (RFC 9112 §3).
            if input.iter().take(limits.request_line).all(|&octet| is_tchar(octet)) {
                ParseError::MethodTooLong
            } else {
                ParseError::RequestLineTooLong
            }
        };
        let Some(end) = self.line_end(input, |reached| {
            if reached > limits.request_line { Err(too_long(input)) } else { Ok(()) }
        })?
        else {
            return Ok(false);
        };
        let line = input.get(..end).unwrap_or_default();
        let (method, rest) = request_line::method(line).ok_or(ParseError::Method)?;
        let (target, rest) = request_line::request_target(rest).ok_or(ParseError::RequestTarget)?;
        let (major, minor) = request_line::http_version(rest).ok_or(ParseError::Version)?;
        self.version = Some(Version::new(major, minor)?);
        self.method = Span { start: 0, end: method.len() };
        self.target = Span { start: method.len() + 1, end: method.len() + 1 + target.len() };
        self.begin_fields(end + 2);
        Ok(true)
    }

    const fn begin_fields(&mut self, at: usize) {
        self.fields = at;
        self.line = at;
        self.searched = at;
    }

    /// Reads field lines as long as they are ordinary ones.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    fn ordinary_field_lines(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        table: &mut [FieldEntry],
    ) -> Result<(), ParseError> {
        if self.searched != self.line {
            return Ok(());
        }
        let most = self.fields.saturating_add(limits.field_section);
        // In variables of their own, so that they stay in registers.
        let (mut line, mut count) = (self.line, self.count);
        let mut controls = Controls::new(input, line);
        while let Some(end) = controls.next()
            && let Some((FieldLine { name, value }, first_four)) =
                ordinary::field_line(input, line, end)
            && end + 2 <= most
        {
            self.facts.add(input, name, value, first_four);
            if let Some(entry) = table.get_mut(count) {
                *entry = FieldEntry::new(name, value);
            }
            count += 1;
            line = end + 2;
            // The LF of this line.
            controls.next();
        }
        (self.line, self.searched, self.count) = (line, line, count);
        // Once for all of them: whichever was the first too many, nothing was wrong before it.
        if count > limits.fields {
            self.count = limits.fields;
            return Err(ParseError::TooManyFields);
        }
        Ok(())
    }

    /// Reads a field line by the strict grammar. Returns whether it is whole.
    fn field_line(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        table: &mut [FieldEntry],
    ) -> Result<bool, ParseError> {
        let (fields, start) = (self.fields, self.line);
        let Some(end) = self.line_end(input, |reached| {
            // The line ends with a CRLF, when it has begun.
            if reached > start && reached + 2 - fields > limits.field_section {
                return Err(ParseError::FieldSectionTooLarge);
            }
            Ok(())
        })?
        else {
            return Ok(false);
        };
        if self.count >= limits.fields {
            return Err(ParseError::TooManyFields);
        }
        let line = input.get(self.line..end).unwrap_or_default();
        let field = field_line(line).map_err(|fault| match fault {
            FieldFault::Folded => ParseError::ObsFold,
            FieldFault::Name => ParseError::FieldName,
            FieldFault::Value => ParseError::FieldValue,
        })?;
        let name = field.name.behind(self.line);
        let value = field.value.behind(self.line);
        if let Some(first_four) = line.first_chunk() {
            self.facts.add(input, name, value, u32::from_le_bytes(*first_four));
        }
        if let Some(entry) = table.get_mut(self.count) {
            *entry = FieldEntry::new(name, value);
        }
        self.count += 1;
        self.line = end + 2;
        self.searched = self.line;
        Ok(true)
    }

    /// The end of the line that is being read, unless `check` refuses how far the search got.
    fn line_end(
        &mut self,
        input: &[u8],
        check: impl FnOnce(usize) -> Result<(), ParseError>,
    ) -> Result<Option<usize>, ParseError> {
        let found = line_end(input, self.searched);
        let (Line::End(reached, _) | Line::Partial(reached) | Line::Invalid(reached)) = found;
        check(reached)?;
        match found {
            Line::End(end, _) => Ok(Some(end)),
            Line::Invalid(_) => Err(ParseError::Octet),
            Line::Partial(reached) => {
                self.searched = reached;
                Ok(None)
            }
        }
    }
}

impl FieldEntry {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "`Fields` uses no entry past 64 KiB")]
    const fn new(name: Span, value: Span) -> Self {
        Self {
            name: name.start as u16,
            name_length: (name.end - name.start) as u16,
            value: value.start as u16,
            value_length: (value.end - value.start) as u16,
        }
    }

    /// Where the name and the value stand.
    pub(super) const fn line(self) -> FieldLine {
        let (name, value) = (self.name as usize, self.value as usize);
        FieldLine {
            name: Span { start: name, end: name + self.name_length as usize },
            value: Span { start: value, end: value + self.value_length as usize },
        }
    }
}
