//! Deadlines. Only a connection that waits pays for them.

use std::future::Future as _;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// A runtime's timer, which is asked to go off no later than needed, and otherwise left alone.
///
/// Deadlines of a connection mostly move on; a timer that goes off early finds that out, and is set
/// anew. So a connection sets its timer about twice a minute, however many requests it carries, and
/// one that never waits has none.
#[derive(Debug, Default)]
pub struct Alarm {
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
