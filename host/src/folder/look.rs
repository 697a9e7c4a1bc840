//! Looks at what stands at a path without opening it: to open a FIFO wakes a writer that waits for it, and to
//! open a device may do anything.

use cap_std::fs::{Metadata, MetadataExt as _};
use rustix::fs::{FileType, Stat};
use thimble_core::grammar::date::UnixTime;

use super::cache::Stamp;

/// What was seen at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) kind: Kind,
    pub(super) stamp: Stamp,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// A FIFO, socket or device: nothing that is served.
    Other,
}

impl Seen {
    pub(super) fn of(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            _ => Kind::Other,
        };
        Self { kind, stamp: Stamp::of(stat) }
    }

    /// Octets of a file.
    pub(super) fn len(&self) -> u64 {
        self.stamp.len()
    }

    /// When it was last changed.
    pub(super) fn modified(&self) -> Option<UnixTime> {
        self.stamp.modified()
    }
}

impl From<&Metadata> for Seen {
    fn from(metadata: &Metadata) -> Self {
        let kind = match metadata {
            _ if metadata.is_file() => Kind::File,
            _ if metadata.is_dir() => Kind::Directory,
            _ => Kind::Other,
        };
        let nanoseconds = |nanoseconds| u64::try_from(nanoseconds).unwrap_or_default();
        let stamp = Stamp {
            identity: (metadata.dev(), metadata.ino()),
            size: i64::try_from(metadata.size()).unwrap_or(i64::MAX),
            modified: (metadata.mtime(), nanoseconds(metadata.mtime_nsec())),
            changed: (metadata.ctime(), nanoseconds(metadata.ctime_nsec())),
        };
        Self { kind, stamp }
    }
}
