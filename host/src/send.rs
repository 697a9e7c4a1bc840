//! What sockets do besides reading and writing, for every kind of socket.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::net::{SendFlags, send};

/// The kernel copies what it is given before the peer sees any of it: more than this in one call
/// costs more than the calls it saves.
pub const PIECE: usize = 64 * 1024;

// A peer that is gone is an error, not a signal, and this system can be told that more follows.
#[cfg(target_os = "linux")]
const FLAGS: (SendFlags, SendFlags) =
    (SendFlags::NOSIGNAL, SendFlags::NOSIGNAL.union(SendFlags::MORE));
#[cfg(not(target_os = "linux"))]
const FLAGS: (SendFlags, SendFlags) = (SendFlags::empty(), SendFlags::empty());

/// Octets of a file that go at a time: such a piece and a head before it fit one of the kernel's
/// buffers. With 64 KiB, the rest of each piece takes another one, and a sixth more time.
const FILE_PIECE: usize = 52 * 1024;

/// Writes.
///
/// # Errors
/// Those of the socket.
pub fn now(socket: impl AsFd, octets: &[u8]) -> io::Result<usize> {
    Ok(send(socket, octets, FLAGS.0)?)
}

/// Writes; more follows at once, so the kernel may keep the last octets back for it.
///
/// # Errors
/// Those of the socket.
pub fn more(socket: impl AsFd, octets: &[u8]) -> io::Result<usize> {
    Ok(send(socket, octets, FLAGS.1)?)
}

/// Sends octets of `file` from `offset` on, 52 KiB or `length` of them at most, from the page
/// cache to the socket. Returns how many went; 0 when the file ends there.
///
/// # Errors
/// Those of the socket and of the file. [`or_not_at_all`] tells those that mean only that this file
/// can't be sent so.
#[cfg(target_os = "linux")]
pub fn file(socket: impl AsFd, file: &File, offset: u64, length: u64) -> io::Result<usize> {
    let mut at = offset;
    let most = usize::try_from(length).unwrap_or(FILE_PIECE).min(FILE_PIECE);
    Ok(rustix::fs::sendfile(socket, file, Some(&mut at), most)?)
}

/// This system's call for it is another one.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn file(_: impl AsFd, _: &File, _: u64, _: u64) -> io::Result<usize> {
    Err(rustix::io::Errno::NOSYS.into())
}

/// What [`file()`] sent; nothing when its error means that the file has to be copied instead.
///
/// # Errors
/// Every other error.
pub fn or_not_at_all(sent: io::Result<usize>) -> io::Result<Option<u64>> {
    use rustix::io::Errno;
    match sent {
        Ok(count) => Ok(Some(count as u64)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(None),
            _ => Err(error),
        },
    }
}
