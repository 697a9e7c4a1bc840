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

/// A receive buffer, a transmit buffer and a field table. Connections use them in turn; what one leaves in
/// them is octets, and the next takes none of them for its own.
#[derive(Debug)]
pub struct OwnedBuffers {
    mapping: Mapping,
    fields: Box<[FieldEntry; FIELDS]>,
    used: usize,
}

impl OwnedBuffers {
    /// Buffers that suffice for `limits`.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(limits: &Limits) -> io::Result<Self> {
        let mapping = Mapping::new(limits.receive_buffer(), TRANSMIT)?;
        Ok(Self { mapping, fields: Box::new([FieldEntry::default(); FIELDS]), used: 0 })
    }

    /// The memory for [`serve`](thimble_core::server::Server::serve).
    pub fn lend(&mut self) -> Buffers<'_> {
        let (rx, tx) = self.mapping.halves();
        Buffers { rx, tx, fields: self.fields.as_mut_slice() }
    }

    /// Whether they are as large as `limits` ask for.
    pub fn suit(&self, limits: &Limits) -> bool {
        self.mapping.receive() == limits.receive_buffer()
    }

    /// Octets that went through the buffers since they were fresh.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// A connection is done with them, after which `used` octets went through them in all. What a large
    /// form or reply took goes back with that connection.
    pub fn leave(&mut self, used: usize) {
        self.used = used;
        if used > LARGE {
            // Without memory for new ones, these still do.
            let _ = self.renew();
        }
    }

    /// Gives the memory back, and takes untouched buffers instead.
    ///
    /// # Errors
    /// There is no memory.
    pub fn renew(&mut self) -> io::Result<()> {
        self.mapping.renew()?;
        self.used = 0;
        Ok(())
    }
}

/// The error of a read that gives up since its client is idle, so that the buffers can be taken back; the
/// connection goes on.
pub fn idle_error() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}

/// Whether `error` is an [`idle_error`]. No other read or write of a frontend ends so: they wait.
pub fn is_idle_error(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
