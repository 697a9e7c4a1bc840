//! A socket, in the clear or by TLS.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::io::Errno;

use super::Socket;
use crate::tls::{Session, Wire};

/// A socket over which TLS is spoken, if its server does. One in the clear has room for a pointer here, and
/// no more.
#[derive(Debug)]
pub struct Secured<S> {
    socket: S,
    session: Option<Box<Session>>,
}

impl<S: Socket> Secured<S> {
    pub(super) const fn new(socket: S, session: Option<Box<Session>>) -> Self {
        Self { socket, session }
    }

    /// The socket itself.
    pub(super) const fn socket(&self) -> &S {
        &self.socket
    }

    /// Makes a call of the session, with the socket as its wire.
    fn poll<R>(
        &self,
        context: &mut Context<'_>,
        call: impl FnOnce(&mut dyn Wire) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        match call(&mut Polled { socket: &self.socket, context }) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            outcome => Poll::Ready(outcome),
        }
    }

    /// Makes a call of the session that nobody waits for.
    fn now(&self, call: impl FnOnce(&mut dyn Wire)) {
        let mut context = Context::from_waker(Waker::noop());
        call(&mut Polled { socket: &self.socket, context: &mut context });
    }
}

impl<S: Socket> Socket for Secured<S> {
    type Alarm = S::Alarm;

    fn wake_after(
        &self,
        alarm: &mut Self::Alarm,
        now: Duration,
        left: Duration,
        context: &mut Context<'_>,
    ) {
        self.socket.wake_after(alarm, now, left, context);
    }

    fn local(&self) -> Option<SocketAddr> {
        self.socket.local()
    }

    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match &self.session {
            None => self.socket.poll_read(context, buffer),
            Some(session) => self.poll(context, |wire| session.read(wire, buffer)),
        }
    }

    fn poll_write(
        &self,
        context: &mut Context<'_>,
        octets: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        match &self.session {
            None => self.socket.poll_write(context, octets, more),
            Some(session) => self.poll(context, |wire| session.write(wire, octets, more)),
        }
    }

    fn poll_send_file(
        &self,
        context: &mut Context<'_>,
        file: &File,
        offset: u64,
        length: u64,
    ) -> Poll<io::Result<usize>> {
        match self.session {
            None => self.socket.poll_send_file(context, file, offset, length),
            Some(_) => Poll::Ready(Err(Errno::OPNOTSUPP.into())),
        }
    }

    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(session) = &self.session {
            match self.poll(context, |wire| session.wait(wire)) {
                Poll::Ready(Ok(false)) => {}
                Poll::Ready(outcome) => return Poll::Ready(outcome.map(drop)),
                Poll::Pending => return Poll::Pending,
            }
        }
        self.socket.poll_readable(context)
    }

    fn look_again(&self) {
        self.socket.look_again();
    }

    fn shut_before_reading(&self) {
        match &self.session {
            None => self.socket.shut_before_reading(),
            Some(session) => self.now(|wire| session.shut(wire)),
        }
    }

    fn close_in_order(&self) {
        match &self.session {
            None => self.socket.close_in_order(),
            Some(session) => self.now(|wire| session.close_in_order(wire)),
        }
    }

    fn sends_files(&self) -> bool {
        self.session.is_none() && self.socket.sends_files()
    }

    fn is_greeting(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_greeting())
    }

    fn is_secure(&self) -> Option<bool> {
        self.session.as_ref().map(|session| session.is_secure())
    }

    fn has_octets(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.has_octets())
    }
}

/// A socket while something polls it.
struct Polled<'p, 'w, S> {
    socket: &'p S,
    context: &'p mut Context<'w>,
}

impl<S: Socket> Read for Polled<'_, '_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        ready(self.socket.poll_read(self.context, buffer))
    }
}

impl<S: Socket> Wire for Polled<'_, '_, S> {
    fn send(&mut self, octets: &[u8], more: bool) -> io::Result<usize> {
        ready(self.socket.poll_write(self.context, octets, more))
    }

    fn shut(&mut self) {
        self.socket.shut_before_reading();
    }

    fn close_in_order(&mut self) {
        self.socket.close_in_order();
    }
}

/// What has come of it, or that it has to wait.
fn ready<R>(outcome: Poll<io::Result<R>>) -> io::Result<R> {
    match outcome {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}
