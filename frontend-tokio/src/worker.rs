//! One runtime's share of the connections.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

#[cfg(target_os = "linux")]
use rustix::net::SocketFlags;
use thimble_core::framing::Limits;
use thimble_core::server::Service;
use thimble_std::contain::Contained;
use thimble_std::desk::Desk;
use thimble_std::listen::{RUN_OUT, has_run_out};
use thimble_std::{Deadlines, SystemClock};
use tokio::io::Interest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::connection::{After, Connection, Options, Serving, leave_desk, serve_once, take_desk};
use crate::socket::Socket;

/// Places for futures that a thread keeps while no connection uses them.
const SLOTS: usize = 32;

/// What all connections of a runtime share.
pub(crate) struct Worker<S> {
    shared: Rc<(Serving<S>, Options)>,
    places: Arc<Semaphore>,
}

impl<S: Service + 'static> Worker<S> {
    pub(crate) fn new(service: S, options: Options, places: Arc<Semaphore>) -> Self {
        let core = Serving::new(Contained(service), SystemClock, options.limits);
        Self { shared: Rc::new((core, options)), places }
    }

    /// Accepts and serves, until it is stopped and the last connection is done.
    pub(crate) async fn run(self, listener: TcpListener) -> io::Result<()> {
        let Self { shared, places } = self;
        let options = &shared.1;
        listener.set_nonblocking(true)?;
        // tokio's own listener registers each connection that it accepts. To be told when there are
        // any, it makes no difference to the runtime what kind of socket it is.
        let listener = tokio::net::TcpStream::from_std(OwnedFd::from(listener).into())?;
        let mut stop = options.stop.listener();
        let serve = {
            let shared = Rc::clone(&shared);
            move |connection, desk| {
                let shared = Rc::clone(&shared);
                async move { serve_once(&shared.0, &shared.1, connection, desk).await }
            }
        };
        let slots = Slots::default();
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
            let turns = turns(
                connection,
                options.deadlines,
                options.limits,
                serve.clone(),
                Rc::clone(&slots),
            );
            let alive = alive.clone();
            spawn_local(async move {
                turns.await;
                drop((place, alive));
            });
        }
        drop((listener, alive));
        ended.recv().await;
        Ok(())
    }
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

/// Memory for the futures of requests, used in turn.
///
/// Such a future is larger than all else that a connection needs, and most connections are idle
/// most of the time.
type Slots<F> = Rc<RefCell<Vec<Slot<F>>>>;
type Slot<F> = Pin<Box<Option<F>>>;

/// Serves a connection to its end, each time by a future that `serve` makes.
async fn turns<F: Future<Output = (Connection, Desk, After)>>(
    mut connection: Connection,
    deadlines: Deadlines,
    limits: Limits,
    serve: impl Fn(Connection, Desk) -> F,
    slots: Slots<F>,
) {
    loop {
        let desk = take_desk(&limits).await;
        let mut slot = slots.borrow_mut().pop().unwrap_or_else(|| Box::pin(None));
        slot.set(Some(serve(connection, desk)));
        let Some(turn) = slot.as_mut().as_pin_mut() else { return };
        let (served, desk, after) = turn.await;
        slot.set(None);
        give_back(&slots, slot);
        leave_desk(desk);
        connection = served;
        if after == After::Over || connection.rest(deadlines).await == After::Over {
            return;
        }
    }
}

fn give_back<F>(slots: &Slots<F>, slot: Slot<F>) {
    let mut slots = slots.borrow_mut();
    if slots.len() < SLOTS {
        slots.push(slot);
    }
}
