//! The table of field lines.

use crate::bytes::span::Span;
use crate::grammar::field_line::FieldLine;

/// The position of a field line in a head. It means nothing without that head, and a table of entries
/// may be used again for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldEntry {
    name: u16,
    name_end: u16,
    value: u16,
    value_end: u16,
}

impl FieldEntry {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "`Fields` uses no entry past 64 KiB")]
    pub(super) const fn new(name: Span, value: Span) -> Self {
        Self {
            name: name.start as u16,
            name_end: name.end as u16,
            value: value.start as u16,
            value_end: value.end as u16,
        }
    }

    /// The positions of the name and the value.
    pub(super) const fn line(self) -> FieldLine {
        FieldLine {
            name: Span { start: self.name as usize, end: self.name_end as usize },
            value: Span { start: self.value as usize, end: self.value_end as usize },
        }
    }
}
