//! Files that come with forms, kept in a folder whose disk holds nobody up.

use std::marker::PhantomData;
use std::mem;

use thimble_core::message::Refusal;
use thimble_core::service;

use super::{Batch, FAILED, UploadFolder};
use crate::nonblocking::Elsewhere;

/// Octets that are gathered for a thread that may wait: to hand them over costs about as much as to copy
/// a tenth of them.
const PIECE: usize = 256 * 1024;

/// An [`UploadFolder`] for servers that must never wait for a disk: all that may wait for one runs on a
/// thread of `E`.
#[derive(Debug)]
pub struct AsyncUploadFolder<E>(UploadFolder, PhantomData<E>);

impl<E> Clone for AsyncUploadFolder<E> {
    fn clone(&self) -> Self {
        self.0.clone().into()
    }
}

impl<E> From<UploadFolder> for AsyncUploadFolder<E> {
    fn from(folder: UploadFolder) -> Self {
        Self(folder, PhantomData)
    }
}

/// The files of one form, in an [`AsyncUploadFolder`].
#[derive(Debug)]
pub struct AsyncBatch<E: Elsewhere> {
    /// Away while another thread works on it.
    batch: Option<Batch>,
    /// Octets that are to be written.
    gathered: Vec<u8>,
    elsewhere: PhantomData<E>,
}

impl<E: Elsewhere> AsyncBatch<E> {
    /// Does `work` with all that was gathered, on a thread that may wait.
    async fn do_elsewhere(
        &mut self,
        work: impl FnOnce(&mut Batch) -> Result<(), &'static Refusal> + Send + 'static,
    ) -> Result<(), &'static Refusal> {
        let Some(mut batch) = self.batch.take() else { return Err(FAILED) };
        let mut gathered = mem::take(&mut self.gathered);
        let done = E::run(move || {
            let written = if gathered.is_empty() { Ok(()) } else { batch.write_now(&gathered) };
            let outcome = written.and_then(|()| work(&mut batch));
            gathered.clear();
            (batch, gathered, outcome)
        });
        let (batch, gathered, outcome) = done.await.map_err(|_| FAILED)?;
        (self.batch, self.gathered) = (Some(batch), gathered);
        outcome
    }
}

impl<E: Elsewhere> service::Uploads for AsyncUploadFolder<E> {
    type Keeps = service::Present;

    type Batch = AsyncBatch<E>;

    fn begin(&self) -> Option<AsyncBatch<E>> {
        let (batch, gathered) = (Some(self.0.batch()), Vec::new());
        Some(AsyncBatch { batch, gathered, elsewhere: PhantomData })
    }

    fn folder(&self) -> Option<&[u8]> {
        self.0.folder()
    }
}

impl<E: Elsewhere> service::Batch for AsyncBatch<E> {
    async fn create(&mut self, filename: &str) -> Result<(), &'static Refusal> {
        let filename = filename.to_owned();
        self.do_elsewhere(move |batch| batch.create_now(&filename)).await
    }

    async fn write(&mut self, mut octets: &[u8]) -> Result<(), &'static Refusal> {
        while let Some(room) = PIECE.checked_sub(self.gathered.len())
            && let Some((now, later)) = octets.split_at_checked(room)
        {
            self.gathered.extend_from_slice(now);
            octets = later;
            self.do_elsewhere(|_| Ok(())).await?;
        }
        self.gathered.extend_from_slice(octets);
        Ok(())
    }

    async fn keep(&mut self) -> Result<(), &'static Refusal> {
        self.do_elsewhere(Batch::keep_now).await
    }

    fn names(&self) -> &str {
        self.batch.as_ref().map_or("", Batch::names)
    }

    fn accept(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.accept();
        }
    }

    async fn discard(&mut self) {
        self.gathered.clear();
        let discard = |batch: &mut Batch| {
            batch.discard_now();
            Ok(())
        };
        // Where another thread has lost it, nothing is left.
        let _ = self.do_elsewhere(discard).await;
    }
}

impl<E: Elsewhere> Drop for AsyncBatch<E> {
    fn drop(&mut self) {
        // To remove files may take a while, too.
        if let Some(batch) = self.batch.take() {
            E::leave(move || drop(batch));
        }
    }
}
