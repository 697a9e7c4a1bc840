//! The entries of a directory, sorted.

mod budget;
mod mapped;
mod names;

use std::fs;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, fstat, statat};
use thimble_core::grammar::date::UnixTime;
use thimble_core::service::storage::{Entries, Entry, OpenError, ReadError};

use super::cache::{Stamp, time_of_day};
use super::look::{Kind, Seen};
use super::tree::Tree;
use super::{as_path, is_unfinished, open_error};
pub(super) use names::Listings;
use names::{Names, Row};

/// Names that are read and sorted at once. Of larger directories, one after the other is.
const SMALL: usize = 4096;

/// The entries of a directory beneath a [`Folder`](super::Folder), in the order of a listing.
///
/// Names are read and sorted when the first entry is asked for. Each takes its length and eight octets of
/// memory. Listings of the same unchanged directory share them. All listings together take at most 64 MiB,
/// plus 64 KiB each; a single one may take more. Past that, a directory is [`OpenError::Busy`].
#[derive(Debug)]
pub struct FolderEntries {
    tree: Arc<Tree>,
    listings: Arc<Listings>,
    path: PathBuf,
    directory: fs::File,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Names were read so far.
    Reading(Option<(Dir, Names)>),
    /// They were sorted, and so many of them were asked for.
    Sorted(Arc<Names>, usize),
}

impl FolderEntries {
    /// Opens the directory at `path`.
    pub(super) fn open(
        tree: &Arc<Tree>,
        listings: &Arc<Listings>,
        path: &FsPath,
    ) -> Result<Self, OpenError> {
        if tree.is_apart(path) {
            return Err(OpenError::NotFound);
        }
        let directory = tree.open_directory(path)?;
        if is_gone(&directory) {
            return Err(OpenError::NotFound);
        }
        Ok(Self {
            tree: Arc::clone(tree),
            listings: Arc::clone(listings),
            path: path.to_owned(),
            directory,
            stage: Stage::Reading(None),
        })
    }

    /// Reads and sorts the names if there are at most 4096. Returns whether there were.
    ///
    /// # Errors
    /// The directory can't be read, or there is no memory for its names now.
    pub fn read_few(&mut self) -> Result<bool, OpenError> {
        self.read(SMALL)
    }

    /// Reads and sorts the names, however many there are. One call at a time does so; others wait.
    ///
    /// # Errors
    /// As for [`read_few`](Self::read_few).
    pub fn read_all(&mut self) -> Result<(), OpenError> {
        let listings = Arc::clone(&self.listings);
        let _turn = listings.wait_for_turn();
        let stamp = self.stamp();
        if let Some(names) = stamp.and_then(|stamp| listings.find(&stamp)) {
            self.stage = Stage::Sorted(names, 0);
            return Ok(());
        }
        self.read(usize::MAX)?;
        if let (Some(stamp), Stage::Sorted(names, _)) = (stamp, &self.stage) {
            listings.share(stamp, names);
        }
        Ok(())
    }

    /// Reads names until there are `most`, and sorts them if these are all. Returns whether they are.
    fn read(&mut self, most: usize) -> Result<bool, OpenError> {
        let Stage::Reading(reading) = &mut self.stage else { return Ok(true) };
        let failed = |error: rustix::io::Errno| open_error(&error.into());
        let (mut reading, mut names) = match reading.take() {
            Some(reading) => reading,
            None => (Dir::read_from(&self.directory).map_err(failed)?, Names::new()?),
        };
        while names.count() < most {
            let Some(entry) = reading.next() else {
                names.sort();
                self.stage = Stage::Sorted(Arc::new(names), 0);
                return Ok(true);
            };
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            let kind = match entry.file_type() {
                _ if matches!(name, b"." | b"..") || is_unfinished(name) => continue,
                FileType::Unknown => statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
                kind => kind,
            };
            let is_directory = match kind {
                FileType::RegularFile => false,
                FileType::Directory => true,
                FileType::Symlink => {
                    let path = self.path.join(as_path(name));
                    match self.tree.look(&path).map(|seen| seen.kind) {
                        Ok(Kind::File) => false,
                        Ok(Kind::Directory) => true,
                        Ok(Kind::Other) | Err(_) => {
                            self.tree.tell_of_links(&path);
                            continue;
                        }
                    }
                }
                _ => continue,
            };
            if self.tree.keeps_apart(&self.path, name) {
                continue;
            }
            names.push(name, is_directory, kind == FileType::Symlink)?;
        }
        self.stage = Stage::Reading(Some((reading, names)));
        Ok(false)
    }

    /// What tells this state of the directory from any later one; `None` while a change may not show.
    fn stamp(&self) -> Option<Stamp> {
        let now = time_of_day();
        let stamp = Stamp::of(&fstat(&self.directory).ok()?);
        stamp.shows_later_changes(now).then_some(stamp)
    }
}

impl Entries for FolderEntries {
    async fn begin(&mut self) -> Result<(), OpenError> {
        if self.read_few()? { Ok(()) } else { self.read_all() }
    }

    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        self.begin().await.map_err(|_| ReadError)?;
        let Self { tree, path, directory, stage, .. } = self;
        let Stage::Sorted(names, asked) = stage else { return Err(ReadError) };
        while let Some((name, row)) = names.at(*asked) {
            *asked = asked.saturating_add(1);
            let Row { is_directory, is_link, .. } = row;
            let found = if is_link {
                follow(tree, &path.join(as_path(name)))
            } else {
                let stat = statat(&*directory, name, AtFlags::SYMLINK_NOFOLLOW).ok();
                stat.map(|stat| {
                    let seen = Seen::of(&stat);
                    (is_directory, seen.len(), seen.modified())
                })
            };
            // What is gone meanwhile is left out.
            if let Some((is_directory, len, modified)) = found {
                return Ok(Some(Entry { name, is_directory, is_link, len, modified }));
            }
        }
        // When all of it is gone, the page must not look whole.
        if is_gone(directory) { Err(ReadError) } else { Ok(None) }
    }
}

/// Whether a directory was removed: it can still be read then, and seems to be empty.
fn is_gone(directory: &fs::File) -> bool {
    fstat(directory).is_ok_and(|stat| stat.st_nlink == 0)
}

/// What is known of what a link leads to: whether it is a directory, its length, and when it was
/// changed.
fn follow(tree: &Tree, path: &FsPath) -> Option<(bool, u64, Option<UnixTime>)> {
    let seen = tree.look(path).ok().filter(|_| !tree.is_apart(path))?;
    match seen.kind {
        Kind::File => Some((false, seen.len(), seen.modified())),
        Kind::Directory => Some((true, 0, None)),
        Kind::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::folder::tree::Rules;

    #[test]
    fn those_who_list_a_large_directory_share_its_names() -> io::Result<()> {
        let place = tempfile::TempDir::with_prefix("thimble-")?;
        for number in 0..=SMALL {
            fs::write(place.path().join(number.to_string()), "")?;
        }
        let (tree, listings) =
            (Arc::new(Tree::open(place.path(), Rules::default())?), Arc::default());
        let listed = || {
            let mut entries = FolderEntries::open(&tree, &listings, FsPath::new(".")).ok()?;
            while entries.stamp().is_none() {
                thread::sleep(Duration::from_millis(10));
            }
            let is_small = entries.read_few().ok()?;
            entries.read_all().ok()?;
            match entries.stage {
                Stage::Sorted(names, 0) if !is_small => Some(names),
                _ => None,
            }
        };
        let (Some(first), Some(second)) = (listed(), listed()) else {
            return Err(io::Error::other("not listed"));
        };
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(first.count(), SMALL + 1);

        // Not once it has changed.
        fs::remove_file(place.path().join("0"))?;
        let third = listed().ok_or_else(|| io::Error::other("not listed"))?;
        assert_eq!(third.count(), SMALL);
        Ok(())
    }
}
