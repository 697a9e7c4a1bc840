//! An open file, shared by the connections that send it.

use std::any::Any;
#[cfg(feature = "compress")]
use std::borrow::Cow;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thimble_core::grammar::date::UnixTime;
use thimble_core::grammar::etag::EntityTag;
use thimble_core::semantics::negotiate::{Coding, Codings};
use thimble_core::server::{Error, Stream, Transport};
#[cfg(feature = "compress")]
use thimble_core::service::storage::OpenError;
use thimble_core::service::storage::{File, Metadata, ReadError};

use super::cache::{self, Stamp};
#[cfg(feature = "compress")]
use super::compress::{self, MemoryFile, Source, Worker};
use super::links::Told;
use super::made;
#[cfg(feature = "compress")]
use super::read_all;
use crate::clock::moment;

/// Octets that are read at a time of a file whose length isn't known.
const READ: usize = 16 * 1024;

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
    /// None if only reading it tells.
    len: Option<u64>,
    modified: Option<UnixTime>,
    /// When all of it was last found in memory, in seconds; zero if never.
    in_memory: AtomicU64,
    /// A hash of its state, so that nobody is told which inodes there are. None while the next
    /// change may not show.
    state: Option<u64>,
    /// What it comes to as the tag of the file as it is, which most replies have.
    tag: Option<[u8; 16]>,
    /// Where the log is told that reading it failed, and its path.
    failures: Option<(Arc<Told>, PathBuf)>,
    /// What puts it into codings in which it doesn't stand.
    #[cfg(feature = "compress")]
    source: Option<Source>,
    /// The place of its file among those in memory.
    #[cfg(feature = "compress")]
    #[expect(dead_code, reason = "whoever drops it gives the place back")]
    held: Option<Arc<()>>,
}

/// When a file that stands nowhere else was last found in memory.
const ALWAYS: u64 = u64::MAX;

impl Opened {
    /// A file as it was found at `now` or later.
    pub(super) fn new(
        file: Option<fs::File>,
        content: Box<[u8]>,
        stamp: &Stamp,
        now: Duration,
    ) -> Self {
        let state = stamp.shows_later_changes(now).then(|| hash(stamp));
        // Without a tag, a client asks by this alone.
        let is_told = state.is_some() || stamp.shows_later_content(now);
        let modified = stamp.modified().filter(|_| is_told);
        let len = Some(stamp.len());
        Self { file, content, len, modified, ..Self::default() }.in_state(state)
    }

    /// A file that the system makes as it is read: what tells its states apart is what is in it.
    ///
    /// # Errors
    /// It can't be read.
    pub(super) fn made(file: fs::File, stamp: &Stamp) -> io::Result<Self> {
        let Some(content) = made::read(&file)? else {
            return Ok(Self { file: Some(file), ..Self::default() });
        };
        let len = Some(content.len() as u64);
        // That of one that is empty, as it says, may be right; of others it is when they were first
        // looked at.
        let modified = stamp.modified().filter(|_| content.is_empty() && stamp.size == 0);
        let state = Some(hash(&content));
        Ok(Self { content, len, modified, ..Self::default() }.in_state(state))
    }

    fn in_state(self, state: Option<u64>) -> Self {
        let tag = state.map(|state| tag(state, Coding::Identity));
        Self { state, tag, ..self }
    }

    /// Tells `told` when reading the file at `path` fails.
    pub(super) fn telling(self, told: &Arc<Told>, path: &Path) -> Self {
        let is_read = self.file.is_some() && told.is_written();
        Self { failures: is_read.then(|| (Arc::clone(told), path.to_owned())), ..self }
    }

    /// What is put into other codings by `source`.
    #[cfg(feature = "compress")]
    pub(super) fn with_source(self, source: Source) -> Self {
        Self { source: Some(source), ..self }
    }

    /// What puts it into other codings.
    #[cfg(feature = "compress")]
    pub(super) const fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// The hash of its state, if any later change will show.
    #[cfg(feature = "compress")]
    pub(super) const fn state(&self) -> Option<u64> {
        self.state
    }

    /// All of it, if it is still the file that had this stamp.
    #[cfg(feature = "compress")]
    pub(super) fn read(&self, stamp: &Stamp) -> Option<Cow<'_, [u8]>> {
        match &self.file {
            Some(file) => read_all(file, stamp, u64::MAX).map(|content| content.into_vec().into()),
            None => Some(Cow::Borrowed(&self.content)),
        }
    }

    /// This file in `coding`, as `made`. Its tag says what is in it, too: whatever codes it otherwise, as
    /// another version of a library may, has another one.
    #[cfg(feature = "compress")]
    pub(super) fn coded(&self, coding: Coding, made: Box<[u8]>, file: Option<MemoryFile>) -> Self {
        let tag = self.state.map(|state| hexadecimal(hash(&(state, coding as u8, &made))));
        let (len, modified) = (Some(made.len() as u64), self.modified);
        let (content, file, held) = match file {
            Some(MemoryFile { file, held }) => (Box::default(), Some(file), Some(held)),
            None => (made, None, None),
        };
        let in_memory = AtomicU64::new(ALWAYS);
        Self { file, content, len, modified, in_memory, tag, held, ..Self::default() }
    }

    /// Its length in octets, as far as that is known.
    #[cfg(feature = "compress")]
    pub(super) fn len(&self) -> u64 {
        self.len.unwrap_or_default()
    }

    /// Octets and descriptors that it takes.
    pub(super) fn cost(&self) -> (usize, u64) {
        (self.content.len(), u64::from(self.file.is_some()))
    }
}

impl OpenFile {
    pub(super) fn new(opened: Arc<Opened>, coding: Coding, codings: Codings) -> Self {
        let etag = match coding {
            Coding::Identity => opened.tag,
            coding => opened.state.map(|state| tag(state, coding)),
        };
        Self { opened, codings, etag }
    }

    /// This file in `coding`, kept or made by who `hand_over` gives the work to.
    #[cfg(feature = "compress")]
    pub(super) async fn coded(
        &self,
        coding: Coding,
        hand_over: impl FnOnce(Worker),
    ) -> Result<Self, OpenError> {
        let coded = compress::coded(&self.opened, coding, hand_over).await;
        let opened = coded.ok_or(OpenError::NotFound)?;
        Ok(Self { etag: opened.tag, opened, codings: Codings::NONE })
    }

    /// What it shares with others that opened it.
    #[cfg(all(test, feature = "gzip"))]
    pub(super) const fn opened(&self) -> &Arc<Opened> {
        &self.opened
    }

    /// Whether its file is memory, so that nobody ever waits for a disk.
    pub(super) fn is_memory(&self) -> bool {
        self.opened.in_memory.load(Ordering::Relaxed) == ALWAYS
    }

    /// Whether [`found_in_memory`](Self::found_in_memory) was called in the last 10 seconds.
    pub fn is_in_memory(&self) -> bool {
        cache::was_lately(self.opened.in_memory.load(Ordering::Relaxed))
    }

    /// Records that all of the file is in the system's memory now.
    pub fn found_in_memory(&self) {
        self.opened.in_memory.store(moment().as_secs(), Ordering::Relaxed);
    }

    /// The open file; `None` if it is small and its content is in memory.
    pub fn file(&self) -> Option<&fs::File> {
        self.opened.file.as_ref()
    }
}

/// Sends a file whose length isn't known, up to where reading it ends.
///
/// # Errors
/// [`Error::Cut`] if it can't be read, and those of the transport.
pub async fn send_to_end<T: Transport>(
    file: &impl File,
    stream: &mut Stream<'_, T>,
) -> Result<(), Error<T::Error>> {
    let mut piece = vec![0; READ];
    let mut offset = 0;
    loop {
        let count = file.read_at(offset, &mut piece).await.map_err(|_| Error::Cut)?;
        if count == 0 {
            return Ok(());
        }
        stream.queue(piece.get(..count).unwrap_or_default()).await?;
        offset += count as u64;
    }
}

fn hash(state: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// The entity tag. The same file may stand in several codings, by links.
fn tag(state: u64, coding: Coding) -> [u8; 16] {
    hexadecimal(state ^ coding as u64)
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
            len: self.opened.len.unwrap_or_default(),
            modified: self.opened.modified,
            etag: self.etag.as_ref().map(|etag| EntityTag::strong(etag)),
            codings: self.codings,
        }
    }

    fn has_length(&self) -> bool {
        self.opened.len.is_some()
    }

    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.file().map(|file| file as _)
    }

    #[cfg(feature = "compress")]
    fn made_codings(&self) -> Codings {
        self.opened.source.as_ref().map_or(Codings::NONE, Source::codings)
    }

    #[cfg(feature = "compress")]
    async fn encode(&self, coding: Coding) -> Result<Self, OpenError> {
        self.coded(coding, Worker::work_aside).await
    }

    async fn send_to_end<T: Transport>(
        &self,
        stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
        send_to_end(self, stream).await
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
                Err(error) => {
                    if let Some((told, path)) = &self.opened.failures {
                        told.tell_of_failure(path, &error);
                    }
                    return Err(ReadError);
                }
            }
        }
    }
}
