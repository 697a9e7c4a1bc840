//! A smoltcp socket as core's transport.

use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::task::Poll;

use embedded_io::ErrorKind;
use smoltcp::socket::tcp::{RecvError, Socket};
use thimble_core::server::{Half, Phase, Record, Transmit, Transport};

use crate::connection::TcpConnection;
use crate::connection_state::ConnectionPhase;

/// Why a connection failed. A handler gets it as [`Error::Transport`](thimble_core::Error) and returns
/// it by `?`, since the client can no longer receive a reply.
///
/// ```
/// use embedded_io::{Error as _, ErrorKind};
/// use thimble_smoltcp::transport::Fault;
///
/// assert_eq!(Fault::TimedOut.kind(), ErrorKind::TimedOut);
/// assert_eq!(Fault::Reset.to_string(), "the connection was reset");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A [deadline](crate::Deadlines) passed.
    TimedOut,
    /// The client reset the connection, or it ended otherwise than by a FIN from each side.
    Reset,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "a deadline passed",
            Self::Reset => "the connection was reset",
        })
    }
}

impl core::error::Error for Fault {}

impl embedded_io::Error for Fault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Reset => ErrorKind::ConnectionReset,
        }
    }
}

impl TcpConnection<'_, '_> {
    fn poll_read(&self, buffer: &mut [u8]) -> Poll<Result<usize, Fault>> {
        match self.socket(|socket| socket.recv_slice(buffer)) {
            Some(Ok(count @ 1..)) => self.progress(count),
            Some(Err(RecvError::Finished)) => Poll::Ready(Ok(0)),
            Some(Err(RecvError::InvalidState)) => Poll::Ready(Err(Fault::Reset)),
            _ if self.state.is_evicted_now() => Poll::Ready(Ok(0)),
            _ => self.wait(),
        }
    }

    fn poll_write(&self, octets: &[u8]) -> Poll<Result<usize, Fault>> {
        match self.socket(|socket| socket.send_slice(octets)) {
            Some(Ok(count @ 1..)) => self.progress(count),
            Some(Err(_)) => Poll::Ready(Err(Fault::Reset)),
            _ => self.wait(),
        }
    }

    fn progress(&self, octets: usize) -> Poll<Result<usize, Fault>> {
        self.state.progress(octets, self.server.now.get(), &self.server.deadlines);
        Poll::Ready(Ok(octets))
    }

    fn wait(&self) -> Poll<Result<usize, Fault>> {
        if self.is_timed_out() { Poll::Ready(Err(Fault::TimedOut)) } else { Poll::Pending }
    }
}

/// The receiving half of a connection.
#[derive(Debug)]
pub(crate) struct Rx<'run, 'm>(TcpConnection<'run, 'm>);

/// The transmitting half of a connection.
#[derive(Debug)]
pub(crate) struct Tx<'run, 'm>(TcpConnection<'run, 'm>);

/// Both halves of a connection, as core's transport.
#[derive(Debug)]
pub(crate) struct Halves<'run, 'm> {
    rx: Rx<'run, 'm>,
    tx: Tx<'run, 'm>,
}

impl<'run, 'm> Halves<'run, 'm> {
    pub(crate) const fn new(connection: TcpConnection<'run, 'm>) -> Self {
        Self { rx: Rx(connection), tx: Tx(connection) }
    }
}

impl<'run, 'm> Transport for Halves<'run, 'm> {
    type Error = Fault;
    type Rx = Rx<'run, 'm>;
    type Tx = Tx<'run, 'm>;

    fn halves(&mut self) -> (&mut Self::Rx, &mut Self::Tx) {
        (&mut self.rx, &mut self.tx)
    }
}

impl embedded_io::ErrorType for Rx<'_, '_> {
    type Error = Fault;
}

impl embedded_io_async::Read for Rx<'_, '_> {
    // Not an `async fn`: that would hold its arguments twice.
    fn read(&mut self, buffer: &mut [u8]) -> impl Future<Output = Result<usize, Fault>> {
        poll_fn(|_| self.0.poll_read(buffer))
    }
}

impl Half for Rx<'_, '_> {
    fn phase(&mut self, phase: Phase) {
        self.0.enter(ConnectionPhase::Awaiting(phase));
    }

    fn head(&mut self, _: &[u8]) {
        // The deadline of this head ends here, so that a pipelined head has one of its own.
        self.0.enter(ConnectionPhase::Busy);
    }
}

impl embedded_io::ErrorType for Tx<'_, '_> {
    type Error = Fault;
}

impl embedded_io_async::Write for Tx<'_, '_> {
    fn write(&mut self, octets: &[u8]) -> impl Future<Output = Result<usize, Fault>> {
        poll_fn(|_| self.0.poll_write(octets))
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

impl Half for Tx<'_, '_> {
    fn phase(&mut self, phase: Phase) {
        self.0.enter(ConnectionPhase::Awaiting(phase));
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.0.socket(|socket| socket.remote_endpoint())?.map(SocketAddr::from)
    }

    fn local(&self) -> Option<SocketAddr> {
        self.0.socket(|socket| socket.local_endpoint())?.map(SocketAddr::from)
    }

    fn replied(&mut self, _: &Record<'_>) {
        let replies = &self.0.server.reply_count;
        replies.set(replies.get().wrapping_add(1));
        self.0.state.set_served();
        self.0.enter(ConnectionPhase::Busy);
    }

    fn stopping(&self) -> bool {
        let is_last = !self.0.server.has_room_for_another();
        if is_last {
            self.0.state.evict();
        }
        is_last
    }
}

impl Transmit for Tx<'_, '_> {
    async fn close(&mut self) -> Result<(), Fault> {
        self.0.socket(Socket::close);
        Ok(())
    }

    fn ignores_late_octets(&self) -> bool {
        true
    }
}
