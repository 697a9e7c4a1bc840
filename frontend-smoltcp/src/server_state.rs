//! The state that all connections of a server share, and which connection is evicted for a new one.

use core::cell::{Cell, RefCell, RefMut};

use smoltcp::iface::SocketSet;
use smoltcp::socket::tcp::Socket;
use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;
use thimble_core::Deadlines;

use crate::backlog::Backlog;
use crate::connection_state::{ConnectionPhase, ConnectionState, GRACE};

/// The state that all connections share. `sockets` is not borrowed across an `await`.
#[derive(Debug)]
pub(crate) struct ServerState<'run, 'm> {
    pub(crate) sockets: RefCell<SocketSet<'m>>,
    pub(crate) connections: &'run [ConnectionState],
    pub(crate) now: Cell<Instant>,
    pub(crate) deadlines: Deadlines,
    pub(crate) port: u16,
    /// While frames are received: how many listening sockets have not been given a SYN yet.
    pub(crate) listening_left: Cell<usize>,
    pub(crate) backlog: RefCell<Backlog<'m>>,
    pub(crate) connection_count: Cell<u32>,
    pub(crate) reply_count: Cell<u32>,
}

impl<'m> ServerState<'_, 'm> {
    /// The number of listening sockets.
    fn listening(&self) -> usize {
        let is_listening = |state: &&ConnectionState| state.phase() == ConnectionPhase::Listen;
        self.connections.iter().filter(is_listening).count()
    }

    /// Prepares for receiving frames: counts the listening sockets and expires old SYNs.
    pub(crate) fn begin_ingress(&self) {
        self.listening_left.set(self.listening());
        if let Ok(mut backlog) = self.backlog.try_borrow_mut() {
            backlog.expire(self.now.get());
        }
    }

    /// Whether a SYN of `client` is passed to smoltcp. If no socket listens, it goes to the backlog.
    ///
    /// A SYN of a client that is in a handshake is dropped: smoltcp would pass it to the first
    /// listening socket, as if it came from another client. Its answer is retransmitted anyway.
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

    /// Whether the backlog holds a SYN and a socket listens.
    pub(crate) fn can_replay(&self) -> bool {
        self.listening_left.get() > 0
            && self.backlog.try_borrow().is_ok_and(|backlog| !backlog.is_empty())
    }

    /// The backlog, for taking one SYN out of it. Counts a listening socket as taken.
    pub(crate) fn backlog_for_replay(&self) -> Option<RefMut<'_, Backlog<'m>>> {
        self.listening_left.set(self.listening_left.get().saturating_sub(1));
        self.backlog.try_borrow_mut().ok()
    }

    /// Whether a connection's future may make progress.
    pub(crate) fn is_due(&self, state: &ConnectionState) -> bool {
        self.sockets.try_borrow().is_ok_and(|sockets| {
            state.is_due(sockets.get::<Socket<'_>>(state.handle.get()), self.now.get())
        })
    }

    /// Whether a connection may stay open after its reply. It may if sockets will listen soon, one at
    /// least and one for each client in the backlog; or if the backlog is empty and an idle
    /// connection can be evicted.
    pub(crate) fn has_room_for_another(&self) -> bool {
        let now = self.now.get();
        let waiting = self.backlog.try_borrow().map_or(0, |backlog| backlog.count());
        let listening_soon =
            self.connections.iter().filter(|state| state.will_listen_soon(now)).count();
        let is_evictable = |state: &ConnectionState| {
            state.is_idle_after_reply() || state.evictable_at().is_some_and(|at| at <= now)
        };
        listening_soon > 0 && listening_soon >= waiting
            || waiting == 0 && self.connections.iter().any(is_evictable)
    }

    /// If no socket listens, evicts a connection: one in FIN-WAIT-2, which has nothing left to send,
    /// or else the one that has been idle longest, unless a socket will listen soon anyway. Returns
    /// whether a connection was evicted.
    pub(crate) fn evict_one(&self) -> bool {
        if self.listening() > 0 {
            return false;
        }
        let now = self.now.get();
        let in_fin_wait =
            self.connections.iter().find(|state| state.phase() == ConnectionPhase::FinWait2);
        let longest_idle = || {
            let idle =
                self.connections.iter().filter_map(|state| Some((state.evictable_at()?, state)));
            let evictable = idle.filter(|(at, state)| *at <= now && !self.has_unread(state));
            let will_listen_soon = self.connections.iter().any(|state| state.will_listen_soon(now));
            evictable
                .filter(|_| !will_listen_soon)
                .min_by_key(|(at, _)| *at)
                .map(|(_, state)| state)
        };
        let Some(state) = in_fin_wait.or_else(longest_idle) else { return false };
        state.evict();
        true
    }

    /// Whether octets were received that the connection has not read.
    fn has_unread(&self, state: &ConnectionState) -> bool {
        self.sockets
            .try_borrow()
            .is_ok_and(|sockets| sockets.get::<Socket<'_>>(state.handle.get()).can_recv())
    }

    /// When to poll next even if no frame arrives, or `None` if there is no need to.
    pub(crate) fn poll_at(&self) -> Option<Instant> {
        let deadline = self.connections.iter().filter_map(ConnectionState::deadline).min();
        let now = self.now.get();
        if self.listening() > 0 {
            let has_none = self.backlog.try_borrow().is_ok_and(|backlog| backlog.is_empty());
            return if has_none { deadline } else { Some(now) };
        }
        // Without a listening socket, poll when a connection becomes evictable; or, if a socket is
        // expected to listen soon, when it should have.
        let will_listen_soon = self.connections.iter().any(|state| state.will_listen_soon(now));
        let grace = will_listen_soon.then_some(now + GRACE);
        let evictable = self.connections.iter().filter_map(ConnectionState::evictable_at);
        evictable.filter(|_| !will_listen_soon).chain(grace).chain(deadline).min()
    }
}
