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

#[cfg(feature = "workers")]
pub(crate) use process::end_all;
#[cfg(feature = "command")]
pub(crate) use process::end_dropped;

use std::any::Any;
use std::ffi::{OsStr, OsString};
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
    says_who_asks,
};
use thimble_core::grammar::credentials::Basic;
use thimble_core::grammar::target::path_and_query;
use thimble_core::message::facts::{Once, TransferEncoding};
use thimble_core::message::{Head, Method, Refusal, Status};
use thimble_core::server::{
    Answer, Body, Deadlines, Error, Exchange, Receive, Responder, Service, Transport,
};

use crate::clock::moment;
use crate::folder::Folder;
use crate::log::Log;
use process::Endings;
use programs::{NOT_FOUND, Program, Programs};
use relay::{Outcome, Relay};
use spawn::{Input, Running, Start, text};
use spool::Spool;
use turns::{Asked, Turn, Turns};
use waiting::{Interest, Waiting, Way};

/// How many programs run at a time by default.
pub const MAX: usize = 32;

/// How long a program may keep its client waiting by default.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// Octets of chunked content that are collected by default.
pub const SPOOL: u64 = 256 * 1024 * 1024;

/// What programs accept, besides OPTIONS and the methods of others.
const ALLOWED: [Method<'_>; 5] =
    [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];

/// What the log says when content can't be kept.
const SPOOL_FAILED: &str = "the content can't be kept in a temporary file";

/// What answers a client that is gone: the reason is for the log.
const LEFT: &Refusal = &Refusal::new(Status::INTERNAL_SERVER_ERROR, "the client left");

/// What answers one whose connection was ended here.
const ENDED: &Refusal =
    &Refusal::new(Status::SERVICE_UNAVAILABLE, "the server has ended the connection");

/// Which of them it is, when a transport fails by this.
fn lost(error: &impl embedded_io::Error) -> &'static Refusal {
    if error.kind() == embedded_io::ErrorKind::ConnectionAborted { ENDED } else { LEFT }
}

/// How long a client that has shut its sending side has to answer, when it is asked whether it is there.
const ANSWER: Duration = Duration::from_millis(200);

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
    deadlines: Deadlines,
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
            deadlines: Deadlines::default(),
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
    /// is a minute. Time in which the client keeps it waiting is not counted.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets how long a client may keep a program waiting, for content or because it reads none of the reply.
    /// They should be those of the server.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.settings.deadlines = deadlines;
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

/// What starting a program came to.
enum Started {
    Done(io::Result<Running>),
    /// Its path leads elsewhere now.
    Changed(Start, Result<Option<Program>, Refusal>),
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
    #[expect(clippy::too_many_lines, reason = "each step borrows what those before it have made")]
    async fn run<'c, T: Transport>(&'c self, mut exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let sent = exchange.head();
        if matches!(sent.method(), Method::Trace | Method::Connect) {
            return Ok(exchange.allow(&ALLOWED));
        }
        let path = exchange.target().path();
        let recent = self.programs.recent(path);
        // Then it is looked for again where it is started: so one thread that may wait does both.
        let mut is_recent = recent.is_some();
        let mut program = match recent {
            Some(program) => program,
            None => match self.find(path).await {
                Ok(Some(program)) => {
                    self.programs.remember(path, Some(&program));
                    program
                }
                Ok(None) => return self.inner.call(exchange).await,
                Err(refusal) => return Ok(exchange.refuse(refusal)),
            },
        };
        let connected = Connected {
            peer: exchange.peer(),
            local: exchange.local(),
            is_secure: exchange.is_secure(),
        };
        // Content that is collected first keeps no program waiting.
        let is_collected = sent.facts().transfer_encoding != TransferEncoding::Absent;
        let mut turn = None;
        if !is_collected {
            turn = self.turn(&mut exchange, program.label()).await?;
            if turn.is_none() {
                return Ok(exchange.refuse(*BUSY));
            }
        }
        let (mut body, mut respond) = exchange.open().await?;
        let (mut length, mut input) = self.input(sent, &mut body).await?;
        if is_collected {
            turn = self.turn(&mut respond, program.label()).await?;
            if turn.is_none() {
                return Ok(respond.refuse(*BUSY));
            }
        }
        let mut redirected: Option<Vec<u8>> = None;
        for _ in 0..=MAX_REDIRECTS {
            let parsed = redirected.as_deref().map(Head::parse).transpose()?;
            let head = parsed.as_ref().unwrap_or(sent);
            let is_piped = matches!(input, Input::Pipe);
            let length = length.take();
            let started = loop {
                let start = Start {
                    variables: self.variables(head, &program, length, connected),
                    words: words(head),
                    input: std::mem::replace(&mut input, Input::Nothing),
                    program: program.clone(),
                };
                let looked_for = std::mem::take(&mut is_recent).then_some(path);
                match self.start(start, looked_for).await {
                    Started::Done(started) => break started,
                    Started::Changed(start, Ok(Some(other))) => {
                        self.programs.remember(path, Some(&other));
                        (program, input) = (other, start.input);
                    }
                    Started::Changed(_, other) => {
                        self.programs.remember(path, None);
                        respond.close_unless_drainable(&body);
                        return Ok(respond.refuse(other.err().unwrap_or(NOT_FOUND)));
                    }
                }
            };
            let label = program.label();
            let relay = started
                .and_then(|running| Relay::new(&self.waiting, &self.settings, label, running));
            let relay = match relay {
                Ok(relay) => relay,
                Err(error) => {
                    respond.close_unless_drainable(&body);
                    return Ok(respond.refuse(*self.not_started(label, &error)));
                }
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
                    drop(turn);
                    let head = Head::parse(&octets)?;
                    let mut scratch = vec![0; target.len()];
                    return respond.forward(body, &self.inner, &head, &mut scratch).await;
                }
                Err(refusal) => {
                    respond.close_unless_drainable(&body);
                    return Ok(respond.refuse(refusal));
                }
            }
            redirected = Some(octets);
        }
        self.settings.note(program.label(), CIRCULAR.reason.as_bytes());
        respond.close_unless_drainable(&body);
        Ok(respond.refuse(*CIRCULAR))
    }

    /// The program that `path` names; `None` if it leads into none of the folders.
    async fn find(&self, path: &str) -> Result<Option<Program>, Refusal> {
        let (programs, path) = (Arc::clone(&self.programs), path.to_owned());
        let found = self.waiting.apart(move || programs.find(&path)).await;
        found.unwrap_or(Err(*BUSY))
    }

    /// Starts a program, if it is the one that is `looked_for`.
    async fn start(&self, start: Start, looked_for: Option<&str>) -> Started {
        let looked_for = looked_for.map(|path| (Arc::clone(&self.programs), path.to_owned()));
        let ending = self.ending.share();
        let started = self.waiting.apart(move || {
            if let Some((programs, path)) = looked_for {
                let found = programs.find(&path);
                if !matches!(&found, Ok(Some(program)) if *program == start.program) {
                    return Started::Changed(start, found);
                }
            }
            Started::Done(start.spawn(ending))
        });
        started.await.unwrap_or_else(|error| Started::Done(Err(error)))
    }

    /// A turn to run a program, once there is one; `None` if it takes too long.
    ///
    /// # Errors
    /// The client leaves before.
    async fn turn<C: Client>(
        &self,
        client: &mut C,
        label: &[u8],
    ) -> Result<Option<Turn>, Error<C::Error>> {
        let (queued, reader) = match self.turns.ask() {
            Ok(Asked::Turn(turn)) => return Ok(Some(turn)),
            Ok(Asked::Queued(queued, reader)) => (queued, reader),
            Err(_) => return Ok(None),
        };
        let Ok(told) = self.waiting.pipe(reader, Way::In) else { return Ok(None) };
        let end = moment().saturating_add(QUEUE.min(self.settings.timeout));
        let (mut has_come, mut shuts, mut is_asked, mut answers) = (false, true, false, None);
        loop {
            let now = moment();
            // It may still read: who is gone answers by a reset. Where it can't be asked, it is there.
            if !shuts && !is_asked {
                is_asked = true;
                match client.probe().await {
                    Ok(true) => answers = Some(now.saturating_add(ANSWER)),
                    Ok(false) => {}
                    Err(Error::Transport(error)) => return Err(self.over(label, lost(&error))),
                    Err(error) => return Err(error),
                }
            }
            let until = match answers {
                Some(until) if has_come && now < until => until,
                _ if has_come => return Ok(Some(queued.take())),
                _ => end,
            };
            if !has_come && now >= end {
                return Ok(None);
            }
            let watched = [Some(&told).filter(|_| !has_come), None, None, None, None];
            let interest = Interest { shuts, ..Interest::default() };
            let left = until.saturating_sub(now);
            let waited = self.waiting.wait(&watched, client.connection(), interest, left).await;
            let Ok(ready) = waited else { return Ok(None) };
            if ready.is_ended {
                return Err(self.over(label, ENDED));
            }
            if ready.is_over {
                return Err(self.over(label, LEFT));
            }
            has_come |= ready.has(0);
            shuts &= !ready.shuts;
        }
    }

    /// The connection is over before the turn of its client came.
    fn over<E>(&self, label: &[u8], refusal: &'static Refusal) -> Error<E> {
        self.settings.note(label, refusal.reason.as_bytes());
        Error::Refused(refusal)
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
        let Settings { variables: own, has_users, .. } = &self.settings;
        // Nobody is who a flag says where clients say who they are.
        let says_who_asks = |name: &OsStr| name.to_str().is_some_and(says_who_asks);
        let own = own.iter().filter(|(name, _)| !(*has_users && says_who_asks(name)));
        own.cloned().chain(variables).collect()
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

/// A client that waits for its turn.
trait Client {
    /// What goes wrong in asking it.
    type Error: embedded_io::Error;

    /// What the transport knows it by.
    fn connection(&self) -> Option<&(dyn Any + Send + Sync)>;

    /// Asks whether it is there. Returns false if it can't be asked.
    async fn probe(&mut self) -> Result<bool, Error<Self::Error>>;
}

impl<T: Transport> Client for Exchange<'_, T> {
    type Error = T::Error;

    fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.connection()
    }

    async fn probe(&mut self) -> Result<bool, Error<T::Error>> {
        self.probe().await
    }
}

impl<T: Transport> Client for Responder<'_, T> {
    type Error = T::Error;

    fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.connection()
    }

    async fn probe(&mut self) -> Result<bool, Error<T::Error>> {
        self.probe().await
    }
}

/// The arguments of a program.
fn words(head: &Head<'_>) -> Vec<OsString> {
    let target = head.target();
    let query = target.query();
    let mut buffer = vec![0; query.map_or(0, str::len)];
    Words::new(head.method(), query, &mut buffer).map(text).collect()
}
