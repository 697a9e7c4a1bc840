//! Deadlines. Only a connection that waits pays for them.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use thimble_core::server::{Budget, Deadlines, Phase};
use thimble_host::clock::moment;
use thimble_host::deadline::{LATE, SLICE};
use thimble_host::place::{Place, Waits};
use tokio::time::{Instant, Sleep, sleep};

/// A runtime's timer, which is asked to go off no later than needed, and otherwise left alone.
///
/// Deadlines of a connection mostly move on; a timer that goes off early finds that out, and is set
/// anew. So a connection sets its timer about twice a minute, however many requests it carries, and
/// one that never waits has none.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    timer: Option<Pin<Box<Sleep>>>,
    /// When it goes off, by [`moment`], which costs less to ask than the runtime's clock.
    due: Duration,
}

impl Alarm {
    /// Wakes the task after `left`, counted from `now` on, at the latest.
    pub(crate) fn set(&mut self, now: Duration, left: Duration, context: &mut Context<'_>) {
        let due = now.saturating_add(left);
        let timer = match &mut self.timer {
            Some(timer) => {
                if self.due > due || timer.is_elapsed() {
                    timer.as_mut().reset(Instant::now() + left);
                    self.due = due;
                }
                timer
            }
            empty => {
                self.due = due;
                empty.insert(Box::pin(sleep(left)))
            }
        };
        if timer.as_mut().poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
    }
}

/// What the client has left of its time, for one half.
#[derive(Debug)]
pub(crate) struct Timer<'c> {
    budget: Budget,
    deadlines: &'c Deadlines,
    place: &'c Place,
    alarm: &'c mut Alarm,
    /// Since when the peer has kept the server waiting.
    since: Option<Duration>,
    /// Since when it waits for what the phase is about, or for more of it.
    stalled: Option<Duration>,
}

impl<'c> Timer<'c> {
    pub(crate) const fn new(
        deadlines: &'c Deadlines,
        place: &'c Place,
        alarm: &'c mut Alarm,
    ) -> Self {
        Self { budget: Budget::new(), deadlines, place, alarm, since: None, stalled: None }
    }

    pub(crate) fn enter(&mut self, phase: Phase) {
        if self.budget.phase() != Some(phase) {
            self.stalled = None;
        }
        self.budget.enter(phase, self.deadlines);
    }

    pub(crate) fn over(&mut self) {
        self.budget.over();
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.budget.phase() == Some(Phase::Idle)
    }

    /// Whether the last try was long ago, and it is time for another one though nothing was heard.
    /// Half a slice is: the alarm may go off early, by this clock, and who then waits for another
    /// slice finds room much later.
    pub(crate) fn is_due(&self) -> bool {
        self.since.is_some_and(|since| moment().saturating_sub(since) >= SLICE / 2)
    }

    /// Takes note of what a call came to, and makes it an error when it has waited for too long.
    pub(crate) fn watch(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        // Beyond that, this process or this machine stood still.
        let longest = SLICE + LATE;
        let waited = self.since.map_or(Duration::ZERO, |since| moment().saturating_sub(since));
        let waited = waited.min(longest);
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
                if let Some(left) = self.budget.left().filter(|_| !is_told) {
                    self.alarm.set(now, left.min(SLICE), context);
                    return Poll::Pending;
                }
                self.since = None;
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}
