//! A server without a thread for each connection: one thread waits for all of them at once (epoll, kqueue).

mod elsewhere;
mod programs;
mod reactor;
mod socket;
mod stop;
mod wake;
mod wheel;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;

use thimble_core::server::Service;
use thimble_host::folder::AsyncFolder;
use thimble_host::listen::{self, Listener};
use thimble_host::settings::{MAX_CONNS, Settings};
use thimble_host::uploads::AsyncUploadFolder;

use elsewhere::Helpers;
use reactor::Reactor;

pub use programs::{Cgi, Registered, Watched};
pub use stop::Stop;

/// A [`thimble_host::Folder`] whose disk holds up no event loop.
pub type Folder = AsyncFolder<Helpers>;

/// A [`thimble_host::UploadFolder`] whose disk holds up no event loop.
pub type UploadFolder = AsyncUploadFolder<Helpers>;

/// A server whose thread serves all connections in turn.
///
/// An idle connection costs a few hundred octets. A handler must not block: while it does, everybody waits. It
/// may await any future that needs no runtime.
///
/// ```no_run
/// use thimble_std::event_loop::Folder;
/// use thimble_std::{EventLoop, Site};
///
/// let site = Site::new(Folder::open("site")?);
/// EventLoop::bind("127.0.0.1:8000")?.max_conns(10_000).run(site)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct EventLoop {
    listeners: Vec<Listener>,
    threads: usize,
    max_conns: usize,
    settings: Settings,
    stop: Stop,
}

impl EventLoop {
    /// Listens on the first of `addresses` that can be bound. Clients can connect from now on, and are
    /// answered once the server [runs](Self::run).
    ///
    /// # Errors
    /// None of them can be bound.
    pub fn bind(addresses: impl ToSocketAddrs) -> io::Result<Self> {
        listen::bind(addresses).and_then(Self::from_listener)
    }

    /// Serves the connections of `listener`.
    ///
    /// # Errors
    /// An option of the listener can't be set.
    pub fn from_listener(listener: impl Into<Listener>) -> io::Result<Self> {
        Self::from_listeners([listener.into()])
    }

    /// Serves the connections of all of `listeners`.
    ///
    /// # Errors
    /// There is none, or an option of one can't be set.
    pub fn from_listeners(listeners: impl IntoIterator<Item = Listener>) -> io::Result<Self> {
        let listeners = listen::prepared(listeners)?;
        let (settings, stop) = (Settings::default(), Stop::default());
        Ok(Self { listeners, threads: 1, max_conns: MAX_CONNS, settings, stop })
    }

    /// Sets how many threads run a loop, each with its share of the connections; 0 counts as 1, the
    /// default.
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    thimble_host::builder_methods!(settings, max_conns);

    /// The address that it listens on, with the port that was chosen for port 0; of several, the first.
    ///
    /// # Errors
    /// The system doesn't know it, or there are Unix sockets only.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        listen::first_addr(&self.listeners)
    }

    /// A handle that stops the server from another thread.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Serves `service` until the server is stopped and the requests under way are done. All threads share
    /// the service, which may be a reference.
    ///
    /// A panic in the service is answered by 500, or resets its connection once some of the reply has been
    /// sent.
    ///
    /// # Errors
    /// A thread, a listener or the system's queue of events can't be made.
    pub fn run<S: Service + Sync>(self, service: S) -> io::Result<()> {
        let Self { listeners, threads, max_conns, settings, stop } = self;
        // Files are shared by the connections that they are sent to, and most of those are idle.
        let most = max_conns.min(listen::descriptors() / 8 * 7);
        let most = most.div_ceil(threads.max(1)).max(1);
        let run = |listeners: Vec<Listener>| {
            let mut reactor = Reactor::new(listeners, &stop, most)?;
            // Without one of them, some clients would wait for ever.
            reactor.run(&service, &settings).inspect_err(|_| stop.stop())
        };
        let run = &run;
        let mut of_threads = listen::share(listeners, threads)?.into_iter();
        let first = of_threads.next();
        thread::scope(|scope| {
            let others: Vec<_> = of_threads
                .map(|listeners| {
                    let thread = thread::Builder::new().name("thimble".into());
                    let started = thread.spawn_scoped(scope, move || run(listeners));
                    started.inspect_err(|_| stop.stop())
                })
                .collect();
            let first = first.map_or(Ok(()), run);
            others.into_iter().fold(first, |outcome, thread| {
                let joined = thread?.join().unwrap_or_else(|_| Err(io::Error::other("a panic")));
                outcome.and(joined)
            })
        })
    }
}
