//! Deadlines, for a price that is paid only by those who wait.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use thimble_core::server::{Budget, Deadlines, Phase};

use super::Socket;
use crate::clock::moment;
use crate::deadline::{LATE, slice};
use crate::place::{HURRY, Place, Waits};

/// What the client has left of its time, for one half.
#[derive(Debug)]
pub(super) struct Timer<'c, K: Socket> {
    budget: Budget,
    deadlines: &'c Deadlines,
    place: &'c Place,
    socket: &'c K,
    alarm: &'c mut K::Alarm,
    /// Since when the peer has kept the server waiting.
    since: Option<Duration>,
    /// Since when it waits for what the phase is about, or for more of it.
    stalled: Option<Duration>,
    /// Since when the client has to hurry.
    hurried: Option<Duration>,
}

impl<'c, K: Socket> Timer<'c, K> {
    pub(super) const fn new(
        deadlines: &'c Deadlines,
        place: &'c Place,
        socket: &'c K,
        alarm: &'c mut K::Alarm,
    ) -> Self {
        let (budget, since, stalled, hurried) = (Budget::new(), None, None, None);
        Self { budget, deadlines, place, socket, alarm, since, stalled, hurried }
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        if self.budget.phase() != Some(phase) {
            (self.stalled, self.hurried) = (None, None);
        }
        self.budget.enter(phase, self.deadlines);
    }

    pub(super) fn over(&mut self) {
        self.budget.over();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.budget.phase() == Some(Phase::Idle)
    }

    /// The server stops: it waits no longer than [`HURRY`] for what comes before a request or after the last
    /// reply.
    pub(super) fn hurry(&mut self) {
        if matches!(self.budget.phase(), Some(Phase::Head | Phase::Drain)) {
            self.hurried.get_or_insert_with(moment);
        }
    }

    /// Whether the last try was long ago, and it is time for another one though nothing was heard.
    /// Half a slice is: the alarm may go off early, by this clock, and who then waits for another
    /// slice finds room much later.
    pub(super) fn is_due(&self) -> bool {
        self.since.is_some_and(|since| moment().saturating_sub(since) >= self.slice() / 2)
    }

    /// The longest wait before another try.
    fn slice(&self) -> Duration {
        slice(self.budget.phase(), self.deadlines)
    }

    /// Takes note of what a call came to, and makes it an error when it has waited for too long.
    pub(super) fn watch(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        // Beyond that, this process or this machine stood still.
        let longest = || self.slice().saturating_add(LATE);
        let waited = self
            .since
            .map_or(Duration::ZERO, |since| moment().saturating_sub(since).min(longest()));
        match outcome {
            Poll::Ready(outcome) => {
                if self.since.take().is_some() {
                    self.place.go_on();
                }
                let phase = self.budget.phase();
                if matches!(phase, Some(Phase::Content | Phase::Reply | Phase::Drain)) {
                    self.stalled = None;
                }
                self.budget.spend(waited, *outcome.as_ref().unwrap_or(&0), self.deadlines);
                Poll::Ready(outcome)
            }
            Poll::Pending => {
                let now = moment();
                self.since = Some(now);
                self.budget.spend(waited, 0, self.deadlines);
                let is_told = self.place.is_told();
                let stalled = *self.stalled.get_or_insert(now);
                match self.budget.phase() {
                    Some(Phase::Idle) => self.place.wait_for_request(stalled),
                    Some(Phase::Head) => self.place.wait(Waits::Head, stalled),
                    Some(Phase::Reply) => self.place.wait(Waits::Reply, stalled),
                    Some(Phase::Drain) => self.place.wait(Waits::Parting, stalled),
                    Some(Phase::Content) => self.place.wait(Waits::Content, stalled),
                    None => {}
                }
                let slice = self.slice();
                let hurried = self
                    .hurried
                    .map_or(slice, |since| HURRY.saturating_sub(now.saturating_sub(since)));
                let left = self.budget.left().map(|left| left.min(hurried));
                if let Some(left) = left.filter(|left| !is_told && !left.is_zero()) {
                    self.socket.wake_after(self.alarm, now, left.min(slice), context);
                    return Poll::Pending;
                }
                self.since = None;
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}
