//! Worker processes: who answers, what is lost when one dies, and how they are replaced and stopped.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use regex_lite::Regex;
use rusqlite::Connection;
use rustix::net::sockopt;
use rustix::process::{Pid, kill_process_group};
use thimble_tests::command::folder::Folder;
use thimble_tests::command::forms::{ask, post};
use thimble_tests::command::processes::{
    children, is_running, signal, suspend, threads, who_accepted,
};
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Client, TIME_LIMIT, get};

/// A command with workers, and at least one page and a large file in its folder.
struct Served {
    thimble: Thimble,
    _folder: Folder,
}

impl Served {
    fn by(count: usize) -> Self {
        let folder = Folder::with_pages().unwrap();
        add_large_file(&folder);
        Self::start(folder, thimble().args(["-q", "--workers", &count.to_string()]), count)
    }

    /// Starts `command` in the folder, and waits until `count` workers serve.
    fn start(folder: Folder, command: &mut Command, count: usize) -> Self {
        // Other tests may keep the machine from looking after a client for long.
        let patient = ["-p", "0", "--idle-timeout", "600", "--reply-timeout", "600"];
        let thimble = Thimble::start(command.args(patient).current_dir(folder.path()));
        let served = Self { thimble, _folder: folder };
        served.beside(&[], count);
        served
    }

    /// The process ids of the workers that have begun to serve, those that leave included.
    fn workers(&self) -> Vec<u32> {
        let children = children(self.thimble.id()).into_iter().map(|child| child.id);
        children.filter(|id| threads(*id).iter().any(|name| name == "thimble-orders")).collect()
    }

    /// Waits until `count` workers serve besides `others`.
    fn beside(&self, others: &[u32], count: usize) -> Vec<u32> {
        until("workers serve", TIME_LIMIT, || {
            let mut workers = self.workers();
            workers.retain(|id| !others.contains(id));
            (workers.len() >= count).then_some(workers)
        })
    }

    /// A client that has asked for more than the kernel holds and has read none of it.
    fn stalled_download(&self) -> Client {
        let mut client = self.thimble.connect();
        sockopt::set_socket_recv_buffer_size(client.stream(), 16 * 1024).unwrap();
        client.send(get("/large.bin")).unwrap();
        client.stream().peek(&mut [0]).unwrap();
        client
    }
}

/// More than the kernel takes of a reply that nobody reads.
const LARGE: usize = 12_000_000;

fn add_large_file(folder: &Folder) {
    let file = File::create(folder.path().join("large.bin")).unwrap();
    file.set_len(LARGE as u64).unwrap();
}

/// Whether a download, continued, brings the whole file.
fn comes_whole(download: &mut Client) -> bool {
    sockopt::set_socket_recv_buffer_size(download.stream(), 1024 * 1024).unwrap();
    download.reply().is_ok_and(|reply| reply.content.len() == LARGE)
}

/// How many clients are a load.
const CLIENTS: usize = 8;

/// Clients that ask again and again, until they are told to stop.
struct Load {
    stop: AtomicBool,
    answered: AtomicUsize,
    lost: AtomicUsize,
}

impl Load {
    /// Runs `meanwhile` while clients ask for a page: half of them on a connection for each request, half on
    /// connections that they keep until a reply says that it was the last. Returns the numbers of requests
    /// that were answered and lost.
    fn during(address: SocketAddr, meanwhile: impl FnOnce(&Self)) -> (usize, usize) {
        let [answered, lost] = [const { AtomicUsize::new(0) }; 2];
        let load = Self { stop: AtomicBool::new(false), answered, lost };
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let load = &load;
                scope.spawn(move || load.ask(address, number % 2 == 0));
            }
            // A failure ends the clients as well.
            let _stopping = Stopping(&load.stop);
            load.wait_for_more();
            meanwhile(&load);
            load.wait_for_more();
        });
        (load.answered.into_inner(), load.lost.into_inner())
    }

    fn ask(&self, address: SocketAddr, keeps: bool) {
        let mut kept = None;
        while !self.stop.load(Ordering::SeqCst) {
            let reply =
                kept.take().map_or_else(|| Client::connect(address), Ok).and_then(|client| {
                    let mut client: Client = client;
                    client.send(get("/note.txt"))?;
                    Ok((client.reply()?, client))
                });
            match reply {
                Ok((reply, client)) if reply.status == 200 => {
                    let is_last = reply.field("Connection") == Some("close");
                    kept = (keeps && !is_last).then_some(client);
                    self.answered.fetch_add(1, Ordering::SeqCst);
                    // The others of this machine's processes have to get on, too.
                    thread::sleep(Duration::from_millis(2));
                }
                _ => {
                    self.lost.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }

    /// Waits until each client may have asked again.
    fn wait_for_more(&self) {
        let before = self.answered.load(Ordering::SeqCst);
        until("requests are answered", TIME_LIMIT, || {
            (self.answered.load(Ordering::SeqCst) > before + 40).then_some(())
        });
    }
}

/// Stops the clients when it is dropped.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn each_worker_serves_and_the_supervisor_does_not() {
    let served = Served::by(3);
    let workers = served.workers();
    let children = children(served.thimble.id());
    for number in 1..=3 {
        let title = format!(" (worker {number}) ");
        let named = children.iter().filter(|child| child.command.contains(&title));
        assert_eq!(named.count(), 1, "{children:?}");
    }
    for worker in &workers {
        let others: Vec<u32> = workers.iter().copied().filter(|other| other != worker).collect();
        for other in &others {
            suspend(*other);
        }
        let mut client = served.thimble.connect();
        client.send(get("/note.txt")).unwrap();
        assert_eq!(client.reply().unwrap().text(), "one line\n");
        let all = [workers.as_slice(), &[served.thimble.id()]].concat();
        assert_eq!(who_accepted(client.stream(), &all), Some(*worker));
        for other in &others {
            signal(*other, Signal::CONT);
        }
    }
    assert_eq!(served.thimble.out().lines().count(), 1, "{}", served.thimble.out());
}

#[test]
fn what_a_worker_inherits_is_the_listener_and_its_channel() {
    let served = Served::by(1);
    let sockets = |id: u32| {
        let links = fs::read_dir(format!("/proc/{id}/fd")).unwrap().flatten();
        let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        let sockets = targets.filter(|target| target.to_string_lossy().starts_with("socket:"));
        sockets.collect::<Vec<_>>()
    };
    let worker = served.workers()[0];
    let of_supervisor = sockets(served.thimble.id());
    let shared = sockets(worker).iter().filter(|socket| of_supervisor.contains(socket)).count();
    assert_eq!(shared, 1, "the listener alone");
    assert_eq!(fs::read_link(format!("/proc/{worker}/fd/0")).unwrap(), Path::new("/dev/null"));
}

#[test]
fn a_killed_worker_loses_only_what_it_had_under_way() {
    let served = Served::by(3);
    let workers = served.workers();
    let mut downloads: Vec<(u32, Client)> = (0..6)
        .map(|_| {
            let client = served.stalled_download();
            (who_accepted(client.stream(), &workers).unwrap(), client)
        })
        .collect();
    let victim = downloads[0].0;
    let (_, lost) = Load::during(served.thimble.address(), |load| {
        signal(victim, Signal::KILL);
        let ended =
            format!(" (process {victim}) ended (signal: 9 (SIGKILL)): another takes its place");
        served.thimble.log_line(|line| line.contains(&ended));
        served.beside(&workers, 1);
        load.wait_for_more();
        let before = load.lost.load(Ordering::SeqCst);
        load.wait_for_more();
        assert_eq!(load.lost.load(Ordering::SeqCst), before, "nothing is lost afterwards");
    });
    // Each client has one request under way.
    assert!(lost <= CLIENTS, "{lost}");
    for (worker, download) in &mut downloads {
        assert_eq!(comes_whole(download), *worker != victim, "of worker {worker}");
    }
}

#[test]
fn reloads_under_load_lose_nothing() {
    let served = Served::by(2);
    let (answered, lost) = Load::during(served.thimble.address(), |_| {
        for _ in 0..30 {
            let old = served.workers();
            served.thimble.signal(Signal::HUP);
            served.beside(&old, 2);
        }
    });
    assert_eq!(lost, 0, "of {answered}");
    // Those that were replaced end, and their parent asks how.
    until("the old ones have ended", TIME_LIMIT, || {
        (children(served.thimble.id()).len() == 2).then_some(())
    });
}

#[test]
fn a_download_goes_on_while_its_worker_is_replaced() {
    let served = Served::by(2);
    let mut download = served.stalled_download();
    let mut idle = served.thimble.connect();
    idle.send(get("/note.txt")).unwrap();
    idle.reply().unwrap();
    let old = served.workers();
    served.thimble.signal(Signal::HUP);
    served.beside(&old, 2);
    // It may send another request for as long as it was told nothing.
    until("a reply is the last", TIME_LIMIT, || {
        idle.send(get("/note.txt")).unwrap();
        (idle.reply().unwrap().field("Connection") == Some("close")).then_some(())
    });
    assert_eq!(idle.drain().unwrap(), b"");
    assert!(comes_whole(&mut download));
}

#[test]
fn signals_that_come_together_lead_to_one_good_end() {
    let mut served = Served::by(3);
    let workers = served.workers();
    for _ in 0..50 {
        served.thimble.signal(Signal::HUP);
    }
    for id in &workers {
        signal(*id, Signal::KILL);
    }
    served.beside(&workers, 3);
    assert_eq!(ask(&served.thimble, &get("/note.txt")).status, 200);
    served.thimble.signal(Signal::TERM);
    assert_eq!(served.thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));
}

#[test]
fn a_worker_that_is_told_to_end_is_replaced() {
    let served = Served::by(1);
    let mut download = served.stalled_download();
    let old = served.workers();
    signal(old[0], Signal::TERM);
    signal(old[0], Signal::TERM);
    served.beside(&old, 1);
    assert!(comes_whole(&mut download));
    assert_eq!(ask(&served.thimble, &get("/note.txt")).status, 200);
}

#[test]
fn a_reload_that_fails_leaves_the_old_workers() {
    let folder = Folder::new().unwrap();
    folder.file("root/note.txt", "one line\n").unwrap();
    let (root, away) = (folder.path().join("root"), folder.path().join("away"));
    let served = Served::start(folder, thimble().args(["root", "-q", "--workers", "2"]), 2);
    let old = served.workers();
    fs::rename(&root, &away).unwrap();
    served.thimble.signal(Signal::HUP);
    served.thimble.log_line(|line| line.contains("there is no folder or file 'root'"));
    let line = served.thimble.log_line(|line| line.contains("the old workers go on"));
    assert!(line.contains(": worker 1 (process ") && line.contains("(exit status: 1)"), "{line}");
    assert_eq!(ask(&served.thimble, &get("/note.txt")).text(), "one line\n");
    fs::rename(&away, &root).unwrap();
    served.thimble.signal(Signal::HUP);
    served.beside(&old, 2);
}

#[test]
fn a_stop_finishes_what_every_worker_has_under_way() {
    for name in [Signal::TERM, Signal::INT] {
        let mut served = Served::by(2);
        let mut idle = served.thimble.connect();
        idle.send(get("/note.txt")).unwrap();
        idle.reply().unwrap();
        let mut downloads = [served.stalled_download(), served.stalled_download()];
        served.thimble.signal(name);
        assert_eq!(idle.drain().unwrap(), b"", "an idle connection is closed");
        until("connections are refused", TIME_LIMIT, || {
            TcpStream::connect(served.thimble.address()).err()
        });
        assert!(served.thimble.is_running());
        for download in &mut downloads {
            assert!(comes_whole(download));
        }
        assert_eq!(served.thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0), "{name:?}");
    }
}

/// A terminal sends its signals to all processes of a command.
#[test]
fn ctrl_c_cuts_nothing_and_a_second_one_does() {
    for presses in [1, 2] {
        let folder = Folder::with_pages().unwrap();
        add_large_file(&folder);
        let command = &mut thimble();
        let command = command.args(["-q", "--workers", "2"]).process_group(0);
        let mut served = Served::start(folder, command, 2);
        let group = Pid::from_raw(served.thimble.id().try_into().unwrap()).unwrap();
        let mut download = served.stalled_download();
        kill_process_group(group, Signal::INT).unwrap();
        let told = served.thimble.log_line(|line| line.contains(": stopping: 1 transfer, "));
        assert!(told.contains(": worker ") && told.contains("Ctrl-C again"), "{told}");
        if presses == 2 {
            kill_process_group(group, Signal::INT).unwrap();
        }
        assert_eq!(comes_whole(&mut download), presses == 1);
        let code = served.thimble.ended_within(TIME_LIMIT).unwrap().code();
        assert_eq!(code, Some(if presses == 1 { 0 } else { 130 }));
    }
}

/// A terminal that is closed sends SIGHUP, which is no wish to reload.
#[test]
fn it_ends_with_its_terminal() {
    let folder = Folder::with_pages().unwrap();
    let harness = "
import os, pty, sys
id, terminal = pty.fork()
if id == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b''
while b'Serving' not in said:
    said += os.read(terminal, 4096)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(id, 0)[1]))
";
    let mut command = Command::new("python3");
    command.args(["-c", harness]).arg(thimble().get_program()).arg(folder.path());
    let output = run(command.args(["-p", "0", "-q", "--workers", "2"]));
    assert_eq!(output.stdout, b"0\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn workers_end_with_their_supervisor() {
    let mut served = Served::by(3);
    let workers = served.workers();
    let mut download = served.stalled_download();
    served.thimble.signal(Signal::KILL);
    served.thimble.ended_within(TIME_LIMIT).unwrap();
    assert!(comes_whole(&mut download), "what is under way is finished");
    for id in workers {
        until("the worker has ended", TIME_LIMIT, || (!is_running(id)).then_some(()));
    }
    // A process with threads closes what it has when the last of them is gone.
    until("the port is free", TIME_LIMIT, || TcpListener::bind(served.thimble.address()).ok());
}

/// As in a container: whoever leads the session can't be seen from there, and the system names it 0.
#[cfg(target_os = "linux")]
#[test]
fn workers_are_replaced_and_stopped_where_the_session_has_no_leader() {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc"]).stdin(Stdio::null());
        command
    };
    if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
        println!("nobody may make a namespace here, so there is no test of one");
        return;
    }
    let folder = Folder::with_pages().unwrap();
    let inner = thimble();
    let mut command = unshare();
    // The first process of a namespace heeds the signals that it catches only.
    command.arg(inner.get_program()).args(inner.get_args());
    let command = command.args(["-q", "-p", "0", "--workers", "2"]).current_dir(folder.path());
    let mut thimble = Thimble::start(command);
    let supervisor = children(thimble.id()).first().unwrap().id;
    let mut before = Vec::new();
    for _ in 0..2 {
        before = until("others serve, and those before are gone", TIME_LIMIT, || {
            let all = children(supervisor).into_iter().map(|child| child.id);
            let serves = |id: &u32| threads(*id).iter().any(|name| name == "thimble-orders");
            let all: Vec<_> = all.filter(serves).collect();
            (all.len() == 2 && !all.iter().any(|id| before.contains(id))).then_some(all)
        });
        signal(supervisor, Signal::HUP);
    }
    ask(&thimble, &get("/note.txt"));
    signal(supervisor, Signal::TERM);
    assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));
}

#[test]
fn what_keeps_workers_from_starting_is_one_line() {
    let folder = Folder::with_pages().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, wanted) in [
        (["missing", "-p", "0", "-v"].as_slice(), "there is no folder or file 'missing'"),
        (&["-p", &port], "is in use"),
        (&["-p", "0", "--database", "no/forms.db"], "can't open the database 'no/forms.db'"),
        (&["-p", "0", "--submissions"], "--submissions needs a --database"),
    ] {
        let mut command = thimble();
        command.args(arguments).args(["--workers", "3"]).current_dir(folder.path());
        let output = run(&mut command);
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{log}");
        assert!(log.contains(wanted), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
        assert_eq!(output.stdout, b"");
    }
}

/// Who calls a process a worker has to be its supervisor.
#[test]
fn nobody_else_starts_a_worker() {
    let mut command = thimble();
    command.arg0("thimble (worker 1)");
    let log = String::from_utf8(run(&mut command).stderr).unwrap();
    assert!(log.contains("only a supervisor can start a worker"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[test]
fn workers_keep_forms_in_one_database() {
    let folder = Folder::with_pages().unwrap();
    let database = folder.path().join("forms.db");
    let command = &mut thimble();
    let command = command.args(["-q", "--submissions", "--workers", "3", "--database", "forms.db"]);
    let served = Served::start(folder, command, 3);
    thread::scope(|scope| {
        for client in 0..6 {
            let served = &served;
            scope.spawn(move || {
                for number in 0..20 {
                    let reply = ask(&served.thimble, &post(&format!("id={client}.{number}")));
                    assert_eq!(reply.status, 200);
                }
            });
        }
    });
    let reader = Connection::open(&database).unwrap();
    let count = "SELECT count(DISTINCT fields) || ' ' || count(*) FROM form";
    let count: String = reader.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count, "120 120");
    // Whoever is asked shows what all of them took.
    let shown = ask(&served.thimble, &get("/submissions")).text();
    assert_eq!(
        Regex::new(r"<dd>[0-5]\.\d+</dd>").unwrap().find_iter(&shown).count(),
        50,
        "{shown}"
    );
}

/// Nothing of another process comes between the parts of a line.
#[test]
fn each_line_of_a_verbose_log_says_whose_it_is() {
    let folder = Folder::with_pages().unwrap();
    let served = Served::start(folder, thimble().args(["-v", "--workers", "3"]), 3);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert_eq!(ask(&served.thimble, &get("/note.txt")).status, 200);
                }
            });
        }
    });
    let access = r#"127\.0\.0\.1 - - \[[^\]]+\] "GET /note\.txt HTTP/1\.1" 200 9"#;
    let own = r"[\w-]+: worker [123] \(process \d+\) serves";
    let line = Regex::new(&format!(r"^(\[[123]\] (([<>] \S.*)|{access})|{own})$")).unwrap();
    let end = Regex::new(access).unwrap();
    let log = until("all are logged", TIME_LIMIT, || {
        Some(served.thimble.log()).filter(|log| end.find_iter(log).count() == CLIENTS * 25)
    });
    for found in log.lines() {
        assert!(line.is_match(found), "{found}");
    }
}

#[test]
fn without_the_flag_there_is_one_process() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    assert_eq!(ask(&thimble, &get("/note.txt")).status, 200);
    assert_eq!(children(thimble.id()), []);
}
