//! An open file, which any number of connections may be sent at once.

use std::any::Any;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::Stat;
use thimble_core::grammar::date::UnixTime;
use thimble_core::grammar::etag::EntityTag;
use thimble_core::semantics::negotiate::{Coding, Codings};
use thimble_core::service::storage::{File, Metadata, ReadError};

use super::cache::{self, Stamp};
use super::{len, modified};
use crate::clock::moment;

/// A file that was opened beneath a [`Folder`](super::Folder).
#[derive(Clone, Debug)]
pub struct OpenFile {
    opened: Arc<Opened>,
    codings: Codings,
    /// It changes with the length, with the nanosecond of the last change of any kind, and when
    /// another file takes the place of this one.
    pub(super) etag: Option<[u8; 16]>,
}

/// What is known of an open file.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// None if it is small, and all of it is in `content`.
    pub(super) file: Option<fs::File>,
    pub(super) content: Box<[u8]>,
    pub(super) len: u64,
    pub(super) modified: Option<UnixTime>,
    /// When all of it was last found in memory, in seconds; zero if never.
    pub(super) in_memory: AtomicU64,
    /// A hash of its state, so that nobody is told which inodes there are. None while the next
    /// change may not show.
    pub(super) state: Option<u64>,
}

impl Opened {
    /// A file as it was found at `now` or later.
    pub(super) fn new(
        file: Option<fs::File>,
        content: Box<[u8]>,
        stat: &Stat,
        now: Duration,
    ) -> Self {
        let stamp = Stamp::of(stat);
        let state = (!stamp.is_ambiguous(now)).then(|| {
            let mut hasher = DefaultHasher::new();
            stamp.hash(&mut hasher);
            hasher.finish()
        });
        let in_memory = AtomicU64::new(0);
        Self { file, content, len: len(stat), modified: modified(stat), in_memory, state }
    }

    /// Octets and descriptors that it takes.
    pub(super) fn cost(&self) -> (usize, u64) {
        (self.content.len(), u64::from(self.file.is_some()))
    }
}

impl OpenFile {
    pub(super) fn new(opened: Arc<Opened>, coding: Coding, codings: Codings) -> Self {
        // The same file may stand in several codings, by links.
        let etag = opened.state.map(|state| hexadecimal(state ^ coding as u64));
        Self { opened, codings, etag }
    }

    /// Whether all of it was found in the system's memory a moment ago, by whoever said so.
    pub fn is_in_memory(&self) -> bool {
        cache::was_lately(self.opened.in_memory.load(Ordering::Relaxed))
    }

    /// Says that all of it is in the system's memory.
    pub fn found_in_memory(&self) {
        self.opened.in_memory.store(moment().as_secs(), Ordering::Relaxed);
    }

    /// The file itself; none if it is small, and reading it takes nothing from a disk.
    pub fn file(&self) -> Option<&fs::File> {
        self.opened.file.as_ref()
    }
}

fn hexadecimal(number: u64) -> [u8; 16] {
    let mut text = [0; 16];
    for (digits, octet) in text.as_chunks_mut::<2>().0.iter_mut().zip(number.to_be_bytes()) {
        let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
        *digits = [digit(octet >> 4), digit(octet & 0xf)];
    }
    text
}

impl File for OpenFile {
    fn metadata(&self) -> Metadata<'_> {
        Metadata {
            len: self.opened.len,
            modified: self.opened.modified,
            etag: self.etag.as_ref().map(|etag| EntityTag::strong(etag)),
            codings: self.codings,
        }
    }

    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.file().map(|file| file as _)
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let Some(file) = self.file() else {
            let content = usize::try_from(offset).ok().and_then(|at| self.opened.content.get(at..));
            let content = content.unwrap_or_default();
            let count = content.len().min(buffer.len());
            if let (Some(to), Some(from)) = (buffer.get_mut(..count), content.get(..count)) {
                to.copy_from_slice(from);
            }
            return Ok(count);
        };
        loop {
            match file.read_at(buffer, offset) {
                Ok(octets) => return Ok(octets),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(_) => return Err(ReadError),
            }
        }
    }
}
