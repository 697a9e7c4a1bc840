//! A connection in memory: the client has sent everything, and shut its sending side.

use alloc::vec::Vec;

use embedded_io::ErrorKind;

use crate::server::{Half, Record, Transmit, Transport};

/// Both halves.
pub(super) struct Wire<'o> {
    pub(super) rx: Incoming<'o>,
    pub(super) tx: Outgoing,
}

/// What the client sent, and the server hasn't read.
pub(super) struct Incoming<'o> {
    pub(super) octets: &'o [u8],
    /// Octets that arrive at a time.
    pub(super) piece: usize,
}

/// What the server sent.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) octets: Vec<u8>,
    /// Of each final reply, whether it answers HEAD.
    pub(super) to_head: Vec<bool>,
}

impl<'o> Transport for Wire<'o> {
    type Error = ErrorKind;
    type Rx = Incoming<'o>;
    type Tx = Outgoing;

    fn halves(&mut self) -> (&mut Incoming<'o>, &mut Outgoing) {
        (&mut self.rx, &mut self.tx)
    }
}

impl embedded_io::ErrorType for Incoming<'_> {
    type Error = ErrorKind;
}

impl embedded_io_async::Read for Incoming<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let count = self.octets.len().min(buffer.len()).min(self.piece);
        let (now, later) = self.octets.split_at_checked(count).unwrap_or_default();
        for (to, from) in buffer.iter_mut().zip(now) {
            *to = *from;
        }
        self.octets = later;
        Ok(count)
    }
}

impl Half for Incoming<'_> {}

impl embedded_io::ErrorType for Outgoing {
    type Error = ErrorKind;
}

impl embedded_io_async::Write for Outgoing {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, ErrorKind> {
        self.octets.extend_from_slice(octets);
        Ok(octets.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Half for Outgoing {
    fn replied(&mut self, record: &Record<'_>) {
        self.to_head.push(record.request_line().starts_with(b"HEAD "));
    }
}

impl Transmit for Outgoing {
    async fn close(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}
