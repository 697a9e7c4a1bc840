//! What the commands of Thimble share: flags, what they set up, and messages for what goes wrong.

mod access;
mod bind;
mod browser;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod export;
mod flags;
mod forms;
mod holder;
mod layers;
mod listeners;
mod live;
mod parse;
mod problem;
mod processes;
mod programs;
mod qr;
mod replies;
mod sharing;
mod size;
mod times;
mod tls;
mod uploads;
mod urls;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cgi;
use crate::contain::is_attempt;
use crate::folder::Folder;
use crate::listen::SocketFile;
use crate::log::Log;
use crate::signals::exit_code;
use crate::systemd;
use crate::tls::{SelfMade, Tls};
use crate::uploads::UploadFolder;
use crate::workers::{Event, Supervisor, Worker};

pub use access::{AccessFlags, AuthFor};
pub use bind::Bind;
pub use flags::{Flags, LIMITS, examples};
pub use forms::Forms;
pub use layers::{Layered, Layers};
pub use listeners::{Listeners, Start};
pub use parse::parse;
pub use problem::Problem;
pub use processes::Processes;
pub use programs::ProgramFlags;
pub use replies::ReplyFlags;
pub use sharing::SharingFlags;
pub use times::Times;
pub use tls::TlsFlags;
pub use uploads::UploadFlags;

/// How long the log may take to be written at the end.
const FLUSH: Duration = Duration::from_secs(1);

/// What a command serves, and how.
#[derive(Debug)]
#[non_exhaustive]
pub struct Job {
    /// What it serves.
    pub folder: Folder,
    /// The same, for those who run programs in it.
    pub programs: Folder,
    /// Where it logs.
    pub log: Log,
    /// Where it keeps forms.
    pub forms: &'static Forms,
    /// Where it keeps files that come with forms, if it does.
    pub uploads: Option<UploadFolder>,
    /// What is around its services.
    pub layers: Layers,
    /// How it speaks TLS, if it does.
    pub tls: Option<Tls>,
}

/// Runs the command `name`: opens what `flags` ask for, and calls `serve`, which returns once the server
/// has stopped; or supervises workers that do so; or exports forms. A problem is one line on standard error,
/// and the exit code says that it failed.
pub fn run(
    name: &'static str,
    flags: &Flags,
    serve: impl FnOnce(Job, Listeners<'_>) -> io::Result<()>,
) -> ExitCode {
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    if let Some(outcome) = flags.exported() {
        return ended(name, outcome.map(|()| ExitCode::SUCCESS));
    }
    let worker = Worker::of_this_process().map_err(|error| Problem::of_run(&error));
    ended(
        name,
        worker.and_then(|worker| match (flags.processes.count(), worker) {
            (Some(count), None) => supervise(name, flags, count),
            (_, worker) => work(name, flags, worker, serve),
        }),
    )
}

/// Serves, alone or as a `worker`.
fn work(
    name: &'static str,
    flags: &Flags,
    worker: Option<Worker>,
    serve: impl FnOnce(Job, Listeners<'_>) -> io::Result<()>,
) -> Result<ExitCode, Problem> {
    raise_file_limit()?;
    let folder = flags.folder()?;
    let log = flags.log(worker.as_ref()).with_name(name);
    // Services in threads that nobody waits for may have it to the end.
    let forms: &Forms = Box::leak(Box::new(flags.forms(&log)?));
    let programs = flags.programs(&log)?;
    let uploads = flags.kept_files(&log)?;
    let layers = flags.layers(&log)?;
    let of_files = flags.tls_of_files(&log)?;
    let mut listeners = Listeners::of(name, flags, worker)?;
    let tls = listeners.secure(of_files, &log)?;
    let listeners = listeners.ask_for(layers.passwords());
    report_panics(name);
    let folder = flags.replies.compress(folder).log(log.clone());
    let job = Job { folder, programs, log: log.clone(), forms, uploads, layers, tls };
    let outcome = serve(job, listeners).map_err(|error| Problem::of_run(&error));
    cgi::end_dropped();
    forms.close();
    log.flush(FLUSH);
    outcome.map(|()| exit_code())
}

/// Keeps `count` workers serving.
fn supervise(name: &'static str, flags: &Flags, count: usize) -> Result<ExitCode, Problem> {
    flags.suit_workers()?;
    // Its faults should end the supervisor, not each worker.
    Layers::of(flags)?;
    flags.watched(&Log::none())?;
    flags.tls.of_files()?;
    let listeners = Listeners::of(name, flags, None)?;
    let (addresses, of_systemd) = (listeners.addresses(), listeners.are_of_systemd());
    let (listeners, files) = listeners.into_parts();
    let log = Log::to_shared_stderr().with_name(name);
    let supervisor = Supervisor::new(count, listeners, log.clone()).end_orphans();
    let supervisor = if flags.verbose { supervisor.tell_of_starts() } else { supervisor };
    let supervisor = if of_systemd { supervisor.leave_listeners() } else { supervisor };
    // All workers have the same, and so have those that replace them.
    let made = flags.made_certificate(&addresses)?;
    let tls = made.as_ref().map(Tls::from_self_made).transpose().map_err(Problem::of_tls)?;
    let message = made.as_ref().map(SelfMade::to_octets).unwrap_or_default();
    let outcome = supervisor.tell_workers(message).run(|event| match event {
        Event::Ready => {
            flags.announce(&addresses, tls.as_ref(), &log);
            systemd::ready();
        }
        Event::Reloading => systemd::reloading(),
        Event::Reloaded => systemd::ready(),
        Event::Stopping => {
            systemd::stopping();
            files.iter().for_each(SocketFile::remove);
        }
    });
    log.flush(FLUSH);
    outcome.map_err(|error| Problem::of_workers(&error))
}

/// Tells what went wrong, if anything did.
fn ended(name: &str, outcome: Result<ExitCode, Problem>) -> ExitCode {
    outcome.unwrap_or_else(|problem| {
        let _ = writeln!(io::stderr(), "{name}: {problem}");
        ExitCode::FAILURE
    })
}

/// The least limit on open files: with fewer, no client would be served after all that a server opens.
const FEWEST_FILES: u64 = 24;

/// Raises the limit on open files to what the system allows: a connection needs two.
fn raise_file_limit() -> Result<(), Problem> {
    let limit = getrlimit(Resource::Nofile);
    // If it can't be raised, connections wait instead.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    match getrlimit(Resource::Nofile).current {
        Some(files) if files < FEWEST_FILES => Err(Problem::of_file_limit(files, FEWEST_FILES)),
        _ => Ok(()),
    }
}

/// Makes a panic one line on standard error. Only a service can panic, and only its request fails.
fn report_panics(command: &'static str) {
    std::panic::set_hook(Box::new(move |panic| {
        if is_attempt() {
            return;
        }
        let payload = panic.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = message.escape_debug();
        let _ = writeln!(io::stderr(), "{command}: panic at {place}: {message}; a request failed");
    }));
}
