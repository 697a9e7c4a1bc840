//! What a folder lists.

#![expect(clippy::panic, reason = "a failure here is the test's failure")]

use std::fs;
use std::io;

use tempfile::TempDir;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{Entries as _, OpenError, ReadError, Storage as _};
use thimble_host::Folder;
use thimble_host::block_on;
use thimble_host::folder::FolderEntries;

fn list(folder: &Folder, path: &[u8]) -> Result<FolderEntries, OpenError> {
    let Some(path) = Path::new(path) else { panic!("no path") };
    block_on(folder.list(&path))
}

fn names(entries: &mut FolderEntries) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    while let Some(entry) = block_on(entries.next())? {
        names.push(String::from_utf8_lossy(entry.name).into_owned());
    }
    Ok(names)
}

/// A folder of so many files, whose names begin alike, and are numbered.
fn folder(count: usize) -> io::Result<TempDir> {
    let place = TempDir::with_prefix("thimble-")?;
    for number in 0..count {
        fs::write(place.path().join(format!("{}-{number}.txt", "Same".repeat(30))), "")?;
    }
    Ok(place)
}

#[test]
fn names_are_in_the_order_of_their_numbers() -> io::Result<()> {
    // A few, and more than are sorted at once.
    for count in [12, 6000] {
        let place = folder(count)?;
        let folder = Folder::open(place.path())?;
        let Ok(mut entries) = list(&folder, b"/") else { panic!("not listed") };
        let Ok(names) = names(&mut entries) else { panic!("not read") };
        let expected = (0..count).map(|number| format!("{}-{number}.txt", "Same".repeat(30)));
        assert!(names.iter().eq(&expected.collect::<Vec<_>>()), "{count}");
    }
    Ok(())
}

#[test]
fn a_folder_that_is_gone_does_not_look_empty() -> io::Result<()> {
    let place = TempDir::with_prefix("thimble-")?;
    let root = place.path().join("root");
    fs::create_dir_all(root.join("sub"))?;
    let folder = Folder::open(&root)?;
    let mut entries = list(&folder, b"/sub/");
    assert_eq!(entries.as_mut().map(names), Ok(Ok(Vec::new())), "it is empty");

    // It goes while it is listed.
    let Ok(mut entries) = list(&folder, b"/sub/") else { panic!("not listed") };
    fs::remove_dir(root.join("sub"))?;
    assert_eq!(names(&mut entries), Err(ReadError));
    assert_eq!(list(&folder, b"/sub/").map(drop), Err(OpenError::NotFound));

    // So does what is served.
    assert!(list(&folder, b"/").is_ok());
    fs::remove_dir(&root)?;
    assert_eq!(list(&folder, b"/").map(drop), Err(OpenError::NotFound));

    // What comes in its place is served.
    fs::create_dir(&root)?;
    fs::write(root.join("new.txt"), "")?;
    let mut entries = list(&folder, b"/");
    assert_eq!(entries.as_mut().map(names), Ok(Ok(vec!["new.txt".to_owned()])));
    Ok(())
}
