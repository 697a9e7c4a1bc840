//! Stopping a server: it takes no new connection, closes idle ones, and finishes the others.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use thimble_host::clock::moment;
use thimble_host::nonblocking;
use thimble_host::place::{Place, tell_one};

/// A handle that stops a server, or connections that were given it by [`Options::stop`], from any thread.
/// Clones stop the same ones.
///
/// [`Options::stop`]: crate::Options::stop
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
    /// Tasks that have to hear of it.
    tasks: Mutex<Slab<Task>>,
}

/// A task, and the place of its connection, if it has one.
#[derive(Debug)]
struct Task {
    waker: Waker,
    place: Option<Arc<Place>>,
}

impl Stop {
    /// Makes a handle, to give to connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops what it was given to. No connection is accepted any more, connections that wait for a request
    /// are closed, and requests under way are finished, with replies that carry `Connection: close`.
    /// Clients that have connected already get one reply.
    pub fn stop(&self) {
        self.0.retired.store(true, Ordering::SeqCst);
        self.0.stopping.store(true, Ordering::SeqCst);
        for (_, task) in self.tasks().iter() {
            if let Some(place) = &task.place {
                place.tell_if_idle();
            }
            task.waker.wake_by_ref();
        }
    }

    /// Stops accepting connections, and leaves the listener to other processes that have it, too. The next
    /// reply of each connection carries `Connection: close`, and idle connections are closed in time. A
    /// later [`stop`](Self::stop) closes those at once.
    pub fn retire(&self) {
        self.0.retired.store(true, Ordering::SeqCst);
        for (_, task) in self.tasks().iter() {
            task.waker.wake_by_ref();
        }
    }

    /// The number of connections with a request or reply under way.
    pub fn unfinished(&self) -> usize {
        let is_busy = |task: &Task| task.place.as_ref().is_some_and(|place| place.is_under_way());
        self.tasks().iter().filter(|(_, task)| is_busy(task)).count()
    }

    /// Resets the connections that have not finished, as soon as they wait for their client. Call
    /// [`stop`](Self::stop) first.
    pub fn cut(&self) {
        self.0.cutting.store(true, Ordering::SeqCst);
        for (_, task) in self.tasks().iter() {
            task.waker.wake_by_ref();
        }
    }

    /// Whether [`cut`](Self::cut) was called.
    pub(crate) fn is_cutting(&self) -> bool {
        self.0.cutting.load(Ordering::SeqCst)
    }

    /// Has the connection that can do without its place best give it up. Returns whether there was one.
    pub(crate) fn make_room(&self) -> bool {
        let tasks = self.tasks();
        let places = tasks.iter().filter_map(|(_, task)| Some((task, task.place.as_deref()?)));
        tell_one(places, moment()).inspect(|(task, _)| task.waker.wake_by_ref()).is_some()
    }

    /// Whether [`stop`](Self::stop) was called.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    /// Whether no connection is accepted any more.
    pub(crate) fn is_retired(&self) -> bool {
        self.0.retired.load(Ordering::SeqCst)
    }

    /// The means to wait for it, for one task, and one that serves a connection in this place.
    pub(crate) fn listener(&self, place: Option<Arc<Place>>) -> Listener {
        Listener { stop: self.clone(), place, task: Mutex::default() }
    }

    fn tasks(&self) -> MutexGuard<'_, Slab<Task>> {
        lock(&self.0.tasks)
    }
}

thimble_host::impl_stopping!(Stop);

/// A task that hears of the stop. It enlists when it waits for the first time, and not again.
#[derive(Debug)]
pub(crate) struct Listener {
    stop: Stop,
    place: Option<Arc<Place>>,
    task: Mutex<Option<(usize, Waker)>>,
}

impl Listener {
    /// Waits until no more connections are to be accepted.
    pub(crate) fn poll_retired(&self, context: &Context<'_>) -> Poll<()> {
        self.enlist(context);
        if self.stop.is_retired() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn enlist(&self, context: &Context<'_>) {
        let waker = context.waker();
        match &mut *lock(&self.task) {
            Some((_, task)) if task.will_wake(waker) => {}
            Some((key, task)) => {
                task.clone_from(waker);
                if let Some(listed) = self.stop.tasks().get_mut(*key) {
                    listed.waker.clone_from(waker);
                }
            }
            empty => {
                let listed = Task { waker: waker.clone(), place: self.place.clone() };
                *empty = Some((self.stop.tasks().insert(listed), waker.clone()));
            }
        }
    }
}

impl nonblocking::Listener for Listener {
    fn poll_stopping(&self, context: &Context<'_>) -> Poll<()> {
        self.enlist(context);
        // Only now: whoever stops meanwhile either finds this task in the list, or is found here.
        if self.stop.is_stopping() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn go_on(&self, context: &Context<'_>) -> io::Result<()> {
        self.enlist(context);
        if self.stop.is_cutting() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    fn is_retired(&self) -> bool {
        self.stop.is_retired()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some((key, _)) = lock(&self.task).take() {
            self.stop.tasks().try_remove(key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
