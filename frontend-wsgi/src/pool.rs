//! The Python threads, and what waits for them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::request::Request;

/// What a Python thread does.
pub(crate) enum Job {
    /// Answers a request.
    Answer(Box<Request>),
    /// Gives content back that was sent, which takes the GIL.
    Drop(PyBackedBytes),
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait for a job.
    idle: usize,
    is_closed: bool,
}

/// What waits for a Python thread.
#[derive(Default)]
pub(crate) struct Pool {
    state: Mutex<State>,
    filled: Condvar,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a thread do `job`.
    pub(crate) fn push(&self, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if state.idle > 0 {
            drop(state);
            self.filled.notify_one();
        }
    }

    /// The next job, which is waited for without the GIL; `None` once there will be no more.
    pub(crate) fn next(&self, py: Python<'_>) -> Option<Job> {
        if let Some(job) = self.state().jobs.pop_front() {
            return Some(job);
        }
        py.detach(|| {
            let mut state = self.state();
            loop {
                if let Some(job) = state.jobs.pop_front() {
                    return Some(job);
                }
                if state.is_closed {
                    return None;
                }
                state.idle += 1;
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        })
    }

    /// Ends the threads, once nothing waits for them.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.filled.notify_all();
    }
}
