//! The Python threads, and what waits for them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker, ready};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};

use crate::request::Request;

/// What a Python thread does.
pub(crate) enum Job {
    /// Answers a request.
    Answer(Box<Request>),
    /// Gives content back that was sent, which takes the GIL.
    Drop { _content: PyBackedBytes },
}

/// How often the pool is looked at while jobs wait.
const LOOK: Duration = Duration::from_millis(1);

/// So many looks at a pool whose jobs are taken, and never all of them, call for another thread.
const LONG: u32 = 10;

/// Replies that leave together at most, while other requests wait.
const TOGETHER: usize = 16;

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// The tasks of replies that are made.
    made: Vec<Waker>,
    /// Threads that wait to be woken.
    idle: usize,
    /// Threads that were woken and have not heard of it.
    woken: usize,
    /// Other threads, and those that were woken.
    busy: usize,
    /// Jobs that were taken since the last look.
    taken: usize,
    /// The task that looks, while it waits; it is made with the first job.
    looker: Option<Waker>,
    has_looker: bool,
    /// Whether it looks again without being woken.
    is_looking: bool,
    is_closed: bool,
}

/// What waits for a Python thread, and for the server's.
///
/// A thread is woken for the other's sake as seldom as possible: that costs more than a short call into an
/// application. (Flask's hello, 32 connections: 80 µs of CPU time and 0.3 context switches per request; 100 µs and
/// 0.9 if each reply wakes the server.) So a thread that has made a reply tells the server only when no other request
/// waits, or when some replies have gathered. And while one thread is busy, another one is not woken at once, since
/// most calls are over before it could have the GIL; without a GIL it is. A task of the server looks each millisecond
/// whether that holds anybody up.
pub(crate) struct Pool {
    state: Mutex<State>,
    filled: Condvar,
    /// Whether one thread at a time runs Python.
    has_gil: bool,
}

impl Pool {
    pub(crate) fn new(has_gil: bool) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), has_gil }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a thread do `job`. To be called in the server's runtime.
    pub(crate) fn push(self: &Arc<Self>, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if !mem::replace(&mut state.has_looker, true) {
            spawn_local(Arc::clone(self).look());
        }
        if (state.busy == 0 || !self.has_gil) && state.idle > 0 {
            self.wake(state);
        } else if !state.is_looking {
            wake_looker(state);
        }
    }

    /// Wakes a thread. There is an idle one.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        state.idle -= 1;
        state.woken += 1;
        state.busy += 1;
        drop(state);
        self.filled.notify_one();
    }

    /// Counts the calling thread among those that do jobs.
    pub(crate) fn enter(&self) {
        self.state().busy += 1;
    }

    /// The next job, which is waited for without the GIL; `None` once there will be no more.
    pub(crate) fn next(&self, py: Python<'_>) -> Option<Job> {
        loop {
            let mut state = self.state();
            if let Some(job) = state.jobs.pop_front() {
                state.taken += 1;
                if state.jobs.is_empty() && !state.made.is_empty() {
                    wake_looker(state);
                }
                return Some(job);
            }
            state.busy -= 1;
            if state.is_closed {
                return None;
            }
            state.idle += 1;
            drop(state);
            py.detach(|| {
                let is_idle = |state: &mut State| state.woken == 0 && !state.is_closed;
                let waited = self.filled.wait_while(self.state(), is_idle);
                let mut state = waited.unwrap_or_else(PoisonError::into_inner);
                if state.woken > 0 {
                    state.woken -= 1;
                } else {
                    state.idle -= 1;
                    state.busy += 1;
                }
            });
        }
    }

    /// Tells `task` that its reply is made.
    pub(crate) fn made(&self, task: Waker) {
        let mut state = self.state();
        state.made.push(task);
        let may_wait = state.is_looking && !state.jobs.is_empty();
        if !may_wait || state.made.len() >= TOGETHER {
            wake_looker(state);
        }
    }

    /// Passes on that replies are made, and wakes threads as long as jobs wait.
    async fn look(self: Arc<Self>) {
        let mut tick = pin!(sleep(LOOK));
        let (mut made, mut looks) = (Vec::new(), 0);
        poll_fn(|context| {
            loop {
                let mut state = self.state();
                mem::swap(&mut made, &mut state.made);
                if state.looker.is_none() {
                    state.looker = Some(context.waker().clone());
                }
                let waits = !state.jobs.is_empty();
                let begins = waits && !state.is_looking;
                state.is_looking = waits;
                drop(state);
                made.drain(..).for_each(Waker::wake);
                if begins {
                    tick.as_mut().reset(Instant::now() + LOOK);
                }
                if !waits {
                    return Poll::<()>::Pending;
                }
                ready!(tick.as_mut().poll(context));
                tick.as_mut().reset(Instant::now() + LOOK);
                looks += 1;
                let mut state = self.state();
                if state.idle > 0
                    && !state.jobs.is_empty()
                    && (mem::take(&mut state.taken) == 0 || looks >= LONG)
                {
                    looks = 0;
                    self.wake(state);
                }
            }
        })
        .await;
    }

    /// The number of requests that wait or are answered.
    pub(crate) fn unfinished(&self) -> usize {
        let state = self.state();
        state.jobs.len() + state.busy
    }

    /// Ends the threads, once nothing waits for them.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.filled.notify_all();
    }
}

/// Wakes the task that looks, if it waits.
fn wake_looker(mut state: MutexGuard<'_, State>) {
    let looker = state.looker.take();
    drop(state);
    if let Some(looker) = looker {
        looker.wake();
    }
}
