//! A folder of the file system, as a storage.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path as FsPath, PathBuf};
use std::thread;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::Errno;
use thimble_core::grammar::date::UnixTime;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{File, Metadata, Node, OpenError, ReadError, Storage};

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
#[derive(Debug)]
pub struct Folder {
    root: Dir,
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
        Ok(Self { root, place, options })
    }

    /// The way without links to where `path` leads, if that is inside, and so is where each of its
    /// folders leads: a link to the outside is the end, whatever follows it. Whatever becomes of
    /// them meanwhile, it is then opened beneath the root like any other path.
    fn around_links(&self, path: &FsPath) -> Option<PathBuf> {
        let place = self.place.as_ref()?;
        let inside = |path| {
            let target = fs::canonicalize(place.join(path)).ok()?;
            target.strip_prefix(place).ok().map(FsPath::to_path_buf)
        };
        let found = inside(path).filter(|found| !found.as_os_str().is_empty());
        found.filter(|_| path.ancestors().skip(1).all(|folder| inside(folder).is_some()))
    }

    fn open_beneath(&self, path: &FsPath) -> Result<Node<OpenFile>, OpenError> {
        let opened = match self.try_to_open(path) {
            Err(error) if leads_out(&error) => match self.around_links(path) {
                Some(inside) => self.try_to_open(&inside),
                None => Err(error),
            },
            opened => opened,
        };
        let file = match opened.map_err(|error| open_error(&error)) {
            Ok(file) => file.into_std(),
            // A directory that may be searched, but not listed.
            Err(OpenError::Forbidden) if self.root.open_dir(path).is_ok() => {
                return Ok(Node::Directory);
            }
            Err(error) => return Err(error),
        };
        let stat = fstat(&file).map_err(|_| OpenError::Failed)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let len = u64::try_from(stat.st_size).unwrap_or_default();
                // Times before 1970 can't be said.
                let modified = u64::try_from(stat.st_mtime).ok().map(UnixTime);
                Ok(Node::File(OpenFile { file, metadata: Metadata { len, modified } }))
            }
            FileType::Directory => Ok(Node::Directory),
            _ => Err(OpenError::NotFound),
        }
    }

    /// Opens; waits a little for a descriptor.
    fn try_to_open(&self, path: &FsPath) -> io::Result<cap_std::fs::File> {
        for _ in 1..TRIES {
            match self.root.open_with(path, &self.options) {
                Err(error) if open_error(&error) == OpenError::Busy => thread::sleep(PAUSE),
                opened => return opened,
            }
        }
        self.root.open_with(path, &self.options)
    }
}

impl Storage for Folder {
    type File = OpenFile;

    async fn open(&self, path: &Path<'_>) -> Result<Node<OpenFile>, OpenError> {
        let mut name = Vec::with_capacity(256);
        for segment in path.segments() {
            if !name.is_empty() {
                name.push(b'/');
            }
            name.extend_from_slice(segment);
        }
        if name.is_empty() {
            return Ok(Node::Directory);
        }
        self.open_beneath(FsPath::new(OsStr::from_bytes(&name)))
    }
}

/// A file that was opened beneath a [`Folder`].
#[derive(Debug)]
pub struct OpenFile {
    file: fs::File,
    metadata: Metadata,
}

impl File for OpenFile {
    fn metadata(&self) -> Metadata {
        self.metadata
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        loop {
            match self.file.read_at(buffer, offset) {
                Ok(octets) => return Ok(octets),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(_) => return Err(ReadError),
            }
        }
    }
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
}
