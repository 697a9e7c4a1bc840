//! wget, three Python clients and REDbot against the command.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use thimble_tests::command::folder::{Folder, PAGE, noise, site};
use thimble_tests::command::{Thimble, run};

/// A folder with what servers tend to get wrong: names that need escaping, no content, much of it.
fn folder() -> Folder {
    let folder = Folder::with_pages().unwrap();
    folder.file("empty.txt", "").unwrap();
    folder.file("large.bin", noise(5_000_000)).unwrap();
    folder.file("with space & plus+%41.txt", "escaped\n").unwrap();
    folder.file("sub/Zoë 🪡.html", PAGE).unwrap();
    folder.file("sub/deep/er/no-body.html", "<p>no marker and no end tag").unwrap();
    folder.file("sub/deep/er/body.html", "<html><body><p>no marker</BODY></html>").unwrap();
    folder
}

/// Runs a script of `tests/clients`, whose last line is `last` when it has found no fault.
fn python(script: &str, arguments: &[&OsStr], last: &str) {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("venv/bin/python");
    assert!(python.exists(), "{} is missing: tests/run makes it", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
    let output =
        run(Command::new(&python).arg("-B").arg(&script).args(arguments).stdin(Stdio::null()));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.ends_with(last), "{out}");
}

/// Runs a script that reads every file and posts to every page of the folder that is served.
fn read_and_post(script: &str) {
    let made = folder();
    for root in [site(), made.path().to_path_buf()] {
        let thimble = Thimble::serve(&root, &["-q"]);
        let url = thimble.url("/");
        python(script, &[OsStr::new(&url), root.as_os_str()], "every file and page is right\n");
    }
}

#[test]
fn python_http_client() {
    read_and_post("with_http_client.py");
}

#[test]
fn python_requests() {
    read_and_post("with_requests.py");
}

#[test]
fn python_httpx() {
    read_and_post("with_httpx.py");
}

#[test]
fn redbot_finds_nothing_bad() {
    let folder = Folder::new().unwrap();
    for name in ["index.html", "style.css", "test.jpg"] {
        folder.file(name, fs::read(site().join(name)).unwrap()).unwrap();
    }
    let style = folder.path().join("style.css");
    let gzip = Command::new("gzip").args(["-9", "--keep", "--no-name"]).arg(style).status();
    assert!(gzip.unwrap().success());
    // One stands there in gzip, the other is compressed.
    folder.file("made.css", fs::read(site().join("style.css")).unwrap().repeat(2)).unwrap();
    thread::sleep(Duration::from_millis(120));
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let url = thimble.url("/");
    let arguments = [&url, "/", "/test.jpg", "--gzip", "/style.css", "/made.css"].map(OsStr::new);
    python("with_redbot.py", &arguments, "REDbot finds nothing bad\n");
}

fn wget(arguments: &[&str], target: &Path) -> String {
    let output = run(Command::new("wget")
        .args(["--no-config", "--no-proxy", "--tries=1", "--timeout=60"])
        .args(arguments)
        .current_dir(target)
        .stdin(Stdio::null()));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "wget {arguments:?}: {log}");
    log
}

#[test]
fn wget_saves_the_page_with_all_it_shows() {
    let thimble = Thimble::serve(site(), &["-q"]);
    let saved = Folder::new().unwrap();
    let log =
        wget(&["--page-requisites", "--no-host-directories", &thimble.url("/")], saved.path());
    let mut names = Vec::new();
    for name in files_below(saved.path()) {
        let wanted = fs::read(site().join(&name)).unwrap();
        assert_eq!(fs::read(saved.path().join(&name)).unwrap(), wanted, "{}", name.display());
        names.push(name);
    }
    for name in ["index.html", "test.jpg"] {
        assert!(names.contains(&PathBuf::from(name)), "{names:?}");
    }
    assert!(names.iter().any(|name| name.extension().is_some_and(|e| e == "css")), "{names:?}");
    assert!(log.contains("Reusing existing connection"), "{log}");
}

fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().to_path_buf());
            }
        }
    }
    files
}

#[test]
fn wget_shows_the_reply_head() {
    let folder = folder();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let saved = Folder::new().unwrap();
    let log = wget(&["--server-response", &thimble.url("/large.bin")], saved.path());
    assert!(log.contains("  HTTP/1.1 200 OK"), "{log}");
    assert!(log.to_ascii_lowercase().contains("  content-length: 5000000"), "{log}");
    assert!(fs::read(saved.path().join("large.bin")).unwrap() == noise(5_000_000));
}

#[test]
fn wget_follows_the_redirect_and_sends_a_form() {
    let folder = folder();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let saved = Folder::new().unwrap();
    wget(&["--output-document=page", &thimble.url("/sub")], saved.path());
    assert_eq!(fs::read_to_string(saved.path().join("page")).unwrap(), PAGE);
    let form = "--post-data=firstname=%3Ci%3EAda";
    wget(&["--output-document=form", form, &thimble.url("/sub/")], saved.path());
    let reply = fs::read_to_string(saved.path().join("form")).unwrap();
    let (before, after) = PAGE.split_once("<!-- form -->").unwrap();
    assert!(reply.starts_with(before) && reply.ends_with(after), "{reply}");
    assert!(reply.contains("&lt;i&gt;Ada"), "{reply}");
}
