//! Who may come in.

use core::net::SocketAddr;

use crate::message::{Head, Refusal, Status};
use crate::server::{Answer, Exchange, Service, Transport};

const FORBIDDEN: Refusal = Refusal::new(Status::FORBIDDEN, "this is not for you");
const UNAUTHORIZED: Refusal = Refusal::new(Status::UNAUTHORIZED, "say who you are");

/// Refuses requests before the service within sees them.
///
/// # Examples
/// A password for all below `/admin` (RFC 7617); over a network, this needs TLS.
/// ```
/// use thimble_core::service::layers::Guard;
/// use thimble_core::testing::{Client, Request};
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// struct Hello;
///
/// impl Service for Hello {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         Ok(exchange.respond(Status::OK).text("hello"))
///     }
/// }
///
/// let guarded = Guard::new(Hello, |head, _| {
///     let is_open = !head.target().path().starts_with("/admin");
///     is_open || head.fields().only("Authorization") == Some(b"Basic QWRhOnNlY3JldA==")
/// })
/// .challenge("Basic realm=\"admin\"");
///
/// let client = Client::new(guarded);
/// assert_eq!(client.get("/").status(), 200);
/// let refused = client.get("/admin");
/// assert_eq!(refused.status(), 401);
/// assert_eq!(refused.field("WWW-Authenticate"), Some("Basic realm=\"admin\""));
/// let known = Request::get("/admin").field("Authorization", "Basic QWRhOnNlY3JldA==");
/// assert_eq!(client.send(&known).text(), "hello");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Guard<S, F> {
    inner: S,
    allows: F,
    challenge: Option<&'static str>,
}

impl<S, F> Guard<S, F>
where
    F: Fn(&Head<'_>, Option<SocketAddr>) -> bool,
{
    /// Lets in those requests that `allows` returns true for, by their heads and the address that they
    /// come from. Others are 403.
    pub const fn new(inner: S, allows: F) -> Self {
        Self { inner, allows, challenge: None }
    }

    /// Answers others with 401 and a WWW-Authenticate field of this value (RFC 9110 §11.6.1), so that
    /// browsers ask for a password.
    #[must_use]
    pub fn challenge(self, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..self }
    }
}

impl<S, F> Service for Guard<S, F>
where
    S: Service,
    F: Fn(&Head<'_>, Option<SocketAddr>) -> bool,
{
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        if (self.allows)(exchange.head(), exchange.peer()) {
            return self.inner.call(exchange).await;
        }
        let Some(challenge) = self.challenge else { return Ok(exchange.refuse(FORBIDDEN)) };
        let challenge = [("WWW-Authenticate", challenge)];
        Ok(exchange.with_fields(&challenge).refuse(UNAUTHORIZED))
    }
}
