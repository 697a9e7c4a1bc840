//! The entries of a directory, sorted.

use std::fs;
use std::io;
use std::path::Path as FsPath;

use rustix::fs::{AtFlags, Dir, FileType, statat};
use thimble_core::grammar::date::UnixTime;
use thimble_core::service::storage::{Entries, Entry, OpenError, ReadError, listing_order};

use super::look::{Kind, Seen};
use super::mapped::Mapped;
use super::tree::Tree;
use super::{as_path, open_error};

/// A directory beneath a [`Folder`](super::Folder) whose names were read and sorted.
///
/// A name takes its own length and eight octets; sizes and times are asked for one by one, but for
/// those of the few links.
#[derive(Debug)]
pub struct FolderEntries {
    directory: fs::File,
    /// All names, one after the other.
    names: Mapped,
    /// A [`Row`] for each, sorted.
    rows: Mapped,
    /// Rows that were read.
    read: usize,
    /// What links lead to, in the order of `start`.
    links: Vec<Link>,
}

/// Where a name stands among the names, and what it is the name of.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: u32,
    length: u16,
    is_directory: bool,
}

/// Octets of a row in memory.
const ROW: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Link {
    start: u32,
    len: u64,
    modified: Option<UnixTime>,
}

impl Row {
    fn to_bytes(self) -> [u8; ROW] {
        let Self { start, length, is_directory } = self;
        let packed = u64::from(start) | u64::from(length) << 32 | u64::from(is_directory) << 48;
        packed.to_le_bytes()
    }

    fn from_bytes(bytes: [u8; ROW]) -> Self {
        let packed = u64::from_le_bytes(bytes);
        Self {
            start: u32::try_from(packed & 0xffff_ffff).unwrap_or_default(),
            length: u16::try_from(packed >> 32 & 0xffff).unwrap_or_default(),
            is_directory: packed >> 48 != 0,
        }
    }

    fn name(self, names: &[u8]) -> &[u8] {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        names.get(start..).and_then(|names| names.get(..self.length.into())).unwrap_or_default()
    }
}

impl FolderEntries {
    /// Reads the names in the directory at `path`.
    pub(super) fn read(tree: &Tree, path: &FsPath) -> Result<Self, OpenError> {
        let failed = |error: io::Error| open_error(&error);
        let directory = tree.open_directory(path)?;
        let mut names = Mapped::new().map_err(failed)?;
        let mut rows = Mapped::new().map_err(failed)?;
        let mut links = Vec::new();
        for entry in Dir::read_from(&directory).map_err(|error| failed(error.into()))? {
            let entry = entry.map_err(|error| failed(error.into()))?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
                kind => kind,
            };
            let start = u32::try_from(names.as_slice().len()).map_err(|_| OpenError::Failed)?;
            let length = u16::try_from(name.len()).map_err(|_| OpenError::Failed)?;
            let is_directory = match kind {
                FileType::RegularFile => false,
                FileType::Directory => true,
                FileType::Symlink => {
                    let target = path.join(as_path(name));
                    match tree.look(&target) {
                        Ok(seen) if seen.kind == Kind::File => {
                            links.push(Link { start, len: seen.len(), modified: seen.modified() });
                            false
                        }
                        Ok(seen) if seen.kind == Kind::Directory => {
                            links.push(Link { start, len: 0, modified: None });
                            true
                        }
                        _ => {
                            tree.tell_of_links(&target);
                            continue;
                        }
                    }
                }
                _ => continue,
            };
            names.append(name).map_err(failed)?;
            rows.append(&Row { start, length, is_directory }.to_bytes()).map_err(failed)?;
        }
        let (records, _) = rows.as_mut_slice().as_chunks_mut::<ROW>();
        records.sort_unstable_by(|a, b| {
            let (a, b) = (Row::from_bytes(*a), Row::from_bytes(*b));
            let key = |row: Row| (row.is_directory, row.name(names.as_slice()));
            listing_order(key(a), key(b))
        });
        Ok(Self { directory, names, rows, read: 0, links })
    }
}

impl Entries for FolderEntries {
    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        let (records, _) = self.rows.as_slice().as_chunks::<ROW>();
        for record in records.iter().skip(self.read) {
            self.read += 1;
            let row = Row::from_bytes(*record);
            let Row { start, is_directory, .. } = row;
            let name = row.name(self.names.as_slice());
            if let Ok(index) = self.links.binary_search_by_key(&start, |link| link.start)
                && let Some(&Link { len, modified, .. }) = self.links.get(index)
            {
                return Ok(Some(Entry { name, is_directory, is_link: true, len, modified }));
            }
            // What is gone meanwhile is left out.
            if let Ok(stat) = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                let seen = Seen::of(&stat);
                let (len, modified) = (seen.len(), seen.modified());
                return Ok(Some(Entry { name, is_directory, is_link: false, len, modified }));
            }
        }
        Ok(None)
    }
}
