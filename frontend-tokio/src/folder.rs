//! A folder whose disk never holds up the runtime.

mod listed;

use std::any::Any;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path as FsPath;
use std::sync::Arc;

use rustix::io::{Errno, ReadWriteFlags, preadv2};
use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::server::{Error, Stream, Transport};
use thimble_core::service::storage::{File, Metadata, Node, OpenError, ReadError, Storage};
use thimble_host::{block_on, folder, send};
use tokio::task::yield_now;

use crate::elsewhere::elsewhere;

pub use listed::Listed;

/// Octets that are read at a time by a thread that may wait.
const READ: usize = 256 * 1024;

/// A [`thimble_host::Folder`] for asynchronous runtimes.
///
/// Anything that may wait for a disk runs on the runtime's blocking threads. What is in memory needs no other
/// thread: a file that was opened lately costs a stat, and reads are first tried without waiting
/// (`RWF_NOWAIT`). Directories are always listed by another thread, some entries at a time; large ones are
/// read one after the other.
#[derive(Clone, Debug)]
pub struct Folder(Arc<folder::Folder>);

impl Folder {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// `path` is missing, is not a folder, or may not be searched.
    pub fn open(path: impl AsRef<FsPath>) -> io::Result<Self> {
        folder::Folder::open(path).map(Self::from)
    }
}

impl From<folder::Folder> for Folder {
    fn from(folder: folder::Folder) -> Self {
        Self(Arc::new(folder))
    }
}

impl Storage for Folder {
    type File = OpenFile;
    type Entries = Listed;

    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<OpenFile>, OpenError> {
        let name = self.0.name(path, coding);
        if name.is_root() {
            return Ok(Node::Directory);
        }
        if let Some(file) = self.0.open_cached(&name) {
            return Ok(Node::File(OpenFile(file)));
        }
        let folder = Arc::clone(&self.0);
        let opened = elsewhere(move || folder.open_named(&name));
        match opened.await.map_err(|_| OpenError::Failed)?? {
            Node::File(file) => Ok(Node::File(OpenFile(file))),
            Node::Directory => Ok(Node::Directory),
        }
    }

    async fn list(&self, path: &Path<'_>) -> Result<Listed, OpenError> {
        let (folder, name) = (Arc::clone(&self.0), self.0.name(path, Coding::Identity));
        let opened = elsewhere(move || folder.list_named(&name));
        let entries = opened.await.map_err(|_| OpenError::Failed)??;
        Ok(Listed::new(entries))
    }
}

/// A file that was opened beneath a [`Folder`].
#[derive(Clone, Debug)]
pub struct OpenFile(folder::OpenFile);

impl OpenFile {
    /// The file itself; none if it is small.
    pub(crate) fn file(&self) -> Option<&std::fs::File> {
        self.0.file()
    }

    /// [`bring_into_memory`] for all of it; it is not asked again for a while. Returns where its
    /// octets are.
    pub(crate) async fn bring_into_memory(&self) -> io::Result<Range<u64>> {
        let whole = 0..self.metadata().len;
        if let Some(file) = self.file().filter(|_| !self.0.is_in_memory()) {
            bring_into_memory(file, whole.clone()).await?;
            self.0.found_in_memory();
        }
        Ok(whole)
    }
}

impl File for OpenFile {
    fn metadata(&self) -> Metadata<'_> {
        self.0.metadata()
    }

    fn has_length(&self) -> bool {
        self.0.has_length()
    }

    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.0.file().map(|_| self as _)
    }

    async fn send_to_end<T: Transport>(
        &self,
        stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
        folder::send_to_end(self, stream).await
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let Some(file) = self.0.file() else { return self.0.read_at(offset, buffer).await };
        // Otherwise it has to wait for the disk, the system can't say, or reading fails: then the thread
        // below fails, too, and tells the log.
        if let Ok(count) = read_now(file, offset, buffer) {
            // All of a large file may be in memory: between two pieces others have their turn.
            if offset > 0 {
                yield_now().await;
            }
            return Ok(count);
        }
        let (file, most) = (self.0.clone(), buffer.len().min(READ));
        let read = elsewhere(move || {
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
pub(crate) async fn bring_into_memory(file: &std::fs::File, octets: Range<u64>) -> io::Result<()> {
    let Range { start, end } = octets;
    let last = end.saturating_sub(1).max(start);
    if !matches!(read_now(file, last, &mut [0]), Err(Errno::AGAIN)) {
        return Ok(());
    }
    let file = file.try_clone()?;
    let reading = elsewhere(move || {
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
