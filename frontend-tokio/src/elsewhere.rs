//! Work that may have to wait for a disk.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use thimble_host::contain::dispose;
use tokio::task::spawn_blocking;

/// Does `work` on one of the runtime's threads that may wait. When there are none and the system
/// gives none, it is done here, and others wait for it.
///
/// # Errors
/// It panicked, or the runtime ends.
pub(crate) async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let here = Arc::new(Mutex::new(Some(work)));
    let there = Arc::clone(&here);
    // tokio panics when it can't have its first such thread.
    let spawn = AssertUnwindSafe(|| spawn_blocking(move || do_once(&there)));
    let done = match catch_unwind(spawn) {
        Ok(working) => working.await.map_err(io::Error::other)?,
        Err(payload) => {
            dispose(payload);
            do_once(&here)
        }
    };
    done.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Does the work, unless somebody else has.
fn do_once<T>(work: &Mutex<Option<impl FnOnce() -> T>>) -> Option<T> {
    let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
    work.map(|work| work())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_once() {
        let work = Mutex::new(Some(|| 42));
        assert_eq!((do_once(&work), do_once(&work)), (Some(42), None));
    }

    #[test]
    fn a_panic_is_an_error() -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        assert_eq!(runtime.block_on(elsewhere(|| 42)).ok(), Some(42));
        assert!(runtime.block_on(elsewhere(|| panic!("as the test asked"))).is_err());
        Ok(())
    }
}
