//! A connection, shared by its worker and the handle that stops the server.

use std::io::{self, Read as _};
use std::net::{Shutdown, SocketAddr};
#[cfg(feature = "tls")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use socket2::Socket;
use thimble_host::listen::Accepted;
use thimble_host::place::{Place, Waits};
use thimble_host::settings::Settings;
#[cfg(feature = "tls")]
use thimble_host::tls::{Session, Wire};
use thimble_host::{listen, send};

/// An accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Socket,
    peer: Option<SocketAddr>,
    place: Place,
    to_be_shut: AtomicBool,
    is_alone: AtomicBool,
    is_cut: AtomicBool,
    /// A task that waits for the server to stop.
    waits_for_stop: Mutex<Option<Waker>>,
    /// Once it is served: what speaks TLS over it, if the server does.
    #[cfg(feature = "tls")]
    session: OnceLock<Session>,
}

impl Connection {
    pub(crate) fn new((stream, peer): Accepted) -> Self {
        let (to_be_shut, is_alone) = (AtomicBool::new(false), AtomicBool::new(false));
        let waits_for_stop = Mutex::default();
        Self {
            stream,
            peer,
            place: Place::default(),
            to_be_shut,
            is_alone,
            is_cut: AtomicBool::new(false),
            waits_for_stop,
            #[cfg(feature = "tls")]
            session: OnceLock::new(),
        }
    }

    /// Speaks TLS over it from now on, if `settings` say so.
    #[cfg(feature = "tls")]
    pub(crate) fn secure(&self, settings: &Settings) -> io::Result<()> {
        if let Some(tls) = &settings.tls {
            // It is served once.
            let _ = self.session.set(tls.session()?);
        }
        Ok(())
    }

    /// Nothing is to be done.
    #[cfg(not(feature = "tls"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "with the feature `tls`, it may fail"
    )]
    pub(crate) const fn secure(&self, _: &Settings) -> io::Result<()> {
        Ok(())
    }

    /// Reads what is there; one call of the system at most waits for it.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(session) = self.session.get() {
            return session.read(&mut Once::new(self), buffer);
        }
        (&self.stream).read(buffer)
    }

    /// Writes octets; `more` says that others follow at once.
    pub(crate) fn write(&self, octets: &[u8], more: bool) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(session) = self.session.get() {
            return session.write(&mut Once::new(self), octets, more);
        }
        if more { send::more(&self.stream, octets) } else { send::now(&self.stream, octets) }
    }

    /// Whether files can be sent without copying them.
    pub(crate) fn sends_files(&self) -> bool {
        self.is_secure().is_none()
    }

    /// Where TLS is to be spoken: whether the client does so.
    #[cfg_attr(
        not(feature = "tls"),
        expect(
            clippy::unused_self,
            clippy::missing_const_for_fn,
            reason = "see the feature `tls`"
        )
    )]
    pub(crate) fn is_secure(&self) -> Option<bool> {
        #[cfg(feature = "tls")]
        return self.session.get().map(Session::is_secure);
        #[cfg(not(feature = "tls"))]
        None
    }

    /// Whether the client has not got to the point yet where it can send a request.
    #[cfg_attr(not(feature = "tls"), expect(clippy::unused_self, reason = "see the feature `tls`"))]
    pub(crate) fn is_greeting(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.session.get().is_some_and(Session::is_greeting);
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Whether there is something to read for which the system is not asked.
    #[cfg_attr(not(feature = "tls"), expect(clippy::unused_self, reason = "see the feature `tls`"))]
    pub(crate) fn has_octets(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.session.get().is_some_and(Session::has_octets);
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Makes closing it send what is left, then the end.
    pub(crate) fn close_in_order(&self) {
        #[cfg(feature = "tls")]
        if let Some(session) = self.session.get() {
            return session.close_in_order(&mut Once::new(self));
        }
        listen::close_in_order(&self.stream);
    }

    pub(crate) const fn stream(&self) -> &Socket {
        &self.stream
    }

    /// The address of the client; `None` over a Unix socket.
    pub(crate) const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Shuts the sending side, when there is more to read; otherwise closing does it.
    pub(crate) fn shut_before_reading(&self) {
        #[cfg(feature = "tls")]
        if let Some(session) = self.session.get() {
            return session.shut(&mut Once::new(self));
        }
        self.put_off_shutting();
    }

    fn put_off_shutting(&self) {
        self.to_be_shut.store(true, Ordering::Relaxed);
    }

    /// What was put off until there is more to read.
    pub(crate) fn shut_if_put_off(&self) -> io::Result<()> {
        if self.to_be_shut.load(Ordering::Relaxed) {
            self.to_be_shut.store(false, Ordering::Relaxed);
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Its place, which it may have to give up.
    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }

    /// Makes this the only connection: nobody else accepts clients while it is served.
    pub(crate) fn be_alone(&self) {
        self.is_alone.store(true, Ordering::Relaxed);
        self.place.end_after_reply();
    }

    /// Whether its worker has to look for other clients, too.
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }

    /// Ends the connection if it is idle: its worker reads what has arrived, then the end.
    pub(crate) fn end_if_idle(&self) {
        if self.place.tell_if_idle() {
            self.leave(Waits::Idle);
        }
    }

    /// The same, also in the middle of a head, for which its client has a moment yet, and after the last reply.
    pub(crate) fn end_soon(&self) {
        if self.place.tell_if_not_under_way() {
            self.leave(Waits::Idle);
        }
    }

    /// Ends what its worker waits for, once it was told to give its place up.
    pub(crate) fn leave(&self, waits: Waits) {
        if waits == Waits::Reply {
            return self.cut();
        }
        // It fails when the client is gone, which ends the wait as well.
        let _ = self.stream.shutdown(Shutdown::Read);
    }

    /// Has the task of `waker` woken when the server stops. Only the latest one is.
    pub(crate) fn wake_when_it_stops(&self, waker: &Waker) {
        let mut waits = self.waits_for_stop.lock().unwrap_or_else(PoisonError::into_inner);
        if !waits.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *waits = Some(waker.clone());
        }
    }

    /// Wakes the task that waits for the server to stop.
    pub(crate) fn wake(&self) {
        let waker = self.waits_for_stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends whatever is under way.
    pub(crate) fn cut(&self) {
        // First: whoever sees the reset finds whose it is.
        self.is_cut.store(true, Ordering::SeqCst);
        listen::reset(&self.stream);
    }

    /// Whether that was done.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }
}

/// A connection's socket, for one wait: who waits for longer has to look at the time.
#[cfg(feature = "tls")]
struct Once<'c> {
    connection: &'c Connection,
    has_read: bool,
}

#[cfg(feature = "tls")]
impl<'c> Once<'c> {
    const fn new(connection: &'c Connection) -> Self {
        Self { connection, has_read: false }
    }
}

#[cfg(feature = "tls")]
impl io::Read for Once<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if std::mem::replace(&mut self.has_read, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.connection.shut_if_put_off()?;
        (&self.connection.stream).read(buffer)
    }
}

#[cfg(feature = "tls")]
impl Wire for Once<'_> {
    fn send(&mut self, octets: &[u8], more: bool) -> io::Result<usize> {
        if more {
            send::more(&self.connection.stream, octets)
        } else {
            send::now(&self.connection.stream, octets)
        }
    }

    fn shut(&mut self) {
        self.connection.put_off_shutting();
    }

    fn close_in_order(&mut self) {
        listen::close_in_order(&self.connection.stream);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    fn pair() -> io::Result<(TcpStream, Connection)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        Ok((client, Connection::new(listen::accept(&listener)?)))
    }

    #[test]
    fn only_an_idle_connection_is_ended() -> io::Result<()> {
        let (mut client, connection) = pair()?;
        connection.end_if_idle();
        client.write_all(b"a")?;
        let mut octets = [0; 8];
        assert_eq!(connection.stream().read(&mut octets)?, 1);
        assert!(!connection.place().go_on());

        connection.place().wait_for_request(Duration::ZERO);
        connection.end_if_idle();
        assert_eq!(connection.stream().read(&mut octets)?, 0);
        Ok(())
    }

    #[test]
    fn octets_that_were_on_their_way_are_still_read() -> io::Result<()> {
        let (mut client, connection) = pair()?;
        connection.place().wait_for_request(Duration::ZERO);
        client.write_all(b"ab")?;
        std::thread::sleep(std::time::Duration::from_millis(20));
        connection.end_if_idle();
        let mut octets = [0; 8];
        assert_eq!(connection.stream().read(&mut octets)?, 2);
        assert!(connection.place().go_on());
        // What comes later is read too.
        #[cfg(target_os = "linux")]
        {
            client.write_all(b"cde")?;
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert_eq!(connection.stream().read(&mut octets)?, 3);
        }
        // And the reply can go out.
        connection.stream().write_all(b"reply")?;
        client.read_exact(octets.get_mut(..5).unwrap_or_default())?;
        Ok(())
    }
}
