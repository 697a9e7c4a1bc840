//! Files in memory, which sockets send as they do any other file.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit};

use crate::folder::SMALL;

/// So many there are at most; further ones are memory of the process.
const MOST: u64 = 64;

/// A file in memory, and its place among others.
#[derive(Debug)]
pub(in crate::folder) struct MemoryFile {
    pub(in crate::folder) file: File,
    pub(in crate::folder) held: Arc<()>,
}

impl MemoryFile {
    /// A file of these octets, if they are many, and there is still a place. Each clone of `places` is one.
    pub(super) fn of(octets: &[u8], places: &Arc<()>) -> Option<Self> {
        let held = Arc::clone(places);
        let others = (Arc::strong_count(places) as u64).saturating_sub(2);
        if octets.len() as u64 <= SMALL || others >= descriptors() {
            return None;
        }
        let mut file = create()?;
        file.write_all(octets).ok()?;
        Some(Self { file, held })
    }
}

#[cfg(target_os = "linux")]
fn create() -> Option<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    memfd_create("thimble", MemfdFlags::CLOEXEC).ok().map(File::from)
}

/// Here, all is memory of the process.
#[cfg(not(target_os = "linux"))]
fn create() -> Option<File> {
    None
}

/// Descriptors that are taken at most.
pub(in crate::folder) fn descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    (limit / 32).min(MOST)
}
