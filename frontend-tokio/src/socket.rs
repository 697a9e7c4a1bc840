//! A socket that is registered with the runtime only once it has to wait.

use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::net::{RecvFlags, recv};
use socket2::SockRef;
use thimble_host::cgi::waiting::found_now;
use thimble_host::send::{self, LONG_PIECE, PIECE};
use thimble_host::{listen, nonblocking};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::timer::Alarm;

/// Calls that a socket gets at most before it is registered anyhow: only registered ones let others of
/// their runtime have a turn.
const UNREGISTERED: u8 = 8;

/// Calls that try whatever the runtime knows, in a row: enough to fill any room that there is. Were there
/// fewer, a client that takes nothing would earn time by each of them.
const AGAIN: u8 = 32;

/// A connected socket that doesn't block, of TCP or a Unix socket.
///
/// A client that sends one request and wants no other has been read and answered before anybody had
/// to wait, and costs the runtime nothing.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Once it is registered. To be told what it is ready for, it makes no difference to the runtime what kind
    /// of socket it is, and nothing else is asked of this type.
    registered: OnceLock<TcpStream>,
    /// Until then.
    bare: Mutex<Option<socket2::Socket>>,
    /// Calls that don't ask the runtime first.
    calls_left: AtomicU8,
    to_be_shut: AtomicBool,
}

/// Which way octets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

impl Socket {
    /// Takes over a stream that is set not to block.
    pub(crate) fn new(stream: socket2::Socket) -> Self {
        let (registered, bare) = (OnceLock::new(), Mutex::new(Some(stream)));
        let calls_left = AtomicU8::new(UNREGISTERED);
        Self { registered, bare, calls_left, to_be_shut: AtomicBool::new(false) }
    }

    /// Resets the connection: whatever is done with it then fails.
    pub(crate) fn reset(&self) {
        // Nothing else can go wrong than that it is over.
        let _ = self.with(|stream| {
            listen::reset(stream);
            Ok(())
        });
    }

    /// Looks for what `wanted` says of the socket, of which errors and its end are always part, and has the
    /// task woken when there may be some. Returns what there is; and whether the task may not be woken, as
    /// octets are there that nobody reads now: look again soon.
    pub(crate) fn look(
        &self,
        context: &mut Context<'_>,
        wanted: PollFlags,
    ) -> io::Result<(PollFlags, bool)> {
        let stream = self.registered()?;
        let sides = [
            (Interest::READABLE, PollFlags::IN),
            (Interest::WRITABLE, wanted.intersection(PollFlags::OUT)),
        ];
        loop {
            let mut is_ready = [false; 2];
            for (is_ready, (side, flag)) in is_ready.iter_mut().zip(sides) {
                *is_ready = !flag.is_empty()
                    && match side {
                        Interest::READABLE => stream.poll_read_ready(context)?,
                        _ => stream.poll_write_ready(context)?,
                    }
                    .is_ready();
            }
            let found = found_now(stream, wanted | PollFlags::IN)?;
            let of_use = found.difference(PollFlags::IN.difference(wanted));
            if !of_use.is_empty() {
                return Ok((of_use, false));
            }
            let mut is_known = true;
            for (is_ready, (side, flag)) in is_ready.into_iter().zip(sides) {
                // The runtime believes so, and may be wrong.
                if is_ready {
                    let outcome = stream.try_io(side, || match found_now(stream, flag)? {
                        found if found.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
                        _ => Ok(()),
                    });
                    is_known &= outcome.is_ok();
                }
            }
            if is_known {
                let [reads, _] = is_ready;
                return Ok((of_use, reads));
            }
        }
    }

    /// One call that moves `most` octets at most; 0 when nobody knows.
    fn poll(
        &self,
        way: Way,
        most: usize,
        context: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let calls_left = self.calls_left.load(Ordering::Relaxed);
        if calls_left > 0 {
            self.calls_left.store(calls_left.saturating_sub(1), Ordering::Relaxed);
            match self.with(&mut call) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
            self.calls_left.store(0, Ordering::Relaxed);
        }
        let stream = self.registered()?;
        loop {
            let interest = match way {
                Way::In => {
                    ready!(stream.poll_read_ready(context))?;
                    Interest::READABLE
                }
                Way::Out => {
                    ready!(stream.poll_write_ready(context))?;
                    Interest::WRITABLE
                }
            };
            let mut part = None;
            let outcome = stream.try_io(interest, || {
                let count = uninterrupted(|| call(stream.as_fd()))?;
                if 0 < count && count < most {
                    // That has emptied or filled the kernel's buffer: the runtime may as well know
                    // now that the next call has to wait, instead of from a call in vain.
                    part = Some(count);
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(count)
            });
            match (part, outcome) {
                (Some(count), _) => return Poll::Ready(Ok(count)),
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (None, outcome) => return Poll::Ready(outcome),
            }
        }
    }

    /// A call on the socket, registered or not.
    fn with<R>(&self, mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        if let Some(stream) = self.registered.get() {
            return uninterrupted(|| call(stream.as_fd()));
        }
        let bare = self.bare.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = bare.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        uninterrupted(|| call(stream.as_fd()))
    }

    fn registered(&self) -> io::Result<&TcpStream> {
        if let Some(stream) = self.registered.get() {
            return Ok(stream);
        }
        let bare = self.bare.lock().unwrap_or_else(PoisonError::into_inner).take();
        let stream = TcpStream::from_std(bare.ok_or(io::ErrorKind::NotConnected)?.into())?;
        Ok(self.registered.get_or_init(|| stream))
    }
}

impl nonblocking::Socket for Socket {
    type Alarm = Alarm;

    fn wake_after(
        &self,
        alarm: &mut Alarm,
        now: Duration,
        left: Duration,
        context: &mut Context<'_>,
    ) {
        alarm.set(now, left, context);
    }

    fn local(&self) -> Option<SocketAddr> {
        let address = self.with(|socket| SockRef::from(&socket).local_addr()).ok()?;
        address.as_socket()
    }

    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.to_be_shut.load(Ordering::Relaxed) {
            self.to_be_shut.store(false, Ordering::Relaxed);
            self.with(|socket| SockRef::from(&socket).shutdown(Shutdown::Write))?;
        }
        let most = buffer.len().min(listen::RECEIVE);
        let piece = buffer.get_mut(..most).unwrap_or_default();
        self.poll(Way::In, most, context, |socket| {
            Ok(recv(socket, &mut *piece, RecvFlags::empty())?.0)
        })
    }

    fn poll_write(
        &self,
        context: &mut Context<'_>,
        octets: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let piece = octets.get(..PIECE).unwrap_or(octets);
        self.poll(Way::Out, piece.len(), context, |socket| {
            if more { send::more(socket, piece) } else { send::now(socket, piece) }
        })
    }

    fn poll_send_file(
        &self,
        context: &mut Context<'_>,
        file: &File,
        offset: u64,
        length: u64,
    ) -> Poll<io::Result<usize>> {
        // A file may give less than was asked for though the socket could take more.
        self.poll(Way::Out, 0, context, |socket| {
            // The runtime lets a task make more calls in a row than is fair for pieces twice as long.
            send::file(socket, file, offset, length, LONG_PIECE / 2)
        })
    }

    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registered()?.poll_read_ready(context)
    }

    fn look_again(&self) {
        self.calls_left.store(AGAIN, Ordering::Relaxed);
    }

    fn shut_before_reading(&self) {
        self.to_be_shut.store(true, Ordering::Relaxed);
    }

    fn close_in_order(&self) {
        let _ = self.with(|socket| {
            listen::close_in_order(socket);
            Ok(())
        });
    }
}

fn uninterrupted<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            outcome => return outcome,
        }
    }
}
