//! A folder of the file system, as a storage.

pub(crate) mod cache;
mod entries;
mod file;
mod mapped;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{AtFlags, FileType, OFlags, Stat, fstat, statat};
use rustix::io::Errno;
use thimble_core::grammar::date::UnixTime;
use thimble_core::semantics::negotiate::{Coding, Codings};
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{Node, OpenError, Storage};

use cache::{Cache, Entry, Stamp, time_of_day};
pub use entries::FolderEntries;
pub use file::OpenFile;
use file::Opened;

/// Files up to this many octets are kept whole: they fit a transmit buffer with their head.
const SMALL: u64 = 24 * 1024;

/// How often, and after how long each time, to try again for want of a descriptor.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

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
/// nanoseconds of any time). Its directory is looked at ten times a second at most: that is how long
/// it may take until a coding shows that comes to stand beside a file. Files that changed within the last moments are not kept at
/// all, since another change in the same tick of the clock would not show. That leaves one thing: a
/// program that writes to a file through a mapping of its memory changes it without a trace until
/// the system writes that back.
#[derive(Debug)]
pub struct Folder {
    root: Dir,
    cache: Cache,
    /// Where the root was when it was opened, without links.
    place: Option<PathBuf>,
    options: OpenOptions,
}

impl Folder {
    /// The folder at `path`, opened now: what later becomes of `path` doesn't matter.
    ///
    /// # Errors
    /// `path` is missing, no folder, or may not be searched.
    pub fn open(path: impl AsRef<FsPath>) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(&path, ambient_authority())?;
        let place = fs::canonicalize(path).ok();
        // That doesn't tell yet whether it may be searched.
        root.open_dir(".")?;
        let mut options = OpenOptions::new();
        // A FIFO without a writer doesn't block, and a terminal doesn't become ours.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.read(true).custom_flags(flags.bits().cast_signed());
        Ok(Self { root, cache: Cache::default(), place, options })
    }

    /// The way without links to where `path` leads, if that is inside, and so is where each of its
    /// folders leads: a link to the outside is the end, whatever follows it. Whatever becomes of
    /// them meanwhile, it is then opened beneath the root like any other path.
    fn around_links(&self, path: &FsPath) -> Option<PathBuf> {
        let place = self.place.as_ref()?;
        let inside = |path| {
            let target = fs::canonicalize(place.join(path)).ok()?;
            // The root itself is the folder without any step.
            target.strip_prefix(place).ok().map(|steps| FsPath::new(".").join(steps))
        };
        inside(path).filter(|_| path.ancestors().skip(1).all(|folder| inside(folder).is_some()))
    }

    fn open_beneath(&self, path: &FsPath) -> Result<Node<OpenFile>, OpenError> {
        Ok(match self.find_beneath(path)? {
            Node::File((file, stat)) => {
                let opened = Opened::new(Some(file), Box::default(), &stat, time_of_day());
                Node::File(OpenFile::new(Arc::new(opened), Coding::Identity, Codings::NONE))
            }
            Node::Directory => Node::Directory,
        })
    }

    fn find_beneath(&self, path: &FsPath) -> Result<Node<(fs::File, Stat)>, OpenError> {
        let file = match self.open_following(path) {
            Ok(file) => file,
            // A directory that may be searched, but not listed.
            Err(OpenError::Forbidden) if self.root.open_dir(path).is_ok() => {
                return Ok(Node::Directory);
            }
            Err(error) => return Err(error),
        };
        let stat = fstat(&file).map_err(|_| OpenError::Failed)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Node::File((file, stat))),
            FileType::Directory => Ok(Node::Directory),
            _ => Err(OpenError::NotFound),
        }
    }

    /// The file `name` as it was opened before, if it is still the same.
    fn recall(&self, name: &[u8], coding: Coding, entry: &Entry) -> Option<OpenFile> {
        let is_same = |name: &[u8], stamp: Stamp| {
            let stat = match name {
                b"." => fstat(&self.root),
                name => statat(&self.root, name, AtFlags::empty()),
            };
            stat.is_ok_and(|stat| Stamp::of(&stat) == stamp)
        };
        let codings = match (coding == Coding::Identity, entry.beside) {
            (false, _) => Codings::NONE,
            (true, Some((codings, directory)))
                if !entry.looks_beside() || is_same(directory_of(name), directory) =>
            {
                codings
            }
            (true, _) => return None,
        };
        let opened = || Arc::clone(&entry.opened);
        is_same(name, entry.stamp).then(|| OpenFile::new(opened(), coding, codings))
    }

    /// Opens the file `name`, and keeps it if it can be trusted to show every change.
    fn open_anew(&self, name: &[u8], coding: Coding) -> Result<Node<OpenFile>, OpenError> {
        let (now, is_plain) = (time_of_day(), coding == Coding::Identity);
        let directory = statat(&self.root, directory_of(name), AtFlags::empty());
        let Node::File((file, stat)) = self.find_beneath(as_path(name))? else {
            return Ok(Node::Directory);
        };
        let codings = if is_plain { self.codings(name.to_vec()) } else { Codings::NONE };
        let stamp = Stamp::of(&stat);
        let directory = directory.ok().map(|stat| Stamp::of(&stat));
        let is_settled = |stamp: &Stamp| stamp.is_settled(now);
        let keeps =
            is_settled(&stamp) && (!is_plain || directory.is_some_and(|it| is_settled(&it)));
        let small = if keeps { read_small(&file, &stat) } else { None };
        let opened = match small {
            Some(content) => Opened::new(None, content, &stat, now),
            None => Opened::new(Some(file), Box::default(), &stat, now),
        };
        let opened = Arc::new(opened);
        if keeps {
            let beside = directory.filter(|_| is_plain).map(|directory| (codings, directory));
            let entry = Entry::new(Arc::clone(&opened), stamp, beside);
            self.cache.insert(name, Arc::new(entry));
        }
        Ok(Node::File(OpenFile::new(opened, coding, codings)))
    }

    /// A file that [`open`](Storage::open) would give at once: it was opened before, is still the
    /// same, and was looked at so lately that looking won't have to wait for a disk.
    pub fn at_hand(&self, path: &Path<'_>, coding: Coding) -> Option<OpenFile> {
        let name = file_name(path, coding);
        let entry = self.cache.get(&name)?;
        entry.check().then(|| self.recall(&name, coding, &entry))?
    }

    /// Opens whatever is at `path`, links followed that stay inside.
    fn open_following(&self, path: &FsPath) -> Result<fs::File, OpenError> {
        let opened = match self.try_to_open(path) {
            Err(error) if leads_out(&error) => match self.around_links(path) {
                Some(inside) => self.try_to_open(&inside),
                None => Err(error),
            },
            opened => opened,
        };
        opened.map(cap_std::fs::File::into_std).map_err(|error| open_error(&error))
    }

    /// The codings in which the file `name` seems to stand beside itself. Whether they can be served
    /// turns out when they are opened.
    fn codings(&self, mut name: Vec<u8>) -> Codings {
        let plain = name.len();
        let mut codings = Codings::NONE;
        for coding in Coding::BY_PREFERENCE {
            name.truncate(plain);
            name.extend_from_slice(coding.suffix().as_bytes());
            let stat = statat(&self.root, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW);
            let is_folder =
                |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if coding != Coding::Identity && stat.is_ok_and(|stat| !is_folder(stat)) {
                codings = codings.with(coding);
            }
        }
        codings
    }

    /// Opens; waits a little for a descriptor.
    fn try_to_open(&self, path: &FsPath) -> io::Result<cap_std::fs::File> {
        for _ in 1..TRIES {
            match self.root.open_with(path, &self.options) {
                Err(error) if open_error(&error) == OpenError::Busy => {
                    self.cache.clear();
                    thread::sleep(PAUSE);
                }
                opened => return opened,
            }
        }
        self.root.open_with(path, &self.options)
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
        let entry = self.cache.get(&name);
        match entry.and_then(|entry| self.recall(&name, coding, &entry)) {
            Some(file) => Ok(Node::File(file)),
            None => self.open_anew(&name, coding),
        }
    }

    async fn list(&self, path: &Path<'_>) -> Result<FolderEntries, OpenError> {
        let name = file_name(path, Coding::Identity);
        let directory = if name.is_empty() { b"." } else { name.as_slice() };
        FolderEntries::read(self, as_path(directory))
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
    use thimble_core::server::blocking::block_on;

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
