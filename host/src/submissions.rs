//! Submitted forms, kept in memory.

use std::sync::{Mutex, PoisonError};

use thimble_core::service::{Ring, Submission, Submissions};

/// The latest submissions, as many as fit 64 KiB, for all workers.
#[derive(Debug, Default)]
pub struct Kept(Option<Box<Mutex<Ring<{ 64 * 1024 }>>>>);

impl Kept {
    /// Keeps the latest.
    pub fn latest() -> Self {
        Self(Some(Box::default()))
    }

    /// Keeps none, and takes no memory.
    pub const fn none() -> Self {
        Self(None)
    }
}

impl Submissions for Kept {
    fn submit(&self, submission: &Submission<'_>) {
        if let Some(ring) = &self.0 {
            ring.lock().unwrap_or_else(PoisonError::into_inner).push(submission);
        }
    }

    fn recall(&self, age: usize, buffer: &mut [u8]) -> Option<usize> {
        self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).recall(age, buffer)
    }
}
