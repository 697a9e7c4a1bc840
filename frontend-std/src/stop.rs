//! Stopping a server: it takes no new connection, closes idle ones, and finishes the others.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::SockRef;
use thimble_host::clock::moment;
use thimble_host::listen::{Accepted, accept, has_client};
use thimble_host::place::{Waits, tell_one};

use crate::accept::Listeners;
use crate::connection::Connection;

/// A handle that stops a server from any thread. Clones stop the same server.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Whether no connection is accepted any more.
    retired: AtomicBool,
    /// Whether idle connections are closed, too.
    stopping: AtomicBool,
    listeners: Listeners,
    /// Those that are being served, by their descriptors, which nothing else has meanwhile.
    connections: Mutex<HashMap<RawFd, Arc<Connection>>>,
    /// Those that waited to be accepted when the server stopped.
    left: Mutex<VecDeque<Connection>>,
}

impl Stop {
    pub(crate) fn new(listeners: Listeners) -> Self {
        Self(Arc::new(Shared {
            retired: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            listeners,
            connections: Mutex::default(),
            left: Mutex::default(),
        }))
    }

    /// Stops the server. It listens no more, closes connections that wait for a request, and finishes
    /// requests under way, whose replies carry `Connection: close`. Clients that have connected already get
    /// one reply. [`Server::run`](crate::Server::run) returns once all of that is done.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        let mut left = lock(&self.0.left);
        if !self.0.retired.swap(true, Ordering::SeqCst) {
            for listener in self.0.listeners.all() {
                // A listener that is shut resets those that nobody has accepted.
                if listener.set_nonblocking(true).is_ok() {
                    while let Ok(accepted) = accept(listener) {
                        left.push_back(Connection::new(accepted));
                    }
                }
                // Wakes the workers that wait in accept; where it doesn't, their time-out does.
                let _ = SockRef::from(listener).shutdown(Shutdown::Both);
            }
        }
        drop(left);
        for connection in self.connections().values() {
            connection.end_soon();
            connection.wake();
        }
    }

    /// Stops accepting connections, within a second, and leaves the listeners to other processes that have
    /// them, too. The next reply of each connection carries `Connection: close`, and idle connections are
    /// closed in time. A later [`stop`](Self::stop) closes those at once, and leaves the listener alone.
    /// [`Server::run`](crate::Server::run) returns once the last connection has ended.
    pub fn retire(&self) {
        // Workers that wait in accept see it when their time-out passes, or serve whom they accept: what
        // could wake them would wake other processes, or stop the listener.
        self.0.retired.store(true, Ordering::SeqCst);
        for connection in self.connections().values() {
            connection.wake();
        }
    }

    /// Whether no connection is accepted any more.
    pub(crate) fn is_retired(&self) -> bool {
        self.0.retired.load(Ordering::SeqCst)
    }

    /// Whether [`stop`](Self::stop) was called.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    /// The number of connections with a request or reply under way.
    pub fn unfinished(&self) -> usize {
        let connections = self.connections();
        let is_busy = |connection: &&Arc<Connection>| connection.place().is_under_way();
        let busy = connections.values().filter(is_busy).count();
        drop(connections);
        busy.saturating_add(lock(&self.0.left).len())
    }

    /// Resets the connections that have not finished. Call [`stop`](Self::stop) first.
    pub fn cut(&self) {
        lock(&self.0.left).clear();
        for connection in self.connections().values() {
            connection.cut();
        }
    }

    /// A connection that came before the server stopped.
    pub(crate) fn take_left(&self) -> Option<Connection> {
        lock(&self.0.left).pop_front()
    }

    /// Has the connection that can do without its place best give it up. Returns whether there was
    /// one.
    pub(crate) fn make_room(&self) -> bool {
        let connections = self.connections();
        let places = connections.values().map(|connection| (connection, connection.place()));
        let told: Option<(&Arc<Connection>, Waits)> = tell_one(places, moment());
        told.inspect(|(connection, waits)| connection.leave(*waits)).is_some()
    }

    /// Does what another thread would do for clients that wait while `connection` keeps the only one there
    /// is waiting.
    pub(crate) fn make_room_beside(&self, connection: &Connection) {
        if connection.is_alone() && self.0.listeners.all().iter().any(has_client) {
            self.make_room();
        }
    }

    /// Waits for a connection.
    pub(crate) fn accept(&self) -> io::Result<Accepted> {
        self.0.listeners.accept()
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.0.listeners
    }

    /// Makes `connection` one that ends when the server stops, for as long as the guard lives.
    pub(crate) fn enlist(&self, connection: Connection) -> Enlisted<'_> {
        let connection = Arc::new(connection);
        let descriptor = connection.stream().as_raw_fd();
        self.connections().insert(descriptor, Arc::clone(&connection));
        Enlisted { stop: self, connection }
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<RawFd, Arc<Connection>>> {
        lock(&self.0.connections)
    }
}

thimble_host::impl_stopping!(Stop);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that ends when the server stops. It is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Enlisted<'stop> {
    stop: &'stop Stop,
    connection: Arc<Connection>,
}

impl Enlisted<'_> {
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Enlisted<'_> {
    fn drop(&mut self) {
        let descriptor = self.connection.stream().as_raw_fd();
        self.stop.connections().remove(&descriptor);
    }
}
