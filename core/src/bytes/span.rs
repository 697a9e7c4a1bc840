//! Where something stands.

/// Octets of a buffer, or of a head: those from `start` on that are before `end`. Unlike a range it
/// can be copied, and unlike a slice it borrows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first octet.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

impl Span {
    /// The octets themselves; none, if they are not all in `octets`.
    #[inline(always)]
    pub fn of(self, octets: &[u8]) -> &[u8] {
        slice(octets, self)
    }

    /// How many octets.
    pub const fn length(self) -> usize {
        self.end - self.start
    }

    /// The same octets, counted from where `offset` others stand before.
    #[must_use]
    pub const fn behind(self, offset: usize) -> Self {
        Self { start: self.start + offset, end: self.end + offset }
    }
}

/// In this order, octets that come in two registers stay where the result goes.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn slice(octets: &[u8], span: Span) -> &[u8] {
    octets.get(span.start..span.end).unwrap_or_default()
}
