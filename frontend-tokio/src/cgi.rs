//! Programs that make replies, by the Common Gateway Interface: a task waits for them and for their client.

use std::any::Any;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::event::PollFlags;
use thimble_host::cgi;
use thimble_host::cgi::waiting::{Pipe, Way};
use thimble_host::nonblocking::{Client, Descriptors, Link, Listener as _, bare};
use tokio::net::unix::pipe::{Receiver, Sender};

use crate::connection::Tokio;
use crate::elsewhere::Elsewhere;
use crate::timer::Alarm;

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

impl Descriptors for Registered {
    type Pipe = Watched;
    type Alarm = Alarm;
    type Elsewhere = Elsewhere;

    fn register(&self, descriptor: OwnedFd, way: Way) -> io::Result<Watched> {
        Ok(match way {
            Way::In => Watched::In(Receiver::from_owned_fd_unchecked(descriptor)?),
            Way::Out => Watched::Out(Sender::from_owned_fd_unchecked(descriptor)?),
        })
    }

    fn poll_pipe(&self, pipe: &Watched, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match pipe {
            Watched::In(pipe) => pipe.poll_read_ready(context),
            Watched::Out(pipe) => pipe.poll_write_ready(context),
        }
    }

    fn poll_client(
        &self,
        connection: &(dyn Any + Send + Sync),
        wanted: PollFlags,
        context: &mut Context<'_>,
    ) -> io::Result<Client> {
        let Some(link) = connection.downcast_ref::<Link<Tokio>>() else {
            return Ok(Client::Unknown);
        };
        if link.stop.go_on(context).is_err() {
            bare(&link.socket).reset();
            return Ok(Client::Ended);
        }
        let (found, look_again) = bare(&link.socket).look(context, wanted)?;
        Ok(Client::Found { found, look_again })
    }

    fn wake_after(
        &self,
        alarm: &mut Alarm,
        now: Duration,
        left: Duration,
        context: &mut Context<'_>,
    ) {
        alarm.set(now, left, context);
    }
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
