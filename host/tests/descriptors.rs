//! Without descriptors to spare. This is a program of its own, since it uses them all up.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{Node, OpenError, Storage as _};
use thimble_host::{Folder, block_on};

#[test]
fn a_folder_waits_a_little_for_a_descriptor() -> io::Result<()> {
    let root = tempfile::tempdir()?;
    std::fs::write(root.path().join("file"), "inside")?;
    let folder = Folder::open(root.path())?;
    let Some(path) = Path::new(b"/file") else { panic!("not a path") };

    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit })?;
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    assert!(matches!(block_on(folder.open(&path, Coding::Identity)), Err(OpenError::Busy)));

    let spent = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        drop(hoard);
    });
    assert!(matches!(block_on(folder.open(&path, Coding::Identity)), Ok(Node::File(_))));
    assert!(spent.join().is_ok());
    Ok(())
}
