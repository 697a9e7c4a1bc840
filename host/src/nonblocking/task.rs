//! A connection to its end, with buffers only while a request is under way.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use thimble_core::framing::Limits;
use thimble_core::server::Deadlines;

use super::{After, Connection, Reactor};
use crate::buffers::OwnedBuffers;
use crate::listen::{RUN_OUT, memory_is_scarce};
use crate::settings::Settings;

/// How many drivers a thread keeps while they have no connection: more are busy at once only when many
/// requests wait for their content, or many replies for their clients.
const FREE: usize = 32;

/// Octets that are left for all else where memory is scarce: what needs some then can't wait for it.
const LEFT: usize = 4 * 1024 * 1024;

/// What all connections of a thread share.
pub struct Drivers<R: Reactor, M, F> {
    /// Makes the future of a driver, which never ends.
    drive: M,
    limits: Limits,
    deadlines: Deadlines,
    /// Those without a connection.
    free: RefCell<Vec<Driver<R, F>>>,
}

/// Serves connections in turn, each until it waits for another request: buffers, and the memory of a
/// future that is larger than all else a connection needs. Most connections are idle most of the time, and
/// have none.
struct Driver<R: Reactor, F> {
    future: Pin<Box<F>>,
    handover: Rc<Handover<R>>,
}

/// How a connection gets to a driver, and back.
pub struct Handover<R: Reactor> {
    next: Cell<Option<Box<Connection<R>>>>,
    done: Cell<Option<(Box<Connection<R>>, After)>>,
}

impl<R: Reactor> Handover<R> {
    /// The next connection to serve.
    pub async fn next(&self) -> Box<Connection<R>> {
        poll_fn(|_| self.next.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Gives it back, and says what comes next on it.
    pub fn done(&self, connection: (Box<Connection<R>>, After)) {
        self.done.set(Some(connection));
    }
}

/// Serves a connection to its end, and then drops `H`, what it holds. This is written out, and no `async fn`,
/// since those keep what they are given twice.
pub struct Task<R: Reactor, M, F, H> {
    drivers: Rc<Drivers<R, M, F>>,
    state: State<R, F>,
    _held: H,
}

/// Where a connection is: in a box, since it moves with each request.
enum State<R: Reactor, F> {
    /// Something may have arrived.
    Ready(Box<Connection<R>>),
    Served(Driver<R, F>),
    Idle(Box<Connection<R>>),
    Over,
}

impl<R: Reactor, M, F> Drivers<R, M, F>
where
    M: Fn(Rc<Handover<R>>, OwnedBuffers) -> F,
    F: Future<Output = Infallible>,
{
    /// Drivers whose futures `drive` makes, for connections with these settings. The first is made at once:
    /// where other threads take all the memory there is, connections of this one still have a driver to wait
    /// for.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(settings: &Settings, drive: M) -> io::Result<Self> {
        let Settings { limits, deadlines, .. } = *settings;
        let drivers = Self { drive, limits, deadlines, free: RefCell::default() };
        drivers.set_free(drivers.take()?);
        Ok(drivers)
    }

    /// A driver that was free, or a new one.
    fn take(&self) -> io::Result<Driver<R, F>> {
        if let Some(driver) = self.free.borrow_mut().pop() {
            return Ok(driver);
        }
        if memory_is_scarce() {
            Vec::<u8>::new().try_reserve_exact(LEFT).map_err(|_| io::ErrorKind::OutOfMemory)?;
        }
        let (next, done) = (Cell::default(), Cell::default());
        let (handover, buffers) =
            (Rc::new(Handover { next, done }), OwnedBuffers::new(&self.limits)?);
        let future = Box::pin((self.drive)(Rc::clone(&handover), buffers));
        Ok(Driver { future, handover })
    }

    fn set_free(&self, driver: Driver<R, F>) {
        let mut free = self.free.borrow_mut();
        if free.len() < FREE {
            free.push(driver);
        }
    }
}

impl<R: Reactor, M, F, H> Task<R, M, F, H> {
    /// The task of a connection.
    pub fn new(drivers: &Rc<Drivers<R, M, F>>, connection: Connection<R>, held: H) -> Self {
        let state = State::Ready(Box::new(connection));
        Self { drivers: Rc::clone(drivers), state, _held: held }
    }

    /// Whether no request is under way.
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_))
    }
}

impl<R: Reactor, M, F, H: Unpin> Future for Task<R, M, F, H>
where
    M: Fn(Rc<Handover<R>>, OwnedBuffers) -> F,
    F: Future<Output = Infallible>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { drivers, state, .. } = &mut *self;
        loop {
            *state = match mem::replace(state, State::Over) {
                State::Ready(mut connection) => {
                    let Ok(driver) = drivers.take() else {
                        // There may be memory again soon.
                        connection.wake_after(RUN_OUT, context);
                        *state = State::Ready(connection);
                        return Poll::Pending;
                    };
                    driver.handover.next.set(Some(connection));
                    State::Served(driver)
                }
                State::Served(mut driver) => {
                    // It never ends; what it says is whether it is done.
                    let _ = driver.future.as_mut().poll(context);
                    let Some((connection, after)) = driver.handover.done.take() else {
                        *state = State::Served(driver);
                        return Poll::Pending;
                    };
                    drivers.set_free(driver);
                    match after {
                        After::Request => State::Idle(connection),
                        After::Over => return Poll::Ready(()),
                    }
                }
                State::Idle(mut connection) => {
                    match connection.poll_rest(context, &drivers.deadlines) {
                        Poll::Pending => {
                            *state = State::Idle(connection);
                            return Poll::Pending;
                        }
                        Poll::Ready(After::Request) => State::Ready(connection),
                        Poll::Ready(After::Over) => return Poll::Ready(()),
                    }
                }
                State::Over => return Poll::Ready(()),
            };
        }
    }
}
