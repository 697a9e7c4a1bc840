//! Positions of octets in a buffer.

/// The octets of a buffer or a head from `start` to `end`, which is excluded. Unlike a range it is
/// `Copy`, and unlike a slice it borrows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first octet.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

impl Span {
    /// The octets at this span of `octets`; none, when it reaches past their end.
    #[inline(always)]
    pub fn of(self, octets: &[u8]) -> &[u8] {
        slice(octets, self)
    }

    /// The number of octets.
    pub const fn length(self) -> usize {
        self.end - self.start
    }

    /// The span of the same octets in a buffer that has `offset` others before them.
    #[must_use]
    pub const fn behind(self, offset: usize) -> Self {
        Self { start: self.start + offset, end: self.end + offset }
    }
}

// The slice comes first: then it arrives in the registers that the result leaves in.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn slice(octets: &[u8], span: Span) -> &[u8] {
    octets.get(span.start..span.end).unwrap_or_default()
}
