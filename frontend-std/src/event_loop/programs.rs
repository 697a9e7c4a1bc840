//! Programs that make replies, by the Common Gateway Interface: the loop waits for them beside its sockets.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Token};
use rustix::event::PollFlags;
use thimble_host::cgi;
use thimble_host::cgi::waiting::{Pipe, Way};
use thimble_host::clock::moment;
use thimble_host::nonblocking::{self, Descriptors};

use super::elsewhere::Helpers;
use super::socket::{Client, Sockets};
use super::stop::Stop;

/// [`thimble_host::cgi::Cgi`] over an event loop.
///
/// ```no_run
/// use thimble_std::event_loop::{Cgi, Folder};
/// use thimble_std::thimble_host::folder;
/// use thimble_std::{EventLoop, Site};
///
/// let folders = ["cgi-bin".to_owned()];
/// let files = folder::Folder::open("site")?.apart(&folders);
/// let site = Site::new(Folder::from(files));
/// let programs = Cgi::new(site, folder::Folder::open("site")?, &folders);
/// EventLoop::bind("127.0.0.1:8000")?.run(programs)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub type Cgi<S> = cgi::Cgi<S, Registered>;

/// Waits by the loop that the calling thread runs. Other threads start the programs: that takes half a
/// millisecond, and many where processors are busy, for which the loop would stand still.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registered;

/// A descriptor that is registered with a loop.
#[derive(Debug)]
pub struct Watched {
    descriptor: OwnedFd,
    number: usize,
    state: Arc<State>,
}

/// What a loop knows of a descriptor.
#[derive(Debug, Default)]
struct State {
    readiness: AtomicU8,
    /// The connection whose task waits for it.
    key: AtomicUsize,
}

const READY: u8 = 1;
/// The other end is closed, or there was an error. It stays so.
const ENDED: u8 = 2;

/// The first token of a descriptor. Those of sockets are smaller.
pub(super) const FIRST: usize = usize::MAX / 2;

/// How many tokens there are for descriptors.
const TOKENS: usize = usize::MAX / 4;

/// The descriptors of a loop that are no sockets of clients, and the deadlines of those who wait for them.
#[derive(Debug)]
pub(super) struct Programs {
    sockets: Rc<Sockets>,
    stop: Stop,
    /// What is registered, by tokens that are not used again soon: an event may be older than who has its
    /// descriptor now.
    states: RefCell<BTreeMap<usize, Arc<State>>>,
    next: Cell<usize>,
    /// When each connection is to be looked at.
    deadlines: RefCell<BTreeSet<(Duration, usize)>>,
    /// The first of them: a look at this one costs a loop without programs next to nothing.
    first: Cell<Duration>,
}

thread_local! {
    /// What the loop that runs on this thread has for programs.
    static HERE: RefCell<Option<Rc<Programs>>> = const { RefCell::new(None) };
}

/// Leaves the loop when it is dropped.
pub(super) struct Entered(Option<Rc<Programs>>);

/// Makes this thread the one of the loop that has these.
pub(super) fn enter(programs: &Rc<Programs>) -> Entered {
    Entered(HERE.replace(Some(Rc::clone(programs))))
}

impl Drop for Entered {
    fn drop(&mut self) {
        HERE.set(self.0.take());
    }
}

/// Does something with what the loop on this thread has.
///
/// # Errors
/// None runs.
fn here<T>(act: impl FnOnce(&Programs) -> T) -> io::Result<T> {
    let none = || io::Error::other("no event loop runs on this thread");
    HERE.with_borrow(|here| here.as_deref().map(act)).ok_or_else(none)
}

impl Programs {
    pub(super) fn new(sockets: &Rc<Sockets>, stop: &Stop) -> Self {
        let (sockets, stop, states) = (Rc::clone(sockets), stop.clone(), RefCell::default());
        let (next, deadlines) = (Cell::default(), RefCell::default());
        Self { sockets, stop, states, next, deadlines, first: Cell::new(Duration::MAX) }
    }

    fn register(&self, descriptor: OwnedFd, way: Way) -> io::Result<Watched> {
        let number = FIRST + self.next.get() % TOKENS;
        let interest = if way == Way::In { Interest::READABLE } else { Interest::WRITABLE };
        let mut source = SourceFd(&descriptor.as_raw_fd());
        self.sockets.registry.register(&mut source, Token(number), interest)?;
        self.next.set(self.next.get().wrapping_add(1));
        let state = Arc::<State>::default();
        self.states.borrow_mut().insert(number, Arc::clone(&state));
        Ok(Watched { descriptor, number, state })
    }

    /// Forgets a descriptor, if it is one of this loop's.
    fn forget(&self, watched: &Watched) {
        let mut states = self.states.borrow_mut();
        let state = states.get(&watched.number);
        if state.is_some_and(|state| Arc::ptr_eq(state, &watched.state)) {
            states.remove(&watched.number);
            // It is closed now: only a program that is just being started may have it still.
            let mut source = SourceFd(&watched.descriptor.as_raw_fd());
            let _ = self.sockets.registry.deregister(&mut source);
        }
    }

    /// Takes note of an event. Returns the key of the connection that waits for it.
    pub(super) fn heard(&self, number: usize, event: &Event) -> Option<usize> {
        let states = self.states.borrow();
        let state = states.get(&number)?;
        let is_over = event.is_read_closed() || event.is_write_closed() || event.is_error();
        state.readiness.fetch_or(if is_over { READY | ENDED } else { READY }, Ordering::Relaxed);
        Some(state.key.load(Ordering::Relaxed))
    }

    /// Has a connection looked at at this moment.
    fn add(&self, deadline: (Duration, usize)) {
        self.deadlines.borrow_mut().insert(deadline);
        self.first.set(self.first.get().min(deadline.0));
    }

    fn remove(&self, deadline: (Duration, usize)) {
        let mut deadlines = self.deadlines.borrow_mut();
        deadlines.remove(&deadline);
        self.first.set(deadlines.first().map_or(Duration::MAX, |(at, _)| *at));
    }

    /// How long until a connection is to be looked at.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        let first = self.first.get();
        (first != Duration::MAX).then(|| first.saturating_sub(now))
    }

    /// Takes the keys of the connections that are to be looked at now.
    pub(super) fn take_due(&self, keys: &mut Vec<usize>) {
        if self.first.get() == Duration::MAX {
            return;
        }
        let now = moment();
        let due = std::iter::from_fn(|| {
            let first = self.deadlines.borrow().first().copied();
            first.filter(|(at, _)| *at <= now).inspect(|first| self.remove(*first))
        });
        keys.extend(due.map(|(_, key)| key));
    }
}

impl Watched {
    /// Takes note of what a call came to that moves `most` octets at most.
    fn note(&self, outcome: rustix::io::Result<usize>, most: usize) -> io::Result<usize> {
        let outcome = outcome.map_err(io::Error::from);
        let must_wait = match &outcome {
            // That has emptied or filled the pipe. Of its end nobody tells a second time.
            Ok(count) => *count < most && self.state.readiness.load(Ordering::Relaxed) & ENDED == 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        if must_wait {
            self.state.readiness.fetch_and(!READY, Ordering::Relaxed);
        }
        outcome
    }
}

impl Pipe for Watched {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len();
        self.note(rustix::io::read(&self.descriptor, buffer), most)
    }

    fn write(&self, octets: &[u8]) -> io::Result<usize> {
        self.note(rustix::io::write(&self.descriptor, octets), octets.len())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = here(|programs| programs.forget(self));
    }
}

/// A moment at which the loop looks at a connection, unless this is dropped before.
#[derive(Debug, Default)]
pub struct Deadline(Option<(Duration, usize)>);

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(deadline) = self.0 {
            let _ = here(|programs| programs.remove(deadline));
        }
    }
}

impl Descriptors for Registered {
    type Pipe = Watched;
    type Alarm = Deadline;
    type Elsewhere = Helpers;

    fn register(&self, descriptor: OwnedFd, way: Way) -> io::Result<Watched> {
        here(|programs| programs.register(descriptor, way))?
    }

    fn poll_pipe(&self, pipe: &Watched, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let key = here(|programs| programs.sockets.turn())?;
        pipe.state.key.store(key, Ordering::Relaxed);
        let is_ready = pipe.state.readiness.load(Ordering::Relaxed) & READY != 0;
        if is_ready { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_client(
        &self,
        connection: &(dyn Any + Send + Sync),
        wanted: PollFlags,
        _: &mut Context<'_>,
    ) -> io::Result<nonblocking::Client> {
        let Some(client) = connection.downcast_ref::<Client>() else {
            return Ok(nonblocking::Client::Unknown);
        };
        here(|programs| {
            if programs.stop.is_cutting() {
                client.reset();
                return Ok(nonblocking::Client::Ended);
            }
            let found = programs.sockets.look(client, wanted)?;
            // Each octet that arrives is an event, whether those before it were read or not.
            Ok(nonblocking::Client::Found { found, look_again: false })
        })?
    }

    fn wake_after(&self, alarm: &mut Deadline, now: Duration, left: Duration, _: &mut Context<'_>) {
        *alarm = Deadline::default();
        let set = here(|programs| {
            let deadline = (now.saturating_add(left), programs.sockets.turn());
            programs.add(deadline);
            deadline
        });
        *alarm = Deadline(set.ok());
    }

    fn poll_turn(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        here(|programs| programs.sockets.poll_turn())?.map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn programs(poll: &mio::Poll) -> io::Result<Rc<Programs>> {
        let sockets = Rc::new(Sockets::new(poll.registry().try_clone()?));
        Ok(Rc::new(Programs::new(&sockets, &Stop::default())))
    }

    #[test]
    fn what_is_due_comes_once_and_not_before() -> io::Result<()> {
        let programs = programs(&mio::Poll::new()?)?;
        let now = moment();
        let (past, soon) = (now.saturating_sub(Duration::from_secs(1)), Duration::from_hours(1));
        let soon = now.saturating_add(soon);
        let due = || {
            let mut keys = Vec::new();
            programs.take_due(&mut keys);
            keys
        };
        assert_eq!((programs.left(now), due()), (None, vec![]));
        for deadline in [(soon, 1), (past, 2), (past, 3), (soon, 4)] {
            programs.add(deadline);
        }
        assert_eq!(programs.left(now), Some(Duration::ZERO));
        assert_eq!((due(), due()), (vec![2, 3], vec![]));
        assert_eq!(programs.left(now), Some(soon.saturating_sub(now)));
        programs.remove((soon, 1));
        // One that was taken may be dropped later.
        programs.remove((past, 2));
        programs.remove((soon, 4));
        assert_eq!(programs.left(now), None);
        Ok(())
    }

    #[test]
    fn an_event_tells_of_a_pipe_until_it_is_empty_and_of_its_end_for_ever() -> io::Result<()> {
        let mut poll = mio::Poll::new()?;
        let (reader, mut writer) = io::pipe()?;
        rustix::io::ioctl_fionbio(&reader, true)?;
        // Only a loop has room for it.
        assert!(Descriptors::register(&Registered, io::pipe()?.0.into(), Way::In).is_err());
        let programs = programs(&poll)?;
        let _here = enter(&programs);
        let pipe = Descriptors::register(&Registered, reader.into(), Way::In)?;
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut is_ready = |poll: &mut mio::Poll| {
            let mut events = mio::Events::with_capacity(4);
            poll.poll(&mut events, Some(Duration::ZERO))?;
            for event in &events {
                assert_eq!(programs.heard(event.token().0, event), Some(0));
            }
            Ok::<_, io::Error>(Registered.poll_pipe(&pipe, &mut context).is_ready())
        };
        assert!(!is_ready(&mut poll)?);
        writer.write_all(b"abc")?;
        assert!(is_ready(&mut poll)?);
        assert_eq!(pipe.read(&mut [0; 3])?, 3);
        assert!(is_ready(&mut poll)?);
        assert_eq!(pipe.read(&mut [0]).map_err(|it| it.kind()), Err(io::ErrorKind::WouldBlock));
        assert!(!is_ready(&mut poll)?);
        writer.write_all(b"d")?;
        drop(writer);
        assert!(is_ready(&mut poll)?);
        assert_eq!((pipe.read(&mut [0; 3])?, is_ready(&mut poll)?), (1, true));
        assert_eq!((pipe.read(&mut [0; 3])?, is_ready(&mut poll)?), (0, true));
        drop(pipe);
        assert!(programs.states.borrow().is_empty());
        Ok(())
    }
}
