//! Files that come with forms, kept in a folder of the file system.

mod async_folder;
mod name;
mod temporary;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::mem;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{
    AtFlags, Mode, OFlags, Stat, fdatasync, fstat, fsync, linkat, open, stat, statat, unlinkat,
};
#[cfg(target_os = "linux")]
use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;
use thimble_core::message::{Refusal, Status};
use thimble_core::semantics::negotiate::Coding;
use thimble_core::service;

use crate::log::Log;
use name::Name;
use temporary::{Temporary, random, sweep};

pub(crate) use temporary::PREFIX as UNFINISHED;

pub use async_folder::{AsyncBatch, AsyncUploadFolder};

const NO_ROOM: &Refusal =
    &Refusal::new(Status::INSUFFICIENT_STORAGE, "there is no room to keep the file");
const FAILED: &Refusal = &Refusal::new(Status::INSUFFICIENT_STORAGE, "the file can't be kept");
const BUSY: &Refusal = &Refusal::with_field(
    Status::SERVICE_UNAVAILABLE,
    &("try again in a moment", "Retry-After", "1"),
);

/// Names that are tried one after the other: `a.txt`, `a-1.txt` and so on. Then the number is any.
const NUMBERED: u32 = 100;

/// Keeps the files that come with forms in a folder, which everything is done beneath: no name and no link
/// leads out of it.
///
/// A file gets the name that it was sent with, without what could do harm: the last component of a path
/// counts, dots at the start are left out, controls and letters that don't show or change the direction of
/// text become `_`, a device of Windows gets a `_`, and 255 octets are the most. No normalization form is imposed. A file that
/// is there already stays: the new one gets a number.
///
/// The files of a form are written beneath a hidden folder, and moved out of it together once the form is
/// whole. If the form fails, nothing of it stays, and if the process is killed, the next start removes it.
/// They are on the disk before the client hears that they are kept.
///
/// If the folder is removed or moved away, and another one stands in its place, files go there.
///
/// # Examples
/// ```
/// use thimble_host::thimble_core::Site;
/// use thimble_host::{Folder, Log, UploadFolder};
///
/// # let place = tempfile::TempDir::with_prefix("thimble-")?;
/// # std::env::set_current_dir(place.path())?;
/// # std::fs::create_dir("site")?;
/// let uploads = UploadFolder::open("uploads")?.log(Log::to_stderr());
/// let site = Site::new(Folder::open("site")?).uploads(uploads);
/// # let _ = site;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct UploadFolder(Arc<Place>);

/// The folder, and what is known of it.
#[derive(Clone, Debug)]
struct Place {
    path: PathBuf,
    /// The one that was last found there.
    folder: Arc<Mutex<Arc<OwnedFd>>>,
    log: Log,
    served: Option<Served>,
}

/// How the folder is served.
#[derive(Clone, Debug)]
struct Served {
    /// Its path from the root of the site.
    path: Vec<u8>,
    /// Names that mean something there.
    reserved: Vec<String>,
}

impl UploadFolder {
    /// Keeps files in the folder at `path`, which is made if there is none, and removes what a killed
    /// process may have left there.
    ///
    /// # Errors
    /// It can't be made, is no folder, or no file can be written there.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // A later change of the process's own folder changes nothing.
        let path = std::path::absolute(path)?;
        let folder = Arc::new(opened(&path)?);
        sweep(&folder)?;
        // Better to know it now than when somebody has sent a file.
        drop(Temporary::new(&folder)?);
        let folder = Arc::new(Mutex::new(folder));
        Ok(Self(Arc::new(Place { path, folder, log: Log::none(), served: None })))
    }

    /// Writes to `log` why files can't be kept.
    #[must_use]
    pub fn log(mut self, log: Log) -> Self {
        Arc::make_mut(&mut self.0).log = log;
        self
    }

    /// Says that the folder is served at `path`, from the root of the site and without a slash at either end,
    /// so that its listing takes files. None of them gets one of the names `reserved`, nor one that
    /// makes it a coding of another file, such as `a.txt.gz` beside `a.txt`, or that one its coding.
    #[must_use]
    pub fn served_at(mut self, path: &Path, reserved: Vec<String>) -> Self {
        let path = path.as_os_str().as_bytes().to_vec();
        Arc::make_mut(&mut self.0).served = Some(Served { path, reserved });
        self
    }

    /// Its path from the root of the site, if it is served.
    pub fn folder(&self) -> Option<&[u8]> {
        Some(&self.0.served.as_ref()?.path)
    }

    /// Begins a form.
    pub fn batch(&self) -> Batch {
        let place = Arc::clone(&self.0);
        let (wanted, names) = (Vec::new(), String::new());
        let (folder, temporary, file) = (None, None, None);
        Batch { place, folder, temporary, file, wanted, names, is_accepted: false }
    }
}

/// The files of one form, in a folder. Its own methods wait for the disk.
#[derive(Debug)]
pub struct Batch {
    place: Arc<Place>,
    /// Where the files go, once it is known.
    folder: Option<Arc<OwnedFd>>,
    temporary: Option<Temporary>,
    /// The one that is being written.
    file: Option<File>,
    /// What each file should be called.
    wanted: Vec<Name>,
    /// What they are called now, each with a slash behind it.
    names: String,
    is_accepted: bool,
}

impl Batch {
    /// [Begins](service::Batch::create) a file.
    ///
    /// # Errors
    /// The refusal that answers the client instead.
    pub fn create_now(&mut self, filename: &str) -> Result<(), &'static Refusal> {
        let outcome = self.finish().and_then(|()| self.try_create()).map_err(Into::into);
        self.place.told(outcome)?;
        self.wanted.push(Name::new(filename));
        Ok(())
    }

    fn try_create(&mut self) -> rustix::io::Result<()> {
        let temporary = match &mut self.temporary {
            Some(temporary) => temporary,
            none => {
                let folder = self.folder.insert(self.place.folder());
                none.insert(Temporary::new(folder)?)
            }
        };
        self.file = Some(temporary.create()?);
        Ok(())
    }

    /// [Adds](service::Batch::write) octets to the file that was begun last.
    ///
    /// # Errors
    /// The refusal that answers the client instead.
    pub fn write_now(&mut self, octets: &[u8]) -> Result<(), &'static Refusal> {
        let outcome = match &mut self.file {
            Some(file) => file.write_all(octets),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        self.place.told(outcome)
    }

    /// [Gives](service::Batch::keep) the files their names.
    ///
    /// # Errors
    /// The refusal that answers the client instead.
    pub fn keep_now(&mut self) -> Result<(), &'static Refusal> {
        let outcome = self.finish().and_then(|()| self.try_keep()).map_err(Into::into);
        self.place.told(outcome)?;
        // Nothing is left in it.
        self.temporary = None;
        Ok(())
    }

    /// Brings the file that was begun last to the disk, whole.
    fn finish(&mut self) -> rustix::io::Result<()> {
        self.file.take().map_or(Ok(()), |file| on_disk(fdatasync(file)))
    }

    fn try_keep(&mut self) -> rustix::io::Result<()> {
        let (Some(folder), Some(temporary)) = (&self.folder, &self.temporary) else {
            return Ok(());
        };
        for (number, wanted) in self.wanted.iter().enumerate() {
            let from = number.to_string();
            let numbered = (1..NUMBERED).map(|number| wanted.numbered(number));
            let names = std::iter::once_with(|| wanted.whole())
                .chain(numbered)
                .chain(std::iter::repeat_with(|| wanted.numbered(random())));
            for name in names.filter(|name| !self.place.is_taken(folder, name)) {
                match rename(temporary.folder(), &from, folder, &name) {
                    Err(Errno::EXIST) => {}
                    outcome => {
                        outcome?;
                        // Another form may have brought the other of two just now. Of both, at least one sees it.
                        if self.place.is_taken(folder, &name)
                            && rename(folder, &name, temporary.folder(), &from).is_ok()
                        {
                            continue;
                        }
                        self.names += &name;
                        self.names.push('/');
                        break;
                    }
                }
            }
        }
        // The names, too.
        on_disk(fsync(folder))
    }
}

impl Batch {
    /// The [names](service::Batch::names) that the files were given.
    pub fn names(&self) -> &str {
        &self.names
    }

    /// [Lets](service::Batch::accept) the files stay.
    pub const fn accept(&mut self) {
        self.is_accepted = true;
    }

    /// [Removes](service::Batch::discard) what there is, unless it was accepted.
    pub fn discard_now(&mut self) {
        (self.file, self.temporary) = (None, None);
        if let Some(folder) = &self.folder
            && !self.is_accepted
        {
            for name in mem::take(&mut self.names).split_terminator('/') {
                let _ = unlinkat(folder, name, AtFlags::empty());
            }
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.discard_now();
    }
}

impl Place {
    /// The folder that stands at the path now. Without any, the one that stood there last.
    fn folder(&self) -> Arc<OwnedFd> {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        let identity = |stat: &Stat| (stat.st_dev, stat.st_ino);
        let is_same = match (stat(&self.path), fstat(&*folder)) {
            (Ok(there), Ok(known)) => identity(&there) == identity(&known),
            _ => true,
        };
        if !is_same && let Ok(another) = opened(&self.path) {
            *folder = Arc::new(another);
        }
        Arc::clone(&folder)
    }

    /// Whether a file in `folder` should not have this name, though there may be none that has it.
    fn is_taken(&self, folder: &OwnedFd, name: &str) -> bool {
        let Some(served) = &self.served else { return false };
        let is_there = |name: &str| statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        let is_one_of_two = |coding: &Coding| {
            let plain = name.strip_suffix(coding.suffix());
            plain.is_some_and(is_there) || is_there(&[name, coding.suffix()].concat())
        };
        let mut codings = Coding::BY_PREFERENCE.iter().filter(|coding| !coding.suffix().is_empty());
        served.reserved.iter().any(|reserved| reserved == name) || codings.any(is_one_of_two)
    }

    /// The refusal for an error, of which the log is told.
    fn told(&self, outcome: io::Result<()>) -> Result<(), &'static Refusal> {
        outcome.map_err(|error| {
            let place = self.path.display();
            self.log.note(format!("can't keep a file in '{place}': {error}").as_bytes());
            match Errno::from_io_error(&error) {
                Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => NO_ROOM,
                Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => BUSY,
                _ => FAILED,
            }
        })
    }
}

fn opened(path: &Path) -> rustix::io::Result<OwnedFd> {
    open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// What bringing something to the disk came to. Some file systems have no disk.
fn on_disk(outcome: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match outcome {
        Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS | Errno::ROFS) => Ok(()),
        outcome => outcome,
    }
}

/// Moves a file, if there is none at `to` yet.
fn rename(
    from_folder: &OwnedFd,
    from: &str,
    to_folder: &OwnedFd,
    to: &str,
) -> rustix::io::Result<()> {
    #[cfg(target_os = "linux")]
    match renameat_with(from_folder, from, to_folder, to, RenameFlags::NOREPLACE) {
        // This file system, or this kernel, knows no such flag.
        Err(Errno::INVAL | Errno::NOSYS) => {}
        outcome => return outcome,
    }
    linkat(from_folder, from, to_folder, to, AtFlags::empty())?;
    unlinkat(from_folder, from, AtFlags::empty())
}

impl service::Uploads for UploadFolder {
    type Keeps = service::Present;

    type Batch = Batch;

    fn begin(&self) -> Option<Batch> {
        Some(self.batch())
    }

    fn folder(&self) -> Option<&[u8]> {
        Self::folder(self)
    }
}

impl service::Batch for Batch {
    async fn create(&mut self, filename: &str) -> Result<(), &'static Refusal> {
        self.create_now(filename)
    }

    async fn write(&mut self, octets: &[u8]) -> Result<(), &'static Refusal> {
        self.write_now(octets)
    }

    async fn keep(&mut self) -> Result<(), &'static Refusal> {
        self.keep_now()
    }

    fn names(&self) -> &str {
        Self::names(self)
    }

    fn accept(&mut self) {
        Self::accept(self);
    }

    async fn discard(&mut self) {
        self.discard_now();
    }
}
