//! The tree that a folder is the root of, held open.

use std::fs;
use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{AtFlags, FileType, OFlags, Stat, fstat, statat};
use thimble_core::semantics::negotiate::{Coding, Codings};
use thimble_core::service::storage::{Node, OpenError};

use super::cache::{Cache, Entry, Stamp, time_of_day};
use super::file::{OpenFile, Opened};
use super::name::Name;
use super::{as_path, directory_of, leads_out, open_error, read_small};

/// How often, and after how long each time, to try again for want of a descriptor.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// A root, and what was opened beneath it.
#[derive(Debug)]
pub(super) struct Tree {
    root: Dir,
    cache: Cache,
    /// Where the root was when it was opened, without links.
    place: Option<PathBuf>,
    options: OpenOptions,
}

impl Tree {
    /// The tree at `path`, opened now: what later becomes of `path` doesn't matter.
    pub(super) fn open(path: &FsPath) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        let place = fs::canonicalize(path).ok();
        // That doesn't tell yet whether it may be searched.
        root.open_dir(".")?;
        let mut options = OpenOptions::new();
        // A FIFO without a writer doesn't block, and a terminal doesn't become ours.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.read(true).custom_flags(flags.bits().cast_signed());
        Ok(Self { root, cache: Cache::default(), place, options })
    }

    /// Whether its root is what was found at a path.
    pub(super) fn is_at(&self, found: &Stat) -> bool {
        fstat(&self.root)
            .is_ok_and(|root| (root.st_dev, root.st_ino) == (found.st_dev, found.st_ino))
    }

    /// The file `name`, kept or opened.
    pub(super) fn find(&self, name: &Name) -> Result<Node<OpenFile>, OpenError> {
        let entry = self.cache.get(name);
        match entry.and_then(|entry| self.recall(name, &entry)) {
            Some(file) => Ok(Node::File(file)),
            None => self.open_anew(name),
        }
    }

    /// The file `name`, if looking at it won't have to wait for a disk.
    pub(super) fn at_hand(&self, name: &Name) -> Option<OpenFile> {
        let entry = self.cache.get(name)?;
        entry.check().then(|| self.recall(name, &entry))?
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

    pub(super) fn open_beneath(&self, path: &FsPath) -> Result<Node<OpenFile>, OpenError> {
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
    fn recall(&self, name: &Name, entry: &Entry) -> Option<OpenFile> {
        let (name, coding) = (name.as_bytes(), name.coding());
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
    fn open_anew(&self, key: &Name) -> Result<Node<OpenFile>, OpenError> {
        let (name, coding) = (key.as_bytes(), key.coding());
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
            self.cache.insert(key, Arc::new(entry));
        }
        Ok(Node::File(OpenFile::new(opened, coding, codings)))
    }

    /// Opens whatever is at `path`, links followed that stay inside.
    pub(super) fn open_following(&self, path: &FsPath) -> Result<fs::File, OpenError> {
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
