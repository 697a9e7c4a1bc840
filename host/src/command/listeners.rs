//! What a command listens on, and what happens once it serves all of that.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{Flags, Problem};
use crate::log::Log;
use crate::signals::{Reload, stop_or_reload_on_signal};
use crate::stop::Stopping;
use crate::systemd;
use crate::tls::{SelfMade, Tls};
use crate::workers::Worker;

/// The listeners of a command: one, unless systemd hands over more.
#[derive(Debug)]
pub struct Listeners<'f> {
    name: &'static str,
    flags: &'f Flags,
    pub(super) all: Vec<TcpListener>,
    owner: Owner,
    tls: Option<Tls>,
    log: Log,
}

/// Whose listeners these are.
#[derive(Debug)]
enum Owner {
    /// This process.
    Process,
    /// systemd, which keeps them when the process ends.
    Systemd,
    /// The supervisor of this worker.
    Supervisor(Worker),
}

impl<'f> Listeners<'f> {
    /// What the supervisor of this `worker` has, what systemd hands over, or what `flags` ask for.
    pub(super) fn of(
        name: &'static str,
        flags: &'f Flags,
        worker: Option<Worker>,
    ) -> Result<Self, Problem> {
        let owned = |all, owner| Self { name, flags, all, owner, tls: None, log: Log::none() };
        if let Some(mut worker) = worker {
            let all = worker.take_listeners();
            return Ok(owned(all, Owner::Supervisor(worker)));
        }
        let all = systemd::listeners().map_err(Problem)?;
        if !all.is_empty() {
            return Ok(owned(all, Owner::Systemd));
        }
        Ok(owned(vec![flags.listen()?], Owner::Process))
    }

    /// Has TLS spoken on them as `of_files` says, or by a certificate that was made for them, if the flags ask
    /// for that. `log` is told when the files can't be read again.
    pub(super) fn secure(
        &mut self,
        of_files: Option<Tls>,
        log: &Log,
    ) -> Result<Option<Tls>, Problem> {
        let made = match (&of_files, &self.owner) {
            (Some(_), _) => None,
            (None, Owner::Supervisor(worker)) => SelfMade::from_octets(worker.message()),
            (None, _) => self.flags.made_certificate(&self.addresses())?,
        };
        let made = made.as_ref().map(Tls::from_self_made).transpose().map_err(Problem::of_tls)?;
        self.tls = of_files.or(made);
        self.log = log.clone();
        Ok(self.tls.clone())
    }

    pub(super) const fn are_of_systemd(&self) -> bool {
        matches!(self.owner, Owner::Systemd)
    }

    /// Whether other processes have them, too.
    pub const fn are_shared(&self) -> bool {
        !matches!(self.owner, Owner::Process)
    }

    /// Whether this process is one of several workers.
    pub const fn are_of_worker(&self) -> bool {
        matches!(self.owner, Owner::Supervisor(_))
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.all.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Calls `serve` with each listener, at the same time. It makes a server, tells [`Start`] of it, and runs
    /// it. Returns when all of them have stopped.
    ///
    /// # Errors
    /// One of them failed, which stops the others.
    pub fn serve(
        self,
        serve: impl Fn(TcpListener, &Start<'_>) -> io::Result<()> + Sync,
    ) -> io::Result<()> {
        let (addresses, leaves) = (self.addresses(), self.are_of_systemd());
        let Self { name, flags, all: mut listeners, owner, tls, log } = self;
        let worker = Mutex::new(match owner {
            Owner::Supervisor(worker) => Some(worker),
            Owner::Process | Owner::Systemd => None,
        });
        let servers =
            Arc::new(Servers { all: Mutex::default(), failed: AtomicBool::new(false), leaves });
        let start = Start { name, flags, addresses, worker, servers, tls, log };
        let serve = |listener| serve(listener, &start).inspect_err(|_| start.servers.fail());
        let Some(first) = listeners.pop() else { return Ok(()) };
        thread::scope(|scope| {
            let spawn = |listener| thread::Builder::new().spawn_scoped(scope, || serve(listener));
            let others: Vec<_> = listeners.into_iter().map(spawn).collect();
            if others.iter().any(Result::is_err) {
                start.servers.fail();
            }
            others.into_iter().fold(serve(first), |outcome, other| {
                let joined = other?.join().unwrap_or_else(|_| Err(io::Error::other("a panic")));
                outcome.and(joined)
            })
        })
    }
}

/// What the servers of all listeners begin with.
#[derive(Debug)]
pub struct Start<'f> {
    name: &'static str,
    flags: &'f Flags,
    addresses: Vec<SocketAddr>,
    worker: Mutex<Option<Worker>>,
    servers: Arc<Servers>,
    tls: Option<Tls>,
    log: Log,
}

impl Start<'_> {
    /// Tells of a `server` that is about to run. With the last one, the command says where it serves, and
    /// signals stop it from now on.
    ///
    /// # Errors
    /// The signals can't be caught.
    pub fn begin(&self, server: impl Stopping) -> io::Result<()> {
        let mut servers = lock(&self.servers.all);
        if self.servers.failed.load(Ordering::SeqCst) {
            return Err(io::Error::other("another socket can't be served"));
        }
        servers.push(Box::new(server));
        if servers.len() < self.addresses.len() {
            return Ok(());
        }
        drop(servers);
        let servers = Arc::clone(&self.servers);
        if let Some(worker) = lock(&self.worker).take() {
            return worker.begin(self.name, servers);
        }
        stop_or_reload_on_signal(self.name, servers, self.reload())?;
        self.flags.announce(&self.addresses, self.tls.as_ref());
        systemd::ready();
        Ok(())
    }

    /// What SIGHUP has done instead of stopping, if there is anything to read again.
    fn reload(&self) -> Option<Reload> {
        let tls = self.tls.clone().filter(Tls::has_files)?;
        let log = self.log.clone();
        Some(Box::new(move || {
            systemd::reloading();
            let told = match tls.read_again() {
                Ok(()) => "the certificate was read again".to_owned(),
                Err(problem) => format!("{problem}; the old certificate stays in use"),
            };
            log.note(told.as_bytes());
            systemd::ready();
        }))
    }
}

/// The servers of all listeners.
#[derive(Debug)]
struct Servers {
    all: Mutex<Vec<Box<dyn Stopping>>>,
    /// Whether one of them could not begin, or has ended by itself.
    failed: AtomicBool,
    /// Whether the listeners go on without this process.
    leaves: bool,
}

impl Servers {
    /// Stops those that have begun, and lets no other begin.
    fn fail(&self) {
        let servers = lock(&self.all);
        self.failed.store(true, Ordering::SeqCst);
        servers.iter().for_each(|server| server.stop());
    }

    fn each(&self, tell: impl FnMut(&dyn Stopping)) {
        lock(&self.all).iter().map(AsRef::as_ref).for_each(tell);
    }
}

impl Stopping for Arc<Servers> {
    fn stop(&self) {
        systemd::stopping();
        if self.leaves {
            self.retire();
        }
        self.each(Stopping::stop);
    }

    fn retire(&self) {
        self.each(Stopping::retire);
    }

    fn unfinished(&self) -> usize {
        lock(&self.all).iter().map(|server| server.unfinished()).sum()
    }

    fn cut(&self) {
        self.each(Stopping::cut);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
