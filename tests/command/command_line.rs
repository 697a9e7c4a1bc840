//! The command as a person at a terminal meets it: flags, what it prints, signals, refusals to start.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use regex_lite::Regex;
use rustix::net::sockopt;
use thimble_tests::command::folder::{Folder, PAGE, noise};
use thimble_tests::command::{Signal, Thimble, run, thimble, unprivileged};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Client, Reply, TIME_LIMIT, get, post};

fn ask(thimble: &Thimble, request: &str) -> Reply {
    let mut client = thimble.connect();
    client.send(request).unwrap();
    client.reply().unwrap()
}

#[test]
fn it_serves_the_current_folder_and_says_where() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::start(thimble().args(["--port", "0"]).current_dir(folder.path()));
    let line = Regex::new(r"^Serving \S.* at http://127\.0\.0\.1:[1-9]\d*/$").unwrap();
    assert!(line.is_match(thimble.banner()), "{}", thimble.banner());
    assert_eq!(ask(&thimble, &get("/")).text(), PAGE);
    assert_eq!(thimble.out().lines().count(), 1, "{}", thimble.out());
}

#[test]
fn it_binds_where_it_is_told() {
    let folder = Folder::with_pages().unwrap();
    // Some machines have no IPv6 at all.
    if TcpListener::bind("[::1]:0").is_ok() {
        let six = Thimble::serve(folder.path(), &["--bind", "::1"]);
        assert!(six.banner().contains(" at http://[::1]:"), "{}", six.banner());
        assert_eq!(ask(&six, &get("/note.txt")).text(), "one line\n");
    }
}

/// What stands in a line is what a browser can be given: an address of this machine, not all of them.
#[test]
fn it_says_where_others_can_reach_it() {
    let folder = Folder::with_pages().unwrap();
    let mut all = vec!["0.0.0.0"];
    if TcpListener::bind("[::]:0").is_ok() {
        all.extend(["::", "[::]"]);
    }
    for bind in all {
        let thimble = Thimble::serve(folder.path(), &["-b", bind]);
        let port = thimble.address().port();
        assert!(thimble.address().ip().is_loopback(), "{bind}: {}", thimble.banner());
        // The way out of this machine, if there is one, is one of them.
        let way = UdpSocket::bind("0.0.0.0:0").unwrap();
        if way.connect("192.0.2.1:9").is_ok() {
            let ip = way.local_addr().unwrap().ip();
            thimble.out_line(|line| line.ends_with(&format!(" at http://{ip}:{port}/")));
        }
        for line in thimble.out().lines() {
            let (_, place) = line.rsplit_once(" at http://").unwrap();
            let address: SocketAddr = place.strip_suffix('/').unwrap().parse().unwrap();
            assert_eq!(address.port(), port, "{line}");
            assert!(!address.ip().is_unspecified(), "{line}");
            let mut client = Client::connect(address).unwrap();
            client.send(get("/note.txt")).unwrap();
            assert_eq!(client.reply().unwrap().text(), "one line\n", "{line}");
        }
    }
}

#[test]
fn a_single_file_is_served_alone() {
    let folder = Folder::with_pages().unwrap();
    folder.file("sub/a page.html", PAGE).unwrap();
    folder.file("sub/other.html", "secret").unwrap();
    folder.file("sub/404.html", "secret").unwrap();
    let thimble = Thimble::serve(folder.path().join("sub/a page.html"), &[] as &[&str]);
    assert!(thimble.banner().ends_with("/a%20page.html"), "{}", thimble.banner());
    for path in ["/a%20page.html", "/"] {
        assert_eq!(ask(&thimble, &get(path)).text(), PAGE, "{path}");
    }
    for path in ["/other.html", "/404.html", "/sub/", "/a%20page.html/", "/../note.txt", "/x"] {
        let reply = ask(&thimble, &get(path));
        assert!(matches!(reply.status, 400 | 404), "{path}: {}", reply.status);
        assert!(!reply.text().contains("secret"), "{path}");
    }
    assert_eq!(ask(&thimble, &post("/a%20page.html", "a=1")).status, 200);

    // It is what its name leads to, hidden or a link, and shows its changes.
    folder.file(".hidden", "hidden\n").unwrap();
    let hidden = Thimble::serve(folder.path().join(".hidden"), &["-q"]);
    assert_eq!(ask(&hidden, &get("/.hidden")).text(), "hidden\n");
    folder.link("sub/link.txt", "../note.txt").unwrap();
    let link = Thimble::serve(folder.path().join("sub/link.txt"), &["-q"]);
    assert_eq!(ask(&link, &get("/link.txt")).text(), "one line\n");
    folder.file("next", "two\n").unwrap();
    fs::rename(folder.path().join("next"), folder.path().join("note.txt")).unwrap();
    assert_eq!(ask(&link, &get("/link.txt")).text(), "two\n");
}

#[test]
fn of_a_flag_that_is_given_twice_the_last_counts() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(
        folder.path(),
        &["--port", "1", "--port", "0", "--max-form", "1k", "--max-form", "2k"],
    );
    assert_ne!(thimble.address().port(), 1);
    let form = |length: usize| format!("a={}", "1".repeat(length - 2));
    assert_eq!(ask(&thimble, &post("/", &form(2048))).status, 200);
    assert_eq!(ask(&thimble, &post("/", &form(2049))).status, 413);
}

/// Each link that isn't followed is told of once, by whatever way somebody comes upon it.
#[test]
fn links_that_are_not_followed_are_told_of() {
    let folder = Folder::new().unwrap();
    folder.file("root/sub/file", "inside").unwrap();
    folder.file("outside/file", "outside").unwrap();
    folder.link("root/inside", "sub/file").unwrap();
    folder.link("root/out", "../outside").unwrap();
    folder.link("root/absolute", folder.path().join("outside/file")).unwrap();
    folder.link("root/sub/broken", "nothing").unwrap();
    folder.link("root/far", "/no/such/place").unwrap();
    folder.link("root/loop", "loop").unwrap();
    folder.link("root/device", "/dev/null").unwrap();
    folder.link("root/line\nfeed", "nothing").unwrap();
    let thimble = Thimble::serve(folder.path().join("root"), &[] as &[&str]);
    for _ in 0..2 {
        assert_eq!(ask(&thimble, &get("/out/file")).status, 404);
        assert_eq!(ask(&thimble, &get("/sub/broken/deeper")).status, 404);
        assert_eq!(ask(&thimble, &get("/sub/missing")).status, 404);
        let listing = ask(&thimble, &get("/")).text();
        assert!(listing.contains("inside") && !listing.contains(">out"), "{listing}");
        assert_eq!(ask(&thimble, &get("/sub/")).status, 200);
    }
    let outside = folder.path().join("outside/file").display().to_string();
    for (link, target, why) in [
        ("out", "../outside", "outside of the folder, and served only with --follow-links"),
        ("absolute", &outside, "outside of the folder, and served only with --follow-links"),
        ("device", "/dev/null", "outside of the folder, and served only with --follow-links"),
        ("sub/broken", "nothing", "nothing is there"),
        ("far", "/no/such/place", "nothing is there"),
        ("line\\x0afeed", "nothing", "nothing is there"),
        ("loop", "loop", "round in circles"),
    ] {
        let line = format!("{}: the link '{link}' leads to '{target}': {why}", thimble.name());
        thimble.log_line(|found| found == line);
    }
    ask(&thimble, &get("/over"));
    thimble.log_line(|found| found.contains("/over"));
    let log = thimble.log();
    let told = log.lines().filter(|line| line.contains(": the link ")).count();
    assert_eq!(told, 7, "{log}");
}

#[test]
fn links_are_followed_everywhere_when_asked_for() {
    let folder = Folder::new().unwrap();
    folder.file("root/file", "inside").unwrap();
    folder.file("outside/sub/file", "outside").unwrap();
    folder.link("root/out", "../outside/sub").unwrap();
    folder.link("root/absolute", folder.path().join("outside/sub/file")).unwrap();
    folder.link("root/broken", "nothing").unwrap();
    folder.link("root/device", "/dev/zero").unwrap();
    let thimble = Thimble::serve(folder.path().join("root"), &["-q", "--follow-links"]);
    for path in ["/out/file", "/absolute"] {
        for _ in 0..3 {
            assert_eq!(ask(&thimble, &get(path)).text(), "outside", "{path}");
        }
    }
    for path in ["/broken", "/device", "/../outside/sub/file"] {
        let status = ask(&thimble, &get(path)).status;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    let listing = ask(&thimble, &get("/")).text();
    for (name, is_listed) in
        [("out/", true), ("absolute", true), ("broken", false), ("device", false)]
    {
        assert_eq!(listing.contains(&format!("href=\"{name}")), is_listed, "{name}: {listing}");
    }
    // These are told of in spite of -q, which is about requests.
    thimble.log_line(|line| {
        line == format!(
            "{}: the link 'broken' leads to 'nothing': nothing is there",
            thimble.name()
        )
    });
    thimble.log_line(|line| line.ends_with("'/dev/zero': neither a file nor a folder"));
}

#[test]
fn each_reply_is_a_line_in_common_log_format() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &[] as &[&str]);
    let length = ask(&thimble, &post("/", "a=1")).content.len();
    let requests = [
        (get("/note.txt"), r#""GET /note\.txt HTTP/1\.1" 200 9"#.to_owned()),
        (get("/gone?q=1"), r#""GET /gone\?q=1 HTTP/1\.1" 404 \d+"#.to_owned()),
        (post("/", "a=1"), format!(r#""POST / HTTP/1\.1" 200 {length}"#)),
        (
            get("/").replace("HTTP/1.1", "HTTP/1.0"),
            format!(r#""GET / HTTP/1\.0" 200 {}"#, PAGE.len()),
        ),
    ];
    let place_and_time =
        r"^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ";
    for (request, rest) in requests {
        let line = Regex::new(&format!("{place_and_time}{rest}$")).unwrap();
        ask(&thimble, &request);
        thimble.log_line(|found| line.is_match(found));
    }
    let mut client = thimble.connect();
    client.send(get("/").replace("GET", "HEAD")).unwrap();
    client.reply_to_head().unwrap();
    let line = Regex::new(&format!(r#"{place_and_time}"HEAD / HTTP/1\.1" 200 (0|-)$"#)).unwrap();
    thimble.log_line(|found| line.is_match(found));
    assert_eq!(thimble.log().lines().count(), 6, "{}", thimble.log());
}

#[test]
fn nothing_a_client_sends_can_forge_a_log_line() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &[] as &[&str]);
    for request in [
        get("/%0a127.0.0.1%20-%20-%20forged"),
        get("/\"quoted\\"),
        "GET /\x1b[31mred HTTP/1.1\r\nHost: thimble\r\n\r\n".to_owned(),
        "forged\rline\r\n\r\n".to_owned(),
    ] {
        assert_ne!(ask(&thimble, &request).status, 200);
    }
    ask(&thimble, &get("/note.txt"));
    thimble.log_line(|line| line.contains("/note.txt"));
    let log = thimble.log();
    assert_eq!(log.lines().count(), 5, "{log}");
    assert!(log.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{log:?}");
    assert!(log.lines().all(|line| line.starts_with("127.0.0.1 - - [")), "{log}");
}

#[test]
fn verbose_shows_both_heads() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-v"]);
    ask(&thimble, "GET /note.txt HTTP/1.1\r\nHost: thimble\r\nX-Mine: a b\r\n\r\n");
    thimble.log_line(|line| line.contains("] \"GET /note.txt HTTP/1.1\" 200 9"));
    for wanted in ["< GET /note.txt HTTP/1.1", "< X-Mine: a b", "> HTTP/1.1 200 OK"] {
        assert_eq!(thimble.log_line(|line| line == wanted), wanted);
    }
    thimble.log_line(|line| line.eq_ignore_ascii_case("> content-length: 9"));
}

#[test]
fn quiet_silences_the_access_log() {
    let folder = Folder::with_pages().unwrap();
    let mut thimble = Thimble::serve(folder.path(), &["-q"]);
    ask(&thimble, &get("/note.txt"));
    ask(&thimble, &get("/gone"));
    thimble.signal(Signal::TERM);
    assert!(thimble.ended_within(TIME_LIMIT).unwrap().success());
    assert!(!thimble.log().contains("GET"), "{}", thimble.log());
}

#[test]
fn a_stop_finishes_the_download_and_exits_with_0() {
    let folder = Folder::with_pages().unwrap();
    let large = noise(40_000_000);
    folder.file("large.bin", &large).unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut thimble = Thimble::serve(folder.path(), &["-q"]);
        let mut idle = thimble.connect();
        idle.send(get("/note.txt")).unwrap();
        idle.reply().unwrap();
        let mut client = stalled_download(&thimble);
        thimble.signal(signal);
        assert_eq!(idle.drain().unwrap(), b"", "an idle connection is closed");
        assert!(thimble.is_running());
        until("connections are refused", TIME_LIMIT, || {
            TcpStream::connect(thimble.address()).err()
        });
        let reply = client.reply().unwrap();
        assert!(reply.content == large, "{} bytes", reply.content.len());
        let status = thimble.ended_within(TIME_LIMIT).unwrap();
        assert_eq!(status.code(), Some(0), "{signal:?}");
    }
}

/// Half a head is no transfer, and what is left of it has a moment to come.
#[test]
fn a_stop_waits_for_no_half_head() {
    let folder = Folder::with_pages().unwrap();
    for (signal, halves) in [(Signal::TERM, 4), (Signal::INT, 2)] {
        let mut thimble = Thimble::serve::<&str>(folder.path(), &[]);
        let mut clients: Vec<_> = (0..4).map(|_| thimble.connect()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            if number % 2 == 0 {
                client.send(get("/note.txt")).unwrap();
                client.reply().unwrap();
            }
            client.send("GET /note.txt HTTP/1.1\r\nHo").unwrap();
        }
        thread::sleep(Duration::from_millis(200));
        let begun = Instant::now();
        thimble.signal(signal);
        thread::sleep(Duration::from_millis(100));
        for client in clients.iter_mut().skip(halves) {
            client.send("st: a\r\n\r\n").unwrap();
        }
        let statuses = clients.into_iter().map(|mut client| {
            let reply = client.reply().unwrap();
            (reply.status, reply.field("Connection").map(str::to_owned))
        });
        let close = || Some("close".to_owned());
        let statuses: Vec<_> = statuses.collect();
        let status = thimble.ended_within(TIME_LIMIT).unwrap();
        let took = begun.elapsed();
        let log = thimble.log();
        let expected = (0..4).map(|number| (if number < halves { 408 } else { 200 }, close()));
        assert!(statuses.iter().cloned().eq(expected), "{statuses:?}: {log}");
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_secs(4), "{took:?}: {log}");
        // Those that have become requests may be counted for a moment.
        assert!(halves < 4 || !log.contains("transfer"), "{log}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = Folder::with_pages().unwrap();
    folder.file("large.bin", noise(40_000_000)).unwrap();
    for (first, second) in [(Signal::TERM, Signal::TERM), (Signal::INT, Signal::INT)] {
        let mut thimble = Thimble::serve::<&str>(folder.path(), &[]);
        let mut client = stalled_download(&thimble);
        thimble.signal(first);
        assert_eq!(thimble.ended_within(Duration::from_millis(700)), None);
        let line = thimble.log_line(|line| line.contains("stopping"));
        assert!(line.contains("1 transfer, ") && line.contains("Ctrl-C again"), "{line}");
        thimble.signal(second);
        let status = thimble.ended_within(Duration::from_secs(10)).unwrap();
        assert_eq!(status.code(), Some(128 + second.as_raw()));
        assert!(client.reply().is_err(), "the download is cut");
        assert!(thimble.log().contains("\"GET /large.bin HTTP/1.1\" 200 "), "{}", thimble.log());
    }
}

/// A size limit on the log's file stops the log, and not the server.
#[test]
fn a_log_that_may_not_grow_harms_nobody() {
    let folder = Folder::with_pages().unwrap();
    let log = folder.path().join("log");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 1; log=$1; shift; exec \"$0\" \"$@\" 2>\"$log\""]);
    command.arg(thimble().get_program()).arg(&log).arg(folder.path()).args(["-p", "0"]);
    let mut thimble = Thimble::start(&mut command);
    for _ in 0..100 {
        assert_eq!(ask(&thimble, &get("/note.txt")).status, 200);
    }
    thread::sleep(Duration::from_millis(500));
    assert!(thimble.is_running());
    assert_eq!(ask(&thimble, &get("/note.txt")).status, 200);
    assert!((1..=1024).contains(&fs::metadata(&log).unwrap().len()));
}

#[test]
fn a_full_pipe_on_stdout_holds_neither_the_server_nor_its_end() {
    let folder = Folder::with_pages().unwrap();
    let (_reader, mut writer) = std::io::pipe().unwrap();
    // As much as a pipe holds on Linux.
    writer.write_all(&vec![b'x'; 65536]).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = thimble()
        .arg(folder.path())
        .args(["-q", "-p", &port.to_string()])
        .stdout(writer)
        .spawn()
        .unwrap();
    let mut client = until("a connection is accepted", TIME_LIMIT, || {
        Client::connect((Ipv4Addr::LOCALHOST, port).into()).ok()
    });
    client.send(get("/note.txt")).unwrap();
    assert_eq!(client.reply().unwrap().status, 200);
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, Signal::TERM).unwrap();
    let start = Instant::now();
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > TIME_LIMIT {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(0));
}

/// A client that has asked for more than the kernel holds and has read none of it.
fn stalled_download(thimble: &Thimble) -> Client {
    let mut client = thimble.connect();
    sockopt::set_socket_recv_buffer_size(client.stream(), 16 * 1024).unwrap();
    client.send(get("/large.bin")).unwrap();
    client.stream().peek(&mut [0]).unwrap();
    client
}

/// The command does not start, and says why in one line.
fn assert_refused(command: &mut Command) -> String {
    let output = run(command);
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{command:?}: {log}");
    assert_eq!(log.lines().count(), 1, "{command:?}: {log}");
    assert_eq!(output.stdout, b"", "{command:?}");
    log
}

#[test]
fn what_keeps_it_from_starting_is_one_line() {
    let folder = Folder::with_pages().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let log = assert_refused(thimble().arg(folder.path()).args(["-p", &port]));
    assert!(log.contains(&port) && log.contains("in use"), "{log}");
    let log = assert_refused(thimble().arg(folder.path().join("missing")).args(["-p", "0"]));
    assert!(log.contains("missing"), "{log}");
    let log = assert_refused(thimble().arg("8080").current_dir(folder.path()));
    assert!(log.contains("-p 8080"), "{log}");
    let elsewhere = ["-p", "0", "-b", "192.0.2.1"];
    let log = assert_refused(thimble().arg(folder.path()).args(elsewhere));
    assert!(log.contains("192.0.2.1"), "{log}");
}

#[test]
fn a_privileged_port_is_refused_in_one_line() {
    let lowest = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if lowest.trim().parse::<u16>().unwrap() <= 80 {
        println!("every port is open to every user of this machine");
        return;
    }
    let folder = Folder::with_pages().unwrap();
    let mut command = unprivileged(folder.path());
    let log = assert_refused(command.arg(folder.path()).args(["-p", "80"]));
    assert!(log.contains("80"), "{log}");
}

#[test]
fn a_second_path_gets_the_tip_how_to_give_a_port() {
    let log = String::from_utf8(run(thimble().args(["8000", "site"])).stderr).unwrap();
    assert!(log.contains("'site'") && log.contains("-p PORT"), "{log}");
    let log = String::from_utf8(run(thimble().args(["--max-conns", "0"])).stderr).unwrap();
    assert!(log.contains("give a number from 1 up"), "{log}");
}

#[test]
fn the_folder_may_be_given_as_python_takes_it() {
    let folder = Folder::with_pages().unwrap();
    for flag in ["-d", "--directory"] {
        let thimble = Thimble::start(thimble().args(["-p", "0", flag]).arg(folder.path()));
        assert_eq!(ask(&thimble, &get("/note.txt")).text(), "one line\n");
    }
}

/// A client that speaks TLS, for one, sends no line end, and hundreds of octets that are escaped.
#[test]
fn a_long_request_line_is_cut_in_the_log() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &[] as &[&str]);
    let hello = [b"\x16\x03\x01\x02\x00".as_slice(), &[0; 512], b"\r\n\r\n"].concat();
    let mut client = thimble.connect();
    client.send(hello).unwrap();
    assert_eq!(client.reply().unwrap().status, 400);
    let line = thimble.log_line(|line| line.contains("\\x16"));
    assert!(line.len() < 1000 && line.contains("\\x00...\" 400 "), "{line}");
}

#[test]
fn wrong_flags_are_refused_and_help_lists_the_right_ones() {
    for wrong in ["--nope", "--port=70000", "--port=x", "--max-conns=-1"] {
        let output = run(thimble().args([wrong]));
        assert!(!output.status.success(), "{wrong}");
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(log.contains(wrong.split_once('=').map_or(wrong, |(_, value)| value)), "{log}");
        assert_eq!(output.stdout, b"", "{wrong}");
    }
    for (wrong, said) in [
        (&["--export", "csv"][..], "--database"),
        (&["--export", "csv", "--no-forms"], "--no-forms"),
    ] {
        let output = run(thimble().args(wrong));
        assert!(!output.status.success(), "{wrong:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{wrong:?}");
    }
    let help = run(thimble().arg("--help"));
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    let examples = help.split_once("Examples:\n").unwrap().1.lines();
    for example in examples.take_while(|line| !line.is_empty()) {
        assert!(example.starts_with("  thimble"), "{example:?}");
    }
    for flag in [
        "-p, --port",
        "-b, --bind",
        "--max-conns",
        "--workers",
        "--idle-timeout",
        "--head-timeout",
        "--content-timeout",
        "--reply-timeout",
        "--index",
        "--no-listing",
        "--mime",
        "--max-form",
        "--no-forms",
        "--submissions",
        "--hidden",
        "--follow-links",
        "-q",
        "-v",
        "[PATH]",
    ] {
        assert!(help.contains(flag), "{flag} is not in {help}");
    }
}

#[test]
fn index_names_the_page_of_a_folder() {
    let folder = Folder::with_pages().unwrap();
    folder.file("sub/start.htm", "<p>start").unwrap();
    let thimble = Thimble::serve(folder.path(), &["--index", "start.htm"]);
    assert_eq!(ask(&thimble, &get("/sub/")).text(), "<p>start");
    assert!(ask(&thimble, &get("/")).text().contains("Index of /"));
    assert_eq!(ask(&thimble, &post("/sub/", "a=1")).status, 200);
}

#[test]
fn listings_can_be_switched_off() {
    let folder = Folder::new().unwrap();
    folder.file("sub/note.txt", "one line\n").unwrap();
    let thimble = Thimble::serve(folder.path(), &["--no-listing"]);
    assert_eq!(ask(&thimble, &get("/sub/")).status, 404);
    assert_eq!(ask(&thimble, &get("/sub/note.txt")).status, 200);
}

#[test]
fn types_can_be_given() {
    let folder = Folder::new().unwrap();
    folder.file("a.foo", "").unwrap();
    let thimble = Thimble::serve(folder.path(), &["--mime", "foo=text/x-foo; charset=utf-8"]);
    let reply = ask(&thimble, &get("/a.foo"));
    assert_eq!(reply.field("Content-Type"), Some("text/x-foo; charset=utf-8"));
}

#[test]
fn forms_can_be_switched_off() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["--no-forms"]);
    let reply = ask(&thimble, &post("/", "a=1"));
    assert_eq!(reply.status, 405);
    let allow = reply.field("Allow").unwrap();
    assert!(allow.contains("GET") && !allow.contains("POST"), "{allow}");
}

#[test]
fn submissions_are_shown_when_asked_for_and_escaped() {
    let folder = Folder::with_pages().unwrap();
    let form = "firstname=%3Cscript%3EZo%C3%AB";
    let without = Thimble::serve(folder.path(), &[] as &[&str]);
    assert_eq!(ask(&without, &post("/", form)).status, 200);
    assert_eq!(ask(&without, &get("/submissions")).status, 404);
    let with = Thimble::serve(folder.path(), &["--submissions"]);
    assert_eq!(ask(&with, &post("/sub/", form)).status, 200);
    let reply = ask(&with, &get("/submissions"));
    assert_eq!(reply.status, 200);
    let shown = reply.text();
    assert!(shown.contains("&lt;script&gt;Zoë") && !shown.contains("<script"), "{shown}");
}
