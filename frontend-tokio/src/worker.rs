//! One runtime's share of the connections.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use thimble_core::server::Service;
use thimble_host::buffers::OwnedBuffers;
use thimble_host::listen::{self, Accepted, Listener, RUN_OUT, accept_now, has_run_out};
use thimble_host::nonblocking::{Drivers, Handover, Task, serve_once};
use thimble_host::place::LOOK_AGAIN;
use tokio::io::Interest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::connection::{Options, Tokio, connection};
use crate::stop::Stop;

/// Accepts connections and serves them by `service`, until it is stopped and the last one is done.
///
/// Each listener has a task of its own: to wake the future that a runtime was begun with takes a system call.
pub(crate) async fn work<S: Service + 'static>(
    listeners: Vec<Listener>,
    service: S,
    options: Options,
    places: Arc<Semaphore>,
) -> io::Result<()> {
    let core = Rc::new(options.settings.serving(service));
    let drivers = {
        let settings = Rc::new(options.settings.clone());
        let shared = Rc::clone(&settings);
        let drive = move |handover: Rc<Handover<Tokio>>, mut buffers: OwnedBuffers| {
            let (core, settings) = (Rc::clone(&core), Rc::clone(&shared));
            async move {
                loop {
                    let mut connection = handover.next().await;
                    let after = serve_once(&core, &settings, &mut connection, &mut buffers).await;
                    handover.done((connection, after));
                }
            }
        };
        Rc::new(Drivers::new(&settings, drive)?)
    };
    // It ends when every task has dropped its sender.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let accept = |listener| {
        let shared = Shared {
            drivers: Rc::clone(&drivers),
            options: options.clone(),
            places: Arc::clone(&places),
            alive: alive.clone(),
        };
        spawn_local(shared.accept_all(listener))
    };
    let accepting: Vec<_> = listeners.into_iter().map(accept).collect();
    drop(alive);
    let mut outcome = Ok(());
    for task in accepting {
        outcome = outcome.and(task.await.map_err(io::Error::other).and_then(|ended| ended));
    }
    ended.recv().await;
    outcome
}

/// What the listeners of a runtime share.
struct Shared<M, F> {
    drivers: Rc<Drivers<Tokio, M, F>>,
    options: Options,
    places: Arc<Semaphore>,
    alive: mpsc::Sender<()>,
}

impl<M, F> Shared<M, F>
where
    M: Fn(Rc<Handover<Tokio>>, OwnedBuffers) -> F + 'static,
    F: Future<Output = Infallible> + 'static,
{
    /// Accepts from one of them.
    async fn accept_all(self, listener: Listener) -> io::Result<()> {
        // Without one of them, some clients would wait for ever.
        self.accept_until_stopped(listener).await.inspect_err(|_| self.options.stop.stop())
    }

    async fn accept_until_stopped(&self, listener: Listener) -> io::Result<()> {
        let Self { options, places, .. } = self;
        listener.set_nonblocking(true)?;
        // tokio's own listener registers each connection that it accepts. To be told when there are any,
        // it makes no difference to the runtime what kind of socket it is.
        let listener = tokio::net::TcpStream::from_std(OwnedFd::from(listener).into())?;
        let stop = options.stop.listener(None);
        loop {
            let accepted = {
                let mut accepting = pin!(accept(&listener, places, &options.stop));
                let until_stop = poll_fn(|context| {
                    if stop.poll_retired(context).is_ready() {
                        return Poll::Ready(None);
                    }
                    accepting.as_mut().poll(context).map(Some)
                });
                until_stop.await
            };
            let Some(accepted) = accepted else { break };
            let (accepted, place) = accepted?;
            self.serve(accepted, Some(place));
        }
        // A listener that is closed resets those that nobody has accepted. They are the last, and none of them
        // waits until another one leaves: the clients of other threads may leave later than theirs.
        for accepted in std::iter::from_fn(|| accept_now(&listener).ok()) {
            self.serve(accepted, None);
        }
        Ok(())
    }

    fn serve(&self, accepted: Accepted, place: Option<OwnedSemaphorePermit>) {
        // Without memory for it, the client is reset.
        if let Ok(connection) = connection(accepted, &self.options) {
            spawn_local(Task::new(&self.drivers, connection, (place, self.alive.clone())));
        }
    }
}

/// Waits for a connection that there is a place for.
async fn accept(
    listener: &tokio::net::TcpStream,
    places: &Arc<Semaphore>,
    stop: &Stop,
) -> io::Result<(Accepted, OwnedSemaphorePermit)> {
    loop {
        // First this, then a place: who waits for clients must not keep it from those whose
        // clients are here.
        listener.readable().await?;
        let waits = || listener.try_io(Interest::READABLE, || has_client(listener)).is_ok();
        let Some(place) = place(places, stop, waits).await? else { continue };
        match listener.try_io(Interest::READABLE, || accept_now(listener)) {
            Ok(accepted) => return Ok((accepted, place)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if has_run_out(&error) => {
                drop(place);
                sleep(if stop.make_room() { LOOK_AGAIN } else { RUN_OUT }).await;
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
            Err(TryAcquireError::NoPermits) => _ = stop.make_room(),
        }
        if let Ok(place) = timeout(LOOK_AGAIN, Arc::clone(places).acquire_owned()).await {
            return place.map(Some).map_err(io::Error::other);
        }
    }
}

/// Whether a client is really there; otherwise the error that has the runtime wait for one.
fn has_client(listener: impl AsFd) -> io::Result<()> {
    listen::has_client(listener).then_some(()).ok_or_else(|| io::ErrorKind::WouldBlock.into())
}
