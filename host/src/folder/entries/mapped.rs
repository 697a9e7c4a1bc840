//! Memory that goes back to the system once it is dropped.

use std::io;

use memmap2::MmapMut;

/// Octets to be held at first.
const FIRST: usize = 16 * 1024;

/// Octets that are appended to, and all go back to the system afterwards. An allocator would keep
/// them for the next time, on each thread that ever listed a large directory.
#[derive(Debug)]
pub(super) struct Mapped {
    mapping: MmapMut,
    len: usize,
}

impl Mapped {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { mapping: MmapMut::map_anon(FIRST)?, len: 0 })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.mapping.get(..self.len).unwrap_or_default()
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.mapping.get_mut(..self.len).unwrap_or_default()
    }

    pub(super) fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        let end = self.len.saturating_add(octets.len());
        if end > self.mapping.len() {
            let mut larger = MmapMut::map_anon(end.saturating_mul(2))?;
            if let Some(start) = larger.get_mut(..self.len) {
                start.copy_from_slice(self.as_slice());
            }
            self.mapping = larger;
        }
        if let Some(free) = self.mapping.get_mut(self.len..end) {
            free.copy_from_slice(octets);
        }
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_there() -> io::Result<()> {
        let mut mapped = Mapped::new()?;
        let mut expected = Vec::new();
        for number in 0..20_000_u32 {
            mapped.append(&number.to_le_bytes())?;
            expected.extend(number.to_le_bytes());
        }
        assert_eq!(mapped.as_slice(), expected);
        assert_eq!(mapped.as_mut_slice(), expected);
        Ok(())
    }
}
