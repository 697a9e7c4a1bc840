//! Stopping: no new connection, idle ones ended, the others finished.

use std::collections::HashMap;
use std::net::{Shutdown, TcpListener};
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::SockRef;

use crate::connection::Connection;

/// Stops a server from any thread. Clones stop the same server.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stopping: AtomicBool,
    listener: TcpListener,
    /// Those that are being served, by their descriptors, which nothing else has meanwhile.
    connections: Mutex<HashMap<RawFd, Arc<Connection>>>,
}

impl Stop {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self(Arc::new(Shared {
            stopping: AtomicBool::new(false),
            listener,
            connections: Mutex::default(),
        }))
    }

    /// Stops the server: it listens no more, ends connections that wait for a request, and
    /// finishes what is in flight, the last reply on each connection saying `Connection: close`.
    /// [`Server::run`](crate::Server::run) returns once all of that is done.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        // Wakes the workers that wait in accept; where it doesn't, their time-out does.
        let _ = SockRef::from(&self.0.listener).shutdown(Shutdown::Both);
        for connection in self.connections().values() {
            connection.end_if_idle();
        }
    }

    /// Whether the server was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn listener(&self) -> &TcpListener {
        &self.0.listener
    }

    /// Makes `connection` one that ends when the server stops, for as long as the guard lives.
    pub(crate) fn enlist(&self, connection: Connection) -> Enlisted<'_> {
        let connection = Arc::new(connection);
        let descriptor = connection.stream().as_raw_fd();
        self.connections().insert(descriptor, Arc::clone(&connection));
        Enlisted { stop: self, connection }
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<RawFd, Arc<Connection>>> {
        self.0.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
