//! The root is a wall: what can be asked for below it, and that nothing beyond it can.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use thimble_test_fixtures::settle;
use thimble_tests::command::folder::{Folder, PAGE};
use thimble_tests::command::{Thimble, unprivileged};
use thimble_tests::wire::client::Reply;

const SECRET: &str = "this is outside of the root";

/// A folder that has the served `root` and, next to it, what must stay secret.
fn folder() -> Folder {
    let folder = Folder::new().unwrap();
    folder.file("secret.txt", SECRET).unwrap();
    folder.file("beside/secret.txt", SECRET).unwrap();
    folder.file("root-of-another/secret.txt", SECRET).unwrap();
    folder.file("root/index.html", PAGE).unwrap();
    folder.file("root/sub/index.html", PAGE).unwrap();
    folder
}

fn serve(folder: &Folder, flags: &[&str]) -> Thimble {
    Thimble::serve(folder.path().join("root"), &[&["-q"], flags].concat())
}

fn get(thimble: &Thimble, target: impl AsRef<[u8]>) -> Reply {
    let mut client = thimble.connect();
    let end = b" HTTP/1.1\r\nHost: thimble\r\nConnection: close\r\n\r\n";
    client.send([b"GET ", target.as_ref(), end].concat()).unwrap();
    client.reply().unwrap()
}

fn assert_status(thimble: &Thimble, status: u16, targets: &[&str]) {
    for target in targets {
        let reply = get(thimble, target);
        assert_eq!(reply.status, status, "{target}: {}", reply.text());
        assert!(!reply.text().contains(SECRET), "{target}");
    }
}

#[test]
fn no_spelling_of_a_target_leads_out() {
    let folder = folder();
    let thimble = serve(&folder, &["--hidden"]);
    let absolute = folder.path().join("secret.txt").display().to_string();
    let ups = [
        "..",
        "%2e%2e",
        "%2E.",
        ".%2e",
        "..;",
        "...",
        "%252e%252e",
        "..%00",
        "%c0%ae%c0%ae",
        "\u{2025}",
    ];
    let slashes = ["/", "//", "%2f", "%2F", "\\", "%5c", "/./", "%00/", "%c0%af"];
    let starts = ["/", "//", "/sub/", "/sub/../", "/./", "/none/", "http://thimble/"];
    let mut targets = vec![absolute.clone(), format!("/{absolute}"), format!("//.{absolute}")];
    for start in starts {
        for up in ups {
            for slash in slashes {
                for times in [1, 2] {
                    let climb = format!("{up}{slash}").repeat(times);
                    targets.push(format!("{start}{climb}secret.txt"));
                    targets.push(format!("{start}{climb}root-of-another{slash}secret.txt"));
                }
            }
        }
    }
    for target in targets {
        let reply = get(&thimble, &target);
        assert!(matches!(reply.status, 400 | 404), "{target}: {}", reply.status);
        assert!(!reply.text().contains(SECRET), "{target}");
    }
}

#[test]
fn climbing_within_the_root_ends_within_it() {
    let folder = folder();
    let thimble = serve(&folder, &[]);
    for target in ["/sub/../index.html", "/../index.html", "/./sub/"] {
        let reply = get(&thimble, target);
        match reply.status {
            200 => assert_eq!(reply.text(), PAGE, "{target}"),
            status => assert!(matches!(status, 301 | 400 | 404), "{target}: {status}"),
        }
    }
}

#[test]
fn links_are_followed_within_the_root_only() {
    let folder = folder();
    folder.link("root/inside.html", "sub/index.html").unwrap();
    folder.link("root/sub/up.html", "../index.html").unwrap();
    folder.link("root/again", "sub").unwrap();
    folder.link("root/twice", "again").unwrap();
    folder.link("root/absolute", folder.path().join("secret.txt")).unwrap();
    folder.link("root/absolute-inside", folder.path().join("root/index.html")).unwrap();
    folder.link("root/relative", "../secret.txt").unwrap();
    folder.link("root/parent", "..").unwrap();
    folder.link("root/slash", "/").unwrap();
    folder.link("root/there/back", "../../root/index.html").unwrap();
    folder.link("root/hop", "parent").unwrap();
    folder.link("root/loop", "loop").unwrap();
    folder.link("root/dangling", "nothing").unwrap();
    folder.link("root/zero", "/dev/zero").unwrap();
    let thimble = serve(&folder, &[]);
    for target in ["/inside.html", "/sub/up.html", "/again/", "/again/index.html", "/twice/"] {
        let reply = get(&thimble, target);
        assert_eq!((reply.status, reply.text().as_str()), (200, PAGE), "{target}");
    }
    let out = [
        "/absolute",
        "/relative",
        "/parent/secret.txt",
        "/parent/",
        "/parent",
        "/slash/etc/passwd",
        "/parent/beside/secret.txt",
        "/hop/secret.txt",
        "/loop",
        "/loop/x",
        "/dangling",
        "/zero",
    ];
    assert_status(&thimble, 404, &out);
    // Out and in again: what is there may be served, as it can be asked for without the detour too.
    for target in ["/parent/root/index.html", "/there/back", "/absolute-inside"] {
        let reply = get(&thimble, target);
        match reply.status {
            200 => assert_eq!(reply.text(), PAGE, "{target}"),
            status => assert_eq!(status, 404, "{target}"),
        }
    }
}

/// However often it was served before, and whatever leads to it now.
#[test]
fn what_is_moved_out_is_gone() {
    let folder = folder();
    folder.file("root/a/b/page.html", PAGE).unwrap();
    folder.file("root/sub/large.txt", PAGE.repeat(10_000)).unwrap();
    settle();
    let thimble = serve(&folder, &[]);
    let targets = ["/a/b/page.html", "/sub/index.html", "/sub/large.txt", "/sub/", "/index.html"];
    for _ in 0..3 {
        assert_status(&thimble, 200, &targets);
    }
    for name in ["a/b", "sub", "index.html"] {
        let (inside, outside) = (folder.path().join("root").join(name), folder.path().join("out"));
        let outside = outside.with_extension(name.replace('/', "-"));
        fs::rename(&inside, &outside).unwrap();
        symlink(outside, inside).unwrap();
    }
    for _ in 0..2 {
        assert_status(&thimble, 404, &targets);
    }
    // Back inside, they are there again.
    let sub = folder.path().join("root/sub");
    fs::remove_file(&sub).unwrap();
    fs::rename(folder.path().join("out.sub"), sub).unwrap();
    assert_status(&thimble, 200, &["/sub/index.html", "/sub/large.txt"]);
}

#[test]
fn what_is_no_file_is_404_at_once() {
    let folder = folder();
    let pipe = folder.at("root/pipe").unwrap();
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    let _socket = UnixListener::bind(folder.at("root/socket").unwrap()).unwrap();
    folder.link("root/to-pipe", "pipe").unwrap();
    fs::create_dir(folder.path().join("root/bare")).unwrap();
    folder.link("root/bare/to-pipe", "../pipe").unwrap();
    let thimble = serve(&folder, &[]);
    // That these are answered at all shows that opening the pipe waits for no writer.
    let targets = ["/pipe", "/to-pipe", "/socket", "/pipe/x", "/index.html/x", "/index.html/"];
    assert_status(&thimble, 404, &targets);
    assert_status(&thimble, 404, &[&format!("/{}", "n".repeat(300))]);
    assert!(!get(&thimble, "/bare/").text().contains("pipe"), "what is no file is not listed");
    let deep = format!("{}/x", "/d".repeat(2500));
    assert!(matches!(get(&thimble, &deep).status, 404 | 414), "{deep}");
}

#[test]
fn names_with_a_dot_are_hidden_until_asked_for() {
    let folder = folder();
    for name in [".env", ".git/config", "sub/.env", "sub/.well-known/x", ".well-known/.env"] {
        folder.file(&format!("root/{name}"), "hidden\n").unwrap();
    }
    folder.file("root/.well-known/security.txt", "Contact: mailto:a@example.org\n").unwrap();
    let thimble = serve(&folder, &[]);
    let hidden = [
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/.git",
        "/.git/",
        "/sub/.env",
        "/sub/.well-known/x",
        "/.well-known/.env",
    ];
    assert_status(&thimble, 404, &hidden);
    assert_status(&thimble, 200, &["/.well-known/security.txt", "/%2ewell-known/security.txt"]);
    let thimble = serve(&folder, &["--hidden"]);
    assert_status(&thimble, 200, &["/.env", "/%2eenv", "/.git/config", "/sub/.env"]);
}

#[test]
fn an_unreadable_file_is_403() {
    let folder = folder();
    for name in ["closed.txt", "closed/index.html"] {
        folder.file(&format!("root/{name}"), SECRET).unwrap();
    }
    for name in ["closed.txt", "closed"] {
        let path = folder.path().join("root").join(name);
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
    }
    let thimble = Thimble::start(
        unprivileged(folder.path()).args(["-q", "-p", "0"]).arg(folder.path().join("root")),
    );
    assert_status(&thimble, 200, &["/index.html"]);
    assert_status(&thimble, 403, &["/closed.txt", "/closed/index.html", "/closed/"]);
    fs::set_permissions(folder.path().join("root/closed"), Permissions::from_mode(0o755)).unwrap();
}
