//! `--live`: pages hear of what changes below the folder.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use thimble_core::service::layers::LIVE;
use thimble_test_fixtures::settle;
use thimble_tests::command::folder::{Folder, PAGE};
use thimble_tests::command::processes::children;
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Client, Reply, TIME_LIMIT};

/// Long enough for what is not to be told.
const SILENCE: Duration = Duration::from_millis(700);

fn serve(folder: &Folder, flags: &[&str]) -> Thimble {
    Thimble::serve(folder.path(), &[&["--live", "-q"], flags].concat())
}

fn ask(thimble: &Thimble, line: &str, fields: &str) -> Reply {
    let mut client = thimble.connect();
    client.send(format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).unwrap();
    if line.starts_with("HEAD") { client.reply_to_head().unwrap() } else { client.reply().unwrap() }
}

/// What curl hears, line by line; it ends with this.
struct Heard {
    curl: Child,
    lines: Receiver<String>,
}

impl Heard {
    /// Of a page that was asked for this long ago.
    fn of(thimble: &Thimble, age: u64, flags: &[&str]) -> Self {
        let mut curl = Command::new("curl")
            .args(["-q", "--noproxy", "*", "-sSNi", "--max-time", "60"])
            .args(flags)
            .arg(thimble.url(&format!("/.thimble/live?age={age}")))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines(curl.stdout.take().unwrap());
        let heard = Self { curl, lines };
        assert!(heard.next().unwrap().starts_with("HTTP/1.1 200 "));
        while !heard.next().unwrap().is_empty() {}
        heard
    }

    /// The next line; nothing at the end.
    fn next(&self) -> Option<String> {
        self.lines.recv_timeout(TIME_LIMIT).ok()
    }

    /// The next event, and its data; nothing at the end.
    fn event(&self) -> Option<(String, String)> {
        loop {
            let line = self.next()?;
            if let Some(name) = line.strip_prefix("event: ") {
                return Some((name.into(), self.next()?.strip_prefix("data: ")?.into()));
            }
        }
    }

    fn is_silent(&self) -> bool {
        let deadline = Instant::now() + SILENCE;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.lines.recv_timeout(left) {
                Ok(line) if line.starts_with("event") => return false,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        true
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        let _ = self.curl.kill();
        let _ = self.curl.wait();
    }
}

fn lines(from: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with an event")]
fn page() -> Option<(String, String)> {
    Some(("page".into(), String::new()))
}

#[test]
fn pages_say_what_they_are() {
    let folder = Folder::with_pages().unwrap();
    folder.file("coded.html", PAGE).unwrap();
    folder.file("coded.html.gz", "the same").unwrap();
    settle();
    let (plain, live) = (Thimble::serve(folder.path(), &["-q"]), serve(&folder, &[]));
    let without_date = |reply: &Reply| {
        let lines = reply.head.lines().filter(|line| !line.starts_with("Date:"));
        lines.collect::<Vec<_>>().join("\n")
    };
    for path in ["/", "/index.html", "/sub/", "/coded.html"] {
        let get = format!("GET {path}");
        let fields = "Accept-Encoding: identity\r\n";
        let (page, other) = (ask(&live, &get, fields), ask(&plain, &get, fields));
        assert_eq!(page.text(), format!("{PAGE}{LIVE}"), "{path}");
        assert_eq!(other.text(), PAGE, "{path}");
        let tag = page.field("ETag").unwrap();
        assert_ne!(Some(tag), other.field("ETag"), "{path}");
        let head = ask(&live, &format!("HEAD {path}"), fields);
        assert_eq!(without_date(&head), without_date(&page), "{path}");
        let same = ask(&live, &get, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((same.status, same.field("ETag")), (304, Some(tag)), "{path}");
    }
    let coded = ask(&live, "GET /coded.html", "Accept-Encoding: gzip\r\n");
    assert_eq!(coded.field("Content-Encoding"), None);
    let length = PAGE.len() + LIVE.len();
    let end = ask(&live, "GET /", &format!("Range: bytes={}-\r\n", PAGE.len() - 2));
    assert_eq!((end.status, end.text()), (206, format!(">\n{LIVE}")));
    let shown = format!("bytes {}-{}/{length}", PAGE.len() - 2, length - 1);
    assert_eq!(end.field("Content-Range"), Some(shown.as_str()));

    // All that is no page is the same with the flag and without it.
    for line in
        ["GET /note.txt", "HEAD /note.txt", "GET /sub", "GET /none", "DELETE /", "OPTIONS /"]
    {
        let (live, plain) = (ask(&live, line, ""), ask(&plain, line, ""));
        assert_eq!(without_date(&live), without_date(&plain), "{line}");
        assert_eq!(live.content, plain.content, "{line}");
    }
    for path in ["/.thimble/live.js", "/.thimble/live"] {
        assert_eq!(ask(&plain, &format!("GET {path}"), "").status, 404, "{path}");
    }
    assert_eq!(ask(&live, "GET /.thimble/live.js", "").status, 200);
}

/// What it is, and how it is made.
type Change<'c> = (&'c str, &'c dyn Fn(&Path));

#[test]
fn what_changes_is_told_at_once() {
    let folder = Folder::with_pages().unwrap();
    folder.file("style.css", "a").unwrap();
    let thimble = serve(&folder, &["--hidden"]);
    // What was before the server is not what it serves.
    assert_eq!(Heard::of(&thimble, 60_000, &[]).event(), page());
    let changes: [Change<'_>; 8] = [
        ("written", &|path| fs::write(path.join("index.html"), "other").unwrap()),
        ("made", &|path| fs::write(path.join("new.txt"), "new").unwrap()),
        ("replaced", &|path| {
            fs::write(path.join(".new"), "third").unwrap();
            fs::rename(path.join(".new"), path.join("index.html")).unwrap();
        }),
        ("removed", &|path| fs::remove_file(path.join("new.txt")).unwrap()),
        ("folder", &|path| fs::create_dir_all(path.join("deep/er")).unwrap()),
        ("within it", &|path| fs::write(path.join("deep/er/a.js"), "1").unwrap()),
        ("renamed", &|path| fs::rename(path.join("deep"), path.join("other")).unwrap()),
        ("within that", &|path| fs::write(path.join("other/er/a.js"), "2").unwrap()),
    ];
    for (what, change) in changes {
        let heard = Heard::of(&thimble, 0, &[]);
        change(folder.path());
        let begun = Instant::now();
        assert_eq!(heard.event(), page(), "{what}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        // A page that was asked for before hears of it, and then nothing else: it loads again.
        assert_eq!(heard.next().as_deref(), Some(""), "{what}");
        assert_eq!(heard.next(), None, "{what}");
        assert_eq!(Heard::of(&thimble, 60_000, &[]).event(), page(), "{what}");
    }
    let heard = Heard::of(&thimble, 0, &[]);
    for _ in 0..2 {
        fs::write(folder.path().join("style.css"), "b").unwrap();
        assert_eq!(heard.event(), Some(("style".into(), "/style.css".into())));
    }
    // With something else, it is no matter of style.
    fs::write(folder.path().join("style.css"), "c").unwrap();
    fs::write(folder.path().join("index.html"), "c").unwrap();
    assert_eq!(heard.event(), page());
}

#[test]
fn what_nobody_sees_is_not_told() {
    let folder = Folder::with_pages().unwrap();
    folder.file(".git/objects/a", "a").unwrap();
    folder.file("node_modules/a/a.js", "a").unwrap();
    let (kept, forms) = (folder.path().join("kept"), folder.path().join("forms.db"));
    let thimble = serve(
        &folder,
        &["--uploads", kept.to_str().unwrap(), "--database", forms.to_str().unwrap()],
    );
    let heard = Heard::of(&thimble, 0, &[]);
    // Reading is no change, and neither is a form that is kept.
    for path in ["/", "/note.txt", "/sub/", "/kept/"] {
        assert_eq!(ask(&thimble, &format!("GET {path}"), "").status, 200);
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=1";
    let mut client = thimble.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{form}")).unwrap();
    assert_eq!(client.reply().unwrap().status, 200);
    for name in [
        ".git/index",
        ".git/objects/b",
        ".a.swp",
        "a.html~",
        "4913",
        "kept/a.txt",
        "node_modules/a/b.js",
    ] {
        folder.file(name, "b").unwrap();
    }
    assert!(heard.is_silent());
    folder.file("note.txt", "b").unwrap();
    assert_eq!(heard.event(), page());
}

#[test]
fn another_folder_in_its_place_is_watched() {
    let folder = Folder::new().unwrap();
    let (site, old) = (folder.path().join("site"), folder.path().join("old"));
    folder.file("site/index.html", "first").unwrap();
    let thimble = Thimble::serve(&site, &["--live", "-q"]);
    let heard = Heard::of(&thimble, 0, &[]);
    fs::rename(&site, &old).unwrap();
    folder.file("site/index.html", "second").unwrap();
    assert_eq!(heard.event(), page());
    assert_eq!(ask(&thimble, "GET /", "").text(), format!("second{LIVE}"));
    let heard = Heard::of(&thimble, 0, &[]);
    fs::write(old.join("index.html"), "no more").unwrap();
    assert!(heard.is_silent());
    fs::write(site.join("index.html"), "third").unwrap();
    assert_eq!(heard.event(), page());
    // One that is away for a while.
    let heard = Heard::of(&thimble, 0, &[]);
    fs::remove_dir_all(&site).unwrap();
    thread::sleep(SILENCE);
    folder.file("site/index.html", "fourth").unwrap();
    assert_eq!(heard.event(), page());
    until("it is watched", TIME_LIMIT, || {
        let heard = Heard::of(&thimble, 0, &[]);
        heard.is_silent().then_some(())
    });
    let heard = Heard::of(&thimble, 0, &[]);
    folder.file("site/index.html", "fifth").unwrap();
    assert_eq!(heard.event(), page());
}

#[test]
fn a_single_file_is_watched_alone() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path().join("index.html"), &["--live", "-q"]);
    assert_eq!(ask(&thimble, "GET /", "").text(), format!("{PAGE}{LIVE}"));
    let heard = Heard::of(&thimble, 0, &[]);
    folder.file("note.txt", "other").unwrap();
    assert!(heard.is_silent());
    folder.file("new.html", "other").unwrap();
    fs::rename(folder.path().join("new.html"), folder.path().join("index.html")).unwrap();
    assert_eq!(heard.event(), page());
}

#[test]
fn it_ends_at_once_and_takes_no_place_from_pages() {
    let folder = Folder::with_pages().unwrap();
    let mut thimble = serve(&folder, &["--max-conns", "8"]);
    // As many wait as there is room for, and pages are served.
    let heard: Vec<_> = (0..8).map(|_| Heard::of(&thimble, 0, &[])).collect();
    let asked = Instant::now();
    for _ in 0..4 {
        assert_eq!(ask(&thimble, "GET /", "").status, 200);
    }
    assert!(asked.elapsed() < Duration::from_secs(10));
    let stopped = Instant::now();
    thimble.signal(Signal::TERM);
    assert!(thimble.ended_within(TIME_LIMIT).is_some_and(|status| status.success()));
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    for heard in heard {
        assert_eq!(heard.event(), None);
    }
}

#[test]
fn one_connection_is_enough() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder, &["--max-conns", "1"]);
    let heard = Heard::of(&thimble, 0, &[]);
    assert_eq!(heard.event(), None);
    folder.file("index.html", "other").unwrap();
    until("it is told", TIME_LIMIT, || {
        (Heard::of(&thimble, 5000, &[]).event() == page()).then_some(())
    });
}

#[test]
fn a_client_that_leaves_is_noticed() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder, &["--max-conns", "2"]);
    let mut first = thimble.connect();
    first.send("GET /.thimble/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    first.some().unwrap();
    drop(first);
    // There is room for one.
    until("there is room again", TIME_LIMIT, || {
        let mut client = thimble.connect();
        client.send("GET /.thimble/live HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
        client.stream().set_read_timeout(Some(Duration::from_millis(300))).ok()?;
        let waits = client.reply().is_err_and(|error| is_time_out(&error));
        waits.then_some(())
    });
}

fn is_time_out(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

#[test]
fn whoever_may_not_read_hears_nothing() {
    let folder = Folder::with_pages().unwrap();
    let flags = ["--auth", "Ada:secret", "--allow-host", "a.example", "--header", "X-Mood: good"];
    let thimble = serve(&folder, &flags);
    for path in ["/.thimble/live", "/.thimble/live.js"] {
        let refused = ask(&thimble, &format!("GET {path}"), "");
        assert_eq!((refused.status, refused.field("X-Mood")), (401, Some("good")), "{path}");
    }
    let heard = Heard::of(&thimble, 0, &["--user", "Ada:secret"]);
    folder.file("index.html", "other").unwrap();
    assert_eq!(heard.event(), page());
}

#[test]
fn over_tls_and_by_workers() {
    let folder = Folder::with_pages().unwrap();
    let mut thimble = serve(&folder, &["--tls", "--workers", "2"]);
    let insecure = ["--insecure"];
    until("both serve", TIME_LIMIT, || (children(thimble.id()).len() == 2).then_some(()));
    // Whichever of them it is.
    let heard: Vec<_> = (0..6).map(|_| Heard::of(&thimble, 0, &insecure)).collect();
    folder.file("index.html", "other").unwrap();
    for heard in heard {
        assert_eq!(heard.event(), page());
    }
    // A reload leaves no old worker behind, and pages hear of it.
    let heard: Vec<_> = (0..6).map(|_| Heard::of(&thimble, 0, &insecure)).collect();
    let old: Vec<u32> = children(thimble.id()).into_iter().map(|child| child.id).collect();
    thimble.signal(Signal::HUP);
    for heard in &heard {
        assert_eq!(heard.event(), None);
    }
    until("the old ones have ended", TIME_LIMIT, || {
        let now = children(thimble.id());
        now.iter().all(|child| !old.contains(&child.id)).then_some(())
    });
    assert_eq!(Heard::of(&thimble, 3_600_000, &insecure).event(), page());
    let heard = Heard::of(&thimble, 0, &insecure);
    let stopped = Instant::now();
    thimble.signal(Signal::TERM);
    assert!(thimble.ended_within(TIME_LIMIT).is_some());
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
    assert_eq!(heard.event(), None);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = Folder::with_pages().unwrap();
    let output = run(thimble().arg(folder.path()).args(["-p", "0", "--live", "--cache", "60"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("--cache"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// However soon after they have asked.
#[test]
fn many_pages_are_told() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder, &[]);
    let address = thimble.url("/");
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let mut clients: Vec<Client> =
        (0..100).map(|_| Client::over(TcpStream::connect(address).unwrap()).unwrap()).collect();
    for client in &mut clients {
        client.send("GET /.thimble/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert!(String::from_utf8_lossy(&client.some().unwrap()).starts_with("HTTP/1.1 200 "));
    }
    folder.file("index.html", "other").unwrap();
    for client in &mut clients {
        let mut said = String::new();
        while !said.contains("event: page") {
            let more = client.some().unwrap();
            assert!(!more.is_empty(), "{said}");
            said += &String::from_utf8_lossy(&more);
        }
    }
}
