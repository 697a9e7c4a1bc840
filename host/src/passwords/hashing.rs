//! Threads that hash passwords, so that none that serves ever does.

use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

/// Checks that wait at most: what threads are done with in a few seconds. Further ones are refused.
const WAITING: usize = 16;

/// Checks at most for one user, those that are under way among them, so that guesses at one password hold
/// up nobody else for long.
const OF_USER: usize = 4;

/// Threads at most: each may need a core, and the memory that a hash asks for.
const THREADS: usize = 4;

/// What stands for octets in this process.
pub(super) type Digest = [u8; 32];

type Work = Box<dyn FnOnce() -> bool + Send>;

/// Threads that are started when there is something to do.
#[derive(Debug, Default)]
pub(super) struct Hashing {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    checks: Mutex<Checks>,
    arrived: Condvar,
}

#[derive(Default)]
struct Checks {
    waiting: VecDeque<(Check, Work)>,
    /// No more than there are threads.
    running: Vec<Check>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

#[derive(Clone)]
struct Check {
    subject: Subject,
    ticket: Arc<Mutex<Ticket>>,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) user: Digest,
    /// The user and the password.
    pub(super) credentials: Digest,
}

#[derive(Debug, Default)]
struct Ticket {
    outcome: Option<bool>,
    wakers: Vec<Waker>,
}

/// The outcome of a check, once it is done.
#[derive(Debug)]
pub(super) struct Outcome(Arc<Mutex<Ticket>>);

/// Too much waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Hashing {
    /// Has a thread do `work`, unless the same is being checked already: then its outcome is that of both.
    /// If all who wait for an outcome drop it before a thread begins, it is never worked out.
    ///
    /// # Errors
    /// Too much waits, in all or for this user, or the system has no thread for it.
    pub(super) fn run(
        &self,
        subject: Subject,
        work: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<Outcome, Full> {
        let mut checks = self.queue.lock();
        // Clients that have left make room.
        checks.waiting.retain(|(check, _)| check.is_wanted());
        let mut of_user = 0_usize;
        for check in checks.all() {
            if check.subject == subject {
                return Ok(Outcome(Arc::clone(&check.ticket)));
            }
            of_user = of_user.saturating_add((check.subject.user == subject.user).into());
        }
        if of_user >= OF_USER || checks.waiting.len() >= WAITING {
            return Err(Full);
        }
        if checks.idle <= checks.waiting.len() && checks.threads < most_threads() {
            let queue = Arc::clone(&self.queue);
            let thread = thread::Builder::new().name("thimble-hash".into());
            match thread.spawn(move || queue.work_off()) {
                Ok(_) => checks.threads = checks.threads.saturating_add(1),
                Err(_) if checks.threads == 0 => return Err(Full),
                Err(_) => {}
            }
        }
        let ticket = Arc::<Mutex<Ticket>>::default();
        let check = Check { subject, ticket: Arc::clone(&ticket) };
        checks.waiting.push_back((check, Box::new(work)));
        drop(checks);
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

impl Checks {
    fn all(&self) -> impl Iterator<Item = &Check> {
        self.running.iter().chain(self.waiting.iter().map(|(check, _)| check))
    }
}

impl Check {
    /// Whether somebody waits for the outcome. Only for one that isn't running, with the queue locked.
    fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.ticket) > 1
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Checks> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_off(&self) {
        while let Some((check, work)) = self.next() {
            let outcome = work();
            // Nobody joins it from here on, and whoever has joined is woken.
            self.lock().running.retain(|other| !Arc::ptr_eq(&other.ticket, &check.ticket));
            let wakers = {
                let mut ticket = check.ticket.lock().unwrap_or_else(PoisonError::into_inner);
                ticket.outcome = Some(outcome);
                mem::take(&mut ticket.wakers)
            };
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    fn next(&self) -> Option<(Check, Work)> {
        let mut checks = self.lock();
        loop {
            while let Some((check, work)) = checks.waiting.pop_front() {
                // Whoever asked may have left.
                if check.is_wanted() {
                    checks.running.push(check.clone());
                    return Some((check, work));
                }
            }
            if checks.is_closed {
                return None;
            }
            checks.idle = checks.idle.saturating_add(1);
            checks = self.arrived.wait(checks).unwrap_or_else(PoisonError::into_inner);
            checks.idle = checks.idle.saturating_sub(1);
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
        if let Some(outcome) = ticket.outcome {
            return Poll::Ready(outcome);
        }
        if !ticket.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            ticket.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::block_on;

    fn subject(user: u8, password: u8) -> Subject {
        Subject { user: [user; 32], credentials: [user ^ (password << 4); 32] }
    }

    /// Work that waits for a word, and counts.
    #[derive(Default)]
    struct Held {
        hashing: Hashing,
        words: Vec<Sender<()>>,
        done: Arc<AtomicUsize>,
    }

    impl Held {
        fn run(&mut self, subject: Subject) -> Result<Outcome, Full> {
            let (release, held) = channel();
            self.words.push(release);
            let done = Arc::clone(&self.done);
            self.hashing.run(subject, move || {
                done.fetch_add(1, Ordering::Relaxed);
                // It ends when the words are dropped.
                held.recv().is_err()
            })
        }

        /// How many were worked out, once all are who are waited for.
        fn done(&mut self, outcomes: impl IntoIterator<Item = Outcome>) -> usize {
            self.words.clear();
            assert!(outcomes.into_iter().all(block_on));
            self.done.load(Ordering::Relaxed)
        }

        /// Has all threads do something.
        fn occupy(&mut self) -> Vec<Outcome> {
            let occupied: Vec<_> = (100..)
                .take(most_threads())
                .filter_map(|number| self.run(subject(number, 15)).ok())
                .collect();
            while self.hashing.queue.lock().running.len() < occupied.len() {
                thread::yield_now();
            }
            occupied
        }
    }

    #[test]
    fn work_is_done_elsewhere() {
        let here = thread::current().id();
        let outcome = Hashing::default().run(subject(0, 0), move || thread::current().id() != here);
        assert_eq!(outcome.map(block_on), Ok(true));
    }

    #[test]
    fn not_too_much_waits_and_who_leaves_makes_room() {
        let mut held = Held::default();
        let mut outcomes = held.occupy();
        let running = outcomes.len();
        for user in 0..16 {
            outcomes.extend(held.run(subject(user, 0)));
        }
        assert_eq!(outcomes.len(), running + WAITING);
        assert!(held.run(subject(99, 0)).is_err());
        // What is asked for already needs no room.
        outcomes.extend(held.run(subject(3, 0)));
        assert_eq!(outcomes.len(), running + WAITING + 1);
        // Two left, and one of them wasn't alone.
        drop(outcomes.drain(running + 3..running + 5));
        outcomes.extend(held.run(subject(98, 0)));
        assert!(held.run(subject(99, 0)).is_err());
        assert_eq!(held.done(outcomes), running + WAITING);
    }

    #[test]
    fn what_nobody_waits_for_is_not_worked_out() {
        let mut held = Held::default();
        let occupied = held.occupy();
        for user in 0..12 {
            assert!(held.run(subject(user, 0)).is_ok());
        }
        let last = held.run(subject(0, 1)).ok();
        let running = occupied.len();
        assert_eq!(held.done(occupied.into_iter().chain(last)), running + 1);
    }

    #[test]
    fn one_user_leaves_room_for_others() {
        let mut held = Held::default();
        let outcomes: Vec<_> = (0..60)
            .map(|password| held.run(Subject { user: [1; 32], credentials: [password; 32] }))
            .collect();
        let of_user = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(of_user, OF_USER);
        let other = held.run(subject(2, 0));
        assert!(other.is_ok());
        let outcomes = outcomes.into_iter().chain([other]).flatten();
        assert_eq!(held.done(outcomes), OF_USER + 1);
        // Those that are done don't count.
        assert_eq!(held.hashing.run(subject(1, 1), || true).map(block_on), Ok(true));
    }

    #[test]
    fn the_same_is_worked_out_once() {
        let mut held = Held::default();
        let mut outcomes = Vec::new();
        for _ in 0..60 {
            outcomes.extend(held.run(subject(1, 1)));
        }
        assert_eq!(outcomes.len(), 60);
        let waiting: Vec<_> =
            outcomes.into_iter().map(|outcome| thread::spawn(|| block_on(outcome))).collect();
        held.words.clear();
        assert!(waiting.into_iter().all(|waiting| waiting.join().is_ok_and(|outcome| outcome)));
        assert_eq!(held.done.load(Ordering::Relaxed), 1);
    }
}
