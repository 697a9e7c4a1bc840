//! Blocking transports: embedded-io's blocking traits seen as the async ones, never pending.

use core::any::Any;
use core::fmt::Display;
use core::future::Future;
use core::net::SocketAddr;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use super::transport::{Half, Phase, Record, Transmit, Transport};
use crate::message::Refusal;

/// The transmitting half of a blocking transport.
pub trait Close: embedded_io::Write {
    /// Shuts the sending side: the peer reads all that was written, then the end.
    fn close(&mut self) -> Result<(), Self::Error>;

    /// Writes like `write`. More octets follow at once, so these need not be sent in a packet of their
    /// own.
    fn write_more(&mut self, octets: &[u8]) -> Result<usize, Self::Error> {
        self.write(octets)
    }

    /// Sends octets of a file, as [`Transmit::send_file`] does.
    fn send_file(
        &mut self,
        file: &(dyn Any + Send + Sync),
        offset: u64,
        length: u64,
    ) -> Result<Option<u64>, Self::Error> {
        let _ = (file, offset, length);
        Ok(None)
    }
}

/// A blocking half, as an async one that is always ready.
#[derive(Debug)]
pub struct Ready<H>(pub H);

impl<H: embedded_io::ErrorType> embedded_io::ErrorType for Ready<H> {
    type Error = H::Error;
}

impl<H: embedded_io::Read> embedded_io_async::Read for Ready<H> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, H::Error> {
        self.0.read(buffer)
    }
}

impl<H: embedded_io::Write> embedded_io_async::Write for Ready<H> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, H::Error> {
        self.0.write(bytes)
    }

    async fn flush(&mut self) -> Result<(), H::Error> {
        self.0.flush()
    }
}

impl<H: Close + Half> Transmit for Ready<H> {
    async fn close(&mut self) -> Result<(), H::Error> {
        self.0.close()
    }

    async fn write_more(&mut self, octets: &[u8]) -> Result<usize, H::Error> {
        self.0.write_more(octets)
    }

    async fn send_file(
        &mut self,
        file: &(dyn Any + Send + Sync),
        offset: u64,
        length: u64,
    ) -> Result<Option<u64>, H::Error> {
        self.0.send_file(file, offset, length)
    }
}

impl<H: Half> Half for Ready<H> {
    const REPLIES_WAIT: bool = H::REPLIES_WAIT;

    fn awaited(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.0.awaited()
    }

    fn untrue(&mut self) -> Option<usize> {
        self.0.untrue()
    }

    fn has_failed(&self) -> bool {
        self.0.has_failed()
    }

    fn phase(&mut self, phase: Phase) {
        self.0.phase(phase);
    }

    fn head(&mut self, head: &[u8]) {
        self.0.head(head);
    }

    fn failed(&mut self, error: &dyn Display) {
        self.0.failed(error);
    }

    fn replied(&mut self, record: &Record<'_>) {
        self.0.replied(record);
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.0.peer()
    }

    fn local(&self) -> Option<SocketAddr> {
        self.0.local()
    }

    fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.0.connection()
    }

    fn has_octets(&self) -> bool {
        self.0.has_octets()
    }

    fn is_secure(&self) -> bool {
        self.0.is_secure()
    }

    fn refuses(&self) -> Option<&'static Refusal> {
        self.0.refuses()
    }

    fn stopping(&self) -> bool {
        self.0.stopping()
    }

    fn poll_stopping(&mut self, context: &Context<'_>) -> Poll<()> {
        self.0.poll_stopping(context)
    }
}

/// A blocking connection: two halves, each with blocking reads or writes.
#[derive(Debug)]
pub struct Blocking<R, W> {
    rx: Ready<R>,
    tx: Ready<W>,
}

impl<R, W> Blocking<R, W> {
    /// Joins two blocking halves.
    pub const fn new(rx: R, tx: W) -> Self {
        Self { rx: Ready(rx), tx: Ready(tx) }
    }
}

impl<R, W> Transport for Blocking<R, W>
where
    R: embedded_io::Read + Half,
    W: Close + Half + embedded_io::ErrorType<Error = R::Error>,
{
    type Error = R::Error;
    type Rx = Ready<R>;
    type Tx = Ready<W>;

    fn halves(&mut self) -> (&mut Ready<R>, &mut Ready<W>) {
        (&mut self.rx, &mut self.tx)
    }
}

/// Runs a future to its end on this thread. Whenever the future is pending, `wait` is called, and then
/// the future is polled again; `waker` is the one that it is polled with. `wait` may return early.
///
/// Over a [`Blocking`] transport, and with a service that waits for nothing but its client, the first
/// poll is also the last. Otherwise `wait` decides what waiting costs: on a system with threads it
/// parks this one until the waker is called, as `thimble_std::block_on` does; on a bare chip it sleeps
/// until an interrupt, and no waker is needed.
///
/// ```
/// use core::task::Waker;
/// use thimble_core::server::blocking::block_on;
///
/// // On a chip: `cortex_m::asm::wfi`, say.
/// let wait = core::hint::spin_loop;
/// assert_eq!(block_on(async { 1 + 1 }, Waker::noop(), wait), 2);
/// ```
pub fn block_on<F: Future>(future: F, waker: &Waker, mut wait: impl FnMut()) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(waker);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut(), &mut context) {
            return output;
        }
        wait();
    }
}

/// Out of line: within the loop, the compiler would compute where everything is in the future before
/// it knows what of it is needed.
#[inline(never)]
fn poll<F: Future>(future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
    future.poll(context)
}
