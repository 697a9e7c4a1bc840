//! A bounded writer.

use super::ascii::Decimal;

/// There is no room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Appends to a slice, and never past its end.
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

    /// Octets written so far.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written yet.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets that there is room for.
    pub const fn free(&self) -> usize {
        self.buffer.len() - self.len
    }

    /// Appends all of `bytes`, or nothing.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let free = self.buffer.get_mut(self.len..).ok_or(Full)?;
        free.get_mut(..bytes.len()).ok_or(Full)?.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// Appends `number` in decimal digits.
    pub fn push_decimal(&mut self, number: u64) -> Result<(), Full> {
        self.push(Decimal::new(number).as_bytes())
    }
}
