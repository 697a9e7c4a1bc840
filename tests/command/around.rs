//! What flags put around the pages of the command: fields, other origins, names of the server, passwords.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use thimble_tests::command::folder::{Folder, PAGE};
use thimble_tests::command::scripts::{Scripts, TEXT};
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Reply, TIME_LIMIT};

/// `Ada:secret` and `Ada:wrong`.
const RIGHT: &str = "Authorization: Basic QWRhOnNlY3JldA==\r\n";
const WRONG: &str = "Authorization: Basic QWRhOndyb25n\r\n";

fn ask(thimble: &Thimble, line: &str, fields: &str) -> Reply {
    let mut client = thimble.connect();
    client.send(format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).unwrap();
    if line.starts_with("HEAD") { client.reply_to_head().unwrap() } else { client.reply().unwrap() }
}

/// What curl writes of a reply, head and all.
fn curl(arguments: &[&str]) -> String {
    let output = run(Command::new("curl")
        .args(["-q", "--noproxy", "*", "-sSi", "--max-time", "30"])
        .args(arguments));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The command doesn't start with these flags, and says why in one line that has `wanted`.
fn is_refused(flags: &[&str], wanted: &str) {
    let folder = Folder::with_pages().unwrap();
    let output = run(thimble().arg(folder.path()).args(["-p", "0"]).args(flags));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(wanted), "{flags:?}: {said}");
    let own = said.lines().filter(|line| !line.is_empty() && !line.starts_with("For more"));
    assert_eq!(own.count(), 1, "{flags:?}: {said}");
}

#[test]
fn fields_are_in_every_reply() {
    let folder = Folder::with_pages().unwrap();
    let flags = ["--header", "X-Robots-Tag: noindex", "--header", "X-Mood:good: very"];
    let thimble = Thimble::serve(folder.path(), &flags);
    let tag = ask(&thimble, "GET /", "").field("ETag").map(str::to_owned);
    let same = tag.map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
    for (line, fields, status) in [
        ("GET /", "", 200),
        ("HEAD /", "", 200),
        ("GET /note.txt", "Range: bytes=0-1\r\n", 206),
        ("GET /note.txt", "Range: bytes=99-\r\n", 416),
        ("GET /nothing", "", 404),
        ("GET /nothing", "Accept: text/html\r\n", 404),
        ("DELETE /", "", 405),
        ("OPTIONS /", "", 204),
        ("BREW /", "", 501),
        ("POST /", "Content-Type: text/plain\r\nContent-Length: 0\r\n", 415),
        ("GET /", &same, if same.is_empty() { 200 } else { 304 }),
    ] {
        let reply = ask(&thimble, line, fields);
        assert_eq!(reply.status, status, "{line}");
        assert_eq!(reply.field("X-Robots-Tag"), Some("noindex"), "{line}");
        assert_eq!(reply.field("X-Mood"), Some("good: very"), "{line}");
    }
    assert!(curl(&[&thimble.url("/")]).contains("\r\nX-Robots-Tag: noindex\r\n"));
    for (request, status) in
        [("GET / HTTP/1.1\r\n\r\n", 400), ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204)]
    {
        let mut client = thimble.connect();
        client.send(request).unwrap();
        let reply = client.reply().unwrap();
        assert_eq!(
            (reply.status, reply.field("X-Mood")),
            (status, Some("good: very")),
            "{request}"
        );
    }
    for field in ["Content-Length: 1", "Date: now", "connection: close", "X A: b", "X-A", "ETag: a"]
    {
        is_refused(&["--header", field], "--header");
    }
    is_refused(&["--header", &format!("X-A: {}", "x".repeat(7000))], "too long");
}

#[test]
fn files_may_be_kept_for_a_while() {
    let folder = Folder::with_pages().unwrap();
    fs::create_dir(folder.path().join("listed")).unwrap();
    let control = |thimble: &Thimble, path: &str| {
        ask(thimble, &format!("GET {path}"), "").field("Cache-Control").map(str::to_owned)
    };
    let usual = Thimble::serve(folder.path(), &["-q"]);
    assert_eq!(control(&usual, "/note.txt").as_deref(), Some("no-cache"));
    let thimble = Thimble::serve(folder.path(), &["--cache", "3600"]);
    assert_eq!(control(&thimble, "/note.txt").as_deref(), Some("max-age=3600"));
    // What is in a folder changes without a word.
    assert_eq!(control(&thimble, "/listed/").as_deref(), Some("no-cache"));
    assert_eq!(control(&thimble, "/listed").as_deref(), Some("no-cache"));
    let own = Thimble::serve(folder.path(), &["--header", "Cache-Control: no-store"]);
    assert_eq!(control(&own, "/note.txt").as_deref(), Some("no-store"));
    is_refused(&["--cache", "1", "--header", "cache-control: no-store"], "--cache and --header");
}

#[test]
fn pages_are_found_by_other_paths() {
    let folder = Folder::with_pages().unwrap();
    folder.file("about.html", "about").unwrap();
    let thimble =
        Thimble::serve(folder.path(), &["--spa", "--pretty", "--mime", "html=text/x-page"]);
    let navigation = "Accept: text/html,*/*;q=0.8\r\n";
    let reply = ask(&thimble, "GET /orders/17", navigation);
    assert_eq!((reply.status, reply.text()), (200, PAGE.to_owned()));
    assert_eq!(reply.field("Vary"), Some("Accept"));
    assert_eq!(ask(&thimble, "GET /missing.css", navigation).status, 404);
    // A cache must not give that to a person.
    let reply = ask(&thimble, "GET /orders/17", "Accept: */*\r\n");
    assert_eq!((reply.status, reply.field("Vary")), (404, Some("Accept")));
    let about = curl(&["-L", &thimble.url("/about")]);
    assert!(about.starts_with("HTTP/1.1 200 ") && about.ends_with("\r\n\r\nabout"), "{about}");
    assert!(about.contains("\r\nContent-Type: text/x-page\r\n"), "{about}");
    assert!(curl(&[&thimble.url("/about.html")]).ends_with("about"));
    assert!(curl(&[&thimble.url("/about/")]).starts_with("HTTP/1.1 404 "));
    let usual = Thimble::serve(folder.path(), &["-q"]);
    for path in ["/about", "/orders/17"] {
        assert_eq!(ask(&usual, &format!("GET {path}"), navigation).status, 404, "{path}");
    }
}

#[test]
fn other_origins_may_read() {
    let folder = Folder::with_pages().unwrap();
    let origin = "Origin: https://a.example\r\n";
    let preflight = format!("{origin}Access-Control-Request-Method: POST\r\n");
    // Without a value it is for all, and the folder may follow.
    let mut command = thimble();
    let all = Thimble::start(command.args(["-p", "0", "--cors"]).arg(folder.path()));
    let reply = ask(&all, "GET /note.txt", origin);
    assert_eq!(reply.field("Access-Control-Allow-Origin"), Some("*"));
    assert!(reply.field("Vary").is_none_or(|vary| !vary.contains("Origin")));
    assert_eq!(reply.field("Access-Control-Expose-Headers"), None);
    assert_eq!(ask(&all, "GET /none", origin).field("Access-Control-Allow-Origin"), Some("*"));
    let reply = ask(&all, "OPTIONS /", &preflight);
    assert_eq!(reply.status, 204);
    assert_eq!(reply.field("Access-Control-Allow-Methods"), Some("GET, HEAD, POST, OPTIONS"));
    assert_eq!(reply.field("Access-Control-Allow-Headers"), Some("*"));

    let flags =
        ["--cors", "https://a.example", "--cors=HTTP://localhost:80", "--auth", "Ada:secret"];
    let some = Thimble::serve(folder.path(), &flags);
    let reply = ask(&some, "OPTIONS /", &preflight);
    assert_eq!((reply.status, reply.field("Vary")), (204, Some("Origin")));
    assert_eq!(reply.field("Access-Control-Allow-Headers"), Some("*, Authorization"));
    let reply = ask(&some, "GET /", origin);
    assert_eq!(reply.status, 401);
    assert_eq!(reply.field("Access-Control-Allow-Origin"), Some("https://a.example"));
    let reply = ask(&some, "GET /note.txt", &format!("Origin: http://localhost\r\n{RIGHT}"));
    assert_eq!(reply.field("Access-Control-Allow-Origin"), Some("http://localhost"));
    let reply = ask(&some, "GET /note.txt", &format!("Origin: https://b.example\r\n{RIGHT}"));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.field("Access-Control-Allow-Origin"), None);
    is_refused(&["--cors=https://a.example/"], "write it like https://example.com");
}

#[test]
fn only_own_names_are_served() {
    let folder = Folder::with_pages().unwrap();
    let flags = ["--allow-host", "printer.example:80", "--allow-host", "*.lan.example"];
    let thimble = Thimble::serve(folder.path(), &flags);
    for (host, status) in [
        ("Host: printer.EXAMPLE.:1\r\n", 200),
        ("Host: a.lan.example\r\n", 200),
        ("Host: localhost:9\r\n", 200),
        ("Host: x.localhost\r\n", 200),
        ("Host: 192.0.2.7\r\n", 200),
        ("Host: [::1]:8000\r\n", 200),
        ("Host: evil.example\r\n", 421),
        ("Host: lan.example\r\n", 421),
    ] {
        let mut client = thimble.connect();
        client.send(format!("GET /note.txt HTTP/1.1\r\n{host}\r\n")).unwrap();
        assert_eq!(client.reply().unwrap().status, status, "{host}");
    }
    let mut client = thimble.connect();
    client.send("GET /note.txt HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(client.reply().unwrap().status, 200);
    assert!(curl(&["-H", "Host: evil.example", &thimble.url("/")]).starts_with("HTTP/1.1 421 "));
    is_refused(&["--allow-host", "http://a"], "write it like printer.example");
    // Without the flag, any name will do.
    let usual = Thimble::serve(folder.path(), &["-q"]);
    assert!(curl(&["-H", "Host: evil.example", &usual.url("/")]).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_password_is_asked_for() {
    let folder = Folder::with_pages().unwrap();
    let thimble =
        Thimble::serve(folder.path(), &["-v", "--auth", "Ada:secret", "--auth", "Bob:a:b"]);
    let url = thimble.url("/");
    let refused = curl(&["-H", "Accept: text/html", &url]);
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    assert!(
        refused.contains("\r\nWWW-Authenticate: Basic realm=\"Thimble\", charset=\"UTF-8\"\r\n")
    );
    assert!(refused.contains("<!DOCTYPE html>") && !refused.contains(PAGE), "{refused}");
    assert!(curl(&["-u", "Ada:secret", &url]).ends_with(PAGE));
    assert!(curl(&["-u", "Bob:a:b", &url]).ends_with(PAGE));
    for wrong in ["Ada:Secret", "ada:secret", "Bob:a", "Ada:", ":"] {
        assert!(curl(&["-u", wrong, &url]).starts_with("HTTP/1.1 401 "), "{wrong}");
    }
    for (line, status) in
        [("GET /none", 401), ("HEAD /", 401), ("OPTIONS /", 401), ("POST /", 401), ("BREW /", 401)]
    {
        assert_eq!(ask(&thimble, line, "").status, status, "{line}");
    }
    ask(&thimble, "GET /last", &format!("{RIGHT}cookie: session=77\r\n"));
    thimble.log_line(|line| line.contains("/last") && line.contains("\" 404"));
    let log = thimble.log();
    assert!(log.contains("< Authorization: ***\n") && log.contains("< cookie: ***\n"), "{log}");
    for secret in ["QWRhOnNlY3JldA", "secret", "session"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    is_refused(&["--auth", "secret"], "write --auth USER:PASSWORD");
    is_refused(&["--auth", "a:b", "--auth", "a:c"], "there are two users called 'a'");
    is_refused(&["--auth-for", "write"], "--auth-for needs");
}

#[test]
fn reading_may_be_free() {
    let folder = Folder::with_pages().unwrap();
    let kept = folder.path().join("kept");
    let flags =
        ["--auth", "Ada:secret", "--auth-for", "write", "--uploads", kept.to_str().unwrap()];
    let thimble = Thimble::serve(folder.path(), &flags);
    let url = thimble.url("/");
    assert!(curl(&[&url]).ends_with(PAGE));
    assert!(curl(&["-F", "a=b", &url]).starts_with("HTTP/1.1 401 "));
    assert!(curl(&["-d", "a=b", &url]).starts_with("HTTP/1.1 401 "));
    let form = format!("file=@{}", folder.path().join("note.txt").display());
    assert!(curl(&["-F", &form, &url]).contains("HTTP/1.1 401 "));
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 0);
    assert!(curl(&["-u", "Ada:secret", "-F", &form, &url]).contains("HTTP/1.1 200 "));
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 1);
    for sent in ["Basic QWRhOndyb25n", "Basic !!!!", "Basic", "", "Basic QWRh", "Bearer abc"] {
        let reply = ask(&thimble, "GET /", &format!("Authorization: {sent}\r\n"));
        assert_eq!(reply.status, 401, "{sent}");
        assert!(reply.field("WWW-Authenticate").is_some(), "{sent}");
    }
}

#[test]
fn hashes_are_checked_beside_other_requests() {
    let folder = Folder::with_pages().unwrap();
    let file = folder.path().with_extension("users");
    // A hash that takes a while, in a test's build above all, and quick ones.
    let made = run(Command::new("htpasswd").args(["-nbB", "-C", "9", "Slow", "secret"]));
    let slow = String::from_utf8(made.stdout).unwrap();
    let users = format!(
        "# users\n{}\nAda:$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1\n\
         Arg:$argon2id$v=19$m=64,t=1,p=1$x9dcYoOhbjE$1Fr71OzVlZWpotRDTGOl2w\n\
         Sha:$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA\n",
        slow.trim()
    );
    fs::write(&file, users).unwrap();
    let path = file.to_str().unwrap();
    let thimble = Thimble::serve(folder.path(), &["--auth-file", path, "--auth", "Zoe:open"]);
    let url = thimble.url("/note.txt");
    let begun = Instant::now();
    assert!(curl(&["-u", "Slow:secret", &url]).starts_with("HTTP/1.1 200 "));
    let first = begun.elapsed();
    for user in ["Ada", "Arg", "Sha"] {
        assert!(
            curl(&["-u", &format!("{user}:secret"), &url]).starts_with("HTTP/1.1 200 "),
            "{user}"
        );
        assert!(
            curl(&["-u", &format!("{user}:Secret"), &url]).starts_with("HTTP/1.1 401 "),
            "{user}"
        );
    }
    assert!(curl(&["-u", "Zoe:open", &url]).starts_with("HTTP/1.1 200 "));
    assert!(curl(&["-u", "Nobody:secret", &url]).starts_with("HTTP/1.1 401 "));

    // What was right is known again: twenty of them take less than one did.
    let mut client = thimble.connect();
    let begun = Instant::now();
    for _ in 0..20 {
        let slow = "Authorization: Basic U2xvdzpzZWNyZXQ=\r\n";
        client.send(format!("GET /note.txt HTTP/1.1\r\nHost: localhost\r\n{slow}\r\n")).unwrap();
        assert_eq!(client.reply().unwrap().status, 200);
    }
    assert!(begun.elapsed() < first, "{:?} {first:?}", begun.elapsed());

    // Somebody who guesses holds nobody up.
    let mut stranger = thimble.connect();
    let guess = "Authorization: Basic U2xvdzpndWVzcw==\r\n";
    let begun = Instant::now();
    stranger.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{guess}\r\n")).unwrap();
    let mut other = thimble.connect();
    let known = "Authorization: Basic Wm9lOm9wZW4=\r\n";
    other.send(format!("GET /note.txt HTTP/1.1\r\nHost: localhost\r\n{known}\r\n")).unwrap();
    assert_eq!(other.reply().unwrap().status, 200);
    let answered = begun.elapsed();
    assert_eq!(stranger.reply().unwrap().status, 401);
    let guessed = begun.elapsed();
    assert!(answered < guessed, "{answered:?} {guessed:?}");
    assert!(guessed > Duration::from_millis(1) && guessed < TIME_LIMIT);

    for (text, wanted) in [
        (
            "Ada:$apr1$abcdefgh$AAAAAAAAAAAAAAAAAAAAAA\n",
            "line 1: 'Ada' has a hash of the kind $apr1$",
        ),
        ("\nAda:secret\n", "line 2: 'Ada' has no hash that is known here"),
        ("Ada\n", "line 1: write it like NAME:HASH"),
        ("# nobody\n", "nobody is in it"),
    ] {
        fs::write(&file, text).unwrap();
        is_refused(&["--auth-file", path], wanted);
    }
    fs::remove_file(&file).unwrap();
    is_refused(&["--auth-file", path], "the passwords '");
}

#[test]
fn a_file_of_passwords_is_read_again_at_a_hangup() {
    let folder = Folder::with_pages().unwrap();
    let file = folder.path().with_extension("users");
    let made = |name, password| {
        let flags = ["-nbB", "-C", "4", name, password];
        run(Command::new("htpasswd").args(flags)).stdout
    };
    let path = file.to_str().unwrap();
    for workers in [&[][..], &["--workers", "2"]] {
        fs::write(&file, made("Ada", "secret")).unwrap();
        let flags = ["--auth-file", path, "--auth", "Zoe:open"];
        let thimble = Thimble::serve(folder.path(), &[&flags[..], workers].concat());
        let status = |user, password| ask(&thimble, "GET /", &basic(user, password)).status;
        assert_eq!((status("Ada", "secret"), status("Bob", "secret")), (200, 401));
        fs::write(&file, [made("Ada", "other"), made("Bob", "secret")].concat()).unwrap();
        thimble.signal(Signal::HUP);
        until("the new passwords count", TIME_LIMIT, || {
            (status("Bob", "secret") == 200 && status("Ada", "secret") == 401).then_some(())
        });
        assert_eq!((status("Ada", "other"), status("Zoe", "open")), (200, 200));
        if workers.is_empty() {
            fs::write(&file, "Ada:secret\n").unwrap();
            thimble.signal(Signal::HUP);
            let line = thimble.log_line(|line| line.contains("the old passwords stay in use"));
            assert!(line.contains("line 1: 'Ada' has no hash that is known here"), "{line}");
            assert_eq!((status("Ada", "other"), status("Ada", "secret")), (200, 401));
        }
        thimble.signal(Signal::TERM);
    }
}

/// An Authorization field.
fn basic(user: &str, password: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut field = String::from("Authorization: Basic ");
    for group in format!("{user}:{password}").as_bytes().chunks(3) {
        let octet = |at: usize| usize::from(*group.get(at).unwrap_or(&0));
        let word = octet(0) << 16 | octet(1) << 8 | octet(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = char::from(*DIGITS.get(word >> shift & 63).unwrap());
            field.push(if at > group.len() { '=' } else { digit });
        }
    }
    field + "\r\n"
}

#[test]
fn long_passwords_are_not_hashed() {
    let folder = Folder::with_pages().unwrap();
    let file = folder.path().with_extension("users");
    let made = run(Command::new("openssl").args(["passwd", "-6", "-salt", "saltsalt", "secret"]));
    // As an editor may save it.
    let users = format!("\u{feff}Ada:{}", String::from_utf8(made.stdout).unwrap());
    fs::write(&file, users).unwrap();
    let thimble = Thimble::serve(folder.path(), &["--auth-file", file.to_str().unwrap()]);
    let timed = |user, password: &str| {
        let begun = Instant::now();
        (ask(&thimble, "GET /", &basic(user, password)).status, begun.elapsed())
    };
    let (status, hashed) = timed("Ada", "wrong");
    assert_eq!(status, 401);
    let long = "x".repeat(4000);
    for user in ["Ada", "Nobody"] {
        let (status, took) = timed(user, &long);
        assert_eq!(status, 401);
        assert!(took < hashed, "{user}: {took:?} {hashed:?}");
    }
    assert_eq!(timed("Ada", "secret").0, 200);
    fs::remove_file(&file).unwrap();
}

#[test]
fn guesses_lock_nobody_else_out() {
    let folder = Folder::with_pages().unwrap();
    let file = folder.path().with_extension("users");
    let made = |name, cost| {
        let flags = ["-nbB", "-C", cost, name, "secret"];
        String::from_utf8(run(Command::new("htpasswd").args(flags)).stdout).unwrap()
    };
    fs::write(&file, made("Ada", "9") + &made("Bob", "4")).unwrap();
    let thimble = Thimble::serve(folder.path(), &["--auth-file", file.to_str().unwrap()]);
    let begun = Instant::now();
    assert_eq!(ask(&thimble, "GET /", &basic("Ada", "wrong")).status, 401);
    let one = begun.elapsed();

    let send = |fields: &str| {
        let mut client = thimble.connect();
        client.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).unwrap();
        client
    };
    // Some wait for their reply, and some don't.
    let mut guesses = Vec::new();
    for number in 0..40 {
        let client = send(&basic("Ada", &format!("guess {number}")));
        if number % 4 != 0 {
            guesses.push(client);
        }
    }
    let begun = Instant::now();
    assert_eq!(ask(&thimble, "GET /", &basic("Bob", "secret")).status, 200);
    let other = begun.elapsed();
    assert!(other < one * 12, "{other:?} {one:?}");
    let replies: Vec<_> = guesses.iter_mut().map(|guess| guess.reply().unwrap()).collect();
    let busy = replies.iter().filter(|reply| reply.status == 503);
    assert!(busy.clone().all(|reply| reply.field("Retry-After") == Some("1")));
    assert!(busy.clone().count() > 0);
    assert!(replies.iter().all(|reply| matches!(reply.status, 401 | 503)));

    // Once a guess is taken again, there's room for the right one.
    let begun = Instant::now();
    while ask(&thimble, "GET /", &basic("Ada", "last")).status == 503 {
        assert!(begun.elapsed() < TIME_LIMIT);
        std::thread::sleep(Duration::from_millis(10));
    }
    // The pictures of a page, whose password nobody has checked yet, are asked for at once.
    let mut pictures: Vec<_> = (0..20).map(|_| send(&basic("Ada", "secret"))).collect();
    for picture in &mut pictures {
        assert_eq!(picture.reply().unwrap().status, 200);
    }
    fs::remove_file(&file).unwrap();
}

#[test]
fn programs_are_told_who_asks() {
    let scripts = Scripts::new().unwrap();
    let body = format!("{TEXT}echo \"$AUTH_TYPE,$REMOTE_USER,$HTTP_AUTHORIZATION\"");
    scripts.script("who", &body).unwrap();
    let ask = |flags: &[&str], fields: &str| {
        let thimble = Thimble::serve(scripts.folder.path(), &[&["--cgi"], flags].concat());
        let reply = ask(&thimble, "GET /cgi-bin/who", fields);
        (reply.status, reply.text())
    };
    let named = (200, "Basic,Ada,\n".to_owned());
    let nobody = (200, ",,\n".to_owned());
    let auth = ["--auth", "Ada:secret"];
    let writes = ["--auth", "Ada:secret", "--auth-for", "write"];
    assert_eq!(ask(&auth, RIGHT), named);
    assert_eq!(ask(&auth, WRONG).0, 401);
    assert_eq!(ask(&writes, RIGHT), named);
    assert_eq!(ask(&writes, ""), nobody);
    // Nobody has checked what is said here.
    assert_eq!(ask(&[], RIGHT), nobody);
    assert_eq!(ask(&writes, WRONG).0, 401);
    // A flag may say it where nobody is asked.
    let flag = ["--cgi-env", "REMOTE_USER=Eve"];
    assert_eq!(ask(&flag, ""), (200, ",Eve,\n".to_owned()));
    assert_eq!(ask(&[&writes[..], &flag].concat(), ""), nobody);
    assert_eq!(ask(&[&auth[..], &flag].concat(), RIGHT), named);
}
