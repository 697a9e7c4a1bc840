//! Stopping: no new connection, idle ones ended, the others finished.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// Stops a server, or connections that were given it, from any thread. Clones stop the same.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    /// Tasks that have to hear of it.
    tasks: Mutex<Slab<Waker>>,
}

impl Stop {
    /// Nothing is stopped yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops: no connection is taken any more, those that wait for a request end, and what is in
    /// flight is finished, the last reply on each connection saying `Connection: close`.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        for (_, task) in self.tasks().iter() {
            task.wake_by_ref();
        }
    }

    /// Whether [`stop`](Self::stop) was called.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    /// The means to wait for it, for one task.
    pub(crate) fn listener(&self) -> Listener {
        Listener { stop: self.clone(), task: None }
    }

    fn tasks(&self) -> MutexGuard<'_, Slab<Waker>> {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that hears of the stop. It enlists when it waits for the first time, and not again.
#[derive(Debug)]
pub(crate) struct Listener {
    stop: Stop,
    task: Option<(usize, Waker)>,
}

impl Listener {
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_stopping()
    }

    /// Waits for the stop.
    pub(crate) fn poll_stopping(&mut self, context: &Context<'_>) -> Poll<()> {
        let waker = context.waker();
        match &mut self.task {
            Some((_, task)) if task.will_wake(waker) => {}
            Some((key, task)) => {
                task.clone_from(waker);
                if let Some(listed) = self.stop.tasks().get_mut(*key) {
                    listed.clone_from(waker);
                }
            }
            None => {
                let key = self.stop.tasks().insert(waker.clone());
                self.task = Some((key, waker.clone()));
            }
        }
        // Only now: whoever stops meanwhile either finds this task in the list, or is found here.
        if self.is_stopping() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some((key, _)) = self.task {
            self.stop.tasks().try_remove(key);
        }
    }
}
