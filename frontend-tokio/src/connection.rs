//! A connection, from one request to the next.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use thimble_core::framing::Limits;
use thimble_core::server::{Deadlines, Ended, Service};
use thimble_host::buffers::{OwnedBuffers, is_idle_error};
use thimble_host::clock::moment;
use thimble_host::listen::{self, RUN_OUT};
use thimble_host::place::Place;
use thimble_host::settings::{Serving, Settings};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::socket::Socket;
use crate::stop::{Listener, Stop};
use crate::timer::Alarm;
use crate::transport::Halves;

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
    pub async fn serve<S: Service>(&self, stream: TcpStream, service: &S) -> io::Result<()> {
        let peer = stream.peer_addr()?;
        let stream = stream.into_std()?;
        // If it can't be set, the connection is over, and its first read says so.
        let _ = stream.set_nodelay(true);
        listen::reset_when_closed(&stream);
        let core = self.settings.serving(service);
        let mut connection = Connection::new(Socket::new(stream), peer, &self.stop);
        loop {
            let Ok(mut buffers) = take_buffers(&self.settings.limits) else {
                // There may be memory again soon.
                sleep(RUN_OUT).await;
                continue;
            };
            let after = serve_once(&core, self, &mut connection, &mut buffers).await;
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
pub async fn serve_connection<S: Service>(stream: TcpStream, service: &S) -> io::Result<()> {
    Options::default().serve(stream, service).await
}

/// A connection between two requests: what it keeps while it is idle.
#[derive(Debug)]
pub(crate) struct Connection {
    link: Link,
    peer: SocketAddr,
    alarm: Alarm,
    place: Arc<Place>,
    resting_since: Option<Duration>,
    /// Whether the stop was heard, and what had arrived before it was looked for.
    ended: bool,
}

/// What a connection is waited for by.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) socket: Socket,
    pub(crate) stop: Listener,
}

/// What comes next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Perhaps another request.
    Request,
    Over,
}

impl Connection {
    pub(crate) fn new(socket: Socket, peer: SocketAddr, stop: &Stop) -> Self {
        let (alarm, place) = (Alarm::default(), Arc::<Place>::default());
        let stop = stop.listener(Some(Arc::clone(&place)));
        let link = Link { socket, stop };
        Self { link, peer, alarm, place, resting_since: None, ended: false }
    }

    /// Waits until something arrives, without any buffer.
    pub(crate) fn poll_rest(
        &mut self,
        context: &mut Context<'_>,
        deadlines: &Deadlines,
    ) -> Poll<After> {
        match self.link.socket.poll_readable(context) {
            Poll::Ready(Ok(())) => {
                self.resting_since = None;
                self.ended |= self.place.go_on();
                return Poll::Ready(After::Request);
            }
            Poll::Ready(Err(_)) => return Poll::Ready(After::Over),
            Poll::Pending => {}
        }
        let now = moment();
        let since = *self.resting_since.get_or_insert(now);
        if self.link.stop.poll_stopping(context).is_ready() || self.place.is_told() {
            if self.ended {
                self.link.socket.close_in_order();
                return Poll::Ready(After::Over);
            }
            // The runtime may not have heard yet of what is here.
            self.ended = true;
            self.link.socket.look_again();
            return Poll::Ready(After::Request);
        }
        self.place.wait_for_request(since);
        let left = deadlines.idle.saturating_sub(now.saturating_sub(since));
        if left.is_zero() {
            self.link.socket.close_in_order();
            return Poll::Ready(After::Over);
        }
        self.alarm.set(now, left, context);
        Poll::Pending
    }

    /// Wakes the task after `left` at the latest.
    pub(crate) fn wake_after(&mut self, left: Duration, context: &mut Context<'_>) {
        self.alarm.set(moment(), left, context);
    }
}

/// Serves what has arrived.
pub(crate) async fn serve_once<S: Service>(
    core: &Serving<S>,
    options: &Options,
    connection: &mut Connection,
    buffers: &mut OwnedBuffers,
) -> After {
    let Connection { link, peer, alarm, place, .. } = connection;
    let mut tx_alarm = Alarm::default();
    let mut halves = Halves::new(link, *peer, options, place, (alarm, &mut tx_alarm));
    let outcome = core.serve(&mut halves, buffers.lend()).await;
    // However often the same pages are used, they are no more.
    buffers.leave(halves.octets());
    match outcome {
        Ok(Ended::Idle) => After::Request,
        Err(error) if is_idle_error(&error) => After::Request,
        Ok(Ended::Closed) => {
            link.socket.close_in_order();
            After::Over
        }
        // Closing resets it.
        Ok(Ended::Cut) | Err(_) => After::Over,
    }
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
