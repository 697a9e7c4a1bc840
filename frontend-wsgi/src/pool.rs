//! The Python threads, and what waits for them.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use tokio::task::spawn_local;
use tokio::time::sleep;

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

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait to be woken.
    idle: usize,
    /// Threads that were woken and have not heard of it.
    woken: usize,
    /// Other threads, and those that were woken.
    busy: usize,
    /// Jobs that were taken since the last look.
    taken: usize,
    is_watched: bool,
    is_closed: bool,
}

/// What waits for a Python thread.
///
/// While one thread is busy, others are not woken at once: most calls into an application are over before
/// another thread could have the GIL, and threads that compete for it cost more than they help. When a call
/// takes longer than a look or two, another thread is woken.
#[derive(Default)]
pub(crate) struct Pool {
    state: Mutex<State>,
    filled: Condvar,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a thread do `job`. To be called in the server's runtime.
    pub(crate) fn push(self: &Arc<Self>, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if state.idle == 0 {
            return;
        }
        if state.busy == 0 {
            self.wake(state);
        } else if !mem::replace(&mut state.is_watched, true) {
            drop(state);
            spawn_local(Arc::clone(self).watch());
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

    /// Wakes threads as long as jobs wait.
    async fn watch(self: Arc<Self>) {
        let mut looks = 0;
        loop {
            sleep(LOOK).await;
            let mut state = self.state();
            looks += 1;
            if state.jobs.is_empty() || state.idle == 0 {
                state.is_watched = false;
                return;
            }
            if mem::take(&mut state.taken) == 0 || looks >= LONG {
                looks = 0;
                self.wake(state);
            }
        }
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
