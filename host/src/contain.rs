//! Panics of a service, kept to the request that met them.

use std::any::Any;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use thimble_core::server::{Answer, Error, Exchange, Service, Transport};

/// A service whose panics are answered like any reply that could not be made: by 500, or by a cut
/// when some of the reply has left.
#[derive(Clone, Copy, Debug)]
pub struct Contained<S>(pub S);

impl<S: Service> Service for Contained<S> {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let mut call = pin!(self.0.call(exchange));
        poll_fn(|context| {
            // What a panic leaves of the exchange is judged by the driver, which trusts none of it.
            let polled = AssertUnwindSafe(|| call.as_mut().poll(context));
            catch_unwind(polled).unwrap_or_else(|payload| {
                dispose(payload);
                Poll::Ready(Err(Error::Cut))
            })
        })
        .await
    }
}

/// Drops what a panic was raised with, even if that panics as well.
pub fn dispose(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Enough is enough.
        mem::forget(another);
    }
}
