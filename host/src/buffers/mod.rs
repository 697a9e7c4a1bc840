//! The buffers of a connection while it is served.

mod mapping;

use std::io;

use thimble_core::framing::Limits;
use thimble_core::message::FieldEntry;
use thimble_core::server::Buffers;

use mapping::Mapping;

/// Octets of the transmit buffer: what one write takes.
const TRANSMIT: usize = 32 * 1024;

/// A connection that used more octets of the buffers than this leaves them behind.
const LARGE: usize = 256 * 1024;

/// Field lines whose places are remembered: more than browsers send.
const FIELDS: usize = 48;

/// A receive buffer, a transmit buffer and a field table. Connections use them in turn; the octets that
/// one leaves behind are never read by the next.
#[derive(Debug)]
pub struct OwnedBuffers {
    mapping: Mapping,
    fields: Box<[FieldEntry; FIELDS]>,
    used: usize,
}

impl OwnedBuffers {
    /// Makes buffers that suffice for `limits`; their memory is taken when it is first written to.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(limits: &Limits) -> io::Result<Self> {
        let mapping = Mapping::new(limits.receive_buffer(), TRANSMIT)?;
        Ok(Self { mapping, fields: Box::new([FieldEntry::default(); FIELDS]), used: 0 })
    }

    /// The slices for [`serve`](thimble_core::server::Driver::serve).
    pub fn lend(&mut self) -> Buffers<'_> {
        let (rx, tx) = self.mapping.halves();
        Buffers { rx, tx, fields: self.fields.as_mut_slice() }
    }

    /// Whether the receive buffer has the size that `limits` ask for.
    pub fn suit(&self, limits: &Limits) -> bool {
        self.mapping.receive() == limits.receive_buffer()
    }

    /// The number of octets that went through the buffers since they were made or renewed.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// Ends a connection's use of them, with `used` octets through them in all. Past 256 KiB, their memory
    /// goes back to the system.
    pub fn leave(&mut self, used: usize) {
        self.used = used;
        if used > LARGE {
            // Without memory for new ones, these still do.
            let _ = self.renew();
        }
    }

    /// Gives the memory back to the system, and takes untouched buffers instead.
    ///
    /// # Errors
    /// There is no memory.
    pub fn renew(&mut self) -> io::Result<()> {
        self.mapping.renew()?;
        self.used = 0;
        Ok(())
    }
}

/// The error of a read that gives up because its client is idle, so that the buffers can be renewed. The
/// connection stays open.
pub fn idle_error() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}

/// Whether `error` is an [`idle_error`]. No other read or write of a frontend fails with this kind.
pub fn is_idle_error(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
