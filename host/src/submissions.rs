//! Submitted forms, kept in memory.

use std::sync::{Mutex, PoisonError};

use thimble_core::message::Refusal;
use thimble_core::service::{ReadError, Recall, Recalled, Ring, Submission, Submissions};

/// Octets for all of them.
const SIZE: usize = 64 * 1024;

/// The latest submitted forms, as many as fit 64 KiB. All threads share them.
#[derive(Debug, Default)]
pub struct MemoryStore(Option<Box<Mutex<Ring<SIZE>>>>);

impl MemoryStore {
    /// Keeps the latest forms; the oldest give way.
    pub fn latest() -> Self {
        Self(Some(Box::default()))
    }

    /// Keeps no forms, and takes no memory.
    pub const fn none() -> Self {
        Self(None)
    }
}

impl Submissions for MemoryStore {
    async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal> {
        let Some(ring) = &self.0 else { return Ok(()) };
        let push = |submission: &Submission<'_>| {
            ring.lock().unwrap_or_else(PoisonError::into_inner).push(submission);
        };
        if submission.kept.is_empty() {
            push(submission);
            return Ok(());
        }
        // Files are shown by the names under which they are kept.
        let mut buffer = vec![0; SIZE];
        let mut named = Recalled::new(&mut buffer);
        for (field, kept) in submission.fields() {
            match field.file {
                Some(file) => {
                    let name = kept.unwrap_or(field.value);
                    named.file(field.name, name, file.content_type, file.size);
                }
                None => named.field(field.name, field.value),
            }
        }
        let mut submission = *submission;
        submission.form = named.fields();
        push(&submission);
        Ok(())
    }
}

impl Recall for MemoryStore {
    async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError> {
        let Some(ring) = &self.0 else { return Ok(false) };
        Ok(ring.lock().unwrap_or_else(PoisonError::into_inner).recall(age, into))
    }
}
