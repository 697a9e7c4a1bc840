//! Stopping an event loop.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use thimble_host::nonblocking::Listener;

use super::wake::Queue;

/// A handle that stops a server from any thread. Clones stop the same server.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether no connection is accepted any more.
    retired: AtomicBool,
    /// Whether idle connections are closed, too.
    stopping: AtomicBool,
    /// Whether what is under way is given up.
    cutting: AtomicBool,
    loops: Mutex<Vec<Running>>,
}

/// A loop that runs.
#[derive(Debug)]
struct Running {
    queue: Arc<Queue>,
    busy: Arc<AtomicUsize>,
}

impl Stop {
    /// Stops the server. It listens no more, closes connections that wait for a request, and finishes
    /// requests under way, whose replies carry `Connection: close`. Clients that have connected already get
    /// one reply. [`EventLoop::run`](super::EventLoop::run) returns once all of that is done.
    pub fn stop(&self) {
        self.0.retired.store(true, Ordering::SeqCst);
        self.0.stopping.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Stops accepting connections, and leaves the listener to other processes that have it, too. The next
    /// reply of each connection carries `Connection: close`, and idle connections are closed in time. A
    /// later [`stop`](Self::stop) closes those at once.
    pub fn retire(&self) {
        self.0.retired.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// The number of connections with a request or reply under way.
    pub fn unfinished(&self) -> usize {
        self.loops().iter().map(|running| running.busy.load(Ordering::Relaxed)).sum()
    }

    /// Resets the connections that have not finished. Call [`stop`](Self::stop) first.
    pub fn cut(&self) {
        self.0.cutting.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether [`stop`](Self::stop) was called.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    /// Whether [`cut`](Self::cut) was called.
    pub(super) fn is_cutting(&self) -> bool {
        self.0.cutting.load(Ordering::SeqCst)
    }

    /// Adds a loop that is to hear of it, and says in `busy` what it has under way.
    pub(super) fn enlist(&self, queue: &Arc<Queue>, busy: &Arc<AtomicUsize>) {
        let running = Running { queue: Arc::clone(queue), busy: Arc::clone(busy) };
        self.loops().push(running);
        if self.is_retired() {
            self.wake();
        }
    }

    fn wake(&self) {
        for running in self.loops().iter() {
            running.queue.wake();
        }
    }

    fn loops(&self) -> MutexGuard<'_, Vec<Running>> {
        self.0.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A loop polls all of its connections when it stops, so none has to enlist.
impl Listener for Stop {
    fn poll_stopping(&self, _: &Context<'_>) -> Poll<()> {
        if self.is_stopping() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn go_on(&self, _: &Context<'_>) -> io::Result<()> {
        if self.is_cutting() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    fn is_retired(&self) -> bool {
        self.0.retired.load(Ordering::SeqCst)
    }
}

thimble_host::impl_stopping!(Stop);
