//! Signals: the first one stops a server, a second one ends the process.

use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::stop::Stopping;

/// How long what is in flight may take once the server was told to stop.
pub const DRAIN: Duration = Duration::from_secs(30);

/// What ends at once has ended after this long.
const MOMENT: Duration = Duration::from_millis(100);

/// How often a server that stops is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The exit code that a second signal asks for; 0 without one.
static CODE: AtomicU8 = AtomicU8::new(0);

/// Stops `server` at the first SIGINT, SIGTERM or SIGHUP, says what it then waits for, and cuts that
/// after [`DRAIN`] or at a second signal, which ends the process at once: it has a tenth of a second
/// for the log of what was cut. A file that may not grow any more ends nothing.
///
/// # Errors
/// The signals can't be caught.
pub fn stop_on_signal(server: impl Stopping) -> io::Result<()> {
    // The write fails as well, and that is enough.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if !is_ignored(SIGHUP) {
        signals.add_signal(SIGHUP)?;
    }
    let thread = thread::Builder::new().name("thimble-signals".into()).stack_size(64 * 1024);
    thread.spawn(move || {
        if signals.forever().next().is_some() {
            server.stop();
            watch(&server, &mut signals);
        }
    })?;
    Ok(())
}

/// Waits for the end of the process.
fn watch(server: &impl Stopping, signals: &mut Signals) {
    let begun = Instant::now();
    let (mut told, mut cut) = (false, false);
    loop {
        if let Some(signal) = signals.pending().next() {
            let code = exit_code_of(signal);
            CODE.store(code, Ordering::SeqCst);
            server.cut();
            thread::sleep(MOMENT);
            signal_hook::low_level::exit(code.into());
        }
        let (elapsed, unfinished) = (begun.elapsed(), server.unfinished());
        if !told && elapsed >= MOMENT && unfinished > 0 {
            told = true;
            let (seconds, them) = (DRAIN.as_secs(), if unfinished == 1 { "it" } else { "them" });
            let transfers = transfers(unfinished);
            say(format!("{transfers}, {seconds} s at most; Ctrl-C again ends {them}"));
        }
        if !cut && elapsed >= DRAIN {
            cut = true;
            say(format!("{} cut", transfers(unfinished)));
            server.cut();
        }
        thread::sleep(LOOK);
    }
}

/// What the process ends with once the server has stopped: success, unless a second signal cut it.
pub(crate) fn exit_code() -> ExitCode {
    CODE.load(Ordering::SeqCst).into()
}

/// As a shell reports the death by a signal.
fn exit_code_of(signal: i32) -> u8 {
    u8::try_from(signal).unwrap_or_default().saturating_add(128)
}

fn transfers(count: usize) -> String {
    format!("{count} {}", if count == 1 { "transfer" } else { "transfers" })
}

/// Writes a line to standard error, without waiting for whoever reads it.
fn say(what: String) {
    // Without a thread, nobody hears it.
    let _ = thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        let _ = writeln!(io::stderr(), "thimble: stopping: {what}");
    });
}

/// Whether the process was started to ignore `signal`, as nohup does.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let bit = u32::try_from(signal).ok().and_then(|signal| signal.checked_sub(1));
    mask.zip(bit).is_some_and(|(mask, bit)| mask.checked_shr(bit).unwrap_or_default() & 1 == 1)
}
