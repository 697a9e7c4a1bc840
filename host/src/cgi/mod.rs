//! Programs that make replies, by the Common Gateway Interface (RFC 3875): the part that needs processes.
//! What they are told and what they say is read in [`thimble_core::gateway`].
//!
//! | file | what it is |
//! |---|---|
//! | `programs` | which paths name programs |
//! | `turns` | how many run at a time |
//! | `spool` | content in a temporary file |
//! | `spawn`, `process` | how they start and end |
//! | `relay` | content in, reply out |
//! | [`waiting`] | what a frontend brings: how it waits |

mod lines;
mod process;
pub mod programs;
mod relay;
mod spawn;
mod spool;
mod turns;
pub mod waiting;

use std::any::Any;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use thimble_core::gateway::{
    BUSY, CIRCULAR, FAILED, MAX_REDIRECTS, Request, TOO_LARGE, Words, redirect, redirect_room,
};
use thimble_core::grammar::credentials::Basic;
use thimble_core::grammar::target::path_and_query;
use thimble_core::message::facts::{Once, TransferEncoding};
use thimble_core::message::{Head, Method, Refusal};
use thimble_core::server::{Answer, Body, Error, Exchange, Receive, Service, Transport};

use crate::clock::moment;
use crate::folder::Folder;
use crate::log::Log;
use process::Endings;
use programs::{Program, Programs};
use relay::{Outcome, Relay};
use spawn::{Input, Start, text};
use spool::Spool;
use turns::{Asked, Turn, Turns};
use waiting::{Interest, Waiting, Way};

/// How many programs run at a time by default.
pub const MAX: usize = 32;

/// How long a program may keep its client waiting by default.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// Octets of chunked content that are collected by default.
pub const SPOOL: u64 = 256 * 1024 * 1024;

/// What the log says when content can't be kept.
const SPOOL_FAILED: &str = "the content can't be kept in a temporary file";

/// The longest wait for a turn.
const QUEUE: Duration = Duration::from_secs(10);

/// A service that runs programs, and passes on requests for all else.
///
/// The files in some folders beneath a root are programs: whatever stands there is run or refused, and
/// never sent. The service within has to keep to that as well: [`Folder::apart`] makes a folder do so.
///
/// A program gets content as it arrives, and its reply leaves as it is written. Each runs in its own folder
/// and process group, with nothing in its environment but `PATH`, `LANG`, what
/// [`variable`](Self::variable) adds, and the request's meta-variables. A program whose client leaves is
/// ended.
///
/// Frontends name this type with their own [`Waiting`].
#[derive(Debug)]
pub struct Cgi<S, W> {
    inner: S,
    waiting: W,
    programs: Arc<Programs>,
    turns: Arc<Turns>,
    ending: Endings,
    settings: Settings,
}

/// How programs are run.
#[derive(Debug)]
struct Settings {
    timeout: Duration,
    spool: u64,
    variables: Vec<(OsString, OsString)>,
    has_users: bool,
    log: Log,
}

impl Settings {
    /// Tells the log something of a program.
    fn note(&self, label: &[u8], what: &[u8]) {
        self.log.note(&[label, b": ", what].concat());
    }
}

impl<S, W: Waiting + Default> Cgi<S, W> {
    /// Runs the programs in `folders` beneath `root`, each a path of names with slashes between them, such
    /// as `cgi-bin`. `inner` answers all other requests.
    pub fn new(inner: S, root: Folder, folders: &[String]) -> Self {
        let settings = Settings {
            timeout: TIMEOUT,
            spool: SPOOL,
            variables: Vec::new(),
            has_users: false,
            log: Log::default(),
        };
        Self {
            inner,
            waiting: W::default(),
            programs: Arc::new(Programs::new(root, folders)),
            turns: Turns::new(MAX),
            ending: Endings::default(),
            settings,
        }
    }
}

impl<S, W> Cgi<S, W> {
    /// Sets how many programs run at a time; 0 counts as 1. Further requests wait for up to ten
    /// seconds, or the [time-out](Self::timeout) if that is less.
    /// The default is 32.
    pub fn max(mut self, max: usize) -> Self {
        self.turns = Turns::new(max.max(1));
        self
    }

    /// Sets how long a program may take for the head of its reply, and for each further piece; the default
    /// is a minute.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets how many octets of chunked content are collected, which a program is sent with its length; the
    /// default is 256 MiB.
    pub fn spool(mut self, most: u64) -> Self {
        self.settings.spool = most;
        self
    }

    /// Adds a variable to the environment of programs. The request's own take precedence.
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.settings.variables.push((name.into(), value.into()));
        self
    }

    /// Tells programs who asks, as `REMOTE_USER`, and that a password was checked, as `AUTH_TYPE`
    /// (RFC 3875 §4.1.1, §4.1.11). Call this if a
    /// [`BasicAuth`](thimble_core::service::layers::BasicAuth) is around this service, and only then:
    /// whatever the client says is believed.
    pub fn with_users(mut self) -> Self {
        self.settings.has_users = true;
        self
    }

    /// Runs files whose names end in `end` by the program at the path `interpreter`, whether they could be
    /// run themselves or not. The last that fits counts.
    pub fn interpreter(mut self, end: impl Into<String>, interpreter: impl Into<PathBuf>) -> Self {
        if let Some(programs) = Arc::get_mut(&mut self.programs) {
            programs.interpreters.push((end.into(), interpreter.into()));
        }
        self
    }

    /// Runs programs whose names begin with a dot, too.
    pub fn show_hidden(mut self) -> Self {
        if let Some(programs) = Arc::get_mut(&mut self.programs) {
            programs.shows_hidden = true;
        }
        self
    }

    /// Sets the log, which has the faults of programs and what they write to standard error.
    pub fn log(mut self, log: Log) -> Self {
        self.settings.log = log;
        self
    }
}

impl<S: Service, W: Waiting> Service for Cgi<S, W> {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        if self.programs.have(exchange.segments()) {
            // Most requests are not for programs, and need no room for one.
            return Box::pin(self.run(exchange)).await;
        }
        self.inner.call(exchange).await
    }

    fn fields(&self) -> &[(&str, &str)] {
        self.inner.fields()
    }
}

/// What is known of a request besides its head.
#[derive(Clone, Copy)]
struct Connected {
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    is_secure: bool,
}

impl<S: Service, W: Waiting> Cgi<S, W> {
    /// Answers a request for a program.
    async fn run<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let sent = exchange.head();
        if matches!(sent.method(), Method::Trace | Method::Connect) {
            return Ok(exchange.allow(&[Method::Get, Method::Post]));
        }
        let mut program = match self.find(exchange.target().path()).await {
            Ok(Some(program)) => program,
            Ok(None) => return self.inner.call(exchange).await,
            Err(refusal) => return Ok(exchange.refuse(refusal)),
        };
        let Some(_turn) = self.turn(exchange.connection()).await else {
            return Ok(exchange.refuse(*BUSY));
        };
        let connected = Connected {
            peer: exchange.peer(),
            local: exchange.local(),
            is_secure: exchange.is_secure(),
        };
        let (mut body, mut respond) = exchange.open().await?;
        let (mut length, mut input) = self.input(sent, &mut body).await?;
        let mut redirected: Option<Vec<u8>> = None;
        for _ in 0..=MAX_REDIRECTS {
            let parsed = redirected.as_deref().map(Head::parse).transpose()?;
            let head = parsed.as_ref().unwrap_or(sent);
            let is_piped = matches!(input, Input::Pipe);
            let start = Start {
                variables: self.variables(head, &program, length.take(), connected),
                words: words(head),
                input: std::mem::replace(&mut input, Input::Nothing),
                program: program.clone(),
            };
            let ending = self.ending.share();
            let started = self.waiting.apart(move || start.spawn(ending)).await.flatten();
            let label = program.label();
            let relay = started
                .and_then(|running| Relay::new(&self.waiting, &self.settings, label, running));
            let relay = match relay {
                Ok(relay) => relay,
                Err(error) => return Ok(respond.refuse(*self.not_started(label, &error))),
            };
            let content = is_piped.then_some(&mut body);
            let target = match relay.run(content, respond).await? {
                Outcome::Replied(responded) => return Ok(responded),
                Outcome::Redirected(next, target) => {
                    respond = next;
                    target
                }
            };
            let Some(path) = path_and_query(target.as_bytes()) else { break };
            let mut octets = vec![0; redirect_room(head, &target)];
            let room = redirect(head, path, &mut octets).map_err(|_| Error::Cut)?.len();
            octets.truncate(room);
            match self.find(path.path()).await {
                Ok(Some(next)) => program = next,
                Ok(None) => {
                    let head = Head::parse(&octets)?;
                    let mut scratch = vec![0; target.len()];
                    return respond.forward(body, &self.inner, &head, &mut scratch).await;
                }
                Err(refusal) => return Ok(respond.refuse(refusal)),
            }
            redirected = Some(octets);
        }
        self.settings.note(program.label(), CIRCULAR.reason.as_bytes());
        Ok(respond.refuse(*CIRCULAR))
    }

    /// The program that `path` names; `None` if it leads into none of the folders.
    async fn find(&self, path: &str) -> Result<Option<Program>, Refusal> {
        let (programs, path) = (Arc::clone(&self.programs), path.to_owned());
        let found = self.waiting.apart(move || programs.find(&path)).await;
        found.unwrap_or(Err(*BUSY))
    }

    /// A turn to run a program, once there is one; `None` if the client leaves before, or it takes too
    /// long.
    async fn turn(&self, connection: Option<&(dyn Any + Send + Sync)>) -> Option<Turn> {
        let (queued, reader) = match self.turns.ask().ok()? {
            Asked::Turn(turn) => return Some(turn),
            Asked::Queued(queued, reader) => (queued, reader),
        };
        let told = self.waiting.pipe(reader, Way::In).ok()?;
        let watched = [Some(&told), None, None, None, None];
        let mut interest = Interest { shuts: true, ..Interest::default() };
        let end = moment().saturating_add(QUEUE.min(self.settings.timeout));
        loop {
            let left = end.saturating_sub(moment());
            let ready = self.waiting.wait(&watched, connection, interest, left).await.ok()?;
            if ready.has(0) {
                return Some(queued.take());
            }
            if left.is_zero() || ready.is_over {
                return None;
            }
            // It may still read.
            interest.shuts &= !ready.shuts;
        }
    }

    /// What a program is given to read, and how long that is. Content of unknown length is collected.
    async fn input<R: Receive>(
        &self,
        head: &Head<'_>,
        body: &mut Body<'_, R>,
    ) -> Result<(Option<u64>, Input), Error<R::Error>> {
        let facts = head.facts();
        if facts.transfer_encoding == TransferEncoding::Absent {
            return Ok(match facts.content_length() {
                Once::Valid(length @ 1..) => (Some(length), Input::Pipe),
                Once::Valid(length) => (Some(length), Input::Nothing),
                _ => (None, Input::Nothing),
            });
        }
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::FileTooLarge => Error::Refused(TOO_LARGE),
            _ => Error::Application(&SPOOL_FAILED),
        };
        let mut spool = Spool::new(self.settings.spool);
        while let Some(octets) = body.chunk().await? {
            spool.push(octets, &self.waiting).await.map_err(failed)?;
        }
        let length = spool.len();
        let file: File = spool.into_file(&self.waiting).await.map_err(failed)?;
        Ok((Some(length), Input::File(file)))
    }

    /// The environment of a program.
    fn variables(
        &self,
        head: &Head<'_>,
        program: &Program,
        length: Option<u64>,
        connected: Connected,
    ) -> Vec<(OsString, OsString)> {
        let root = self.programs.root.place();
        let mut request = Request::new(head, &program.script_name, &program.path_info);
        request.root = root.as_os_str().as_bytes();
        request.file = program.file.as_os_str().as_bytes();
        request.content_length = length;
        request.peer = connected.peer;
        request.local = connected.local;
        request.is_secure = connected.is_secure;
        let sent = head.fields().only("Authorization").filter(|_| self.settings.has_users);
        let user: Vec<u8> =
            sent.and_then(Basic::of).map(|it| it.user().collect()).unwrap_or_default();
        request.user = &user;
        let mut buffer = vec![0; request.room()];
        let variables = request.variables(&mut buffer).flatten();
        let variables = variables.map(|(name, value)| (name.into(), text(value)));
        self.settings.variables.iter().cloned().chain(variables).collect()
    }

    /// Tells the log why a program was not started, and says what answers its request.
    fn not_started(&self, label: &[u8], error: &io::Error) -> &'static Refusal {
        let (hint, refusal) = match Errno::from_io_error(error) {
            Some(Errno::AGAIN | Errno::MFILE | Errno::NFILE | Errno::NOMEM) => ("", BUSY),
            Some(Errno::NOENT) => (" (is there what its first line names?)", FAILED),
            Some(Errno::NOEXEC) => (" (does its first line begin with #!?)", FAILED),
            _ => ("", FAILED),
        };
        self.settings.note(label, format!("it can't be run: {error}{hint}").as_bytes());
        refusal
    }
}

/// The arguments of a program.
fn words(head: &Head<'_>) -> Vec<OsString> {
    let target = head.target();
    let query = target.query();
    let mut buffer = vec![0; query.map_or(0, str::len)];
    Words::new(head.method(), query, &mut buffer).map(text).collect()
}
