//! A connection, from one request to the next.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;

use thimble_core::framing::Limits;
use thimble_core::server::{Ended, Phase, Server as Core, Service};
use thimble_std::contain::Contained;
use thimble_std::desk::Desk;
use thimble_std::listen::RUN_OUT;
use thimble_std::{Deadlines, Log, SystemClock};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::socket::Socket;
use crate::stop::{Listener, Stop};
use crate::timer::{Alarm, Timer};
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
}

impl Default for Options {
    fn default() -> Self {
        let (deadlines, log, stop) = (Deadlines::default(), Log::none(), Stop::new());
        Self { limits: Limits::DESKTOP, deadlines, log, stop }
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

    /// Where replies are logged; nowhere if nothing is said.
    pub fn log(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// What ends the connection gracefully.
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
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
        let core = Serving::new(Contained(service), SystemClock, self.limits);
        let mut connection = Connection::new(Socket::new(stream), peer, &self.stop);
        loop {
            let desk = take_desk(&self.limits).await;
            let (served, desk, after) = serve_once(&core, self, connection, desk).await;
            connection = served;
            leave_desk(desk);
            if after == After::Over || connection.rest(self.deadlines).await == After::Over {
                return Ok(());
            }
        }
    }
}

/// Serves a connection to its end, in the runtime that this is awaited in.
///
/// It is for those who have a runtime and a listener already; [`Server`](crate::Server) has both.
/// The future is `Send` whenever the service's own are:
///
/// ```
/// use std::sync::Arc;
/// use thimble_tokio::{Folder, Site, serve_connection};
/// use tokio::net::TcpListener;
///
/// # async fn client(address: std::net::SocketAddr) -> std::io::Result<String> {
/// #     use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
/// #     let mut stream = tokio::net::TcpStream::connect(address).await?;
/// #     stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await?;
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
/// #   assert!(client(address).await?.starts_with("HTTP/1.1 404 Not Found\r\n"));
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
        Self { socket, peer, alarm, stop, ended: false }
    }

    /// Waits until something arrives, without any buffer.
    pub(crate) async fn rest(&mut self, deadlines: Deadlines) -> After {
        let Self { socket, alarm, stop, ended, .. } = self;
        let mut timer = Timer::new(deadlines, alarm);
        timer.enter(Phase::Idle);
        poll_fn(|context| {
            let arrived = socket.poll_readable(context).map_ok(|()| 0);
            if arrived.is_pending() && stop.poll_stopping(context).is_ready() {
                if *ended {
                    return Poll::Ready(After::Over);
                }
                // The runtime may not have heard yet of what is here.
                *ended = true;
                socket.look_again();
                return Poll::Ready(After::Request);
            }
            timer.watch(context, arrived).map(|arrived| match arrived {
                Ok(_) => After::Request,
                Err(_) => After::Over,
            })
        })
        .await
    }
}

/// Serves what has arrived. All that is needed goes in and comes out by value, so that the future
/// borrows nothing from its connection, and a server can put both into memory of its choice.
pub(crate) async fn serve_once<S: Service>(
    core: &Serving<S>,
    options: &Options,
    mut connection: Connection,
    mut desk: Desk,
) -> (Connection, Desk, After) {
    let Connection { socket, peer, alarm, stop, .. } = &mut connection;
    let mut tx_alarm = Alarm::default();
    let mut halves = Halves::new(socket, *peer, options, stop, (alarm, &mut tx_alarm));
    let outcome = core.serve(&mut halves, desk.lend()).await;
    let octets = halves.octets();
    desk.leave(desk.used().saturating_add(octets));
    let after = match outcome {
        Ok(Ended::Idle) => After::Request,
        Err(error) if is_lull(&error) => After::Request,
        Ok(Ended::Cut) => {
            connection.socket.reset_when_closed();
            After::Over
        }
        Ok(Ended::Closed) | Err(_) => After::Over,
    };
    (connection, desk, after)
}

/// A desk, as soon as there is memory for it.
pub(crate) async fn take_desk(limits: &Limits) -> Desk {
    loop {
        let left = DESKS_LEFT.with_borrow_mut(Vec::pop).filter(|desk| desk.suits(limits));
        match left.map_or_else(|| Desk::new(limits), Ok) {
            Ok(desk) => return desk,
            Err(_) => sleep(RUN_OUT).await,
        }
    }
}

/// Leaves a desk to the next connection of this thread.
pub(crate) fn leave_desk(desk: Desk) {
    DESKS_LEFT.with_borrow_mut(|left| {
        if left.len() < DESKS {
            left.push(desk);
        }
    });
}
