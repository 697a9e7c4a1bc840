//! A name and a password, before anything else is answered.

use crate::grammar::credentials::Basic;
use crate::message::{Method, Refusal, Status};
use crate::server::{Admitted, Answer, Exchange, Responded, Service, Transport};

const UNAUTHORIZED: Refusal =
    Refusal::new(Status::UNAUTHORIZED, "a name and a password are needed");
const CHALLENGE: &str = "Basic realm=\"Thimble\", charset=\"UTF-8\"";

/// Asks for a name and a password by the Basic scheme (RFC 7617), and refuses requests without the right
/// ones by 401 (RFC 9110 §15.5.2), before the service within sees them. Over a network that others use,
/// this needs TLS: anybody who sees a request can read both.
///
/// Where other origins may read, put [`Cors`](super::Cors) around this: browsers send no credentials with
/// preflight requests.
///
/// # Examples
/// ```
/// use thimble_core::service::layers::BasicAuth;
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
/// let users: &[(&str, &str)] = &[("Ada", "secret"), ("Zoë", "other")];
/// let client = Client::new(BasicAuth::new(Hello, users));
/// let refused = client.get("/");
/// assert_eq!(refused.status(), 401);
/// let challenge = "Basic realm=\"Thimble\", charset=\"UTF-8\"";
/// assert_eq!(refused.field("WWW-Authenticate"), Some(challenge));
/// let known = Request::get("/").field("Authorization", "Basic QWRhOnNlY3JldA==");
/// assert_eq!(client.send(&known).text(), "hello");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BasicAuth<'s, S, V> {
    inner: S,
    verify: V,
    challenge: &'s str,
    for_writes: bool,
}

impl<'s, S, V: Verify> BasicAuth<'s, S, V> {
    /// Passes requests on to `inner` if `verify` knows their credentials.
    pub const fn new(inner: S, verify: V) -> Self {
        Self { inner, verify, challenge: CHALLENGE, for_writes: false }
    }

    /// Sets the value of WWW-Authenticate (RFC 9110 §11.6.1), whose realm browsers show or tell sites
    /// apart by. The default is `Basic realm="Thimble", charset="UTF-8"`.
    #[must_use]
    pub fn challenge(self, challenge: &'s str) -> Self {
        Self { challenge, ..self }
    }

    /// Lets everybody read: GET, HEAD and OPTIONS need no credentials. Wrong ones are refused all the
    /// same, and so are those of another scheme and malformed ones, so that the service within can rely on
    /// those that it sees.
    #[must_use]
    pub fn for_writes(self) -> Self {
        Self { for_writes: true, ..self }
    }

    /// Passes the exchange on, or answers it: for a service that is several layers at once.
    ///
    /// # Errors
    /// The answer.
    pub fn pass<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Result<Exchange<'c, T>, Responded<'c, T>>> {
        async move {
            if self.verify.is_asked() {
                let reads = matches!(exchange.method(), Method::Get | Method::Options);
                let fields = exchange.head().fields();
                let mut is_let_in =
                    self.for_writes && reads && fields.first("Authorization").is_none();
                // More than one line of them can't be right.
                if let Some(sent) = fields.only("Authorization").and_then(Basic::of) {
                    match self.verify.verify(sent).await {
                        Ok(is_known) => is_let_in = is_known,
                        Err(refusal) => return Err(exchange.refuse(refusal)),
                    }
                }
                if !is_let_in {
                    let challenge = [("WWW-Authenticate", self.challenge)];
                    return Err(exchange.with_fields(&challenge).refuse(UNAUTHORIZED));
                }
            }
            Ok(exchange)
        }
    }
}

/// Knows who may come in.
///
/// A slice of names and passwords does, and `None` lets everybody in. What takes long to decide, as good
/// hashes do, is awaited: other requests are answered meanwhile.
#[expect(async_fn_in_trait, reason = "`Send` follows from the verifier, as DESIGN asks")]
pub trait Verify {
    /// Whether the credentials are right. How long that takes should depend on what was sent alone, not
    /// on what would be right.
    ///
    /// # Errors
    /// It can't be decided now: the refusal, such as 503, that the client gets.
    async fn verify(&self, sent: Basic<'_>) -> Result<bool, Refusal>;

    /// Whether credentials are asked for at all.
    fn is_asked(&self) -> bool {
        true
    }
}

impl Verify for &[(&str, &str)] {
    async fn verify(&self, sent: Basic<'_>) -> Result<bool, Refusal> {
        // All of them, so that it doesn't show which it was.
        Ok(self.iter().fold(false, |is_known, (user, password)| is_known | sent.is(user, password)))
    }
}

impl<V: Verify> Verify for Option<V> {
    async fn verify(&self, sent: Basic<'_>) -> Result<bool, Refusal> {
        match self {
            Some(verify) => verify.verify(sent).await,
            None => Ok(true),
        }
    }

    fn is_asked(&self) -> bool {
        self.as_ref().is_some_and(Verify::is_asked)
    }
}

impl<V: Verify> Verify for &V {
    async fn verify(&self, sent: Basic<'_>) -> Result<bool, Refusal> {
        (**self).verify(sent).await
    }

    fn is_asked(&self) -> bool {
        (**self).is_asked()
    }
}

impl<S: Service, V: Verify> Service for BasicAuth<'_, S, V> {
    // Not an `async fn`: that would hold the exchange twice.
    fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            match self.pass(exchange).await {
                Ok(exchange) => self.inner.call(exchange).await,
                Err(responded) => Ok(responded),
            }
        }
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        self.inner.admit(self.pass(exchange).await.map_err(Ok)?).await
    }
}
