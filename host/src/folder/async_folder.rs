//! A folder whose disk holds nobody up.

mod entries;

use std::any::Any;
use std::io::{self, IoSliceMut};
use std::marker::PhantomData;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path as FsPath;
use std::sync::Arc;

use rustix::io::{Errno, ReadWriteFlags, preadv2};
use thimble_core::semantics::negotiate::Coding;
#[cfg(feature = "compress")]
use thimble_core::semantics::negotiate::Codings;
use thimble_core::semantics::path::Path;
use thimble_core::server::{Error, Stream, Transport};
use thimble_core::service::storage::{File, Metadata, Node, OpenError, ReadError, Storage};

use crate::nonblocking::Elsewhere;
use crate::{block_on, folder, send};

pub use entries::AsyncEntries;

/// Octets that are read at a time by a thread that may wait.
const READ: usize = 256 * 1024;

/// A [`Folder`](folder::Folder) for servers that must never wait for a disk.
///
/// Anything that may wait for one runs on a thread of `E`. What is in memory needs no other
/// thread: a file that was opened lately costs a stat, and reads are first tried without waiting
/// (`RWF_NOWAIT`). Directories are always listed by another thread, some entries at a time; large ones are
/// read one after the other.
#[derive(Debug)]
pub struct AsyncFolder<E>(Arc<folder::Folder>, PhantomData<E>);

impl<E> Clone for AsyncFolder<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<E> AsyncFolder<E> {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// `path` is missing, is not a folder, or may not be searched.
    pub fn open(path: impl AsRef<FsPath>) -> io::Result<Self> {
        folder::Folder::open(path).map(Self::from)
    }
}

impl<E> From<folder::Folder> for AsyncFolder<E> {
    fn from(folder: folder::Folder) -> Self {
        Self(Arc::new(folder), PhantomData)
    }
}

impl<E: Elsewhere> Storage for AsyncFolder<E> {
    type File = AsyncFile<E>;
    type Entries = AsyncEntries<E>;

    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<AsyncFile<E>>, OpenError> {
        let name = self.0.name(path, coding);
        if name.is_root() {
            return Ok(Node::Directory);
        }
        if let Some(file) = self.0.open_cached(&name) {
            return Ok(Node::File(AsyncFile(file, PhantomData)));
        }
        let folder = Arc::clone(&self.0);
        let opened = E::run(move || folder.open_named(&name));
        match opened.await.map_err(|_| OpenError::Failed)?? {
            Node::File(file) => Ok(Node::File(AsyncFile(file, PhantomData))),
            Node::Directory => Ok(Node::Directory),
        }
    }

    async fn list(&self, path: &Path<'_>) -> Result<AsyncEntries<E>, OpenError> {
        let (folder, name) = (Arc::clone(&self.0), self.0.name(path, Coding::Identity));
        let opened = E::run(move || folder.list_named(&name));
        let entries = opened.await.map_err(|_| OpenError::Failed)??;
        Ok(AsyncEntries::new(entries))
    }
}

/// A file that was opened beneath an [`AsyncFolder`].
#[derive(Debug)]
pub struct AsyncFile<E>(folder::OpenFile, PhantomData<E>);

impl<E> Clone for AsyncFile<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<E: Elsewhere> AsyncFile<E> {
    /// The file itself; none if it is small.
    pub(crate) fn file(&self) -> Option<&std::fs::File> {
        self.0.file()
    }

    /// [`bring_into_memory`] for all of it; it is not asked again for a while. Returns where its
    /// octets are.
    pub(crate) async fn bring_into_memory(&self) -> io::Result<Range<u64>> {
        let whole = 0..self.metadata().len;
        if let Some(file) = self.file().filter(|_| !self.0.is_in_memory()) {
            bring_into_memory::<E>(file, whole.clone()).await?;
            self.0.found_in_memory();
        }
        Ok(whole)
    }
}

impl<E: Elsewhere> File for AsyncFile<E> {
    fn metadata(&self) -> Metadata<'_> {
        self.0.metadata()
    }

    fn has_length(&self) -> bool {
        self.0.has_length()
    }

    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.0.file().map(|_| self as _)
    }

    #[cfg(feature = "compress")]
    fn made_codings(&self) -> Codings {
        self.0.made_codings()
    }

    #[cfg(feature = "compress")]
    async fn encode(&self, coding: Coding) -> Result<Self, OpenError> {
        let coded = self.0.coded(coding, |worker| E::leave(move || worker.work())).await;
        coded.map(|file| Self(file, PhantomData))
    }

    async fn send_to_end<T: Transport>(
        &self,
        stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
        folder::send_to_end(self, stream).await
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let Some(file) = self.0.file().filter(|_| !self.0.is_memory()) else {
            return self.0.read_at(offset, buffer).await;
        };
        // Otherwise it has to wait for the disk, the system can't say, or reading fails: then the thread
        // below fails, too, and tells the log.
        if let Ok(count) = read_now(file, offset, buffer) {
            // All of a large file may be in memory: between two pieces others have their turn.
            if offset > 0 {
                E::give_way().await;
            }
            return Ok(count);
        }
        let (file, most) = (self.0.clone(), buffer.len().min(READ));
        let read = E::run(move || {
            let mut octets = vec![0; most];
            let count = block_on(file.read_at(offset, &mut octets))?;
            octets.truncate(count);
            Ok(octets)
        });
        let octets = read.await.map_err(|_| ReadError)??;
        let to = buffer.get_mut(..octets.len()).ok_or(ReadError)?;
        to.copy_from_slice(&octets);
        Ok(octets.len())
    }
}

/// Reads what is in memory. [`Errno::AGAIN`] if nothing is, and others where the system or the file
/// system can't say.
fn read_now(file: &std::fs::File, offset: u64, buffer: &mut [u8]) -> rustix::io::Result<usize> {
    loop {
        let mut buffers = [IoSliceMut::new(buffer)];
        match preadv2(file, &mut buffers, offset, ReadWriteFlags::NOWAIT) {
            Err(Errno::INTR) => {}
            outcome => return outcome,
        }
    }
}

/// Sees to it that octets of a file can be sent without waiting for a disk, as far as one can know:
/// when the last of them is not in memory, another thread reads all of them first.
pub(crate) async fn bring_into_memory<E: Elsewhere>(
    file: &std::fs::File,
    octets: Range<u64>,
) -> io::Result<()> {
    let Range { start, end } = octets;
    let last = end.saturating_sub(1).max(start);
    if !matches!(read_now(file, last, &mut [0]), Err(Errno::AGAIN)) {
        return Ok(());
    }
    let file = file.try_clone()?;
    let reading = E::run(move || {
        let mut at = start;
        let mut octets = vec![0; send::PIECE];
        while at < end {
            match file.read_at(&mut octets, at) {
                Ok(count @ 1..) => at = at.saturating_add(count as u64),
                // The call that sends will see the same.
                Ok(_) | Err(_) => break,
            }
        }
    });
    reading.await
}
