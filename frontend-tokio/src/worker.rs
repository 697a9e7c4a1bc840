//! One runtime's share of the connections.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustix::event::{PollFd, PollFlags, Timespec};
#[cfg(target_os = "linux")]
use rustix::net::SocketFlags;
use thimble_core::framing::Limits;
use thimble_core::server::{Deadlines, Service};
use thimble_host::buffers::OwnedBuffers;
use thimble_host::listen::{RUN_OUT, has_run_out};
use thimble_host::place::LOOK_AGAIN;
use tokio::io::Interest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::connection::{After, Connection, Options, serve_once};
use crate::socket::Socket;
use crate::stop::Stop;

/// How many drivers a runtime keeps while they have no connection: more are busy at once only when many
/// requests wait for their content, or many replies for their clients.
const FREE: usize = 32;

/// Accepts connections and serves them by `service`, until it is stopped and the last one is done.
///
/// That is a task of its own: to wake the future that a runtime was begun with takes a system call.
pub(crate) async fn work<S: Service + 'static>(
    listener: TcpListener,
    service: S,
    options: Options,
    places: Arc<Semaphore>,
) -> io::Result<()> {
    spawn_local(accept_all(listener, service, options, places)).await.map_err(io::Error::other)?
}

async fn accept_all<S: Service + 'static>(
    listener: TcpListener,
    service: S,
    options: Options,
    places: Arc<Semaphore>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // tokio's own listener registers each connection that it accepts. To be told when there are any,
    // it makes no difference to the runtime what kind of socket it is.
    let listener = tokio::net::TcpStream::from_std(OwnedFd::from(listener).into())?;
    let stop = options.stop.listener(None);
    let core = Rc::new(options.settings.serving(service));
    let drivers = {
        let options = options.clone();
        let (limits, deadlines) = (options.settings.limits, options.settings.deadlines);
        let options = Rc::new(options);
        let drive = move |handover: Rc<Handover>, mut buffers: OwnedBuffers| {
            let (core, options) = (Rc::clone(&core), Rc::clone(&options));
            async move {
                loop {
                    let mut connection = handover.next().await;
                    let after = serve_once(&core, &options, &mut connection, &mut buffers).await;
                    handover.done((connection, after));
                }
            }
        };
        Rc::new(Drivers { drive, limits, deadlines, free: RefCell::default() })
    };
    // It ends when every connection has dropped its sender.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    loop {
        let accepted = {
            let mut accepting = pin!(accept(&listener, &places, &options.stop));
            let until_stop = poll_fn(|context| {
                if stop.poll_retired(context).is_ready() {
                    return Poll::Ready(None);
                }
                accepting.as_mut().poll(context).map(Some)
            });
            until_stop.await
        };
        let Some(accepted) = accepted else { break };
        let (stream, peer, place) = accepted?;
        let connection = Connection::new(Socket::new(stream), peer, &options.stop);
        spawn_local(Task::new(&drivers, connection, place, &alive));
    }
    // A listener that is closed resets those that nobody has accepted.
    let left: Vec<_> = std::iter::from_fn(|| accept_now(&listener).ok()).collect();
    drop(listener);
    for (stream, peer) in left {
        let Some(place) = place(&places, &options.stop, || true).await? else { break };
        let connection = Connection::new(Socket::new(stream), peer, &options.stop);
        spawn_local(Task::new(&drivers, connection, place, &alive));
    }
    drop(alive);
    ended.recv().await;
    Ok(())
}

/// Waits for a connection that there is a place for.
async fn accept(
    listener: &tokio::net::TcpStream,
    places: &Arc<Semaphore>,
    stop: &Stop,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    loop {
        // First this, then a place: who waits for clients must not keep it from those whose
        // clients are here.
        listener.readable().await?;
        let waits = || listener.try_io(Interest::READABLE, || is_readable(listener)).is_ok();
        let Some(place) = place(places, stop, waits).await? else { continue };
        match listener.try_io(Interest::READABLE, || accept_now(listener)) {
            Ok((stream, peer)) => return Ok((stream, peer, place)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if has_run_out(&error) => {
                drop(place);
                stop.make_room();
                sleep(RUN_OUT).await;
            }
            Err(_) => {}
        }
    }
}

/// A place. Without any, a connection that can do without its own gives it up, as long as a client
/// `waits`.
async fn place(
    places: &Arc<Semaphore>,
    stop: &Stop,
    waits: impl Fn() -> bool,
) -> io::Result<Option<OwnedSemaphorePermit>> {
    loop {
        match Arc::clone(places).try_acquire_owned() {
            Ok(place) => return Ok(Some(place)),
            Err(TryAcquireError::Closed) => return Err(io::ErrorKind::NotConnected.into()),
            Err(TryAcquireError::NoPermits) if !waits() => return Ok(None),
            Err(TryAcquireError::NoPermits) => stop.make_room(),
        }
        if let Ok(place) = timeout(LOOK_AGAIN, Arc::clone(places).acquire_owned()).await {
            return place.map(Some).map_err(io::Error::other);
        }
    }
}

/// Whether a client is really there; otherwise the error that has the runtime wait for one.
fn is_readable(listener: impl AsFd) -> io::Result<()> {
    let mut polled = [PollFd::new(&listener, PollFlags::IN)];
    match rustix::event::poll(&mut polled, Some(&Timespec::default())) {
        Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}

/// A connection that doesn't block, if there is one.
fn accept_now(listener: impl AsFd) -> io::Result<(TcpStream, SocketAddr)> {
    #[cfg(target_os = "linux")]
    let (stream, peer) = {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        rustix::net::acceptfrom_with(listener, flags)?
    };
    #[cfg(not(target_os = "linux"))]
    let (stream, peer) = {
        let (stream, peer) = rustix::net::acceptfrom(listener)?;
        rustix::io::ioctl_fionbio(&stream, true)?;
        // An error here is one of the connection, and shows in its first read.
        let _ = rustix::net::sockopt::set_tcp_nodelay(&stream, true);
        (stream, peer)
    };
    let peer = peer.and_then(|peer| peer.try_into().ok());
    // Without an address it is gone already.
    Ok((stream.into(), peer.ok_or(io::ErrorKind::ConnectionAborted)?))
}

/// What all connections of a runtime share.
struct Drivers<M, F> {
    /// Makes the future of a driver, which never ends.
    drive: M,
    limits: Limits,
    deadlines: Deadlines,
    /// Those without a connection.
    free: RefCell<Vec<Driver<F>>>,
}

/// Serves connections in turn, each until it waits for another request: buffers, and the memory of a
/// future that is larger than all else a connection needs. Most connections are idle most of the time, and
/// have none.
struct Driver<F> {
    future: Pin<Box<F>>,
    handover: Rc<Handover>,
}

/// How a connection gets to a driver, and back.
#[derive(Default)]
struct Handover {
    next: Cell<Option<Box<Connection>>>,
    done: Cell<Option<(Box<Connection>, After)>>,
}

impl Handover {
    async fn next(&self) -> Box<Connection> {
        poll_fn(|_| self.next.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    fn done(&self, connection: (Box<Connection>, After)) {
        self.done.set(Some(connection));
    }
}

/// Serves a connection to its end. This is written out, and no `async fn`, since those keep what
/// they are given twice.
struct Task<M, F> {
    drivers: Rc<Drivers<M, F>>,
    state: State<F>,
    _place: OwnedSemaphorePermit,
    _alive: mpsc::Sender<()>,
}

/// Where a connection is: in a box, since it moves with each request.
enum State<F> {
    /// Something may have arrived.
    Ready(Box<Connection>),
    Served(Driver<F>),
    Idle(Box<Connection>),
    Over,
}

impl<M, F> Drivers<M, F>
where
    M: Fn(Rc<Handover>, OwnedBuffers) -> F,
    F: Future<Output = Infallible>,
{
    /// A driver that was free, or a new one.
    fn take(&self) -> io::Result<Driver<F>> {
        if let Some(driver) = self.free.borrow_mut().pop() {
            return Ok(driver);
        }
        let (handover, buffers) = (Rc::<Handover>::default(), OwnedBuffers::new(&self.limits)?);
        let future = Box::pin((self.drive)(Rc::clone(&handover), buffers));
        Ok(Driver { future, handover })
    }

    fn set_free(&self, driver: Driver<F>) {
        let mut free = self.free.borrow_mut();
        if free.len() < FREE {
            free.push(driver);
        }
    }
}

impl<M, F> Task<M, F> {
    fn new(
        drivers: &Rc<Drivers<M, F>>,
        connection: Connection,
        place: OwnedSemaphorePermit,
        alive: &mpsc::Sender<()>,
    ) -> Self {
        let state = State::Ready(Box::new(connection));
        Self { drivers: Rc::clone(drivers), state, _place: place, _alive: alive.clone() }
    }
}

impl<M, F> Future for Task<M, F>
where
    M: Fn(Rc<Handover>, OwnedBuffers) -> F,
    F: Future<Output = Infallible>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { drivers, state, .. } = &mut *self;
        loop {
            *state = match mem::replace(state, State::Over) {
                State::Ready(mut connection) => {
                    let Ok(driver) = drivers.take() else {
                        // There may be memory again soon.
                        connection.wake_after(RUN_OUT, context);
                        *state = State::Ready(connection);
                        return Poll::Pending;
                    };
                    driver.handover.next.set(Some(connection));
                    State::Served(driver)
                }
                State::Served(mut driver) => {
                    // It never ends; what it says is whether it is done.
                    let _ = driver.future.as_mut().poll(context);
                    let Some((connection, after)) = driver.handover.done.take() else {
                        *state = State::Served(driver);
                        return Poll::Pending;
                    };
                    drivers.set_free(driver);
                    match after {
                        After::Request => State::Idle(connection),
                        After::Over => return Poll::Ready(()),
                    }
                }
                State::Idle(mut connection) => {
                    match connection.poll_rest(context, &drivers.deadlines) {
                        Poll::Pending => {
                            *state = State::Idle(connection);
                            return Poll::Pending;
                        }
                        Poll::Ready(After::Request) => State::Ready(connection),
                        Poll::Ready(After::Over) => return Poll::Ready(()),
                    }
                }
                State::Over => return Poll::Ready(()),
            };
        }
    }
}
