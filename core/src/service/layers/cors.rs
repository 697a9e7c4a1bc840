//! Which other sites may read replies, by the CORS protocol of the Fetch standard.

use crate::bytes::ascii::Decimal;
use crate::message::{Method, Status};
use crate::semantics::methods::{allowed, no_names};
use crate::server::{Admitted, Answer, Exchange, Responded, Service, Transport};

/// Lets scripts on other sites ask the service within, and read its replies
/// ([Fetch, §3.3](https://fetch.spec.whatwg.org/#http-cors-protocol)).
///
/// A preflight request of an allowed origin is answered here, by 204. All other requests go to the inner
/// service, and their replies, refusals included, say which origin may read them. All of those have
/// `Vary: Origin`, unless every origin is allowed.
///
/// # Examples
/// ```
/// use thimble_core::service::layers::Cors;
/// use thimble_core::testing::{Client, Request};
/// use thimble_core::{Answer, Exchange, Method, Service, Status, Transport};
///
/// struct Hello;
///
/// impl Service for Hello {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         Ok(exchange.respond(Status::OK).json(b"{}"))
///     }
/// }
///
/// let shared = Cors::new(Hello)
///     .origins(&["https://example.com", "http://localhost:5173"])
///     .methods(&[Method::Get, Method::Put])
///     .fields("Content-Type, Authorization")
///     .max_age(3600);
///
/// let client = Client::new(shared);
/// let reply = client.send(&Request::get("/").field("Origin", "https://example.com"));
/// assert_eq!(reply.field("Access-Control-Allow-Origin"), Some("https://example.com"));
/// assert_eq!(reply.field("Vary"), Some("Origin"));
///
/// let preflight = Request::new(Method::Options, "/")
///     .field("Origin", "https://example.com")
///     .field("Access-Control-Request-Method", "PUT");
/// let reply = client.send(&preflight);
/// assert_eq!(reply.status(), 204);
/// assert_eq!(reply.field("Access-Control-Allow-Methods"), Some("GET, HEAD, PUT, OPTIONS"));
/// assert_eq!(reply.field("Access-Control-Max-Age"), Some("3600"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Cors<'s, S> {
    inner: S,
    /// `None` for all.
    origins: Option<&'s [&'s str]>,
    methods: &'s [Method<'s>],
    fields: &'s str,
    max_age: Option<u32>,
    credentials: bool,
}

impl<'s, S> Cors<'s, S> {
    /// Allows every origin, the methods GET, HEAD and POST, and the request fields that a form sends.
    pub const fn new(inner: S) -> Self {
        let methods = &[Method::Get, Method::Post];
        Self { inner, origins: None, methods, fields: "", max_age: None, credentials: false }
    }

    /// Allows only these origins, each as a browser writes it: `https://example.com`, without a slash at
    /// its end. Without any, this changes nothing.
    #[must_use]
    pub fn origins(self, origins: &'s [&'s str]) -> Self {
        Self { origins: Some(origins), ..self }
    }

    /// Allows these methods. HEAD comes with GET.
    #[must_use]
    pub fn methods(self, methods: &'s [Method<'s>]) -> Self {
        Self { methods, ..self }
    }

    /// Allows these request fields, separated by commas, besides those that a form sends.
    #[must_use]
    pub fn fields(self, fields: &'s str) -> Self {
        Self { fields, ..self }
    }

    /// For how many seconds browsers may cache the answer to a preflight request. Their default is five.
    #[must_use]
    pub fn max_age(self, seconds: u32) -> Self {
        Self { max_age: Some(seconds), ..self }
    }

    /// Allows requests with cookies or a password, which act in the name of the browser's user. This has an
    /// effect only for origins that [`origins`](Self::origins) names.
    #[must_use]
    pub fn credentials(self) -> Self {
        Self { credentials: true, ..self }
    }

    /// What says that `origin` may read a reply; `None` if it may not. Where all may, a reply says so to
    /// everybody, since a cache may keep it for somebody else.
    fn allows(&self, origin: Option<&[u8]>) -> Option<&'s str> {
        let Some(origins) = self.origins else { return Some("*") };
        origins.iter().find(|allowed| Some(allowed.as_bytes()) == origin).copied()
    }

    /// Passes the exchange on, or answers it: for a service that is several layers at once.
    ///
    /// # Errors
    /// The answer to a preflight request.
    pub fn pass<'c, T: Transport>(
        &self,
        exchange: Exchange<'c, T>,
    ) -> Result<Exchange<'c, T>, Responded<'c, T>> {
        let (origin, asks) = if self.origins == Some(&[]) {
            (None, false)
        } else {
            let fields = exchange.head().fields();
            let origin = fields.only("Origin");
            let asks = origin.is_some() && fields.first("Access-Control-Request-Method").is_some();
            (self.allows(origin), asks)
        };
        let exchange = match self.origins {
            Some([_, ..]) => exchange.with_fields(&[("Vary", "Origin")]),
            _ => exchange,
        };
        let Some(origin) = origin else { return Ok(exchange) };
        let mut exchange = exchange;
        // Whoever lets all pages read has not said that all may send.
        if self.origins.is_some() {
            exchange.share();
        }
        let exchange = exchange.with_fields(&[("Access-Control-Allow-Origin", origin)]);
        let exchange = if self.credentials && self.origins.is_some() {
            exchange.with_fields(&[("Access-Control-Allow-Credentials", "true")])
        } else {
            exchange
        };
        if exchange.method() != Method::Options || !asks {
            return Ok(exchange);
        }
        let mut names = no_names();
        let mut reply = exchange
            .respond(Status::NO_CONTENT)
            .field_of("Access-Control-Allow-Methods", allowed(self.methods, &mut names));
        if !self.fields.is_empty() {
            reply = reply.field("Access-Control-Allow-Headers", self.fields);
        }
        if let Some(seconds) = self.max_age {
            let seconds = Decimal::new(u64::from(seconds));
            reply = reply.field_of("Access-Control-Max-Age", &[seconds.as_bytes()]);
        }
        Err(reply.empty())
    }
}

impl<S: Service> Service for Cors<'_, S> {
    // Not an `async fn`: that would hold the exchange twice.
    fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            match self.pass(exchange) {
                Ok(exchange) => self.inner.call(exchange).await,
                Err(responded) => Ok(responded),
            }
        }
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        self.inner.admit(self.pass(exchange).map_err(Ok)?).await
    }
}
