//! A connection, shared by its worker and the handle that stops the server.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use thimble_host::listen;
use thimble_host::place::{Place, Waits};

/// An accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    to_be_shut: AtomicBool,
    is_alone: AtomicBool,
    /// A task that waits for the server to stop.
    waits_for_stop: Mutex<Option<Waker>>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        let (to_be_shut, is_alone) = (AtomicBool::new(false), AtomicBool::new(false));
        let waits_for_stop = Mutex::default();
        Self { stream, peer, place: Place::default(), to_be_shut, is_alone, waits_for_stop }
    }

    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Shuts the sending side, when there is more to read; otherwise closing does it.
    pub(crate) fn shut_before_reading(&self) {
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
        listen::reset(&self.stream);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    fn pair() -> io::Result<(TcpStream, Connection)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (stream, peer) = listener.accept()?;
        Ok((client, Connection::new(stream, peer)))
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
