//! What a command listens on, and what happens once it serves that.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use super::urls::Address;
use super::{Flags, Problem};
use crate::listen::{Listener, SocketFile};
use crate::log::Log;
use crate::passwords::Current;
use crate::signals::{Reload, stop_or_reload_on_signal};
use crate::stop::Stopping;
use crate::systemd;
use crate::tls::{SelfMade, Tls};
use crate::workers::Worker;

/// The listeners of a command.
#[derive(Debug)]
pub struct Listeners<'f> {
    name: &'static str,
    flags: &'f Flags,
    all: Vec<Listener>,
    /// Of Unix sockets that this process has made.
    files: Vec<SocketFile>,
    owner: Owner,
    tls: Option<Tls>,
    passwords: Option<Current>,
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
        let owned = |all, files, owner| Self {
            name,
            flags,
            all,
            files,
            owner,
            tls: None,
            passwords: None,
            log: Log::none(),
        };
        if let Some(mut worker) = worker {
            let all = worker.take_listeners();
            return Ok(owned(all, Vec::new(), Owner::Supervisor(worker)));
        }
        let all = systemd::listeners().map_err(Problem)?;
        if !all.is_empty() {
            return Ok(owned(all, Vec::new(), Owner::Systemd));
        }
        let (all, files) = flags.sharing.listen()?;
        Ok(owned(all, files, Owner::Process))
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

    /// Asks for `passwords` on them, which can be replaced by those that a file has later.
    pub(super) fn ask_for(self, passwords: Option<Current>) -> Self {
        Self { passwords, ..self }
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

    pub(super) fn addresses(&self) -> Vec<Address> {
        self.all.iter().map(Address::of).collect()
    }

    /// The listeners, for others to serve, and the files of Unix sockets that this process has made.
    pub(super) fn into_parts(self) -> (Vec<Listener>, Vec<SocketFile>) {
        (self.all, self.files)
    }

    /// Calls `serve` with the listeners. It makes a server, tells [`Start`] of it, and runs it.
    ///
    /// # Errors
    /// Those of `serve`.
    pub fn serve(
        self,
        serve: impl FnOnce(Vec<Listener>, &Start<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (addresses, leaves) = (self.addresses(), self.are_of_systemd());
        let Self { name, flags, all, files, owner, tls, passwords, log } = self;
        let worker = RefCell::new(match owner {
            Owner::Supervisor(worker) => Some(worker),
            Owner::Process | Owner::Systemd => None,
        });
        let files = Arc::new(files);
        serve(all, &Start { name, flags, addresses, worker, files, leaves, tls, passwords, log })
    }
}

/// What a server begins with.
#[derive(Debug)]
pub struct Start<'f> {
    name: &'static str,
    flags: &'f Flags,
    addresses: Vec<Address>,
    worker: RefCell<Option<Worker>>,
    files: Arc<Vec<SocketFile>>,
    /// Whether the listeners go on without this process.
    leaves: bool,
    tls: Option<Tls>,
    passwords: Option<Current>,
    log: Log,
}

impl Start<'_> {
    /// Tells of the `server`, which is about to run: the command says where it serves, and signals stop it from
    /// now on.
    ///
    /// # Errors
    /// The signals can't be caught.
    pub fn begin(&self, server: impl Stopping) -> io::Result<()> {
        let server = Begun { server, files: Arc::clone(&self.files), leaves: self.leaves };
        if let Some(worker) = self.worker.take() {
            return worker.begin(self.name, server);
        }
        stop_or_reload_on_signal(self.name, server, self.reload())?;
        self.flags.announce(&self.addresses, self.tls.as_ref(), &self.log);
        systemd::ready();
        Ok(())
    }

    /// What SIGHUP has done instead of stopping, if there is anything to read again.
    fn reload(&self) -> Option<Reload> {
        let tls = self.tls.clone().filter(Tls::has_files);
        let access = self.flags.access.clone();
        let passwords = self.passwords.clone().filter(|_| access.secret_file().is_some());
        if tls.is_none() && passwords.is_none() {
            return None;
        }
        let log = self.log.clone();
        Some(Box::new(move || {
            systemd::reloading();
            if let Some(tls) = &tls {
                let told = match tls.read_again() {
                    Ok(()) => "the certificate was read again".to_owned(),
                    Err(problem) => format!("{problem}; the old certificate stays in use"),
                };
                log.note(told.as_bytes());
            }
            if let Some(current) = &passwords {
                let told = match access.passwords() {
                    Ok(read) => {
                        current.set(read.unwrap_or_default());
                        "the passwords were read again".to_owned()
                    }
                    Err(problem) => format!("{problem}; the old passwords stay in use"),
                };
                log.note(told.as_bytes());
            }
            systemd::ready();
        }))
    }
}

/// A server that has begun.
#[derive(Debug)]
struct Begun<S> {
    server: S,
    files: Arc<Vec<SocketFile>>,
    leaves: bool,
}

impl<S: Stopping> Stopping for Begun<S> {
    fn stop(&self) {
        systemd::stopping();
        if self.leaves {
            self.server.retire();
        }
        // While it listens, they are its own.
        self.files.iter().for_each(SocketFile::remove);
        self.server.stop();
    }

    fn retire(&self) {
        self.server.retire();
    }

    fn unfinished(&self) -> usize {
        self.server.unfinished()
    }

    fn cut(&self) {
        self.server.cut();
    }
}
