//! Files that come with forms, kept by the command in a folder: whole ones, and nothing of others.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use rusqlite::Connection;
use thimble_core::testing::{FormPart, Request};
use thimble_tests::command::folder::{Folder, noise};
use thimble_tests::command::forms::ask;
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Client, Reply, TIME_LIMIT};

/// Pages, and a server that keeps files in a folder beside them.
fn serve(folder: &Folder, flags: &[&str]) -> (Thimble, PathBuf) {
    let kept = folder.path().join("kept");
    let site = folder.path().join("site");
    fs::create_dir_all(&site).unwrap();
    fs::write(site.join("index.html"), "<body><!-- form --></body>").unwrap();
    let flags = [&["--uploads", kept.to_str().unwrap()], flags].concat();
    (Thimble::serve(&site, &flags), kept)
}

fn send(thimble: &Thimble, request: &Request) -> Reply {
    let mut client = thimble.connect();
    // A server that refuses it may not read all of it.
    let _ = client.send(request.to_octets());
    client.reply().unwrap()
}

fn file<'a>(filename: &'a str, content: &'a [u8]) -> FormPart<'a> {
    FormPart::file("file", filename, "text/plain", content)
}

fn upload<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Request {
    let parts: Vec<_> = files.into_iter().map(|(name, content)| file(name, content)).collect();
    Request::post("/").multipart(&parts)
}

/// The names of all that is in `folder`, hidden or not, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Sends all but the end of a form with files, and waits until some of it is on the disk.
fn begun(thimble: &Thimble, kept: &Path) -> Client {
    let octets = upload([("first", &b"whole"[..]), ("second", &noise(2_000_000))]).to_octets();
    let mut client = thimble.connect();
    client.send(octets.get(..octets.len() - 1000).unwrap()).unwrap();
    until("a file that is written", TIME_LIMIT, || {
        let temporary =
            names(kept).into_iter().find(|name| name.starts_with(".thimble-upload-"))?;
        let second = fs::metadata(kept.join(temporary).join("1")).ok()?;
        (second.len() > 0).then_some(())
    });
    client
}

#[test]
fn names_are_safe_and_no_file_is_replaced() {
    let folder = Folder::new().unwrap();
    let (thimble, kept) = serve(&folder, &[]);
    fs::write(kept.join("there.txt"), "old").unwrap();
    symlink(folder.path().join("outside"), kept.join("link.txt")).unwrap();
    symlink(folder.path(), kept.join("folder")).unwrap();
    let long = format!("{}.txt", "é".repeat(200));
    let sent = [
        "../../up",
        "/etc/passwd",
        "..\\back",
        ".hidden",
        "..",
        "CON.txt",
        "there.txt",
        "there.txt",
        "link.txt",
        "folder",
        "folder/in",
        "Zoë 🪡.txt",
        "\u{202e}a",
        &long,
    ];
    let reply = send(&thimble, &upload(sent.map(|name| (name, name.as_bytes()))));
    assert_eq!(reply.status, 200);
    let cut = format!("{}.txt", "é".repeat(125));
    let expected = [
        "up",
        "passwd",
        "back",
        "hidden",
        "upload",
        "_CON.txt",
        "there-1.txt",
        "there-2.txt",
        "link-1.txt",
        "folder-1",
        "in",
        "Zoë 🪡.txt",
        "_a",
        &cut,
    ];
    let page = reply.text();
    for (name, sent) in expected.iter().zip(sent) {
        assert_eq!(fs::read_to_string(kept.join(name)).unwrap(), sent, "{name}");
        assert!(
            page.contains(&format!(
                "<dd><bdi>{name}</bdi> <small>(<bdi>text/plain</bdi>, {} bytes)",
                sent.len()
            )),
            "{name}: {page}"
        );
    }
    assert_eq!(names(&kept).len(), expected.len() + 3);
    assert_eq!(fs::read_to_string(kept.join("there.txt")).unwrap(), "old");
    assert_eq!(names(folder.path()), ["kept", "site"]);
}

#[test]
fn a_large_file_arrives_as_it_is() {
    let folder = Folder::new().unwrap();
    let (thimble, kept) = serve(&folder, &[]);
    let content = noise(30_000_000);
    let path = folder.file("large", &content).unwrap();
    let form = format!("file=@{}", path.display());
    let url = thimble.url("/");
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", thimble.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let curl = |more: &[&str]| {
        let output = run(Command::new("curl")
            .args(["-q", "--noproxy", "*", "-sS", "--fail", "-F", &form])
            .args(more)
            .arg(&url));
        assert!(output.status.success(), "{output:?}");
    };
    curl(&[]);
    let before = resident();
    curl(&["-H", "Transfer-Encoding: chunked"]);
    assert!(resident() < before + 1024, "memory grows with what is sent");
    for name in ["large", "large-1"] {
        assert!(fs::read(kept.join(name)).unwrap() == content, "{name}");
    }
    assert_eq!(names(&kept), ["large", "large-1"]);
}

#[test]
fn clients_that_send_one_name_at_once_get_one_file_each() {
    let folder = Folder::new().unwrap();
    let (thimble, kept) = serve(&folder, &["--quiet"]);
    thread::scope(|scope| {
        for number in 0..24 {
            let thimble = &thimble;
            scope.spawn(move || {
                let content = format!("{number}").repeat(50_000);
                let reply = send(thimble, &upload([("same.txt", content.as_bytes())]));
                assert_eq!(reply.status, 200);
            });
        }
    });
    let mut contents: Vec<_> =
        names(&kept).iter().map(|name| fs::read_to_string(kept.join(name)).unwrap()).collect();
    contents.sort();
    let mut expected: Vec<_> = (0..24).map(|number| format!("{number}").repeat(50_000)).collect();
    expected.sort();
    assert!(contents == expected, "{:?}", names(&kept));
}

/// Neither may become a coding of the other, whichever is named first.
#[test]
fn files_that_come_at_once_are_no_codings_of_each_other() {
    let folder = Folder::with_pages().unwrap();
    let kept = folder.path().join("drop");
    fs::create_dir(&kept).unwrap();
    let thimble = Thimble::serve(folder.path(), &["--uploads", kept.to_str().unwrap()]);
    for number in 0..50 {
        let pair = [format!("{number}.css"), format!("{number}.css.br")];
        thread::scope(|scope| {
            for name in &pair {
                let sent = upload([(name.as_str(), &b"content"[..])]);
                scope.spawn(|| assert_eq!(send(&thimble, &{ sent }).status, 200));
            }
        });
        let there = pair.iter().filter(|name| kept.join(name).exists()).count();
        assert!(there < 2, "{number}");
    }
    assert_eq!(names(&kept).len(), 100);
}

#[test]
fn what_is_too_large_or_finds_no_room_leaves_nothing() {
    let folder = Folder::new().unwrap();
    let (thimble, kept) = serve(&folder, &["--max-upload", "1M", "--max-form", "2k"]);
    let large = vec![b'x'; 1 << 20];
    let text = "x".repeat(2048);
    for (request, status) in [
        (upload([("a", &b"1"[..]), ("b", &large)]), 413),
        (Request::post("/").multipart(&[file("a", b"1"), FormPart::text("t", &text)]), 413),
        (upload([("a", large.get(..1_000_000).unwrap())]), 200),
    ] {
        assert_eq!(send(&thimble, &request).status, status);
    }
    assert_eq!(names(&kept), ["a"]);

    // No file may become larger than 100 KiB.
    let kept = folder.path().join("limited");
    let built = thimble_program();
    let mut limited = Command::new("bash");
    limited.args(["-c", "ulimit -f 100; exec \"$@\"", "limited"]).arg(built);
    limited.arg(folder.path().join("site")).args(["-p", "0", "--uploads"]).arg(&kept);
    let limited = Thimble::start(&mut limited);
    let refused = send(&limited, &upload([("a", &b"1"[..]), ("b", &large)]));
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert!(refused.text().contains("there is no room to keep the file"), "{}", refused.text());
    assert_eq!(names(&kept), [""; 0]);
    limited.log_line(|line| line.contains("can't keep a file in '") && line.contains("too large"));
    assert_eq!(send(&limited, &upload([("a", &b"1"[..])])).status, 200);
}

fn thimble_program() -> PathBuf {
    thimble().get_program().into()
}

#[test]
fn who_leaves_midway_leaves_nothing() {
    let folder = Folder::new().unwrap();
    let (thimble, kept) = serve(&folder, &[]);
    let client = begun(&thimble, &kept);
    assert_eq!(names(&kept).len(), 1);
    drop(client);
    until("an empty folder", TIME_LIMIT, || names(&kept).is_empty().then_some(()));
    assert_eq!(send(&thimble, &upload([("first", &b"1"[..])])).status, 200);
    assert_eq!(names(&kept), ["first"]);
}

#[test]
fn what_a_killed_server_leaves_is_removed_and_what_another_one_writes_is_not() {
    let folder = Folder::new().unwrap();
    let (killed, kept) = serve(&folder, &[]);
    let _client = begun(&killed, &kept);
    killed.signal(Signal::KILL);
    drop(killed);
    assert_eq!(names(&kept).len(), 1);
    let (thimble, _) = serve(&folder, &[]);
    assert_eq!(names(&kept), [""; 0]);
    let client = begun(&thimble, &kept);
    let (_other, _) = serve(&folder, &[]);
    assert_eq!(names(&kept).len(), 1);
    drop(client);
    until("an empty folder", TIME_LIMIT, || names(&kept).is_empty().then_some(()));
}

#[test]
fn a_listing_takes_files_where_they_are_kept() {
    let folder = Folder::with_pages().unwrap();
    folder.file("drop/there.txt", "old").unwrap();
    folder.file("other/a.txt", "old").unwrap();
    let kept = folder.path().join("drop");
    let database = folder.path().join("forms.db");
    let flags = ["--uploads", kept.to_str().unwrap(), "--database", database.to_str().unwrap()];
    let thimble = Thimble::serve(folder.path(), &flags);
    thimble.log_line(|line| line.contains("whoever reaches the server can publish files there"));
    let get =
        |target: &str| ask(&thimble, &format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).text();
    assert!(get("/drop/").contains("type=\"file\" name=\"file\" multiple"));
    assert!(!get("/other/").contains("<form"));
    // None may become the page of the folder, or stand in for another file.
    let sent = ["there.txt", "index.html", "there.txt.gz", "404.html", "a.css.br", "a.css"];
    let form = |name: &str| format!("file=@{};filename={name}", kept.join("there.txt").display());
    let mut curl = Command::new("curl");
    curl.args(["-q", "--noproxy", "*", "-sS", "-L", "--fail"]);
    for name in sent {
        curl.args(["-F", &form(name)]);
    }
    let listing = String::from_utf8(run(curl.arg(thimble.url("/drop/"))).stdout).unwrap();
    let expected = [
        "404-1.html",
        "a-1.css",
        "a.css.br",
        "index-1.html",
        "there-1.txt",
        "there.txt",
        "there.txt-1.gz",
    ];
    assert_eq!(names(&kept), expected);
    for name in expected {
        assert!(listing.contains(&format!("href=\"{name}\"")), "{name}: {listing}");
    }
    let reader = Connection::open(&database).unwrap();
    let fields: String =
        reader.query_row("SELECT fields ->> '$[0]' FROM form", [], |row| row.get(0)).unwrap();
    assert_eq!(
        fields,
        r#"["file","there.txt",{"file":"there-1.txt","size":3,"type":"text/plain"}]"#
    );
    let elsewhere = upload([("a", &b"1"[..])]).field("Origin", "http://other.example");
    assert_eq!(send(&thimble, &elsewhere).status, 403);
    assert_eq!(names(&kept), expected);
}

/// Whoever may read may only send if it was named.
#[test]
fn pages_of_an_allowed_origin_send_files() {
    let folder = Folder::with_pages().unwrap();
    let kept = folder.path().join("drop");
    for (cors, allowed, other) in
        [("--cors=http://a.example", 200, 403), ("--cors", 403, 403), ("--cors=null", 403, 403)]
    {
        let thimble = Thimble::serve(folder.path(), &["--uploads", kept.to_str().unwrap(), cors]);
        for (origin, status) in [("http://a.example", allowed), ("http://b.example", other)] {
            let mut sent = upload([("a", &b"1"[..])]).field("Origin", origin);
            sent = sent.field("Sec-Fetch-Site", "cross-site");
            assert_eq!(send(&thimble, &sent).status, status, "{cors} {origin}");
        }
    }
}

#[test]
fn what_others_still_send_is_not_shown() {
    let folder = Folder::with_pages().unwrap();
    folder.file("drop/there.txt", "old").unwrap();
    let kept = folder.path().join("drop");
    let flags = ["--hidden", "--uploads", kept.to_str().unwrap()];
    let thimble = Thimble::serve(folder.path(), &flags);
    let _client = begun(&thimble, &kept);
    let unfinished =
        names(&kept).into_iter().find(|name| name.starts_with(".thimble-upload-")).unwrap();
    let get = |target: &str| ask(&thimble, &format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let listing = get("/drop/").text();
    assert!(listing.contains("there.txt") && !listing.contains("thimble-upload"), "{listing}");
    for end in ["", "/", "/0", "/1", "/none"] {
        assert_eq!(get(&format!("/drop/{unfinished}{end}")).status, 404, "{end}");
        let inside = format!("/drop/{}{end}", unfinished.replace('.', "%2E"));
        assert_eq!(get(&inside).status, 404, "{inside}");
    }
}

#[test]
fn a_folder_that_is_made_again_is_used_again() {
    let folder = Folder::new().unwrap();
    let (thimble, kept) = serve(&folder, &[]);
    assert_eq!(send(&thimble, &upload([("a", &b"1"[..])])).status, 200);
    fs::remove_dir_all(&kept).unwrap();
    assert_eq!(send(&thimble, &upload([("a", &b"1"[..])])).status, 507);
    fs::create_dir(&kept).unwrap();
    assert_eq!(send(&thimble, &upload([("b", &b"2"[..])])).status, 200);
    assert_eq!(names(&kept), ["b"]);
    fs::rename(&kept, folder.path().join("moved")).unwrap();
    fs::create_dir(&kept).unwrap();
    assert_eq!(send(&thimble, &upload([("c", &b"3"[..])])).status, 200);
    assert_eq!(
        (names(&kept), names(&folder.path().join("moved"))),
        (vec!["c".into()], vec!["b".into()])
    );
}

#[test]
fn a_listing_without_a_chosen_file_says_so() {
    let folder = Folder::with_pages().unwrap();
    folder.file("drop/there.txt", "old").unwrap();
    let kept = folder.path().join("drop");
    let database = folder.path().join("forms.db");
    let flags = ["--uploads", kept.to_str().unwrap(), "--database", database.to_str().unwrap()];
    let thimble = Thimble::serve(folder.path(), &flags);
    for parts in [vec![], vec![FormPart::text("t", "1")], vec![file("", b"")]] {
        let reply = send(&thimble, &Request::post("/drop/").multipart(&parts));
        assert_eq!(reply.status, 422);
        assert!(reply.text().contains("no file was chosen"), "{}", reply.text());
    }
    assert_eq!(names(&kept), ["there.txt"]);
    let reader = Connection::open(&database).unwrap();
    let count: i64 = reader.query_row("SELECT count(*) FROM form", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}

#[test]
fn a_folder_that_is_made_is_said_and_none_is_made_in_vain() {
    let folder = Folder::with_pages().unwrap();
    folder.file("cgi-bin/a.sh", "").unwrap();
    let path = folder.path().join("new");
    let flags = ["--uploads", path.to_str().unwrap()];
    let thimble = Thimble::serve(folder.path(), &flags);
    thimble.log_line(|line| line.contains("made the folder '") && line.contains("new"));
    let inside = folder.path().join("cgi-bin/new");
    let mut refused = thimble_command(&folder);
    let refused = run(refused.args(["--cgi", "--uploads"]).arg(&inside));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("could run it") && !refused.status.success(), "{said}");
    assert!(!inside.exists());
}

fn thimble_command(folder: &Folder) -> Command {
    let mut command = thimble();
    command.arg(folder.path()).args(["-p", "0"]);
    command
}

#[test]
fn what_cannot_be_used_is_said() {
    let folder = Folder::with_pages().unwrap();
    for (name, reason) in [
        ("note.txt", "is not a folder: give --uploads the path of one"),
        ("missing/kept", "can't be made: make the one that it is in first"),
        // Nothing is made there, not even by root.
        (
            "/proc/kept",
            "no folder '/proc/kept' can be made in '/proc': give --uploads one elsewhere",
        ),
    ] {
        let path = folder.path().join(name);
        let ended = run(thimble().arg(folder.path()).args(["-p", "0", "--uploads"]).arg(path));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains(reason) && said.lines().count() == 1, "{said}");
        assert!(!ended.status.success());
    }
    let both = ["--no-forms", "--uploads", "kept"];
    assert!(!run(thimble().args(both)).status.success());
}
