//! What the connections share.

use core::cell::{Cell, RefCell, RefMut};

use smoltcp::iface::SocketSet;
use smoltcp::socket::tcp::Socket;
use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;
use thimble_core::Deadlines;

use crate::backlog::Backlog;
use crate::connection_state::{ConnectionPhase, ConnectionState, GRACE};

/// What the connections share. Nobody holds the sockets while a future waits.
#[derive(Debug)]
pub(crate) struct ServerState<'run, 'm> {
    pub(crate) sockets: RefCell<SocketSet<'m>>,
    pub(crate) connections: &'run [ConnectionState],
    pub(crate) now: Cell<Instant>,
    pub(crate) deadlines: Deadlines,
    pub(crate) port: u16,
    /// Sockets that listen, as long as frames are received.
    pub(crate) listening_left: Cell<usize>,
    /// Clients for whom there was none.
    pub(crate) backlog: RefCell<Backlog<'m>>,
    pub(crate) connection_count: Cell<u32>,
    pub(crate) reply_count: Cell<u32>,
}

impl<'m> ServerState<'_, 'm> {
    fn listening(&self) -> usize {
        self.connections.iter().filter(|state| state.phase() == ConnectionPhase::Listen).count()
    }

    /// Frames are received from now on.
    pub(crate) fn begin_ingress(&self) {
        self.listening_left.set(self.listening());
        if let Ok(mut backlog) = self.backlog.try_borrow_mut() {
            backlog.expire(self.now.get());
        }
    }

    /// Whether a client may begin a handshake. If no socket listens, it has to wait. If one of its own
    /// is under way, another socket would take it for a new client, for smoltcp asks the first that
    /// listens; and the answer is sent again anyway.
    pub(crate) fn admits(&self, client: IpEndpoint, frame: &[u8], header: usize) -> bool {
        let Ok(mut backlog) = self.backlog.try_borrow_mut() else { return false };
        if self.connections.iter().any(|state| state.is_in_handshake_with(client)) {
            return false;
        }
        let Some(rest) = self.listening_left.get().checked_sub(1) else {
            backlog.put(frame, header, client, self.now.get());
            return false;
        };
        self.listening_left.set(rest);
        backlog.remove(client);
        true
    }

    /// Whether a client waits, and a socket listens.
    pub(crate) fn can_replay(&self) -> bool {
        self.listening_left.get() > 0
            && self.backlog.try_borrow().is_ok_and(|backlog| !backlog.is_empty())
    }

    /// The clients that wait, one of whom is to enter.
    pub(crate) fn take_backlog(&self) -> Option<RefMut<'_, Backlog<'m>>> {
        self.listening_left.set(self.listening_left.get().saturating_sub(1));
        self.backlog.try_borrow_mut().ok()
    }

    /// Whether a connection's future has something to do.
    pub(crate) fn is_due(&self, state: &ConnectionState) -> bool {
        self.sockets.try_borrow().is_ok_and(|sockets| {
            state.is_due(sockets.get::<Socket<'_>>(state.handle.get()), self.now.get())
        })
    }

    /// Whether a new client can be served, or could be before long. Those who wait already need more
    /// than that: a connection that is leaving for each.
    pub(crate) fn has_room_for_another(&self) -> bool {
        let now = self.now.get();
        let backlog = self.backlog.try_borrow().map_or(0, |backlog| backlog.count());
        let leaving = self.connections.iter().filter(|state| state.will_listen_soon(now)).count();
        let is_evictable = |state: &ConnectionState| {
            state.is_persistent_and_idle()
                || state.evictable_at().is_some_and(|evictable| evictable <= now)
        };
        leaving > 0 && leaving >= backlog
            || backlog == 0 && self.connections.iter().any(is_evictable)
    }

    /// Lets a connection go if no socket listens: one that has nothing more to say, or else, if no
    /// place is about to be free, the one that has been idle for longest. Returns whether there was
    /// one.
    pub(crate) fn evict_idle(&self) -> bool {
        if self.listening() > 0 {
            return false;
        }
        let now = self.now.get();
        let parting =
            self.connections.iter().find(|state| state.phase() == ConnectionPhase::FinWait2);
        let idlest = || {
            let evictable =
                self.connections.iter().filter_map(|state| Some((state.evictable_at()?, state)));
            let idle = evictable.filter(|(at, state)| *at <= now && !self.has_unread(state));
            let will_listen_soon = self.connections.iter().any(|state| state.will_listen_soon(now));
            idle.filter(|_| !will_listen_soon).min_by_key(|(at, _)| *at).map(|(_, state)| state)
        };
        let Some(state) = parting.or_else(idlest) else { return false };
        state.evict();
        true
    }

    fn has_unread(&self, state: &ConnectionState) -> bool {
        self.sockets
            .try_borrow()
            .is_ok_and(|sockets| sockets.get::<Socket<'_>>(state.handle.get()).can_recv())
    }

    /// When a connection has something to do without a frame.
    pub(crate) fn poll_at(&self) -> Option<Instant> {
        let deadline = self.connections.iter().filter_map(ConnectionState::deadline).min();
        let now = self.now.get();
        if self.listening() > 0 {
            let has_none = self.backlog.try_borrow().is_ok_and(|backlog| backlog.is_empty());
            return if has_none { deadline } else { Some(now) };
        }
        // A connection may become evictable, or, where one is leaving, take too long to do so.
        let will_listen_soon = self.connections.iter().any(|state| state.will_listen_soon(now));
        let grace = will_listen_soon.then_some(now + GRACE);
        let evictable = self.connections.iter().filter_map(ConnectionState::evictable_at);
        evictable.filter(|_| !will_listen_soon).chain(grace).chain(deadline).min()
    }
}
