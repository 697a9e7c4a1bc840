//! What the connections share.

use core::cell::{Cell, RefCell};

use smoltcp::iface::SocketSet;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::Instant;

use crate::deadline::Deadlines;
use crate::slot::{GRACE, Slot};

/// What the connections share. Nobody holds the sockets while a future waits.
#[derive(Debug)]
pub(crate) struct Network<'run, 'm> {
    pub(crate) sockets: RefCell<SocketSet<'m>>,
    pub(crate) slots: &'run [Slot],
    pub(crate) now: Cell<Instant>,
    pub(crate) deadlines: Deadlines,
    pub(crate) port: u16,
    pub(crate) connections: Cell<u32>,
    pub(crate) replies: Cell<u32>,
}

impl Network<'_, '_> {
    /// Whether a socket listens.
    pub(crate) fn is_listening(&self) -> bool {
        self.sockets.try_borrow().is_ok_and(|sockets| {
            self.slots
                .iter()
                .any(|slot| sockets.get::<Socket<'_>>(slot.handle.get()).state() == State::Listen)
        })
    }

    /// Whether a client's port is one from which a handshake is under way. Should it ask again, another
    /// socket would take it for a new client, for smoltcp asks the first that listens; and the answer
    /// is sent again anyway.
    pub(crate) fn is_opening(&self, port: u16) -> bool {
        self.slots.iter().any(|slot| slot.is_opening(port))
    }

    /// Whether a new client can be served, or could be before long.
    pub(crate) fn has_room(&self) -> bool {
        let now = self.now.get();
        self.slots
            .iter()
            .any(|slot| slot.is_leaving(now) || slot.expendable_at().is_some_and(|at| at <= now))
    }

    /// Lets the connection go that has been idle for longest, if no place is free or about to be.
    /// Returns whether there was one.
    pub(crate) fn make_room(&self) -> bool {
        let now = self.now.get();
        if self.slots.iter().any(|slot| slot.is_leaving(now)) {
            return false;
        }
        let expendable = self.slots.iter().filter_map(|slot| Some((slot.expendable_at()?, slot)));
        let idlest = expendable.filter(|(at, slot)| *at <= now && !self.has_unread(slot));
        let Some((_, slot)) = idlest.min_by_key(|(at, _)| *at) else { return false };
        slot.let_go();
        true
    }

    fn has_unread(&self, slot: &Slot) -> bool {
        self.sockets
            .try_borrow()
            .is_ok_and(|sockets| sockets.get::<Socket<'_>>(slot.handle.get()).can_recv())
    }

    /// When a connection has something to do without a frame.
    pub(crate) fn next(&self) -> Option<Instant> {
        let now = self.now.get();
        let deadlines = self.slots.iter().filter_map(Slot::deadline);
        // While there is no room, a connection may become expendable, or take too long to end.
        let pressed = !self.slots.iter().any(|slot| slot.is_leaving(now));
        let expendable = self.slots.iter().filter_map(Slot::expendable_at).filter(|_| pressed);
        let ending = self.slots.iter().filter(|slot| slot.is_leaving(now)).map(|_| now + GRACE);
        let ending = ending.filter(|_| !self.is_listening());
        deadlines.chain(expendable).chain(ending).min()
    }
}
