//! Catches the panics of a service, so that each fails only its own request.

use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use thimble_core::server::{Admitted, Answer, Error, Exchange, Service, Transport};

/// What the log says of a request whose service panicked.
const PANICKED: &str = "the service panicked";

/// A service whose panics are answered by 500, or by a cut connection once some of the reply has left.
#[derive(Clone, Copy, Debug)]
pub struct Contained<S>(pub S);

impl<S: Service> Service for Contained<S> {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let mut call = pin!(self.0.call(exchange));
        poll_fn(|context| {
            // The driver checks what a panic left of the exchange before it goes on.
            let polled = AssertUnwindSafe(|| call.as_mut().poll(context));
            catch_unwind(polled).unwrap_or_else(|payload| {
                dispose(payload);
                Poll::Ready(Err(Error::Application(&PANICKED)))
            })
        })
        .await
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        let mut admit = pin!(self.0.admit(exchange));
        poll_fn(|context| {
            let polled = AssertUnwindSafe(|| admit.as_mut().poll(context));
            catch_unwind(polled).unwrap_or_else(|payload| {
                dispose(payload);
                Poll::Ready(Err(Err(Error::Application(&PANICKED))))
            })
        })
        .await
    }

    fn fields(&self) -> &[(&str, &str)] {
        self.0.fields()
    }
}

thread_local! {
    static IS_EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`, which panics where it can't be done, and fails nobody by it.
///
/// # Errors
/// It panicked.
pub fn attempt<R>(work: impl FnOnce() -> R) -> io::Result<R> {
    let was_expected = IS_EXPECTED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_EXPECTED.set(was_expected);
    done.map_err(|payload| {
        dispose(payload);
        io::Error::other("a panic")
    })
}

/// Whether a panic of this thread would be one of an [`attempt`], of which the log need not know.
pub fn is_attempt() -> bool {
    IS_EXPECTED.get()
}

/// Drops what a panic was raised with, even if that panics as well.
pub fn dispose(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Dropping this one could panic again.
        mem::forget(another);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_attempt_is_expected_to_panic() {
        assert!(attempt(|| assert!(!is_attempt(), "as the test asked")).is_err());
        assert!(attempt(is_attempt).is_ok_and(|is_attempt| is_attempt));
        assert!(!is_attempt());
    }
}
