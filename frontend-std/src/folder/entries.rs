//! The entries of a directory, sorted.

use std::fs;
use std::path::Path as FsPath;
use std::vec::IntoIter;

use rustix::fs::{AtFlags, Dir, FileType, statat};
use thimble_core::grammar::date::UnixTime;
use thimble_core::service::storage::{
    Entries, Entry, File as _, Metadata, Node, OpenError, ReadError, listing_order,
};

use super::{Folder, as_path, len, modified, open_error};

/// A directory beneath a [`Folder`] whose names were read and sorted.
///
/// A name takes its own length and eight octets; sizes and times are asked for one by one, but for
/// those of the few links.
#[derive(Debug)]
pub struct FolderEntries {
    directory: fs::File,
    /// All names, one after the other.
    names: Vec<u8>,
    rows: IntoIter<Row>,
    /// What links lead to, in the order of `start`.
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// Where the name stands among the names.
    start: u32,
    length: u16,
    is_directory: bool,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    start: u32,
    len: u64,
    modified: Option<UnixTime>,
}

impl Row {
    fn name(self, names: &[u8]) -> &[u8] {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        names.get(start..).and_then(|names| names.get(..self.length.into())).unwrap_or_default()
    }
}

impl FolderEntries {
    /// Reads the names in the directory at `path`.
    pub(super) fn read(folder: &Folder, path: &FsPath) -> Result<Self, OpenError> {
        let directory = folder.open_following(path)?;
        let (mut names, mut rows, mut links) = (Vec::new(), Vec::new(), Vec::new());
        let entries = Dir::read_from(&directory).map_err(|error| open_error(&error.into()))?;
        for entry in entries {
            let entry = entry.map_err(|error| open_error(&error.into()))?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
                kind => kind,
            };
            let (Ok(start), Ok(length)) = (u32::try_from(names.len()), u16::try_from(name.len()))
            else {
                return Err(OpenError::Failed);
            };
            let is_directory = match kind {
                FileType::RegularFile => false,
                FileType::Directory => true,
                FileType::Symlink => match folder.open_beneath(&path.join(as_path(name))) {
                    Ok(Node::File(file)) => {
                        let Metadata { len, modified, .. } = file.metadata();
                        links.push(Link { start, len, modified });
                        false
                    }
                    Ok(Node::Directory) => {
                        links.push(Link { start, len: 0, modified: None });
                        true
                    }
                    Err(_) => continue,
                },
                _ => continue,
            };
            names.extend_from_slice(name);
            rows.push(Row { start, length, is_directory });
        }
        rows.sort_unstable_by(|a, b| {
            let key = |row: &Row| (row.is_directory, row.name(&names));
            listing_order(key(a), key(b))
        });
        Ok(Self { directory, names, rows: rows.into_iter(), links })
    }
}

impl Entries for FolderEntries {
    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        for row in self.rows.by_ref() {
            let Row { start, is_directory, .. } = row;
            let name = row.name(&self.names);
            if let Ok(index) = self.links.binary_search_by_key(&start, |link| link.start)
                && let Some(&Link { len, modified, .. }) = self.links.get(index)
            {
                return Ok(Some(Entry { name, is_directory, is_link: true, len, modified }));
            }
            // What is gone meanwhile is left out.
            if let Ok(stat) = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                let (len, modified) = (len(&stat), modified(&stat));
                return Ok(Some(Entry { name, is_directory, is_link: false, len, modified }));
            }
        }
        Ok(None)
    }
}
