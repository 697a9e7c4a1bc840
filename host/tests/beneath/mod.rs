//! What a folder opens and what it doesn't: one table, for each way of opening.

#![expect(clippy::panic, reason = "a failure here is the test's failure")]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{
    CWD, FileType, Mode, OFlags, RenameFlags, makedev, mknodat, openat, renameat_with,
};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use tempfile::TempDir;
use thimble_core::semantics::negotiate::{Coding, Codings};
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{Entries as _, File as _, Node, OpenError, Storage as _};
use thimble_host::{Folder, block_on};

/// What came of opening a path.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    File(Vec<u8>),
    Directory,
    Not(OpenError),
}

fn open(folder: &Folder, path: &[u8]) -> Found {
    let decoded = [b"/", path].concat();
    let Some(path) = Path::new(&decoded) else { panic!("not a path: {decoded:?}") };
    match block_on(folder.open(&path, Coding::Identity)) {
        Ok(Node::File(file)) => {
            let mut content = vec![0; usize::try_from(file.metadata().len).unwrap_or_default()];
            let count = block_on(file.read_at(0, &mut content)).unwrap_or_default();
            content.truncate(count);
            Found::File(content)
        }
        Ok(Node::Directory) => Found::Directory,
        Err(error) => Found::Not(error),
    }
}

const SECRET: &[u8] = b"outside";

/// A root that holds much, and beside it what must not be reached. The socket lives as long as its
/// listener.
fn tree() -> io::Result<(TempDir, UnixListener)> {
    let tree = TempDir::with_prefix("thimble-")?;
    let at = |name: &str| tree.path().join(name);
    for folder in ["root/sub/deep", "outside/b", "root/closed", "root/searched"] {
        fs::create_dir_all(at(folder))?;
    }
    for secret in ["file", "outside/file", "outside/b/file"] {
        fs::write(at(secret), SECRET)?;
    }
    for file in
        ["root/file", "root/sub/file", "root/closed/file", "root/searched/file", "root/unreadable"]
    {
        fs::write(at(file), "inside")?;
    }
    fs::write(at("root/empty"), "")?;
    fs::write(at("root").join(OsStr::from_bytes(b"\xff\xfe")), "inside")?;
    for (name, target) in [
        ("link", "file"),
        ("sub/back", "../file"),
        ("subs", "sub"),
        ("there", "sub/../sub/./file"),
        ("chain", "subs/back"),
        ("relative", "../file"),
        ("parent", ".."),
        ("sideways", "../outside"),
        ("sub/deep/far", "../../../outside/file"),
        ("round", "../root/file"),
        ("slash", "/"),
        ("null", "/dev/null"),
        ("self", "/proc/self/root"),
        ("loop", "loop"),
        ("ping", "pong"),
        ("pong", "ping"),
        ("dangling", "nothing"),
        ("to-fifo", "fifo"),
    ] {
        symlink(target, at("root").join(name))?;
    }
    symlink(at("root/file"), at("root/absolute"))?;
    mknodat(CWD, at("root/fifo"), FileType::Fifo, Mode::from_raw_mode(0o666), 0)?;
    let socket = UnixListener::bind(at("root/socket"))?;
    // Only a superuser may make one; the link to one is tried in any case.
    let _ = mknodat(
        CWD,
        at("root/device"),
        FileType::CharacterDevice,
        Mode::from_raw_mode(0o666),
        makedev(1, 5),
    );
    for (name, mode) in [("closed", 0o000), ("searched", 0o311), ("unreadable", 0o000)] {
        fs::set_permissions(at("root").join(name), Permissions::from_mode(mode))?;
    }
    Ok((tree, socket))
}

/// Takes from this thread the superuser's right to open everything.
fn obey_permissions() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    let all = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    sets.effective.remove(all);
    Ok(set_capabilities(None, sets)?)
}

/// Every kind of thing, opened or refused as it should be. Runs on a thread of its own.
pub(crate) fn each_kind() -> io::Result<()> {
    let (tree, _socket) = tree()?;
    let folder = Folder::open(tree.path().join("root"))?;
    obey_permissions()?;
    let closed = Folder::open(tree.path().join("root/closed")).map(drop);
    assert_eq!(closed.map_err(|error| error.kind()), Err(io::ErrorKind::PermissionDenied));
    let inside = || Found::File(b"inside".to_vec());
    let not = || Found::Not(OpenError::NotFound);
    let begun = Instant::now();
    for (path, expected) in [
        (&b""[..], Found::Directory),
        (b"file", inside()),
        (b"empty", Found::File(Vec::new())),
        (b"\xff\xfe", inside()),
        (b"sub", Found::Directory),
        (b"sub/", Found::Directory),
        (b"sub/deep", Found::Directory),
        (b"sub/file", inside()),
        (b"missing", not()),
        (b"missing/file", not()),
        (b"file/file", not()),
        // Links that stay inside.
        (b"link", inside()),
        (b"sub/back", inside()),
        (b"subs", Found::Directory),
        (b"subs/file", inside()),
        (b"there", inside()),
        (b"chain", inside()),
        // Links whose target is in it, whatever way they take.
        (b"absolute", inside()),
        (b"round", inside()),
        // Links that don't.
        (b"relative", not()),
        (b"parent", not()),
        (b"parent/file", not()),
        (b"parent/root/file", not()),
        (b"sideways", not()),
        (b"sideways/file", not()),
        (b"sub/deep/far", not()),
        (b"slash", not()),
        (b"slash/etc/passwd", not()),
        (b"self/etc/passwd", not()),
        (b"null", not()),
        (b"loop", not()),
        (b"loop/file", not()),
        (b"ping", not()),
        (b"dangling", not()),
        // Neither files nor directories.
        (b"fifo", not()),
        (b"to-fifo", not()),
        (b"fifo/file", not()),
        (b"socket", not()),
        (b"device", not()),
        // Too long for the system.
        (&[b'n'; 300], not()),
        (&[b"d/".repeat(3000), b"d".to_vec()].concat(), not()),
        // Not ours to read.
        (b"unreadable", Found::Not(OpenError::Forbidden)),
        (b"closed/file", Found::Not(OpenError::Forbidden)),
        (b"searched", Found::Directory),
        (b"searched/file", inside()),
    ] {
        assert_eq!(open(&folder, path), expected, "{}", path.escape_ascii());
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "nothing blocks");
    Ok(())
}

/// Longer than the last moments in which nothing is kept.
const SETTLED: Duration = Duration::from_millis(80);

/// What is kept is not served once it is outside, whatever leads there then.
pub(crate) fn each_door() -> io::Result<()> {
    /// Moves something out of the root, and puts a link to it in its place.
    fn let_out(tree: &FsPath, name: &str) -> io::Result<()> {
        let (inside, outside) = (tree.join("root").join(name), tree.join("outside/moved"));
        fs::rename(&inside, &outside)?;
        symlink(outside, inside)
    }
    type Change = fn(&FsPath) -> io::Result<()>;
    let cases: [(&str, &[u8], Change); 7] = [
        ("the file", b"file", |tree| let_out(tree, "file")),
        ("the file in a folder", b"sub/file", |tree| let_out(tree, "sub/file")),
        ("its folder", b"sub/file", |tree| let_out(tree, "sub")),
        ("its folder, deeper", b"a/b/c/file", |tree| let_out(tree, "a/b/c")),
        ("a folder above that", b"a/b/c/file", |tree| let_out(tree, "a/b")),
        ("one more above", b"a/b/c/file", |tree| let_out(tree, "a")),
        ("what a link leads to", b"subs/file", |tree| {
            fs::rename(tree.join("root/sub"), tree.join("outside/moved"))?;
            fs::remove_file(tree.join("root/subs"))?;
            symlink("../outside/moved", tree.join("root/subs"))
        }),
    ];
    for (what, path, change) in cases {
        let (tree, _socket) = tree()?;
        fs::create_dir_all(tree.path().join("root/a/b/c"))?;
        fs::write(tree.path().join("root/a/b/c/file"), "inside")?;
        thread::sleep(SETTLED);
        let folder = Folder::open(tree.path().join("root"))?;
        for _ in 0..3 {
            assert_eq!(open(&folder, path), Found::File(b"inside".to_vec()), "{what}");
        }
        let decoded = [b"/", path].concat();
        let Some(decoded) = Path::new(&decoded) else { panic!("not a path: {decoded:?}") };
        assert!(
            folder.open_cached(&folder.name(&decoded, Coding::Identity)).is_some(),
            "{what} is kept"
        );
        change(tree.path())?;
        assert!(folder.open_cached(&folder.name(&decoded, Coding::Identity)).is_none(), "{what}");
        assert_eq!(open(&folder, path), Found::Not(OpenError::NotFound), "{what}");
        let anew = Folder::open(tree.path().join("root"))?;
        assert_eq!(open(&anew, path), Found::Not(OpenError::NotFound), "{what}, opened anew");
    }
    Ok(())
}

/// A folder goes out and comes back all the time: what is found while it is out all along is nothing,
/// and while it is in, the file.
pub(crate) fn each_moment() -> io::Result<()> {
    let (tree, _socket) = tree()?;
    let at = |name: &str| tree.path().join(name);
    symlink(at("outside/sub"), at("root/way"))?;
    thread::sleep(SETTLED);
    let folder = Folder::open(at("root"))?;
    // Even while it is in, odd while it is out, and nothing in between.
    let (turn, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let mover = scope.spawn(|| -> io::Result<()> {
            while !over.load(Ordering::SeqCst) {
                turn.store(usize::MAX, Ordering::SeqCst);
                fs::rename(at("root/sub"), at("outside/sub"))?;
                fs::rename(at("root/way"), at("root/sub"))?;
                turn.store(1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(1));
                turn.store(usize::MAX, Ordering::SeqCst);
                fs::rename(at("root/sub"), at("root/way"))?;
                fs::rename(at("outside/sub"), at("root/sub"))?;
                turn.store(2, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        });
        let (mut inside, mut outside) = (0, 0);
        let begun = Instant::now();
        while (inside < 300 || outside < 300) && begun.elapsed() < Duration::from_secs(20) {
            let before = turn.load(Ordering::SeqCst);
            let found = open(&folder, b"sub/file");
            match (before, turn.load(Ordering::SeqCst)) {
                (1, 1) => {
                    outside += 1;
                    assert_eq!(found, Found::Not(OpenError::NotFound));
                }
                (2, 2) => {
                    inside += 1;
                    assert_eq!(found, Found::File(b"inside".to_vec()));
                }
                _ => {}
            }
        }
        over.store(true, Ordering::SeqCst);
        let outcome = mover.join();
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        assert!(inside >= 300 && outside >= 300, "{inside} times inside, {outside} outside");
        Ok(())
    })
}

/// Nothing is opened to learn what it is: that would wake who waits at a FIFO for a reader.
pub(crate) fn no_fifo_is_opened() -> io::Result<()> {
    let (tree, _socket) = tree()?;
    let at = |name: &str| tree.path().join("root").join(name);
    for fifo in ["sub/fifo", "file.gz"] {
        mknodat(CWD, at(fifo), FileType::Fifo, Mode::from_raw_mode(0o666), 0)?;
    }
    symlink("../fifo", at("sub/to-fifo"))?;
    let folder = Folder::open(at(""))?;
    let fifos = [at("fifo"), at("sub/fifo"), at("file.gz")];
    let writer =
        |fifo: &PathBuf| openat(CWD, fifo, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
    let (over, was_opened) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        // A writer finds no reader, ever.
        for fifo in &fifos {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if writer(fifo).is_ok() {
                        was_opened.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
        let look = || -> io::Result<()> {
            for _ in 0..500 {
                for path in [&b"fifo"[..], b"fifo/", b"sub/fifo", b"to-fifo", b"sub/to-fifo"] {
                    assert_eq!(open(&folder, path), Found::Not(OpenError::NotFound));
                }
                for path in [&b"/sub/"[..], b"/", b"/fifo/", b"/to-fifo/"] {
                    let Some(path) = Path::new(path) else { panic!("not a path") };
                    let listed = block_on(folder.list(&path));
                    let Ok(mut listed) = listed else { continue };
                    while let Ok(Some(entry)) = block_on(listed.next()) {
                        let name = entry.name.escape_ascii().to_string();
                        assert!(!name.contains("fifo"), "{name} is listed");
                    }
                }
                let Some(path) = Path::new(b"/file") else { panic!("not a path") };
                let Ok(Node::File(file)) = block_on(folder.open(&path, Coding::Identity)) else {
                    panic!("the file is there")
                };
                assert_eq!(file.metadata().codings, Codings::NONE);
            }
            Ok(())
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look));
        over.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    assert!(!was_opened.load(Ordering::Relaxed), "a FIFO was opened");
    Ok(())
}

/// Whatever is renamed at whatever moment, nothing from outside comes back.
pub(crate) fn each_race() -> io::Result<()> {
    let (tree, _socket) = tree()?;
    let folder = Folder::open(tree.path().join("root"))?;
    let at = |name: &str| tree.path().join(name);
    // A directory that turns into a link that leads out, and one that is moved out while the link
    // in it is followed upwards.
    fs::create_dir_all(at("root/swap"))?;
    fs::write(at("root/swap/file"), "inside")?;
    symlink("../outside", at("root/swapped"))?;
    fs::create_dir_all(at("root/a/b"))?;
    fs::write(at("root/a/b/file"), "inside")?;
    symlink("../../file", at("root/a/b/up"))?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200_000 {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                for (one, other) in [("root/swap", "root/swapped"), ("root/a/b", "outside/b")] {
                    let _ = renameat_with(CWD, at(one), CWD, at(other), RenameFlags::EXCHANGE);
                }
            }
        });
        let mut inside = 0;
        for _ in 0..4000 {
            for path in [&b"swap/file"[..], b"swapped/file", b"a/b/up"] {
                match open(&folder, path) {
                    Found::File(content) => {
                        assert_ne!(content, SECRET, "{}", path.escape_ascii());
                        inside += 1;
                    }
                    Found::Directory => panic!("{} is no directory", path.escape_ascii()),
                    Found::Not(_) => (),
                }
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(inside > 100, "what is inside is found meanwhile: {inside}");
    });
    Ok(())
}
