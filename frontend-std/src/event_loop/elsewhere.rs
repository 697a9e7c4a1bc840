//! Threads for what may have to wait for a disk, or for a program to start.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use thimble_host::contain::dispose;
use thimble_host::listen::memory_is_scarce;
use thimble_host::nonblocking::Elsewhere;

/// How many threads there are at most: disks have queues of about this length.
const MOST: usize = 32;

/// A thread that has had nothing to do for this long ends.
const SPARE: Duration = Duration::from_secs(5);

/// Threads that are started when there is something to do.
#[derive(Debug)]
pub struct Helpers(());

type Work = Box<dyn FnOnce() + Send>;

struct Pool {
    waiting: VecDeque<Work>,
    threads: usize,
    idle: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { waiting: VecDeque::new(), threads: 0, idle: 0 });
static ARRIVED: Condvar = Condvar::new();

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a thread do `work`; it is given back if there is none.
fn hand_over(work: Work) -> Option<Work> {
    if memory_is_scarce() {
        return Some(work);
    }
    let mut pool = pool();
    if pool.idle > pool.waiting.len() || pool.threads == MOST {
        pool.waiting.push_back(work);
        ARRIVED.notify_one();
        return None;
    }
    let started = thread::Builder::new().name("thimble-disk".into()).spawn(help);
    if started.is_err() && pool.threads == 0 {
        return Some(work);
    }
    pool.threads += usize::from(started.is_ok());
    pool.waiting.push_back(work);
    None
}

fn help() {
    let mut pool = pool();
    loop {
        if let Some(work) = pool.waiting.pop_front() {
            drop(pool);
            work();
            pool = self::pool();
            continue;
        }
        pool.idle += 1;
        let waited = ARRIVED.wait_timeout(pool, SPARE).unwrap_or_else(PoisonError::into_inner);
        pool = waited.0;
        pool.idle -= 1;
        if waited.1.timed_out() && pool.waiting.is_empty() {
            pool.threads -= 1;
            return;
        }
    }
}

/// What became of some work, and who waits for it.
struct Outcome<T> {
    done: Option<thread::Result<T>>,
    waker: Option<Waker>,
}

impl Elsewhere for Helpers {
    async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let here = Arc::new(Mutex::new(Outcome { done: None, waker: None }));
        let there = Arc::clone(&here);
        let work = Box::new(move || {
            let done = catch_unwind(AssertUnwindSafe(work));
            let mut outcome = there.lock().unwrap_or_else(PoisonError::into_inner);
            outcome.done = Some(done);
            if let Some(waker) = outcome.waker.take() {
                waker.wake();
            }
        });
        if let Some(work) = hand_over(work) {
            work();
        }
        let done = poll_fn(|context| {
            let mut outcome = here.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(done) = outcome.done.take() {
                return Poll::Ready(done);
            }
            outcome.waker = Some(context.waker().clone());
            Poll::Pending
        });
        done.await.map_err(|payload| {
            dispose(payload);
            io::Error::other("a panic")
        })
    }

    fn leave(work: impl FnOnce() + Send + 'static) {
        let work = Box::new(|| {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
                dispose(payload);
            }
        });
        if let Some(work) = hand_over(work) {
            work();
        }
    }

    async fn give_way() {
        let mut has_waited = false;
        poll_fn(|context| {
            if has_waited {
                return Poll::Ready(());
            }
            has_waited = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use thimble_host::block_on;

    use super::*;

    #[test]
    fn work_is_done_by_other_threads_and_a_panic_is_an_error() {
        let here = thread::current().id();
        let there = block_on(Helpers::run(|| thread::current().id()));
        assert!(there.is_ok_and(|there| there != here));
        assert!(block_on(Helpers::run(|| panic!("as the test asked"))).is_err());
        // More at once than there are threads.
        let all: Vec<_> = (0..100)
            .map(|number| thread::spawn(move || block_on(Helpers::run(move || number)).ok()))
            .collect();
        let done = all.into_iter().map(|thread| thread.join().ok().flatten());
        assert!(done.eq((0..100).map(Some)));
        assert!(pool().threads <= MOST);
        block_on(Helpers::give_way());
    }
}
