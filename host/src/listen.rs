//! Listening: options are set once on the listener, and each connection inherits them.

use std::io;
use std::iter;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
#[cfg(target_os = "linux")]
use rustix::net::SocketFlags;
use rustix::process::{Resource, getrlimit};
use socket2::{Domain, SockRef, Socket, Type};

use crate::folder::cache;

/// The longest wait for a connection: a worker that waits longer may be superfluous. It is also the
/// first time-out of each connection.
pub const ACCEPT_TIME_OUT: Duration = Duration::from_secs(1);

/// The longest wait in one write; a write that takes longer is tried again.
pub const SEND_TIME_OUT: Duration = Duration::from_millis(2500);

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

/// Resets the connection of `socket`, while other threads may wait for it: their calls fail.
///
/// The socket has to be one that is [reset when closed](reset_when_closed): where the system can't reset it
/// at once, that does it.
pub fn reset(socket: impl AsFd) {
    // To shut it would tell a client that is owed no certain length that it has all.
    if rustix::net::connect_unspec(&socket).is_err() {
        let _ = SockRef::from(&socket).shutdown(Shutdown::Both);
    }
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

/// Whether the system limits the memory that this process may map.
pub fn memory_is_limited() -> bool {
    getrlimit(Resource::As).current.is_some()
}

/// Whether that limit is so low that threads could take all of it: each has a stack, which the system keeps
/// for a later one, and glibc maps 128 MiB when a thread first allocates. An octet that another thread then
/// can't have ends the process. What the first call says stands.
pub fn memory_is_scarce() -> bool {
    const PLENTY: u64 = 512 * 1024 * 1024;
    static IS_SCARCE: OnceLock<bool> = OnceLock::new();
    *IS_SCARCE.get_or_init(|| getrlimit(Resource::As).current.is_some_and(|limit| limit < PLENTY))
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

/// A connection that doesn't block, if there is one; the listener must not block either.
///
/// # Errors
/// There is none ([`WouldBlock`](io::ErrorKind::WouldBlock)), the system has run out of something
/// ([`has_run_out`]), or the client left before it was accepted.
pub fn accept_now(listener: impl AsFd) -> io::Result<(TcpStream, SocketAddr)> {
    #[cfg(target_os = "linux")]
    let (stream, peer) = {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        rustix::net::acceptfrom_with(listener, flags)?
    };
    #[cfg(not(target_os = "linux"))]
    let (stream, peer) = {
        let (stream, peer) = rustix::net::acceptfrom(listener)?;
        rustix::io::ioctl_fionbio(&stream, true)?;
        // An error here is one of the connection, and shows in its first read.
        let _ = rustix::net::sockopt::set_tcp_nodelay(&stream, true);
        reset_when_closed(&stream);
        (stream, peer)
    };
    let peer = peer.and_then(|peer| peer.try_into().ok());
    // Without an address it is gone already.
    Ok((stream.into(), peer.ok_or(io::ErrorKind::ConnectionAborted)?))
}

/// Whether a client waits to be accepted.
pub fn has_client(listener: impl AsFd) -> bool {
    let mut polled = [PollFd::new(&listener, PollFlags::IN)];
    !matches!(poll(&mut polled, Some(&Timespec::default())), Ok(0))
}

/// `listener`, and more on the same port, so that there are `count`. Where there can't be more, all take
/// from the same.
///
/// # Errors
/// One can't be made.
pub fn share(listener: TcpListener, count: usize) -> io::Result<Vec<TcpListener>> {
    let address = listener.local_addr()?;
    let can_share = count > 1 && SockRef::from(&listener).set_reuse_port(true).is_ok();
    if !can_share {
        return clones(listener, count);
    }
    let more = (1..count).map(|_| bind_another(address));
    iter::once(Ok(listener)).chain(more).collect()
}

/// `listener`, as often as there are to be listeners. Clients that wait in it stay when one of them is closed.
///
/// # Errors
/// The system has run out of descriptors.
pub fn clones(listener: TcpListener, count: usize) -> io::Result<Vec<TcpListener>> {
    let more = (1..count).map(|_| listener.try_clone()).collect::<Vec<_>>();
    iter::once(Ok(listener)).chain(more).collect()
}

/// Another listener on the port of one that lets others share it. That the port was free showed when
/// the first was bound, which was not ready to share it yet.
fn bind_another(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    let listener = socket.into();
    prepare(&listener)?;
    Ok(listener)
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
