//! How those who start the command, and others, learn where it serves: who has the port, browsers, QR codes.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use regex_lite::Regex;
use thimble_tests::command::folder::{Folder, PAGE};
use thimble_tests::command::processes::{children, signal};
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Client, TIME_LIMIT, get};

/// By one process, and by several.
const PROCESSES: [&[&str]; 2] = [&[], &["--workers", "2"]];

/// The flag for a Unix socket.
fn socket(folder: &Folder) -> String {
    format!("unix:{}/the.socket", folder.path().display())
}

/// It serves.
fn answers(thimble: &Thimble) {
    let mut client = Client::connect(thimble.address()).unwrap();
    client.send(get("/note.txt")).unwrap();
    assert_eq!(client.reply().unwrap().text(), "one line\n");
}

#[test]
fn who_has_the_port_is_told() {
    let folder = Folder::with_pages().unwrap();
    let refused = || {
        let mut command = thimble();
        command.arg(folder.path());
        command
    };
    for processes in PROCESSES {
        let thimble = Thimble::serve(folder.path(), &[&["-q"], processes].concat());
        let port = thimble.address().port().to_string();
        for bind in ["127.0.0.1", "0.0.0.0"] {
            let output = run(refused().args(["-p", &port, "-b", bind]).args(processes));
            let log = String::from_utf8(output.stderr).unwrap();
            let who = format!(
                "port {port} on {bind} is in use by '{}' (process {}): ",
                thimble.name(),
                thimble.id()
            );
            assert!(log.contains(&who), "{log}");
            assert_eq!((output.status.code(), log.lines().count()), (Some(1), 1), "{log}");
        }
    }
    // Whoever it is.
    let script = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); \
        print(s.getsockname()[1], flush=True); sys.stdin.read()";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(python.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    let output = run(refused().args(["-p", port.trim()]));
    let log = String::from_utf8(output.stderr).unwrap();
    let who = format!(" in use by 'python3' (process {})", python.id());
    drop(python.stdin.take());
    python.wait().unwrap();
    assert!(log.contains(&who), "{log}");
}

/// A program that is a browser, and where it writes what it was given.
fn browser(folder: &Folder, status: u8) -> (PathBuf, PathBuf) {
    let (program, opened) = (format!("browser {status}"), folder.path().join("opened"));
    let script = format!("#!/bin/sh\necho \"$@\" >>'{}'\nexit {status}\n", opened.display());
    let program = folder.file(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    (program, opened)
}

#[test]
fn the_page_is_opened_once_it_is_served() {
    let folder = Folder::with_pages().unwrap();
    folder.file("a page.html", PAGE).unwrap();
    let (good, opened) = browser(&folder, 0);
    let (bad, _) = browser(&folder, 3);
    let what = || {
        let line = || fs::read_to_string(&opened).ok().filter(|text| text.ends_with('\n'));
        let text = until("it is opened", TIME_LIMIT, line);
        fs::remove_file(&opened).unwrap();
        text
    };
    let start = |browser: &str, flags: &[&str]| {
        let command = &mut thimble();
        command.current_dir(folder.path()).args(["-q", "-p", "0", "--open"]).args(flags);
        Thimble::start(command.env("BROWSER", browser).env_remove("DISPLAY"))
    };
    for processes in PROCESSES {
        let flags = [&["a page.html", "-b", "0.0.0.0"], processes].concat();
        let thimble = start(good.to_str().unwrap(), &flags);
        assert_eq!(what(), format!("{}\n", thimble.url("/a%20page.html")));
    }
    let browsers = format!("/no/such/browser:{}:{}", bad.display(), good.display());
    let thimble = start(&browsers, &[]);
    // Both of them wrote.
    until("both are asked", TIME_LIMIT, || {
        let text = fs::read_to_string(&opened).ok()?;
        (text == format!("{0}\n{0}\n", thimble.url("/"))).then_some(())
    });
    fs::remove_file(&opened).unwrap();
    let secure = start(good.to_str().unwrap(), &["--tls"]);
    assert_eq!(what(), format!("{}\n", secure.url("/")));
    assert!(secure.url("/").starts_with("https://"));
}

#[test]
fn a_browser_that_fails_is_one_line_and_the_server_goes_on() {
    let folder = Folder::with_pages().unwrap();
    let (bad, _) = browser(&folder, 3);
    for (browser, why) in [
        (bad.to_str().unwrap(), "exit status: 3"),
        ("/no/such/browser", "/no/such/browser"),
        ("", ""),
    ] {
        let command = &mut thimble();
        command.arg(folder.path()).args(["-q", "-p", "0", "--open"]).env("BROWSER", browser);
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WSL_DISTRO_NAME");
        let thimble = Thimble::start(command);
        let line = thimble.log_line(|line| line.contains("no browser could be opened"));
        assert!(line.contains(why) && line.ends_with(&thimble.url("/")), "{line}");
        answers(&thimble);
        assert_eq!(thimble.log().lines().count(), 1, "{}", thimble.log());
    }
    let bind = socket(&folder);
    let command = &mut thimble();
    let thimble = Thimble::start(command.arg(folder.path()).args(["-q", "--open", "-b", &bind]));
    let line = thimble.log_line(|line| line.contains("no browser could be opened"));
    assert!(line.contains("--bind 127.0.0.1"), "{line}");
}

/// A browser of a worker's supervisor outlives workers that are killed.
#[test]
fn a_browser_is_no_orphan_of_a_worker() {
    let folder = Folder::with_pages().unwrap();
    let mark = folder.path().join("mark");
    let script = format!("#!/bin/sh\nsleep 2\ntouch '{}'\n", mark.display());
    let program = folder.file("slow", script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let command = &mut thimble();
    command.arg(folder.path()).args(["-q", "-p", "0", "--open", "--workers", "1"]);
    let thimble = Thimble::start(command.env("BROWSER", &program));
    let is_worker = |command: &str| command.contains("(worker 1)");
    let worker = until("it serves", TIME_LIMIT, || {
        children(thimble.id()).into_iter().find(|child| is_worker(&child.command))
    });
    until("the browser runs", TIME_LIMIT, || {
        children(thimble.id()).into_iter().find(|child| !is_worker(&child.command))
    });
    signal(worker.id, Signal::KILL);
    thimble.log_line(|line| line.contains("another takes its place"));
    until("the browser has ended by itself", TIME_LIMIT, || mark.exists().then_some(()));
}

/// The QR code in the output, as a decoder reads it: from a picture in which each half of a character is a few
/// pixels. Blocks are dark on white, or light if the code `is_inverted`.
fn decoded(out: &str, is_inverted: bool) -> Option<String> {
    const SCALE: usize = 4;
    let start = if is_inverted { '█' } else { '\x1b' };
    let colours = Regex::new("\x1b\\[[0-9;]*m").unwrap();
    let mut rows: Vec<Vec<bool>> = Vec::new();
    for line in out.lines().filter(|line| line.starts_with(start)) {
        let text = colours.replace_all(line, "");
        for half in ['▀', '▄'] {
            let is_block = |found| found == '█' || found == half;
            rows.push(text.chars().map(|found| is_block(found) != is_inverted).collect());
        }
    }
    let (width, height) = (rows.first()?.len() * SCALE, rows.len() * SCALE);
    let is_dark =
        |x: usize, y: usize| rows.get(y / SCALE).and_then(|row| row.get(x / SCALE).copied());
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        if is_dark(x, y) == Some(true) { 0 } else { 255 }
    });
    let grids = picture.detect_grids();
    grids.first().and_then(|grid| grid.decode().ok()).map(|decoded| decoded.1)
}

#[test]
fn a_phone_reads_the_first_address_that_others_can_reach() {
    let folder = Folder::with_pages().unwrap();
    for (flags, colours) in [
        (["-b", "0.0.0.0", "-q"].as_slice(), true),
        (&["-b", "0.0.0.0", "--tls", "-q"], false),
        (&["-b", "0.0.0.0", "-q", "--workers", "2"], true),
    ] {
        let command = &mut thimble();
        command.arg(folder.path()).args(["-p", "0", "--qr"]).args(flags).env_remove("NO_COLOR");
        command.env("TERM", if colours { "xterm" } else { "dumb" });
        let thimble = Thimble::start(command);
        let said = until("it is told", TIME_LIMIT, || {
            if thimble.log().contains("there is no QR code") {
                return Some(None);
            }
            decoded(&thimble.out(), !colours).map(Some)
        });
        let out = thimble.out();
        let mut places = out.lines().filter_map(|line| Some(line.rsplit_once(" at ")?.1));
        let other = places.find(|place| !place.contains("127.0.0.1"));
        assert_eq!(said.as_deref(), other, "{out}");
    }
}

#[test]
fn there_is_no_code_of_what_others_cannot_reach() {
    let folder = Folder::with_pages().unwrap();
    let bind = socket(&folder);
    for flags in [["--qr", "-p", "0"], ["--qr", "-b", &bind]] {
        let thimble = Thimble::start(thimble().arg(folder.path()).args(flags));
        let line = thimble.log_line(|line| line.contains("there is no QR code"));
        assert!(line.contains("--bind ::"), "{line}");
        assert_eq!(thimble.out().lines().count(), 1);
    }
}
