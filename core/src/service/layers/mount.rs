//! A service below a path.

use crate::message::{Method, Refusal, Status};
use crate::server::{Answer, Exchange, Service, Transport};

const NOT_FOUND: Refusal = Refusal::new(Status::NOT_FOUND, "nothing is served at this path");

/// Puts a service below a path, where it sees what follows as if that were all: `/app/style.css` is
/// `/style.css` to one that is mounted at `app`. All other requests go to another service.
///
/// The segments and the path to a file are those that follow; the target in the head is as it was sent. The
/// path of the service without a slash at its end is redirected to the one with it, so that relative links
/// work. A site within must link by relative paths to be found wherever it is put.
///
/// # Examples
/// ```
/// use thimble_core::service::layers::Mount;
/// use thimble_core::testing::Client;
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// /// Says where it was asked.
/// struct Says(&'static str);
///
/// impl Service for Says {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         let text = format!("{}: {}", self.0, exchange.segments().join("|"));
///         exchange.respond(Status::OK).content_type("text/plain").send(text.as_bytes()).await
///     }
/// }
///
/// let client = Client::new(Mount::new(&["api", "v1"], Says("inner")).or(Says("outer")));
/// assert_eq!(client.get("/api/v1/lamps/3").text(), "inner: lamps|3");
/// assert_eq!(client.get("/api/v1/").text(), "inner: ");
/// assert_eq!(client.get("/%61pi/v1/a/").text(), "inner: a|");
/// assert_eq!(client.get("/api/v12").text(), "outer: api|v12");
/// let redirected = client.get("/api/v1?a=b");
/// assert_eq!((redirected.status(), redirected.field("Location")), (301, Some("v1/?a=b")));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mount<S, O = Nothing> {
    at: &'static [&'static str],
    inner: S,
    other: O,
}

/// Answers 404 to every request.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Service for Nothing {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        Ok(exchange.refuse(NOT_FOUND))
    }
}

impl<S> Mount<S> {
    /// Puts `inner` below the path of these segments. All other requests get 404, until
    /// [`or`](Self::or) says otherwise.
    ///
    /// They are decoded, not empty, and hold only what needs no encoding in a path; seven at most.
    pub const fn new(at: &'static [&'static str], inner: S) -> Self {
        Self { at, inner, other: Nothing }
    }

    /// Has `other` answer all other requests: another [`Mount`], for instance.
    #[must_use]
    pub fn or<O>(self, other: O) -> Mount<S, O> {
        Mount { at: self.at, inner: self.inner, other }
    }
}

impl<S: Service, O: Service> Service for Mount<S, O> {
    // Not an `async fn`: that would hold the exchange twice.
    fn call<'c, T: Transport>(
        &'c self,
        mut exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            let segments = exchange.segments();
            if !segments.starts_with(self.at) {
                return self.other.call(exchange).await;
            }
            if segments.len() > self.at.len() || self.at.is_empty() {
                exchange.enter(self.at.len());
                return self.inner.call(exchange).await;
            }
            // As for a folder: see there for the statuses.
            let status = match exchange.method() {
                Method::Get => Status::MOVED_PERMANENTLY,
                _ => Status::PERMANENT_REDIRECT,
            };
            let name = self.at.last().copied().unwrap_or_default().as_bytes();
            let query = exchange.target().query();
            let mark = if query.is_some() { "?" } else { "" };
            let query = query.unwrap_or_default().as_bytes();
            let reply = exchange.respond(status);
            let reply = reply.field_of("Location", &[name, b"/", mark.as_bytes(), query]);
            Ok(reply.field("Cache-Control", "no-cache").empty())
        }
    }
}
