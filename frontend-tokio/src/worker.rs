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

#[cfg(target_os = "linux")]
use rustix::net::SocketFlags;
use thimble_core::framing::Limits;
use thimble_core::server::Service;
use thimble_std::Deadlines;
use thimble_std::desk::Desk;
use thimble_std::listen::{RUN_OUT, has_run_out};
use tokio::io::Interest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::connection::{After, Connection, Options, serve_once};
use crate::socket::Socket;

/// Attendants that a runtime keeps while they have no connection: more are busy at once only when
/// many requests wait for their content, or many replies for their clients.
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
    let mut stop = options.stop.listener();
    let core = Rc::new(options.serving(service));
    let crew = {
        let options = options.clone();
        let (limits, deadlines) = (options.limits, options.deadlines);
        let options = Rc::new(options);
        let attend = move |hatch: Rc<Hatch>, mut desk: Desk| {
            let (core, options) = (Rc::clone(&core), Rc::clone(&options));
            async move {
                loop {
                    let mut connection = hatch.next().await;
                    let after = serve_once(&core, &options, &mut connection, &mut desk).await;
                    hatch.done((connection, after));
                }
            }
        };
        Rc::new(Crew { attend, limits, deadlines, free: RefCell::default() })
    };
    // It ends when every connection has dropped its sender.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    loop {
        let accepted = {
            let mut accepting = pin!(accept(&listener, &places));
            let until_stop = poll_fn(|context| {
                if stop.poll_stopping(context).is_ready() {
                    return Poll::Ready(None);
                }
                accepting.as_mut().poll(context).map(Some)
            });
            until_stop.await
        };
        let Some(accepted) = accepted else { break };
        let (stream, peer, place) = accepted?;
        let connection = Connection::new(Socket::new(stream), peer, &options.stop);
        let state = State::Ready(Box::new(connection));
        let (crew, alive) = (Rc::clone(&crew), alive.clone());
        spawn_local(Task { crew, state, _place: place, _alive: alive });
    }
    drop((listener, alive));
    ended.recv().await;
    Ok(())
}

/// Waits for a connection that there is a place for.
async fn accept(
    listener: &tokio::net::TcpStream,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    loop {
        // First this, then a place: who waits for clients must not keep it from those whose
        // clients are here.
        listener.readable().await?;
        let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
        match listener.try_io(Interest::READABLE, || accept_now(listener)) {
            Ok((stream, peer)) => return Ok((stream, peer, place)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if has_run_out(&error) => {
                drop(place);
                sleep(RUN_OUT).await;
            }
            Err(_) => {}
        }
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
struct Crew<M, F> {
    /// Makes the future of an attendant, which never ends.
    attend: M,
    limits: Limits,
    deadlines: Deadlines,
    /// Attendants without a connection.
    free: RefCell<Vec<Attendant<F>>>,
}

/// One who serves connections in turn, each until it waits for another request: buffers, and the
/// memory of a future that is larger than all else a connection needs. Most connections are idle most
/// of the time, and have none.
struct Attendant<F> {
    attending: Pin<Box<F>>,
    hatch: Rc<Hatch>,
}

/// Through which a connection gets to an attendant, and back.
#[derive(Default)]
struct Hatch {
    next: Cell<Option<Box<Connection>>>,
    done: Cell<Option<(Box<Connection>, After)>>,
}

impl Hatch {
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
    crew: Rc<Crew<M, F>>,
    state: State<F>,
    _place: OwnedSemaphorePermit,
    _alive: mpsc::Sender<()>,
}

/// Where a connection is: in a box, since it moves with each request.
enum State<F> {
    /// Something may have arrived.
    Ready(Box<Connection>),
    Attended(Attendant<F>),
    Resting(Box<Connection>),
    Over,
}

impl<M, F> Crew<M, F>
where
    M: Fn(Rc<Hatch>, Desk) -> F,
    F: Future<Output = Infallible>,
{
    /// An attendant that was free, or a new one.
    fn attendant(&self) -> io::Result<Attendant<F>> {
        if let Some(attendant) = self.free.borrow_mut().pop() {
            return Ok(attendant);
        }
        let (hatch, desk) = (Rc::<Hatch>::default(), Desk::new(&self.limits)?);
        let attending = Box::pin((self.attend)(Rc::clone(&hatch), desk));
        Ok(Attendant { attending, hatch })
    }

    fn set_free(&self, attendant: Attendant<F>) {
        let mut free = self.free.borrow_mut();
        if free.len() < FREE {
            free.push(attendant);
        }
    }
}

impl<M, F> Future for Task<M, F>
where
    M: Fn(Rc<Hatch>, Desk) -> F,
    F: Future<Output = Infallible>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { crew, state, .. } = &mut *self;
        loop {
            *state = match mem::replace(state, State::Over) {
                State::Ready(mut connection) => {
                    let Ok(attendant) = crew.attendant() else {
                        // There may be memory again soon.
                        connection.wake_after(RUN_OUT, context);
                        *state = State::Ready(connection);
                        return Poll::Pending;
                    };
                    attendant.hatch.next.set(Some(connection));
                    State::Attended(attendant)
                }
                State::Attended(mut attendant) => {
                    // It never ends; what it says is whether it is done.
                    let _ = attendant.attending.as_mut().poll(context);
                    let Some((connection, after)) = attendant.hatch.done.take() else {
                        *state = State::Attended(attendant);
                        return Poll::Pending;
                    };
                    crew.set_free(attendant);
                    match after {
                        After::Request => State::Resting(connection),
                        After::Over => return Poll::Ready(()),
                    }
                }
                State::Resting(mut connection) => {
                    match connection.poll_rest(context, &crew.deadlines) {
                        Poll::Pending => {
                            *state = State::Resting(connection);
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
