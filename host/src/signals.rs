//! Signals: the first one stops a server, a second one ends the process.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::net::UnixStream;
#[cfg(feature = "command")]
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use crate::cgi;
use crate::stop::Stopping;

/// How long requests under way may take once the server was told to stop.
pub const DRAIN: Duration = Duration::from_secs(30);

/// How long idle connections take to end at most, and the log to be written.
const MOMENT: Duration = Duration::from_millis(100);

/// How often to look what a stopping server has left to do.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// The stack of the thread that waits for signals: it may parse certificates.
const STACK: usize = 256 * 1024;

/// The exit code that a second signal asks for; 0 without one.
static CODE: AtomicU8 = AtomicU8::new(0);

/// Stops `server` at the first SIGINT, SIGTERM or SIGHUP, and says on standard error what it then waits
/// for, as the command `name`. After [`DRAIN`], it resets the connections that are left. A second signal
/// resets them and ends the process 100 ms later, which leaves time to log them.
///
/// SIGXFSZ, a log file that reached its size limit, is ignored.
///
/// # Errors
/// The signals can't be caught.
pub fn stop_on_signal(name: &'static str, server: impl Stopping) -> io::Result<()> {
    stop_or_reload_on_signal(name, server, None)
}

/// What SIGHUP has done to a server that goes on.
pub type Reload = Box<dyn Fn() + Send>;

/// Like [`stop_on_signal`], but SIGHUP calls `reload`, if there is one. A terminal that closes sends SIGHUP as
/// well, and stops the server.
///
/// # Errors
/// The signals can't be caught.
pub fn stop_or_reload_on_signal(
    name: &'static str,
    server: impl Stopping,
    reload: Option<Reload>,
) -> io::Result<()> {
    ignore(SIGXFSZ)?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if !is_ignored(SIGHUP) {
        signals.add_signal(SIGHUP)?;
    }
    let has_terminal = io::stdin().is_terminal();
    let thread = thread::Builder::new().name("thimble-signals".into()).stack_size(STACK);
    thread.spawn(move || {
        for signal in signals.forever() {
            match &reload {
                Some(reload)
                    if signal == SIGHUP && (!has_terminal || io::stdin().is_terminal()) =>
                {
                    reload();
                }
                _ => break,
            }
        }
        server.stop();
        watch(name, &server, &mut signals);
    })?;
    Ok(())
}

/// Waits for the end of the process.
fn watch(name: &'static str, server: &impl Stopping, signals: &mut Signals) {
    let mut drain = Drain::begin(name.into());
    loop {
        if let Some(signal) = signals.pending().next() {
            let code = exit_code_of(signal);
            CODE.store(code, Ordering::SeqCst);
            end_now(server, code);
        }
        drain.look(server);
        thread::sleep(LOOK);
    }
}

/// Resets the connections of `server`, and ends the process once that had time to be logged. Programs that
/// were still running are asked to end (SIGTERM), and then made to (SIGKILL).
pub(crate) fn end_now(server: &impl Stopping, code: u8) -> ! {
    server.cut();
    cgi::end_all(Signal::TERM);
    thread::sleep(MOMENT);
    cgi::end_all(Signal::KILL);
    signal_hook::low_level::exit(code.into())
}

/// What a server that takes no more connections has left to do.
#[derive(Debug)]
pub(crate) struct Drain {
    /// What lines on standard error begin with.
    name: String,
    begun: Instant,
    told: bool,
    cut: bool,
}

impl Drain {
    pub(crate) fn begin(name: String) -> Self {
        Self { name, begun: Instant::now(), told: false, cut: false }
    }

    /// The same, but without a word until something has to be cut.
    pub(crate) fn begin_silently(name: String) -> Self {
        Self { told: true, ..Self::begin(name) }
    }

    /// Says what is waited for, and ends it when the time is over. Call it again and again.
    pub(crate) fn look(&mut self, server: &impl Stopping) {
        let (elapsed, unfinished) = (self.begun.elapsed(), server.unfinished());
        if !self.told && elapsed >= MOMENT && unfinished > 0 {
            self.told = true;
            let (seconds, them) = (DRAIN.as_secs(), if unfinished == 1 { "it" } else { "them" });
            let transfers = transfers(unfinished);
            self.say(&format!("{transfers}, {seconds} s at most; Ctrl-C again ends {them}"));
        }
        if !self.cut && elapsed >= DRAIN {
            self.cut = true;
            self.say(&format!("{} cut", transfers(unfinished)));
            server.cut();
        }
    }

    /// Writes a line to standard error, without waiting for whoever reads it.
    fn say(&self, what: &str) {
        let line = format!("{}: stopping: {what}", self.name);
        // Without a thread, the line is dropped.
        let _ = thread::Builder::new().stack_size(64 * 1024).spawn(move || {
            let _ = writeln!(io::stderr(), "{line}");
        });
    }
}

/// Makes `signal` do nothing to this process: it is caught, and nobody looks. Of SIGXFSZ, the write fails,
/// too, and the log ignores that. Processes that are started from here don't inherit it.
pub(crate) fn ignore(signal: i32) -> io::Result<()> {
    signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).map(drop)
}

/// Catches `signals`. They are read from a socket, which can be polled.
pub(crate) fn catch(signals: &[i32]) -> io::Result<SignalDelivery<UnixStream, SignalOnly>> {
    let (read, write) = UnixStream::pair()?;
    SignalDelivery::with_pipe(read, write, SignalOnly, signals)
}

#[cfg(feature = "command")]
/// The exit code once the server has stopped: success, unless a second signal ended it.
pub(crate) fn exit_code() -> ExitCode {
    CODE.load(Ordering::SeqCst).into()
}

/// The exit code by which a shell reports the death by a signal.
pub(crate) fn exit_code_of(signal: i32) -> u8 {
    u8::try_from(signal).unwrap_or_default().saturating_add(128)
}

fn transfers(count: usize) -> String {
    format!("{count} {}", if count == 1 { "transfer" } else { "transfers" })
}

/// Whether the process was started to ignore `signal`, as nohup does.
pub(crate) fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let bit = u32::try_from(signal).ok().and_then(|signal| signal.checked_sub(1));
    mask.zip(bit).is_some_and(|(mask, bit)| mask.checked_shr(bit).unwrap_or_default() & 1 == 1)
}
