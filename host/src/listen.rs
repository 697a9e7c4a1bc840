//! Listening: options are set once on the listener, and each connection inherits them.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use socket2::SockRef;

use crate::deadline::SLICE;
use crate::folder::cache;

/// The longest wait for a connection: a worker that waits longer may be superfluous. It is also the
/// first time-out of each connection.
pub const ACCEPT_TIME_OUT: Duration = Duration::from_secs(1);

/// The longest wait in one write; a write that takes longer is tried again.
pub const SEND_TIME_OUT: Duration = SLICE;

/// The most octets to take by one read: what is larger falls out of the processor's cache before it is
/// used, and takes memory of a buffer that could be taken from its start again.
pub const RECEIVE: usize = 128 * 1024;

/// How long to wait when something has run out: descriptors, memory, threads.
pub const RUN_OUT: Duration = Duration::from_millis(50);

/// Connections that may wait for a worker; the system may allow fewer.
const BACKLOG: i32 = 4096;

/// Binds a listener to the first of `addresses` that can be bound.
///
/// # Errors
/// None of them can be bound.
pub fn bind(addresses: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(addresses)?;
    prepare(&listener)?;
    Ok(listener)
}

/// Sets the options that connections inherit from `listener`: no delay, time-outs for blocking calls, and
/// a reset on close. Call it before the first client connects.
///
/// Closing a connection resets it unless [`close_in_order`] was called. So when a reply ends early, even
/// because this process ends, its client can't take a part for the whole.
///
/// # Errors
/// An option can't be set.
pub fn prepare(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(false)?;
    let socket = SockRef::from(listener);
    // A second call only changes the length of the queue.
    socket.listen(BACKLOG)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_read_timeout(Some(ACCEPT_TIME_OUT))?;
    socket.set_write_timeout(Some(SEND_TIME_OUT))
}

/// Makes closing `socket` reset it.
pub fn reset_when_closed(socket: impl AsFd) {
    // If it can't be set, the connection is gone.
    let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
}

/// Makes closing `socket` send what is left, then the end of the stream.
pub fn close_in_order(socket: impl AsFd) {
    // If it can't be set, the connection is gone.
    let _ = SockRef::from(&socket).set_linger(None);
}

/// The number of descriptors for connections and the files that they are sent: the limit on open files
/// less those in use and those that a [`Folder`](crate::Folder) keeps.
pub fn descriptors() -> usize {
    const OTHERS: u64 = 16;
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let others = OTHERS.saturating_add(cache::descriptors());
    usize::try_from(limit.saturating_sub(others)).unwrap_or(usize::MAX)
}

/// Waits for a connection, at most [`ACCEPT_TIME_OUT`].
///
/// # Errors
/// No connection came ([`is_time_out`]), the system has run out of something ([`has_run_out`]), or the
/// client left before it was accepted.
pub fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept()?;
    // On other systems, connections inherit some options or none. An error here means that the
    // connection is gone, which its first read reports.
    if cfg!(not(target_os = "linux")) {
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_nodelay(true);
        reset_when_closed(&stream);
        let _ = stream.set_read_timeout(Some(ACCEPT_TIME_OUT));
        let _ = stream.set_write_timeout(Some(SEND_TIME_OUT));
    }
    Ok((stream, peer))
}

/// Whether `error` means that no connection came in time.
pub fn is_time_out(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Whether `error` means that the system has no descriptors or memory left, so that accepting again at
/// once would fail, too.
pub fn has_run_out(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn connections_inherit_what_the_listener_has() -> io::Result<()> {
        let listener = bind("127.0.0.1:0")?;
        let _client = TcpStream::connect(listener.local_addr()?)?;
        let (stream, _) = accept(&listener)?;
        assert!(stream.nodelay()?);
        assert_eq!(stream.read_timeout()?, Some(ACCEPT_TIME_OUT));
        assert_eq!(stream.write_timeout()?, Some(SEND_TIME_OUT));
        assert_eq!(SockRef::from(&stream).linger()?, Some(Duration::ZERO));
        Ok(())
    }

    #[test]
    fn accepting_times_out() -> io::Result<()> {
        let listener = bind("127.0.0.1:0")?;
        let outcome = accept(&listener);
        assert!(outcome.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
        Ok(())
    }
}
