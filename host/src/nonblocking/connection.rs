//! A connection, from one request to the next.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use thimble_core::server::{Deadlines, Ended, Service};

use super::halves::Halves;
use super::{Link, Listener as _, Reactor, Socket};
use crate::buffers::{OwnedBuffers, is_idle_error};
use crate::clock::moment;
use crate::place::{Place, Waits};
use crate::settings::{Serving, Settings};

/// A connection between two requests: what it keeps while it is idle.
#[derive(Debug)]
pub struct Connection<R: Reactor> {
    link: Link<R>,
    peer: Option<SocketAddr>,
    alarm: <R::Socket as Socket>::Alarm,
    place: R::Place,
    resting_since: Option<Duration>,
    /// Whether the stop was heard, and what had arrived before it was looked for.
    ended: bool,
}

/// What comes next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Perhaps another request.
    Request,
    /// Nothing: drop it.
    Over,
}

impl<R: Reactor> Connection<R> {
    /// A connection that was accepted from `peer`; `None` if clients have no address, as over a Unix socket.
    pub fn new(
        socket: R::Socket,
        peer: Option<SocketAddr>,
        place: R::Place,
        stop: R::Listener,
    ) -> Self {
        let alarm = Default::default();
        let link = Link { socket, stop };
        Self { link, peer, alarm, place, resting_since: None, ended: false }
    }

    /// Waits until something arrives, without any buffer.
    pub fn poll_rest(&mut self, context: &mut Context<'_>, deadlines: &Deadlines) -> Poll<After> {
        let was_greeting = self.link.socket.is_greeting();
        let outcome = self.link.socket.poll_readable(context);
        let is_greeting = was_greeting && self.link.socket.is_greeting();
        if was_greeting && !is_greeting {
            // From now on, a request is waited for.
            self.resting_since = None;
        }
        match outcome {
            Poll::Ready(Ok(())) => {
                self.resting_since = None;
                self.ended |= self.place.go_on();
                return Poll::Ready(After::Request);
            }
            Poll::Ready(Err(_)) => return Poll::Ready(After::Over),
            Poll::Pending => {}
        }
        let now = moment();
        let since = *self.resting_since.get_or_insert(now);
        if self.ended {
            self.link.socket.close_in_order();
            return Poll::Ready(After::Over);
        }
        if self.link.stop.poll_stopping(context).is_ready() || self.place.is_told() {
            // Nobody may have told yet of what is here. If that is a request, it has its time.
            self.ended = true;
            self.place.go_on();
            self.link.socket.look_again();
            return Poll::Ready(After::Request);
        }
        if is_greeting {
            self.place.wait(Waits::Head, since);
        } else {
            self.place.wait_for_request(since);
        }
        let most = if is_greeting { deadlines.head } else { deadlines.idle };
        let left = most.saturating_sub(now.saturating_sub(since));
        if left.is_zero() {
            self.link.socket.close_in_order();
            return Poll::Ready(After::Over);
        }
        self.link.socket.wake_after(&mut self.alarm, now, left, context);
        Poll::Pending
    }

    /// Wakes the task after `left` at the latest.
    pub(super) fn wake_after(&mut self, left: Duration, context: &mut Context<'_>) {
        self.link.socket.wake_after(&mut self.alarm, moment(), left, context);
    }
}

/// Serves what has arrived.
pub async fn serve_once<R: Reactor, S: Service>(
    serving: &Serving<S>,
    settings: &Settings,
    connection: &mut Connection<R>,
    buffers: &mut OwnedBuffers,
) -> After {
    let Connection { link, peer, alarm, place, .. } = connection;
    let mut tx_alarm = Default::default();
    let place: &Place = place;
    let mut halves = Halves::<R>::new(link, *peer, settings, place, (alarm, &mut tx_alarm));
    let outcome = serving.serve(&mut halves, buffers.lend()).await;
    // However often the same pages are used, they are no more.
    buffers.leave(halves.octets());
    match outcome {
        Ok(Ended::Idle) => After::Request,
        Err(error) if is_idle_error(&error) => After::Request,
        Ok(Ended::Closed) => {
            link.socket.close_in_order();
            After::Over
        }
        // Closing resets it.
        Ok(Ended::Cut) | Err(_) => After::Over,
    }
}
