//! Work that may have to wait for a disk.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use thimble_host::contain::attempt;
use thimble_host::listen::memory_is_scarce;
use thimble_host::nonblocking;
use tokio::runtime::Handle;
use tokio::task::{spawn_blocking, yield_now};

/// The runtime's threads that may wait.
#[derive(Debug)]
pub struct Elsewhere(());

impl nonblocking::Elsewhere for Elsewhere {
    async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        if memory_is_scarce() {
            return Ok(work());
        }
        let here = Arc::new(Mutex::new(Some(work)));
        let there = Arc::clone(&here);
        // tokio panics when it can't have its first such thread.
        let done = match attempt(|| spawn_blocking(move || do_once(&there))) {
            Ok(working) => working.await.map_err(io::Error::other)?,
            Err(_) => do_once(&here),
        };
        done.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn leave(work: impl FnOnce() + Send + 'static) {
        let here = Arc::new(Mutex::new(Some(work)));
        let there = Arc::clone(&here);
        let left = match Handle::try_current() {
            Ok(runtime) if !memory_is_scarce() => {
                attempt(|| drop(runtime.spawn_blocking(move || do_once(&there)))).is_ok()
            }
            _ => false,
        };
        if !left {
            do_once(&here);
        }
    }

    async fn give_way() {
        yield_now().await;
    }
}

/// Does the work, unless somebody else has.
fn do_once<T>(work: &Mutex<Option<impl FnOnce() -> T>>) -> Option<T> {
    let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
    work.map(|work| work())
}

#[cfg(test)]
mod tests {
    use thimble_host::nonblocking::Elsewhere as _;

    use super::*;

    #[test]
    fn work_is_done_once() {
        let work = Mutex::new(Some(|| 42));
        assert_eq!((do_once(&work), do_once(&work)), (Some(42), None));
    }

    #[test]
    fn a_panic_is_an_error() -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        assert_eq!(runtime.block_on(Elsewhere::run(|| 42)).ok(), Some(42));
        assert!(runtime.block_on(Elsewhere::run(|| panic!("as the test asked"))).is_err());
        Ok(())
    }
}
