//! A connection, from one request to the next.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use thimble_core::framing::Limits;
use thimble_core::server::{Ended, RefusalPage, Server as Core, Service};
use thimble_core::service::html::REFUSAL_PAGE;
use thimble_std::clock::moment;
use thimble_std::contain::Contained;
use thimble_std::desk::Desk;
use thimble_std::listen::RUN_OUT;
use thimble_std::{Deadlines, Log, SystemClock};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::socket::Socket;
use crate::stop::{Listener, Stop};
use crate::timer::Alarm;
use crate::transport::{Halves, is_lull};

/// A service, and all that it is served with.
pub(crate) type Serving<S> = Core<Contained<S>, SystemClock>;

/// Desks that a thread keeps while no connection uses them: more are used at once only when many
/// requests wait for their content, or many replies for their clients.
const DESKS: usize = 32;

thread_local! {
    static DESKS_LEFT: RefCell<Vec<Desk>> = const { RefCell::new(Vec::new()) };
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
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) limits: Limits,
    pub(crate) deadlines: Deadlines,
    pub(crate) log: Log,
    pub(crate) stop: Stop,
    pub(crate) refusal_page: Option<&'static RefusalPage>,
}

impl Default for Options {
    fn default() -> Self {
        let (deadlines, log, stop) = (Deadlines::default(), Log::default(), Stop::new());
        let (limits, refusal_page) = (Limits::DESKTOP, Some(REFUSAL_PAGE));
        Self { limits, deadlines, log, stop, refusal_page }
    }
}

impl Options {
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

    /// What ends the connection gracefully.
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// What shows refusals to clients that accept HTML: [`REFUSAL_PAGE`] if nothing is said, and with
    /// `None` the line of text that others get.
    pub const fn refusal_page(mut self, page: Option<&'static RefusalPage>) -> Self {
        self.refusal_page = page;
        self
    }

    /// `service`, as connections are served by it.
    pub(crate) fn serving<S: Service>(&self, service: S) -> Serving<S> {
        let mut core = Serving::new(Contained(service), SystemClock, self.limits);
        core.refusal_page = self.refusal_page;
        core
    }

    /// Serves a connection to its end, as [`serve_connection`] does.
    ///
    /// # Errors
    /// The stream can't be taken over.
    pub async fn serve<S: Service>(&self, stream: TcpStream, service: &S) -> io::Result<()> {
        let peer = stream.peer_addr()?;
        let stream = stream.into_std()?;
        // If it can't be set, the connection is over, and its first read says so.
        let _ = stream.set_nodelay(true);
        let core = self.serving(service);
        let mut connection = Connection::new(Socket::new(stream), peer, &self.stop);
        loop {
            let Ok(mut desk) = take_desk(&self.limits) else {
                // There may be memory again soon.
                sleep(RUN_OUT).await;
                continue;
            };
            let after = serve_once(&core, self, &mut connection, &mut desk).await;
            leave_desk(desk);
            if after == After::Over {
                return Ok(());
            }
            let rest = poll_fn(|context| connection.poll_rest(context, &self.deadlines));
            if rest.await == After::Over {
                return Ok(());
            }
        }
    }
}

/// Serves a connection to its end, in the runtime that this is awaited in.
///
/// It is for those who have a runtime and a listener already; [`Server`](crate::Server) has both,
/// and [`Options::serve_each`] accepts the connections. The future is `Send` whenever the service's
/// own are, which shows where the service's type is known:
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
/// [`Options`] say how, if not as usual.
///
/// # Errors
/// The stream can't be taken over. What clients do wrong is no error here.
pub async fn serve_connection<S: Service>(stream: TcpStream, service: &S) -> io::Result<()> {
    Options::default().serve(stream, service).await
}

/// A connection between two requests: what it keeps while it is idle.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    peer: SocketAddr,
    alarm: Alarm,
    stop: Listener,
    resting_since: Option<Duration>,
    /// Whether the stop was heard, and what had arrived before it was looked for.
    ended: bool,
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
        let (alarm, stop) = (Alarm::default(), stop.listener());
        Self { socket, peer, alarm, stop, resting_since: None, ended: false }
    }

    /// Waits until something arrives, without any buffer.
    pub(crate) fn poll_rest(
        &mut self,
        context: &mut Context<'_>,
        deadlines: &Deadlines,
    ) -> Poll<After> {
        match self.socket.poll_readable(context) {
            Poll::Ready(Ok(())) => {
                self.resting_since = None;
                return Poll::Ready(After::Request);
            }
            Poll::Ready(Err(_)) => return Poll::Ready(After::Over),
            Poll::Pending => {}
        }
        if self.stop.poll_stopping(context).is_ready() {
            if self.ended {
                return Poll::Ready(After::Over);
            }
            // The runtime may not have heard yet of what is here.
            self.ended = true;
            self.socket.look_again();
            return Poll::Ready(After::Request);
        }
        let now = moment();
        let since = *self.resting_since.get_or_insert(now);
        let left = deadlines.idle.saturating_sub(now.saturating_sub(since));
        if left.is_zero() {
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
    desk: &mut Desk,
) -> After {
    let Connection { socket, peer, alarm, stop, .. } = connection;
    let mut tx_alarm = Alarm::default();
    let mut halves = Halves::new(socket, *peer, options, stop, (alarm, &mut tx_alarm));
    let outcome = core.serve(&mut halves, desk.lend()).await;
    // However often the same pages are used, they are no more.
    desk.leave(halves.octets());
    match outcome {
        Ok(Ended::Idle) => After::Request,
        Err(error) if is_lull(&error) => After::Request,
        Ok(Ended::Cut) => {
            socket.reset_when_closed();
            After::Over
        }
        Ok(Ended::Closed) | Err(_) => After::Over,
    }
}

/// A desk that was left here, or a new one.
fn take_desk(limits: &Limits) -> io::Result<Desk> {
    let left = DESKS_LEFT.with_borrow_mut(Vec::pop).filter(|desk| desk.suits(limits));
    left.map_or_else(|| Desk::new(limits), Ok)
}

/// Leaves a desk to the next connection of this thread.
fn leave_desk(desk: Desk) {
    DESKS_LEFT.with_borrow_mut(|left| {
        if left.len() < DESKS {
            left.push(desk);
        }
    });
}
