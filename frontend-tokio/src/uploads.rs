//! Files that come with forms, kept in a folder whose disk never holds up the runtime.

use std::mem;

use thimble_core::message::{Refusal, Status};
use thimble_core::service;
use thimble_host::uploads;
use tokio::runtime::Handle;

use crate::elsewhere::elsewhere;

/// Octets that are gathered for a thread that may wait: to hand them over costs about as much as to copy
/// a tenth of them.
const PIECE: usize = 256 * 1024;

const LOST: &Refusal = &Refusal::new(Status::INSUFFICIENT_STORAGE, "the file can't be kept");

/// A [`thimble_host::UploadFolder`] for asynchronous runtimes: all that may wait for a disk runs on the
/// runtime's blocking threads.
#[derive(Clone, Debug)]
pub struct UploadFolder(uploads::UploadFolder);

impl From<uploads::UploadFolder> for UploadFolder {
    fn from(folder: uploads::UploadFolder) -> Self {
        Self(folder)
    }
}

/// The files of one form, in a folder.
#[derive(Debug)]
pub struct Batch {
    /// Away while another thread works on it.
    batch: Option<uploads::Batch>,
    /// Octets that are to be written.
    gathered: Vec<u8>,
}

impl Batch {
    /// Does `work` with all that was gathered, on a thread that may wait.
    async fn do_elsewhere(
        &mut self,
        work: impl FnOnce(&mut uploads::Batch) -> Result<(), &'static Refusal> + Send + 'static,
    ) -> Result<(), &'static Refusal> {
        let Some(mut batch) = self.batch.take() else { return Err(LOST) };
        let mut gathered = mem::take(&mut self.gathered);
        let done = elsewhere(move || {
            let written = if gathered.is_empty() { Ok(()) } else { batch.write_now(&gathered) };
            let outcome = written.and_then(|()| work(&mut batch));
            gathered.clear();
            (batch, gathered, outcome)
        });
        let (batch, gathered, outcome) = done.await.map_err(|_| LOST)?;
        (self.batch, self.gathered) = (Some(batch), gathered);
        outcome
    }
}

impl service::Uploads for UploadFolder {
    type Batch = Batch;

    fn begin(&self) -> Option<Batch> {
        Some(Batch { batch: Some(self.0.batch()), gathered: Vec::new() })
    }

    fn folder(&self) -> Option<&[u8]> {
        self.0.folder()
    }
}

impl service::Batch for Batch {
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
        self.do_elsewhere(uploads::Batch::keep_now).await
    }

    fn names(&self) -> &str {
        self.batch.as_ref().map_or("", uploads::Batch::names)
    }

    fn accept(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.accept();
        }
    }

    async fn discard(&mut self) {
        self.gathered.clear();
        let discard = |batch: &mut uploads::Batch| {
            batch.discard_now();
            Ok(())
        };
        // Where another thread has lost it, nothing is left.
        let _ = self.do_elsewhere(discard).await;
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // To remove files may take a while, too.
        if let (Some(batch), Ok(runtime)) = (self.batch.take(), Handle::try_current()) {
            drop(runtime.spawn_blocking(move || drop(batch)));
        }
    }
}
