//! What programs reply, as it reaches their clients: heads, lengths, redirects, and both ways at once.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::io::{ErrorKind, Write as _};
use std::thread;

use thimble_tests::command::folder::noise;
use thimble_tests::command::scripts::{Scripts, TEXT, ask, get, post, reply_to, request};

/// Large enough that no buffer between the two ends holds it.
const LARGE: usize = 50_000_000;

/// A folder with a script that says what its query asks for, escapes as for `printf` in it.
fn scripts() -> Scripts {
    let scripts = Scripts::new().unwrap();
    scripts.script("echo", &format!("{TEXT}cat")).unwrap();
    scripts.script("count", &format!("{TEXT}wc -c; echo $CONTENT_LENGTH")).unwrap();
    scripts.script("ignore", &format!("{TEXT}echo ignored")).unwrap();
    scripts.folder.file("file.txt", "a file\n").unwrap();
    scripts
}

fn say(scripts: &Scripts, name: &str, output: &str) {
    scripts.script(name, &format!("printf '{output}'")).unwrap();
}

/// RFC 3875 §6.2 and §6.3.
#[test]
fn heads_become_replies() {
    let scripts = scripts();
    let replies = [
        ("document", "Content-Type: a/b\\n\\nbody", 200, "body"),
        ("crlf", "Content-Type: a/b\\r\\nX-A: b\\r\\n\\r\\nbody", 200, "body"),
        ("status", "Status: 404 Not so\\nContent-Type: a/b\\n\\nbody", 404, "body"),
        ("number", "Status: 299\\nContent-Type: a/b\\n\\nbody", 299, "body"),
        ("created", "Status: 201 x\\nLocation: /new\\nContent-Type: a/b\\n\\nbody", 201, "body"),
        ("away", "Location: http://a.example/b\\n\\n", 302, ""),
        ("other", "Location: //a.example/b\\n\\n", 302, ""),
        ("see", "Status: 303 See Other\\nLocation: /b\\n\\n", 303, ""),
        ("cookie", "Location: /b\\nSet-Cookie: a=b\\n\\n", 302, ""),
        ("empty", "Content-Type: a/b\\n\\n", 200, ""),
        ("exact", "Content-Type: a/b\\nContent-Length: 4\\n\\nbody", 200, "body"),
        ("gone", "Status: 410\\n\\n", 410, ""),
    ];
    for (name, output, ..) in replies {
        say(&scripts, name, output);
    }
    let thimble = scripts.serve(&["-q"]);
    let mut client = thimble.connect();
    for (name, _, status, content) in replies {
        for method in ["GET", "HEAD", "POST"] {
            let line = format!("{method} /cgi-bin/{name}");
            client.send(request(&line, "Content-Length: 0\r\n", b"")).unwrap();
            // All on one connection.
            let reply = reply_to(&line, &mut client).unwrap();
            let content = if method == "HEAD" { "" } else { content };
            assert_eq!((reply.status, reply.text().as_str()), (status, content), "{line}");
            assert_eq!(reply.field("Connection"), None, "{line}");
        }
    }
    let away = get(&thimble, "/cgi-bin/away").unwrap();
    assert_eq!(away.field("Location"), Some("http://a.example/b"));
    let created = get(&thimble, "/cgi-bin/created").unwrap();
    assert_eq!(created.field("Location"), Some("/new"));
}

#[test]
fn fields_are_passed_but_for_those_of_the_connection() {
    let scripts = scripts();
    let output = "Content-Type: text/x; charset=y\\nSet-Cookie: a=1\\nSet-Cookie: b=2\\n\
        Connection: close\\nKeep-Alive: 1\\nDate: yesterday\\nTrailer: x\\nUpgrade: y\\n\
        X-Empty:\\nCache-Control: no-store\\nContent-Encoding: br\\n\\nbody";
    say(&scripts, "fields", output);
    let thimble = scripts.serve(&["-q"]);
    let mut client = thimble.connect();
    client.send(request("GET /cgi-bin/fields", "", b"")).unwrap();
    let reply = client.reply().unwrap();
    let all = |name: &str| {
        let is_it = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
        reply.head.lines().filter(is_it).count()
    };
    assert_eq!((all("set-cookie"), all("date"), all("content-type")), (2, 1, 1), "{}", reply.head);
    assert_eq!(all("connection") + all("keep-alive") + all("trailer") + all("upgrade"), 0);
    assert!(!reply.head.contains("yesterday"));
    assert_eq!(reply.field("Content-Type"), Some("text/x; charset=y"));
    assert_eq!(reply.field("Content-Encoding"), Some("br"));
    assert_eq!(reply.field("X-Empty"), Some(""));
    // The connection goes on.
    client.send(request("GET /file.txt", "", b"")).unwrap();
    assert_eq!(client.reply().unwrap().text(), "a file\n");
}

#[test]
fn statuses_without_content_have_none() {
    let scripts = scripts();
    for (name, status) in [("a204", 204), ("a205", 205), ("a304", 304)] {
        let fields = "ETag: \"x\"\\nContent-Length: 4";
        say(&scripts, name, &format!("Status: {status}\\n{fields}\\n\\nbody"));
    }
    let thimble = scripts.serve(&["-q"]);
    let mut client = thimble.connect();
    for (name, status, length) in
        [("a204", 204, None), ("a205", 205, Some("0")), ("a304", 304, None)]
    {
        client.send(request(&format!("GET /cgi-bin/{name}"), "", b"")).unwrap();
        let reply = client.reply().unwrap();
        assert_eq!((reply.status, reply.field("Content-Length")), (status, length));
        assert_eq!(reply.field("Transfer-Encoding"), None);
        assert_eq!(reply.field("ETag"), Some("\"x\""));
    }
}

/// RFC 3875 §6.2.2.
#[test]
fn a_local_redirect_is_answered_here_and_not_for_ever() {
    let scripts = scripts();
    say(&scripts, "to-file", "Location: /file.txt\\n\\n");
    say(&scripts, "to-none", "Location: /none\\n\\n");
    say(&scripts, "to-listing", "Location: /sub/?x\\n\\n");
    say(&scripts, "to-itself", "Location: /cgi-bin/to-itself\\n\\n");
    say(&scripts, "to-refused", "Location: /cgi-bin/\\n\\n");
    let show = "Location: /cgi-bin/show/%%61?b=c\\n\\n";
    say(&scripts, "to-script", show);
    let shown = "echo $REQUEST_METHOD $PATH_INFO $QUERY_STRING $HTTP_X_A/$CONTENT_LENGTH; cat";
    scripts.script("show", &format!("{TEXT}{shown}")).unwrap();
    scripts.folder.file("sub/index.html", "the index").unwrap();
    let thimble = scripts.serve(&[] as &[&str]);
    for (name, status, content) in [
        ("to-file", 200, "a file\n"),
        ("to-listing", 200, "the index"),
        ("to-script", 200, "GET /a b=c y/\n"),
        ("to-none", 404, "404 Not Found: nothing is served at this path\n"),
        ("to-refused", 403, "403 Forbidden: programs are not listed\n"),
        ("to-itself", 502, "502 Bad Gateway: the programs go round in circles\n"),
    ] {
        let mut client = thimble.connect();
        // What was posted was for the first.
        let posted = request(
            &format!("POST /cgi-bin/{name}"),
            "X-A: y\r\nContent-Length: 3\r\nContent-Type: a/b\r\n",
            b"a=b",
        );
        client.send(&posted).unwrap();
        let reply = client.reply().unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (status, content), "{name}");
        assert_eq!(reply.field("Location"), None);
        client.send(request("GET /file.txt", "", b"")).unwrap();
        assert_eq!(client.reply().unwrap().status, 200, "after {name}");
        let head = ask(&thimble, &format!("HEAD /cgi-bin/{name}"), "", b"").unwrap();
        assert_eq!(head.status, status, "{name}");
    }
    thimble.log_line(|line| line.contains("cgi-bin/to-itself: the programs go round in circles"));
    // The file's own rules count.
    let range = ask(&thimble, "GET /cgi-bin/to-file", "Range: bytes=2-5\r\n", b"").unwrap();
    assert_eq!((range.status, range.text().as_str()), (206, "file"));
}

/// RFC 3875 §6.2.2: the client resolves a Location against the URL that it has asked for (RFC 9110 §10.2.2).
#[test]
fn a_local_redirect_to_a_folder_leads_the_client_there() {
    let scripts = scripts();
    scripts.folder.file("a b/sub/index.html", "the index").unwrap();
    for (name, target, location) in [
        ("folder", "/a%%20b/sub", Some("/a%20b/sub/")),
        ("query", "/a%%20b/sub?c=d", Some("/a%20b/sub/?c=d")),
        ("top", "/a%%20b", Some("/a%20b/")),
        ("slash", "/a%%20b/sub/", None),
    ] {
        say(&scripts, name, &format!("Location: {target}\\n\\n"));
        let thimble = scripts.serve(&["-q"]);
        for method in ["GET", "HEAD", "POST"] {
            let mut client = thimble.connect();
            let line = format!("{method} /cgi-bin/{name}/info?more");
            client.send(request(&line, "Content-Length: 0\r\n", b"")).unwrap();
            let reply = reply_to(&line, &mut client).unwrap();
            let status = if location.is_some() { 301 } else { 200 };
            assert_eq!((reply.status, reply.field("Location")), (status, location), "{line}");
            // It is as long as it says.
            client.send(request("GET /file.txt", "", b"")).unwrap();
            assert_eq!(client.reply().unwrap().text(), "a file\n");
        }
    }
}

/// RFC 9112 §9.6.
#[test]
fn who_leaves_much_content_unread_says_that_the_connection_closes() {
    let scripts = scripts();
    scripts.script("fails", "exit 1").unwrap();
    scripts.script("shuts", &format!("exec <&-; {TEXT}echo shut; sleep 1")).unwrap();
    say(&scripts, "to-file", "Location: /file.txt\n\n");
    let thimble = scripts.serve(&["-q"]);
    let (large, small) = (vec![b'x'; 2_000_000], vec![b'x'; 1000]);
    for (name, status, goes_on) in [
        ("ignore", 200, false),
        ("fails", 502, false),
        ("shuts", 200, false),
        ("to-file", 200, false),
    ]
    .into_iter()
    .chain([("count", 200, true), ("echo", 200, true)])
    {
        for (content, goes_on) in [(&large, goes_on), (&small, true)] {
            let mut client = thimble.connect();
            let fields = format!("Content-Length: {}\r\n", content.len());
            let stream = client.stream().try_clone().unwrap();
            let sent = request(&format!("POST /cgi-bin/{name}"), &fields, content);
            // It may end before that is all.
            let sending = thread::spawn(move || (&stream).write_all(&sent).is_ok());
            let reply = client.reply().unwrap();
            let closes = reply.field("Connection") == Some("close");
            assert_eq!((reply.status, closes), (status, !goes_on), "{name}, {}", content.len());
            let _ = sending.join().unwrap();
            if goes_on {
                client.send(request("GET /file.txt", "", b"")).unwrap();
                assert_eq!(client.reply().unwrap().text(), "a file\n", "{name}");
            }
        }
    }
}

#[test]
fn a_reply_that_is_too_short_is_cut_and_one_that_is_too_long_shortened() {
    let scripts = scripts();
    say(&scripts, "short", "Content-Type: a/b\\nContent-Length: 10\\n\\nbody");
    say(&scripts, "long", "Content-Type: a/b\\nContent-Length: 4\\n\\nbody and more");
    let thimble = scripts.serve(&[] as &[&str]);
    let mut client = thimble.connect();
    client.send(request("GET /cgi-bin/long", "", b"")).unwrap();
    assert_eq!(client.reply().unwrap().text(), "body");
    thimble.log_line(|line| line.contains("it sent 9 octets more than it announced"));
    // What is too much is no reply to the next request.
    client.send(request("GET /cgi-bin/short", "", b"")).unwrap();
    let error = client.reply().unwrap_err().kind();
    assert_eq!(error, ErrorKind::ConnectionReset, "it is no orderly end");
    // One line says why, and the usual one what was asked and sent.
    thimble.log_line(|line| line.ends_with("\"GET /cgi-bin/short HTTP/1.1\" 200 4"));
    let of_short = thimble.log().lines().filter(|line| line.contains("short")).count();
    let why = format!("{}: cgi-bin/short: it sent 6 octets less than it announced", thimble.name());
    assert!(of_short == 2 && thimble.log().lines().any(|line| line == why), "{}", thimble.log());
    let head = ask(&thimble, "HEAD /cgi-bin/short", "", b"").unwrap();
    assert_eq!(head.field("Content-Length"), Some("10"));
}

#[test]
fn output_leaves_as_it_is_written_and_content_arrives_as_it_is_sent() {
    let scripts = scripts();
    let lines = "while read line; do echo \"got $line\"; done";
    scripts.script("lines", &format!("{TEXT}{lines}")).unwrap();
    let thimble = scripts.serve(&["-q"]);
    let mut client = thimble.connect();
    client.send(request("POST /cgi-bin/lines", "Content-Length: 8\r\n", b"one\n")).unwrap();
    // Each line is answered before the next one is sent.
    let mut seen = String::new();
    while !seen.contains("got one\n") {
        seen += &String::from_utf8(client.some().unwrap()).unwrap();
    }
    client.send("two\n").unwrap();
    while !seen.contains("got two\n") {
        seen += &String::from_utf8(client.some().unwrap()).unwrap();
    }
    while !seen.ends_with("0\r\n\r\n") {
        seen += &String::from_utf8(client.some().unwrap()).unwrap();
    }
    client.send(request("GET /file.txt", "", b"")).unwrap();
    assert_eq!(client.reply().unwrap().text(), "a file\n");
}

#[test]
fn content_comes_with_its_true_length_chunks_or_not() {
    let scripts = scripts();
    let thimble = scripts.serve(&["-q", "--cgi-spool", "1M"]);
    let mut client = thimble.connect();
    for (fields, content, counted) in [
        ("Content-Length: 5\r\n", &b"a=b&c"[..], "5\n5\n"),
        ("Content-Length: 0\r\n", b"", "0\n0\n"),
        ("", b"", "0\n\n"),
        (
            "Transfer-Encoding: chunked\r\n",
            b"3;x=y\r\na=b\r\n2\r\n&c\r\n0\r\nX: y\r\n\r\n",
            "5\n5\n",
        ),
        ("Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", "0\n0\n"),
    ] {
        client.send(request("POST /cgi-bin/count", fields, content)).unwrap();
        assert_eq!(client.reply().unwrap().text(), counted, "{fields}");
    }
    // Pipelined.
    let one = request("POST /cgi-bin/echo", "Content-Length: 3\r\n", b"one");
    let two =
        request("POST /cgi-bin/echo", "Transfer-Encoding: chunked\r\n", b"3\r\ntwo\r\n0\r\n\r\n");
    client.send([one, two, request("GET /file.txt", "", b"")].concat()).unwrap();
    for content in ["one", "two", "a file\n"] {
        assert_eq!(client.reply().unwrap().text(), content);
    }
    // Malformed chunks are refused before anything is run, and so are too many.
    let chunked = "Transfer-Encoding: chunked\r\n";
    assert_eq!(ask(&thimble, "POST /cgi-bin/echo", chunked, b"x\r\n").unwrap().status, 400);
    let chunk = [b"100001\r\n".as_slice(), &noise(0x10_0001), b"\r\n0\r\n\r\n"].concat();
    assert_eq!(ask(&thimble, "POST /cgi-bin/echo", chunked, &chunk).unwrap().status, 413);
    let chunk = [b"100000\r\n".as_slice(), &noise(0x10_0000), b"\r\n0\r\n\r\n"].concat();
    let echoed = ask(&thimble, "POST /cgi-bin/echo", chunked, &chunk).unwrap();
    assert!(echoed.content == noise(0x10_0000));
}

#[test]
fn a_client_that_waits_for_100_gets_it_once_there_is_a_program() {
    let scripts = scripts();
    let thimble = scripts.serve(&["-q"]);
    let fields = "Content-Length: 4\r\nExpect: 100-continue\r\n";
    let mut client = thimble.connect();
    client.send(request("POST /cgi-bin/echo", fields, b"")).unwrap();
    assert_eq!(client.reply().unwrap().status, 100);
    client.send("body").unwrap();
    assert_eq!(client.reply().unwrap().text(), "body");
    for (path, status) in [("/cgi-bin/none", 404), ("/cgi-bin/", 403)] {
        let mut client = thimble.connect();
        client.send(request(&format!("POST {path}"), fields, b"")).unwrap();
        assert_eq!(client.reply().unwrap().status, status);
    }
}

#[test]
fn large_content_and_output_pass_both_ways_at_once() {
    let scripts = scripts();
    let zeros = format!("{TEXT}head -c {LARGE} /dev/zero");
    scripts.script("zeros", &zeros).unwrap();
    let thimble = scripts.serve(&["-q"]);
    let sent = noise(LARGE);
    assert_eq!(
        post(&thimble, "/cgi-bin/count", &sent).unwrap().text(),
        format!("{LARGE}\n{LARGE}\n")
    );
    assert_eq!(post(&thimble, "/cgi-bin/ignore", &sent).unwrap().text(), "ignored\n");
    let zeros = get(&thimble, "/cgi-bin/zeros").unwrap().content;
    assert!(zeros.len() == LARGE && zeros.iter().all(|octet| *octet == 0));
    // One client reads while it sends; the other one sends all before it reads.
    let request = request("POST /cgi-bin/echo", &format!("Content-Length: {LARGE}\r\n"), b"");
    let mut client = thimble.connect();
    let mut sending = client.stream().try_clone().unwrap();
    client.send(&request).unwrap();
    let content = sent.clone();
    let sender = thread::spawn(move || std::io::Write::write_all(&mut sending, &content));
    assert!(client.reply().unwrap().content == sent);
    sender.join().unwrap().unwrap();
    client.send(&request).unwrap();
    client.send(&sent).unwrap();
    assert!(client.reply().unwrap().content == sent);
    // And memory stayed small.
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string(format!("/proc/{}/status", thimble.id())).unwrap();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let most: usize = most.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        assert!(most < 40_000, "{most} KiB");
    }
}

/// It can't tell a client that has left from one that has only said all it had to say, but it can ask.
#[test]
fn a_half_closed_client_gets_its_reply() {
    let scripts = scripts();
    scripts.script("late", &format!("sleep 2\n{TEXT}echo done")).unwrap();
    scripts.script("parts", &format!("{TEXT}echo one; sleep 2; echo two")).unwrap();
    let thimble = scripts.serve(&["-q"]);
    for (path, content) in
        [("/cgi-bin/late", "done\n"), ("/cgi-bin/parts", "one\ntwo\n"), ("/cgi-bin/echo", "body")]
    {
        let mut client = thimble.connect();
        let line = format!("POST {path}");
        client.send(request(&line, "Content-Length: 4\r\n", b"body")).unwrap();
        client.half_close().unwrap();
        let mut reply = client.reply().unwrap();
        while reply.status == 100 {
            reply = client.reply().unwrap();
        }
        assert_eq!((reply.status, reply.text().as_str()), (200, content), "{path}");
    }
}

/// RFC 9110 §15.2: HTTP/1.0 has no interim reply that would ask a client whether it is there.
#[test]
fn a_half_closed_client_that_cannot_be_asked_is_waited_for() {
    let scripts = scripts();
    scripts.script("late", &format!("sleep 5\n{TEXT}echo done")).unwrap();
    scripts.script("parts", &format!("{TEXT}echo one; sleep 5; echo two")).unwrap();
    let length = "printf 'Content-Type: a/b\\nContent-Length: 8\\n\\n'";
    scripts.script("length", &format!("{length}; echo one; sleep 5; echo two")).unwrap();
    scripts.script("to", "sleep 5; printf 'Location: /file.txt\\n\\n'").unwrap();
    let thimble = scripts.serve(&[] as &[&str]);
    let mut clients = Vec::new();
    for (path, content) in
        [("late", "done\n"), ("parts", "one\ntwo\n"), ("length", "one\ntwo\n"), ("to", "a file\n")]
    {
        let mut client = thimble.connect();
        client.send(format!("GET /cgi-bin/{path} HTTP/1.0\r\n\r\n")).unwrap();
        client.half_close().unwrap();
        clients.push((path, content, client));
    }
    for (path, content, mut client) in clients {
        let reply = String::from_utf8(client.drain().unwrap()).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 "), "{path}: {reply}");
        assert!(reply.ends_with(&format!("\r\n\r\n{content}")), "{path}: {reply}");
    }
    let log = thimble.log();
    assert!(!log.contains("the client left"), "{log}");
}
