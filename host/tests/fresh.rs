//! A folder remembers what it opened, and yet every change of a file shows at once.
#![cfg(unix)]

use std::collections::HashMap;
use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path as FsPath;
use std::thread;
use std::time::{Duration, SystemTime};

use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{File as _, Node, OpenError, Storage as _};
use thimble_host::{Folder, block_on};

/// Longer than the last moments in which nothing is kept.
const SETTLED: Duration = Duration::from_millis(80);

/// Longer than a directory is not looked at.
const BESIDE: Duration = Duration::from_millis(120);

/// What is at `path` now, with the suffixes it is coded by: the status that stands for an error.
fn look(folder: &Folder, path: &str) -> String {
    let Some(path) = Path::new(path.as_bytes()) else { return "no path".into() };
    match block_on(folder.open(&path, Coding::Identity)) {
        Ok(Node::File(file)) => {
            let metadata = file.metadata();
            let mut content = vec![0; 100_000];
            let count = block_on(file.read_at(0, &mut content)).unwrap_or_default();
            assert_eq!(count as u64, metadata.len);
            let codings = Coding::BY_PREFERENCE
                .into_iter()
                .filter(|coding| *coding != Coding::Identity && metadata.codings.contains(*coding));
            let codings: String = codings.map(Coding::suffix).collect();
            content.truncate(count.min(20));
            format!("{}{codings}", String::from_utf8_lossy(&content))
        }
        Ok(Node::Directory) => "directory".into(),
        Err(OpenError::NotFound) => "404".into(),
        Err(error) => format!("{error:?}"),
    }
}

fn is_kept(folder: &Folder, path: &str) -> bool {
    Path::new(path.as_bytes())
        .is_some_and(|path| folder.open_cached(&folder.name(&path, Coding::Identity)).is_some())
}

/// A folder with `d/f` in it, its content `old`, which was opened and is kept; what `change` does to
/// it, and what is then seen.
fn after(large: bool, change: fn(&FsPath) -> io::Result<()>) -> io::Result<String> {
    let root = tempfile::tempdir()?;
    let path = root.path();
    fs::create_dir(path.join("d"))?;
    let old = if large { "old".to_owned() + &"-".repeat(50_000) } else { "old".to_owned() };
    fs::write(path.join("d/f"), &old)?;
    fs::create_dir(path.join("e"))?;
    fs::write(path.join("e/f"), "other")?;
    thread::sleep(SETTLED);
    let folder = Folder::open(path)?;
    for _ in 0..3 {
        assert!(look(&folder, "/d/f").starts_with("old"));
    }
    assert!(is_kept(&folder, "/d/f"), "it is kept");
    change(path)?;
    let seen = look(&folder, "/d/f");
    assert_eq!(look(&folder, "/d/f"), seen, "and again");
    thread::sleep(SETTLED);
    assert_eq!(look(&folder, "/d/f"), seen, "and when it is kept again");
    assert_eq!(look(&folder, "/d/f"), seen, "and from what is kept");
    Ok(seen.trim_end_matches('-').to_owned())
}

#[test]
fn every_change_shows_at_once() -> io::Result<()> {
    /// Puts the times of last change and access back to what they were.
    fn in_spite_of_times(path: &FsPath, content: &str) -> io::Result<()> {
        let times = fs::metadata(path)?;
        fs::write(path, content)?;
        let times =
            FileTimes::new().set_modified(times.modified()?).set_accessed(times.accessed()?);
        File::options().write(true).open(path)?.set_times(times)
    }
    type Change = fn(&FsPath) -> io::Result<()>;
    let cases: [(&str, Change, &str); 12] = [
        ("written in place", |root| fs::write(root.join("d/f"), "new"), "new"),
        ("in spite of its times", |root| in_spite_of_times(&root.join("d/f"), "new"), "new"),
        ("longer", |root| fs::write(root.join("d/f"), "longer"), "longer"),
        ("emptied", |root| fs::write(root.join("d/f"), ""), ""),
        (
            "replaced",
            |root| {
                fs::write(root.join("g"), "new")?;
                fs::rename(root.join("g"), root.join("d/f"))
            },
            "new",
        ),
        ("deleted", |root| fs::remove_file(root.join("d/f")), "404"),
        ("its directory gone", |root| fs::remove_dir_all(root.join("d")), "404"),
        ("its directory renamed", |root| fs::rename(root.join("d"), root.join("x")), "404"),
        (
            "its directory exchanged",
            |root| {
                fs::rename(root.join("d"), root.join("x"))?;
                fs::rename(root.join("e"), root.join("d"))
            },
            "other",
        ),
        (
            "a link in its stead",
            |root| {
                fs::remove_file(root.join("d/f"))?;
                symlink("../e/f", root.join("d/f"))
            },
            "other",
        ),
        (
            "a link to the outside",
            |root| {
                fs::remove_file(root.join("d/f"))?;
                symlink("/etc/passwd", root.join("d/f"))
            },
            "404",
        ),
        (
            "a directory in its stead",
            |root| {
                fs::remove_file(root.join("d/f"))?;
                fs::create_dir(root.join("d/f"))
            },
            "directory",
        ),
    ];
    for (how, change, expected) in cases {
        for large in [false, true] {
            assert_eq!(after(large, change)?, expected, "{how}, large: {large}");
        }
    }
    Ok(())
}

#[test]
fn codings_that_come_and_go_show_after_a_tenth_of_a_second() -> io::Result<()> {
    let (come, come_and_go) = (
        after(false, |root| {
            fs::write(root.join("d/f.gz"), "x")?;
            thread::sleep(BESIDE);
            Ok(())
        })?,
        after(false, |root| {
            fs::write(root.join("d/f.gz"), "x")?;
            fs::write(root.join("d/f.br"), "x")?;
            fs::remove_file(root.join("d/f.gz"))?;
            thread::sleep(BESIDE);
            Ok(())
        })?,
    );
    assert_eq!((come.as_str(), come_and_go.as_str()), ("old.gz", "old.br"));
    Ok(())
}

/// Two changes in one tick of the file system's clock look the same.
#[test]
fn a_file_that_changes_all_the_time_is_never_stale() -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let file = root.path().join("f");
    let folder = Folder::open(root.path())?;
    let begun = SystemTime::now();
    let mut number = 0_u32;
    while begun.elapsed().unwrap_or_default() < Duration::from_millis(600) {
        let content = format!("{number:08}");
        fs::write(&file, &content)?;
        for _ in 0..3 {
            assert_eq!(look(&folder, "/f"), content);
        }
        number += 1;
    }
    assert!(number > 100, "{number} changes");
    Ok(())
}

#[test]
fn what_changed_just_now_is_not_kept() -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let folder = Folder::open(root.path())?;
    fs::write(root.path().join("f"), "new")?;
    assert_eq!(look(&folder, "/f"), "new");
    assert!(!is_kept(&folder, "/f"));
    thread::sleep(SETTLED);
    assert_eq!(look(&folder, "/f"), "new");
    assert!(is_kept(&folder, "/f"));
    Ok(())
}

/// What a build leaves behind that makes its folder anew.
#[test]
fn another_folder_in_its_place_shows() -> io::Result<()> {
    let place = tempfile::tempdir()?;
    let at = |name: &str| place.path().join(name);
    let build = |name: &str, content: &str| {
        fs::create_dir(at(name))?;
        fs::write(at(name).join("f"), content)
    };
    build("dist", "first")?;
    thread::sleep(SETTLED);
    let folder = Folder::open(at("dist"))?;
    for _ in 0..3 {
        assert_eq!(look(&folder, "/f"), "first");
    }
    assert!(is_kept(&folder, "/f"));

    fs::remove_dir_all(at("dist"))?;
    assert_eq!(look(&folder, "/f"), "404");
    build("dist", "second")?;
    assert_eq!(look(&folder, "/f"), "second", "at once, since the old one is missed");

    build("next", "third")?;
    fs::rename(at("dist"), at("old"))?;
    fs::rename(at("next"), at("dist"))?;
    thread::sleep(BESIDE);
    assert_eq!(look(&folder, "/f"), "third");

    symlink("old", at("link"))?;
    let folder = Folder::open(at("link"))?;
    assert_eq!(look(&folder, "/f"), "second");
    symlink("dist", at("new"))?;
    fs::rename(at("new"), at("link"))?;
    thread::sleep(BESIDE);
    assert_eq!(look(&folder, "/f"), "third");
    Ok(())
}

/// Says when a file was changed last, in seconds and nanoseconds.
fn modify(path: impl AsRef<FsPath>, seconds: u64, nanoseconds: u32) -> io::Result<()> {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    File::options().write(true).open(path)?.set_modified(time)
}

/// A coding that is older than its file was made of another one.
#[test]
fn no_coding_is_older_than_its_file() -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let at = |name: &str| root.path().join(name);
    for name in ["f", "f.gz", "f.br"] {
        fs::write(at(name), name)?;
        modify(at(name), 1000, 500)?;
    }
    let folder = Folder::open(root.path())?;
    let both = "f.br.gz";
    assert_eq!(look(&folder, "/f"), both, "as old as it");
    thread::sleep(SETTLED);
    assert_eq!(look(&folder, "/f"), both);
    assert!(is_kept(&folder, "/f"));

    modify(at("f"), 1000, 501)?;
    assert_eq!(look(&folder, "/f"), "f", "a nanosecond older");
    thread::sleep(SETTLED);
    assert_eq!(look(&folder, "/f"), "f");
    modify(at("f.gz"), 1000, 501)?;
    assert_eq!(look(&folder, "/f"), "f.gz", "made anew in its place");
    modify(at("f.br"), 1001, 0)?;
    thread::sleep(SETTLED);
    assert_eq!((look(&folder, "/f").as_str(), look(&folder, "/f").as_str()), (both, both));
    assert!(is_kept(&folder, "/f"));

    // One that is kept grows old, or is exchanged for one that is, with no trace in the directory.
    let open = |coding| {
        let path = Path::new(b"/f").ok_or(OpenError::NotFound)?;
        block_on(folder.open(&path, coding)).map(drop)
    };
    for _ in 0..2 {
        assert_eq!(open(Coding::Gzip), Ok(()));
    }
    modify(at("f.gz"), 1000, 500)?;
    assert_eq!(open(Coding::Gzip), Err(OpenError::NotFound));
    assert_eq!(open(Coding::Brotli), Ok(()));
    fs::write(at("f"), "new")?;
    assert_eq!(look(&folder, "/f"), "new");

    // What counts is the file that a link leads to.
    fs::create_dir(at("d"))?;
    fs::rename(at("f.br"), at("d/it"))?;
    symlink("d/it", at("f.br"))?;
    assert_eq!(look(&folder, "/f"), "new");
    modify(at("f"), 1001, 0)?;
    assert_eq!(look(&folder, "/f"), "new.br");
    Ok(())
}

/// What tells states apart: the entity tag, and the second of the last change.
fn validators(folder: &Folder) -> (Option<Vec<u8>>, Option<u64>) {
    let Some(path) = Path::new(b"/f") else { return (None, None) };
    let Ok(Node::File(file)) = block_on(folder.open(&path, Coding::Identity)) else {
        return (None, None);
    };
    let metadata = file.metadata();
    let tag = metadata.etag.map(|etag| {
        assert!(!etag.is_weak);
        etag.opaque.to_vec()
    });
    (tag, metadata.modified.map(|modified| modified.0))
}

/// Rewrites a file in place, all the time, and asks for it: no tag and no time is ever that of two
/// contents.
fn no_tag_twice(root: &FsPath) -> io::Result<()> {
    let folder = Folder::open(root)?;
    let mut said = HashMap::new();
    let (mut tagged, begun) = (0, SystemTime::now());
    for number in 0_u32.. {
        let content = format!("{number:08}");
        // In place and by the same length: nothing but the times tells.
        fs::write(root.join("f"), &content)?;
        // Now and then it is left alone for so long that there is a tag.
        let rest = if number % 100 == 99 { SETTLED } else { Duration::ZERO };
        thread::sleep(rest);
        let (tag, modified) = validators(&folder);
        if let Some(tag) = tag {
            tagged += 1;
            let other = said.insert(tag, content.clone());
            assert!(other.is_none_or(|other| other == content), "two contents have one tag");
        } else {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            assert!(modified.is_none_or(|modified| modified < now.as_secs()), "{modified:?}");
        }
        assert_eq!(look(&folder, "/f"), content);
        if begun.elapsed().unwrap_or_default() > Duration::from_secs(1) && tagged > 2 {
            break;
        }
    }
    Ok(())
}

#[test]
fn no_tag_is_that_of_two_contents() -> io::Result<()> {
    no_tag_twice(tempfile::tempdir()?.path())
}

/// A file system whose times have ticks, if this user may mount one.
#[test]
#[cfg(target_os = "linux")]
fn no_tag_is_that_of_two_contents_where_clocks_are_coarse() -> io::Result<()> {
    use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
    let place = tempfile::tempdir()?;
    if let Err(error) = mount("none", place.path(), "ramfs", MountFlags::empty(), None) {
        println!("no such file system can be mounted: {error}");
        return Ok(());
    }
    let outcome = std::panic::catch_unwind(|| no_tag_twice(place.path()));
    unmount(place.path(), UnmountFlags::DETACH)?;
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[test]
#[cfg(target_os = "linux")]
fn what_the_system_makes_is_what_reading_it_gives() -> io::Result<()> {
    let open = |folder: &Folder, path: &str| {
        let path = Path::new(path.as_bytes()).ok_or(OpenError::NotFound)?;
        block_on(folder.open(&path, Coding::Identity))
    };
    let proc = Folder::open("/proc")?;
    for (path, file) in
        [("/version", "/proc/version"), ("/sys/kernel/ostype", "/proc/sys/kernel/ostype")]
    {
        for _ in 0..3 {
            let Ok(Node::File(file_of_it)) = open(&proc, path) else { panic!("{path}") };
            let content = fs::read(file)?;
            let metadata = file_of_it.metadata();
            assert!(file_of_it.has_length());
            assert_eq!(metadata.len, content.len() as u64, "{path}");
            assert!(metadata.etag.is_some() && metadata.modified.is_none(), "{path}");
            let mut read = vec![0; content.len() + 1];
            assert_eq!(block_on(file_of_it.read_at(0, &mut read)), Ok(content.len()));
            read.truncate(content.len());
            assert_eq!(read, content, "{path}");
            assert!(!is_kept(&proc, path), "{path}");
        }
    }
    // It says another time each time, and its tag is another one.
    let tag = || match open(&proc, "/uptime") {
        Ok(Node::File(file)) => file.metadata().etag.map(|etag| etag.opaque.to_vec()),
        _ => None,
    };
    let first = tag();
    thread::sleep(Duration::from_millis(30));
    assert!(first.is_some() && tag() != first);

    // Too long to be read for its length alone.
    let Ok(Node::File(file)) = open(&proc, "/kallsyms") else { return Ok(()) };
    if fs::read("/proc/kallsyms")?.len() > 1024 * 1024 {
        let metadata = file.metadata();
        assert!(!file.has_length());
        assert!(metadata.etag.is_none() && metadata.modified.is_none());
    }
    Ok(())
}

/// An empty file is like any other.
#[test]
fn an_empty_file_has_a_tag_and_a_time() -> io::Result<()> {
    let root = tempfile::tempdir()?;
    fs::write(root.path().join("f"), "")?;
    thread::sleep(SETTLED);
    let folder = Folder::open(root.path())?;
    let (tag, modified) = validators(&folder);
    assert!(tag.is_some() && modified.is_some());
    assert_eq!((look(&folder, "/f").as_str(), is_kept(&folder, "/f")), ("", true));
    Ok(())
}

/// On a busy disk, to write down that a file was read takes as long as writing anything.
#[cfg(target_os = "linux")]
#[test]
fn reading_a_file_writes_nothing() -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for name in ["small", "large"] {
        let file = File::create(root.path().join(name))?;
        file.set_len(if name == "small" { 10 } else { 90_000 })?;
        file.set_times(FileTimes::new().set_accessed(long_ago))?;
    }
    for folder in [Folder::open(root.path())?, Folder::open(root.path())?.follow_links()] {
        for name in ["small", "large"] {
            assert!(look(&folder, &format!("/{name}")).starts_with('\0'));
            assert_eq!(fs::metadata(root.path().join(name))?.accessed()?, long_ago);
        }
    }
    Ok(())
}
