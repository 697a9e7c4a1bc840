//! The supervisor's side: processes, and the signals that say what to do with them.

use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Pid;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

use super::channel::{self, Order, Word};
use super::crew::{Crew, Death, Next};
use super::orphans::Orphans;
use super::{wait, worker};
use crate::clock::moment;
use crate::listen::Listener;
use crate::log::Log;
use crate::signals::{DRAIN, catch, exit_code_of, is_ignored};

/// How long a worker may take until it serves.
const START: Duration = Duration::from_mins(1);

/// How long a worker may take to end once its time is over, or when it has to end at once.
const END: Duration = Duration::from_secs(2);

/// What is said to a supervisor alone.
const OWN_VARIABLES: [&str; 6] = [
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// A turn of events, for those who have to tell others of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The first worker serves.
    Ready,
    /// The workers are about to be replaced.
    Reloading,
    /// All workers are replaced, or the old ones go on because a new one could not start.
    Reloaded,
    /// The workers finish what is under way.
    Stopping,
}

/// Starts workers that share listeners, and sees to it that there are always as many.
#[derive(Debug)]
pub struct Supervisor {
    count: usize,
    listeners: Vec<Listener>,
    log: Log,
    tells_of_starts: bool,
    leaves_listeners: bool,
    ends_orphans: bool,
    message: Vec<u8>,
}

impl Supervisor {
    /// Workers share `listeners`, at most 64 of them. `count` workers are kept; 0 counts as 1. What happens
    /// to them is told in `log`, by its own lines.
    pub fn new(
        count: usize,
        listeners: impl IntoIterator<Item = impl Into<Listener>>,
        log: Log,
    ) -> Self {
        let listeners = listeners.into_iter().map(Into::into).collect();
        Self {
            count,
            listeners,
            log,
            tells_of_starts: false,
            leaves_listeners: false,
            ends_orphans: false,
            message: Vec::new(),
        }
    }

    /// Also tells of each worker that serves, with its process id.
    pub const fn tell_of_starts(mut self) -> Self {
        self.tells_of_starts = true;
        self
    }

    /// Tells each worker this, at most 16 KiB, which it finds in [`Worker::message`](super::Worker::message):
    /// what is made once and is nobody else's business.
    pub fn tell_workers(mut self, message: Vec<u8>) -> Self {
        self.message = message;
        self
    }

    /// Leaves the listeners as they are when it stops, for another process that has them, too: clients who
    /// connect wait for that one.
    pub const fn leave_listeners(mut self) -> Self {
        self.leaves_listeners = true;
        self
    }

    /// Ends the process groups that a worker has started in its session, such as those of programs, when the
    /// worker is killed, and waits for whatever else workers leave behind. That can be told on Linux only;
    /// this process must then have no other children.
    pub const fn end_orphans(mut self) -> Self {
        self.ends_orphans = true;
        self
    }

    /// Runs until a signal ends it, and `tell`s of the turns that others may wait for. Returns the exit code
    /// of the process: a failure if the first worker can't start, which says why itself.
    ///
    /// Call it in a process that has no child processes of its own and does nothing else. SIGHUP is left
    /// alone if it was ignored when the process began, as by nohup. If the process began at a terminal that
    /// is gone, SIGHUP ends it.
    ///
    /// # Errors
    /// The signals can't be caught, or the first worker can't be started.
    pub fn run(self, tell: impl FnMut(Event)) -> io::Result<ExitCode> {
        let program = std::env::current_exe()?;
        let crew = Crew::new(self.count);
        let (processes, stop) = (Vec::new(), None);
        let orphans = self.ends_orphans.then(Orphans::adopt);
        let (settings, is_reloading) = (self, false);
        let running =
            Running { settings, program, crew, processes, orphans, stop, is_reloading, tell };
        running.run()
    }
}

/// A supervisor that runs.
struct Running<F> {
    settings: Supervisor,
    program: PathBuf,
    crew: Crew,
    processes: Vec<Process>,
    /// What dead workers have left, if that is to end.
    orphans: Option<Orphans>,
    /// The exit code, once it stops.
    stop: Option<u8>,
    is_reloading: bool,
    tell: F,
}

/// A worker, as its supervisor sees it.
struct Process {
    /// Which of the workers it is, from 0.
    slot: usize,
    stage: Stage,
    child: Child,
    channel: UnixStream,
    /// Since when it is in this stage.
    since: Duration,
    /// When it is killed.
    deadline: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Starting,
    Serving,
    Leaving,
}

impl<F: FnMut(Event)> Running<F> {
    fn run(mut self) -> io::Result<ExitCode> {
        let mut caught = vec![SIGCHLD, SIGINT, SIGTERM];
        if !is_ignored(SIGHUP) {
            caught.push(SIGHUP);
        }
        let mut signals = catch(&caught)?;
        let has_terminal = io::stdin().is_terminal();
        loop {
            // What comes from here on ends the wait below.
            let mut has_children_to_see = false;
            for signal in signals.pending() {
                match signal {
                    SIGCHLD => has_children_to_see = true,
                    SIGHUP if !has_terminal || io::stdin().is_terminal() => self.reload(),
                    signal => self.stop(signal),
                }
            }
            self.listen_to_workers();
            if let Some(code) = self.look_for_the_dead()? {
                return Ok(code);
            }
            if has_children_to_see && let Some(orphans) = &mut self.orphans {
                orphans.reap(|id| is_worker(&self.processes, id));
            }
            let wanted = self.start_what_is_wanted()?;
            if let Some(code) = self.stop.filter(|_| self.processes.is_empty()) {
                return Ok(code.into());
            }
            if self.is_reloading && self.crew.is_complete() {
                self.is_reloading = false;
                (self.tell)(Event::Reloaded);
            }
            let heard = self.processes.iter().filter(|process| process.stage != Stage::Leaving);
            let mut readable: Vec<_> = heard.map(|process| process.channel.as_fd()).collect();
            readable.push(signals.get_read().as_fd());
            wait(&readable, self.until_a_deadline().into_iter().chain(wanted).min())?;
        }
    }

    fn reload(&mut self) {
        if self.stop.is_some() {
            return;
        }
        self.crew.reload();
        if !self.is_reloading {
            self.is_reloading = true;
            (self.tell)(Event::Reloading);
        }
    }

    /// Has all workers stop; those that do already, end at once.
    fn stop(&mut self, signal: i32) {
        let is_first = self.stop.is_none();
        self.stop = Some(if is_first { 0 } else { exit_code_of(signal) });
        let time = if is_first { DRAIN.saturating_add(END) } else { END };
        if is_first {
            (self.tell)(Event::Stopping);
        }
        let orders: &[Order] = match (is_first, self.settings.leaves_listeners) {
            (true, false) => &[Order::Stop],
            (true, true) => &[Order::Retire, Order::Stop],
            (false, _) => &[Order::Cut],
        };
        for process in &mut self.processes {
            process.leave(orders, Some(time));
        }
        self.settings.listeners.clear();
    }

    /// Hears what the workers say.
    fn listen_to_workers(&mut self) {
        for at in 0..self.processes.len() {
            let Some(process) = self.processes.get(at) else { break };
            if process.stage == Stage::Leaving {
                continue;
            }
            match channel::next_word(&process.channel) {
                Some(Word::Ready) => self.let_serve(at),
                Some(Word::Replace) => self.crew.renew(process.slot),
                None => {}
            }
        }
    }

    /// Lets a worker that has become ready serve, and one that it replaces leave.
    fn let_serve(&mut self, at: usize) {
        let Some(process) = self.processes.get(at) else { return };
        let (slot, id) = (process.slot, process.child.id());
        let is_old = |old: &&mut Process| old.slot == slot && old.stage == Stage::Serving;
        for old in self.processes.iter_mut().filter(is_old) {
            old.leave(&[Order::Retire], None);
        }
        if let Some(process) = self.processes.get_mut(at) {
            process.enter(Stage::Serving, None);
        }
        let is_first = !self.crew.has_begun();
        self.crew.ready(slot);
        if self.settings.tells_of_starts {
            self.note(&format!("{} serves", name(slot, id)));
        }
        if is_first {
            (self.tell)(Event::Ready);
            // What that has started, such as a browser, is no worker's.
            if let Some(orphans) = &mut self.orphans {
                orphans.of_workers(false, |id| is_worker(&self.processes, id));
            }
        }
    }

    /// Sees which workers have ended, and what that means. One signal may stand for many of them.
    ///
    /// Returns the exit code if there is no use in going on.
    fn look_for_the_dead(&mut self) -> io::Result<Option<ExitCode>> {
        let now = moment();
        let (mut at, mut was_killed) = (0, None);
        while let Some(process) = self.processes.get_mut(at) {
            if process.deadline.is_some_and(|deadline| now >= deadline) {
                process.deadline = None;
                process.child.kill()?;
            }
            let Some(status) = process.child.try_wait()? else {
                at = at.saturating_add(1);
                continue;
            };
            let process = self.processes.swap_remove(at);
            was_killed = Some(was_killed.unwrap_or(false) || status.code().is_none());
            let (slot, lived) = (process.slot, now.saturating_sub(process.since));
            let name = name(slot, process.child.id());
            let death = match process.stage {
                Stage::Leaving => continue,
                Stage::Starting => self.crew.failed_to_start(slot, now),
                Stage::Serving => self.crew.died(slot, lived, now),
            };
            if death == Death::GiveUp {
                // It has said why, unless it could not.
                if status.code().is_none() {
                    self.note(&format!("{name} ended before it served ({status})"));
                }
                return Ok(Some(ExitCode::FAILURE));
            }
            self.tell_of(death, &name, &ended(status));
        }
        // Of two that have ended by now, nobody can tell which one has left what.
        if let (Some(was_killed), Some(orphans)) = (was_killed, &mut self.orphans) {
            orphans.of_workers(was_killed, |id| is_worker(&self.processes, id));
        }
        Ok(None)
    }

    /// Starts the workers that are missing. Returns how long to wait until another is.
    fn start_what_is_wanted(&mut self) -> io::Result<Option<Duration>> {
        while self.stop.is_none() {
            let slot = match self.crew.next(moment()) {
                Next::Start(slot) => slot,
                Next::Wait(time) => return Ok(time),
            };
            match self.start(slot) {
                Ok(process) => self.processes.push(process),
                Err(error) => {
                    let death = self.crew.failed_to_start(slot, moment());
                    if death == Death::GiveUp {
                        return Err(error);
                    }
                    let name = format!("worker {}", slot.saturating_add(1));
                    self.tell_of(death, &name, &format!("can't be started ({error})"));
                }
            }
        }
        Ok(None)
    }

    fn start(&self, slot: usize) -> io::Result<Process> {
        let (channel, theirs) = UnixStream::pair()?;
        channel::send_listeners(&channel, &self.settings.listeners, &self.settings.message)?;
        channel.set_nonblocking(true)?;
        let mut arguments = std::env::args_os();
        let program = arguments.next().unwrap_or_default();
        let title = worker::title(&program.to_string_lossy(), slot.saturating_add(1));
        let mut command = Command::new(&self.program);
        command.arg0(title).args(arguments).stdin(Stdio::from(OwnedFd::from(theirs)));
        for variable in OWN_VARIABLES {
            command.env_remove(variable);
        }
        let (child, since) = (command.spawn()?, moment());
        let deadline = Some(since.saturating_add(START));
        Ok(Process { slot, stage: Stage::Starting, child, channel, since, deadline })
    }

    fn until_a_deadline(&self) -> Option<Duration> {
        let now = moment();
        let deadlines = self.processes.iter().filter_map(|process| process.deadline);
        deadlines.min().map(|deadline| deadline.saturating_sub(now))
    }

    /// Says what becomes of a worker that `ended` in this way.
    fn tell_of(&self, death: Death, name: &str, ended: &str) {
        let then = match death {
            Death::Replace(pause) if pause.is_zero() => "another takes its place".into(),
            Death::Replace(pause) => {
                format!("another takes its place in {:.1} s", pause.as_secs_f32())
            }
            Death::KeepOld => "the old workers go on; mend that, and reload again".into(),
            Death::GiveUp => return,
        };
        self.note(&format!("{name} {ended}: {then}"));
    }

    fn note(&self, line: &str) {
        self.settings.log.note(line.as_bytes());
    }
}

impl Process {
    fn enter(&mut self, stage: Stage, deadline: Option<Duration>) {
        (self.stage, self.since, self.deadline) = (stage, moment(), deadline);
    }

    /// Gives it `orders` to leave, and this long to follow them, or all the time that its clients take.
    fn leave(&mut self, orders: &[Order], time: Option<Duration>) {
        for order in orders {
            channel::send_order(&self.channel, *order);
        }
        self.enter(Stage::Leaving, time.map(|time| moment().saturating_add(time)));
    }
}

/// What a worker is called in the log.
fn is_worker(processes: &[Process], id: Pid) -> bool {
    processes.iter().any(|process| Pid::from_child(&process.child) == id)
}

fn name(slot: usize, id: u32) -> String {
    format!("worker {} (process {id})", slot.saturating_add(1))
}

fn ended(status: ExitStatus) -> String {
    format!("ended ({status})")
}
