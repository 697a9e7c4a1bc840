//! What the connections share.

use core::cell::{Cell, RefCell, RefMut};

use smoltcp::iface::SocketSet;
use smoltcp::socket::tcp::Socket;
use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;
use thimble_core::Deadlines;

use crate::slot::{GRACE, Slot, Stage};
use crate::waiting::Waiting;

/// What the connections share. Nobody holds the sockets while a future waits.
#[derive(Debug)]
pub(crate) struct Network<'run, 'm> {
    pub(crate) sockets: RefCell<SocketSet<'m>>,
    pub(crate) slots: &'run [Slot],
    pub(crate) now: Cell<Instant>,
    pub(crate) deadlines: Deadlines,
    pub(crate) port: u16,
    /// Sockets that listen, as long as frames are received.
    pub(crate) free: Cell<usize>,
    /// Clients for whom there was none.
    pub(crate) waiting: RefCell<Waiting<'m>>,
    pub(crate) connections: Cell<u32>,
    pub(crate) replies: Cell<u32>,
}

impl<'m> Network<'_, 'm> {
    fn listening(&self) -> usize {
        self.slots.iter().filter(|slot| slot.stage() == Stage::Listening).count()
    }

    /// Frames are received from now on.
    pub(crate) fn open_gate(&self) {
        self.free.set(self.listening());
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.expire(self.now.get());
        }
    }

    /// Whether a client may begin a handshake. If no socket listens, it has to wait. If one of its own
    /// is under way, another socket would take it for a new client, for smoltcp asks the first that
    /// listens; and the answer is sent again anyway.
    pub(crate) fn admits(&self, client: IpEndpoint, frame: &[u8], header: usize) -> bool {
        let Ok(mut waiting) = self.waiting.try_borrow_mut() else { return false };
        if self.slots.iter().any(|slot| slot.is_opening(client)) {
            return false;
        }
        let Some(rest) = self.free.get().checked_sub(1) else {
            waiting.put(frame, header, client, self.now.get());
            return false;
        };
        self.free.set(rest);
        waiting.remove(client);
        true
    }

    /// Whether a client waits, and a socket listens.
    pub(crate) fn may_enter(&self) -> bool {
        self.free.get() > 0 && self.waiting.try_borrow().is_ok_and(|waiting| !waiting.is_empty())
    }

    /// The clients that wait, one of whom is to enter.
    pub(crate) fn enter(&self) -> Option<RefMut<'_, Waiting<'m>>> {
        self.free.set(self.free.get().saturating_sub(1));
        self.waiting.try_borrow_mut().ok()
    }

    /// Whether a connection's future has something to do.
    pub(crate) fn is_due(&self, slot: &Slot) -> bool {
        self.sockets.try_borrow().is_ok_and(|sockets| {
            slot.is_due(sockets.get::<Socket<'_>>(slot.handle.get()), self.now.get())
        })
    }

    /// Whether a new client can be served, or could be before long. Those who wait already need more
    /// than that: a connection that is leaving for each.
    pub(crate) fn has_room(&self) -> bool {
        let now = self.now.get();
        let waiting = self.waiting.try_borrow().map_or(0, |waiting| waiting.count());
        let leaving = self.slots.iter().filter(|slot| slot.is_leaving(now)).count();
        let is_expendable = |slot: &Slot| {
            slot.is_spare() || slot.expendable_at().is_some_and(|expendable| expendable <= now)
        };
        leaving > 0 && leaving >= waiting || waiting == 0 && self.slots.iter().any(is_expendable)
    }

    /// Lets a connection go if no socket listens: one that has nothing more to say, or else, if no
    /// place is about to be free, the one that has been idle for longest. Returns whether there was
    /// one.
    pub(crate) fn make_room(&self) -> bool {
        if self.listening() > 0 {
            return false;
        }
        let now = self.now.get();
        let parting = self.slots.iter().find(|slot| slot.stage() == Stage::Parting);
        let idlest = || {
            let expendable =
                self.slots.iter().filter_map(|slot| Some((slot.expendable_at()?, slot)));
            let idle = expendable.filter(|(at, slot)| *at <= now && !self.has_unread(slot));
            let is_leaving = self.slots.iter().any(|slot| slot.is_leaving(now));
            idle.filter(|_| !is_leaving).min_by_key(|(at, _)| *at).map(|(_, slot)| slot)
        };
        let Some(slot) = parting.or_else(idlest) else { return false };
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
        let deadline = self.slots.iter().filter_map(Slot::deadline).min();
        let now = self.now.get();
        if self.listening() > 0 {
            let has_none = self.waiting.try_borrow().is_ok_and(|waiting| waiting.is_empty());
            return if has_none { deadline } else { Some(now) };
        }
        // A connection may become expendable, or, where one is leaving, take too long to do so.
        let is_leaving = self.slots.iter().any(|slot| slot.is_leaving(now));
        let grace = is_leaving.then_some(now + GRACE);
        let expendable = self.slots.iter().filter_map(Slot::expendable_at);
        expendable.filter(|_| !is_leaving).chain(grace).chain(deadline).min()
    }
}
