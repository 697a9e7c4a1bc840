//! Files that the command compresses while it serves them.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use thimble_tests::command::folder::{Folder, PAGE, noise};
use thimble_tests::command::{Thimble, run, thimble as command};
use thimble_tests::wire::client::Reply;

/// Longer than a file is taken to be young.
const SETTLED: Duration = Duration::from_millis(120);
const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// Text of so many octets.
fn prose(octets: usize) -> String {
    let words = ["thimble ", "serves ", "a ", "folder ", "to ", "whoever ", "asks, ", "and\n"];
    let pick = noise(octets);
    let text: String = pick
        .iter()
        .filter_map(|octet| words.get(usize::from(*octet) % words.len()))
        .copied()
        .collect();
    text.chars().take(octets).collect()
}

/// A folder with text, small and large, and with what is none.
fn folder() -> Folder {
    let folder = Folder::new().unwrap();
    folder.file("index.html", PAGE.replace("<!-- form -->", &prose(4000))).unwrap();
    folder.file("about.html", prose(3000)).unwrap();
    folder.file("small.css", prose(1023)).unwrap();
    folder.file("app.js", prose(20_000)).unwrap();
    folder.file("large.json", prose(300_000)).unwrap();
    folder.file("photo.png", prose(20_000)).unwrap();
    folder.file("archive.zip", prose(20_000)).unwrap();
    folder.file("noise.txt", noise(20_000)).unwrap();
    folder.file("empty.txt", "").unwrap();
    thread::sleep(SETTLED);
    folder
}

fn ask(thimble: &Thimble, line: &str, fields: &[(&str, &str)]) -> Reply {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let fields = fields.concat();
    let mut client = thimble.connect();
    client.send(format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).unwrap();
    if line.starts_with("HEAD") { client.reply_to_head().unwrap() } else { client.reply().unwrap() }
}

fn get(thimble: &Thimble, path: &str, accepted: &str) -> Reply {
    ask(thimble, &format!("GET {path}"), &[("Accept-Encoding", accepted)])
}

/// What `octets` were before they were put into gzip.
fn gunzip(octets: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .args(["-d", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut into, octets) = (child.stdin.take().unwrap(), octets.to_vec());
    let writing = thread::spawn(move || into.write_all(&octets));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// What curl writes: the content without its coding.
fn curl(arguments: &[&str]) -> Vec<u8> {
    let output = run(Command::new("curl")
        .args(["-q", "--noproxy", "*", "-sS", "--fail", "--max-time", "60", "--compressed"])
        .args(arguments));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The codings that curl can undo.
fn of_curl() -> Vec<&'static str> {
    let version = run(Command::new("curl").arg("--version"));
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let can = |coding: &&str| match *coding {
        "br" => version.contains("brotli"),
        "zstd" => version.contains("zstd"),
        _ => version.contains("libz"),
    };
    CODINGS.into_iter().filter(can).collect()
}

#[test]
fn curl_gets_every_file_as_it_is() {
    let folder = folder();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    for name in
        ["index.html", "small.css", "app.js", "large.json", "photo.png", "noise.txt", "empty.txt"]
    {
        let content = fs::read(folder.path().join(name)).unwrap();
        let url = thimble.url(&format!("/{name}"));
        assert!(curl(&[&url]) == content, "{name}");
        for coding in of_curl() {
            let accepted = format!("Accept-Encoding: {coding}");
            // Made, and kept.
            for _ in 0..2 {
                assert!(curl(&["-H", &accepted, &url]) == content, "{name} as {coding}");
            }
        }
    }
}

#[test]
fn text_is_compressed_and_nothing_else() {
    let folder = folder();
    folder.file("huge.txt", "huge ".repeat(2 * 1024 * 1024)).unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q", "--pretty"]);
    for (path, coded, varies) in [
        ("/", true, true),
        ("/about", true, true),
        ("/app.js", true, true),
        ("/large.json", true, true),
        ("/small.css", false, false),
        ("/huge.txt", false, false),
        ("/photo.png", false, false),
        ("/archive.zip", false, false),
        ("/empty.txt", false, false),
        // It would grow.
        ("/noise.txt", false, true),
    ] {
        let plain = ask(&thimble, &format!("GET {path}"), &[]);
        assert_eq!((plain.status, plain.field("Content-Encoding")), (200, None), "{path}");
        assert_eq!(plain.field("Vary"), varies.then_some("Accept-Encoding"), "{path}");
        for coding in CODINGS {
            let reply = get(&thimble, path, coding);
            assert_eq!(reply.field("Content-Encoding"), coded.then_some(coding), "{path}");
            assert_eq!(reply.field("Vary"), plain.field("Vary"), "{path}");
            assert_eq!(reply.field("Content-Type"), plain.field("Content-Type"), "{path}");
            assert_eq!(reply.field("Last-Modified"), plain.field("Last-Modified"), "{path}");
            assert_eq!(reply.field("ETag") != plain.field("ETag"), coded, "{path}");
            if coded {
                assert!(reply.content.len() < plain.content.len(), "{path}");
            }
            if coding == "gzip" && coded {
                assert!(gunzip(&reply.content) == plain.content, "{path}");
            }
        }
    }
}

#[test]
fn the_client_says_which_coding() {
    let folder = folder();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    // RFC 9110 §12.5.3.
    for (accepted, coding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip, zstd", Some("zstd")),
        ("gzip, deflate", Some("gzip")),
        ("x-gzip", Some("gzip")),
        ("br;q=0.5, gzip;q=0.8", Some("gzip")),
        ("br;q=0, *", Some("zstd")),
        ("*", Some("br")),
        ("gzip;q=0", None),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("deflate", None),
        ("", None),
        ("identity;q=0, gzip", Some("gzip")),
    ] {
        let reply = get(&thimble, "/app.js", accepted);
        assert_eq!((reply.status, reply.field("Content-Encoding")), (200, coding), "{accepted}");
    }
    for (path, accepted) in [("/app.js", "identity;q=0"), ("/photo.png", "gzip, identity;q=0")] {
        assert_eq!(get(&thimble, path, accepted).status, 406, "{path}, {accepted}");
    }
}

#[test]
fn tags_and_ranges_are_those_of_the_coding() {
    let folder = folder();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    for path in ["/app.js", "/large.json"] {
        let line = format!("GET {path}");
        let whole: Vec<_> = ["identity", "gzip", "br", "zstd"]
            .into_iter()
            .map(|coding| (coding, get(&thimble, path, coding)))
            .collect();
        for (coding, reply) in &whole {
            let accepted = ("Accept-Encoding", *coding);
            let tag = reply.field("ETag").unwrap();
            let head = ask(&thimble, &format!("HEAD {path}"), &[accepted]);
            assert_eq!(without_date(&head), without_date(reply), "{coding}");
            for (other, found) in &whole {
                let theirs = found.field("ETag").unwrap();
                assert_eq!(tag == theirs, coding == other, "{coding} and {other}");
                // RFC 9110 §13.1.2.
                let same = ask(&thimble, &line, &[accepted, ("If-None-Match", theirs)]);
                assert_eq!(same.status, if coding == other { 304 } else { 200 });
                assert_eq!(same.field("ETag"), Some(tag));
                assert_eq!(same.field("Vary"), Some("Accept-Encoding"));
                // RFC 9110 §13.1.5: otherwise, pieces of two codings would be put together.
                let range = ("Range", "bytes=100-");
                let rest = ask(&thimble, &line, &[accepted, range, ("If-Range", theirs)]);
                if coding == other {
                    assert_eq!(rest.status, 206);
                    assert!(rest.content == reply.content[100..], "{coding}");
                } else {
                    assert_eq!((rest.status, rest.content.len()), (200, reply.content.len()));
                }
            }
            let length = reply.content.len();
            let last = ask(&thimble, &line, &[accepted, ("Range", "bytes=-7")]);
            let range = format!("bytes {}-{}/{length}", length - 7, length - 1);
            assert_eq!(last.field("Content-Range"), Some(range.as_str()));
            assert!(last.content == reply.content[length - 7..]);
            let beyond = format!("bytes={length}-");
            assert_eq!(ask(&thimble, &line, &[accepted, ("Range", &beyond)]).status, 416);
        }
    }
}

fn without_date(reply: &Reply) -> Vec<&str> {
    reply.head.lines().filter(|line| !line.starts_with("Date: ")).collect()
}

/// Asks until a file is old enough to be compressed.
fn once_coded(thimble: &Thimble, path: &str) -> Reply {
    let start = Instant::now();
    loop {
        let reply = get(thimble, path, "gzip");
        if reply.field("Content-Encoding").is_some() {
            return reply;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{path} is never compressed");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_change_shows_at_once() {
    let folder = folder();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    for round in 0..20 {
        let before = once_coded(&thimble, "/app.js");
        let content = format!("// {round}\n{}", prose(20_000));
        // As long as the last one, if the number is.
        folder.file("app.js", &content).unwrap();
        let after = get(&thimble, "/app.js", "gzip");
        let plain = match after.field("Content-Encoding") {
            Some(_) => gunzip(&after.content),
            None => after.content.clone(),
        };
        assert!(plain == content.as_bytes(), "an old version in round {round}");
        let later = once_coded(&thimble, "/app.js");
        assert!(gunzip(&later.content) == content.as_bytes(), "round {round}");
        assert_ne!(before.field("ETag"), later.field("ETag"), "round {round}");
    }
    fs::remove_file(folder.path().join("app.js")).unwrap();
    assert_eq!(get(&thimble, "/app.js", "gzip").status, 404);
}

/// Makes the file in `path` with the suffix `.gz`, by gzip.
fn gzip(path: &Path) {
    assert!(run(Command::new("gzip").args(["-9", "--keep", "--force"]).arg(path)).status.success());
}

#[test]
fn a_file_beside_it_goes_first() {
    let folder = folder();
    let app = folder.path().join("app.js");
    gzip(&app);
    thread::sleep(SETTLED);
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let beside = fs::read(folder.path().join("app.js.gz")).unwrap();
    let is_beside = |accepted: &str| get(&thimble, "/app.js", accepted).content == beside;
    assert!(is_beside("gzip") && is_beside("gzip, deflate, br, zstd"));
    assert_eq!(get(&thimble, "/app.js", "br").field("Content-Encoding"), Some("br"));
    assert!(!is_beside("gzip;q=0.5, br"));
    // An older one is none.
    fs::write(&app, prose(30_000)).unwrap();
    thread::sleep(SETTLED);
    let made = get(&thimble, "/app.js", "gzip");
    assert_eq!(made.field("Content-Encoding"), Some("gzip"));
    assert!(gunzip(&made.content) == prose(30_000).as_bytes());
    // Nor is one that is gone.
    fs::remove_file(folder.path().join("app.js.gz")).unwrap();
    thread::sleep(SETTLED);
    assert_eq!(get(&thimble, "/app.js", "gzip").content, made.content);
    assert_eq!(get(&thimble, "/app.js.gz", "gzip").status, 404);
}

#[test]
fn twenty_clients_at_once_get_the_same() {
    let folder = folder();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    for path in ["/app.js", "/large.json"] {
        let replies: Vec<_> = thread::scope(|scope| {
            let asking: Vec<_> =
                (0..20).map(|_| scope.spawn(|| get(&thimble, path, "br, gzip"))).collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        for reply in &replies {
            assert_eq!(reply.field("Content-Encoding"), Some("br"), "{path}");
            assert!(reply.content == replies[0].content, "{path}");
        }
    }
}

#[test]
fn clients_that_leave_hold_nobody_up() {
    let folder = folder();
    folder.file("slow.txt", prose(1_000_000)).unwrap();
    thread::sleep(SETTLED);
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    for _ in 0..10 {
        let mut client = thimble.connect();
        client.send("GET /slow.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n").unwrap();
        drop(client);
    }
    // Others are served meanwhile.
    assert_eq!(get(&thimble, "/small.css", "gzip").status, 200);
    assert_eq!(get(&thimble, "/slow.txt", "br").field("Content-Encoding"), Some("br"));
}

#[test]
fn pages_that_take_forms_stay_as_they_are() {
    let folder = folder();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let form = "POST / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nContent-Length: 3\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\na=b";
    let mut client = thimble.connect();
    client.send(form).unwrap();
    let reply = client.reply().unwrap();
    // What a client sent comes back beside the page (BREACH).
    assert_eq!((reply.status, reply.field("Content-Encoding")), (200, None));
    assert!(reply.text().contains("<dd>b</dd>"));
}

#[test]
fn it_can_be_turned_off() {
    let folder = folder();
    gzip(&folder.path().join("app.js"));
    thread::sleep(SETTLED);
    let thimble = Thimble::serve(folder.path(), &["-q", "--no-compress"]);
    let reply = get(&thimble, "/large.json", "gzip, br, zstd");
    assert_eq!((reply.field("Content-Encoding"), reply.field("Vary")), (None, None));
    assert_eq!(reply.content.len(), 300_000);
    // What stands beside a file is still sent.
    assert_eq!(get(&thimble, "/app.js", "gzip").field("Content-Encoding"), Some("gzip"));
    let help = run(command().arg("--help"));
    assert!(String::from_utf8_lossy(&help.stdout).contains("--no-compress"));
}

#[test]
fn a_type_of_ones_own_decides() {
    let folder = folder();
    folder.file("data.foo", prose(5000)).unwrap();
    thread::sleep(SETTLED);
    let flags =
        ["-q", "--mime", "foo=application/vnd.foo+json", "--mime", "js=application/x-packed"];
    let thimble = Thimble::serve(folder.path(), &flags);
    assert_eq!(get(&thimble, "/data.foo", "gzip").field("Content-Encoding"), Some("gzip"));
    assert_eq!(get(&thimble, "/app.js", "gzip").field("Content-Encoding"), None);
}
