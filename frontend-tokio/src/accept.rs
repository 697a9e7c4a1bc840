//! A listener in a runtime that the application has.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use sealed::{Accepts, Connects};
use thimble_host::listen::{Accepted, RUN_OUT, has_run_out, reset_when_closed};
use thimble_host::place::LOOK_AGAIN;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::connection::Options;

/// A connection of the runtime's that can be served: tokio's `TcpStream` or `UnixStream`.
pub trait Connected: Connects {}

/// What the runtime accepts connections from: tokio's `TcpListener` or `UnixListener`.
pub trait Accepting: Accepts {}

mod sealed {
    use super::{Accepted, Connected, Context, Poll, io};

    pub trait Connects {
        /// Takes it from the runtime, with the options that accepted ones have.
        fn into_accepted(self) -> io::Result<Accepted>;
    }

    pub trait Accepts {
        /// What it accepts.
        type Stream: Connected;

        fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Self::Stream>>;
    }
}

impl Connected for TcpStream {}

impl Connects for TcpStream {
    fn into_accepted(self) -> io::Result<Accepted> {
        let peer = self.peer_addr()?;
        let stream = self.into_std()?;
        // If it can't be set, the connection is over, and its first read says so.
        let _ = stream.set_nodelay(true);
        reset_when_closed(&stream);
        Ok((stream.into(), Some(peer)))
    }
}

impl Connected for UnixStream {}

impl Connects for UnixStream {
    fn into_accepted(self) -> io::Result<Accepted> {
        Ok((self.into_std()?.into(), None))
    }
}

impl Accepting for TcpListener {}

impl Accepts for TcpListener {
    type Stream = TcpStream;

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let (stream, _) = ready!(Self::poll_accept(self, context))?;
        Poll::Ready(Ok(stream))
    }
}

impl Accepting for UnixListener {}

impl Accepts for UnixListener {
    type Stream = UnixStream;

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        let (stream, _) = ready!(Self::poll_accept(self, context))?;
        Poll::Ready(Ok(stream))
    }
}

impl Options {
    /// Accepts connections, and spawns the future that `serve` makes of each connection and these options.
    /// Returns once they are [stopped](Self::stop) and the last connection is done. While the system has no
    /// descriptors or memory, clients wait.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use thimble_tokio::{Folder, Options, Site, Stop};
    /// use tokio::net::TcpListener;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    /// runtime.block_on(async {
    ///     let site = Arc::new(Site::new(Folder::open("src")?));
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let stop = Stop::new();
    ///     let serving = Options::default().stop(stop.clone()).serve_each(
    ///         listener,
    ///         move |stream, options| {
    ///             let site = Arc::clone(&site);
    ///             async move { options.serve(stream, &*site).await }
    ///         },
    ///     );
    ///     let serving = tokio::spawn(serving);
    ///     stop.stop();
    ///     serving.await.map_err(std::io::Error::other)
    /// })
    /// # }
    /// ```
    ///
    /// # Services of any type
    ///
    /// The compiler can tell whether a handler's futures are `Send` only where the type of the service is
    /// known. A function that is generic over the service can't spawn them: Rust has no bound yet which
    /// says that the futures of an `async fn` in a trait are `Send`. Let such a function take the closure
    /// `serve` instead, and write the closure where the type is known. The service may be generic itself:
    ///
    /// ```
    /// use std::io;
    /// use std::sync::Arc;
    /// use thimble_tokio::{Answer, Exchange, Options, Service, Status, Stop, Transport};
    /// use tokio::net::{TcpListener, TcpStream};
    ///
    /// /// A library: a service around any other, and a function that runs one.
    /// struct Guarded<S>(S);
    ///
    /// impl<S: Service> Service for Guarded<S> {
    ///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
    ///         match exchange.cookie("key") {
    ///             Some("secret") => self.0.call(exchange).await,
    ///             _ => Ok(exchange.respond(Status::FORBIDDEN).text("for others\n")),
    ///         }
    ///     }
    /// }
    ///
    /// async fn run<F, C>(address: &str, stop: Stop, serve: F) -> io::Result<()>
    /// where
    ///     F: Fn(TcpStream, Options) -> C,
    ///     C: Future<Output = io::Result<()>> + Send + 'static,
    /// {
    ///     let listener = TcpListener::bind(address).await?;
    ///     Options::default().stop(stop).serve_each(listener, serve).await;
    ///     Ok(())
    /// }
    ///
    /// /// A program that uses it.
    /// struct Hello;
    /// # impl Service for Hello {
    /// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
    /// #         Ok(exchange.respond(Status::OK).text("Hello, world!\n"))
    /// #     }
    /// # }
    ///
    /// # fn main() -> io::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// let service = Arc::new(Guarded(Hello));
    /// let stop = Stop::new();
    /// # stop.stop();
    /// run("127.0.0.1:0", stop, move |stream, options| {
    ///     let service = Arc::clone(&service);
    ///     async move { options.serve(stream, &*service).await }
    /// })
    /// .await
    /// # })
    /// # }
    /// ```
    ///
    /// Where the function may have threads of its own, [`Server::run`](crate::Server::run) needs none
    /// of this: it takes any service that is `Send` and `Sync`, whatever its futures are.
    pub async fn serve_each<L, F, C>(self, listener: L, serve: F)
    where
        L: Accepting,
        F: Fn(L::Stream, Self) -> C,
        C: Future<Output = io::Result<()>> + Send + 'static,
    {
        let stop = self.stop.listener(None);
        // It ends when every connection has dropped its sender.
        let (alive, mut ended) = mpsc::channel::<()>(1);
        loop {
            let accepted = poll_fn(|context| {
                if stop.poll_retired(context).is_ready() {
                    return Poll::Ready(None);
                }
                listener.poll_accept(context).map(Some)
            });
            match accepted.await {
                None => break,
                Some(Ok(stream)) => {
                    let (connection, alive) = (serve(stream, self.clone()), alive.clone());
                    tokio::spawn(async move {
                        let _alive = alive;
                        connection.await
                    });
                }
                Some(Err(error)) if has_run_out(&error) => {
                    sleep(if self.stop.make_room() { LOOK_AGAIN } else { RUN_OUT }).await;
                }
                Some(Err(_)) => {}
            }
        }
        // A listener that is closed resets those that nobody has accepted.
        let waiting = || {
            poll_fn(|context| match listener.poll_accept(context) {
                Poll::Ready(accepted) => Poll::Ready(accepted.ok()),
                Poll::Pending => Poll::Ready(None),
            })
        };
        while let Some(stream) = waiting().await {
            let (connection, alive) = (serve(stream, self.clone()), alive.clone());
            tokio::spawn(async move {
                let _alive = alive;
                connection.await
            });
        }
        drop((listener, alive));
        ended.recv().await;
    }
}
