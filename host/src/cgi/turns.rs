//! How many scripts run at a time: the others wait for their turn, first come, first served.

use std::collections::VecDeque;
use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Turns to run a script.
#[derive(Debug)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    /// Those who wait: whose writing end is closed has the turn.
    queue: VecDeque<(u64, PipeWriter)>,
    next: u64,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Turns>);

/// A place in the queue. Dropping it gives it up, or the turn if that has come.
#[derive(Debug)]
pub(super) struct Queued {
    turns: Arc<Turns>,
    number: u64,
    is_taken: bool,
}

/// What asking for a turn comes to.
pub(super) enum Asked {
    Turn(Turn),
    /// The turn has come when the descriptor is at its end.
    Queued(Queued, OwnedFd),
}

impl Turns {
    pub(super) fn new(count: usize) -> Arc<Self> {
        let queue = VecDeque::new();
        Arc::new(Self(Mutex::new(State { free: count, queue, next: 0 })))
    }

    /// Asks for a turn.
    ///
    /// # Errors
    /// There is none, and no descriptor to wait for one.
    pub(super) fn ask(self: &Arc<Self>) -> io::Result<Asked> {
        let mut state = self.lock();
        if state.free > 0 {
            state.free = state.free.saturating_sub(1);
            return Ok(Asked::Turn(Turn(Arc::clone(self))));
        }
        let (reader, writer) = io::pipe()?;
        let number = state.next;
        state.next = number.wrapping_add(1);
        state.queue.push_back((number, writer));
        let queued = Queued { turns: Arc::clone(self), number, is_taken: false };
        Ok(Asked::Queued(queued, reader.into()))
    }

    fn give_back(&self) {
        let mut state = self.lock();
        // Closing its pipe tells the first one.
        if state.queue.pop_front().is_none() {
            state.free = state.free.saturating_add(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queued {
    /// The turn that has come.
    pub(super) fn take(mut self) -> Turn {
        self.is_taken = true;
        Turn(Arc::clone(&self.turns))
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if self.is_taken {
            return;
        }
        let mut state = self.turns.lock();
        let place = state.queue.iter().position(|(number, _)| *number == self.number);
        if let Some(place) = place {
            state.queue.remove(place);
        } else {
            // The turn has come meanwhile, for nobody.
            drop(state);
            self.turns.give_back();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use super::*;

    fn ask(turns: &Arc<Turns>) -> (Option<Turn>, Option<(Queued, File)>) {
        match turns.ask() {
            Ok(Asked::Turn(turn)) => (Some(turn), None),
            Ok(Asked::Queued(queued, reader)) => (None, Some((queued, reader.into()))),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn turns_are_given_in_the_order_of_asking() -> io::Result<()> {
        let turns = Turns::new(1);
        let (Some(turn), _) = ask(&turns) else { panic!("no turn") };
        let (_, Some((first, mut told))) = ask(&turns) else { panic!("a turn") };
        let (_, Some((second, mut told_second))) = ask(&turns) else { panic!("a turn") };
        let (_, Some((third, mut told_third))) = ask(&turns) else { panic!("a turn") };
        drop(second);
        assert_eq!(told_second.read(&mut [0])?, 0);
        drop(turn);
        // The first has it now, and gives it up without taking it.
        assert_eq!(told.read(&mut [0])?, 0);
        drop(first);
        assert_eq!(told_third.read(&mut [0])?, 0);
        let turn = third.take();
        assert!(ask(&turns).0.is_none());
        drop(turn);
        assert!(ask(&turns).0.is_some());
        Ok(())
    }
}
