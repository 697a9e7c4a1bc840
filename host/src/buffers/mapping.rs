//! The memory of a connection's buffers.

use std::io;

use memmap2::MmapMut;

/// A receive and a transmit buffer.
///
/// They are an anonymous mapping: a page of it costs memory from when it is first written to, and
/// all go back to the system at once, neither of which an allocator promises.
#[derive(Debug)]
pub(super) struct Mapping {
    mapping: MmapMut,
    receive: usize,
}

impl Mapping {
    /// Untouched buffers of these sizes, in octets.
    pub(super) fn new(receive: usize, transmit: usize) -> io::Result<Self> {
        let mapping = MmapMut::map_anon(receive.saturating_add(transmit))?;
        // Where the system has huge pages, one octet would cost two mebibytes. Where it has none,
        // this fails and nothing is lost.
        #[cfg(target_os = "linux")]
        let _ = mapping.advise(memmap2::Advice::NoHugePage);
        Ok(Self { mapping, receive })
    }

    /// The receive and the transmit buffer.
    pub(super) fn halves(&mut self) -> (&mut [u8], &mut [u8]) {
        let receive = self.receive.min(self.mapping.len());
        self.mapping.split_at_mut(receive)
    }

    /// Octets of the receive buffer.
    pub(super) const fn receive(&self) -> usize {
        self.receive
    }

    /// Gives their memory back, and takes untouched buffers instead.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        *self = Self::new(self.receive, self.mapping.len().saturating_sub(self.receive))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_have_their_sizes_and_are_empty_when_renewed() -> io::Result<()> {
        let mut buffers = Mapping::new(10_000, 5000)?;
        let (receive, transmit) = buffers.halves();
        assert_eq!((receive.len(), transmit.len()), (10_000, 5000));
        receive.fill(1);
        transmit.fill(2);
        buffers.renew()?;
        let (receive, transmit) = buffers.halves();
        assert_eq!((receive.len(), transmit.len()), (10_000, 5000));
        assert!(receive.iter().chain(transmit.iter()).all(|octet| *octet == 0));
        Ok(())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_what_is_touched_costs_memory() -> io::Result<()> {
        // In pages of 4 KiB: the second number of statm is what is resident.
        let resident = || -> io::Result<usize> {
            let statm = std::fs::read_to_string("/proc/self/statm")?;
            Ok(statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default())
        };
        let before = resident()?;
        let mut all =
            (0..64).map(|_| Mapping::new(16 << 20, 1 << 16)).collect::<io::Result<Vec<_>>>()?;
        for buffers in &mut all {
            buffers.halves().0[0] = 1;
        }
        // Other tests run meanwhile; the mappings are a gibibyte.
        assert!(resident()?.saturating_sub(before) < 16 << 10);
        Ok(())
    }
}
