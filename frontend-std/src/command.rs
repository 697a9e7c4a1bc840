//! What the commands of Thimble share: flags, what they mean, and what goes wrong.

use std::fmt;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use thimble_core::Site;
use thimble_core::framing::Limits;
use thimble_core::semantics::mime;
use thimble_core::service::Storage;

use crate::folder::Folder;
use crate::listen;
use crate::log::Log;
use crate::submissions::Kept;

/// The flags of a command that serves a folder.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Flags {
    /// The folder to serve
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Port to listen on; 0 takes any that is free
    #[arg(short, long, default_value_t = 8000)]
    pub port: u16,

    /// Address to listen on; 0.0.0.0 lets others in
    #[arg(short, long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: String,

    /// Connections served at a time; further ones wait
    #[arg(long, value_name = "N", default_value = "1024", value_parser = at_least_one())]
    pub max_conns: usize,

    /// File that stands for its folder; may be given again, for what to try next
    #[arg(long, value_name = "NAME", default_values = ["index.html", "index.htm"], value_parser = file_name)]
    pub index: Vec<String>,

    /// List no folders: one without an index is not found
    #[arg(long)]
    pub no_listing: bool,

    /// Content-Type of files whose names end with .EXT; may be given again
    #[arg(long, value_name = "EXT=TYPE", value_parser = own_type)]
    pub mime: Vec<(String, String)>,

    /// Largest form that is taken; of one with files, its names and texts
    #[arg(long, value_name = "BYTES", default_value = "1048576", value_parser = up_to_a_gibibyte())]
    pub max_form: usize,

    /// Take no forms: a POST to a page is refused
    #[arg(long)]
    pub no_forms: bool,

    /// Show the last forms that were sent at /submissions
    #[arg(long)]
    pub submissions: bool,

    /// Serve names that begin with a dot, too
    #[arg(long)]
    pub hidden: bool,

    /// No access log
    #[arg(short, long)]
    pub quiet: bool,

    /// Show the head of each request and reply
    #[arg(short, long)]
    pub verbose: bool,
}

/// What the help of the command `name` ends with.
pub fn examples(name: &str) -> String {
    const TEXT: &str = "\
Examples:
  NAME                     Serve the current folder at http://127.0.0.1:8000/
  NAME site -p 0           Serve the folder `site` at any free port
  NAME -b 0.0.0.0          Let other machines in
  NAME -q 2>/dev/null      Say nothing while it runs

A form sent to a page comes back as that page, with what was sent in it, at the place
marked <!-- form --> among its text, or at its end. Ctrl-C finishes what is in flight;
a second one ends at once.";
    TEXT.replace("NAME", name)
}

fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

fn up_to_a_gibibyte() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(..=1 << 30)
}

fn file_name(name: &str) -> Result<String, &'static str> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err("it has to be the name of a file, without a folder");
    }
    Ok(name.to_owned())
}

fn own_type(text: &str) -> Result<(String, String), &'static str> {
    let (extension, content_type) = mime::own_type(text)
        .ok_or("write it like md=text/plain, or 'md=text/plain; charset=utf-8'")?;
    Ok((extension.to_owned(), content_type.to_owned()))
}

impl Flags {
    /// Opens the folder.
    ///
    /// # Errors
    /// It is missing, a file, or may not be opened.
    pub fn folder(&self) -> Result<Folder, Problem> {
        Folder::open(&self.path).map_err(|error| Problem::of_folder(&self.path, &error))
    }

    /// Listens.
    ///
    /// # Errors
    /// The address isn't ours, the port is taken, or not allowed.
    pub fn listen(&self) -> Result<TcpListener, Problem> {
        let host = self.host();
        let Ok(addresses) = (host, self.port).to_socket_addrs() else {
            return Err(Problem(format!(
                "can't find an address for '{host}': give --bind an IP address, such as 127.0.0.1"
            )));
        };
        let addresses: Vec<SocketAddr> = addresses.collect();
        listen::bind(addresses.as_slice())
            .map_err(|error| Problem::of_listener(host, self.port, &error))
    }

    /// What a client may send.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::DESKTOP;
        limits.form = if self.no_forms { 0 } else { self.max_form };
        limits
    }

    /// The log that is asked for, on standard error.
    pub fn log(&self) -> Log {
        match (self.quiet, self.verbose) {
            (true, false) => Log::none(),
            (true, true) => Log::to_stderr().with_heads(),
            (false, false) => Log::to_stderr().with_access(),
            (false, true) => Log::to_stderr().with_access().with_heads(),
        }
    }

    /// The site in `folder`. What flags say of it stays in memory until the process ends.
    pub fn site<S: Storage>(&self, folder: S) -> Site<'static, S, &'static Kept, &'static Kept> {
        let leak = |text: &String| -> &'static str { text.clone().leak() };
        let index: Vec<&'static str> = self.index.iter().map(leak).collect();
        let types: Vec<(&'static str, &'static str)> =
            self.mime.iter().map(|(extension, kind)| (leak(extension), leak(kind))).collect();
        let kept: &'static Kept =
            Box::leak(Box::new(if self.submissions { Kept::latest() } else { Kept::none() }));
        Site::new(folder)
            .index(index.leak())
            .types(types.leak())
            .listing(!self.no_listing)
            .hidden(self.hidden)
            .forms(!self.no_forms)
            .submissions(kept)
            .show_submissions(self.submissions.then_some(kept))
    }

    /// Tells where it serves, and calls `stop` at the first signal.
    ///
    /// # Errors
    /// The signals can't be caught.
    pub fn begin(
        &self,
        address: SocketAddr,
        stop: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        on_signal(stop)?;
        self.announce(address);
        Ok(())
    }

    /// Says on standard output what is served where.
    fn announce(&self, address: SocketAddr) {
        let mut out = io::stdout().lock();
        // Whether anybody reads it makes no difference to the server.
        let _ = writeln!(out, "Serving {} at http://{address}/", self.path.display());
        let _ = out.flush();
    }

    /// The host to listen on, without the brackets that an IPv6 address has in a URL.
    fn host(&self) -> &str {
        let inner = self.bind.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        inner.unwrap_or(&self.bind)
    }
}

/// Why a command can't do what it is asked: one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(String);

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    /// What went wrong in running the server.
    pub fn of_run(error: &io::Error) -> Self {
        Self(format!("can't serve: {error}"))
    }

    fn of_folder(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("there is no folder '{path}': give the path of the folder to serve")
            }
            io::ErrorKind::NotADirectory => {
                format!("'{path}' is a file: give the path of the folder it is in")
            }
            io::ErrorKind::PermissionDenied => {
                format!(
                    "the folder '{path}' may not be read: change its permissions, or serve another"
                )
            }
            _ => format!("can't open the folder '{path}': {error}"),
        })
    }

    fn of_listener(host: &str, port: u16, error: &io::Error) -> Self {
        Self(match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "port {port} on {host} is in use: choose another by --port, or any free one by --port 0"
            ),
            io::ErrorKind::PermissionDenied => format!(
                "port {port} needs more privileges than you have: choose one from 1024 up by --port"
            ),
            io::ErrorKind::AddrNotAvailable => format!(
                "{host} is no address of this machine: choose one that is by --bind, or all by --bind 0.0.0.0"
            ),
            _ => format!("can't listen on {host}, port {port}: {error}"),
        })
    }
}

/// What a command serves, and how.
#[derive(Debug)]
pub struct Job {
    /// Where it listens.
    pub listener: TcpListener,
    /// What it serves.
    pub folder: Folder,
    /// Where it logs.
    pub log: Log,
}

/// The body of the command `name`: what `flags` ask for is opened, and `serve` serves it until it is
/// stopped. What goes wrong is told on standard error.
pub fn run(
    name: &'static str,
    flags: &Flags,
    serve: impl FnOnce(Job) -> io::Result<()>,
) -> ExitCode {
    let outcome = flags.folder().and_then(|folder| {
        let listener = flags.listen()?;
        raise_file_limit();
        report_panics(name);
        let log = flags.log();
        let job = Job { listener, folder, log: log.clone() };
        let outcome = serve(job).map_err(|error| Problem::of_run(&error));
        log.flush(Duration::from_secs(1));
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
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

/// Calls `stop` at the first SIGINT or SIGTERM; a second one ends the process at once.
///
/// # Errors
/// The signals can't be caught.
fn on_signal(stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("thimble-signals".into()).stack_size(64 * 1024).spawn(
        move || {
            let mut signals = signals.forever();
            if signals.next().is_some() {
                stop();
            }
            if let Some(signal) = signals.next() {
                // As a shell reports the death by a signal.
                signal_hook::low_level::exit(signal.saturating_add(128));
            }
        },
    )?;
    Ok(())
}

/// Makes a panic one line on standard error: what panics is a service, and all it takes down is the
/// request that met it.
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        flags: Flags,
    }

    fn flags(line: &str) -> Option<Flags> {
        let line = ["thimble"].into_iter().chain(line.split_whitespace());
        Command::try_parse_from(line).ok().map(|command| command.flags)
    }

    fn problem<T>(outcome: Result<T, Problem>) -> String {
        outcome.err().map(|problem| problem.to_string()).unwrap_or_default()
    }

    #[test]
    fn no_flags_serve_the_current_folder_to_this_machine() {
        let Some(flags) = flags("") else { panic!("refused") };
        assert_eq!(flags.path, Path::new("."));
        assert_eq!((flags.host(), flags.port), ("127.0.0.1", 8000));
        assert_eq!((flags.max_conns, flags.limits().form), (1024, 1024 * 1024));
        assert_eq!(flags.index, ["index.html", "index.htm"]);
        assert!(!(flags.no_forms || flags.submissions || flags.hidden));
        assert!(!(flags.quiet || flags.verbose));
    }

    #[test]
    fn all_flags() {
        let line = "-p 1 -b [::1] --max-conns 2 --index a --index b --no-listing --mime .foo=a/b --mime c=d/e;f=g --max-form 3 --submissions --hidden -q -v x";
        let Some(flags) = flags(line) else { panic!("refused") };
        assert_eq!((flags.host(), flags.port, flags.max_conns), ("::1", 1, 2));
        assert_eq!(flags.limits().form, 3);
        assert_eq!(flags.index, ["a", "b"]);
        let types = [("foo", "a/b"), ("c", "d/e;f=g")];
        assert!(flags.mime.iter().map(|(a, b)| (&**a, &**b)).eq(types));
        assert!(flags.no_listing);
        assert!(flags.submissions && flags.hidden && flags.quiet && flags.verbose);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "-p 65536",
            "-p -1",
            "--max-conns 0",
            "--max-form 1073741825",
            "--max-form x",
            "--index a/b",
            "--index ..",
            "--mime foo",
            "--mime foo=bar",
            "--mime =a/b",
            "a b",
            "--unknown",
        ] {
            assert!(flags(line).is_none(), "{line}");
        }
    }

    #[test]
    fn problems_say_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").and_then(|listener| {
            let port = listener.local_addr()?.port();
            Ok((listener, port))
        });
        let Ok((_listener, port)) = taken else { panic!("can't listen") };
        let of_listener =
            |line: &str| problem(flags(line).map_or(Ok(()), |it| it.listen().map(drop)));
        assert_eq!(
            of_listener(&format!("-p {port}")),
            format!(
                "port {port} on 127.0.0.1 is in use: choose another by --port, or any free one by --port 0"
            )
        );
        assert_eq!(
            of_listener("-p 0 -b 192.0.2.1"),
            "192.0.2.1 is no address of this machine: choose one that is by --bind, or all by --bind 0.0.0.0"
        );
        assert!(
            of_listener("-p 0 -b no.such.host.invalid").starts_with("can't find an address for ")
        );
        assert_eq!(
            Problem::of_listener("::1", 80, &io::ErrorKind::PermissionDenied.into()).to_string(),
            "port 80 needs more privileges than you have: choose one from 1024 up by --port"
        );
        let of_folder =
            |line: &str| problem(flags(line).map_or(Ok(()), |it| it.folder().map(drop)));
        assert_eq!(
            of_folder("/no/such/folder"),
            "there is no folder '/no/such/folder': give the path of the folder to serve"
        );
        assert_eq!(
            of_folder(file!().strip_prefix("frontend-std/").unwrap_or(file!())),
            "'src/command.rs' is a file: give the path of the folder it is in"
        );
    }
}
