//! One request between the task that serves it and the Python thread that answers it.
//!
//! The thread asks: for content of the request, or for a part of the reply to be sent. The task does
//! what it is asked. Each lets the other go on as soon as it can: a part is sent while the application
//! makes the next one, and no more than one part waits.

use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::file::SentFile;
use crate::head::ReplyHead;
use crate::pool::Pool;

/// What the Python thread asks of the task.
pub(crate) enum Ask {
    /// Octets of the request's content.
    Read,
    /// To send a part of the reply.
    Send(Part),
    /// To answer by 500, or to cut the reply that has begun: the application failed.
    Fail,
}

/// A part of the reply.
pub(crate) struct Part {
    /// The head, with the first part.
    pub(crate) head: Option<ReplyHead>,
    /// The content.
    pub(crate) content: Content,
    /// Whether nothing follows.
    pub(crate) is_last: bool,
}

/// Content of the reply.
pub(crate) enum Content {
    /// A copy.
    Copied(Vec<u8>),
    /// The application's own, since a copy would cost more.
    Shared(PyBackedBytes),
    /// Octets of a file.
    Of { file: SentFile, offset: u64, length: u64 },
}

/// The client is gone, or what it sent was refused.
#[derive(Debug)]
pub(crate) struct Gone;

/// Why content of the request can't be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The client is gone, or what it sent was refused.
    Gone,
    /// The client sends it once it has 100 (Continue), and the reply began before.
    Late,
}

impl From<Gone> for Unread {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

#[derive(Default)]
struct State {
    /// What is asked, until the task takes it.
    ask: Option<Ask>,
    /// Whether the task does what it was asked.
    is_busy: bool,
    /// What was read.
    read: Option<Result<Vec<u8>, Unread>>,
    /// Content of the application that was sent.
    sent: Option<PyBackedBytes>,
    is_gone: bool,
    /// The task, while it waits to be asked.
    task: Option<Waker>,
    /// Whether the thread waits.
    thread_waits: bool,
}

/// A request that is answered.
pub(crate) struct Call {
    state: Mutex<State>,
    changed: Condvar,
    pool: Arc<Pool>,
}

/// The task's end of a call. When it is dropped, the thread is told that its client is gone.
pub(crate) struct Asked(Arc<Call>);

impl Call {
    /// A request that a thread of `pool` is to answer.
    pub(crate) fn new(pool: &Arc<Pool>) -> Arc<Self> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Self { state, changed, pool: Arc::clone(pool) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, once the task has done what it was asked before.
    fn ask(&self, py: Python<'_>, ask: Ask) -> Result<(), Gone> {
        let mut state = self.when(py, |state| !state.is_busy && state.ask.is_none());
        if state.is_gone {
            return Err(Gone);
        }
        let is_last = matches!(&ask, Ask::Send(Part { is_last: true, .. }));
        state.ask = Some(ask);
        let (task, sent) = (state.task.take(), state.sent.take());
        drop(state);
        drop(sent);
        match task {
            Some(task) if is_last => self.pool.made(task),
            Some(task) => task.wake(),
            None => {}
        }
        Ok(())
    }

    /// The state, once it is `right` or the client is gone. The thread waits without the GIL.
    fn when(&self, py: Python<'_>, right: fn(&State) -> bool) -> MutexGuard<'_, State> {
        loop {
            let mut state = self.state();
            if state.is_gone || right(&state) {
                return state;
            }
            state.thread_waits = true;
            drop(state);
            py.detach(|| {
                let waits = |state: &mut State| state.thread_waits;
                drop(self.changed.wait_while(self.state(), waits));
            });
        }
    }

    /// Sends a part of the reply: in the background, as soon as the part before it was sent.
    pub(crate) fn send(&self, py: Python<'_>, part: Part) -> Result<(), Gone> {
        self.ask(py, Ask::Send(part))
    }

    /// Says that the application failed.
    pub(crate) fn fail(&self, py: Python<'_>) {
        // A client that is gone won't miss it.
        let _ = self.ask(py, Ask::Fail);
    }

    /// Reads some of the request's content; nothing at its end.
    pub(crate) fn read(&self, py: Python<'_>) -> Result<Vec<u8>, Unread> {
        self.ask(py, Ask::Read)?;
        self.when(py, |state| state.read.is_some()).read.take().unwrap_or(Err(Unread::Gone))
    }

    /// Whether the client is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.state().is_gone
    }
}

impl Asked {
    /// The task's end of `call`.
    pub(crate) fn new(call: &Arc<Call>) -> Self {
        Self(Arc::clone(call))
    }

    /// Waits to be asked. What was asked before is done then.
    pub(crate) async fn next(&self) -> Ask {
        poll_fn(|context| {
            let mut state = self.0.state();
            if let Some(ask) = state.ask.take() {
                state.is_busy = true;
                return Poll::Ready(ask);
            }
            state.is_busy = false;
            state.task = Some(context.waker().clone());
            self.let_go_on(state);
            Poll::Pending
        })
        .await
    }

    /// Answers [`Ask::Read`].
    pub(crate) fn answer(&self, read: Result<Vec<u8>, Unread>) {
        let mut state = self.0.state();
        state.read = Some(read);
        state.is_busy = false;
        self.let_go_on(state);
    }

    /// Gives content back to the thread that made it, which has the GIL when it drops it.
    pub(crate) fn give_back(&self, content: PyBackedBytes) {
        self.0.state().sent = Some(content);
    }

    fn let_go_on(&self, mut state: MutexGuard<'_, State>) {
        if std::mem::take(&mut state.thread_waits) {
            drop(state);
            self.0.changed.notify_one();
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_gone = true;
        self.let_go_on(state);
    }
}
