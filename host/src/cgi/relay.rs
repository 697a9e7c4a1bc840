//! One script and its client: content in, reply out, both as they come.

use std::any::Any;
use std::fmt::Display;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use thimble_core::gateway::{CONTENT_TOO_SLOW, FAILED, HeadError, Outgoing, ReplyHead, TOO_SLOW};
use thimble_core::message::{Refusal, Status};
use thimble_core::server::{Body, Budget, Error, Phase, Receive, Responded, Responder, Transport};

use super::lines::Lines;
use super::process::Process;
use super::spawn::Running;
use super::spool::Spool;
use super::waiting::{Interest, MOST, Pipe, Waiting, Way};
use super::{ENDED, LEFT, SPOOL_FAILED, Settings, lost};
use crate::clock::moment;
use crate::deadline::LATE;

// The numbers of the pipes.
const STDIN: usize = 0;
const STDOUT: usize = 1;
const STDERR: usize = 2;
const END: usize = 3;

/// The longest head of a reply, in octets: half of a transmit buffer has to hold it.
const MAX_HEAD: usize = 12 * 1024;

/// Octets that are read at a time: what a pipe holds.
const READ: usize = 64 * 1024;

/// Octets that are read at a time while the client still sends: a socket with any room has room for these,
/// so that writing them holds up nothing.
const READ_MEANWHILE: usize = 16 * 1024;

/// Octets that are read at most of what a script that has ended left in a pipe: others may still write.
const MOST_LEFT: usize = 1024 * 1024;

/// How long a script may take to end once it has closed its output.
const AFTER_OUTPUT: Duration = Duration::from_secs(1);

/// How long the last of a reply waits for that.
const AT_ONCE: Duration = Duration::from_millis(2);

/// How long to wait for output once a client has shut its sending side, before it is asked whether it is
/// still there.
const HALF_CLOSED: Duration = Duration::from_secs(1);

/// How long a script may run before its end is watched. Those that are quicker have told by closing their output.
const QUICK: Duration = Duration::from_millis(50);

/// How often to look whether a script has ended, on systems that don't tell.
const LOOK: Duration = Duration::from_millis(20);

/// How long a script may take to end, once the head of its reply is there, for the client to be told that the
/// rest of its content is not read.
const AFTER_HEAD: Duration = Duration::from_millis(50);

/// What the log says of a client that takes no more of a reply.
const READS_NO_MORE: &Refusal =
    &Refusal::new(Status::REQUEST_TIMEOUT, "the client reads no more of the reply");

const WAITING_FAILED: &str = "the system can't wait";

/// What a script's run came to.
pub(super) enum Outcome<'c, T: Transport> {
    /// A reply, which is made.
    Replied(Responded<'c, T>),
    /// A reply that is to be made for this path and query.
    Redirected(Responder<'c, T>, String),
}

/// What comes next of a script.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// So many octets of output, in the buffer.
    Output(usize),
    /// No more output.
    End,
    /// The client has shut its sending side a while ago: has it left?
    Shut,
    /// The connection is over, for this reason.
    Over(&'static Refusal),
    /// Nothing came in time, and this is the answer.
    Late(&'static Refusal),
}

/// Who keeps the server waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    /// The script: it has what there is, and says nothing.
    Script,
    /// The client, whose content the script waits for.
    Sender,
    /// The client, who has to read before more output is.
    Reader,
}

/// A script that runs.
pub(super) struct Relay<'r, W: Waiting> {
    waiting: &'r W,
    settings: &'r Settings,
    /// What the log calls it.
    label: &'r [u8],
    pipes: [Option<W::Pipe>; MOST],
    process: Process,
    status: Option<ExitStatus>,
    /// Content that the script has not taken yet, and more behind that.
    pending: Vec<u8>,
    spool: Spool,
    lines: Lines,
    buffer: Vec<u8>,
    /// Output waits for room to the client.
    output_waits: bool,
    /// Octets that are still read once the script has ended.
    left: usize,
    started: Duration,
    /// Whether it was asked for a descriptor that tells when it has ended. Most end before that is of use.
    watches_end: bool,
    /// When octets last moved. Time that the client took is not counted.
    moved: Duration,
    /// What the client has left of its time for sending content, and for reading.
    sending: Budget,
    reading: Budget,
    /// When to ask a client that has shut its sending side whether it is there.
    asks: Option<Duration>,
    /// Whether it has not shut it yet.
    watches: bool,
}

impl<'r, W: Waiting> Relay<'r, W> {
    pub(super) fn new(
        waiting: &'r W,
        settings: &'r Settings,
        label: &'r [u8],
        running: Running,
    ) -> io::Result<Self> {
        let Running { process, stdin, stdout, stderr } = running;
        let stdin = stdin.map(|pipe| waiting.pipe(pipe, Way::Out)).transpose()?;
        let stdout = Some(waiting.pipe(stdout, Way::In)?);
        let stderr = Some(waiting.pipe(stderr, Way::In)?);
        let (mut sending, mut reading) = (Budget::new(), Budget::new());
        sending.enter(Phase::Content, &settings.deadlines);
        reading.enter(Phase::Reply, &settings.deadlines);
        Ok(Self {
            waiting,
            settings,
            label,
            pipes: [stdin, stdout, stderr, None, None],
            process,
            status: None,
            pending: Vec::new(),
            spool: Spool::new(settings.spool),
            lines: Lines::default(),
            buffer: vec![0; READ],
            output_waits: false,
            left: MOST_LEFT,
            started: moment(),
            watches_end: false,
            moved: moment(),
            sending,
            reading,
            asks: None,
            watches: true,
        })
    }

    /// Has the script reply. `content` is what it is sent, if anything is.
    pub(super) async fn run<'c, T: Transport>(
        mut self,
        mut content: Option<&mut Body<'c, T::Rx>>,
        mut respond: Responder<'c, T>,
    ) -> Result<Outcome<'c, T>, Error<T::Error>> {
        let mut head = Vec::new();
        loop {
            match self.next_of_head(&mut content, &mut respond).await? {
                Event::Output(count) => {
                    head.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
                }
                Event::End => {
                    let fault =
                        if head.is_empty() { HeadError::Empty } else { HeadError::Truncated };
                    return self.fail(&fault, FAILED, content, respond).await;
                }
                Event::Late(refusal) => {
                    if let Some(body) = &mut content
                        && refusal.status == CONTENT_TOO_SLOW.status
                    {
                        body.give_up();
                    }
                    return self.fail(&refusal.reason, refusal, content, respond).await;
                }
                Event::Shut => {}
                Event::Over(refusal) => {
                    self.tell(&refusal.reason);
                    return Err(Error::Refused(refusal));
                }
            }
            match ReplyHead::parse(&head) {
                Ok(None) if head.len() <= MAX_HEAD => {}
                Ok(Some((parsed, rest))) if head.len() - rest.len() <= MAX_HEAD => {
                    if let Some(target) = parsed.local_redirect() {
                        return self.redirect(content, respond, target.as_str()).await;
                    }
                    if let Some(body) = &mut content
                        && self.leaves(body).await?
                    {
                        respond.close_unless_drainable(body);
                    }
                    return self.reply(content, Outgoing::begin(&parsed, respond), rest).await;
                }
                Ok(_) => return self.fail(&HeadError::TooLong, FAILED, content, respond).await,
                Err(fault) => return self.fail(&fault, FAILED, content, respond).await,
            }
        }
    }

    /// Whether the script leaves content unread that is too long to be dropped. One that ends right after its
    /// reply has a moment for that.
    async fn leaves<R: Receive>(
        &mut self,
        body: &mut Body<'_, R>,
    ) -> Result<bool, Error<R::Error>> {
        let end = moment().saturating_add(AFTER_HEAD);
        while !body.is_drainable() {
            self.status = self.status.or_else(|| self.process.ended());
            if self.pending.is_empty() && body.is_ready() {
                self.feed(body).await?;
            }
            let waits = self.pending.len();
            self.write(false).await?;
            if self.status.is_some() || self.pipes[STDIN].is_none() {
                return Ok(true);
            }
            self.watch_end();
            let left = end.saturating_sub(moment());
            // It reads on.
            if self.pending.len() < waits || left.is_zero() {
                return Ok(false);
            }
            let [stdin, _, _, end, _] = &self.pipes;
            let stdin = stdin.as_ref().filter(|_| !self.pending.is_empty());
            let most = if end.is_some() { left } else { left.min(LOOK) };
            let watched = [stdin, None, None, end.as_ref(), None];
            let waited = self.waiting.wait(&watched, None, Interest::default(), most).await;
            waited.map_err(|_| Error::Application(&WAITING_FAILED))?;
        }
        Ok(false)
    }

    /// Sends a reply whose head was received, and `first` of its content.
    async fn reply<'c, T: Transport>(
        mut self,
        mut content: Option<&mut Body<'c, T::Rx>>,
        mut out: Outgoing<'c, T>,
        first: &[u8],
    ) -> Result<Outcome<'c, T>, Error<T::Error>> {
        let mut excess = out.queue(first).await?;
        loop {
            let is_last = match self.read_on(content.is_some()) {
                Some(count) => {
                    let octets = self.buffer.get(..count).unwrap_or_default();
                    excess = excess.saturating_add(out.queue(octets).await?);
                    false
                }
                None => self.pipes[STDOUT].is_none(),
            };
            if !is_last {
                out.flush().await?;
            }
            self.moved = moment();
            match self.next(&mut content, out.connection(), true).await? {
                Event::Output(count) => {
                    let octets = self.buffer.get(..count).unwrap_or_default();
                    excess = excess.saturating_add(out.queue(octets).await?);
                    // Whoever has left answers this by a reset.
                    self.asks = None;
                }
                Event::End => break,
                Event::Shut => {
                    out.probe().await?;
                    self.asks = None;
                }
                Event::Over(refusal) | Event::Late(refusal) => {
                    self.tell(&refusal.reason);
                    return Err(Error::Refused(refusal));
                }
            }
        }
        if excess > 0 && !out.omits_content() {
            self.tell(&format_args!("it sent {excess} octets more than it announced"));
        }
        let (is_full, missing) = (out.is_full(), out.missing());
        // What it has said last leaves together with the end of the reply, unless that takes longer.
        self.pipes[STDIN] = None;
        let is_over = self.wait_for_end(AT_ONCE).await;
        if missing > 0 || !is_over || !self.status.is_some_and(|status| status.success()) {
            out.flush().await?;
        }
        let status = self.end().await;
        if missing > 0 {
            self.tell(&format_args!("it sent {missing} octets less than it announced"));
        }
        if missing > 0 || status.is_some_and(|status| status.signal().is_some()) && !is_full {
            // A part must not look whole. The log says why already.
            return Err(Error::Refused(FAILED));
        }
        out.finish().map(Outcome::Replied)
    }

    /// Lets the script end, whose reply another resource makes. What it sends besides is dropped.
    async fn redirect<'c, T: Transport>(
        mut self,
        mut content: Option<&mut Body<'c, T::Rx>>,
        mut respond: Responder<'c, T>,
        target: &str,
    ) -> Result<Outcome<'c, T>, Error<T::Error>> {
        loop {
            match self.next_of_head(&mut content, &mut respond).await? {
                Event::Output(_) | Event::Shut => {}
                Event::Over(refusal) => {
                    self.tell(&refusal.reason);
                    return Err(Error::Refused(refusal));
                }
                Event::End | Event::Late(_) => break,
            }
        }
        self.end().await;
        Ok(Outcome::Redirected(respond, target.to_owned()))
    }

    /// Waits for what comes next while nothing of the reply has left. A client that has shut its sending side is
    /// asked whether it is there: one that is not answers by a reset. Where it can't be asked, it is there.
    async fn next_of_head<'c, T: Transport>(
        &mut self,
        content: &mut Option<&mut Body<'c, T::Rx>>,
        respond: &mut Responder<'c, T>,
    ) -> Result<Event, Error<T::Error>> {
        let event = match self.next(content, respond.connection(), false).await {
            Ok(Event::Shut) => {
                self.asks = None;
                respond.probe().await.map(|_| Event::Shut)
            }
            outcome => outcome,
        };
        match event {
            // With a reply of its own the request has its line in the log, though nobody reads that.
            Err(Error::Transport(error)) => Ok(Event::Over(lost(&error))),
            Err(Error::Refused(refusal)) => {
                self.tell(&refusal.reason);
                Err(Error::Refused(refusal))
            }
            outcome => outcome,
        }
    }

    /// Waits for what comes next. `is_reply` says that output goes to the client.
    async fn next<R: Receive>(
        &mut self,
        content: &mut Option<&mut Body<'_, R>>,
        connection: Option<&(dyn Any + Send + Sync)>,
        is_reply: bool,
    ) -> Result<Event, Error<R::Error>> {
        loop {
            if self.pipes[STDOUT].is_none() {
                return Ok(Event::End);
            }
            if self.status.is_some() {
                // What others write who have its output still belongs to nobody.
                self.pipes[STDIN] = None;
                let read = self.read(READ);
                self.left = self.left.saturating_sub(read.unwrap_or_default());
                return Ok(read.filter(|_| self.left > 0).map_or(Event::End, Event::Output));
            }
            let now = moment();
            let party = self.awaited(content.is_some());
            let Some(left) = self.time_left(party, now) else {
                return Ok(Event::Late(late(party)));
            };
            let left = match self.asks {
                Some(asks) if asks <= now => return Ok(Event::Shut),
                Some(asks) => left.min(asks.saturating_sub(now)),
                None => left,
            };
            let most = left.min(self.until_look(now));
            let is_there = content.as_ref().is_some_and(|body| body.is_ready());
            let interest = self.interest(content.is_some());
            let most = if is_there && interest.sends { Duration::ZERO } else { most };
            let waited = self.waiting.wait(&self.watched(), connection, interest, most).await;
            let ready = waited.map_err(|_| Error::Application(&WAITING_FAILED))?;
            // Beyond that, this process or this machine stood still.
            let waited = moment().saturating_sub(now).min(most.saturating_add(LATE));
            self.spend(party, waited);
            if ready.is_ended {
                return Ok(Event::Over(ENDED));
            }
            if ready.is_over {
                return Ok(Event::Over(LEFT));
            }
            if ready.shuts {
                (self.asks, self.watches) = (Some(now.saturating_add(HALF_CLOSED)), false);
            }
            if (ready.sends || is_there)
                && interest.sends
                && let Some(body) = content
                && !self.feed(body).await?
            {
                *content = None;
            }
            if ready.has(STDIN) || (content.is_none() && self.pending.is_empty()) {
                self.write(content.is_none()).await?;
            }
            if ready.has(STDERR) {
                self.read_lines();
            }
            if ready.has(END) || self.watches_end && self.pipes[END].is_none() {
                self.status = self.process.ended();
            }
            let may_write = !is_reply || content.is_none() || ready.takes;
            let has_output = ready.has(STDOUT) || self.output_waits;
            self.output_waits = has_output && !may_write;
            if has_output
                && may_write
                && let Some(count) =
                    self.read(if content.is_some() { READ_MEANWHILE } else { READ })
            {
                self.reading.spend(Duration::ZERO, count, &self.settings.deadlines);
                return Ok(Event::Output(count));
            }
        }
    }

    /// How long to wait at most before the script is looked after.
    fn until_look(&mut self, now: Duration) -> Duration {
        let age = now.saturating_sub(self.started);
        if !self.watches_end && age < QUICK {
            return QUICK.saturating_sub(age);
        }
        self.watch_end();
        // Without a descriptor, nothing tells that it has ended.
        if self.pipes[END].is_none() { LOOK } else { Duration::MAX }
    }

    /// Has waits end when the script does.
    fn watch_end(&mut self) {
        if !std::mem::replace(&mut self.watches_end, true) {
            let descriptor = self.process.descriptor();
            self.pipes[END] =
                descriptor.and_then(|descriptor| self.waiting.pipe(descriptor, Way::In).ok());
        }
    }

    /// Who keeps the server waiting.
    fn awaited(&self, has_content: bool) -> Party {
        let is_starved = has_content && self.pending.is_empty() && self.pipes[STDIN].is_some();
        match (self.output_waits, is_starved) {
            (true, _) => Party::Reader,
            (false, true) => Party::Sender,
            (false, false) => Party::Script,
        }
    }

    /// How much longer that may be; `None` if it was too long.
    fn time_left(&self, party: Party, now: Duration) -> Option<Duration> {
        match party {
            Party::Script => {
                let end = self.moved.saturating_add(self.settings.timeout);
                Some(end.saturating_sub(now)).filter(|left| !left.is_zero())
            }
            Party::Sender => self.sending.left(),
            Party::Reader => self.reading.left(),
        }
    }

    /// Takes note of how long that was.
    fn spend(&mut self, party: Party, waited: Duration) {
        let deadlines = &self.settings.deadlines;
        match party {
            Party::Script => return,
            Party::Sender => self.sending.spend(waited, 0, deadlines),
            Party::Reader => self.reading.spend(waited, 0, deadlines),
        }
        self.moved = self.moved.saturating_add(waited);
    }

    /// What is waited for of the client.
    fn interest(&self, has_content: bool) -> Interest {
        // A client that reads nothing before it has sent everything is not left to wait for ever.
        let sends = match (&self.pipes[STDIN], self.pending.is_empty()) {
            (Some(_), true) => true,
            (Some(_), false) => self.output_waits && self.spool.has_room(),
            (None, _) => self.output_waits,
        };
        Interest { sends: has_content && sends, takes: self.output_waits, shuts: self.watches }
    }

    /// The pipes that are waited for.
    fn watched(&self) -> [Option<&W::Pipe>; MOST] {
        let [stdin, stdout, stderr, end, _] = &self.pipes;
        let stdin = stdin.as_ref().filter(|_| !self.pending.is_empty());
        let stdout = stdout.as_ref().filter(|_| !self.output_waits);
        [stdin, stdout, stderr.as_ref(), end.as_ref(), None]
    }

    /// Passes content on, as much as has come. Returns whether more will.
    async fn feed<R: Receive>(&mut self, body: &mut Body<'_, R>) -> Result<bool, Error<R::Error>> {
        let Some(mut octets) = body.chunk().await? else { return Ok(false) };
        self.moved = moment();
        self.sending.spend(Duration::ZERO, octets.len(), &self.settings.deadlines);
        if self.pending.is_empty()
            && self.spool.len() == 0
            && let Some(stdin) = &self.pipes[STDIN]
        {
            while !octets.is_empty() {
                match stdin.write(octets) {
                    Ok(count) => octets = octets.get(count..).unwrap_or_default(),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // If it takes no more at all, that shows when it is written to again.
                    Err(_) => break,
                }
            }
            self.pending.extend_from_slice(octets);
        } else if self.pipes[STDIN].is_some() {
            let pushed = self.spool.push(octets, self.waiting).await;
            pushed.map_err(|_| Error::Application(&SPOOL_FAILED))?;
        }
        Ok(true)
    }

    /// Writes content that the script had no room for; its end, when that was all.
    async fn write<E>(&mut self, is_all: bool) -> Result<(), Error<E>> {
        while let Some(stdin) = &self.pipes[STDIN] {
            if self.pending.is_empty() {
                let taken = self.spool.take(self.waiting).await;
                self.pending = taken.map_err(|_| Error::Application(&SPOOL_FAILED))?;
            }
            if self.pending.is_empty() {
                if is_all {
                    self.pipes[STDIN] = None;
                }
                return Ok(());
            }
            match stdin.write(&self.pending) {
                Ok(count) => {
                    self.pending.drain(..count);
                    self.moved = moment();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => {
                    // It reads no more.
                    self.pipes[STDIN] = None;
                    self.pending = Vec::new();
                }
            }
        }
        Ok(())
    }

    /// Reads output into the buffer. `None` if nothing is there, or nothing more will come.
    fn read(&mut self, most: usize) -> Option<usize> {
        let stdout = self.pipes[STDOUT].as_ref()?;
        let read = stdout.read(self.buffer.get_mut(..most)?);
        match read {
            Ok(count @ 1..) => {
                self.moved = moment();
                Some(count)
            }
            Err(error) if is_passing(&error) => None,
            Ok(_) | Err(_) => {
                self.pipes[STDOUT] = None;
                None
            }
        }
    }

    /// Tells the log what the script has written to standard error.
    fn read_lines(&mut self) {
        let mut left = MOST_LEFT;
        while let Some(stderr) = &self.pipes[STDERR]
            && left > 0
        {
            let mut octets = [0; 4096];
            match stderr.read(&mut octets) {
                Ok(count @ 1..) => {
                    left = left.saturating_sub(count);
                    let octets = octets.get(..count).unwrap_or_default();
                    let (settings, label) = (self.settings, self.label);
                    self.lines.push(octets, |line| settings.note(label, line));
                }
                Err(error) if is_passing(&error) => return,
                Ok(_) | Err(_) => self.pipes[STDERR] = None,
            }
        }
    }

    /// Tells the log the rest of that.
    fn last_lines(&mut self) {
        self.read_lines();
        let (settings, label) = (self.settings, self.label);
        self.lines.end(|line| settings.note(label, line));
    }

    /// Reads what else is there already of the output, unless the client still sends: then it goes by turns.
    fn read_on(&mut self, has_content: bool) -> Option<usize> {
        if has_content || self.status.is_some() { None } else { self.read(READ) }
    }

    /// Waits for the end of the script, whose output is at its end, for a moment: it may have other things
    /// to do. Returns how it has ended, if it has.
    async fn end(&mut self) -> Option<ExitStatus> {
        self.pipes[STDIN] = None;
        self.wait_for_end(AFTER_OUTPUT).await;
        self.last_lines();
        match self.status {
            Some(status) if !status.success() => self.tell(&format_args!("it ended by {status}")),
            Some(_) => {}
            None => self.process.leave(),
        }
        self.status
    }

    /// Waits for the end of the script. Returns whether it has come.
    async fn wait_for_end(&mut self, most: Duration) -> bool {
        let end = moment().saturating_add(most);
        loop {
            self.status = self.status.or_else(|| self.process.ended());
            let left = end.saturating_sub(moment());
            if self.status.is_some() || left.is_zero() {
                return self.status.is_some();
            }
            self.read_lines();
            self.watch_end();
            let [_, _, stderr, end, _] = &self.pipes;
            let most = if end.is_some() { left } else { left.min(LOOK) };
            let watched = [None, None, stderr.as_ref(), end.as_ref(), None];
            if self.waiting.wait(&watched, None, Interest::default(), most).await.is_err() {
                return false;
            }
        }
    }

    /// Answers by `refusal`, and tells the log why.
    async fn fail<'c, T: Transport>(
        &mut self,
        why: &(dyn Display + Sync),
        refusal: &Refusal,
        content: Option<&mut Body<'c, T::Rx>>,
        mut respond: Responder<'c, T>,
    ) -> Result<Outcome<'c, T>, Error<T::Error>> {
        if self.pipes[STDOUT].is_none() {
            self.end().await;
        } else {
            self.last_lines();
        }
        self.tell(why);
        if let Some(body) = content {
            respond.close_unless_drainable(body);
        }
        Ok(Outcome::Replied(respond.refuse(*refusal)))
    }

    fn tell(&self, what: &dyn Display) {
        self.settings.note(self.label, what.to_string().as_bytes());
    }
}

/// What answers a party that was too slow, and what the log says.
const fn late(party: Party) -> &'static Refusal {
    match party {
        Party::Script => TOO_SLOW,
        Party::Sender => CONTENT_TOO_SLOW,
        Party::Reader => READS_NO_MORE,
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
