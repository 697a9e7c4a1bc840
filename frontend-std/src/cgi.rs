//! Programs that make replies, by the Common Gateway Interface: their connection's thread waits for them and
//! for their client.

use std::any::Any;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use thimble_host::cgi;
use thimble_host::cgi::waiting::{Interest, MOST, Pipe, Ready, Waiting, Way};

use crate::connection::Connection;

/// [`thimble_host::cgi::Cgi`] over this frontend.
///
/// ```no_run
/// use thimble_std::{Cgi, Folder, Server, Site};
///
/// let folders = ["cgi-bin".to_owned()];
/// let site = Site::new(Folder::open("site")?.apart(&folders));
/// Server::bind("127.0.0.1:8000")?.run(Cgi::new(site, Folder::open("site")?, &folders))?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub type Cgi<S> = cgi::Cgi<S, Polling>;

/// Waits by `poll`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Polling;

/// A descriptor that is waited for by `poll`.
#[derive(Debug)]
pub struct Polled {
    descriptor: OwnedFd,
    way: Way,
}

impl Pipe for Polled {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.descriptor, buffer)?)
    }

    fn write(&self, octets: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.descriptor, octets)?)
    }
}

impl Waiting for Polling {
    type Pipe = Polled;

    fn pipe(&self, descriptor: OwnedFd, way: Way) -> io::Result<Polled> {
        Ok(Polled { descriptor, way })
    }

    async fn wait(
        &self,
        pipes: &[Option<&Polled>; MOST],
        connection: Option<&(dyn Any + Send + Sync)>,
        interest: Interest,
        most: Duration,
    ) -> io::Result<Ready> {
        let mut polled = Vec::with_capacity(MOST.saturating_add(1));
        let connection: Option<&Connection> = connection.and_then(|it| it.downcast_ref());
        if let Some(connection) = connection {
            polled.push(PollFd::new(connection.stream(), interest.flags()));
        }
        polled.extend(pipes.iter().flatten().map(|pipe| {
            let flag = if pipe.way == Way::In { PollFlags::IN } else { PollFlags::OUT };
            PollFd::new(&pipe.descriptor, flag)
        }));
        let is_ready = connection.is_none() && (interest.sends || interest.takes);
        let most = if is_ready { Duration::ZERO } else { most };
        let most = Timespec::try_from(most).ok();
        match poll(&mut polled, most.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Ready::default()),
            Err(error) => return Err(error.into()),
        }
        let mut found = polled.iter().map(PollFd::revents);
        let mut ready = Ready::default();
        if let Some(connection) = connection {
            ready.add(found.next().unwrap_or(PollFlags::empty()));
            ready.is_ended = connection.is_cut();
        } else {
            (ready.sends, ready.takes) = (interest.sends, interest.takes);
        }
        for (number, _) in pipes.iter().enumerate().filter(|(_, pipe)| pipe.is_some()) {
            let is_ready = found.next().is_some_and(|flags| !flags.is_empty());
            ready.pipes |= u8::from(is_ready) << number;
        }
        Ok(ready)
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        Ok(work())
    }
}
