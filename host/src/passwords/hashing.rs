//! Threads that hash passwords, so that none that serves ever does.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

/// Passwords that wait at most. Further ones are refused.
const WAITING: usize = 64;

/// Threads at most: each may need a core, and the memory that a hash asks for.
const THREADS: usize = 4;

type Work = Box<dyn FnOnce() -> bool + Send>;

/// Threads that are started when there is something to do.
#[derive(Debug, Default)]
pub(super) struct Hashing {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

struct Job {
    work: Work,
    ticket: Arc<Mutex<Ticket>>,
}

#[derive(Debug, Default)]
struct Ticket {
    outcome: Option<bool>,
    waker: Option<Waker>,
}

/// The outcome of work, once it is done.
#[derive(Debug)]
pub(super) struct Outcome(Arc<Mutex<Ticket>>);

/// Too much waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Hashing {
    /// Has a thread do `work`.
    ///
    /// # Errors
    /// Too much waits, or the system has no thread for it.
    pub(super) fn run(
        &self,
        work: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<Outcome, Full> {
        let mut waiting = self.queue.lock();
        // Clients that have left make room.
        waiting.jobs.retain(|job| Arc::strong_count(&job.ticket) > 1);
        if waiting.jobs.len() >= WAITING {
            return Err(Full);
        }
        if waiting.idle <= waiting.jobs.len() && waiting.threads < most_threads() {
            let queue = Arc::clone(&self.queue);
            let thread = thread::Builder::new().name("thimble-hash".into());
            match thread.spawn(move || queue.work_off()) {
                Ok(_) => waiting.threads = waiting.threads.saturating_add(1),
                Err(_) if waiting.threads == 0 => return Err(Full),
                Err(_) => {}
            }
        }
        let ticket = Arc::<Mutex<Ticket>>::default();
        waiting.jobs.push_back(Job { work: Box::new(work), ticket: Arc::clone(&ticket) });
        drop(waiting);
        self.queue.arrived.notify_one();
        Ok(Outcome(ticket))
    }
}

fn most_threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS))
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.arrived.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_off(&self) {
        while let Some(Job { work, ticket }) = self.next() {
            // Whoever asked may have left.
            if Arc::strong_count(&ticket) == 1 {
                continue;
            }
            let outcome = work();
            let waker = {
                let mut ticket = ticket.lock().unwrap_or_else(PoisonError::into_inner);
                ticket.outcome = Some(outcome);
                ticket.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.is_closed {
                return None;
            }
            waiting.idle = waiting.idle.saturating_add(1);
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.idle = waiting.idle.saturating_sub(1);
        }
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Queue")
    }
}

impl Future for Outcome {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let mut ticket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(outcome) = ticket.outcome else {
            ticket.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        Poll::Ready(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::block_on;

    #[test]
    fn work_is_done_elsewhere_and_not_too_much_of_it_waits() {
        let hashing = Hashing::default();
        let here = thread::current().id();
        let outcome = hashing.run(move || thread::current().id() != here);
        assert_eq!(outcome.map(block_on), Ok(true));

        let (release, held) = channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let hold_up = || {
            let held = Arc::clone(&held);
            hashing.run(move || held.lock().is_ok_and(|held| held.recv().is_ok()))
        };
        let mut outcomes = Vec::new();
        let full = loop {
            match hold_up() {
                Ok(outcome) => outcomes.push(outcome),
                Err(full) => break full,
            }
            assert!(outcomes.len() <= WAITING + THREADS);
        };
        assert_eq!(full, Full);
        // Those who leave make room.
        drop(outcomes.drain(THREADS.saturating_add(1)..));
        assert!(hold_up().is_ok());
        // In whatever order they are done.
        for _ in &outcomes {
            assert!(release.send(()).is_ok());
        }
        for outcome in outcomes {
            assert!(block_on(outcome));
        }
    }
}
