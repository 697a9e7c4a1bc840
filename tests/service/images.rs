//! An image says what the folder says that it was made of.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path as FsPath;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;
use thimble_core::Image;
use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{Entries as _, Entry, File, Node, OpenError, Storage};
use thimble_image::Builder;
use thimble_std::{Folder, block_on};
use thimble_test_fixtures::settle;

/// The image of the fixture that the build script of these tests made.
static BUILT: Image = include!(concat!(env!("OUT_DIR"), "/fixture.rs"));

/// How deep paths are followed: links lead in circles.
const DEPTH: usize = 4;

/// All that a storage says of one path.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Not(OpenError),
    /// What is listed, each with all that is known of it.
    Directory(Vec<String>),
    /// What is there in each coding.
    File(Vec<(Coding, String)>),
}

/// Asks for `decoded`, and what is beneath it.
fn ask(storage: &impl Storage, decoded: &[u8], depth: usize, said: &mut BTreeMap<String, Said>) {
    let path = Path::new(decoded).unwrap();
    let opened = block_on(storage.open(&path, Coding::Identity));
    let answer = match opened {
        Err(error) => Said::Not(error),
        Ok(Node::File(file)) => {
            let mut found = vec![(Coding::Identity, describe(&file, path.name()))];
            for coding in Coding::BY_PREFERENCE {
                if coding != Coding::Identity && file.metadata().codings.contains(coding) {
                    let Ok(Node::File(coded)) = block_on(storage.open(&path, coding)) else {
                        panic!("{} is not there in {coding:?}", decoded.escape_ascii());
                    };
                    found.push((coding, describe(&coded, path.name())));
                }
            }
            Said::File(found)
        }
        Ok(Node::Directory) => {
            let mut entries = block_on(storage.list(&path)).unwrap();
            let (mut rows, mut names) = (Vec::new(), Vec::new());
            while let Some(entry) = block_on(entries.next()).unwrap() {
                let Entry { name, is_directory, is_link, len, modified } = entry;
                // The length of a directory is that of no file.
                let len = if is_directory { None } else { Some(len) };
                let escaped = name.escape_ascii();
                rows.push(format!("{escaped} {is_directory} {is_link} {len:?} {modified:?}"));
                names.push(name.to_vec());
            }
            if depth < DEPTH {
                for name in &names {
                    let slash: &[u8] = if decoded.ends_with(b"/") { b"" } else { b"/" };
                    ask(storage, &[decoded, slash, name].concat(), depth + 1, said);
                }
            }
            Said::Directory(rows)
        }
    };
    said.insert(decoded.escape_ascii().to_string(), answer);
}

/// All that is known of an open file, but its entity tag.
fn describe(file: &impl File, name: &[u8]) -> String {
    let metadata = file.metadata();
    assert!(metadata.etag.is_some_and(|etag| !etag.is_weak && etag.opaque.len() == 16));
    let mut content = Vec::new();
    let mut buffer = [0; 7];
    loop {
        match block_on(file.read_at(content.len() as u64, &mut buffer)).unwrap() {
            0 => break,
            count => content.extend_from_slice(buffer.get(..count).unwrap()),
        }
    }
    assert_eq!(metadata.len, content.len() as u64);
    assert!(file.as_slice().is_none_or(|slice| slice == content));
    let content_type = file.content_type(name);
    format!("{content_type}, {:?}, {}", metadata.modified, content.escape_ascii())
}

/// A folder with something of each kind in it, and beside it what must not be served.
fn tree() -> (TempDir, UnixListener) {
    let tree = TempDir::with_prefix("thimble-").unwrap();
    let root = tree.path().join("root");
    for folder in
        ["sub/deep", "empty", "UPPER", "folder.gz", ".hidden", ".well-known", "sub/.well-known"]
    {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(tree.path().join("secret"), "outside").unwrap();
    for (at, name) in [
        "index.html",
        "index.html.gz",
        "index.html.br",
        "index.html.zst",
        "index.html.gz.br",
        "alone.gz",
        "older.txt.br",
        "older.txt",
        "older.txt.gz",
        "folder",
        "empty.txt",
        "B.txt",
        "a.txt",
        "A.txt",
        "with space.txt",
        "quote'\"<&>.txt",
        "100%#?.txt",
        "back\\slash",
        "line\nfeed",
        "na\u{ef}ve.txt",
        "\u{c4}.txt",
        "\u{1f980}",
        ".hidden/file",
        ".dot",
        ".well-known/security.txt",
        "sub/.well-known/file",
        "sub/index.htm",
        "sub/deep/file.CSS",
        "UPPER/Case.Js",
    ]
    .into_iter()
    .enumerate()
    {
        let content = if name == "empty.txt" { String::new() } else { format!("in {name}\n") };
        let path = root.join(name);
        fs::write(&path, content).unwrap();
        let modified = UNIX_EPOCH + Duration::from_millis(1_000_000_900 * (at as u64 + 1));
        fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    }
    fs::write(root.join(OsStr::from_bytes(b"\xff\xfe.txt")), "in no unicode").unwrap();
    for (name, target) in [
        ("link.html", "index.html"),
        ("link.html.gz", "alone.gz"),
        ("B.txt.br", "../secret"),
        ("a.txt.zst", "nothing"),
        ("A.txt.gz", "socket"),
        ("A.txt.br", "fifo"),
        ("older.txt.zst", "index.html"),
        ("subs", "sub"),
        ("sub/up", ".."),
        ("sub/here", "."),
        ("sub/deep/back", "../../a.txt"),
        ("chain", "subs/deep/back"),
        ("shown", ".hidden"),
        ("round", "../root/a.txt"),
        ("parent", ".."),
        ("out", "../secret"),
        ("out-and-back", "parent/root/a.txt"),
        ("through", "a.txt/b"),
        ("null", "/dev/null"),
        ("dangling", "nothing"),
        ("loop", "loop"),
        ("to-socket", "socket"),
    ] {
        symlink(target, root.join(name)).unwrap();
    }
    symlink(root.join("sub"), root.join("absolute")).unwrap();
    symlink(&root, root.join("sub/root")).unwrap();
    let socket = UnixListener::bind(root.join("socket")).unwrap();
    for fifo in ["fifo", "B.txt.gz"] {
        mknodat(CWD, root.join(fifo), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    }
    settle();
    (tree, socket)
}

/// What an image made of a folder says, and the folder itself.
fn both(root: &FsPath) -> [BTreeMap<String, Said>; 2] {
    let image = Builder::new(root).without_gzip().include_hidden().leak().unwrap();
    let folder = Folder::open(root).unwrap();
    let (mut of_image, mut of_folder) = (BTreeMap::new(), BTreeMap::new());
    ask(&image, b"/", 0, &mut of_image);
    ask(&folder, b"/", 0, &mut of_folder);
    // What is not listed is not there.
    for name in
        ["socket", "fifo", "parent", "out", "null", "dangling", "loop", "through", "a.txt/b", "A"]
    {
        for name in [name, &format!("{name}/a.txt"), &format!("sub/{name}")] {
            ask(&image, format!("/{name}").as_bytes(), 0, &mut of_image);
            ask(&folder, format!("/{name}").as_bytes(), 0, &mut of_folder);
        }
    }
    [of_image, of_folder]
}

#[test]
fn an_image_agrees_with_its_folder() {
    let (tree, _socket) = tree();
    let [of_image, of_folder] = both(&tree.path().join("root"));
    let paths: BTreeSet<_> = of_image.keys().chain(of_folder.keys()).collect();
    let faults: Vec<_> = paths
        .iter()
        .map(|path| (path, of_image.get(*path), of_folder.get(*path)))
        .filter(|(_, image, folder)| image != folder)
        .map(|(path, image, folder)| format!("{path}\n  image: {image:?}\n  folder: {folder:?}"))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    let count = |is: fn(&Said) -> bool| of_image.values().filter(|said| is(said)).count();
    assert!(count(|said| matches!(said, Said::File(_))) > 100);
    assert!(count(|said| matches!(said, Said::Directory(_))) > 20);
    assert!(count(|said| matches!(said, Said::Not(OpenError::NotFound))) > 20);
    assert!(matches!(&of_image["/index.html"], Said::File(codings) if codings.len() == 4));
    assert!(matches!(&of_image["/link.html"], Said::File(codings) if codings.len() == 2));
    let codings = |path| match &of_folder[path] {
        Said::File(codings) => codings.iter().map(|(coding, _)| *coding).collect(),
        _ => Vec::new(),
    };
    assert_eq!(codings("/older.txt"), [Coding::Identity, Coding::Gzip]);
    for alone in ["/A.txt", "/a.txt", "/B.txt"] {
        assert_eq!(codings(alone), [Coding::Identity], "{alone}");
    }
}

#[test]
fn a_compiled_image_is_the_one_that_was_made() {
    let fixture = thimble_test_fixtures::checked_in("fixture");
    let made = Builder::new(fixture).include_hidden().leak().unwrap();
    assert_eq!(format!("{BUILT:?}"), format!("{made:?}"));
}
