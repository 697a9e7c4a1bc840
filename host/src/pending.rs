//! What staged replies wait for: work of other threads that has to be done before their clients may read
//! them.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use thimble_core::server::Later;

use crate::log::{Client, Log};

/// The work that the replies of one connection wait for. It takes no memory before there is some.
#[derive(Debug, Default)]
pub struct Pending {
    state: OnceLock<Arc<Mutex<State>>>,
    /// Whether it was told that some has failed.
    is_told: bool,
}

#[derive(Debug, Default)]
struct State {
    /// How much is under way.
    count: usize,
    /// Where in the transmit buffer the first reply stands whose work has failed.
    failed: Option<usize>,
    waker: Option<Waker>,
}

/// Work that a reply waits for. If it is dropped before it is told how that went, it has failed.
#[derive(Debug)]
pub struct Promise {
    state: Arc<Mutex<State>>,
    reply: usize,
    is_kept: bool,
}

impl Pending {
    /// Has the reply that is made `later` wait, if its connection knows how to.
    pub fn promise(later: &Later<'_>) -> Option<Promise> {
        let Self { state, .. } = later.awaited.downcast_ref()?;
        let state = Arc::clone(state.get_or_init(Arc::default));
        locked(&state).count += 1;
        Some(Promise { state, reply: later.reply, is_kept: false })
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    /// Some of it has failed: see [`untrue`](Self::untrue).
    pub fn poll_done(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(state) = self.state.get().filter(|_| !self.is_told) else {
            return Poll::Ready(Ok(()));
        };
        let mut state = locked(state);
        if state.count > 0 {
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(if state.failed.is_some() { Err(io::ErrorKind::Other.into()) } else { Ok(()) })
    }

    /// Where the first reply stands whose work has failed, once: see
    /// [`Half::untrue`](thimble_core::server::Half::untrue). `log` is told of the client, `peer`.
    pub fn untrue(&mut self, log: &Log, peer: Option<SocketAddr>) -> Option<usize> {
        let reply = locked(self.state.get().filter(|_| !self.is_told)?).failed?;
        self.is_told = true;
        // A line of the log says already that it was answered.
        let client = Client::of(peer);
        log.note(format!("a form of {client} was not kept: 503 is sent instead").as_bytes());
        Some(reply)
    }

    /// Whether it was told that some has failed.
    pub const fn has_failed(&self) -> bool {
        self.is_told
    }
}

impl Promise {
    /// It is done.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let mut state = locked(&self.state);
        state.count -= 1;
        if !self.is_kept {
            state.failed = Some(state.failed.map_or(self.reply, |first| first.min(self.reply)));
        }
        let waker = if state.count == 0 { state.waker.take() } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_wait_for_all_and_the_first_that_failed_is_known() {
        let mut pending = Pending::default();
        let context = Context::from_waker(Waker::noop());
        let (log, peer) = (Log::none(), Some(SocketAddr::from(([127, 0, 0, 1], 1))));
        assert!(matches!(pending.poll_done(&context), Poll::Ready(Ok(()))));
        let state = Arc::clone(pending.state.get_or_init(Arc::default));
        let promise = |reply| {
            locked(&state).count += 1;
            Promise { state: Arc::clone(&state), reply, is_kept: false }
        };
        let [first, second, third, fourth] = [0, 10, 20, 30].map(promise);
        fourth.keep();
        drop(third);
        assert!(pending.poll_done(&context).is_pending());
        first.keep();
        drop(second);
        assert!(matches!(pending.poll_done(&context), Poll::Ready(Err(_))));
        assert_eq!((pending.untrue(&log, peer), pending.untrue(&log, peer)), (Some(10), None));
        assert!(pending.has_failed() && pending.poll_done(&context).is_ready());
    }
}
