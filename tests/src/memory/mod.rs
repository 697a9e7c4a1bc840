//! A server without sockets and files: storage and transport in memory, both never pending.

pub mod storage;

use std::any::Any;
use std::fmt::Display;
use std::hint::spin_loop;
use std::task::Waker;

use embedded_io::ErrorKind;
use thimble_core::grammar::date::UnixTime;
use thimble_core::message::FieldEntry;
use thimble_core::server::blocking::block_on;
use thimble_core::server::{
    Buffers, Clock, Driver, Ended, Half, Phase, Record, Service, Transmit, Transport,
};

pub use self::storage::{Fixture, FixtureFile, MODIFIED, Reads};

/// What the clock in memory says: Thu, 01 Jan 2026 00:00:00 GMT.
pub const NOW: UnixTime = UnixTime(1_767_225_600);

/// A clock that stands still, or none.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Option<UnixTime>);

impl Clock for FixedClock {
    fn now(&self) -> Option<UnixTime> {
        self.0
    }
}

/// What a client does when it has sent everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It waits for longer than the server does.
    Wait,
    /// It shuts its sending side.
    Shut,
}

/// A connection to a client that sends what is written down.
#[derive(Debug)]
pub struct Wire<'s> {
    rx: Incoming<'s>,
    tx: Outgoing,
}

/// The half of a [`Wire`] that receives.
#[derive(Debug)]
pub struct Incoming<'s> {
    piece: &'s [u8],
    pieces: core::slice::Iter<'s, &'s [u8]>,
    then: Then,
    phase: Option<Phase>,
    timed_out_idle: bool,
}

/// The half of a [`Wire`] that transmits.
#[derive(Debug)]
pub struct Outgoing {
    output: Vec<u8>,
    /// Of each final reply, whether it answers HEAD.
    to_head: Vec<bool>,
    /// What the application did wrong.
    failures: Vec<String>,
    closed: bool,
}

impl<'s> Wire<'s> {
    /// The client sends `pieces`, each of which is there for one read at least, and then does
    /// `then`.
    pub fn new(pieces: &'s [&'s [u8]], then: Then) -> Self {
        Self::over(pieces, then, Vec::new(), Vec::new())
    }

    /// The same, with memory for the output and for a flag for each reply.
    pub fn over(pieces: &'s [&'s [u8]], then: Then, output: Vec<u8>, to_head: Vec<bool>) -> Self {
        let pieces = pieces.iter();
        Self {
            rx: Incoming { piece: b"", pieces, then, phase: None, timed_out_idle: false },
            tx: Outgoing { output, to_head, failures: Vec::new(), closed: false },
        }
    }

    /// Serves the client to its end.
    ///
    /// # Errors
    /// The server took the end of the wait, or what it wrote after it had closed, for a failure.
    pub fn serve<S: Service, C: Clock>(
        &mut self,
        server: &Driver<S, C>,
        rx: &mut [u8],
        tx: &mut [u8],
    ) -> core::result::Result<Served, ErrorKind> {
        let mut fields = [FieldEntry::default(); 32];
        loop {
            let buffers = Buffers { rx: &mut *rx, tx: &mut *tx, fields: &mut fields };
            match block_on(server.serve(self, buffers), Waker::noop(), spin_loop)? {
                Ended::Idle => {}
                Ended::Cut => return Ok(Served::Cut),
                Ended::Closed if self.tx.closed && !self.rx.timed_out_idle => {
                    return Ok(Served::Closed);
                }
                Ended::Closed => return Ok(Served::Waited),
            }
        }
    }

    /// All that the server sent.
    pub fn output(&self) -> &[u8] {
        &self.tx.output
    }

    /// What the application did wrong, as a log has it.
    pub fn failures(&self) -> &[String] {
        &self.tx.failures
    }

    /// Of each final reply, whether it answers HEAD.
    pub fn to_head(&self) -> &[bool] {
        &self.tx.to_head
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// The server shut its sending side, of its own accord.
    Closed,
    /// The server waited for another request, until the client was gone or it had waited enough.
    Waited,
    /// The server gave up in the middle of a reply.
    Cut,
}

impl embedded_io::ErrorType for Incoming<'_> {
    type Error = ErrorKind;
}

impl embedded_io_async::Read for Incoming<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> core::result::Result<usize, ErrorKind> {
        while self.piece.is_empty() {
            match (self.pieces.next(), self.then) {
                (Some(piece), _) => self.piece = piece,
                (None, Then::Shut) => return Ok(0),
                (None, Then::Wait) => {
                    self.timed_out_idle |= self.phase == Some(Phase::Idle);
                    return Err(ErrorKind::TimedOut);
                }
            }
        }
        let count = self.piece.len().min(buffer.len());
        let (now, later) = self.piece.split_at_checked(count).unwrap_or_default();
        for (to, from) in buffer.iter_mut().zip(now) {
            *to = *from;
        }
        self.piece = later;
        Ok(count)
    }
}

impl Half for Incoming<'_> {
    fn phase(&mut self, phase: Phase) {
        self.phase = Some(phase);
    }
}

impl embedded_io::ErrorType for Outgoing {
    type Error = ErrorKind;
}

impl embedded_io_async::Write for Outgoing {
    async fn write(&mut self, octets: &[u8]) -> core::result::Result<usize, ErrorKind> {
        if self.closed {
            return Err(ErrorKind::BrokenPipe);
        }
        self.output.extend_from_slice(octets);
        Ok(octets.len())
    }

    async fn flush(&mut self) -> core::result::Result<(), ErrorKind> {
        Ok(())
    }
}

impl Half for Outgoing {
    fn failed(&mut self, error: &dyn Display) {
        self.failures.push(error.to_string());
    }

    fn replied(&mut self, record: &Record<'_>) {
        self.to_head.push(record.request_line().starts_with(b"HEAD "));
    }
}

impl Transmit for Outgoing {
    async fn close(&mut self) -> core::result::Result<(), ErrorKind> {
        self.closed = true;
        Ok(())
    }

    async fn send_file(
        &mut self,
        file: &(dyn Any + Send + Sync),
        offset: u64,
        length: u64,
    ) -> core::result::Result<Option<u64>, ErrorKind> {
        let Some(file) = file.downcast_ref::<FixtureFile>() else { return Ok(None) };
        let sent = file.sent(offset, length);
        self.output.extend_from_slice(sent);
        Ok(Some(sent.len() as u64))
    }
}

impl<'s> Transport for Wire<'s> {
    type Error = ErrorKind;
    type Rx = Incoming<'s>;
    type Tx = Outgoing;

    fn halves(&mut self) -> (&mut Incoming<'s>, &mut Outgoing) {
        (&mut self.rx, &mut self.tx)
    }
}
