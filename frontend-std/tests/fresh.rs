//! A folder remembers what it opened, and yet every change of a file shows at once.
#![cfg(unix)]

use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path as FsPath;
use std::thread;
use std::time::{Duration, SystemTime};

use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{File as _, Node, OpenError, Storage as _};
use thimble_std::{Folder, block_on};

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
    Path::new(path.as_bytes()).is_some_and(|path| folder.at_hand(&path, Coding::Identity).is_some())
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
