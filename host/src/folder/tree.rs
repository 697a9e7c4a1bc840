//! The tree that a folder is the root of, held open.

use std::fs;
use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;
use thimble_core::semantics::negotiate::{Coding, Codings};
use thimble_core::service::storage::{Node, OpenError};

use super::cache::{Cache, Entry, ROOM, Stamp, time_of_day};
#[cfg(feature = "compress")]
use super::compress::{Compressor, Source};
use super::file::{OpenFile, Opened};
use super::links::{Links, Told};
use super::look::{Kind, Seen};
use super::made::is_made_by_the_system;
use super::name::Name;
use super::steps::Steps;
use super::{SMALL, as_path, directory_of, leads_out, open_error, read_all};
use crate::log::Log;

/// How often, and after how long each time, to try again for want of a descriptor.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// That a file was read is not written down, or whoever reads would wait for a disk that is busy writing.
/// Only the owner of a file may ask for that.
#[cfg(target_os = "linux")]
const UNTOUCHED: OFlags = OFlags::NOATIME;
#[cfg(not(target_os = "linux"))]
const UNTOUCHED: OFlags = OFlags::empty();

/// A root, and what was opened beneath it.
#[derive(Debug)]
pub(super) struct Tree {
    root: Dir,
    cache: Cache,
    steps: Steps,
    /// Where the root was when it was opened, without links.
    place: Option<PathBuf>,
    rules: Rules,
}

/// Which links are followed, and where it is said which aren't.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) links: Links,
    pub(super) told: Arc<Told>,
    /// The paths of folders of which nothing is served.
    pub(super) apart: Arc<[Box<[u8]>]>,
    /// What puts files into codings in which they don't stand.
    #[cfg(feature = "compress")]
    pub(super) compressor: Option<Arc<Compressor>>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            links: Links::Inside,
            told: Arc::new(Told::new(Log::none())),
            apart: Arc::default(),
            #[cfg(feature = "compress")]
            compressor: None,
        }
    }
}

impl Tree {
    /// The tree at `path`, opened now: what later becomes of `path` doesn't matter.
    pub(super) fn open(path: &FsPath, rules: Rules) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        let place = fs::canonicalize(path).ok();
        // That doesn't tell yet whether it may be searched.
        root.open_dir(".")?;
        Ok(Self { root, cache: Cache::new(ROOM), steps: Steps::default(), place, rules })
    }

    /// Whether its root is what was found at a path.
    pub(super) fn is_at(&self, found: &Stat) -> bool {
        fstat(&self.root)
            .is_ok_and(|root| (root.st_dev, root.st_ino) == (found.st_dev, found.st_ino))
    }

    pub(super) const fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) const fn rules_mut(&mut self) -> &mut Rules {
        &mut self.rules
    }

    pub(super) const fn root(&self) -> &Dir {
        &self.root
    }

    pub(super) fn place(&self) -> Option<&FsPath> {
        self.place.as_deref()
    }

    /// The file `name`, kept or opened.
    pub(super) fn find(&self, name: &Name) -> Result<Node<OpenFile>, OpenError> {
        if self.is_apart_by_name(name.as_bytes()) {
            return Err(OpenError::NotFound);
        }
        let Some(entry) = self.cache.get(name) else { return self.open_anew(name) };
        if let Some(file) = self.recall(name, &entry) {
            return Ok(Node::File(file));
        }
        // A file that was deleted takes room on its disk as long as somebody has it open.
        self.cache.forget(name);
        self.open_anew(name)
    }

    /// Lets go of what nobody has asked for since the last time.
    pub(super) fn age(&self) {
        self.cache.age();
        self.steps.clear();
    }

    /// The file `name`, if looking at it won't have to wait for a disk.
    pub(super) fn open_cached(&self, name: &Name) -> Option<OpenFile> {
        let entry = self.cache.get(name).filter(|_| !self.is_apart_by_name(name.as_bytes()))?;
        entry.check().then(|| self.recall(name, &entry))?
    }

    /// The file `name` as it was opened before, if it is still the same, and still there.
    fn recall(&self, name: &Name, entry: &Entry) -> Option<OpenFile> {
        let (name, coding) = (name.as_bytes(), name.coding());
        let codings = match (coding == Coding::Identity, entry.beside) {
            (false, _) => Codings::NONE,
            (true, Some((codings, directory)))
                if !entry.looks_beside() || self.is_still(directory_of(name), directory) =>
            {
                codings
            }
            (true, _) => return None,
        };
        let opened = || Arc::clone(&entry.opened);
        self.is_still(name, entry.stamp).then(|| OpenFile::new(opened(), coding, codings))
    }

    /// Whether what is at `name` now is what was there when it had this stamp. The path is followed
    /// as it is for opening: what was moved out of the tree is not in it, whatever leads there.
    fn is_still(&self, name: &[u8], stamp: Stamp) -> bool {
        if name == b"." {
            return fstat(&self.root).is_ok_and(|stat| Stamp::of(&stat) == stamp);
        }
        // Where all links are followed, one look is enough.
        let goes_by_steps = self.rules.links == Links::Inside;
        if goes_by_steps && let Some(found) = self.steps.look(&self.root, name) {
            return Stamp::of(&found) == stamp;
        }
        let path = as_path(name);
        let is_same = self.look(path).is_ok_and(|seen| seen.stamp == stamp) && !self.is_apart(path);
        if is_same && goes_by_steps {
            self.steps.learn(&self.root, name);
        }
        is_same
    }

    /// Looks at what `path` leads to, without opening it.
    pub(super) fn look(&self, path: &FsPath) -> io::Result<Seen> {
        self.follow(path, |path| match self.rules.links {
            Links::Inside => self.root.metadata(path).map(|metadata| Seen::from(&metadata)),
            Links::Everywhere => Ok(Seen::of(&statat(&self.root, path, AtFlags::empty())?)),
        })
    }

    /// Opens the file that `path` leads to.
    fn open_file(&self, path: &FsPath) -> Result<(fs::File, Stat), OpenError> {
        // A FIFO that came meanwhile doesn't block, and a terminal doesn't become ours.
        let file = self.open_as(path, OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let stat = fstat(&file).map_err(|_| OpenError::Failed)?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        is_file.then_some((file, stat)).ok_or(OpenError::NotFound)
    }

    /// Opens the directory that `path` leads to.
    pub(super) fn open_directory(&self, path: &FsPath) -> Result<fs::File, OpenError> {
        self.open_as(path, OFlags::DIRECTORY)
    }

    fn open_as(&self, path: &FsPath, flags: OFlags) -> Result<fs::File, OpenError> {
        let open = |path: &FsPath, flags: OFlags| match self.rules.links {
            Links::Inside => {
                let mut options = OpenOptions::new();
                options.read(true).custom_flags(flags.bits().cast_signed());
                self.root.open_with(path, &options).map(cap_std::fs::File::into_std)
            }
            Links::Everywhere => {
                let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
                Ok(openat(&self.root, path, flags, Mode::empty())?.into())
            }
        };
        let opened = self.follow(path, |path| match open(path, flags | UNTOUCHED) {
            Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
                open(path, flags)
            }
            outcome => outcome,
        });
        opened.map_err(|error| self.failed(path, &error))
    }

    /// What a client gets for `error`. The log is told of one that whoever runs the server can mend.
    fn failed(&self, path: &FsPath, error: &io::Error) -> OpenError {
        let outcome = open_error(error);
        if matches!(outcome, OpenError::Failed | OpenError::Forbidden) {
            self.rules.told.tell_of_failure(path, error);
        }
        outcome
    }

    /// Does something with what `path` leads to, links followed that stay inside.
    pub(super) fn follow<T>(
        &self,
        path: &FsPath,
        attempt: impl Fn(&FsPath) -> io::Result<T>,
    ) -> io::Result<T> {
        match self.persist(|| attempt(path)) {
            Err(error) if leads_out(&error) => match self.around_links(path) {
                Some(inside) => self.persist(|| attempt(&inside)),
                None => Err(error),
            },
            outcome => outcome,
        }
    }

    /// Tries again after a little while, if it is for want of a descriptor.
    fn persist<T>(&self, attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
        for _ in 1..TRIES {
            match attempt() {
                Err(error) if open_error(&error) == OpenError::Busy => {
                    self.cache.clear();
                    self.steps.clear();
                    thread::sleep(PAUSE);
                }
                outcome => return outcome,
            }
        }
        attempt()
    }

    /// The way without links to where `path` leads, if that is inside, and so is where each of its
    /// folders leads: a link to the outside is the end, whatever follows it. Whatever becomes of
    /// them meanwhile, it is then opened beneath the root like any other path.
    fn around_links(&self, path: &FsPath) -> Option<PathBuf> {
        let place = self.place()?;
        let inside = |path| {
            let target = fs::canonicalize(place.join(path)).ok()?;
            // The root itself is the folder without any step.
            target.strip_prefix(place).ok().map(|steps| FsPath::new(".").join(steps))
        };
        inside(path).filter(|_| path.ancestors().skip(1).all(|folder| inside(folder).is_some()))
    }

    /// What is written in the link at `path`; `EINVAL` if that is none.
    pub(super) fn link(&self, path: &FsPath) -> rustix::io::Result<PathBuf> {
        let target = readlinkat(&self.root, path, Vec::new())?;
        Ok(as_path(target.to_bytes()).to_owned())
    }

    /// Tells the log of the link in `path` that isn't followed, if there is one.
    pub(super) fn tell_of_links(&self, path: &FsPath) {
        self.rules.told.tell(self, path);
    }

    /// Opens the file `name`, and keeps it if it can be trusted to show every change.
    fn open_anew(&self, key: &Name) -> Result<Node<OpenFile>, OpenError> {
        let (name, coding) = (key.as_bytes(), key.coding());
        let (now, is_plain) = (time_of_day(), coding == Coding::Identity);
        let directory = if is_plain { self.look(as_path(directory_of(name))).ok() } else { None };
        let path = as_path(name);
        if self.is_apart(path) {
            return Err(OpenError::NotFound);
        }
        match self.look(path).map_err(|error| self.failed(path, &error))?.kind {
            Kind::File => {}
            Kind::Directory => return Ok(Node::Directory),
            Kind::Other => return Err(OpenError::NotFound),
        }
        let (file, stat) = self.open_file(path)?;
        let stamp = Stamp::of(&stat);
        let beside = if is_plain { self.beside(name, &stamp) } else { Beside::default() };
        if !is_plain && !self.is_in_time(name, coding, &stamp) {
            return Err(OpenError::NotFound);
        }
        let shows_later_changes = |stamp: &Stamp| stamp.shows_later_changes(now);
        let is_made = is_made_by_the_system(&file, &stat);
        let directory = directory.map(|seen| seen.stamp).filter(shows_later_changes);
        let keeps = shows_later_changes(&stamp)
            && !is_made
            && (!is_plain || (directory.is_some() && !beside.is_late));
        let small = if keeps { read_all(&file, &stamp, SMALL) } else { None };
        let opened = match small {
            _ if is_made => {
                Opened::made(file, &stamp).map_err(|error| self.read_failed(path, &error))?
            }
            Some(content) => Opened::new(None, content, &stamp, now),
            None => Opened::new(Some(file), Box::default(), &stamp, now),
        };
        let opened = opened.telling(&self.rules.told, path);
        #[cfg(feature = "compress")]
        let opened = match &self.rules.compressor {
            Some(compressor) if is_plain && !is_made => {
                opened.with_source(Source::new(compressor, stamp, shows_later_changes(&stamp)))
            }
            _ => opened,
        };
        let opened = Arc::new(opened);
        if keeps {
            let beside = directory.map(|directory| (beside.codings, directory));
            let entry = Entry::new(Arc::clone(&opened), stamp, beside);
            self.cache.insert(key, Arc::new(entry));
        }
        Ok(Node::File(OpenFile::new(opened, coding, beside.codings)))
    }

    /// What a client gets for a file that was opened and can't be read.
    fn read_failed(&self, path: &FsPath, error: &io::Error) -> OpenError {
        match open_error(error) {
            // These errors mean that only of paths.
            OpenError::NotFound | OpenError::Failed => {
                self.rules.told.tell_of_failure(path, error);
                OpenError::Failed
            }
            other => other,
        }
    }

    /// What stands beside the file `name`. Whether that can be served turns out when it is opened.
    fn beside(&self, name: &[u8], plain: &Stamp) -> Beside {
        let mut beside = Beside::default();
        for coding in Coding::BY_PREFERENCE {
            let coded = [name, coding.suffix().as_bytes()].concat();
            // There is none mostly, and that is known by one call.
            if coding == Coding::Identity
                || statat(&self.root, coded.as_slice(), AtFlags::SYMLINK_NOFOLLOW).is_err()
            {
                continue;
            }
            let seen = self.look(as_path(&coded)).ok().filter(|seen| seen.kind == Kind::File);
            match seen {
                Some(seen) if seen.stamp.modified >= plain.modified => {
                    beside.codings = beside.codings.with(coding);
                }
                Some(_) => beside.is_late = true,
                None => {}
            }
        }
        beside
    }

    /// Whether the file `name`, which is another one in `coding`, was made from what that is now: it
    /// is as new at least.
    fn is_in_time(&self, name: &[u8], coding: Coding, coded: &Stamp) -> bool {
        let plain = name.strip_suffix(coding.suffix().as_bytes()).unwrap_or(name);
        let plain = self.look(as_path(plain));
        plain.is_ok_and(|plain| plain.kind == Kind::File && plain.stamp.modified <= coded.modified)
    }
}

/// What stands beside a file.
#[derive(Clone, Copy, Debug, Default)]
struct Beside {
    /// The codings it is there in.
    codings: Codings,
    /// Whether there is one that is older than the file. It may be made anew in its place, which the
    /// directory wouldn't show.
    is_late: bool,
}
