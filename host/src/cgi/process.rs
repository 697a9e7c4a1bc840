//! Processes of scripts, and how they end: none outlives its time, and none is left a zombie.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::clock::moment;

/// How long a process may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How long those it has started may take once it has ended.
const REST: Duration = Duration::from_millis(100);

/// How often to look whether a process has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The same, when those that are left may go on for as long as they like.
const LOOK_NOW_AND_THEN: Duration = Duration::from_millis(200);

/// The process of a script, the leader of a group. When it is dropped before it has ended, all of the group
/// is asked to end (SIGTERM), and made to a little later (SIGKILL).
#[derive(Debug)]
pub(super) struct Process {
    child: Option<Child>,
    ending: Arc<Ending>,
}

/// The processes of all servers here that were not waited for, and whether each was told to end.
static ALL: Mutex<All> = Mutex::new(All { processes: BTreeMap::new(), is_over: false });

#[derive(Debug)]
struct All {
    processes: BTreeMap<u32, bool>,
    /// Whether this process is about to end.
    is_over: bool,
}

fn all() -> MutexGuard<'static, All> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signals the groups of all programs that run, because this process ends now. Those that are started
/// meanwhile end as well.
#[cfg(feature = "workers")]
pub(crate) fn end_all(how: Signal) {
    let mut all = all();
    all.is_over = true;
    all.signal(how, |_| true);
}

/// Ends the groups of programs whose time was up, or whose clients have left, because this process ends now.
#[cfg(feature = "command")]
pub(crate) fn end_dropped() {
    let has_any = all().processes.values().any(|is_told| *is_told);
    if has_any {
        thread::sleep(REST);
        all().signal(Signal::KILL, |is_told| is_told);
    }
}

#[cfg(feature = "workers")]
impl All {
    /// Signals the groups of those that were told to end, or not. None of them was waited for, so nobody else
    /// can have its number.
    fn signal(&self, how: Signal, is_meant: impl Fn(bool) -> bool) {
        for (id, _) in self.processes.iter().filter(|(_, is_told)| is_meant(**is_told)) {
            if let Some(id) = i32::try_from(*id).ok().and_then(Pid::from_raw) {
                // Without any process in it, there is nothing to be done.
                let _ = kill_process_group(id, how);
            }
        }
    }
}

/// How a process has ended, if it has. From then on, others may have its number.
fn wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let mut all = all();
    let waited = child.try_wait();
    // An error says that it was waited for by somebody else, mostly.
    if !matches!(waited, Ok(None)) {
        all.processes.remove(&child.id());
    }
    waited
}

impl Process {
    pub(super) fn new(child: Child, ending: Arc<Ending>) -> Self {
        let mut all = all();
        all.processes.insert(child.id(), false);
        if all.is_over {
            signal(&child, Signal::KILL);
        }
        drop(all);
        Self { child: Some(child), ending }
    }

    /// A descriptor that can be read from once it has ended, where the system has such.
    #[cfg(target_os = "linux")]
    pub(super) fn descriptor(&self) -> Option<OwnedFd> {
        let id = Pid::from_child(self.child.as_ref()?);
        rustix::process::pidfd_open(id, rustix::process::PidfdFlags::NONBLOCK).ok()
    }

    /// There is none here.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn descriptor(&self) -> Option<OwnedFd> {
        None
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        let status = wait(self.child.as_mut()?).ok()??;
        self.child = None;
        Some(status)
    }

    /// Lets it go on by itself, though nobody waits for what it says.
    pub(super) fn leave(&mut self) {
        if let Some(child) = self.child.take() {
            self.ending.add(child, None);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            all().processes.insert(child.id(), true);
            signal(&child, Signal::TERM);
            self.ending.add(child, Some(moment().saturating_add(GRACE)));
        }
    }
}

/// Signals the group of a process that was not waited for yet, so that nobody else can have its number.
fn signal(child: &Child, signal: Signal) {
    // Without any process in it, there is nothing to be done.
    let _ = kill_process_group(Pid::from_child(child), signal);
}

/// Whether a process has ended. It stays a zombie, and its number its own.
fn has_ended(child: &Child) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    !matches!(waitid(WaitId::Pid(Pid::from_child(child)), options), Ok(None))
}

/// The processes of a server that were not waited for to their end. When this is dropped, those that were
/// told to end do so at once.
#[derive(Debug, Default)]
pub(super) struct Endings(Arc<Ending>);

impl Endings {
    pub(super) fn share(&self) -> Arc<Ending> {
        Arc::clone(&self.0)
    }
}

impl Drop for Endings {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The processes that were not waited for to their end. A thread looks after them as long as there are
/// any.
#[derive(Debug, Default)]
pub(super) struct Ending(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    processes: VecDeque<Left>,
    is_watched: bool,
}

#[derive(Debug)]
struct Left {
    child: Child,
    /// When its group is made to end; `None` if it may go on.
    end: Option<Duration>,
}

impl Ending {
    fn add(self: &Arc<Self>, child: Child, end: Option<Duration>) {
        let mut state = self.lock();
        state.processes.push_back(Left { child, end });
        if state.is_watched {
            return;
        }
        let watched = Arc::clone(self);
        let thread = thread::Builder::new().name("thimble-cgi".into()).stack_size(64 * 1024);
        // Without a thread now, the next one looks after this as well.
        state.is_watched = thread.spawn(move || watched.watch()).is_ok();
    }

    /// Looks after processes until there are none.
    fn watch(&self) {
        loop {
            let mut state = self.lock();
            state.processes.retain_mut(|left| !left.is_over(moment()));
            if state.processes.is_empty() {
                state.is_watched = false;
                return;
            }
            let is_soon = state.processes.iter().any(|left| left.end.is_some());
            drop(state);
            thread::sleep(if is_soon { LOOK } else { LOOK_NOW_AND_THEN });
        }
    }

    /// Makes all end that were told to, now.
    fn end(&self) {
        for left in &mut self.lock().processes {
            if left.end.is_some() {
                left.end = Some(Duration::ZERO);
                left.is_over(moment());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    /// Does what is due at `now`. Returns whether nothing is left of the process.
    fn is_over(&mut self, now: Duration) -> bool {
        let has_ended = has_ended(&self.child);
        if let Some(end) = &mut self.end {
            if has_ended {
                *end = (*end).min(now.saturating_add(REST));
            }
            if now < *end {
                return false;
            }
            signal(&self.child, Signal::KILL);
            *end = now.saturating_add(GRACE);
        }
        match wait(&mut self.child) {
            Ok(status) => status.is_some(),
            // It was waited for by somebody else.
            Err(error) => error.kind() != io::ErrorKind::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    use super::*;

    /// A script in a group of its own, which has said that it is ready.
    fn start(script: &str, ending: &Arc<Ending>) -> io::Result<(Process, Pid)> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let id = Pid::from_child(&child);
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut String::new())?;
        }
        Ok((Process::new(child, Arc::clone(ending)), id))
    }

    /// Waits until no process is left of a group.
    fn wait_for_the_end(group: Pid) {
        let begun = moment();
        while rustix::process::test_kill_process_group(group).is_ok() {
            assert!(moment() < begun.saturating_add(Duration::from_mins(1)), "it goes on");
            thread::sleep(LOOK);
        }
    }

    #[test]
    fn a_dropped_process_ends_with_all_that_it_has_started() -> io::Result<()> {
        let ending = Arc::<Ending>::default();
        for script in ["sleep 1000 & echo; wait", "trap '' TERM; sleep 1000 & echo; wait; wait"] {
            let (process, id) = start(script, &ending)?;
            drop(process);
            wait_for_the_end(id);
        }
        Ok(())
    }

    #[test]
    fn a_process_that_is_left_goes_on() -> io::Result<()> {
        let ending = Arc::<Ending>::default();
        let (mut process, id) = start("echo; exec sleep 1000", &ending)?;
        process.leave();
        ending.end();
        assert!(rustix::process::test_kill_process_group(id).is_ok());
        rustix::process::kill_process_group(id, Signal::TERM)?;
        wait_for_the_end(id);
        Ok(())
    }
}
