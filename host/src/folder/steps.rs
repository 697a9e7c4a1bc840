//! The folders along the paths of cached files, kept open. To check such a path then takes one stat for each
//! of its folders; to resolve it anew would take an open, a stat and a close.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::process::{Resource, getrlimit};

use super::cache::Stamp;

/// So many folders are held open at most.
const MOST: u64 = 64;

// Nothing is read from them, and where that can be said they need not be readable.
#[cfg(target_os = "linux")]
const FLAGS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);
#[cfg(not(target_os = "linux"))]
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// Folders beneath a root, by their paths.
#[derive(Debug, Default)]
pub(super) struct Steps(RwLock<HashMap<Box<[u8]>, Arc<Step>>>);

/// A folder that is held open, so that no other one can have its identity.
#[derive(Debug)]
struct Step {
    folder: OwnedFd,
    identity: (u64, u64),
}

impl Steps {
    /// What is at `path` now, if the way there goes by folders that are held open, and by no link.
    ///
    /// Each step is one name that is not followed, in a folder that is the one found by the step
    /// before: that leads no more out of the root than resolving the path at once would.
    pub(super) fn look(&self, root: impl AsFd, path: &[u8]) -> Option<Stat> {
        let mut at: Option<Arc<Step>> = None;
        let folder = |at: &Option<Arc<Step>>, name: &[u8]| -> Option<Stat> {
            let folder = at.as_ref().map_or(root.as_fd(), |step| step.folder.as_fd());
            statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()
        };
        for (way, name) in steps(path) {
            let step = self.get(way)?;
            if folder(&at, name).is_none_or(|found| Stamp::of(&found).identity != step.identity) {
                self.write(|steps| steps.remove(way));
                return None;
            }
            at = Some(step);
        }
        let found = folder(&at, last(path))?;
        (FileType::from_raw_mode(found.st_mode) != FileType::Symlink).then_some(found)
    }

    /// Holds open the folders on the way to `path`, up to the first link, as far as there is room.
    pub(super) fn learn(&self, root: impl AsFd, path: &[u8]) {
        let mut at: Option<Arc<Step>> = None;
        for (way, name) in steps(path) {
            let step = self.get(way).or_else(|| {
                let folder = at.as_ref().map_or(root.as_fd(), |step| step.folder.as_fd());
                let step = Arc::new(Step::open(folder, name)?);
                let most = usize::try_from(most()).unwrap_or(usize::MAX);
                self.write(|steps| {
                    (steps.len() < most).then(|| steps.insert(way.into(), Arc::clone(&step)))
                })?;
                Some(step)
            });
            if step.is_none() {
                return;
            }
            at = step;
        }
    }

    /// Lets all descriptors go.
    pub(super) fn clear(&self) {
        self.write(HashMap::clear);
    }

    fn get(&self, way: &[u8]) -> Option<Arc<Step>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(way).map(Arc::clone)
    }

    fn write<T>(&self, change: impl FnOnce(&mut HashMap<Box<[u8]>, Arc<Step>>) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Step {
    fn open(folder: BorrowedFd<'_>, name: &[u8]) -> Option<Self> {
        let flags = FLAGS | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(folder, name, flags, Mode::empty()).ok()?;
        let identity = Stamp::of(&fstat(&folder).ok()?).identity;
        Some(Self { folder, identity })
    }
}

/// The folders on the way to `path`: the way to each, and its name.
fn steps(path: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let ends = path.iter().enumerate().filter(|(_, octet)| **octet == b'/');
    ends.filter_map(|(end, _)| path.get(..end)).map(|way| (way, last(way)))
}

/// The last name of a path.
fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|octet| *octet == b'/').next().unwrap_or(path)
}

/// Descriptors that are taken at most.
pub(super) fn most() -> u64 {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    (limit / 32).min(MOST)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_way_is_followed_step_by_step() -> io::Result<()> {
        let place = tempfile::TempDir::with_prefix("thimble-")?;
        fs::create_dir_all(place.path().join("a/b"))?;
        fs::write(place.path().join("a/b/c"), "")?;
        symlink("a", place.path().join("link"))?;
        symlink("c", place.path().join("a/b/d"))?;
        let root = fs::File::open(place.path())?;
        let steps = Steps::default();
        let is_there = |path: &str| steps.look(&root, path.as_bytes()).is_some();
        assert!(is_there("a") && !is_there("a/b/c"), "nothing is known yet");
        for path in ["a/b/c", "link/b/c", "a/none/c"] {
            steps.learn(&root, path.as_bytes());
        }
        assert!(is_there("a/b/c") && is_there("a/b"));
        for path in ["link", "link/b/c", "a/b/d", "a/none/c", "a/b/none", "none"] {
            assert!(!is_there(path), "{path}");
        }
        // Another folder of the same name is another one.
        fs::rename(place.path().join("a/b"), place.path().join("e"))?;
        assert!(!is_there("a/b/c"));
        fs::create_dir(place.path().join("a/b"))?;
        fs::write(place.path().join("a/b/c"), "")?;
        assert!(!is_there("a/b/c"));
        steps.learn(&root, b"a/b/c");
        assert!(is_there("a/b/c"));
        steps.clear();
        assert!(!is_there("a/b/c"));
        Ok(())
    }
}
