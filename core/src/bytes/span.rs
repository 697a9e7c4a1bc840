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
    /// The same octets, counted from where `offset` others stand before.
    #[must_use]
    pub const fn behind(self, offset: usize) -> Self {
        Self { start: self.start + offset, end: self.end + offset }
    }
}
