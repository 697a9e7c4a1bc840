//! A bounded writer.

use super::ascii::Decimal;

/// The buffer had no room for all that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Appends to a slice, and never past its end. Octets that don't fit are counted but not written, and
/// neither is anything after them: a caller needs to check only once, at the end.
#[derive(Debug)]
pub struct Cursor<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Cursor<'b> {
    /// A cursor at the start of `buffer`.
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// The number of octets appended so far, also of those that didn't fit.
    pub const fn count(&self) -> usize {
        self.len
    }

    /// The number of octets written so far.
    ///
    /// # Errors
    /// Some octets didn't fit.
    pub const fn written(&self) -> Result<usize, Full> {
        if self.len <= self.buffer.len() { Ok(self.len) } else { Err(Full) }
    }

    /// The number of octets that still fit.
    pub const fn free(&self) -> usize {
        self.buffer.len().saturating_sub(self.len)
    }

    /// Appends all of `bytes`, or nothing.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        let free = if cfg!(target_pointer_width = "64") {
            // As long as `bytes`, evidently: then short constants are stored without a loop or a call. On a
            // small target that calls `memcpy`, which weighs more than a loop.
            self.buffer.get_mut(self.len..).and_then(|free| free.get_mut(..bytes.len()))
        } else {
            self.buffer.get_mut(self.len..end)
        };
        for (to, from) in free.unwrap_or_default().iter_mut().zip(bytes) {
            *to = *from;
        }
        self.len = end;
    }

    /// Appends `number` in decimal digits.
    pub fn push_decimal(&mut self, number: u64) {
        self.push(Decimal::new(number).as_bytes());
    }
}
