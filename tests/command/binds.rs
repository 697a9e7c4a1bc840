//! Where the command listens: several addresses, and Unix sockets.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use thimble_tests::command::folder::{Folder, noise};
use thimble_tests::command::processes::{children, signal};
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Client, TIME_LIMIT, get};

/// Runs curl, which must succeed, and returns what it wrote to stdout.
fn curl(arguments: &[&str]) -> String {
    let output = run(Command::new("curl")
        .args(["-q", "--noproxy", "*", "--silent", "--show-error", "--fail", "--max-time", "60"])
        .args(arguments));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {arguments:?}: {log}");
    String::from_utf8(output.stdout).unwrap()
}

/// curl over a Unix socket.
fn curl_over(socket: &Path, arguments: &[&str]) -> String {
    curl(&[&["--unix-socket", socket.to_str().unwrap()], arguments].concat())
}

/// A socket's path, and the flag for it.
fn socket(folder: &Folder) -> (PathBuf, String) {
    let path = folder.path().join("the.socket");
    let flag = format!("unix:{}", path.display());
    (path, flag)
}

/// The addresses at which it says that it serves.
fn places(thimble: &Thimble, count: usize) -> Vec<String> {
    until("all are printed", TIME_LIMIT, || {
        let out = thimble.out();
        let places = out.lines().filter_map(|line| line.rsplit_once(" at ")).map(|it| it.1);
        let places: Vec<_> = places.map(str::to_owned).collect();
        (places.len() >= count).then_some(places)
    })
}

fn has_ipv6() -> bool {
    let has = TcpListener::bind("[::1]:0").is_ok();
    if !has {
        println!("this machine has no IPv6, and nothing of it is tested");
    }
    has
}

/// By one process, and by several.
const PROCESSES: [&[&str]; 2] = [&[], &["--workers", "2"]];

#[test]
fn several_addresses_share_a_port() {
    let folder = Folder::with_pages().unwrap();
    let others: &[&str] = if has_ipv6() { &["127.0.0.2", "[::1]"] } else { &["127.0.0.2"] };
    for processes in PROCESSES {
        let mut flags = vec!["-b", "127.0.0.1"];
        flags.extend(others.iter().flat_map(|other| ["--bind", other]));
        flags.extend(processes);
        let mut thimble = Thimble::serve(folder.path(), &flags);
        let port = thimble.address().port();
        let places = places(&thimble, others.len() + 1);
        let wanted = ["127.0.0.1"].iter().chain(others);
        let wanted: Vec<_> = wanted.map(|host| format!("http://{host}:{port}/")).collect();
        assert_eq!(places, wanted);
        for url in &places {
            // Two on each, on one connection.
            let note = format!("{url}note.txt");
            let counted = curl(&["--write-out", "%{num_connects}", &note, &note]);
            assert_eq!(counted, "one line\n1one line\n0", "{url}");
        }
        let log = thimble.log_line(|line| line.contains("GET"));
        assert!(log.contains("127.0.0.1 - - ["), "{log}");
        thimble.signal(Signal::TERM);
        assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));
        for url in &places {
            let address = url.trim_start_matches("http://").trim_end_matches('/');
            TcpStream::connect(address).unwrap_err();
        }
    }
}

#[test]
fn an_address_may_have_a_port_of_its_own() {
    let folder = Folder::with_pages().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-b", "127.0.0.1", "-b", &free.to_string()]);
    assert_ne!(thimble.address(), free);
    let places = places(&thimble, 2);
    assert_eq!(places[1], format!("http://{free}/"));
    for url in places {
        assert_eq!(curl(&[&format!("{url}note.txt")]), "one line\n");
    }
}

#[test]
fn all_addresses_are_those_of_both_families() {
    if !has_ipv6() {
        return;
    }
    let folder = Folder::with_pages().unwrap();
    // What another covers is no fault.
    for flags in [vec!["-b", "::"], vec!["-b", "0.0.0.0", "-b", "[::]", "-b", "127.0.0.1"]] {
        for processes in PROCESSES {
            let thimble = Thimble::serve(folder.path(), &[flags.as_slice(), processes].concat());
            let port = thimble.address().port();
            for host in ["127.0.0.1", "[::1]"] {
                assert_eq!(curl(&[&format!("http://{host}:{port}/note.txt")]), "one line\n");
            }
            // As who they are.
            let line = |client: &str| format!("{client} - - [");
            thimble.log_line(|found| found.starts_with(&line("127.0.0.1")));
            thimble.log_line(|found| found.starts_with(&line("::1")));
            assert!(!thimble.log().contains("ffff"), "{}", thimble.log());
        }
    }
}

#[test]
fn a_unix_socket_serves_all_that_a_port_does() {
    let folder = Folder::with_pages().unwrap();
    let large = noise(3_000_000);
    let file = folder.file("large.bin", &large).unwrap();
    let script = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\ncat\n\
        echo \"${REMOTE_ADDR-nobody} ${SERVER_NAME-} ${SERVER_PORT-}\"\n";
    let script = folder.file("cgi-bin/echo", script).unwrap();
    fs::set_permissions(script, Permissions::from_mode(0o755)).unwrap();
    let runs_programs = !std::env::var("THIMBLE_FLAGS").unwrap_or_default().contains("event-loop");
    for processes in PROCESSES {
        let (path, bind) = socket(&folder);
        let mut flags = vec!["-b", &bind, "--uploads", "kept"];
        if runs_programs {
            flags.push("--cgi");
        }
        let command = &mut thimble();
        let command = command.arg(".").args(flags).args(processes).current_dir(folder.path());
        let mut thimble = Thimble::start(command);
        assert_eq!(thimble.banner(), format!("Serving . at {bind}"));
        assert!(fs::metadata(&path).unwrap().file_type().is_socket());

        let note = "http://localhost/note.txt";
        let counted = curl_over(&path, &["--write-out", "%{num_connects}", note, note]);
        assert_eq!(counted, "one line\n1one line\n0");
        let line = thimble.log_line(|line| line.contains("GET /note.txt"));
        assert!(line.starts_with("unix: - - ["), "{line}");
        let got = folder.path().join("got");
        curl_over(&path, &["--output", got.to_str().unwrap(), "http://localhost/large.bin"]);
        assert!(fs::read(&got).unwrap() == large);
        assert!(curl_over(&path, &["--data", "a=Zoë", "http://localhost/"]).contains("Zoë"));
        let form = format!("file=@{};filename=sent.bin", file.display());
        let shown = curl_over(&path, &["--form", &form, "http://localhost/"]);
        assert!(shown.contains("sent"), "{shown}");
        assert!(fs::read(folder.path().join("kept/sent.bin")).unwrap() == large);
        fs::remove_dir_all(folder.path().join("kept")).unwrap();
        fs::create_dir(folder.path().join("kept")).unwrap();
        if runs_programs {
            let url = "http://h.example/cgi-bin/echo";
            let body = format!("@{}", file.display());
            let sent = ["--data-binary", &body, "--output", got.to_str().unwrap(), url];
            curl_over(&path, &sent);
            let end = b"nobody h.example 80\n";
            assert!(fs::read(&got).unwrap() == [large.as_slice(), end].concat());
            let unnamed = ["--http1.0", "--header", "Host:", "http://localhost/cgi-bin/echo"];
            assert_eq!(curl_over(&path, &unnamed), "nobody localhost 80\n");
        }
        thimble.signal(Signal::TERM);
        assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));
        assert!(!path.exists());
    }
}

#[test]
fn a_unix_socket_has_the_mode_that_the_umask_leaves() {
    let folder = Folder::with_pages().unwrap();
    let (path, bind) = socket(&folder);
    for (umask, mode) in [("077", 0o700), ("0", 0o777)] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
        command.arg(thimble().get_program()).args(thimble().get_args());
        let _thimble = Thimble::start(command.arg(folder.path()).args(["-b", &bind]));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode);
    }
}

#[test]
fn what_a_killed_server_left_is_replaced_and_nothing_else() {
    let folder = Folder::with_pages().unwrap();
    let (path, bind) = socket(&folder);
    for processes in PROCESSES {
        let start = || {
            Thimble::start(thimble().arg(folder.path()).args(["-q", "-b", &bind]).args(processes))
        };
        let mut killed = start();
        let refused = |flag: &str| {
            let output = run(thimble().arg(folder.path()).args(["-b", flag]).args(processes));
            let log = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), log.lines().count()), (Some(1), 1), "{log}");
            log
        };
        // The live one goes on.
        let log = refused(&bind);
        let by = format!("' is in use by '{}' (process {})", killed.name(), killed.id());
        assert!(log.contains(&by), "{log}");
        assert_eq!(curl_over(&path, &["http://localhost/note.txt"]), "one line\n");
        killed.signal(Signal::KILL);
        assert!(killed.ended_within(TIME_LIMIT).is_some());
        // Its workers hear of it.
        until("nobody listens", TIME_LIMIT, || UnixStream::connect(&path).err());
        assert!(path.exists());
        let next = start();
        assert_eq!(curl_over(&path, &["http://localhost/note.txt"]), "one line\n");
        drop(next);
        until("nobody listens", TIME_LIMIT, || UnixStream::connect(&path).err());
        fs::remove_file(&path).unwrap();

        let note = folder.path().join("note.txt");
        let log = refused(&format!("unix:{}", note.display()));
        assert!(log.contains("is no socket of a server"), "{log}");
        assert_eq!(fs::read(&note).unwrap(), b"one line\n");
        let log = refused(&format!("unix:{}/none/socket", folder.path().display()));
        assert!(log.contains("the folder of the socket"), "{log}");
        let log = refused(&format!("unix:/{}", "long/".repeat(40) + "socket"));
        assert!(log.contains("too long"), "{log}");
    }
}

/// The file that is there when it ends may be that of the next server.
#[test]
fn a_file_that_took_its_place_is_left_alone() {
    let folder = Folder::with_pages().unwrap();
    let (path, bind) = socket(&folder);
    let mut thimble = Thimble::start(thimble().arg(folder.path()).args(["-q", "-b", &bind]));
    fs::rename(&path, folder.path().join("moved")).unwrap();
    let _next = UnixListener::bind(&path).unwrap();
    assert_eq!(
        curl_over(&folder.path().join("moved"), &["http://localhost/note.txt"]),
        "one line\n"
    );
    thimble.signal(Signal::TERM);
    assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));
    assert!(UnixStream::connect(&path).is_ok());
}

/// A reply that nobody has read yet.
fn stalled_download(path: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    stream.write_all(get("/large.bin").as_bytes()).unwrap();
    let mut first = [0];
    assert_eq!(stream.read(&mut first).unwrap(), 1);
    stream
}

#[test]
fn a_stop_finishes_what_is_under_way_over_a_unix_socket() {
    let folder = Folder::with_pages().unwrap();
    let large = noise(40_000_000);
    folder.file("large.bin", &large).unwrap();
    for processes in PROCESSES {
        let (path, bind) = socket(&folder);
        let flags = ["-q", "-b", &bind, "-b", "127.0.0.1", "-p", "0"];
        let start = || Thimble::start(thimble().arg(folder.path()).args(flags).args(processes));
        let mut thimble = start();
        let mut idle = UnixStream::connect(&path).unwrap();
        idle.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        idle.write_all(get("/note.txt").as_bytes()).unwrap();
        let mut replied = Vec::new();
        while !replied.ends_with(b"one line\n") {
            let mut piece = [0; 1024];
            let count = idle.read(&mut piece).unwrap();
            replied.extend_from_slice(&piece[..count]);
        }
        let mut download = stalled_download(&path);
        thimble.signal(Signal::TERM);
        assert_eq!(idle.read(&mut [0]).unwrap(), 0, "an idle connection is closed");
        until("its file is gone", TIME_LIMIT, || (!path.exists()).then_some(()));
        until("connections are refused", TIME_LIMIT, || {
            TcpStream::connect(thimble.address()).err()
        });
        assert!(thimble.is_running());
        let mut reply = Vec::new();
        download.read_to_end(&mut reply).unwrap();
        assert!(reply.ends_with(&large), "{}", reply.len());
        assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));

        // A second signal leaves no file, either.
        let mut thimble = start();
        let _download = stalled_download(&path);
        thimble.signal(Signal::TERM);
        until("its file is gone", TIME_LIMIT, || (!path.exists()).then_some(()));
        thimble.signal(Signal::TERM);
        assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(143));
        assert!(!path.exists());
    }
}

#[test]
fn a_reload_keeps_the_unix_socket() {
    let folder = Folder::with_pages().unwrap();
    let (path, bind) = socket(&folder);
    let flags = ["-q", "--workers", "2", "-b", &bind];
    let mut thimble = Thimble::start(thimble().arg(folder.path()).args(flags));
    let made = fs::metadata(&path).unwrap().ino();
    let note = "http://localhost/note.txt";
    for killed in [true, false, false] {
        let old = children(thimble.id());
        if killed {
            signal(old[0].id, Signal::KILL);
        } else {
            thimble.signal(Signal::HUP);
        }
        until("another serves", TIME_LIMIT, || {
            assert_eq!(curl_over(&path, &[note]), "one line\n");
            let now = children(thimble.id());
            let is_old = |id: u32| now.iter().any(|child| child.id == id);
            let replaced = old.iter().filter(|child| !is_old(child.id)).count();
            (now.len() == 2 && replaced >= if killed { 1 } else { 2 }).then_some(())
        });
        assert_eq!(fs::metadata(&path).unwrap().ino(), made);
    }
    thimble.signal(Signal::TERM);
    assert_eq!(thimble.ended_within(TIME_LIMIT).unwrap().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn connections_of_all_listeners_are_counted_together() {
    let folder = Folder::with_pages().unwrap();
    let (path, bind) = socket(&folder);
    // One for each process and listener was not what was asked for.
    let flags = ["-q", "--max-conns", "1", "-b", &bind, "-b", "127.0.0.1", "-b", "127.0.0.2"];
    let thimble = Thimble::serve(folder.path(), &flags);
    let port = thimble.address().port();
    // Half a request holds the place, until its time is over.
    let mut first = Client::connect(thimble.address()).unwrap();
    first.send("GET /note.txt HTTP/1.1\r\nHost: a\r\nX: ").unwrap();
    thread::sleep(Duration::from_millis(100));
    let note = [format!("http://127.0.0.2:{port}/note.txt")];
    let mut second = UnixStream::connect(&path).unwrap();
    second.write_all(get("/note.txt").as_bytes()).unwrap();
    second.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let mut reply = [0; 12];
    second.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"HTTP/1.1 200");
    assert_eq!(first.reply().map_or(408, |reply| reply.status), 408, "it made room");
    // The next one has that of the second, which is idle.
    assert_eq!(curl(&[&note[0]]), "one line\n");
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for (value, told) in [
        ("127.0.0.1:70000", "give a port"),
        ("unix:", "give the path of a socket"),
        ("no.such.host.invalid", "can't find an address for"),
        ("192.0.2.1:0", "is not an address of this machine"),
    ] {
        let output = run(thimble().args(["-p", "0", "-b", value]));
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && log.contains(told), "{value}: {log}");
    }
}
