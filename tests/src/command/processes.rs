//! Processes as Linux shows them.

use std::fs;
use std::net::TcpStream;

use rustix::process::{Pid, Signal, kill_process};

use crate::until::until;
use crate::wire::client::TIME_LIMIT;

/// A process, by `/proc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// The words of its command line, separated by spaces; empty for one that has ended.
    pub command: String,
    /// Whether it has ended, and its parent has not asked how.
    pub is_zombie: bool,
}

/// The child processes of `parent`, zombies as well.
pub fn children(parent: u32) -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |id: &u32| stat(&format!("/proc/{id}")).is_some_and(|stat| stat.1 == parent);
    ids.filter(is_child).filter_map(process).collect()
}

/// Whether the process still runs: it is neither gone nor a zombie.
pub fn is_running(id: u32) -> bool {
    process(id).is_some_and(|process| !process.is_zombie)
}

/// Sends `signal` to the process.
pub fn signal(id: u32, signal: Signal) {
    let id = id.try_into().ok().and_then(Pid::from_raw).expect("the id of a process");
    kill_process(id, signal).expect("the process is there");
}

/// Stops the process until it is sent SIGCONT, and waits until none of its threads runs any more.
pub fn suspend(id: u32) {
    signal(id, Signal::STOP);
    until("all threads are stopped", TIME_LIMIT, || {
        let tasks = fs::read_dir(format!("/proc/{id}/task")).ok()?;
        let mut states = tasks.flatten().map(|task| stat(&task.path().display().to_string()));
        states.all(|stat| stat.is_none_or(|stat| stat.0 == 'T')).then_some(())
    });
}

/// The names of the threads of a process.
pub fn threads(id: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// Which of these processes has accepted the connection of a client, over IPv4.
pub fn who_accepted(client: &TcpStream, of: &[u32]) -> Option<u32> {
    let ports = (client.peer_addr().ok()?.port(), client.local_addr().ok()?.port());
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    let socket = table.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let found = (port(words.get(1)?)?, port(words.get(2)?)?);
        (found == ports).then_some(format!("socket:[{}]", words.get(9)?))
    })?;
    of.iter().copied().find(|id| {
        let links = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        let mut targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        targets.any(|target| target.as_os_str() == socket.as_str())
    })
}

fn process(id: u32) -> Option<Process> {
    let folder = format!("/proc/{id}");
    let is_zombie = stat(&folder)?.0 == 'Z';
    let command = fs::read(format!("{folder}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    Some(Process { id, command, is_zombie })
}

/// The state and the parent of a process, or of a thread: `id (name) state parent …`.
fn stat(folder: &str) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}
