//! The worker's side: what it inherits, and the orders that it follows.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use super::channel::{self, Order, Word};
use super::wait;
use crate::listen::Listener;
use crate::signals::{Drain, LOOK, catch, end_now, ignore};
use crate::stop::Stopping;

/// This process, as one of the workers of a supervisor.
#[derive(Debug)]
pub struct Worker {
    number: usize,
    channel: UnixStream,
    listeners: Vec<Listener>,
    message: Vec<u8>,
}

/// The name of the program in the command line of worker `number`, where `ps` shows it.
pub(super) fn title(program: &str, number: usize) -> String {
    format!("{program} (worker {number})")
}

/// The number in a [`title`].
fn number_in(title: &str) -> Option<usize> {
    title.strip_suffix(')')?.rsplit_once(" (worker ")?.1.parse().ok()
}

impl Worker {
    /// Whether a supervisor has started this process: `None` if not. Call it once, at the beginning, before
    /// there are other threads. Standard input is empty afterwards.
    ///
    /// # Errors
    /// The process is called a worker, but standard input is no channel to a supervisor.
    pub fn of_this_process() -> io::Result<Option<Self>> {
        let title = std::env::args_os().next().unwrap_or_default();
        let Some(number) = number_in(&title.to_string_lossy()) else { return Ok(None) };
        let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let (listeners, message) = channel::receive_listeners(&channel).map_err(|_| {
            io::Error::other("only a supervisor can start a worker: its name is no program's own")
        })?;
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        Ok(Some(Self { number, channel, listeners, message }))
    }

    /// Its number, from 1 to the number of workers. One that replaces another has the same.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// Takes the listeners, in the order in which the supervisor has them.
    pub fn take_listeners(&mut self) -> Vec<Listener> {
        std::mem::take(&mut self.listeners)
    }

    /// What the supervisor tells all of its workers; nothing unless it was given something.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Says that `server` is about to serve, and has it follow the supervisor's orders from now on. What it
    /// says on standard error when it stops begins with `name` and the worker's number.
    ///
    /// # Errors
    /// The signals can't be caught, or there can't be a thread for the orders.
    pub fn begin(self, name: &str, server: impl Stopping) -> io::Result<()> {
        for signal in [SIGINT, SIGHUP, SIGXFSZ] {
            ignore(signal)?;
        }
        let mut signals = catch(&[SIGTERM])?;
        let Self { number, channel, .. } = self;
        channel::send_word(&channel, Word::Ready);
        channel.set_nonblocking(true)?;
        let mut channel = Some(channel);
        let name = format!("{name}: worker {number}");
        let mut obedient = Obedient { name, server, drain: None };
        let thread = thread::Builder::new().name("thimble-orders".into()).stack_size(64 * 1024);
        let obey = move || loop {
            let mut both = vec![signals.get_read().as_fd()];
            both.extend(channel.as_ref().map(UnixStream::as_fd));
            if wait(&both, obedient.drain.is_some().then_some(LOOK)).is_err() {
                // There may be memory again soon.
                thread::sleep(LOOK);
            }
            if signals.pending().next().is_some()
                && let Some(channel) = &channel
            {
                channel::send_word(channel, Word::Replace);
            }
            if let Some(order) = channel.as_ref().and_then(channel::next_order) {
                if order == Order::Orphaned {
                    channel = None;
                }
                obedient.follow(order);
            }
            if let Some(drain) = &mut obedient.drain {
                drain.look(&obedient.server);
            }
        };
        thread.spawn(obey).map(drop)
    }
}

/// A server that follows orders.
struct Obedient<S> {
    name: String,
    server: S,
    /// Once it has to end soon.
    drain: Option<Drain>,
}

impl<S: Stopping> Obedient<S> {
    fn follow(&mut self, order: Order) {
        let Self { name, server, drain } = self;
        match order {
            Order::Retire => server.retire(),
            Order::Stop => {
                server.stop();
                *drain = Some(Drain::begin(name.clone()));
            }
            Order::Orphaned => {
                server.retire();
                server.stop();
                *drain = Some(Drain::begin_silently(name.clone()));
            }
            Order::Cut => end_now(server, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_title_makes_a_worker() {
        assert_eq!(number_in(&title("/bin/a (b)", 12)), Some(12));
        for other in ["thimble", "", "a (worker )", "a (worker x)", "(worker 1)", "a (worker 1) "] {
            assert_eq!(number_in(other), None, "{other}");
        }
    }
}
