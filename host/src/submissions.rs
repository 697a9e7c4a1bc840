//! Submitted forms, kept in memory.

use std::sync::{Mutex, PoisonError};

use thimble_core::message::Refusal;
use thimble_core::service::{ReadError, Recall, Recalled, Ring, Submission, Submissions};

/// The latest submitted forms, as many as fit 64 KiB. All threads share them.
#[derive(Debug, Default)]
pub struct MemoryStore(Option<Box<Mutex<Ring<{ 64 * 1024 }>>>>);

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
        if let Some(ring) = &self.0 {
            ring.lock().unwrap_or_else(PoisonError::into_inner).push(submission);
        }
        Ok(())
    }
}

impl Recall for MemoryStore {
    async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError> {
        let Some(ring) = &self.0 else { return Ok(false) };
        Ok(ring.lock().unwrap_or_else(PoisonError::into_inner).recall(age, into))
    }
}
