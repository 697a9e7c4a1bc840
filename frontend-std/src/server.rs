//! The server: a service on a listener.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use thimble_core::server::blocking::Blocking;
use thimble_core::server::{Ended, Service};
use thimble_host::buffers::{OwnedBuffers, is_idle_error};
use thimble_host::listen::Listener;
use thimble_host::settings::{MAX_CONNS, Serving, Settings};
use thimble_host::{block_on, listen};

use crate::accept::Listeners;
use crate::connection::Connection;
use crate::pool::{self, Work};
use crate::socket;
use crate::stop::Stop;

/// A server: listeners, and the settings by which its connections are served.
///
/// ```no_run
/// use thimble_std::{Folder, Server, Site};
///
/// let site = Site::new(Folder::open("site")?);
/// Server::bind("127.0.0.1:8000")?.max_conns(100).run(site)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// It may listen on several addresses, and on Unix sockets:
///
/// ```no_run
/// use thimble_std::thimble_host::listen::{bind, bind_unix};
/// use thimble_std::{Folder, Server, Site};
///
/// let site = Site::new(Folder::open("site")?);
/// let (socket, _file) = bind_unix("/run/site.sock")?;
/// let listeners = [bind("127.0.0.1:8000")?.into(), bind("[::1]:8000")?.into(), socket.into()];
/// Server::from_listeners(listeners)?.run(site)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Server {
    stop: Stop,
    max_conns: usize,
    settings: Settings,
}

impl Server {
    /// Listens on the first of `addresses` that can be bound. Clients can connect from now on, and are
    /// answered once the server [runs](Self::run).
    ///
    /// # Errors
    /// None of them can be bound.
    pub fn bind(addresses: impl ToSocketAddrs) -> io::Result<Self> {
        listen::bind(addresses).and_then(Self::from_listener)
    }

    /// Serves the connections of `listener`, which is set to blocking.
    ///
    /// # Errors
    /// An option of the listener can't be set.
    pub fn from_listener(listener: impl Into<Listener>) -> io::Result<Self> {
        Self::from_listeners([listener.into()])
    }

    /// Serves the connections of all of `listeners`, which are set to blocking, or not to block if there are
    /// several.
    ///
    /// # Errors
    /// There is none, or an option of one can't be set.
    pub fn from_listeners(listeners: impl IntoIterator<Item = Listener>) -> io::Result<Self> {
        let listeners = Listeners::new(listeners)?;
        let settings = Settings::default();
        Ok(Self { stop: Stop::new(listeners), max_conns: MAX_CONNS, settings })
    }

    thimble_host::builder_methods!(settings, max_conns);

    /// The address that it listens on, with the port that was chosen for port 0; of several, the first.
    ///
    /// # Errors
    /// The system doesn't know it, or there are Unix sockets only.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        listen::first_addr(self.stop.listeners().all())
    }

    /// A handle that stops the server from another thread.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Serves `service` until the server is stopped and the requests under way are done. All threads share
    /// the service, which may be a reference.
    ///
    /// Each connection has a thread of its own, with a stack of 256 KiB. A handler may wait for any future
    /// that needs no runtime; its thread is parked meanwhile, as by [`block_on`]. A panic in the service is
    /// answered by 500, or resets its connection once some of the reply has been sent.
    ///
    /// # Errors
    /// Not even one thread can be started.
    pub fn run<S: Service + Sync>(self, service: S) -> io::Result<()> {
        let core = self.settings.serving(service);
        // Each may need a descriptor for a file besides its own.
        let most = self.max_conns.min(listen::descriptors() / 2).max(1);
        pool::run(&self.stop, &Running { server: &self, core }, most)
    }
}

/// A server that runs.
struct Running<'run, S> {
    server: &'run Server,
    core: Serving<S>,
}

impl<S: Service + Sync> Work for Running<'_, S> {
    type Buffers = OwnedBuffers;

    fn buffers(&self) -> io::Result<OwnedBuffers> {
        OwnedBuffers::new(&self.server.settings.limits)
    }

    fn serve(&self, buffers: &mut OwnedBuffers, connection: &Connection) {
        let Server { stop, settings: Settings { log, deadlines, .. }, .. } = self.server;
        // Without memory for it, the client is reset.
        if connection.secure(&self.server.settings).is_err() {
            return;
        }
        let used = Cell::new(buffers.used());
        let (rx, tx) = socket::halves(connection, stop, log, *deadlines, &used);
        let mut transport = Blocking::new(rx, tx);
        loop {
            match block_on(self.core.serve(&mut transport, buffers.lend())) {
                Ok(Ended::Idle) => (),
                Ok(Ended::Closed) => {
                    connection.close_in_order();
                    break;
                }
                Err(error) if is_idle_error(&error) => {
                    used.set(0);
                    if buffers.renew().is_err() {
                        break;
                    }
                }
                // Closing resets it.
                Ok(Ended::Cut) | Err(_) => break,
            }
        }
        buffers.leave(used.get());
    }
}
