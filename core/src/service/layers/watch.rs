//! What was answered.

use crate::message::{Head, Status};
use crate::server::{Admitted, Answer, Exchange, Service, Transport};

/// A request, and how it was answered.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Seen<'s> {
    /// The head of the request.
    pub head: &'s Head<'s>,
    /// The status of the reply.
    pub status: Status,
    /// Octets of the reply's content: 0 in reply to HEAD, and 0 if the service has returned an error.
    pub length: u64,
}

/// Calls a function with each answer of the inner service: for counters, and for logs of your own. The
/// frontends' logs say what was sent in the end.
///
/// # Examples
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use thimble_core::service::layers::Watch;
/// use thimble_core::testing::Client;
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// struct Hello;
///
/// impl Service for Hello {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         match exchange.segments() {
///             [] => Ok(exchange.respond(Status::OK).text("hello")),
///             _ => Ok(exchange.respond(Status::NOT_FOUND).empty()),
///         }
///     }
/// }
///
/// static MISSED: AtomicU32 = AtomicU32::new(0);
///
/// let watched = Watch::new(Hello, |seen| {
///     if seen.status == Status::NOT_FOUND {
///         MISSED.fetch_add(1, Ordering::Relaxed);
///     }
/// });
///
/// let client = Client::new(watched);
/// client.get("/");
/// client.get("/favicon.ico");
/// assert_eq!(MISSED.load(Ordering::Relaxed), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Watch<S, F> {
    inner: S,
    tell: F,
}

impl<S, F: Fn(Seen<'_>)> Watch<S, F> {
    /// Calls `tell` when the inner service has answered a request, before the reply is sent. If the
    /// transport failed before there was a reply, `tell` is not called.
    pub const fn new(inner: S, tell: F) -> Self {
        Self { inner, tell }
    }
}

impl<S: Service, F: Fn(Seen<'_>)> Service for Watch<S, F> {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let head = exchange.head();
        let answer = self.inner.call(exchange).await;
        let (status, length) = match &answer {
            Ok(responded) => (Some(responded.status()), responded.length()),
            Err(error) => (error.status(), 0),
        };
        if let Some(status) = status {
            (self.tell)(Seen { head, status, length });
        }
        answer
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        self.inner.admit(exchange).await
    }
}
