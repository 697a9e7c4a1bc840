//! What it takes to serve a connection, for one after the other.

use std::io;

use thimble_core::framing::Limits;
use thimble_core::message::FieldEntry;
use thimble_core::server;

use crate::buffers::Buffers;

/// Octets of the transmit buffer: what one write takes.
const TRANSMIT: usize = 32 * 1024;

/// A connection that used more octets of the buffers than this leaves them behind.
const LARGE: usize = 256 * 1024;

/// Field lines whose places are remembered: more than browsers send.
const FIELDS: usize = 48;

/// Buffers and a field table. Connections use a desk in turn; what one leaves there is octets, and
/// the next takes none of them for its own.
#[derive(Debug)]
pub struct Desk {
    buffers: Buffers,
    fields: Box<[FieldEntry; FIELDS]>,
    used: usize,
}

impl Desk {
    /// A desk with buffers that suffice for `limits`.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(limits: &Limits) -> io::Result<Self> {
        let buffers = Buffers::new(limits.receive_buffer(), TRANSMIT)?;
        Ok(Self { buffers, fields: Box::new([FieldEntry::default(); FIELDS]), used: 0 })
    }

    /// The memory for [`serve`](server::Server::serve).
    pub fn lend(&mut self) -> server::Buffers<'_> {
        let (rx, tx) = self.buffers.halves();
        server::Buffers { rx, tx, fields: self.fields.as_mut_slice() }
    }

    /// Whether its buffers are those that `limits` ask for.
    pub fn suits(&self, limits: &Limits) -> bool {
        self.buffers.receive() == limits.receive_buffer()
    }

    /// Octets that went through the buffers since they were fresh.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// A connection is done with it, after which so many octets went through it in all. What a
    /// large form or reply took goes back with that connection.
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
        self.buffers.renew()?;
        self.used = 0;
        Ok(())
    }
}
