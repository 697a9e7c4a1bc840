//! The two halves of a connection, with deadlines.

use std::any::Any;
use std::fmt::Display;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::task::{Context, Poll, ready};

use thimble_core::message::Refusal;
use thimble_core::server::{Half, NEEDS_TLS, Phase, Record, Transmit, Transport};
use thimble_core::service::storage::File as _;

use super::timer::Timer;
use super::{Link, Listener as _, Reactor, Socket};
use crate::buffers::idle_error;
use crate::folder::AsyncFile;
use crate::folder::async_folder::bring_into_memory;
use crate::pending::Pending;
use crate::place::Place;
use crate::settings::Settings;
use crate::{Log, send};

/// Octets of a file that are looked for in memory at a time: one look is enough for many pieces.
const STRETCH: u64 = 1024 * 1024;

/// What wakes a connection.
type Alarm<R> = <<R as Reactor>::Socket as Socket>::Alarm;

/// A connection while it is served.
#[derive(Debug)]
pub(crate) struct Halves<'c, R: Reactor> {
    rx: Rx<'c, R>,
    tx: Tx<'c, R>,
}

/// The receiving half.
#[derive(Debug)]
pub(crate) struct Rx<'c, R: Reactor> {
    link: &'c Link<R>,
    log: &'c Log,
    timer: Timer<'c, R::Socket>,
    octets: usize,
}

/// The transmitting half.
#[derive(Debug)]
pub(crate) struct Tx<'c, R: Reactor> {
    link: &'c Link<R>,
    log: &'c Log,
    timer: Timer<'c, R::Socket>,
    place: &'c Place,
    peer: Option<SocketAddr>,
    octets: usize,
    /// The part of the file being sent that was found in memory, or brought there.
    in_memory: Range<u64>,
    /// What the application did wrong in the reply that is being made.
    failure: Option<String>,
    pending: Pending,
}

impl<'c, R: Reactor> Halves<'c, R> {
    pub(super) fn new(
        link: &'c Link<R>,
        peer: Option<SocketAddr>,
        settings: &'c Settings,
        place: &'c Place,
        (rx, tx): (&'c mut Alarm<R>, &'c mut Alarm<R>),
    ) -> Self {
        let (deadlines, log) = (&settings.deadlines, &settings.log);
        let timer = Timer::new(deadlines, place, &link.socket, rx);
        let rx = Rx { link, log, timer, octets: 0 };
        let timer = Timer::new(deadlines, place, &link.socket, tx);
        let (octets, in_memory, failure) = (0, 0..0, None);
        let pending = Pending::default();
        let tx = Tx { link, log, timer, place, peer, octets, in_memory, failure, pending };
        Self { rx, tx }
    }

    /// Octets that went through the buffers.
    pub(super) const fn octets(&self) -> usize {
        self.rx.octets.saturating_add(self.tx.octets)
    }
}

impl<'c, R: Reactor> Transport for Halves<'c, R> {
    type Error = io::Error;
    type Rx = Rx<'c, R>;
    type Tx = Tx<'c, R>;

    fn halves(&mut self) -> (&mut Self::Rx, &mut Self::Tx) {
        (&mut self.rx, &mut self.tx)
    }
}

impl<R: Reactor> Rx<'_, R> {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = self.link.socket.poll_read(context, buffer);
        if outcome.is_pending() && self.timer.is_idle() {
            // Nothing of a request is here.
            if self.octets == 0 {
                return Poll::Ready(Err(idle_error()));
            }
            if self.link.stop.poll_stopping(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        } else if outcome.is_pending() {
            self.link.stop.go_on(context)?;
            if self.link.stop.poll_stopping(context).is_ready() {
                self.timer.hurry();
            }
        }
        self.timer.watch(context, outcome)
    }
}

impl<R: Reactor> embedded_io::ErrorType for Rx<'_, R> {
    type Error = io::Error;
}

impl<R: Reactor> embedded_io_async::Read for Rx<'_, R> {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = poll_fn(|context| self.poll_read(context, buffer)).await?;
        self.octets = self.octets.saturating_add(count);
        Ok(count)
    }
}

impl<R: Reactor> Half for Rx<'_, R> {
    fn phase(&mut self, phase: Phase) {
        self.timer.enter(phase);
    }

    fn head(&mut self, head: &[u8]) {
        self.timer.over();
        self.log.request(head);
    }

    fn has_octets(&self) -> bool {
        self.link.socket.has_octets()
    }
}

impl<R: Reactor> Tx<'_, R> {
    async fn send(
        &mut self,
        mut poll: impl FnMut(&R::Socket, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> io::Result<usize> {
        poll_fn(|context| {
            ready!(self.pending.poll_done(context))?;
            if self.timer.is_due() {
                self.link.socket.look_again();
            }
            let outcome = poll(&self.link.socket, context);
            if outcome.is_pending() {
                self.link.stop.go_on(context)?;
            }
            self.timer.watch(context, outcome)
        })
        .await
    }
}

impl<R: Reactor> embedded_io::ErrorType for Tx<'_, R> {
    type Error = io::Error;
}

impl<R: Reactor> embedded_io_async::Write for Tx<'_, R> {
    async fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let count = self.send(|socket, context| socket.poll_write(context, octets, false)).await?;
        self.octets = self.octets.saturating_add(count);
        Ok(count)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<R: Reactor> Transmit for Tx<'_, R> {
    async fn close(&mut self) -> io::Result<()> {
        self.link.socket.shut_before_reading();
        Ok(())
    }

    async fn write_more(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.send(|socket, context| socket.poll_write(context, octets, true)).await
    }

    async fn send_file(
        &mut self,
        file: &(dyn Any + Send + Sync),
        offset: u64,
        length: u64,
    ) -> io::Result<Option<u64>> {
        let opened = file.downcast_ref::<AsyncFile<R::Elsewhere>>();
        let file = opened.map_or_else(|| file.downcast_ref(), AsyncFile::file);
        let Some(file) = file.filter(|_| self.link.socket.sends_files()) else { return Ok(None) };
        if !self.in_memory.contains(&offset) {
            // Of a large file, nobody knows how much of it stays in memory.
            let short = opened.filter(|opened| opened.metadata().len <= STRETCH);
            self.in_memory = if let Some(opened) = short {
                opened.bring_into_memory().await?
            } else {
                let stretch = offset..offset.saturating_add(length.min(STRETCH));
                bring_into_memory::<R::Elsewhere>(file, stretch.clone()).await?;
                stretch
            };
        }
        let send = |socket: &R::Socket, context: &mut Context<'_>| {
            socket.poll_send_file(context, file, offset, length)
        };
        send::or_not_at_all(self.send(send).await)
    }
}

impl<R: Reactor> Half for Tx<'_, R> {
    const REPLIES_WAIT: bool = true;

    fn phase(&mut self, phase: Phase) {
        self.timer.enter(phase);
    }

    fn head(&mut self, head: &[u8]) {
        // The next file is another one.
        self.in_memory = 0..0;
        self.log.reply(head);
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn local(&self) -> Option<SocketAddr> {
        self.link.socket.local()
    }

    fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        R::connection(self.link)
    }

    fn awaited(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.pending)
    }

    fn untrue(&mut self) -> Option<usize> {
        self.pending.untrue(self.log, self.peer)
    }

    fn has_failed(&self) -> bool {
        self.pending.has_failed()
    }

    fn is_secure(&self) -> bool {
        self.link.socket.is_secure() == Some(true)
    }

    fn refuses(&self) -> Option<&'static Refusal> {
        (self.link.socket.is_secure() == Some(false)).then_some(NEEDS_TLS)
    }

    fn failed(&mut self, error: &dyn Display) {
        self.failure = Some(error.to_string());
    }

    fn replied(&mut self, record: &Record<'_>) {
        self.timer.over();
        self.place.answered();
        if let Some(failure) = self.failure.take() {
            self.log.failure(self.peer, record, &failure);
        }
        self.log.access(self.peer, record);
    }

    fn stopping(&self) -> bool {
        self.link.stop.is_retired() || self.place.is_last() || self.refuses().is_some()
    }

    fn poll_stopping(&mut self, context: &Context<'_>) -> Poll<()> {
        // In this order, it is heard of in any case.
        let stopped = self.link.stop.poll_stopping(context);
        if self.stopping() { Poll::Ready(()) } else { stopped }
    }
}
