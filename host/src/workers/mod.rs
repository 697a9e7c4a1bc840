//! Worker processes: a supervisor that serves nothing itself, and processes that share its listeners.
//!
//! The supervisor starts the current executable again for each worker, with the same arguments. A worker
//! inherits standard output and standard error, and no other descriptor: its standard input is a socket to
//! the supervisor, which brings the listeners and then orders. The worker says on it that it is ready. The
//! socket's end tells a worker that the supervisor is gone, however that came, and the worker ends, too.
//!
//! | signal to the supervisor | what it does |
//! |---|---|
//! | SIGTERM, SIGINT | All workers finish the requests under way, within [`DRAIN`]. A second one ends them at once |
//! | SIGHUP | The workers are replaced, one after the other. An old one takes connections until the new one is ready, so none is refused. Then its connections end with their next reply, which may take as long as it does |
//!
//! A worker that dies is replaced: at once, or after a pause that grows to 30 s when it keeps dying within
//! seconds. The programs that a killed one was running end, if [`Supervisor::end_orphans`] was called. The first
//! worker has to start before there are others, so what keeps all of them from starting is
//! said once. SIGTERM to a worker has it replaced as by SIGHUP. SIGINT and SIGHUP to a worker do nothing: a
//! terminal sends them to all of its processes, and the supervisor gets them as well.
//!
//! Workers share nothing but the listeners: limits, such as the number of connections, are those of one
//! process.
//!
//! # Examples
//! A server of one's own, with four workers. With `thimble_tokio`, let each have one thread, by
//! `Server::threads`.
//!
//! ```no_run
//! # mod thimble_std {
//! #     pub struct Server;
//! #     #[derive(Debug)]
//! #     pub struct Stop;
//! #     impl thimble_host::stop::Stopping for Stop {
//! #         fn stop(&self) {}
//! #         fn retire(&self) {}
//! #         fn unfinished(&self) -> usize { 0 }
//! #         fn cut(&self) {}
//! #     }
//! #     impl Server {
//! #         pub fn from_listener(_: thimble_host::listen::Listener) -> std::io::Result<Self> { Ok(Self) }
//! #         pub fn stop(&self) -> Stop { Stop }
//! #         pub fn run(self, _: ()) -> std::io::Result<()> { Ok(()) }
//! #     }
//! # }
//! # let hello = ();
//! use std::process::ExitCode;
//!
//! use thimble_host::workers::{Supervisor, Worker};
//! use thimble_host::{Log, listen};
//! use thimble_std::Server;
//!
//! fn main() -> std::io::Result<ExitCode> {
//! #   let hello = ();
//!     let Some(mut worker) = Worker::of_this_process()? else {
//!         let listener = listen::bind("127.0.0.1:8000")?;
//!         return Supervisor::new(4, vec![listener], Log::to_stderr()).run(|_| {});
//!     };
//!     let listener = worker.take_listeners().remove(0);
//!     let server = Server::from_listener(listener)?;
//!     worker.begin("my-server", server.stop())?;
//!     server.run(hello)?;
//!     Ok(ExitCode::SUCCESS)
//! }
//! ```

mod channel;
mod crew;
mod orphans;
mod supervisor;
mod worker;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

pub use supervisor::{Event, Supervisor};
pub use worker::Worker;

#[doc(inline)]
pub use crate::signals::DRAIN;

/// Waits until one of `descriptors` can be read, a signal comes, or the time is over.
fn wait(descriptors: &[BorrowedFd<'_>], most: Option<Duration>) -> io::Result<()> {
    let mut polled: Vec<_> =
        descriptors.iter().map(|descriptor| PollFd::new(descriptor, PollFlags::IN)).collect();
    let most = most.and_then(|most| Timespec::try_from(most).ok());
    match poll(&mut polled, most.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
