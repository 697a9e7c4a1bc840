//! Writing to a socket, and sending a file over it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::net::{SendFlags, send};

/// The most octets to give to one write. The kernel copies all of them before the peer sees any, so a
/// larger write costs more than the calls it saves.
pub const PIECE: usize = 64 * 1024;

// A peer that is gone is an error, not a signal, and this system can be told that more follows.
#[cfg(target_os = "linux")]
const FLAGS: (SendFlags, SendFlags) =
    (SendFlags::NOSIGNAL, SendFlags::NOSIGNAL.union(SendFlags::MORE));
#[cfg(not(target_os = "linux"))]
const FLAGS: (SendFlags, SendFlags) = (SendFlags::empty(), SendFlags::empty());

/// Octets of a short file that go at a time: such a piece and a head before it fit one of the kernel's
/// buffers. With 64 KiB, the rest of each piece takes another one, and a sixth more time.
pub const SHORT_PIECE: usize = 52 * 1024;

/// Octets of a longer file that go at a time to a socket that doesn't block: half the time of short pieces.
pub const LONG_PIECE: usize = 512 * 1024;

/// Writes `octets`, and returns how many the socket took.
///
/// # Errors
/// Those of the socket.
pub fn now(socket: impl AsFd, octets: &[u8]) -> io::Result<usize> {
    Ok(send(socket, octets, FLAGS.0)?)
}

/// Writes `octets`, and returns how many the socket took. More follows at once, so the kernel may hold
/// the last octets back to fill a segment.
///
/// # Errors
/// Those of the socket.
pub fn more(socket: impl AsFd, octets: &[u8]) -> io::Result<usize> {
    Ok(send(socket, octets, FLAGS.1)?)
}

/// Sends octets of `file` from `offset` on, `most` or `length` of them at most, from the page cache to the
/// socket. Returns how many were sent; 0 when the file ends there.
///
/// # Errors
/// Those of the socket and of the file. [`or_not_at_all`] tells which of them mean that the file has to be
/// copied instead.
#[cfg(target_os = "linux")]
pub fn file(
    socket: impl AsFd,
    file: &File,
    offset: u64,
    length: u64,
    most: usize,
) -> io::Result<usize> {
    /// What is left of a file goes in short pieces up to this length.
    const SHORT: u64 = 128 * 1024;
    let mut at = offset;
    let most = if length <= SHORT { most.min(SHORT_PIECE) } else { most };
    let most = usize::try_from(length).unwrap_or(most).min(most);
    Ok(rustix::fs::sendfile(socket, file, Some(&mut at), most)?)
}

/// Fails: on this system, a file is copied to the socket.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn file(_: impl AsFd, _: &File, _: u64, _: u64, _: usize) -> io::Result<usize> {
    Err(rustix::io::Errno::NOSYS.into())
}

/// The octets that [`file()`] sent; `None` when its error means that the file has to be copied instead.
///
/// # Errors
/// Every other error.
pub fn or_not_at_all(sent: io::Result<usize>) -> io::Result<Option<u64>> {
    use rustix::io::Errno;
    match sent {
        Ok(count) => Ok(Some(count as u64)),
        Err(error) => match Errno::from_io_error(&error) {
            // An error of the disk is met again in copying, and told to the log there.
            Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::IO) => Ok(None),
            _ => Err(error),
        },
    }
}
