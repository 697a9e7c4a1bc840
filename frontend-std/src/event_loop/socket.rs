//! A socket that is registered with the system's queue of events only once it has to wait.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::PollFlags;
use rustix::net::{RecvFlags, recv};
use thimble_host::cgi::waiting::found_now;
use thimble_host::listen;
use thimble_host::nonblocking;
use thimble_host::send::{self, LONG_PIECE, PIECE};

use super::wheel::{NEVER, tick};

/// Calls of one round, in which each connection that something has happened to has its turn. They move octets,
/// and some take 10 µs: so newcomers are accepted every few milliseconds, whatever others load.
const ROUND: usize = 256;

/// Octets of a file that count as a call.
const OF_FILE: usize = 32 * 1024;

/// Calls that a turn has at least, which are those of most requests, and at most.
const LEAST: u8 = 4;
const MOST: u8 = 16;

/// Connections that have used up their calls and have another turn in a round.
const AGAIN: usize = 32;

/// What is known of the sockets of a loop: in one place, so that it is there before the task that owns a
/// socket is looked at.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) registry: Registry,
    slots: RefCell<Vec<Slot>>,
    /// Those that have used up their calls.
    again: RefCell<VecDeque<usize>>,
    /// Whose turn it is.
    turn: Cell<usize>,
    /// Calls that each turn of this round has.
    calls: Cell<u8>,
}

/// What is known of one socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    readiness: u8,
    calls: u8,
    /// The tick at which its task wants to be woken.
    pub(super) due: u32,
    /// The tick at which the wheel has it. That outlives the socket: so a key has one place on the wheel.
    pub(super) scheduled: u32,
}

const READABLE: u8 = 1;
const WRITABLE: u8 = 2;
/// There is nothing to read but the end, or an error. It stays so.
const ENDED: u8 = 4;
const REGISTERED: u8 = 8;
const TO_BE_SHUT: u8 = 16;
/// It is among those that have used up their calls: once, however many events it has.
const WAITS: u8 = 32;

impl Slot {
    const NEW: Self = Self { readiness: 0, calls: 0, due: NEVER, scheduled: NEVER };
}

impl Sockets {
    pub(super) fn new(registry: Registry) -> Self {
        let (slots, again, turn) = (RefCell::default(), RefCell::default(), Cell::default());
        Self { registry, slots, again, turn, calls: Cell::new(LEAST) }
    }

    pub(super) fn slot(&self, key: usize) -> Slot {
        self.slots.borrow().get(key).copied().unwrap_or(Slot::NEW)
    }

    pub(super) fn update(&self, key: usize, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slots.borrow_mut().get_mut(key) {
            change(slot);
        }
    }

    /// Takes over a stream that doesn't block, as the socket with this key.
    pub(super) fn add(self: &Rc<Self>, key: usize, stream: socket2::Socket) -> Socket {
        let mut slots = self.slots.borrow_mut();
        if key >= slots.len() {
            slots.resize(key + 1, Slot::NEW);
        }
        if let Some(slot) = slots.get_mut(key) {
            // It is not known yet that a call would have to wait.
            (slot.readiness, slot.due) = (READABLE | WRITABLE, NEVER);
        }
        // There are never as many descriptors as this can't hold.
        let key = u32::try_from(key).unwrap_or(u32::MAX);
        Socket { client: Client { stream, key }, sockets: Rc::clone(self) }
    }

    /// Takes note of an event.
    pub(super) fn heard(&self, key: usize, event: &Event) {
        let mut readiness = 0;
        if event.is_readable() {
            readiness |= READABLE;
        }
        if event.is_writable() || event.is_write_closed() {
            readiness |= WRITABLE;
        }
        if event.is_read_closed() || event.is_error() {
            readiness |= ENDED;
        }
        self.update(key, |slot| slot.readiness |= readiness);
    }

    /// A round of so many turns begins.
    pub(super) fn begin_round(&self, turns: usize) {
        let calls = u8::try_from(ROUND / turns.max(1)).unwrap_or(MOST);
        self.calls.set(calls.clamp(LEAST, MOST));
    }

    /// A turn begins for this socket.
    pub(super) fn begin_turn(&self, key: usize) {
        self.turn.set(key);
        self.update(key, |slot| slot.calls = self.calls.get());
    }

    /// The key of the socket whose turn it is.
    pub(super) fn turn(&self) -> usize {
        self.turn.get()
    }

    /// Takes a call from those that are left for this turn; without any, waits for another turn.
    pub(super) fn poll_turn(&self) -> Poll<()> {
        let key = self.turn();
        if self.slot(key).calls == 0 {
            self.wait_for_turn(key);
            return Poll::Pending;
        }
        self.update(key, |slot| slot.calls -= 1);
        Poll::Ready(())
    }

    /// Takes the keys of those that wait for another turn only, as many as have one now.
    pub(super) fn take_again(&self, keys: &mut Vec<usize>) {
        let mut again = self.again.borrow_mut();
        let now = again.len().min(AGAIN);
        for key in again.drain(..now) {
            self.update(key, |slot| slot.readiness &= !WAITS);
            keys.push(key);
        }
    }

    /// Has another turn come for a socket.
    fn wait_for_turn(&self, key: usize) {
        if self.slot(key).readiness & WAITS == 0 {
            self.update(key, |slot| slot.readiness |= WAITS);
            self.again.borrow_mut().push_back(key);
        }
    }

    /// Has events come for a client. Returns whether they did already.
    fn register(&self, client: &Client) -> io::Result<bool> {
        let key = client.key();
        let is_registered = self.slot(key).readiness & REGISTERED != 0;
        if !is_registered {
            let interests = Interest::READABLE | Interest::WRITABLE;
            let mut source = SourceFd(&client.stream.as_raw_fd());
            self.registry.register(&mut source, Token(key), interests)?;
            self.update(key, |slot| slot.readiness |= REGISTERED);
        }
        Ok(is_registered)
    }

    /// What of `wanted` a client's socket has, its errors and end included. What comes later is an event.
    pub(super) fn look(&self, client: &Client, wanted: PollFlags) -> io::Result<PollFlags> {
        let is_registered = self.register(client)?;
        let sides = [(PollFlags::IN, READABLE), (PollFlags::OUT, WRITABLE)];
        let wanted_sides = sides.into_iter().filter(|(flag, _)| wanted.contains(*flag));
        let believed = wanted_sides.clone().fold(ENDED, |all, (_, side)| all | side);
        // Without an event since the last look, there is nothing new.
        if is_registered && self.slot(client.key()).readiness & believed == 0 {
            return Ok(PollFlags::empty());
        }
        let found = found_now(&client.stream, wanted)?;
        self.update(client.key(), |slot| {
            for (flag, side) in wanted_sides {
                slot.readiness &= !side;
                slot.readiness |= if found.contains(flag) { side } else { 0 };
            }
        });
        Ok(found)
    }
}

/// What a socket is known by to those who wait for something else as well.
#[derive(Debug)]
pub(super) struct Client {
    stream: socket2::Socket,
    /// Half as wide as a pointer: an idle connection has no octet too many.
    key: u32,
}

impl Client {
    const fn key(&self) -> usize {
        self.key as usize
    }

    /// Resets the connection: whatever is done with it then fails.
    pub(super) fn reset(&self) {
        listen::reset(&self.stream);
    }
}

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket {
    client: Client,
    sockets: Rc<Sockets>,
}

impl Socket {
    const fn key(&self) -> usize {
        self.client.key()
    }

    /// What it is known by.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// One call that moves `most` octets at most; 0 when nobody knows.
    fn poll(
        &self,
        way: u8,
        most: usize,
        mut call: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let slot = self.sockets.slot(self.key());
        if slot.readiness & way == 0 {
            return self.wait();
        }
        if slot.calls == 0 {
            self.sockets.wait_for_turn(self.key());
            return Poll::Pending;
        }
        let outcome = loop {
            match call() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        let must_wait = match &outcome {
            // That has emptied or filled the kernel's buffer.
            Ok(count) => 0 < *count && *count < most,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        self.sockets.update(self.key(), |slot| {
            slot.calls -= 1;
            if must_wait {
                slot.readiness &= !(way & (READABLE | WRITABLE));
            }
        });
        match outcome {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(),
            outcome => Poll::Ready(outcome),
        }
    }

    /// Waits for an event, which comes at once if there is something already.
    fn wait<T>(&self) -> Poll<io::Result<T>> {
        self.sockets.register(&self.client)?;
        Poll::Pending
    }
}

impl nonblocking::Socket for Socket {
    type Alarm = ();

    fn wake_after(&self, (): &mut (), now: Duration, left: Duration, _: &mut Context<'_>) {
        let due = tick(now.saturating_add(left));
        self.sockets.update(self.key(), |slot| slot.due = slot.due.min(due));
    }

    fn local(&self) -> Option<SocketAddr> {
        self.client.stream.local_addr().ok()?.as_socket()
    }

    fn poll_read(&self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.sockets.slot(self.key()).readiness & TO_BE_SHUT != 0 {
            self.sockets.update(self.key(), |slot| slot.readiness &= !TO_BE_SHUT);
            self.client.stream.shutdown(Shutdown::Write)?;
        }
        let most = buffer.len().min(listen::RECEIVE);
        let piece = buffer.get_mut(..most).unwrap_or_default();
        self.poll(READABLE | ENDED, most, || {
            Ok(recv(&self.client.stream, &mut *piece, RecvFlags::empty())?.0)
        })
    }

    fn poll_write(
        &self,
        _: &mut Context<'_>,
        octets: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let piece = octets.get(..PIECE).unwrap_or(octets);
        let write = if more { send::more } else { send::now };
        self.poll(WRITABLE, piece.len(), || write(&self.client.stream, piece))
    }

    fn poll_send_file(
        &self,
        _: &mut Context<'_>,
        file: &File,
        offset: u64,
        length: u64,
    ) -> Poll<io::Result<usize>> {
        let calls = usize::from(self.sockets.slot(self.key()).calls);
        let most = (calls * OF_FILE).min(LONG_PIECE);
        // A file may give less than was asked for though the socket could take more.
        let sent =
            self.poll(WRITABLE, 0, || send::file(&self.client.stream, file, offset, length, most));
        if let Poll::Ready(Ok(count)) = &sent {
            let others = u8::try_from(count.saturating_sub(1) / OF_FILE).unwrap_or(u8::MAX);
            self.sockets.update(self.key(), |slot| slot.calls = slot.calls.saturating_sub(others));
        }
        sent
    }

    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let slot = self.sockets.slot(self.key());
        if slot.readiness & (READABLE | ENDED) == 0 {
            return self.wait();
        }
        if slot.calls == 0 {
            // Whoever is told to read could not, and would ask again at once.
            self.sockets.wait_for_turn(self.key());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn look_again(&self) {
        self.sockets.update(self.key(), |slot| {
            slot.readiness |= READABLE | WRITABLE;
            slot.calls = slot.calls.max(1);
        });
    }

    fn shut_before_reading(&self) {
        self.sockets.update(self.key(), |slot| slot.readiness |= TO_BE_SHUT);
    }

    fn close_in_order(&self) {
        listen::close_in_order(&self.client.stream);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "tls")]
    use thimble_host::nonblocking::Secured;

    use super::*;

    #[test]
    fn an_idle_connection_pays_nothing_for_programs() {
        assert_eq!((size_of::<Slot>(), size_of::<Socket>()), (12, 2 * size_of::<usize>()));
    }

    #[test]
    #[cfg(feature = "tls")]
    fn an_idle_connection_pays_nothing_for_tls_that_is_not_spoken() {
        assert_eq!(size_of::<Secured<Socket>>(), 3 * size_of::<usize>());
    }
}
