//! The server: a service on every core.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use thimble_core::server::{Admitted, Answer, Exchange, Service, Transport};
use thimble_host::listen::{self, Listener};
use thimble_host::settings::MAX_CONNS;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Semaphore;

use crate::connection::Options;
use crate::stop::Stop;
use crate::worker::work;

/// Descriptors that a runtime and its listener take, and as many for its clients.
const OF_A_RUNTIME: usize = 8;

/// A server: listeners, and the settings by which its connections are served.
///
/// ```no_run
/// use thimble_tokio::{Folder, Server, Site};
///
/// let site = Site::new(Folder::open("site")?);
/// Server::bind("127.0.0.1:8000")?.max_conns(100).run(site)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// It may listen on several addresses, and on Unix sockets:
///
/// ```no_run
/// use thimble_tokio::thimble_host::listen::{bind, bind_unix};
/// use thimble_tokio::{Folder, Server, Site};
///
/// let site = Site::new(Folder::open("site")?);
/// let (socket, _file) = bind_unix("/run/site.sock")?;
/// let listeners = [bind("127.0.0.1:8000")?.into(), bind("[::1]:8000")?.into(), socket.into()];
/// Server::from_listeners(listeners)?.run(site)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    threads: usize,
    shares_listener: bool,
    max_conns: usize,
    options: Options,
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
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let (max_conns, options) = (MAX_CONNS, Options::default());
        Ok(Self { listeners, threads, shares_listener: false, max_conns, options })
    }

    /// Sets how many runtimes it runs, each in a thread of its own; 0 counts as 1. The default is one for
    /// each core. A low limit on open files lowers it, and one on memory of less than 512 MiB makes it 1.
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Has all threads accept from the listeners that were given, and makes no further ones on their ports. Say
    /// this if other processes have the listeners, too: clients that wait in a further one when it is closed
    /// are reset.
    pub const fn share_listener(mut self) -> Self {
        self.shares_listener = true;
        self
    }

    thimble_host::builder_methods!(options.settings, max_conns);

    /// The address that it listens on, with the port that was chosen for port 0; of several, the first.
    ///
    /// # Errors
    /// The system doesn't know it, or there are Unix sockets only.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        listen::first_addr(&self.listeners)
    }

    /// A handle that stops the server from another thread.
    pub fn stop(&self) -> Stop {
        self.options.stop.clone()
    }

    /// Serves `service` until the server is stopped and the requests under way are done. All threads share
    /// the service.
    ///
    /// A panic in the service is answered by 500, or resets its connection once some of the reply has been
    /// sent.
    ///
    /// # Errors
    /// A thread, a runtime or a listener can't be made.
    pub fn run<S: Service + Send + Sync + 'static>(self, service: S) -> io::Result<()> {
        let service = Arc::new(service);
        self.run_each(move || Shared(Arc::clone(&service)))
    }

    /// Like [`run`](Self::run), but calls `service` to make one for each thread. It need not be `Send` or
    /// `Sync`, and never leaves its thread.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_each<S: Service + 'static>(self, service: impl Fn() -> S + Sync) -> io::Result<()> {
        // Files are shared by the connections that they are sent to, and most of those are idle.
        let affordable = listen::descriptors() / 8 * 7;
        let most = self.max_conns.min(affordable).clamp(1, Semaphore::MAX_PERMITS);
        let (places, service) = (Arc::new(Semaphore::new(most)), &service);
        let options = &self.options;
        let threads = if listen::memory_is_scarce() { 1 } else { self.threads };
        let threads = threads.min(listen::descriptors() / OF_A_RUNTIME).max(1);
        let multiply = if self.shares_listener { listen::clones } else { listen::share };
        let of_threads = multiply(self.listeners, threads)?;
        let run = |listeners: Vec<Listener>| {
            let places = Arc::clone(&places);
            let runtime =
                Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
            runtime.block_on(work(listeners, service(), options.clone(), places))
        };
        let run = &run;
        let mut of_threads = of_threads.into_iter();
        let first = of_threads.next();
        thread::scope(|scope| {
            // Without one of them, some clients would wait for ever.
            let stop_unless =
                |outcome: io::Result<()>| outcome.inspect_err(|_| options.stop.stop());
            let others: Vec<_> = of_threads
                .map(|listeners| {
                    let thread = thread::Builder::new().name("thimble-tokio".into());
                    thread.spawn_scoped(scope, move || stop_unless(run(listeners)))
                })
                .collect();
            let all_run = others.iter().all(Result::is_ok);
            let first = first.filter(|_| all_run).map_or(Ok(()), |first| stop_unless(run(first)));
            if !all_run {
                options.stop.stop();
            }
            others.into_iter().fold(first, |outcome, thread| {
                let joined = thread?.join().unwrap_or_else(|_| Err(io::Error::other("a panic")));
                outcome.and(joined)
            })
        })
    }
}

/// One service for all threads.
#[derive(Debug)]
struct Shared<S>(Arc<S>);

impl<S: Service> Service for Shared<S> {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        self.0.call(exchange).await
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        self.0.admit(exchange).await
    }

    fn fields(&self) -> &[(&str, &str)] {
        self.0.fields()
    }
}
