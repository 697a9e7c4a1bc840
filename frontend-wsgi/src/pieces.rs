//! Octet strings in one allocation.

/// Octet strings, one behind the other.
pub(crate) struct Pieces {
    octets: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Pieces {
    /// None, with room for so many octets and pieces.
    pub(crate) fn with_capacity(octets: usize, pieces: usize) -> Self {
        Self { octets: Vec::with_capacity(octets), ends: Vec::with_capacity(pieces) }
    }

    /// Adds one.
    pub(crate) fn push(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
        self.ends.push(self.octets.len());
    }

    /// All of them, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let piece = self.octets.get(start..end).unwrap_or_default();
            start = end;
            piece
        })
    }
}
