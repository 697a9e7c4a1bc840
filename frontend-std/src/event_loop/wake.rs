//! Wakes a loop from other threads, for what a handler awaits.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use mio::{Registry, Token};

/// The keys of connections whose handlers were woken.
#[derive(Debug)]
pub(super) struct Queue {
    woken: Mutex<Vec<usize>>,
    waker: mio::Waker,
}

impl Queue {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self { woken: Mutex::default(), waker: mio::Waker::new(registry, token)? })
    }

    /// Has the loop look at what others have changed.
    pub(super) fn wake(&self) {
        // It fails only when the loop is gone.
        let _ = self.waker.wake();
    }

    /// Moves the keys to `keys`.
    pub(super) fn take(&self, keys: &mut Vec<usize>) {
        keys.append(&mut self.woken());
    }

    fn woken(&self) -> MutexGuard<'_, Vec<usize>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A waker for one connection at a time. Whoever wakes it late wakes the next connection, which only finds
/// that nothing has happened.
#[derive(Debug)]
pub(super) struct TaskWaker {
    key: Arc<Keyed>,
    waker: Waker,
}

#[derive(Debug)]
struct Keyed {
    key: AtomicUsize,
    queue: Arc<Queue>,
}

impl TaskWaker {
    pub(super) fn new(queue: &Arc<Queue>) -> Self {
        let key = Arc::new(Keyed { key: AtomicUsize::default(), queue: Arc::clone(queue) });
        Self { waker: Waker::from(Arc::clone(&key)), key }
    }

    /// The waker, for the connection with this key.
    pub(super) fn of(&self, key: usize) -> &Waker {
        self.key.key.store(key, Ordering::Relaxed);
        &self.waker
    }
}

impl Wake for Keyed {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut woken = self.queue.woken();
        woken.push(self.key.load(Ordering::Relaxed));
        if woken.len() == 1 {
            self.queue.wake();
        }
    }
}
