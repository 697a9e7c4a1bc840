//! A directory that is listed, some entries at a time.

use std::marker::PhantomData;
use std::vec;

use async_lock::Mutex;
use thimble_core::grammar::date::UnixTime;
use thimble_core::service::storage::{Entries, Entry, OpenError, ReadError};

use crate::block_on;
use crate::folder::FolderEntries;
use crate::nonblocking::Elsewhere;

/// Entries that a thread looks at before it is asked again.
const PIECE: usize = 128;

/// Large directories are read and sorted one after the other. Those that wait for that hold no
/// thread, since others need one for their files.
static TURN: Mutex<()> = Mutex::new(());

/// A directory that is listed, by threads that may wait for a disk.
#[derive(Debug)]
pub struct AsyncEntries<E> {
    /// Nothing while a thread has it, and at the end.
    entries: Option<FolderEntries>,
    piece: vec::IntoIter<OwnedEntry>,
    last: Option<OwnedEntry>,
    by: PhantomData<E>,
}

#[derive(Debug)]
struct OwnedEntry {
    name: Box<[u8]>,
    is_directory: bool,
    is_link: bool,
    len: u64,
    modified: Option<UnixTime>,
}

impl<E: Elsewhere> AsyncEntries<E> {
    pub(super) fn new(entries: FolderEntries) -> Self {
        Self { entries: Some(entries), piece: Vec::new().into_iter(), last: None, by: PhantomData }
    }

    /// Has another thread do something with the entries.
    async fn elsewhere<O: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut FolderEntries) -> Result<O, OpenError> + Send + 'static,
    ) -> Result<O, OpenError> {
        let mut entries = self.entries.take().ok_or(OpenError::Failed)?;
        let worked = E::run(move || work(&mut entries).map(|outcome| (outcome, entries)));
        let (outcome, entries) = worked.await.map_err(|_| OpenError::Failed)??;
        self.entries = Some(entries);
        Ok(outcome)
    }

    async fn look_at_more(&mut self) -> Result<(), OpenError> {
        let (piece, is_last) = self.elsewhere(look_at).await?;
        self.piece = piece.into_iter();
        if is_last {
            self.entries = None;
        }
        Ok(())
    }
}

/// The next entries, and whether there are no more.
fn look_at(entries: &mut FolderEntries) -> Result<(Vec<OwnedEntry>, bool), OpenError> {
    let mut piece = Vec::new();
    while piece.len() < PIECE {
        let Some(entry) = block_on(entries.next()).map_err(|_| OpenError::Failed)? else {
            return Ok((piece, true));
        };
        let Entry { name, is_directory, is_link, len, modified } = entry;
        piece.push(OwnedEntry { name: name.into(), is_directory, is_link, len, modified });
    }
    Ok((piece, false))
}

impl<E: Elsewhere> Entries for AsyncEntries<E> {
    async fn begin(&mut self) -> Result<(), OpenError> {
        let is_few = |entries: &mut FolderEntries| {
            if entries.read_few()? { look_at(entries).map(Some) } else { Ok(None) }
        };
        if let Some((piece, is_last)) = self.elsewhere(is_few).await? {
            self.piece = piece.into_iter();
            if is_last {
                self.entries = None;
            }
            return Ok(());
        }
        let _turn = TURN.lock().await;
        self.elsewhere(FolderEntries::read_all).await
    }

    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        self.last = self.piece.next();
        if self.last.is_none() && self.entries.is_some() {
            self.look_at_more().await.map_err(|_| ReadError)?;
            self.last = self.piece.next();
        }
        Ok(self.last.as_ref().map(|entry| {
            let OwnedEntry { name, is_directory, is_link, len, modified } = entry;
            let (is_directory, is_link) = (*is_directory, *is_link);
            Entry { name, is_directory, is_link, len: *len, modified: *modified }
        }))
    }
}
