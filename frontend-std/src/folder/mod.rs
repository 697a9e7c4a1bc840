//! A folder of the file system, as a storage.

pub(crate) mod cache;
mod entries;
mod file;
mod tree;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::{Stat, fstat, stat};
use rustix::io::Errno;
use thimble_core::grammar::date::UnixTime;
use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{Node, OpenError, Storage};

use crate::clock::moment;
use cache::Stamp;
pub use entries::FolderEntries;
use entries::Listings;
pub use file::OpenFile;
use file::Opened;
use tree::Tree;

/// Files up to this many octets are kept whole: they fit a transmit buffer with their head.
const SMALL: u64 = 24 * 1024;

/// How long another folder may stand in the place of this one until that is seen, in milliseconds.
const MOMENT: u64 = 100;

/// A folder and what is beneath it.
///
/// Files are opened beneath it by the kernel (`openat2`), or where that is missing component by
/// component, so no path leads out of it: no `..`, no link, no rename at the wrong moment. A link
/// whose target is inside is followed, also when it goes there from the root of the file system.
/// Only regular files and directories are there; FIFOs, sockets and devices are not, and opening one
/// never blocks.
///
/// What was opened is kept for a while, small files whole, but nothing is served unseen: each time,
/// the path is looked at, and opened anew when anything is different (identity, size, or the
/// nanoseconds of any time). Files that changed within the last moments are not kept at all, since
/// another change in the same tick of the clock would not show. Two things take a tenth of a second
/// to show: that a coding has come to stand beside a file, and that another folder stands where this
/// one did, as after a build that makes everything anew (at once, if a file is missed). That leaves
/// one thing: a program that writes to a file through a mapping of its memory changes it without a
/// trace until the system writes that back.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    tree: RwLock<Arc<Tree>>,
    listings: Arc<Listings>,
    /// When it was last looked whether that is still what stands at `path`, in milliseconds.
    looked: AtomicU64,
}

impl Folder {
    /// The folder at `path`.
    ///
    /// # Errors
    /// `path` is missing, no folder, or may not be searched.
    pub fn open(path: impl AsRef<FsPath>) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let tree = RwLock::new(Arc::new(Tree::open(&path)?));
        Ok(Self { path, tree, listings: Arc::default(), looked: AtomicU64::default() })
    }

    /// A file that [`open`](Storage::open) would give at once: it was opened before, is still the
    /// same, and was looked at so lately that looking won't have to wait for a disk.
    pub fn at_hand(&self, path: &Path<'_>, coding: Coding) -> Option<OpenFile> {
        self.tree().at_hand(&file_name(path, coding), coding)
    }

    /// The tree, as it is now or was a moment ago.
    fn tree(&self) -> Arc<Tree> {
        let now = u64::try_from(moment().as_millis()).unwrap_or_default();
        if now.saturating_sub(self.looked.load(Ordering::Relaxed)) >= MOMENT {
            self.looked.store(now, Ordering::Relaxed);
            self.follow();
        }
        Arc::clone(&self.tree.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Turns to the tree that stands at the path, if that is another one. Without any, the old one
    /// stays, in which everything may be gone. Returns whether it is another one.
    fn follow(&self) -> bool {
        let is_same = |tree: &Tree| stat(&self.path).map_or(true, |stat| tree.is_at(&stat));
        if is_same(&self.tree.read().unwrap_or_else(PoisonError::into_inner)) {
            return false;
        }
        let Ok(tree) = Tree::open(&self.path) else { return false };
        *self.tree.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tree);
        true
    }

    /// Finds something in the tree, and looks for it in the one that may have come in its place when
    /// it is missed.
    fn find<T>(&self, find: impl Fn(&Arc<Tree>) -> Result<T, OpenError>) -> Result<T, OpenError> {
        match find(&self.tree()) {
            Err(OpenError::NotFound) if self.follow() => find(&self.tree()),
            found => found,
        }
    }
}

impl Storage for Folder {
    type File = OpenFile;
    type Entries = FolderEntries;

    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<OpenFile>, OpenError> {
        let name = file_name(path, coding);
        if name.is_empty() {
            return Ok(Node::Directory);
        }
        self.find(|tree| tree.find(&name, coding))
    }

    async fn list(&self, path: &Path<'_>) -> Result<FolderEntries, OpenError> {
        let name = file_name(path, Coding::Identity);
        let directory = if name.is_empty() { b"." } else { name.as_slice() };
        self.find(|tree| FolderEntries::open(tree, &self.listings, as_path(directory)))
    }
}

/// The path of a file in `coding`, from the root on; empty for the root itself.
fn file_name(path: &Path<'_>, coding: Coding) -> Vec<u8> {
    let mut name = Vec::with_capacity(256);
    for segment in path.segments() {
        if !name.is_empty() {
            name.push(b'/');
        }
        name.extend_from_slice(segment);
    }
    if coding != Coding::Identity && !name.is_empty() {
        name.extend_from_slice(coding.suffix().as_bytes());
    }
    name
}

/// The path of the directory that the file `name` is in.
fn directory_of(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|octet| *octet == b'/');
    end.and_then(|end| name.get(..end)).unwrap_or(b".")
}

/// All of a small file; nothing if it is large, or changes meanwhile.
fn read_small(file: &fs::File, stat: &Stat) -> Option<Box<[u8]>> {
    let length = len(stat);
    let mut content = vec![0; usize::try_from(length).ok().filter(|_| length <= SMALL)?];
    file.read_exact_at(&mut content, 0).ok()?;
    let after = fstat(file).ok()?;
    (Stamp::of(&after) == Stamp::of(stat)).then(|| content.into())
}

fn as_path(name: &[u8]) -> &FsPath {
    FsPath::new(OsStr::from_bytes(name))
}

/// When a file was last changed. Times before 1970 can't be said.
fn modified(stat: &Stat) -> Option<UnixTime> {
    u64::try_from(stat.st_mtime).ok().map(UnixTime)
}

/// Octets of a file.
fn len(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

/// Whether a path was refused for leading out of the folder, which an absolute link does, wherever
/// it leads.
fn leads_out(error: &io::Error) -> bool {
    // No error of the system: that is how cap-std says it.
    matches!(Errno::from_io_error(error), None | Some(Errno::XDEV))
}

#[expect(clippy::match_same_arms, reason = "each has its own reason")]
fn open_error(error: &io::Error) -> OpenError {
    let Some(errno) = Errno::from_io_error(error) else {
        // It leads out of the folder.
        return OpenError::NotFound;
    };
    match errno {
        Errno::ACCESS | Errno::PERM => OpenError::Forbidden,
        Errno::AGAIN | Errno::INTR | Errno::MFILE | Errno::NFILE | Errno::NOMEM => OpenError::Busy,
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => OpenError::NotFound,
        // Names that no file of this system can have.
        Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => OpenError::NotFound,
        // Out of the folder.
        Errno::XDEV => OpenError::NotFound,
        // Sockets, and devices without a driver.
        Errno::NXIO | Errno::NODEV => OpenError::NotFound,
        _ => OpenError::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use crate::park::block_on;

    use super::*;

    #[test]
    fn errors_become_what_a_client_may_know() {
        for (error, expected) in [
            (Errno::NOENT.into(), OpenError::NotFound),
            (Errno::NXIO.into(), OpenError::NotFound),
            (Errno::XDEV.into(), OpenError::NotFound),
            (io::Error::new(io::ErrorKind::PermissionDenied, "out"), OpenError::NotFound),
            (Errno::ACCESS.into(), OpenError::Forbidden),
            (Errno::MFILE.into(), OpenError::Busy),
            (Errno::IO.into(), OpenError::Failed),
        ] {
            assert_eq!(open_error(&error), expected, "{error}");
        }
    }

    fn tag(folder: &Folder, coding: Coding) -> Option<[u8; 16]> {
        let path = Path::new(b"/a")?;
        match block_on(folder.open(&path, coding)) {
            Ok(Node::File(file)) => file.etag,
            _ => None,
        }
    }

    #[test]
    fn tags_tell_states_and_codings_apart() -> io::Result<()> {
        let place = tempfile::TempDir::with_prefix("thimble-")?;
        let (plain, coded) = (place.path().join("a"), place.path().join("a.br"));
        fs::write(&plain, "1111")?;
        fs::hard_link(&plain, coded)?;
        let folder = Folder::open(place.path())?;
        let first = tag(&folder, Coding::Identity);
        assert!(first.is_some() && tag(&folder, Coding::Identity) == first);
        assert_ne!(tag(&folder, Coding::Brotli), first);

        // The same length, and the time of the last change put back.
        let modified = fs::metadata(&plain)?.modified()?;
        thread::sleep(Duration::from_millis(20));
        fs::write(&plain, "2222")?;
        fs::File::options().write(true).open(&plain)?.set_modified(modified)?;
        assert_ne!(tag(&folder, Coding::Identity), first);
        Ok(())
    }
}
