//! A folder of the file system, as a storage.

mod apart;
pub(crate) mod async_folder;
pub(crate) mod cache;
#[cfg(feature = "compress")]
mod compress;
mod entries;
mod file;
mod kept;
mod links;
mod look;
mod made;
mod name;
mod steps;
mod tree;

use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::{fstat, stat};
use rustix::io::Errno;
use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{Node, OpenError, Storage};

use crate::clock::moment;
use crate::log::Log;
use crate::uploads::UNFINISHED;
pub use apart::Located;
pub use async_folder::{AsyncEntries, AsyncFile, AsyncFolder};
use cache::Stamp;
#[cfg(feature = "compress")]
pub use compress::Compression;
#[cfg(feature = "compress")]
use compress::Compressor;
pub use entries::FolderEntries;
use entries::Listings;
use file::Opened;
pub use file::{OpenFile, send_to_end};
use links::{Links, Told};
pub use name::Name;
use tree::{Rules, Tree};

/// Files up to this many octets are kept whole: they fit a transmit buffer with their head.
const SMALL: u64 = 24 * 1024;

/// How long another folder may stand in the place of this one until that is seen, in milliseconds.
const MOMENT: u64 = 100;

/// How often files that nobody asks for are closed, in milliseconds.
const AGE: u64 = 60_000;

/// A folder and what is beneath it.
///
/// Files are opened beneath it by the kernel (`openat2`), or where that is missing component by
/// component, so no path leads out of it: no `..`, no link, no rename at the wrong moment. A link
/// whose target is inside is followed, absolute ones too; others are not, unless
/// [`follow_links`](Self::follow_links) is set, and a [log](Self::log) names them. Only regular files
/// and directories are served; FIFOs, sockets and devices are never opened.
///
/// Opened files are kept in a cache, small ones with their content, until nobody has asked for them for a
/// minute or two. Each request still follows the path,
/// and opens the file again if its identity, its size or any of its times (in nanoseconds) differs. A file
/// that has only just changed is not kept and has no entity tag, since another change in the same tick of
/// the clock would not show. Two changes show after up to 100 ms: a new coding beside a file, and another
/// folder in the place of this one (at once, if a file is missing). One change can't be seen: a program
/// that writes to a file through a memory mapping leaves no trace until the system writes it back.
///
/// A file's codings are the files beside it, such as `NAME.gz`, that are no older than it. Files that
/// the system makes while they are read, as in `/proc`, are never kept: they are read for each reply.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The only name in it that there is for clients, if not all are.
    only: Option<Vec<u8>>,
    tree: RwLock<Arc<Tree>>,
    listings: Arc<Listings>,
    hasher: RandomState,
    /// When it was last looked whether that is still what stands at `path`, in milliseconds.
    looked: AtomicU64,
}

impl Folder {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// `path` is missing, is not a folder, or may not be searched.
    pub fn open(path: impl AsRef<FsPath>) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let tree = RwLock::new(Arc::new(Tree::open(&path, Rules::default())?));
        let (listings, hasher, looked) = <(Arc<Listings>, RandomState, AtomicU64)>::default();
        Ok(Self { path, only: None, tree, listings, hasher, looked })
    }

    /// Opens the folder of the file at `path`, and serves nothing from it but that file. If `path` is a link,
    /// it is followed.
    ///
    /// # Errors
    /// `path` is missing or not a file, or may not be read.
    pub fn of_file(path: impl AsRef<FsPath>) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let (Some(folder), Some(name), true) =
            (path.parent(), path.file_name(), fs::metadata(&path)?.is_file())
        else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        fs::File::open(&path)?;
        let only = Some(name.as_bytes().to_vec());
        Ok(Self { only, ..Self::open(folder)?.follow_links() })
    }

    /// Follows all links, wherever they lead. Anybody who may make a link in the folder then decides what
    /// is served.
    #[must_use]
    pub fn follow_links(self) -> Self {
        self.with(|rules| rules.links = Links::Everywhere)
    }

    /// Writes to `log` which links aren't followed and which files can't be read, and why: once for each that
    /// a client requests or a listing meets, and for 1000 at most.
    #[must_use]
    pub fn log(self, log: Log) -> Self {
        self.with(|rules| rules.told = Arc::new(Told::new(log)))
    }

    /// Compresses files while they are served, for clients that take a coding in which a file doesn't stand.
    ///
    /// A file beside another one goes before what would be made. What was made is kept as long as the file
    /// doesn't change, and there is room. See [`Compression`] for what is compressed, and what it takes.
    #[cfg(feature = "compress")]
    #[must_use]
    pub fn compress(self, compression: Compression) -> Self {
        self.with(|rules| rules.compressor = Some(Arc::new(Compressor::new(compression))))
    }

    fn with(mut self, set: impl FnOnce(&mut Rules)) -> Self {
        let tree = self.tree.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Nobody else has it yet.
        if let Some(tree) = Arc::get_mut(tree) {
            set(tree.rules_mut());
        }
        self
    }

    /// Whether a name is there for clients at all.
    fn admits(&self, name: &Name) -> bool {
        self.only.as_ref().is_none_or(|only| name.plain() == only)
    }

    /// The name of what is at `path` in `coding`, for the other methods of this folder.
    pub fn name(&self, path: &Path<'_>, coding: Coding) -> Name {
        Name::new(path, coding, &self.hasher)
    }

    /// The file that [`open_named`](Self::open_named) would give, if that needs no disk: the file is in the
    /// cache, has not changed, and was looked at in the last 10 seconds. `None` says nothing about the file.
    pub fn open_cached(&self, name: &Name) -> Option<OpenFile> {
        if !self.admits(name) {
            return None;
        }
        self.tree().open_cached(name)
    }

    /// [Opens](Storage::open) the file or folder of this name. It waits for nothing but the disk.
    ///
    /// # Errors
    /// As for [`open`](Storage::open).
    pub fn open_named(&self, name: &Name) -> Result<Node<OpenFile>, OpenError> {
        if name.is_root() {
            return Ok(Node::Directory);
        }
        if !self.admits(name) || is_unfinished(name.as_bytes()) {
            return Err(OpenError::NotFound);
        }
        self.find(name.as_bytes(), |tree| tree.find(name))
    }

    /// [Lists](Storage::list) the folder of this name. It waits for nothing but the disk.
    ///
    /// # Errors
    /// As for [`list`](Storage::list).
    pub fn list_named(&self, name: &Name) -> Result<FolderEntries, OpenError> {
        let directory = if name.is_root() { b"." } else { name.as_bytes() };
        if self.only.is_some() || is_unfinished(directory) {
            return Err(OpenError::NotFound);
        }
        self.find(directory, |tree| FolderEntries::open(tree, &self.listings, as_path(directory)))
    }

    /// The tree, as it is now or was a moment ago.
    fn tree(&self) -> Arc<Tree> {
        let now = u64::try_from(moment().as_millis()).unwrap_or_default();
        let looked = self.looked.load(Ordering::Relaxed);
        let swap =
            || self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed);
        // One of several threads looks.
        if now.saturating_sub(looked) >= MOMENT && swap().is_ok() {
            self.follow();
            if now / AGE != looked / AGE {
                self.tree.read().unwrap_or_else(PoisonError::into_inner).age();
            }
        }
        Arc::clone(&self.tree.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Turns to the tree that stands at the path, if that is another one. Without any, the old one
    /// stays, in which everything may be gone. Returns whether it is another one.
    fn follow(&self) -> bool {
        let old = Arc::clone(&self.tree.read().unwrap_or_else(PoisonError::into_inner));
        if stat(&self.path).map_or(true, |stat| old.is_at(&stat)) {
            return false;
        }
        let Ok(tree) = Tree::open(&self.path, old.rules().clone()) else { return false };
        *self.tree.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tree);
        true
    }

    /// Finds something in the tree, and looks for it in the one that may have come in its place when
    /// it is missed.
    fn find<T>(
        &self,
        name: &[u8],
        find: impl Fn(&Arc<Tree>) -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        let tree = self.tree();
        match find(&tree) {
            Err(OpenError::NotFound) if self.follow() => find(&self.tree()),
            Err(OpenError::NotFound) => {
                tree.tell_of_links(as_path(name));
                Err(OpenError::NotFound)
            }
            found => found,
        }
    }
}

impl Storage for Folder {
    type File = OpenFile;
    type Entries = FolderEntries;

    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<OpenFile>, OpenError> {
        self.open_named(&self.name(path, coding))
    }

    async fn list(&self, path: &Path<'_>) -> Result<FolderEntries, OpenError> {
        self.list_named(&self.name(path, Coding::Identity))
    }
}

/// Whether a name leads to what somebody is still sending, which is for nobody to see.
fn is_unfinished(name: &[u8]) -> bool {
    name.split(|octet| *octet == b'/').any(|part| part.starts_with(UNFINISHED.as_bytes()))
}

/// The path of the directory that the file `name` is in.
fn directory_of(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|octet| *octet == b'/');
    end.and_then(|end| name.get(..end)).unwrap_or(b".")
}

/// All of a file that had this stamp; nothing if it has over `most` octets, or changes meanwhile.
fn read_all(file: &fs::File, stamp: &Stamp, most: u64) -> Option<Box<[u8]>> {
    let length = stamp.len();
    let mut content = vec![0; usize::try_from(length).ok().filter(|_| length <= most)?];
    file.read_exact_at(&mut content, 0).ok()?;
    let after = fstat(file).ok()?;
    (Stamp::of(&after) == *stamp).then(|| content.into())
}

fn as_path(name: &[u8]) -> &FsPath {
    FsPath::new(OsStr::from_bytes(name))
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
        assert_eq!(tag(&folder, Coding::Identity), None, "what comes next may look the same");
        thread::sleep(Duration::from_millis(80));
        let first = tag(&folder, Coding::Identity);
        assert!(first.is_some() && tag(&folder, Coding::Identity) == first);
        assert_ne!(tag(&folder, Coding::Brotli), first);

        // The same length, and the time of the last change put back.
        let modified = fs::metadata(&plain)?.modified()?;
        fs::write(&plain, "2222")?;
        fs::File::options().write(true).open(&plain)?.set_modified(modified)?;
        thread::sleep(Duration::from_millis(80));
        let second = tag(&folder, Coding::Identity);
        assert!(second.is_some() && second != first);
        Ok(())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_deleted_or_not_asked_for_is_let_go() -> io::Result<()> {
        let place = tempfile::TempDir::with_prefix("thimble-")?;
        let is_open = |name: &str| {
            let path = place.path().join(name);
            fs::read_dir("/proc/self/fd").is_ok_and(|descriptors| {
                let links = descriptors.flatten().filter_map(|of| fs::read_link(of.path()).ok());
                links
                    .into_iter()
                    .any(|link| link.to_string_lossy().starts_with(&*path.to_string_lossy()))
            })
        };
        for name in ["deleted", "other"] {
            fs::write(place.path().join(name), vec![0; 32 * 1024])?;
        }
        thread::sleep(Duration::from_millis(80));
        let folder = Folder::open(place.path())?;
        // Whatever the time is, nothing ages by itself here.
        folder.looked.store(u64::MAX, Ordering::Relaxed);
        let open = |name: &str| {
            let path = Path::new(name.as_bytes()).ok_or(OpenError::Failed)?;
            block_on(folder.open(&path, Coding::Identity)).map(|_| ())
        };
        assert_eq!((open("/deleted"), open("/other")), (Ok(()), Ok(())));
        assert!(is_open("deleted") && is_open("other"));
        fs::remove_file(place.path().join("deleted"))?;
        assert_eq!(open("/deleted"), Err(OpenError::NotFound));
        assert!(!is_open("deleted") && is_open("other"));
        folder.tree().age();
        assert!(open("/other").is_ok() && is_open("other"));
        folder.tree().age();
        assert!(is_open("other"), "it was asked for in between");
        folder.tree().age();
        assert!(!is_open("other"));
        Ok(())
    }
}
