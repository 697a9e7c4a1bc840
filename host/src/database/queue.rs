//! A bounded queue to one thread that commits rows in groups.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use super::Row;
use crate::pending::Promise;

/// Rows of one transaction at most.
pub const GROUP: usize = 256;

/// Rows that wait at most. Further ones are refused.
pub const WAITING: usize = 4096;

/// What rows are committed to.
pub trait Store: Send + 'static {
    /// Commits all of `rows`, or none.
    ///
    /// # Errors
    /// Why none was committed, in one line for the log.
    fn commit(&mut self, rows: &[Row]) -> Result<(), String>;

    /// Reads `count` rows at most, the latest first, without the `skipped` latest.
    ///
    /// # Errors
    /// Why they can't be read, in one line for the log.
    fn latest(&mut self, skipped: u64, count: u64) -> Result<Vec<Row>, String>;
}

/// Why the store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too many wait.
    Full,
    /// The store failed.
    Failed,
}

/// Commits rows on a thread of its own. When it is dropped, what waits is committed first.
#[derive(Debug)]
pub struct Committer {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Nothing comes any more.
    closed: bool,
    /// The thread waits for a job, and nobody has woken it yet.
    is_idle: bool,
}

/// What the store is asked.
#[derive(Debug)]
enum Job {
    Commit(Row, Told),
    Latest(u64, u64, Ticket<Vec<Row>>),
}

/// Who is told that a row is committed.
#[derive(Debug)]
enum Told {
    /// Who waits for that.
    Ticket(Ticket<()>),
    /// A reply that waits.
    Promise(Promise),
}

/// The outcome of a job. If its last holder is dropped without one, the job has failed.
#[derive(Debug)]
struct Ticket<T>(Arc<Mutex<Progress<T>>>);

#[derive(Debug)]
enum Progress<T> {
    Waiting(Option<Waker>),
    Done(Option<Result<T, Fault>>),
}

impl Committer {
    /// Starts the thread. `report` is told why rows could not be committed, once for each group.
    ///
    /// # Errors
    /// There can't be a thread.
    pub fn start(store: impl Store, report: impl Fn(&str) + Send + 'static) -> io::Result<Self> {
        let queue = Arc::<Queue>::default();
        let shared = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("thimble-database".into())
            .spawn(move || shared.serve(store, report))?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    /// Commits `row`. The row is committed even if the future is dropped.
    ///
    /// # Errors
    /// It is not committed.
    pub async fn commit(&self, row: Row) -> Result<(), Fault> {
        self.ask(|ticket| Job::Commit(row, Told::Ticket(ticket)))?.await
    }

    /// Whether so few wait that one client may add several.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.waiting().jobs.len() < WAITING / 2
    }

    /// Commits `row`, and then keeps `promise`.
    ///
    /// # Errors
    /// It won't be committed; and nothing waits for it.
    pub(crate) fn commit_later(&self, row: Row, promise: Promise) -> Result<(), Fault> {
        self.push(Job::Commit(row, Told::Promise(promise))).map_err(|(fault, job)| {
            if let Job::Commit(_, Told::Promise(promise)) = job {
                // The reply says so itself.
                promise.keep();
            }
            fault
        })
    }

    /// Reads `count` rows at most, the latest first, without the `skipped` latest.
    ///
    /// # Errors
    /// They can't be read.
    pub async fn latest(&self, skipped: u64, count: u64) -> Result<Vec<Row>, Fault> {
        self.ask(|ticket| Job::Latest(skipped, count, ticket))?.await
    }

    fn ask<T>(&self, job: impl FnOnce(Ticket<T>) -> Job) -> Result<Answer<T>, Fault> {
        let progress = Arc::new(Mutex::new(Progress::Waiting(None)));
        self.push(job(Ticket(Arc::clone(&progress)))).map_err(|(fault, _)| fault)?;
        Ok(Answer(progress))
    }

    /// Puts `job` into the queue, or gives it back.
    fn push(&self, job: Job) -> Result<(), (Fault, Job)> {
        let mut waiting = self.queue.waiting();
        if waiting.closed {
            return Err((Fault::Failed, job));
        }
        if waiting.jobs.len() >= WAITING {
            return Err((Fault::Full, job));
        }
        waiting.jobs.push_back(job);
        let is_idle = std::mem::take(&mut waiting.is_idle);
        drop(waiting);
        // To wake it takes a system call.
        if is_idle {
            self.queue.arrived.notify_one();
        }
        Ok(())
    }
}

impl Committer {
    /// Commits what waits, and closes the store. What comes later has failed.
    pub fn close(&self) {
        self.queue.waiting().closed = true;
        self.queue.arrived.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It catches no panic: what still waits then has been told so.
            let _ = thread.join();
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut store: impl Store, report: impl Fn(&str)) {
        let _closing = Closing(self);
        let (mut rows, mut tickets, mut reads) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            {
                let mut waiting = self.waiting();
                while waiting.jobs.is_empty() {
                    if waiting.closed {
                        return;
                    }
                    waiting.is_idle = true;
                    waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
                let count = waiting.jobs.len().min(GROUP);
                for job in waiting.jobs.drain(..count) {
                    match job {
                        Job::Commit(row, told) => {
                            rows.push(row);
                            tickets.push(told);
                        }
                        Job::Latest(skipped, count, ticket) => reads.push((skipped, count, ticket)),
                    }
                }
            }
            let told = |reason: String| {
                report(&reason);
                Fault::Failed
            };
            if !rows.is_empty() {
                let outcome = store.commit(&rows).map_err(told);
                for told in tickets.drain(..) {
                    match told {
                        Told::Ticket(ticket) => ticket.tell(outcome),
                        Told::Promise(promise) if outcome.is_ok() => promise.keep(),
                        Told::Promise(promise) => drop(promise),
                    }
                }
                rows.clear();
            }
            for (skipped, count, ticket) in reads.drain(..) {
                ticket.tell(store.latest(skipped, count).map_err(told));
            }
        }
    }
}

/// Drops what waits, and refuses all that comes, when the thread ends: also by a panic.
struct Closing<'q>(&'q Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.closed = true;
        let jobs = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        drop(jobs);
    }
}

impl<T> Ticket<T> {
    fn tell(&self, outcome: Result<T, Fault>) {
        let done = Progress::Done(Some(outcome));
        let before = std::mem::replace(&mut *progress(&self.0), done);
        if let Progress::Waiting(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        let is_waiting = matches!(*progress(&self.0), Progress::Waiting(_));
        if is_waiting {
            self.tell(Err(Fault::Failed));
        }
    }
}

fn progress<T>(progress: &Mutex<Progress<T>>) -> MutexGuard<'_, Progress<T>> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for what becomes of a job.
struct Answer<T>(Arc<Mutex<Progress<T>>>);

impl<T> Future for Answer<T> {
    type Output = Result<T, Fault>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *progress(&self.0) {
            // Nobody polls it again.
            Progress::Done(outcome) => Poll::Ready(outcome.take().unwrap_or(Err(Fault::Failed))),
            Progress::Waiting(Some(waker)) => {
                waker.clone_from(context.waker());
                Poll::Pending
            }
            Progress::Waiting(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, SyncSender};

    use super::*;

    /// Commits when it is told to, and says how many rows came.
    struct Held {
        go: Receiver<Result<(), String>>,
        came: SyncSender<usize>,
    }

    impl Store for Held {
        fn commit(&mut self, rows: &[Row]) -> Result<(), String> {
            let _ = self.came.send(rows.len());
            let Ok(outcome) = self.go.recv() else { panic!("as the test asks") };
            outcome
        }

        fn latest(&mut self, skipped: u64, count: u64) -> Result<Vec<Row>, String> {
            Ok((skipped..skipped + count).map(|number| row(&number.to_string())).collect())
        }
    }

    struct Counted(mpsc::Sender<usize>, usize);

    impl std::task::Wake for Counted {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(self.1);
        }
    }

    type Commit<'c> = Pin<Box<dyn Future<Output = Result<(), Fault>> + 'c>>;

    fn row(path: &str) -> Row {
        Row { received_at: None, path: path.into(), remote: None, fields: "[]".into() }
    }

    /// Polls once, with a waker that says `number`.
    fn poll(
        commit: &mut Commit<'_>,
        woken: &mpsc::Sender<usize>,
        number: usize,
    ) -> Poll<Result<(), Fault>> {
        let waker = Arc::new(Counted(woken.clone(), number)).into();
        commit.as_mut().poll(&mut Context::from_waker(&waker))
    }

    #[test]
    fn rows_that_arrive_meanwhile_are_committed_together_and_told_after_it() {
        let ((going, go), (came, coming)) = (mpsc::channel(), mpsc::sync_channel(10));
        let ((woken, waking), (told, tell)) = (mpsc::channel(), mpsc::channel());
        let report = move |reason: &str| drop(told.send(reason.to_owned()));
        let committer = Committer::start(Held { go, came }, report).unwrap();
        let mut commits: Vec<Commit<'_>> = Vec::new();
        for number in 0..4 {
            let mut commit: Commit<'_> = Box::pin(committer.commit(row("/")));
            assert!(poll(&mut commit, &woken, number).is_pending());
            commits.push(commit);
            if number == 0 {
                assert_eq!(coming.recv(), Ok(1));
            }
        }
        assert!(waking.try_recv().is_err(), "nothing is committed yet");
        going.send(Ok(())).unwrap();
        assert_eq!((waking.recv(), coming.recv()), (Ok(0), Ok(3)));
        assert_eq!(poll(&mut commits[0], &woken, 0), Poll::Ready(Ok(())));
        assert!(poll(&mut commits[1], &woken, 1).is_pending());
        going.send(Err("full".into())).unwrap();
        assert_eq!([1, 2, 3].map(|_| waking.recv().unwrap()), [1, 2, 3]);
        for commit in &mut commits[1..] {
            assert_eq!(poll(commit, &woken, 9), Poll::Ready(Err(Fault::Failed)));
        }
        assert_eq!(tell.recv().as_deref(), Ok("full"));
    }

    #[test]
    fn too_many_are_refused_and_a_dead_thread_refuses_all() {
        let ((going, go), (came, coming)) = (mpsc::channel(), mpsc::sync_channel(10));
        let (woken, waking) = mpsc::channel();
        let committer = Committer::start(Held { go, came }, |_| {}).unwrap();
        let mut commits: Vec<Commit<'_>> = Vec::new();
        for number in 0..=WAITING {
            assert_eq!(committer.has_room(), number <= WAITING / 2);
            let mut commit: Commit<'_> = Box::pin(committer.commit(row("/")));
            assert!(poll(&mut commit, &woken, number).is_pending());
            commits.push(commit);
            if number == 0 {
                assert_eq!(coming.recv(), Ok(1));
            }
        }
        let mut another: Commit<'_> = Box::pin(committer.commit(row("/")));
        assert_eq!(poll(&mut another, &woken, 0), Poll::Ready(Err(Fault::Full)));
        // The store panics.
        drop(going);
        for _ in 0..=WAITING {
            assert!(waking.recv().is_ok());
        }
        for commit in &mut commits {
            assert_eq!(poll(commit, &woken, 0), Poll::Ready(Err(Fault::Failed)));
        }
        let mut another: Commit<'_> = Box::pin(committer.commit(row("/")));
        assert_eq!(poll(&mut another, &woken, 0), Poll::Ready(Err(Fault::Failed)));
    }

    #[test]
    fn what_is_read_comes_back() {
        let ((_going, go), (came, _coming)) = (mpsc::channel(), mpsc::sync_channel(10));
        let committer = Committer::start(Held { go, came }, |_| {}).unwrap();
        let rows = crate::block_on(committer.latest(3, 2)).unwrap();
        assert!(rows.iter().map(|row| &*row.path).eq(["3", "4"]));
    }

    #[test]
    fn what_waits_is_committed_before_the_end() {
        let ((going, go), (came, coming)) = (mpsc::channel(), mpsc::sync_channel(10));
        let (woken, waking) = mpsc::channel();
        let committer = Committer::start(Held { go, came }, |_| {}).unwrap();
        for number in 0..2 {
            let mut commit: Commit<'_> = Box::pin(committer.commit(row("/")));
            assert!(poll(&mut commit, &woken, number).is_pending());
            going.send(Ok(())).unwrap();
        }
        drop(committer);
        assert_eq!([waking.recv().unwrap(), waking.recv().unwrap()], [0, 1]);
        assert_eq!(coming.iter().sum::<usize>(), 2);
    }
}
