//! A bounded queue to one thread that commits rows in groups.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use super::Row;

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
}

/// Why a row was not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCommitted {
    /// Too many wait.
    Full,
    /// The store failed.
    Failed,
}

/// Commits rows on a thread of its own. When it is dropped, what waits is committed first.
#[derive(Debug)]
pub struct Committer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<(Row, Arc<Ticket>)>,
    /// Nothing comes any more.
    closed: bool,
}

/// What becomes of one row.
#[derive(Debug, Default)]
struct Ticket(Mutex<Progress>);

#[derive(Debug)]
enum Progress {
    Waiting(Option<Waker>),
    Done(Result<(), NotCommitted>),
}

impl Default for Progress {
    fn default() -> Self {
        Self::Waiting(None)
    }
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
            .spawn(move || shared.commit_all(store, report))?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Commits `row`. The row is committed even if the future is dropped.
    ///
    /// # Errors
    /// It is not committed.
    pub async fn commit(&self, row: Row) -> Result<(), NotCommitted> {
        let ticket = Arc::<Ticket>::default();
        {
            let mut waiting = self.queue.waiting();
            if waiting.jobs.len() >= WAITING {
                return Err(NotCommitted::Full);
            }
            if waiting.closed {
                return Err(NotCommitted::Failed);
            }
            waiting.jobs.push_back((row, Arc::clone(&ticket)));
        }
        self.queue.arrived.notify_one();
        Committed(ticket).await
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue.waiting().closed = true;
        self.queue.arrived.notify_one();
        if let Some(thread) = self.thread.take() {
            // It catches no panic: what still waits then has been told so.
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit_all(&self, mut store: impl Store, report: impl Fn(&str)) {
        let _closing = Closing(self);
        let (mut rows, mut tickets) = (Vec::new(), Tickets::default());
        loop {
            {
                let mut waiting = self.waiting();
                while waiting.jobs.is_empty() {
                    if waiting.closed {
                        return;
                    }
                    waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
                let count = waiting.jobs.len().min(GROUP);
                for (row, ticket) in waiting.jobs.drain(..count) {
                    rows.push(row);
                    tickets.0.push(ticket);
                }
            }
            let outcome = store.commit(&rows);
            if let Err(reason) = &outcome {
                report(reason);
            }
            tickets.tell(outcome.map_err(|_| NotCommitted::Failed));
            rows.clear();
        }
    }
}

/// Refuses what waits, and all that comes, when the thread ends: also by a panic.
struct Closing<'q>(&'q Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let jobs = {
            let mut waiting = self.0.waiting();
            waiting.closed = true;
            std::mem::take(&mut waiting.jobs)
        };
        for (_, ticket) in jobs {
            ticket.tell(Err(NotCommitted::Failed));
        }
    }
}

/// The tickets of the group that is being committed: they are told even when that panics.
#[derive(Default)]
struct Tickets(Vec<Arc<Ticket>>);

impl Tickets {
    fn tell(&mut self, outcome: Result<(), NotCommitted>) {
        for ticket in self.0.drain(..) {
            ticket.tell(outcome);
        }
    }
}

impl Drop for Tickets {
    fn drop(&mut self) {
        self.tell(Err(NotCommitted::Failed));
    }
}

impl Ticket {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, outcome: Result<(), NotCommitted>) {
        let before = std::mem::replace(&mut *self.progress(), Progress::Done(outcome));
        if let Progress::Waiting(Some(waker)) = before {
            waker.wake();
        }
    }
}

/// Waits until a row is committed, or not.
struct Committed(Arc<Ticket>);

impl Future for Committed {
    type Output = Result<(), NotCommitted>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self.0.progress() {
            Progress::Done(outcome) => Poll::Ready(*outcome),
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
    }

    struct Counted(mpsc::Sender<usize>, usize);

    impl std::task::Wake for Counted {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(self.1);
        }
    }

    type Commit<'c> = Pin<Box<dyn Future<Output = Result<(), NotCommitted>> + 'c>>;

    fn row(path: &str) -> Row {
        Row { received_at: None, path: path.into(), remote: None, fields: "[]".into() }
    }

    /// Polls once, with a waker that says `number`.
    fn poll(
        commit: &mut Commit<'_>,
        woken: &mpsc::Sender<usize>,
        number: usize,
    ) -> Poll<Result<(), NotCommitted>> {
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
            assert_eq!(poll(commit, &woken, 9), Poll::Ready(Err(NotCommitted::Failed)));
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
            let mut commit: Commit<'_> = Box::pin(committer.commit(row("/")));
            assert!(poll(&mut commit, &woken, number).is_pending());
            commits.push(commit);
            if number == 0 {
                assert_eq!(coming.recv(), Ok(1));
            }
        }
        let mut another: Commit<'_> = Box::pin(committer.commit(row("/")));
        assert_eq!(poll(&mut another, &woken, 0), Poll::Ready(Err(NotCommitted::Full)));
        // The store panics.
        drop(going);
        for _ in 0..=WAITING {
            assert!(waking.recv().is_ok());
        }
        for commit in &mut commits {
            assert_eq!(poll(commit, &woken, 0), Poll::Ready(Err(NotCommitted::Failed)));
        }
        let mut another: Commit<'_> = Box::pin(committer.commit(row("/")));
        assert_eq!(poll(&mut another, &woken, 0), Poll::Ready(Err(NotCommitted::Failed)));
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
