//! Programs that make replies, by the Common Gateway Interface: a task waits for them and for their client.

use std::any::Any;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::event::PollFlags;
use thimble_host::cgi;
use thimble_host::cgi::waiting::{Interest, MOST, Pipe, Ready, Waiting, Way};
use thimble_host::nonblocking::{Elsewhere as _, Link, Listener as _, Socket as _, bare};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::time::{Instant, sleep};

use crate::connection::Tokio;
use crate::elsewhere::Elsewhere;

/// [`thimble_host::cgi::Cgi`] over this frontend.
///
/// ```no_run
/// use thimble_tokio::thimble_host::folder;
/// use thimble_tokio::{Cgi, Folder, Server, Site};
///
/// let folders = ["cgi-bin".to_owned()];
/// let files = folder::Folder::open("site")?.apart(&folders);
/// let site = Site::new(Folder::from(files));
/// let programs = Cgi::new(site, folder::Folder::open("site")?, &folders);
/// Server::bind("127.0.0.1:8000")?.run(programs)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub type Cgi<S> = cgi::Cgi<S, Registered>;

/// Waits by the runtime that it is used in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registered;

/// A descriptor that is registered with the runtime, to which it makes no difference whether it is a pipe.
#[derive(Debug)]
pub enum Watched {
    /// One to read from.
    In(Receiver),
    /// One to write to.
    Out(Sender),
}

/// How often to look at a client that has sent what nobody reads now.
const LOOK: Duration = Duration::from_millis(100);

/// What says that a client has shut its sending side.
#[cfg(target_os = "linux")]
const SHUT: PollFlags = PollFlags::RDHUP;
/// Here nothing does.
#[cfg(not(target_os = "linux"))]
const SHUT: PollFlags = PollFlags::empty();

const OVER: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

impl Pipe for Watched {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::In(pipe) => match pipe.try_read(buffer) {
                // The runtime may not have heard yet of what is there.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Ok(rustix::io::read(pipe, buffer)?)
                }
                outcome => outcome,
            },
            Self::Out(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn write(&self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::In(_) => Err(io::ErrorKind::Unsupported.into()),
            Self::Out(pipe) => pipe.try_write(octets),
        }
    }
}

impl Waiting for Registered {
    type Pipe = Watched;

    fn pipe(&self, descriptor: OwnedFd, way: Way) -> io::Result<Watched> {
        Ok(match way {
            Way::In => Watched::In(Receiver::from_owned_fd_unchecked(descriptor)?),
            Way::Out => Watched::Out(Sender::from_owned_fd_unchecked(descriptor)?),
        })
    }

    async fn wait(
        &self,
        pipes: &[Option<&Watched>; MOST],
        connection: Option<&(dyn Any + Send + Sync)>,
        interest: Interest,
        most: Duration,
    ) -> io::Result<Ready> {
        let connection: Option<&Link<Tokio>> = connection.and_then(|it| it.downcast_ref());
        let (mut time, mut left) = (pin!(sleep(most)), most);
        poll_fn(|context| {
            let mut ready = Ready::default();
            if let Some(link) = connection {
                if poll_client(link, interest, context, &mut ready)? && left > LOOK {
                    left = LOOK;
                    time.as_mut().reset(Instant::now() + LOOK);
                }
            } else {
                (ready.sends, ready.takes) = (interest.sends, interest.takes);
            }
            for (number, pipe) in pipes.iter().enumerate() {
                let polled = match pipe {
                    Some(Watched::In(pipe)) => pipe.poll_read_ready(context)?,
                    Some(Watched::Out(pipe)) => pipe.poll_write_ready(context)?,
                    None => Poll::Pending,
                };
                ready.pipes |= u8::from(polled.is_ready()) << number;
            }
            let is_over = time.as_mut().poll(context).is_ready();
            if is_over || ready != Ready::default() {
                Poll::Ready(Ok(ready))
            } else {
                Poll::Pending
            }
        })
        .await
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        Elsewhere::run(work).await
    }
}

/// What of a client is wanted and there. Returns whether to look again soon.
fn poll_client(
    link: &Link<Tokio>,
    interest: Interest,
    context: &mut Context<'_>,
    ready: &mut Ready,
) -> io::Result<bool> {
    if link.stop.go_on(context).is_err() {
        ready.is_ended = true;
        // No reply leaves that says why.
        bare(&link.socket).reset();
        return Ok(false);
    }
    let when = |wanted, flag| if wanted { flag } else { PollFlags::empty() };
    let wanted = when(interest.sends, PollFlags::IN)
        | when(interest.takes, PollFlags::OUT)
        | when(interest.shuts, SHUT);
    if interest.sends && link.socket.has_octets() {
        ready.sends = true;
        return Ok(false);
    }
    let (found, look_again) = bare(&link.socket).look(context, wanted)?;
    ready.sends = found.contains(PollFlags::IN);
    ready.takes = found.contains(PollFlags::OUT);
    ready.shuts = !SHUT.is_empty() && found.contains(SHUT);
    ready.is_over = found.intersects(OVER);
    Ok(look_again)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;
    use crate::{Folder, Site, serve_connection};

    /// It compiles.
    #[test]
    fn programs_can_be_run_by_tasks_that_move_between_threads() {
        fn moves<F: Send>(_: impl Fn(TcpStream, &'static Cgi<Site<'static, Folder>>) -> F) {}
        moves(|stream, programs| async move { serve_connection(stream, programs).await });
    }
}
