//! Listening: options are set once on the listener, and each connection inherits them.

mod listener;
mod unix;

use std::io;
use std::iter;
use std::net::{Shutdown, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::SocketAddrAny;
#[cfg(target_os = "linux")]
use rustix::net::SocketFlags;
use rustix::process::{Resource, getrlimit};
use socket2::{Domain, SockRef, Socket, Type};

use crate::folder::cache;

pub use listener::Listener;
#[cfg(all(feature = "command", target_os = "linux"))]
pub(crate) use unix::who_listens;
pub use unix::{SocketFile, bind_unix};

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

/// A connection that was accepted, and the address of its client; over a Unix socket, there is none.
pub type Accepted = (Socket, Option<SocketAddr>);

/// Binds a listener to the first of `addresses` that can be bound. One on all addresses of IPv6 takes clients
/// of IPv4, too, where the system can do so.
///
/// # Errors
/// None of them can be bound.
pub fn bind(addresses: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let none = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on");
    let mut outcome = Err(none);
    for address in addresses.to_socket_addrs()? {
        let only_v6 = address.ip().is_unspecified().then_some(false);
        outcome = listening(address, only_v6, false);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// A listener on `address`, to which others may be added on the same port if it `shares`. For an address of
/// IPv6, `only_v6` says whether clients of IPv4 can't connect; nothing leaves that to the system.
fn listening(address: SocketAddr, only_v6: Option<bool>, shares: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if let (true, Some(only_v6)) = (address.is_ipv6(), only_v6) {
        // Where that can't be had, it takes those of IPv6.
        let _ = socket.set_only_v6(only_v6);
    }
    if shares {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    let listener = Listener::Tcp(socket.into());
    prepare(&listener)?;
    match listener {
        Listener::Tcp(listener) => Ok(listener),
        Listener::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Sets the options that connections inherit from `listener`: no delay, time-outs for blocking calls, and
/// a reset on close. Call it before the first client connects.
///
/// Closing a connection resets it unless [`close_in_order`] was called. So when a reply ends early, even
/// because this process ends, its client can't take a part for the whole. There is no such thing over a Unix
/// socket: of a reply that was cut, a client learns from its length or its last chunk only.
///
/// # Errors
/// An option can't be set.
pub fn prepare(listener: &Listener) -> io::Result<()> {
    // Whether it blocks stays as it is: processes that share it have that in common.
    let socket = SockRef::from(listener);
    // A second call only changes the length of the queue.
    socket.listen(BACKLOG)?;
    if let Listener::Tcp(_) = listener {
        socket.set_tcp_nodelay(true)?;
        socket.set_linger(Some(Duration::ZERO))?;
    }
    socket.set_read_timeout(Some(ACCEPT_TIME_OUT))?;
    socket.set_write_timeout(Some(SEND_TIME_OUT))
}

/// `listeners`, each [prepared](prepare).
///
/// # Errors
/// There is none, or an option can't be set.
pub fn prepared(listeners: impl IntoIterator<Item = Listener>) -> io::Result<Vec<Listener>> {
    let listeners: Vec<_> = listeners.into_iter().collect();
    if listeners.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a server needs a listener"));
    }
    listeners.iter().try_for_each(prepare)?;
    Ok(listeners)
}

/// The address of the first of `listeners` that has one.
///
/// # Errors
/// None has: they are Unix sockets.
pub fn first_addr(listeners: &[Listener]) -> io::Result<SocketAddr> {
    let address = listeners.iter().find_map(Listener::local_addr);
    address.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
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

/// Waits for a connection, at most [`ACCEPT_TIME_OUT`]. If `listener` must not block, this doesn't, but the
/// connection does.
///
/// # Errors
/// No connection came ([`is_time_out`]), the system has run out of something ([`has_run_out`]), or the
/// client left before it was accepted.
pub fn accept(listener: impl AsFd) -> io::Result<Accepted> {
    #[cfg(target_os = "linux")]
    let accepted = rustix::net::acceptfrom_with(listener, SocketFlags::CLOEXEC)?;
    #[cfg(not(target_os = "linux"))]
    let accepted = rustix::net::acceptfrom(listener)?;
    let (socket, peer) = known(accepted)?;
    let is_unix = peer.is_none();
    // An error here means that the connection is gone, which its first read reports.
    if cfg!(not(target_os = "linux")) {
        let _ = socket.set_cloexec(true);
        let _ = socket.set_nonblocking(false);
        inherit(&socket, is_unix);
    }
    // Those of a Unix socket inherit nothing.
    if cfg!(not(target_os = "linux")) || is_unix {
        let _ = socket.set_read_timeout(Some(ACCEPT_TIME_OUT));
        let _ = socket.set_write_timeout(Some(SEND_TIME_OUT));
    }
    Ok((socket, peer))
}

/// A connection that doesn't block, if there is one; the listener must not block either.
///
/// # Errors
/// There is none ([`WouldBlock`](io::ErrorKind::WouldBlock)), the system has run out of something
/// ([`has_run_out`]), or the client left before it was accepted.
pub fn accept_now(listener: impl AsFd) -> io::Result<Accepted> {
    #[cfg(target_os = "linux")]
    {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        known(rustix::net::acceptfrom_with(listener, flags)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let (socket, peer) = known(rustix::net::acceptfrom(listener)?)?;
        // An error here is one of the connection, and shows in its first read.
        let _ = socket.set_cloexec(true);
        socket.set_nonblocking(true)?;
        inherit(&socket, peer.is_none());
        Ok((socket, peer))
    }
}

/// A connection, with the address of its client if it can have one.
fn known((socket, peer): (OwnedFd, Option<SocketAddrAny>)) -> io::Result<Accepted> {
    let socket = Socket::from(socket);
    let peer = peer.and_then(|peer| peer.try_into().ok());
    if peer.is_none() && !socket.local_addr()?.is_unix() {
        // Without an address it is gone already.
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    Ok((socket, peer))
}

/// Sets what Linux has connections inherit: on other systems, some options are inherited, or none.
fn inherit(socket: &Socket, is_unix: bool) {
    if !is_unix {
        let _ = socket.set_tcp_nodelay(true);
        reset_when_closed(socket);
    }
}

/// Whether a client waits to be accepted.
pub fn has_client(listener: impl AsFd) -> bool {
    let mut polled = [PollFd::new(&listener, PollFlags::IN)];
    !matches!(poll(&mut polled, Some(&Timespec::default())), Ok(0))
}

/// For each of `count` threads, all of `listeners`: further ones on the same ports, so that each has a queue
/// of its own. Where there can't be more, as on a Unix socket, all take from the same.
///
/// # Errors
/// One can't be made.
pub fn share(listeners: Vec<Listener>, count: usize) -> io::Result<Vec<Vec<Listener>>> {
    for_each(listeners, count, more)
}

/// For each of `count` threads, all of `listeners`. Clients that wait in one stay when a thread closes it.
///
/// # Errors
/// The system has run out of descriptors.
pub fn clones(listeners: Vec<Listener>, count: usize) -> io::Result<Vec<Vec<Listener>>> {
    for_each(listeners, count, |listener, count| (0..count).map(|_| listener.try_clone()).collect())
}

/// Gives each thread all of `listeners`, to whom `more` adds as many as are missing.
fn for_each(
    listeners: Vec<Listener>,
    count: usize,
    more: impl Fn(&Listener, usize) -> io::Result<Vec<Listener>>,
) -> io::Result<Vec<Vec<Listener>>> {
    let mut threads: Vec<_> = iter::repeat_with(Vec::new).take(count.max(1)).collect();
    for listener in listeners {
        let others = more(&listener, count.saturating_sub(1))?;
        let all = iter::once(listener).chain(others);
        threads.iter_mut().zip(all).for_each(|(own, listener)| own.push(listener));
    }
    Ok(threads)
}

/// `count` more listeners on the port of `listener`, which lets them share it from now on. That the port was
/// free showed when it was bound.
fn more(listener: &Listener, count: usize) -> io::Result<Vec<Listener>> {
    let socket = SockRef::from(listener);
    match listener.local_addr() {
        Some(address) if count > 0 && socket.set_reuse_port(true).is_ok() => {
            let only_v6 = socket.only_v6().ok();
            (0..count).map(|_| Ok(listening(address, only_v6, true)?.into())).collect()
        }
        _ => (0..count).map(|_| listener.try_clone()).collect(),
    }
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
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn connections_inherit_what_the_listener_has() -> io::Result<()> {
        let listener = bind("127.0.0.1:0")?;
        let _client = TcpStream::connect(listener.local_addr()?)?;
        let (stream, peer) = accept(&listener)?;
        assert!(peer.is_some_and(|peer| peer.ip().is_loopback()));
        assert!(stream.tcp_nodelay()?);
        assert_eq!(stream.read_timeout()?, Some(ACCEPT_TIME_OUT));
        assert_eq!(stream.write_timeout()?, Some(SEND_TIME_OUT));
        assert_eq!(stream.linger()?, Some(Duration::ZERO));
        Ok(())
    }

    #[test]
    fn connections_of_a_unix_socket_have_the_same_time_outs() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("socket");
        let (listener, _file) = bind_unix(&path)?;
        let _client = UnixStream::connect(&path)?;
        let (stream, peer) = accept(&listener)?;
        assert_eq!(peer, None);
        assert_eq!(stream.read_timeout()?, Some(ACCEPT_TIME_OUT));
        assert_eq!(stream.write_timeout()?, Some(SEND_TIME_OUT));
        Ok(())
    }

    #[test]
    fn all_addresses_of_ipv6_are_those_of_ipv4_too() -> io::Result<()> {
        let Ok(listener) = bind("[::]:0") else {
            println!("this machine has no IPv6");
            return Ok(());
        };
        let port = listener.local_addr()?.port();
        assert!(!SockRef::from(&listener).only_v6()?);
        // So have those that share it.
        for own in share(vec![listener.into()], 3)? {
            assert!(own.iter().all(|one| SockRef::from(one).only_v6().is_ok_and(|only| !only)));
            assert!(own.iter().all(|one| one.local_addr().is_some_and(|at| at.port() == port)));
        }
        Ok(())
    }

    #[test]
    fn each_thread_has_all_listeners() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        for multiply in [share, clones] {
            let (unix, _file) = bind_unix(folder.path().join("socket"))?;
            let listeners = vec![bind("127.0.0.1:0")?.into(), unix.into()];
            let threads = multiply(listeners, 3)?;
            assert_eq!(threads.len(), 3);
            for own in &threads {
                assert!(matches!(own.as_slice(), [Listener::Tcp(_), Listener::Unix(_)]));
            }
        }
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
