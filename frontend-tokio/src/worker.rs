//! One runtime's share of the connections.

use std::cell::RefCell;
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
use thimble_core::server::Service;
use thimble_std::SystemClock;
use thimble_std::contain::Contained;
use thimble_std::desk::Desk;
use thimble_std::listen::{RUN_OUT, has_run_out};
use tokio::io::Interest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::connection::{After, Connection, Options, Serving, leave_desk, serve_once, take_desk};
use crate::socket::Socket;

/// Places for futures that a thread keeps while no connection uses them.
const SLOTS: usize = 32;

/// Accepts connections and serves them by `service`, until it is stopped and the last one is done.
pub(crate) async fn work<S: Service + 'static>(
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
    let core = Rc::new(Serving::new(Contained(service), SystemClock, options.limits));
    let crew = {
        let options = options.clone();
        let options = Rc::new(options);
        let serving = Rc::clone(&options);
        Rc::new(Crew {
            serve: move |connection, desk| {
                let (core, options) = (Rc::clone(&core), Rc::clone(&serving));
                async move { serve_once(&core, &options, connection, desk).await }
            },
            slots: RefCell::default(),
            options,
        })
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
        let state = State::Ready(connection);
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
    /// Makes the future that serves what has arrived.
    serve: M,
    /// Memory for such futures, used in turn: one is larger than all else that a connection needs,
    /// and most connections are idle most of the time.
    slots: RefCell<Vec<Slot<F>>>,
    options: Rc<Options>,
}

type Slot<F> = Pin<Box<Option<F>>>;

/// Serves a connection to its end. This is written out, and no `async fn`, since those keep what
/// they are given twice.
struct Task<M, F> {
    crew: Rc<Crew<M, F>>,
    state: State<F>,
    _place: OwnedSemaphorePermit,
    _alive: mpsc::Sender<()>,
}

enum State<F> {
    /// Something may have arrived.
    Ready(Connection),
    Served(Slot<F>),
    Resting(Connection),
    Over,
}

impl<M, F> Crew<M, F>
where
    M: Fn(Connection, Desk) -> F,
    F: Future<Output = (Connection, Desk, After)>,
{
    fn begin(&self, connection: Connection, desk: Desk) -> State<F> {
        let mut slot = self.slots.borrow_mut().pop().unwrap_or_else(|| Box::pin(None));
        slot.set(Some((self.serve)(connection, desk)));
        State::Served(slot)
    }

    fn end(&self, mut slot: Slot<F>) {
        slot.set(None);
        let mut slots = self.slots.borrow_mut();
        if slots.len() < SLOTS {
            slots.push(slot);
        }
    }
}

impl<M, F> Future for Task<M, F>
where
    M: Fn(Connection, Desk) -> F,
    F: Future<Output = (Connection, Desk, After)>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { crew, state, .. } = &mut *self;
        loop {
            *state = match mem::replace(state, State::Over) {
                State::Ready(mut connection) => {
                    let Ok(desk) = take_desk(&crew.options.limits) else {
                        // There may be memory again soon.
                        connection.wake_after(RUN_OUT, context);
                        *state = State::Ready(connection);
                        return Poll::Pending;
                    };
                    crew.begin(connection, desk)
                }
                State::Served(mut slot) => {
                    let polled = slot.as_mut().as_pin_mut().map(|turn| turn.poll(context));
                    match polled {
                        Some(Poll::Pending) => {
                            *state = State::Served(slot);
                            return Poll::Pending;
                        }
                        Some(Poll::Ready((connection, desk, after))) => {
                            crew.end(slot);
                            leave_desk(desk);
                            match after {
                                After::Request => State::Resting(connection),
                                After::Over => return Poll::Ready(()),
                            }
                        }
                        None => return Poll::Ready(()),
                    }
                }
                State::Resting(mut connection) => {
                    match connection.poll_rest(context, &crew.options.deadlines) {
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
