//! Who may come in.

use core::net::SocketAddr;

use crate::message::{Head, Refusal, Status};
use crate::server::{Admitted, Answer, Exchange, Responded, Service, Transport};

const FORBIDDEN: Refusal = Refusal::new(Status::FORBIDDEN, "access is not allowed");
const UNAUTHORIZED: Refusal = Refusal::new(Status::UNAUTHORIZED, "credentials are needed");

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
/// const ADA: &[u8] = b"Basic QWRhOnNlY3JldA==";
///
/// let guarded = Guard::new(Hello, |asked| asked.head.fields().only("Authorization") == Some(ADA))
///     .below(&["admin"])
///     .challenge("Basic realm=\"admin\"");
///
/// let client = Client::new(guarded);
/// assert_eq!(client.get("/").status(), 200);
/// let refused = client.get("/admin");
/// assert_eq!(refused.status(), 401);
/// assert_eq!(refused.field("WWW-Authenticate"), Some("Basic realm=\"admin\""));
/// let known = Request::get("/admin/log").field("Authorization", "Basic QWRhOnNlY3JldA==");
/// assert_eq!(client.send(&known).text(), "hello");
/// // Whatever the spelling.
/// assert_eq!(client.get("/%61dmin/log").status(), 401);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Guard<S, F> {
    inner: S,
    allows: F,
    below: &'static [&'static str],
    challenge: Option<&'static str>,
}

/// What a [`Guard`] knows of a request when it decides.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// The head of the request.
    pub head: &'a Head<'a>,
    /// The segments of its path, percent-decoded, as [`Exchange::segments`] has them. The target in
    /// the head has many spellings; these have one.
    pub segments: &'a [&'a str],
    /// The address of the client, if that is known.
    pub peer: Option<SocketAddr>,
    /// Whether the connection is secure, as TLS is.
    pub is_secure: bool,
}

impl<S, F> Guard<S, F>
where
    F: Fn(&Asked<'_>) -> bool,
{
    /// Passes requests on for which `allows` returns true, and answers others by 403.
    pub const fn new(inner: S, allows: F) -> Self {
        Self { inner, allows, below: &[], challenge: None }
    }

    /// Guards only paths that begin with these segments. All other requests pass, whatever `allows` says.
    #[must_use]
    pub fn below(self, below: &'static [&'static str]) -> Self {
        Self { below, ..self }
    }

    /// Passes the exchange on, or answers it.
    fn pass<'c, T: Transport>(
        &self,
        exchange: Exchange<'c, T>,
    ) -> Result<Exchange<'c, T>, Responded<'c, T>> {
        let asked = Asked {
            head: exchange.head(),
            segments: exchange.segments(),
            peer: exchange.peer(),
            is_secure: exchange.is_secure(),
        };
        if !asked.segments.starts_with(self.below) || (self.allows)(&asked) {
            return Ok(exchange);
        }
        let Some(challenge) = self.challenge else { return Err(exchange.refuse(FORBIDDEN)) };
        let challenge = [("WWW-Authenticate", challenge)];
        Err(exchange.with_fields(&challenge).refuse(UNAUTHORIZED))
    }

    /// Refuses by 401 instead of 403, with a WWW-Authenticate field of this value (RFC 9110 §11.6.1), so
    /// that browsers ask for a password.
    #[must_use]
    pub fn challenge(self, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..self }
    }
}

impl<S, F> Service for Guard<S, F>
where
    S: Service,
    F: Fn(&Asked<'_>) -> bool,
{
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match self.pass(exchange) {
            Ok(exchange) => self.inner.call(exchange).await,
            Err(responded) => Ok(responded),
        }
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        self.inner.admit(self.pass(exchange).map_err(Ok)?).await
    }
}
