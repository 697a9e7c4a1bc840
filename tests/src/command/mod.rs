//! The command `thimble` as a person runs it: built, started on a free port, and ended.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "only tests call this, and a failure here is the test's failure"
)]

pub mod folder;
pub mod forms;
pub mod postgres;
pub mod processes;
pub mod scripts;

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, geteuid, kill_process};

use crate::wire::client::{Client, TIME_LIMIT};

const NOBODY: u32 = 65534;

/// The command, not yet started: `THIMBLE` names another one to put to the same tests, and `THIMBLE_FLAGS`
/// flags to start it with.
///
/// It is built by the profile of the tests that call this, into the folder they were built to.
pub fn thimble() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(BUILT.get_or_init(build));
    command.stdin(Stdio::null()).args(flags());
    command
}

fn flags() -> Vec<String> {
    let flags = std::env::var("THIMBLE_FLAGS").unwrap_or_default();
    flags.split_whitespace().map(str::to_owned).collect()
}

/// The command, not yet started, as a user whom permissions bind: root is bound by none.
///
/// For root it is a copy in `folder`, as the one that was built may lie where only root can enter.
pub fn unprivileged(folder: &Path) -> Command {
    let built = thimble();
    if !geteuid().is_root() {
        return built;
    }
    let copy = folder.join("thimble");
    // Made by another process: a child that is forked here meanwhile would hold a copy of ours open
    // for writing, and what is open for writing can't be run.
    let made = run(Command::new("cp").arg(built.get_program()).arg(&copy));
    assert!(made.status.success(), "the command is not copied");
    let mut command = Command::new(copy);
    command.stdin(Stdio::null()).args(flags()).uid(NOBODY).gid(NOBODY);
    command
}

fn build() -> PathBuf {
    if let Some(named) = std::env::var_os("THIMBLE") {
        return named.into();
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let target = folder.parent().expect("target/PROFILE");
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    // The whole workspace, so that its dependencies are built with the features they have already.
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--bin", "thimble"])
        .args(["--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the command thimble does not build");
    folder.join("thimble")
}

/// A running `thimble`, ended when dropped.
#[derive(Debug)]
pub struct Thimble {
    child: Child,
    /// None over a Unix socket alone.
    address: Option<SocketAddr>,
    banner: String,
    out: Arc<Lines>,
    log: Arc<Lines>,
}

impl Thimble {
    /// Serves `folder` on a free port with these flags.
    pub fn serve<F: AsRef<OsStr>>(folder: impl AsRef<Path>, flags: &[F]) -> Self {
        Self::start(thimble().arg(folder.as_ref()).args(["-p", "0"]).args(flags))
    }

    /// Starts `command` and waits until it says where it serves.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let out = Lines::of(child.stdout.take().expect("stdout is piped"));
        let log = Lines::of(child.stderr.take().expect("stderr is piped"));
        let Some(banner) = out.wait(|line| line.starts_with("Serving ")) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("no line says where it serves; stderr: {}", log.text());
        };
        let address =
            banner.rsplit_once("://").and_then(|(_, place)| place.split_once('/')?.0.parse().ok());
        Self { child, address, banner, out, log }
    }

    /// The name that its own lines in the log begin with.
    pub fn name(&self) -> String {
        let program = thimble().get_program().to_owned();
        let name = Path::new(&program).file_name().unwrap_or(&program);
        name.to_string_lossy().into_owned()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.unwrap_or_else(|| panic!("no address in {:?}", self.banner))
    }

    /// The URL of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.banner.contains("https://") { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address())
    }

    /// The line that says where it serves.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// A new connection to it.
    pub fn connect(&self) -> Client {
        Client::connect(self.address()).expect("it accepts connections")
    }

    /// All it has written to stdout.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// All it has written to stderr.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits for a line of stderr of which `wanted` is true.
    pub fn log_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.log.wait(wanted).unwrap_or_else(|| panic!("no such line on stderr: {}", self.log()))
    }

    /// Waits for a line of stdout of which `wanted` is true.
    pub fn out_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.out.wait(wanted).unwrap_or_else(|| panic!("no such line on stdout: {}", self.out()))
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal` to the process.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).expect("the process is there");
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended, for `limit` at most.
    pub fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        ended_within(&mut self.child, limit)
    }
}

impl Drop for Thimble {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command`, which is expected to end by itself soon.
pub fn run(command: &mut Command) -> Output {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    let out = Lines::of(child.stdout.take().expect("stdout is piped"));
    let log = Lines::of(child.stderr.take().expect("stderr is piped"));
    let Some(status) = ended_within(&mut child, TIME_LIMIT) else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("{command:?} does not end; stderr: {}", log.text());
    };
    Output { status, stdout: out.whole(), stderr: log.whole() }
}

fn ended_within(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            return Some(status);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a process has written to a pipe, gathered by a thread so that the pipe never fills.
#[derive(Debug, Default)]
struct Lines {
    written: Mutex<Written>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    ended: bool,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        let gathered = Arc::clone(&lines);
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            let mut ended = false;
            while !ended {
                line.clear();
                ended = !matches!(pipe.read_until(b'\n', &mut line), Ok(1..));
                let mut written = gathered.lock();
                written.bytes.extend_from_slice(&line);
                written.ended = ended;
                gathered.more.notify_all();
            }
        });
        lines
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    fn whole(&self) -> Vec<u8> {
        let (written, _) = self
            .more
            .wait_timeout_while(self.lock(), TIME_LIMIT, |written| !written.ended)
            .unwrap_or_else(PoisonError::into_inner);
        written.bytes.clone()
    }

    fn wait(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let mut found = None;
        let _ = self.more.wait_timeout_while(self.lock(), TIME_LIMIT, |written| {
            let text = String::from_utf8_lossy(&written.bytes);
            found = text.lines().find(|line| wanted(line)).map(str::to_owned);
            found.is_none() && !written.ended
        });
        found
    }
}
