//! The server: a service on a listener.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use socket2::SockRef;
use thimble_core::framing::Limits;
use thimble_core::server::blocking::Blocking;
use thimble_core::server::{Ended, RefusalPage, Server as Core, Service};
use thimble_core::service::html::REFUSAL_PAGE;

use crate::clock::SystemClock;
use crate::connection::{Connection, is_lull};
use crate::contain::Contained;
use crate::deadline::Deadlines;
use crate::desk::Desk;
use crate::listen;
use crate::log::Log;
use crate::park::block_on;
use crate::pool::{self, Work};
use crate::socket;
use crate::stop::Stop;

/// A listener, and how its connections are served.
///
/// ```no_run
/// use thimble_std::{Folder, Server, Site};
///
/// let site = Site::new(Folder::open("site")?);
/// Server::bind("127.0.0.1:8000")?.max_conns(100).run(site)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Server {
    stop: Stop,
    max_conns: usize,
    limits: Limits,
    deadlines: Deadlines,
    log: Log,
    refusal_page: Option<&'static RefusalPage>,
}

impl Server {
    /// Listens on the first of `addresses` that can be bound. Clients may connect from now on; they
    /// are answered once the server runs.
    ///
    /// # Errors
    /// None of them can be bound.
    pub fn bind(addresses: impl ToSocketAddrs) -> io::Result<Self> {
        listen::bind(addresses).map(Self::of)
    }

    /// Takes over `listener`, and makes it wait instead of not blocking, should that be set.
    ///
    /// # Errors
    /// It can't be set up.
    pub fn from_listener(listener: TcpListener) -> io::Result<Self> {
        listen::prepare(&listener)?;
        Ok(Self::of(listener))
    }

    fn of(listener: TcpListener) -> Self {
        Self {
            stop: Stop::new(listener),
            max_conns: 1024,
            limits: Limits::DESKTOP,
            deadlines: Deadlines::default(),
            log: Log::default(),
            refusal_page: Some(REFUSAL_PAGE),
        }
    }

    /// Serves at most so many connections at a time, at least one; 1024 if nothing is said, and fewer
    /// if the limit on open files is low. Further ones wait in the listener's queue.
    pub fn max_conns(mut self, max_conns: usize) -> Self {
        self.max_conns = max_conns;
        self
    }

    /// What clients may send; [`Limits::DESKTOP`] if nothing is said. The size of the receive
    /// buffers follows from it.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long clients may take.
    pub const fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Where replies are logged; if nothing is said, only what the application does wrong is, on standard
    /// error.
    pub fn log(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// What shows refusals to clients that accept HTML: [`REFUSAL_PAGE`] if nothing is said, and with
    /// `None` the line of text that others get.
    pub const fn refusal_page(mut self, page: Option<&'static RefusalPage>) -> Self {
        self.refusal_page = page;
        self
    }

    /// The address it listens on, with the port that was chosen for port 0.
    ///
    /// # Errors
    /// The system doesn't say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stop.listener().local_addr()
    }

    /// What stops it, from another thread.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Serves, until it is stopped and what was in flight is done. All threads share `service`,
    /// which may be a reference to one.
    ///
    /// Each connection has a thread of its own while it lasts, with a stack of 256 KiB. A handler
    /// may wait for any future: its thread is parked until then, as by [`block_on`]. A panic in
    /// the service is answered by 500, or cuts its connection when some of the reply has left.
    ///
    /// # Errors
    /// There can't be even one thread.
    pub fn run<S: Service + Sync>(self, service: S) -> io::Result<()> {
        let mut core = Core::new(Contained(service), SystemClock, self.limits);
        core.refusal_page = self.refusal_page;
        // Each may need a descriptor for a file besides its own.
        let most = self.max_conns.min(listen::descriptors() / 2).max(1);
        pool::run(&self.stop, &Serving { server: &self, core }, most)
    }
}

/// A server that runs.
struct Serving<'run, S> {
    server: &'run Server,
    core: Core<Contained<S>, SystemClock>,
}

impl<S: Service + Sync> Work for Serving<'_, S> {
    type Desk = Desk;

    fn desk(&self) -> io::Result<Desk> {
        Desk::new(&self.server.limits)
    }

    fn serve(&self, desk: &mut Desk, connection: &Connection) {
        let Server { stop, log, deadlines, .. } = self.server;
        let used = Cell::new(desk.used());
        let (rx, tx) = socket::halves(connection, stop, log, *deadlines, &used);
        let mut transport = Blocking::new(rx, tx);
        loop {
            match block_on(self.core.serve(&mut transport, desk.lend())) {
                Ok(Ended::Idle) => (),
                Ok(Ended::Cut) => {
                    // Closing resets it then. If it can't be set, closing has to do.
                    let _ = SockRef::from(connection.stream()).set_linger(Some(Duration::ZERO));
                    break;
                }
                Err(error) if is_lull(&error) => {
                    used.set(0);
                    if desk.renew().is_err() {
                        break;
                    }
                }
                Ok(Ended::Closed) | Err(_) => break,
            }
        }
        desk.leave(used.get());
    }
}
