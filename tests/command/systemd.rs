//! What systemd does for the command, done by a few lines of Python: sockets that were bound before it started,
//! and a place where it says how it is.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;

use regex_lite::Regex;
use thimble_tests::command::folder::Folder;
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::wire::client::{Client, TIME_LIMIT, get};

/// Takes the socket that is standard input as the first one. For each further word before `--`, it adds a
/// listener: `tcp`, or `unix`; or a socket of `datagrams`. Then it becomes the command after `--`.
const HARNESS: &str = r#"
import os, socket, sys
sockets, command = sys.argv[1:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]
made = []
for number, kind in enumerate(sockets):
    if kind == "inherited":
        made.append(os.dup(0))
    else:
        is_tcp = kind == "tcp"
        one = socket.socket(
            socket.AF_INET if is_tcp else socket.AF_UNIX,
            socket.SOCK_DGRAM if kind == "datagrams" else socket.SOCK_STREAM,
        )
        one.bind(("127.0.0.1", 0) if is_tcp else "the.socket")
        if kind != "datagrams":
            one.listen()
        made.append(one.detach())
high = [os.dup2(descriptor, 100 + at) for at, descriptor in enumerate(made)]
for at, descriptor in enumerate(high):
    os.dup2(descriptor, 3 + at)
    os.close(descriptor)
os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
os.environ["LISTEN_FDS"] = str(len(sockets))
os.environ["LISTEN_FDNAMES"] = ":".join(sockets)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(command[0], command)
"#;

/// The command, started with these sockets.
fn with_sockets(folder: &Folder, sockets: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", HARNESS]).args(sockets).arg("--").arg(thimble().get_program());
    command.arg("-q").current_dir(folder.path());
    command
}

fn answers(address: SocketAddr) {
    let mut client = Client::connect(address).unwrap();
    client.send(get("/note.txt")).unwrap();
    assert_eq!(client.reply().unwrap().text(), "one line\n");
}

#[test]
fn sockets_are_taken_and_left_as_they_are() {
    let folder = Folder::with_pages().unwrap();
    for workers in [[].as_slice(), &["--workers", "2"]] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting: Option<Client> = None;
        // The second server takes the socket over from the first.
        for _ in 0..2 {
            let mut command = with_sockets(&folder, &["inherited", "tcp"]);
            command.args(workers).stdin(OwnedFd::from(listener.try_clone().unwrap()));
            let mut thimble = Thimble::start(&mut command);
            assert_eq!(thimble.address(), address);
            let second = thimble.out_line(|line| line.contains("and at http://"));
            let second = second.rsplit_once("http://").unwrap().1.trim_end_matches('/');
            let second: SocketAddr = second.parse().unwrap();
            if let Some(mut client) = waiting.take() {
                assert_eq!(client.reply().unwrap().text(), "one line\n");
            }
            answers(address);
            answers(second);
            thimble.signal(Signal::TERM);
            assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));
            // That of nobody else is closed.
            TcpStream::connect(second).unwrap_err();
            let mut client = Client::connect(address).unwrap();
            client.send(get("/note.txt")).unwrap();
            waiting = Some(client);
        }
    }
}

#[test]
fn sockets_of_another_process_are_left_alone() {
    let folder = Folder::with_pages().unwrap();
    let mut command = with_sockets(&folder, &["tcp"]);
    let thimble = Thimble::start(command.args(["-p", "0"]).env("LISTEN_PID", "1"));
    answers(thimble.address());
    assert_eq!(thimble.out().lines().count(), 1, "{}", thimble.out());
}

#[test]
fn unix_sockets_are_taken_and_their_files_left() {
    let folder = Folder::with_pages().unwrap();
    let path = folder.path().join("the.socket");
    for workers in [[].as_slice(), &["--workers", "2"]] {
        let mut thimble = Thimble::start(with_sockets(&folder, &["tcp", "unix"]).args(workers));
        thimble.out_line(|line| line.ends_with(&format!("and at unix:{}", "the.socket")));
        answers(thimble.address());
        let mut client = UnixStream::connect(&path).unwrap();
        client.write_all(b"GET /note.txt HTTP/1.0\r\n\r\n").unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        assert!(reply.ends_with("\r\n\r\none line\n"), "{reply}");
        thimble.signal(Signal::TERM);
        assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));
        assert!(path.exists());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn other_sockets_are_refused_by_name() {
    let folder = Folder::with_pages().unwrap();
    for workers in [[].as_slice(), &["--workers", "2"]] {
        let output = run(with_sockets(&folder, &["tcp", "datagrams"]).args(workers));
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{log}");
        assert!(log.contains("the socket 'datagrams'") && log.contains("ListenStream="), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
        fs::remove_file(folder.path().join("the.socket")).unwrap();
    }
}

#[test]
fn it_says_how_it_is() {
    let folder = Folder::with_pages().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let said = || {
        let mut text = [0; 1024];
        let count = socket.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..count]).into_owned()
    };
    let start = |flags: &[&str]| {
        let command = &mut thimble();
        let command = command.arg(folder.path()).args(["-q", "-p", "0"]).args(flags);
        Thimble::start(command.env("NOTIFY_SOCKET", &path))
    };
    let stop = |thimble: &mut Thimble| {
        thimble.signal(Signal::TERM);
        assert_eq!(said(), "STOPPING=1\n");
        assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));
    };
    let mut alone = start(&[]);
    assert_eq!(said(), "READY=1\n");
    stop(&mut alone);

    let mut thimble = start(&["--workers", "2"]);
    assert_eq!(said(), "READY=1\n");
    answers(thimble.address());
    for _ in 0..2 {
        thimble.signal(Signal::HUP);
        let reloading = Regex::new(r"^RELOADING=1\nMONOTONIC_USEC=\d+\n$").unwrap();
        assert!(reloading.is_match(&said()));
        assert_eq!(said(), "READY=1\n");
    }
    // Its workers say nothing.
    stop(&mut thimble);
    socket.set_nonblocking(true).unwrap();
    socket.recv(&mut [0; 1024]).unwrap_err();
}
