//! Where files are written until they are whole: a folder for each form, beneath the one that they are
//! kept in.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Dir, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat, statat, unlinkat,
};
use rustix::io::{Errno, Result};

/// What its name begins with. It is hidden, never served, and no file is kept under such a name.
pub(crate) const PREFIX: &str = ".thimble-upload-";

/// How often to try again, should somebody remove it at once.
const TRIES: usize = 4;

/// A folder that is locked as long as it is used, and removed then. Should the process be killed, it
/// stays, and nobody has locked it: [`sweep`] removes it.
#[derive(Debug)]
pub(super) struct Temporary {
    parent: Arc<OwnedFd>,
    name: String,
    folder: OwnedFd,
    /// Files that were made in it, each called by its number.
    count: usize,
}

impl Temporary {
    /// Makes it in `parent`.
    pub(super) fn new(parent: &Arc<OwnedFd>) -> Result<Self> {
        let mut outcome = Err(Errno::NOENT);
        for _ in 0..TRIES {
            outcome = Self::try_new(parent);
            // Another server, which starts, has found it before it was locked.
            if !matches!(outcome, Err(Errno::NOENT | Errno::WOULDBLOCK)) {
                break;
            }
        }
        outcome
    }

    fn try_new(parent: &Arc<OwnedFd>) -> Result<Self> {
        let name = format!("{PREFIX}{}", random());
        mkdirat(parent, &name, Mode::RWXU)?;
        let folder = open(parent, name.as_bytes()).inspect_err(|_| {
            let _ = unlinkat(parent, &name, AtFlags::REMOVEDIR);
        })?;
        let (parent, count) = (Arc::clone(parent), 0);
        let made = Self { parent, name, folder, count };
        // Some file systems have no locks: there, nothing is swept either.
        let lock = flock(&made.folder, FlockOperation::NonBlockingLockShared);
        if lock == Err(Errno::WOULDBLOCK) {
            return Err(Errno::WOULDBLOCK);
        }
        let is_there = statat(&made.parent, &made.name, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_same = fstat(&made.folder)?.st_ino == is_there.st_ino;
        if is_same { Ok(made) } else { Err(Errno::NOENT) }
    }

    /// Makes another file in it.
    pub(super) fn create(&mut self) -> Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // What the process allows, as for any file that it makes.
        let file = openat(&self.folder, self.count.to_string(), flags, Mode::from(0o666))?;
        self.count += 1;
        Ok(file.into())
    }

    /// The folder itself.
    pub(super) const fn folder(&self) -> &OwnedFd {
        &self.folder
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Those that were moved away are not there, and what can't be removed now is later.
        for number in 0..self.count {
            let _ = unlinkat(&self.folder, number.to_string(), AtFlags::empty());
        }
        let _ = unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR);
    }
}

/// Removes what killed processes left in `parent`.
pub(super) fn sweep(parent: &OwnedFd) -> Result<()> {
    for entry in Dir::read_from(parent)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !name.starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let Ok(folder) = open(parent, name) else { continue };
        // Another server may be using it.
        if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        for file in Dir::read_from(&folder)? {
            let _ = unlinkat(&folder, file?.file_name(), AtFlags::empty());
        }
        let _ = unlinkat(parent, name, AtFlags::REMOVEDIR);
    }
    Ok(())
}

fn open(parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Sixteen digits that nobody has used before, most likely.
pub(super) fn random() -> String {
    format!("{:016x}", RandomState::new().hash_one(()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::io::Write as _;

    use rustix::fs::open;

    use super::*;

    #[test]
    fn what_is_not_used_is_swept() -> std::io::Result<()> {
        let place = tempfile::TempDir::with_prefix("thimble-")?;
        let parent = Arc::new(open(place.path(), OFlags::DIRECTORY, Mode::empty())?);
        let names = || -> std::io::Result<Vec<_>> {
            let names = fs::read_dir(place.path())?.map(|entry| Ok(entry?.file_name()));
            names.collect()
        };
        let mut used = Temporary::new(&parent)?;
        used.create()?.write_all(b"a")?;
        // As a process leaves it that is killed.
        let left = place.path().join(format!("{PREFIX}0"));
        fs::create_dir(&left)?;
        fs::write(left.join("0"), "b")?;
        fs::write(place.path().join("a.txt"), "c")?;
        let link = format!("{PREFIX}1");
        std::os::unix::fs::symlink(place.path(), place.path().join(&link))?;

        sweep(&parent)?;
        let mut found = names()?;
        found.sort();
        let mut expected = [used.name.as_str(), &link, "a.txt"].map(OsString::from).to_vec();
        expected.sort();
        assert_eq!(found, expected);
        let path = place.path().join(&used.name);
        assert_eq!(fs::read(path.join("0"))?, b"a");
        drop(used);
        assert!(!path.exists());
        Ok(())
    }
}
