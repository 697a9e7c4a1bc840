//! Programs that make replies: which are run, what they are told, and what they are not.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use thimble_tests::command::scripts::{Scripts, TEXT, ask, get, post};
use thimble_tests::command::{Thimble, run, thimble};

const SECRET: &str = "# the secret is in the source";

/// A folder with a program of each kind.
fn scripts() -> Scripts {
    let scripts = Scripts::new().unwrap();
    scripts
        .script("env", &format!("{SECRET}\n{TEXT}env; echo \"ARGS=$#\"; printf '[%s]\\n' \"$@\""))
        .unwrap();
    scripts.script("sub/where", &format!("{TEXT}pwd")).unwrap();
    scripts.folder.file("index.html", "<p>hello").unwrap();
    scripts
}

/// The environment that the script `env` shows.
fn variables(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

#[test]
fn what_stands_in_a_folder_of_programs_is_run_or_refused() {
    let scripts = scripts();
    let folder = &scripts.folder;
    folder.file("cgi-bin/plain.py", SECRET).unwrap();
    folder.file("cgi-bin/env.gz", SECRET).unwrap();
    folder.file("cgi-bin/index.html", SECRET).unwrap();
    folder.file("cgi-bin/.hidden", SECRET).unwrap();
    folder.file("outside.txt", "a file\n").unwrap();
    scripts.program("cgi-bin/nph-raw", format!("#!/bin/sh\n{SECRET}\n{TEXT}")).unwrap();
    scripts.program("cgi-bin/.secret", format!("#!/bin/sh\n{SECRET}\n{TEXT}")).unwrap();
    scripts.program("htbin/too", format!("#!/bin/sh\n{TEXT}echo too")).unwrap();
    scripts.program("apps/mine/it", format!("#!/bin/sh\n{TEXT}echo mine")).unwrap();
    folder.file("apps/other.txt", "another file\n").unwrap();
    // Links to the folder and to what is in it, and out of it.
    folder.link("alias", "cgi-bin").unwrap();
    folder.link("source.txt", "cgi-bin/env").unwrap();
    folder.link("picture.gz", "cgi-bin/env").unwrap();
    folder.file("picture", "a picture").unwrap();
    folder.link("deep", "cgi-bin/sub").unwrap();
    folder.link("cgi-bin/linked", "sub/where").unwrap();
    folder.link("cgi-bin/away", "/bin/ls").unwrap();
    folder.link("404.html", "cgi-bin/plain.py").unwrap();
    let thimble = scripts.serve(&["--cgi-dir", "apps/mine"]);
    for (path, status) in [
        ("/cgi-bin/env", 200),
        ("/cgi-bin/env/", 200),
        ("/%63gi-bin/env", 200),
        ("/cgi-bin/%65nv/x/y?z", 200),
        ("/cgi-bin/sub/where", 200),
        ("/cgi-bin/linked", 200),
        ("/htbin/too", 200),
        ("/apps/mine/it", 200),
        ("/apps/other.txt", 200),
        ("/outside.txt", 200),
        ("/index.html", 200),
        // No run bit, a folder, a name that is never run.
        ("/cgi-bin/plain.py", 403),
        ("/cgi-bin/env.gz", 403),
        ("/cgi-bin/index.html", 403),
        ("/cgi-bin/nph-raw", 403),
        ("/cgi-bin", 403),
        ("/cgi-bin/", 403),
        ("/cgi-bin/sub", 403),
        ("/cgi-bin/sub/", 403),
        ("/cgi-bin//env", 403),
        ("/apps/mine", 403),
        // Nothing is there, or nothing for clients.
        ("/cgi-bin/none", 404),
        ("/cgi-bin/.hidden", 404),
        ("/cgi-bin/.secret", 404),
        ("/cgi-bin/away", 404),
        ("/cgi-bin%2Fenv", 404),
        ("/cgi-bin/env%00", 404),
        ("//cgi-bin/env", 404),
        ("/./cgi-bin/env", 404),
        ("/x/../cgi-bin/env", 404),
        ("/cgi-bin/../index.html", 404),
        ("/cgi-bin/env/../../index.html", 404),
        ("/cgi-bin/env/%2e%2e/x", 404),
        ("/CGI-BIN/env", 404),
        ("/Cgi-Bin/env", 404),
        ("/alias", 404),
        ("/alias/", 404),
        ("/alias/env", 404),
        ("/alias/plain.py", 404),
        ("/source.txt", 404),
        ("/deep/where", 404),
        ("/none", 404),
    ] {
        // What was served once may be kept.
        for _ in 0..2 {
            let reply = get(&thimble, path).unwrap();
            assert_eq!(reply.status, status, "{path}: {}", reply.text());
            assert!(!reply.text().contains(SECRET), "{path}");
        }
    }
    let accepts = "Accept-Encoding: gzip\r\n";
    let picture = ask(&thimble, "GET /picture", accepts, b"").unwrap();
    assert_eq!((picture.field("Content-Encoding"), picture.text().as_str()), (None, "a picture"));
    // A form is no way to the source either.
    assert_eq!(post(&thimble, "/source.txt", b"a=b").unwrap().status, 404);

    fs::remove_file(folder.path().join("index.html")).unwrap();
    let listing = get(&thimble, "/").unwrap().text();
    assert!(listing.contains("outside.txt") && listing.contains("picture"), "{listing}");
    for name in ["cgi-bin", "htbin", "alias", "source.txt", "deep"] {
        assert!(!listing.contains(&format!("\"{name}")), "{name}: {listing}");
    }
    let listing = get(&thimble, "/apps/").unwrap().text();
    assert!(listing.contains("other.txt") && !listing.contains("mine/"), "{listing}");
}

#[test]
fn without_the_flag_it_is_a_folder_like_any_other() {
    let scripts = scripts();
    let thimble = Thimble::serve(scripts.folder.path(), &[] as &[&str]);
    assert!(get(&thimble, "/cgi-bin/env").unwrap().text().contains(SECRET));
    // Of those that were asked for, nothing is sent.
    let thimble = Thimble::serve(scripts.folder.path(), &["--cgi-dir", "cgi-bin/sub"]);
    assert_eq!(get(&thimble, "/cgi-bin/sub/").unwrap().status, 403);
    assert_eq!(get(&thimble, "/cgi-bin/env").unwrap().status, 404);
}

/// RFC 3875 §4.1.
#[test]
fn the_variables_are_complete_and_true() {
    let scripts = scripts();
    let thimble = scripts.serve(&["-q"]);
    let fields = "Content-Length: 4\r\nContent-Type: text/x; a=b\r\nX-Mood: good\r\nAccept: a/b\r\n\
        accept: c/d\r\nCookie: a=1\r\nCookie: b=2\r\nProxy: evil\r\nAuthorization: Basic x\r\n\
        X_Mood: spoofed\r\nX.Mood: odd\r\nTE: trailers\r\nX-Hop: y\r\nConnection: X-Hop\r\n\
        Expect: 100-continue\r\nProxy-Authorization: z\r\n";
    let mut client = thimble.connect();
    let line = "POST /cgi-bin/env/a%20b/%C3%BC?x=%20&y HTTP/1.1\r\nHost: example.com:81\r\n";
    client.send(format!("{line}{fields}\r\n")).unwrap();
    assert_eq!(client.reply().unwrap().status, 100);
    client.send("body").unwrap();
    let reply = client.reply().unwrap();
    let text = reply.text();
    let found = variables(&text);
    let root = scripts.folder.path().canonicalize().unwrap().display().to_string();
    let file = format!("{root}/cgi-bin/env");
    let translated = format!("{root}/a b/\u{fc}");
    let port = thimble.address().port().to_string();
    for (name, value) in [
        ("AUTH_TYPE", None),
        ("CONTENT_LENGTH", Some("4")),
        ("CONTENT_TYPE", Some("text/x; a=b")),
        ("GATEWAY_INTERFACE", Some("CGI/1.1")),
        ("PATH_INFO", Some("/a b/\u{fc}")),
        ("PATH_TRANSLATED", Some(translated.as_str())),
        ("QUERY_STRING", Some("x=%20&y")),
        ("REMOTE_ADDR", Some("127.0.0.1")),
        ("REMOTE_HOST", Some("127.0.0.1")),
        ("REMOTE_USER", None),
        ("REQUEST_METHOD", Some("POST")),
        ("SCRIPT_NAME", Some("/cgi-bin/env")),
        ("SERVER_NAME", Some("example.com")),
        ("SERVER_PORT", Some(port.as_str())),
        ("SERVER_PROTOCOL", Some("HTTP/1.1")),
        ("DOCUMENT_ROOT", Some(root.as_str())),
        ("SCRIPT_FILENAME", Some(file.as_str())),
        ("REQUEST_URI", Some("/cgi-bin/env/a%20b/%C3%BC?x=%20&y")),
        ("REDIRECT_STATUS", Some("200")),
        ("HTTPS", None),
        ("HTTP_HOST", Some("example.com:81")),
        ("HTTP_X_MOOD", Some("good")),
        ("HTTP_ACCEPT", Some("a/b, c/d")),
        ("HTTP_COOKIE", Some("a=1; b=2")),
        ("ARGS", Some("0")),
    ] {
        assert_eq!(found.get(name).copied(), value, "{name}: {text}");
    }
    assert!(found.get("SERVER_SOFTWARE").unwrap().starts_with("Thimble/"));
    for name in found.keys().filter(|name| name.starts_with("HTTP_")) {
        assert!(
            ["HTTP_HOST", "HTTP_X_MOOD", "HTTP_ACCEPT", "HTTP_COOKIE"].contains(name),
            "{name}"
        );
    }
}

#[test]
fn what_a_request_does_not_have_has_no_variable() {
    let scripts = scripts();
    let thimble = scripts.serve(&["-q"]);
    let mut client = thimble.connect();
    client.send("GET /cgi-bin/env HTTP/1.0\r\nContent-Type: a/b\r\n\r\n").unwrap();
    let text = client.reply().unwrap().text();
    let found = variables(&text);
    for name in ["CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "HTTP_HOST"] {
        assert_eq!(found.get(name), None, "{name}");
    }
    assert_eq!(found.get("QUERY_STRING"), Some(&""));
    // The field is there, though there is nothing that it could describe (RFC 3875 §4.1.3).
    assert_eq!(found.get("CONTENT_TYPE"), Some(&"a/b"));
    assert_eq!(found.get("SERVER_PROTOCOL"), Some(&"HTTP/1.0"));
    // Without a Host, and with one that is no plain name, it is the address.
    assert_eq!(found.get("SERVER_NAME"), Some(&"127.0.0.1"));
    for (host, name) in [
        ("a-b.example", "a-b.example"),
        ("[::1]:80", "[::1]"),
        ("my_host", "my_host"),
        ("a$(x)", "127.0.0.1"),
        ("a%22b", "127.0.0.1"),
        ("a;b", "127.0.0.1"),
    ] {
        let mut client = thimble.connect();
        client.send(format!("GET /cgi-bin/env HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
        let text = client.reply().unwrap().text();
        assert_eq!(variables(&text).get("SERVER_NAME"), Some(&name), "{host}");
    }
    // The target's authority wins (RFC 9112 §3.2.2).
    let mut client = thimble.connect();
    client.send("GET http://b.example:7/cgi-bin/env?q HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let text = client.reply().unwrap().text();
    assert_eq!(variables(&text).get("SERVER_NAME"), Some(&"b.example"));
    assert_eq!(variables(&text).get("REQUEST_URI"), Some(&"/cgi-bin/env?q"));
}

#[test]
fn the_environment_is_clean_but_for_what_is_passed() {
    let scripts = scripts();
    let mut command = thimble_tests::command::thimble();
    command
        .arg(scripts.folder.path())
        .args(["-p", "0", "--cgi", "--cgi-env", "PASSED", "--cgi-env", "GIVEN=a=b"])
        .args(["--cgi-env", "MISSING"])
        .env("PASSED", "yes")
        .env("SECRET_KEY", "no")
        .env("LANG", "C.UTF-8")
        .env("LC_ALL", "C.UTF-8");
    let thimble = Thimble::start(&mut command);
    let text = get(&thimble, "/cgi-bin/env").unwrap().text();
    let found = variables(&text);
    assert_eq!(found.get("PASSED"), Some(&"yes"));
    assert_eq!(found.get("GIVEN"), Some(&"a=b"));
    assert_eq!(found.get("LANG"), Some(&"C.UTF-8"));
    assert_eq!(found.get("SCRIPT_NAME"), Some(&"/cgi-bin/env"));
    for name in ["SECRET_KEY", "MISSING", "LC_ALL", "HOME", "USER", "CARGO"] {
        assert_eq!(found.get(name), None, "{name}");
    }
    assert!(found.contains_key("PATH"));
    // The script's folder is where it runs.
    let place = scripts.folder.path().canonicalize().unwrap().join("cgi-bin/sub");
    assert_eq!(get(&thimble, "/cgi-bin/sub/where").unwrap().text().trim(), place.to_str().unwrap());
}

/// RFC 3875 §4.4.
#[test]
fn an_indexed_query_is_the_command_line_and_never_an_option() {
    let scripts = scripts();
    scripts.folder.file("cgi-bin/run.sh", format!("{TEXT}printf '[%s]\\n' \"$@\"")).unwrap();
    let thimble = scripts.serve(&["-q", "--interpreter", ".sh=sh"]);
    for (target, words) in [
        ("/cgi-bin/env?a+b%20c", "[a]\n[b c]\n"),
        ("/cgi-bin/env?%3D", "[=]\n"),
        ("/cgi-bin/env?a=b", "[]\n"),
        ("/cgi-bin/env?", "[]\n"),
        ("/cgi-bin/env?-s", "[]\n"),
        ("/cgi-bin/env?a+-s", "[]\n"),
        ("/cgi-bin/env?%2Ds", "[]\n"),
        ("/cgi-bin/run.sh?x+y", "[x]\n[y]\n"),
        ("/cgi-bin/run.sh?-c+id", "[]\n"),
    ] {
        let text = get(&thimble, target).unwrap().text();
        assert!(text.ends_with(words), "{target}: {text}");
    }
    let text = ask(&thimble, "POST /cgi-bin/env?a+b", "Content-Length: 0\r\n", b"").unwrap().text();
    assert!(text.ends_with("ARGS=0\n[]\n"), "{text}");
}

#[test]
fn interpreters_run_what_has_no_run_bit() {
    let scripts = scripts();
    let place = scripts.folder.file("cgi-bin/a.shell", format!("{TEXT}echo ran $0")).unwrap();
    let thimble = scripts.serve(&["-q", "--interpreter", ".shell=sh"]);
    let text = get(&thimble, "/cgi-bin/a.shell/info").unwrap().text();
    assert_eq!(text, format!("ran {}\n", place.canonicalize().unwrap().display()));
    fs::set_permissions(&place, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(get(&thimble, "/cgi-bin/a.shell").unwrap().status, 200);
    // It is for programs only.
    scripts.folder.file("b.shell", "text").unwrap();
    assert_eq!(get(&thimble, "/b.shell").unwrap().text(), "text");
}

#[test]
fn every_method_is_the_programs_to_answer_but_trace() {
    let scripts = scripts();
    scripts.script("method", &format!("{TEXT}echo $REQUEST_METHOD")).unwrap();
    let thimble = scripts.serve(&["-q"]);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let line = format!("{method} /cgi-bin/method");
        let reply = ask(&thimble, &line, "Content-Length: 0\r\n", b"").unwrap();
        assert_eq!((reply.status, reply.text().trim()), (200, method));
    }
    let refused = ask(&thimble, "TRACE /cgi-bin/method", "", b"").unwrap();
    let allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    assert_eq!((refused.status, refused.field("Allow")), (405, Some(allowed)));
}

#[test]
fn a_problem_of_the_flags_is_a_line_that_says_what_to_do() {
    let scripts = scripts();
    for (flags, said) in [
        (["--cgi-dir", "none"], "there is no folder 'none' in the one that is served"),
        (
            ["--cgi-dir", "outside.txt"],
            "there is no folder 'outside.txt' in the one that is served",
        ),
        (["--cgi-max", "1"], "--cgi-max needs --cgi or --cgi-dir <NAME>, too"),
        (["--cgi-dir", "../x"], "name a folder within the one that is served"),
        (["--interpreter", ".x=no-such-program"], "there is no program 'no-such-program'"),
        (["--interpreter", "py"], "write it like .py=python3"),
        (["--cgi-timeout", "0"], "give a number from 1 to 86400"),
        (["--cgi-env", "=x"], "write it like HOME or HOME=/srv"),
        (["--cgi-env", "SCRIPT_NAME=fake"], "that is a variable of each request"),
    ] {
        let mut command = thimble_tests::command::thimble();
        command.arg(scripts.folder.path()).args(["-p", "0"]).args(flags);
        let output = thimble_tests::command::run(&mut command);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(said), "{flags:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{flags:?}: {text}");
    }
    let mut command = thimble_tests::command::thimble();
    command.arg(scripts.folder.path().join("index.html")).args(["-p", "0", "--cgi"]);
    let output = thimble_tests::command::run(&mut command);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("programs are run in a folder"), "{text}");
}

#[test]
fn no_upload_becomes_a_program() {
    let scripts = scripts();
    let root = scripts.folder.path();
    for name in ["cgi-bin", "cgi-bin/kept"] {
        let path = root.join(name);
        let ended = run(thimble().arg(root).args(["-p0", "--cgi", "--uploads"]).arg(path));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains("give --uploads a folder without programs"), "{said}");
        assert!(!ended.status.success() && said.lines().count() == 1, "{said}");
    }
}
