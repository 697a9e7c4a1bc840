//! What the commands of Thimble share: flags, what they set up, and messages for what goes wrong.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod export;
mod flags;
mod forms;
mod parse;
mod problem;
mod size;
mod times;
mod uploads;
mod urls;

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::folder::Folder;
use crate::log::Log;
use crate::signals::exit_code;
use crate::uploads::UploadFolder;

pub use flags::{Flags, examples};
pub use forms::Forms;
pub use parse::parse;
pub use problem::Problem;
pub use times::Times;
pub use uploads::UploadFlags;

/// What a command serves, and how.
#[derive(Debug)]
#[non_exhaustive]
pub struct Job {
    /// Where it listens.
    pub listener: TcpListener,
    /// What it serves.
    pub folder: Folder,
    /// Where it logs.
    pub log: Log,
    /// Where it keeps forms.
    pub forms: Forms,
    /// Where it keeps files that come with forms, if it does.
    pub uploads: Option<UploadFolder>,
}

/// Runs the command `name`: opens what `flags` ask for, and calls `serve`, which returns once the server
/// has stopped; or exports forms. A problem is one line on standard error, and the exit code says that it
/// failed.
pub fn run(
    name: &'static str,
    flags: &Flags,
    serve: impl FnOnce(Job) -> io::Result<()>,
) -> ExitCode {
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    if let Some(outcome) = flags.exported() {
        return ended(name, outcome);
    }
    let outcome = flags.folder().and_then(|folder| {
        let log = flags.log().with_name(name);
        let forms = flags.forms(&log)?;
        let uploads = flags.kept_files(&log)?;
        let listener = flags.listen()?;
        raise_file_limit();
        report_panics(name);
        let folder = folder.log(log.clone());
        let job = Job { listener, folder, log: log.clone(), forms, uploads };
        let outcome = serve(job).map_err(|error| Problem::of_run(&error));
        log.flush(Duration::from_secs(1));
        outcome
    });
    ended(name, outcome)
}

/// Tells what went wrong, if anything did.
fn ended(name: &str, outcome: Result<(), Problem>) -> ExitCode {
    match outcome {
        Ok(()) => exit_code(),
        Err(problem) => {
            let _ = writeln!(io::stderr(), "{name}: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Raises the limit on open files to what the system allows: a connection needs two.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // If it can't be raised, connections wait instead.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Makes a panic one line on standard error. Only a service can panic, and only its request fails.
fn report_panics(command: &'static str) {
    std::panic::set_hook(Box::new(move |panic| {
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
