//! Watching a folder, so that pages load again by themselves when something below it changes.
//!
//! | file | what it is |
//! |---|---|
//! | `rules` | which paths count |
//! | `batch` | changes that belong together |
//! | `observer` | the thread that watches |
//!
//! # Examples
//! ```no_run
//! # mod thimble_std {
//! #     pub use thimble_host::Folder;
//! #     pub struct Server;
//! #     impl Server {
//! #         pub fn bind(_: &str) -> std::io::Result<Self> { Ok(Self) }
//! #         pub fn run<S>(self, _: S) -> std::io::Result<()> { Ok(()) }
//! #     }
//! # }
//! use thimble_core::Site;
//! use thimble_core::service::Appended;
//! use thimble_core::service::layers::{LIVE, Live};
//! use thimble_host::live::Watch;
//! use thimble_std::{Folder, Server};
//!
//! let site = Site::new(Appended::new(Folder::open("site")?, LIVE));
//! let watched = Watch::new("site").begin()?;
//! Server::bind("127.0.0.1:8000")?.run(Live::new(site, watched))?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod batch;
mod observer;
mod rules;

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use thimble_core::service::layers::{Change, Changes};

use crate::clock::moment;
use crate::log::Log;
use batch::What;
use observer::Observer;

/// How many clients are told at a time, unless [`Watch::most`] says otherwise.
pub const MOST: usize = 512;

/// How a folder is watched, or a single file.
///
/// Whatever changes below it counts, but for names that begin with a dot, folders called `node_modules` and
/// `__pycache__`, and what editors leave beside a file while it is saved. Changes that follow each other
/// within a tenth of a second are told as one. Another folder in its place is watched from then on.
#[derive(Clone, Debug)]
pub struct Watch {
    path: PathBuf,
    follows_links: bool,
    left_out: Vec<PathBuf>,
    most: usize,
    log: Log,
}

impl Watch {
    /// Watches the folder or file at `path`.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        Self { path, follows_links: false, left_out: Vec::new(), most: MOST, log: Log::none() }
    }

    /// Watches folders that links lead to, too.
    #[must_use]
    pub fn follow_links(self) -> Self {
        Self { follows_links: true, ..self }
    }

    /// Leaves out the file or folder at `path`, and those beside it that are called the same with a hyphen
    /// behind, as SQLite calls the files of a database.
    #[must_use]
    pub fn leave_out(mut self, path: impl AsRef<Path>) -> Self {
        self.left_out.push(path.as_ref().to_owned());
        self
    }

    /// How many clients are told at a time. Each of them holds a connection; others ask every second.
    #[must_use]
    pub fn most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Where it says what can't be watched.
    #[must_use]
    pub fn log(self, log: Log) -> Self {
        Self { log, ..self }
    }

    /// Begins to watch, by a thread that ends when nobody has the result any more.
    ///
    /// # Errors
    /// There is nothing at the path, or the system watches no more folders: in a line that says what to do.
    pub fn begin(self) -> io::Result<Watched> {
        let state = State { page: now().max(1), ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), most: self.most });
        Observer::begin(self, Arc::downgrade(&shared))?;
        Ok(Watched(shared))
    }
}

/// A folder that is watched. Clones watch the same.
#[derive(Clone, Debug)]
pub struct Watched(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    most: usize,
}

/// What has changed, and who wants to know.
#[derive(Debug, Default)]
struct State {
    /// When something changed last that pages have to load again for.
    page: u64,
    /// When a style sheet changed since then, and which.
    style: Option<(u64, Arc<str>)>,
    /// How often clients were looked after.
    beat: u64,
    told: usize,
    wakers: Vec<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known, and has all look.
    fn tell(&self, change: impl FnOnce(&mut State)) {
        let wakers = {
            let mut state = self.lock();
            change(&mut state);
            mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// Something has changed at this moment.
    fn add(&mut self, what: What, at: u64) {
        let last = self.style.as_ref().map_or(self.page, |(at, _)| *at);
        // Later than what was told before, which clients know by its moment.
        let at = at.max(last.saturating_add(1));
        match what {
            What::Page => (self.page, self.style) = (at, None),
            What::Style(name) => {
                // Who knows nothing of another one has to load again.
                if let Some((before, other)) = &self.style
                    && **other != *name
                {
                    self.page = *before;
                }
                self.style = Some((at, name));
            }
        }
    }

    /// What has changed after `since`.
    fn change(&self, since: u64) -> Option<Change<Arc<str>>> {
        if self.page > since {
            return Some(Change::Page);
        }
        let (at, name) = self.style.as_ref().filter(|(at, _)| *at > since)?;
        Some(Change::Style { name: Arc::clone(name), at: *at })
    }
}

impl Changes for Watched {
    type Name = Arc<str>;

    fn now(&self) -> u64 {
        now()
    }

    fn next(&self, since: u64) -> impl Future<Output = Change<Arc<str>>> {
        Next { shared: &self.0, since, beat: self.0.lock().beat }
    }

    fn begin(&self) -> bool {
        let mut state = self.0.lock();
        let has_room = state.told < self.0.most;
        state.told = state.told.saturating_add(has_room.into());
        has_room
    }

    fn end(&self) {
        let mut state = self.0.lock();
        state.told = state.told.saturating_sub(1);
    }
}

/// Waits for a change.
struct Next<'w> {
    shared: &'w Shared,
    since: u64,
    beat: u64,
}

impl Future for Next<'_> {
    type Output = Change<Arc<str>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.lock();
        if let Some(change) = state.change(self.since) {
            return Poll::Ready(change);
        }
        if state.beat != self.beat {
            return Poll::Ready(Change::None);
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

/// Milliseconds since a moment that is the same for all processes.
fn now() -> u64 {
    u64::try_from(moment().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hear_of_what_they_have_not_seen() {
        let style = |name: &str| What::Style(name.into());
        let changed = |name: &str, at| Some(Change::Style { name: Arc::from(name), at });
        let mut state = State { page: 10, ..State::default() };
        assert_eq!((state.change(9), state.change(10)), (Some(Change::Page), None));

        state.add(style("/a.css"), 20);
        assert_eq!((state.change(9), state.change(20)), (Some(Change::Page), None));
        assert_eq!(state.change(10), changed("/a.css", 20));
        state.add(style("/a.css"), 30);
        assert_eq!(state.change(10), changed("/a.css", 30));

        // Whoever has not seen the first one has to see both.
        state.add(style("/b.css"), 40);
        assert_eq!(state.change(29), Some(Change::Page));
        assert_eq!(state.change(30), changed("/b.css", 40));

        state.add(What::Page, 50);
        assert_eq!((state.change(49), state.change(50)), (Some(Change::Page), None));
        // Two changes in a tick of the clock are two.
        state.add(What::Page, 50);
        assert_eq!((state.change(50), state.change(51)), (Some(Change::Page), None));
    }

    #[test]
    fn there_is_room_for_as_many_as_was_said() {
        let shared = Shared { state: Mutex::default(), most: 2 };
        let watched = Watched(Arc::new(shared));
        assert!(watched.begin() && watched.begin() && !watched.begin());
        watched.end();
        assert!(watched.begin() && !watched.begin());
    }
}
