//! Programs beside connections: one future waits for their descriptors, their client, and time to pass.

use std::any::Any;
use std::fmt::Debug;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::PollFlags;

use super::Elsewhere;
use crate::cgi::waiting::{Interest, MOST, Pipe, Ready, Waiting, Way};
use crate::clock::moment;

/// How often to look at a client of which a reactor may not tell.
const LOOK: Duration = Duration::from_millis(100);

/// The longest wait: none is for ever.
const LONGEST: Duration = Duration::from_hours(1);

/// What a reactor has for programs. Whatever has it is [`Waiting`].
pub trait Descriptors: Send + Sync {
    /// A descriptor that is registered.
    type Pipe: Pipe;
    /// What remembers when a task is to be woken.
    type Alarm: Debug + Default;
    /// Where work goes that may have to wait for a disk.
    type Elsewhere: Elsewhere;

    /// Takes a descriptor over, which is set not to block.
    ///
    /// # Errors
    /// The system has no room for it.
    fn register(&self, descriptor: OwnedFd, way: Way) -> io::Result<Self::Pipe>;

    /// Waits until it can be read from or written to, which may turn out not to be so.
    ///
    /// # Errors
    /// Those of the system.
    fn poll_pipe(&self, pipe: &Self::Pipe, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Looks for what `wanted` says of a client's socket, and has the task woken when there may be some. A
    /// connection that the server has ended is reset, since no reply says why.
    ///
    /// # Errors
    /// Those of the system.
    fn poll_client(
        &self,
        connection: &(dyn Any + Send + Sync),
        wanted: PollFlags,
        context: &mut Context<'_>,
    ) -> io::Result<Client>;

    /// Wakes the task after `left`, counted from `now` on, or earlier, unless `alarm` is dropped before.
    fn wake_after(
        &self,
        alarm: &mut Self::Alarm,
        now: Duration,
        left: Duration,
        context: &mut Context<'_>,
    );

    /// Waits for another turn, where the task has had its share of this one.
    ///
    /// # Errors
    /// There is no reactor here.
    fn poll_turn(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = context;
        Poll::Ready(Ok(()))
    }
}

/// What is there of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Its connection is not one of this reactor's.
    Unknown,
    /// The server has ended its connection.
    Ended,
    /// What was found of what was wanted, its errors and end included.
    Found {
        /// That.
        found: PollFlags,
        /// Whether the task may not be woken when there is more.
        look_again: bool,
    },
}

impl<D: Descriptors> Waiting for D {
    type Pipe = D::Pipe;

    fn pipe(&self, descriptor: OwnedFd, way: Way) -> io::Result<D::Pipe> {
        self.register(descriptor, way)
    }

    async fn wait(
        &self,
        pipes: &[Option<&D::Pipe>; MOST],
        connection: Option<&(dyn Any + Send + Sync)>,
        interest: Interest,
        most: Duration,
    ) -> io::Result<Ready> {
        let end = moment().saturating_add(most.min(LONGEST));
        let mut alarm = D::Alarm::default();
        poll_fn(|context| {
            ready!(self.poll_turn(context))?;
            let (mut ready, mut longest) = (Ready::default(), LONGEST);
            let client = connection
                .map(|connection| self.poll_client(connection, interest.flags(), context))
                .transpose()?;
            match client {
                None | Some(Client::Unknown) => {
                    (ready.sends, ready.takes) = (interest.sends, interest.takes);
                }
                Some(Client::Ended) => ready.is_ended = true,
                Some(Client::Found { found, look_again }) => {
                    ready.add(found);
                    longest = if look_again { LOOK } else { LONGEST };
                }
            }
            for (number, pipe) in pipes.iter().enumerate() {
                let Some(pipe) = pipe else { continue };
                if let Poll::Ready(outcome) = self.poll_pipe(pipe, context) {
                    outcome?;
                    ready.pipes |= 1 << number;
                }
            }
            let now = moment();
            let left = end.saturating_sub(now);
            if left.is_zero() || ready != Ready::default() {
                return Poll::Ready(Ok(ready));
            }
            self.wake_after(&mut alarm, now, left.min(longest), context);
            Poll::Pending
        })
        .await
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        D::Elsewhere::run(work).await
    }
}
