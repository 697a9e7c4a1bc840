//! What staged replies wait for: work of other threads that has to be done before their clients may read
//! them.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

#[cfg(any(feature = "postgres", feature = "sqlite", test))]
use thimble_core::server::Later;

/// The work that the replies of one connection wait for. It takes no memory before there is some.
#[derive(Debug, Default)]
pub(crate) struct Pending(OnceLock<Arc<Mutex<State>>>);

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
pub(crate) struct Promise {
    state: Arc<Mutex<State>>,
    reply: usize,
    is_kept: bool,
}

impl Pending {
    /// Has the reply that is made `later` wait, if its connection knows how to.
    pub(crate) fn promise(later: &Later<'_>) -> Option<Promise> {
        let Self(state) = later.awaited.downcast_ref()?;
        let state = Arc::clone(state.get_or_init(Arc::default));
        locked(&state).count += 1;
        Some(Promise { state, reply: later.reply, is_kept: false })
    }

    /// Waits until nothing is under way, and returns where the first reply stands whose work has failed.
    pub(crate) fn poll_settled(&self, context: &Context<'_>) -> Poll<Option<usize>> {
        let Self(state) = self;
        let Some(state) = state.get() else { return Poll::Ready(None) };
        let mut state = locked(state);
        if state.count == 0 {
            return Poll::Ready(state.failed);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Promise {
    /// It is done.
    pub(crate) fn keep(mut self) {
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
        let pending = Pending::default();
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(pending.poll_settled(&mut context), Poll::Ready(None));
        let state = Arc::clone(pending.0.get_or_init(Arc::default));
        let promise = |reply| {
            locked(&state).count += 1;
            Promise { state: Arc::clone(&state), reply, is_kept: false }
        };
        let [first, second, third, fourth] = [0, 10, 20, 30].map(promise);
        fourth.keep();
        drop(third);
        assert_eq!(pending.poll_settled(&mut context), Poll::Pending);
        first.keep();
        drop(second);
        assert_eq!(pending.poll_settled(&mut context), Poll::Ready(Some(10)));
    }
}
