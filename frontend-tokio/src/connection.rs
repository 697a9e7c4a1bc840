//! A connection, from one request to the next.

use std::any::Any;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use thimble_core::framing::Limits;
use thimble_core::server::Service;
use thimble_host::buffers::OwnedBuffers;
use thimble_host::listen::{Accepted, RUN_OUT};
use thimble_host::nonblocking::{After, Connection, Link, Reactor, Secured, secure, serve_once};
use thimble_host::place::Place;
use thimble_host::settings::Settings;
use tokio::time::sleep;

use crate::accept::Connected;
use crate::elsewhere::Elsewhere;
use crate::socket::Socket;
use crate::stop::{Listener, Stop};

/// How many buffers a thread keeps while no connection uses them: more are used at once only when many
/// requests wait for their content, or many replies for their clients.
const FREE: usize = 32;

thread_local! {
    static FREE_BUFFERS: RefCell<Vec<OwnedBuffers>> = const { RefCell::new(Vec::new()) };
}

/// How connections are served.
///
/// ```
/// # use std::time::Duration;
/// use thimble_tokio::{Deadlines, Limits, Options, Stop};
///
/// let mut deadlines = Deadlines::default();
/// deadlines.idle = Duration::from_secs(5);
/// let stop = Stop::new();
/// let options = Options::default().limits(Limits::DESKTOP).deadlines(deadlines).stop(stop.clone());
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) settings: Settings,
    pub(crate) stop: Stop,
}

impl Options {
    thimble_host::builder_methods!(settings);

    /// Ends connections in order when [`Stop::stop`] is called on `stop`.
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Serves a connection to its end, as [`serve_connection`] does.
    ///
    /// # Errors
    /// The stream has no peer any more, or can't be taken from the runtime.
    pub async fn serve<S: Service>(&self, stream: impl Connected, service: &S) -> io::Result<()> {
        let accepted = stream.into_accepted()?;
        let core = self.settings.serving(service);
        let mut connection = connection(accepted, self)?;
        loop {
            let Ok(mut buffers) = take_buffers(&self.settings.limits) else {
                // There may be memory again soon.
                sleep(RUN_OUT).await;
                continue;
            };
            let after = serve_once(&core, &self.settings, &mut connection, &mut buffers).await;
            leave_buffers(buffers);
            if after == After::Over {
                return Ok(());
            }
            let rest = poll_fn(|context| connection.poll_rest(context, &self.settings.deadlines));
            if rest.await == After::Over {
                return Ok(());
            }
        }
    }
}

/// Serves a connection to its end, in the runtime that this is awaited in.
///
/// It is for those who have a runtime and a listener already; [`Server`](crate::Server) has both,
/// and [`Options::serve_each`] accepts the connections.
///
/// The future is `Send` whenever the futures of the service are. The compiler can tell that only
/// where the type of the service is known, and not in a function that is generic over it:
/// [`Options::serve_each`] shows what to do there.
///
/// ```
/// use std::sync::Arc;
/// use thimble_tokio::{Folder, Site, serve_connection};
/// use tokio::net::TcpListener;
///
/// # async fn client(address: std::net::SocketAddr) -> std::io::Result<String> {
/// #     use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
/// #     let mut stream = tokio::net::TcpStream::connect(address).await?;
/// #     stream.write_all(b"GET /lib.rs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await?;
/// #     let mut reply = String::new();
/// #     stream.read_to_string(&mut reply).await?;
/// #     Ok(reply)
/// # }
/// # fn main() -> std::io::Result<()> {
/// let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
/// runtime.block_on(async {
///     let site = Arc::new(Site::new(Folder::open("src")?));
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
/// #   let address = listener.local_addr()?;
///     let accepting = tokio::spawn(async move {
///         while let Ok((stream, _)) = listener.accept().await {
///             let site = Arc::clone(&site);
///             tokio::spawn(async move { serve_connection(stream, &*site).await });
///         }
///     });
/// #   assert!(client(address).await?.starts_with("HTTP/1.1 200 OK\r\n"));
/// #   accepting.abort();
///     Ok(())
/// })
/// # }
/// ```
///
/// [`Options::serve`] does the same with limits, deadlines, a log, and a way to stop.
///
/// # Errors
/// The stream can't be taken over. What a client does wrong is not an error here.
pub async fn serve_connection<S: Service>(stream: impl Connected, service: &S) -> io::Result<()> {
    Options::default().serve(stream, service).await
}

/// What this frontend has for its connections.
#[derive(Debug)]
pub(crate) struct Tokio;

impl Reactor for Tokio {
    type Socket = Secured<Socket>;
    type Listener = Listener;
    type Place = Arc<Place>;
    type Elsewhere = Elsewhere;

    fn connection(link: &Link<Self>) -> Option<&(dyn Any + Send + Sync)> {
        Some(link)
    }
}

/// A connection that was accepted. It fails without memory for it.
pub(crate) fn connection(
    (stream, peer): Accepted,
    options: &Options,
) -> io::Result<Connection<Tokio>> {
    let place = Arc::<Place>::default();
    let stop = options.stop.listener(Some(Arc::clone(&place)));
    let socket = secure(Socket::new(stream), &options.settings)?;
    Ok(Connection::new(socket, peer, place, stop))
}

/// Buffers that were left here, or new ones.
fn take_buffers(limits: &Limits) -> io::Result<OwnedBuffers> {
    let left = FREE_BUFFERS.with_borrow_mut(Vec::pop).filter(|buffers| buffers.suit(limits));
    left.map_or_else(|| OwnedBuffers::new(limits), Ok)
}

/// Leaves buffers to the next connection of this thread.
fn leave_buffers(buffers: OwnedBuffers) {
    FREE_BUFFERS.with_borrow_mut(|left| {
        if left.len() < FREE {
            left.push(buffers);
        }
    });
}
