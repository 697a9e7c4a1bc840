//! Files that the system makes as they are read: neither their lengths nor their times say anything.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;

use thimble_tests::command::Thimble;
use thimble_tests::wire::client::Reply;

fn ask(thimble: &Thimble, method: &str, path: &str, version: &str, fields: &str) -> Reply {
    let mut client = thimble.connect();
    client
        .send(format!(
            "{method} {path} HTTP/{version}\r\nHost: a\r\nConnection: close\r\n{fields}\r\n"
        ))
        .unwrap();
    if method == "HEAD" { client.reply_to_head().unwrap() } else { client.reply().unwrap() }
}

/// A file of the system that says the same each time, is longer than what is read at once, and its
/// content.
fn long() -> Option<(&'static str, Vec<u8>)> {
    ["/kallsyms", "/config.gz", "/cpuinfo"].into_iter().find_map(|path| {
        let content = fs::read(format!("/proc{path}")).ok()?;
        (content.len() > 100_000).then_some((path, content))
    })
}

#[test]
fn a_short_one_is_like_any_other_file() {
    let thimble = Thimble::serve("/proc", &["-q"]);
    let version = fs::read("/proc/version").unwrap();
    let reply = ask(&thimble, "GET", "/version", "1.1", "");
    assert_eq!((reply.status, &reply.content), (200, &version));
    assert_eq!(reply.field("Content-Length"), Some(version.len().to_string().as_str()));
    assert_eq!(reply.field("Last-Modified"), None);
    let head = ask(&thimble, "HEAD", "/version", "1.1", "");
    assert_eq!(head.field("Content-Length"), reply.field("Content-Length"));
    // What is tagged is what was read, so it may be asked for.
    let tag = reply.field("ETag").unwrap();
    let known = format!("If-None-Match: {tag}\r\n");
    assert_eq!(ask(&thimble, "GET", "/version", "1.1", &known).status, 304);
    assert_ne!(ask(&thimble, "GET", "/uptime", "1.1", &known).status, 304);
    let range = ask(&thimble, "GET", "/version", "1.1", "Range: bytes=0-4\r\n");
    assert_eq!((range.status, range.content.as_slice()), (206, &version[..5]));
    let sys = Thimble::serve("/sys", &["-q"]);
    for path in
        ["/kernel/mm/transparent_hugepage/enabled", "/class/net/lo/mtu", "/kernel/uevent_seqnum"]
    {
        // Not every system has each of these.
        if let Ok(content) = fs::read(format!("/sys{path}")) {
            let reply = ask(&sys, "GET", path, "1.1", "");
            assert_eq!((reply.status, &reply.content), (200, &content), "{path}");
            assert_ne!(reply.field("Content-Length"), Some("4096"), "{path}");
        }
    }
}

/// Its own memory has nothing at zero: reading fails though opening it doesn't.
#[test]
fn a_file_that_can_not_be_read_is_told_of_once() {
    let thimble = Thimble::serve("/proc/self", &[] as &[&str]);
    for _ in 0..2 {
        assert_eq!(ask(&thimble, "GET", "/mem", "1.1", "").status, 500);
    }
    ask(&thimble, "GET", "/over", "1.1", "");
    thimble.log_line(|line| line.contains("/over"));
    let told = format!("{}: can't read 'mem': Input/output error", thimble.name());
    let log = thimble.log();
    assert_eq!(log.lines().filter(|line| line.starts_with(&told)).count(), 1, "{log}");
}

#[test]
fn a_long_one_ends_where_reading_it_ends() {
    let Some((path, content)) = long() else {
        println!("there is none here");
        return;
    };
    let thimble = Thimble::serve("/proc", &["-q"]);
    let reply = ask(&thimble, "GET", path, "1.1", "");
    assert_eq!(reply.status, 200);
    assert!(reply.content == content, "{} of {} octets", reply.content.len(), content.len());
    assert_eq!(reply.field("Transfer-Encoding"), Some("chunked"));
    for name in ["Content-Length", "Accept-Ranges", "ETag", "Last-Modified"] {
        assert_eq!(reply.field(name), None);
    }
    // HTTP/1.0 has no chunks: the end of the connection is that of the content.
    let old = ask(&thimble, "GET", path, "1.0", "");
    assert!(old.content == content && old.field("Transfer-Encoding").is_none());
    let head = ask(&thimble, "HEAD", path, "1.1", "");
    assert_eq!((head.status, head.field("Content-Length")), (200, None));
    for (fields, status) in [
        ("Range: bytes=0-4\r\n", 200),
        ("Range: bytes=-5\r\nIf-Range: \"x\"\r\n", 200),
        ("If-None-Match: \"x\"\r\n", 200),
        ("If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n", 200),
        ("If-None-Match: *\r\n", 304),
        ("If-Match: \"x\"\r\n", 412),
        ("If-Match: *\r\n", 200),
    ] {
        let reply = ask(&thimble, "GET", path, "1.1", fields);
        assert_eq!(reply.status, status, "{fields}");
        assert!(status != 200 || reply.content == content, "{fields}");
    }
    assert_eq!(ask(&thimble, "POST", path, "1.1", "Content-Length: 0\r\n").status, 405);
    let options = ask(&thimble, "OPTIONS", path, "1.1", "");
    assert!(options.field("Allow").unwrap().contains("GET"));
}
