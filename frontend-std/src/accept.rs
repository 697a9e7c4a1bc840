//! Where connections come from: the listeners of a server.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use thimble_host::clock::moment;
use thimble_host::listen::{self, ACCEPT_TIME_OUT, Accepted, Listener};

/// The listeners of a server, of which each worker takes connections.
///
/// From a single one, workers accept at the same time, and the system wakes one of them for each client. Of
/// several, one worker at a time waits for clients, so that a client wakes no other.
#[derive(Debug)]
pub(crate) struct Listeners {
    all: Vec<Listener>,
    turn: Mutex<Turn>,
    /// Nobody has the turn.
    passed: Condvar,
}

#[derive(Debug, Default)]
struct Turn {
    is_taken: bool,
    /// Which listener is asked first, so that none has to wait for others that are busy.
    next: usize,
}

impl Listeners {
    /// Sets the options that connections inherit.
    ///
    /// # Errors
    /// There is none, or an option can't be set.
    pub(crate) fn new(all: impl IntoIterator<Item = Listener>) -> io::Result<Self> {
        let all = listen::prepared(all)?;
        // Of several, another process may take the client that is there.
        let nonblocking = all.len() > 1;
        all.iter().try_for_each(|listener| listener.set_nonblocking(nonblocking))?;
        Ok(Self { all, turn: Mutex::default(), passed: Condvar::new() })
    }

    /// Waits for a connection, at most [`ACCEPT_TIME_OUT`].
    ///
    /// # Errors
    /// As for [`listen::accept`].
    pub(crate) fn accept(&self) -> io::Result<Accepted> {
        match self.all.as_slice() {
            [only] => listen::accept(only),
            several => self.accept_of(several),
        }
    }

    fn accept_of(&self, listeners: &[Listener]) -> io::Result<Accepted> {
        let end = moment().saturating_add(ACCEPT_TIME_OUT);
        let mut turn = self.take_turn()?;
        loop {
            let left = end.saturating_sub(moment());
            if left.is_zero() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let mut polled: Vec<_> =
                listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN)).collect();
            poll(&mut polled, Timespec::try_from(left).ok().as_ref())?;
            let both = || listeners.iter().zip(&polled).enumerate();
            let later = both().skip_while(|(at, _)| *at < turn.next);
            for (at, (listener, polled)) in later.chain(both()) {
                if polled.revents().is_empty() {
                    continue;
                }
                match listen::accept(listener) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    outcome => {
                        turn.next = at.saturating_add(1);
                        return outcome;
                    }
                }
            }
        }
    }

    /// Waits for the turn, at most [`ACCEPT_TIME_OUT`].
    fn take_turn(&self) -> io::Result<Taken<'_>> {
        let (mut turn, _) = self
            .passed
            .wait_timeout_while(self.turn(), ACCEPT_TIME_OUT, |turn| turn.is_taken)
            .unwrap_or_else(PoisonError::into_inner);
        if turn.is_taken {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        turn.is_taken = true;
        Ok(Taken { of: self, next: turn.next })
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Listener] {
        &self.all
    }
}

/// The turn, until this is dropped.
struct Taken<'l> {
    of: &'l Listeners,
    next: usize,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut turn = self.of.turn();
        (turn.is_taken, turn.next) = (false, self.next);
        drop(turn);
        self.of.passed.notify_one();
    }
}
