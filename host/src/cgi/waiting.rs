//! How a frontend waits: for a script, for its client, and for time to pass.

use std::any::Any;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

/// The most descriptors that are waited for at a time, besides the client's connection.
pub const MOST: usize = 5;

/// What says that a client has shut its sending side.
#[cfg(target_os = "linux")]
const SHUT: PollFlags = PollFlags::RDHUP;
/// Here nothing does.
#[cfg(not(target_os = "linux"))]
const SHUT: PollFlags = PollFlags::empty();

const OVER: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

/// Which way octets go through a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is read from.
    In,
    /// It is written to.
    Out,
}

/// A descriptor that doesn't block, as a frontend waits for it.
pub trait Pipe: Send + Sync {
    /// Reads what is there; 0 at the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there, and those of the system.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes what there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room, and those of the system.
    fn write(&self, octets: &[u8]) -> io::Result<usize>;
}

/// What of a client to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Octets that it sends.
    pub sends: bool,
    /// Room for octets to it.
    pub takes: bool,
    /// That it shuts its sending side.
    pub shuts: bool,
}

impl Interest {
    /// The same for `poll`.
    pub fn flags(self) -> PollFlags {
        let when = |wanted, flag| if wanted { flag } else { PollFlags::empty() };
        when(self.sends, PollFlags::IN) | when(self.takes, PollFlags::OUT) | when(self.shuts, SHUT)
    }
}

/// What was waited for and has come. Nothing of it is there when the time has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they come in any combination")]
pub struct Ready {
    /// A bit for each of the descriptors, the first in the lowest: it can be read from or written to.
    pub pipes: u8,
    /// The client has sent octets, or their end.
    pub sends: bool,
    /// There is room for octets to it.
    pub takes: bool,
    /// It has shut its sending side: it may have closed the connection.
    pub shuts: bool,
    /// The connection is over: the client has reset it.
    pub is_over: bool,
    /// The server has ended it, whatever else is said here.
    pub is_ended: bool,
}

impl Ready {
    /// Whether it can be read from or written to the descriptor with this number.
    pub const fn has(&self, number: usize) -> bool {
        self.pipes >> number & 1 != 0
    }

    /// Adds what `poll` has found of the client's socket.
    pub fn add(&mut self, found: PollFlags) {
        self.sends |= found.contains(PollFlags::IN);
        self.takes |= found.contains(PollFlags::OUT);
        self.shuts |= !SHUT.is_empty() && found.contains(SHUT);
        self.is_over |= found.intersects(OVER);
    }
}

/// What of `wanted` there is of a descriptor now, errors and the end included.
///
/// # Errors
/// Those of the system.
pub fn found_now(descriptor: impl AsFd, wanted: PollFlags) -> io::Result<PollFlags> {
    let mut polled = [PollFd::new(&descriptor, wanted)];
    retry_on_intr(|| poll(&mut polled, Some(&Timespec::default())))?;
    let [found] = polled;
    Ok(found.revents())
}

/// How a frontend waits.
#[expect(async_fn_in_trait, reason = "`Send` follows from the frontend, as DESIGN asks")]
pub trait Waiting: Send + Sync {
    /// A descriptor that it waits for.
    type Pipe: Pipe;

    /// Takes a descriptor over, which is set not to block.
    ///
    /// # Errors
    /// The system has no room for it.
    fn pipe(&self, descriptor: OwnedFd, way: Way) -> io::Result<Self::Pipe>;

    /// Waits until something comes of what is asked for, or `most` has passed. It may return early. A
    /// `connection` is what the transport of the same frontend
    /// [knows it by](thimble_core::server::Half::connection); without one, the client is always ready.
    ///
    /// # Errors
    /// Those of the system.
    async fn wait(
        &self,
        pipes: &[Option<&Self::Pipe>; MOST],
        connection: Option<&(dyn Any + Send + Sync)>,
        interest: Interest,
        most: Duration,
    ) -> io::Result<Ready>;

    /// Does `work`, which may wait for a disk, where it holds up nobody else.
    ///
    /// # Errors
    /// It could not be done.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T>;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Waits for nothing.
    pub(in crate::cgi) struct Here;

    impl Pipe for OwnedFd {
        fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
            Ok(rustix::io::read(self, buffer)?)
        }

        fn write(&self, octets: &[u8]) -> io::Result<usize> {
            Ok(rustix::io::write(self, octets)?)
        }
    }

    impl Waiting for Here {
        type Pipe = OwnedFd;

        fn pipe(&self, descriptor: OwnedFd, _: Way) -> io::Result<OwnedFd> {
            Ok(descriptor)
        }

        async fn wait(
            &self,
            _: &[Option<&OwnedFd>; MOST],
            _: Option<&(dyn Any + Send + Sync)>,
            _: Interest,
            _: Duration,
        ) -> io::Result<Ready> {
            Ok(Ready::default())
        }

        async fn apart<T: Send + 'static>(
            &self,
            work: impl FnOnce() -> T + Send + 'static,
        ) -> io::Result<T> {
            Ok(work())
        }
    }
}
