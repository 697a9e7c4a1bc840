//! Runs a future on the calling thread, which sleeps while the future waits.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};

use thimble_core::server::blocking;

/// A thread that sleeps until it is woken.
struct Sleeper {
    thread: Thread,
    /// Whether it was woken since it last slept. Only that counts: what a future calls may park the
    /// thread, too, and take its token.
    is_woken: AtomicBool,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

thread_local! {
    /// Made once, so that a future that never waits costs no allocation.
    static THREAD: (Arc<Sleeper>, Waker) = {
        let thread = thread::current();
        let sleeper = Arc::new(Sleeper { thread, is_woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&sleeper));
        (sleeper, waker)
    };
}

/// Runs a future to its end on the calling thread, and returns its output. The thread is parked while the
/// future waits for a channel, a lock, or anything else that wakes it.
///
/// A future that needs a runtime, such as a socket or timer of tokio, needs it here as well: enter the
/// runtime first.
///
/// ```
/// use std::task::Poll;
/// use std::thread;
/// use std::time::Duration;
///
/// let later = async {
///     let mut polls = 0;
///     std::future::poll_fn(|context| {
///         polls += 1;
///         let waker = context.waker().clone();
///         thread::spawn(move || {
///             thread::sleep(Duration::from_millis(1));
///             waker.wake();
///         });
///         if polls < 2 { Poll::Pending } else { Poll::Ready("done") }
///     })
///     .await
/// };
/// assert_eq!(thimble_host::block_on(later), "done");
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    THREAD.with(|(sleeper, waker)| {
        let mut has_slept = false;
        let output = blocking::block_on(future, waker, || {
            has_slept = true;
            while !sleeper.is_woken.swap(false, Ordering::Acquire) {
                thread::park();
            }
        });
        // Whoever called this from a future may have been woken meanwhile.
        if has_slept {
            sleeper.is_woken.store(true, Ordering::Release);
        }
        output
    })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn who_waits_outside_is_woken_though_somebody_inside_took_the_wake() {
        let (outer, answered) = oneshot::channel();
        let (inner, inner_answered) = oneshot::channel();
        let mut answering = Some((outer, inner, inner_answered));
        let mut answered = pin!(answered);
        let outcome = block_on(poll_fn(|context| {
            let polled = answered.as_mut().poll(context);
            if let Some((outer, inner, inner_answered)) = answering.take() {
                thread::spawn(move || {
                    let _ = outer.send(1);
                    thread::sleep(Duration::from_millis(20));
                    let _ = inner.send(2);
                });
                assert_eq!(block_on(inner_answered), Ok(2));
                assert!(polled.is_pending());
            }
            polled
        }));
        assert_eq!(outcome, Ok(1));
        assert_eq!(block_on(async { 3 }), 3);
    }
}
