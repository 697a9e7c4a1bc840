//! The names that a server goes by.

use crate::grammar::host::Authority;
use crate::message::{Refusal, Status};
use crate::semantics::host::is_own_host;
use crate::server::{Admitted, Answer, Exchange, Responded, Service, Transport};

const MISDIRECTED: Refusal =
    Refusal::new(Status::MISDIRECTED_REQUEST, "this server doesn't go by that name");

/// Refuses requests for hosts that the server doesn't go by, by 421 (RFC 9110 §7.4 and §15.5.20).
///
/// A page of another site can have its own name lead to the address of this server (DNS rebinding), and
/// then read whatever the server shows to its network: the browser takes both for one site. But it says
/// by which name it came. Names of the machine itself and IP addresses are always taken, as
/// [`is_own_host`] has it; the port makes no difference. A request without a host passes: HTTP/1.0 allows
/// that, and no browser sends one.
///
/// # Examples
/// ```
/// use thimble_core::service::layers::Hosts;
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
/// let client = Client::new(Hosts::new(Hello).names(&["printer.example"]));
/// for (host, status) in [("printer.example:8000", 200), ("[::1]", 200), ("evil.example", 421)] {
///     let target = format!("http://{host}/");
///     assert_eq!(client.send(&Request::get(&target)).status(), status);
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Hosts<'s, S> {
    inner: S,
    /// `None` for all.
    names: Option<&'s [&'s str]>,
}

impl<'s, S> Hosts<'s, S> {
    /// Passes all requests on to `inner`, until [`names`](Self::names) says otherwise.
    pub const fn new(inner: S) -> Self {
        Self { inner, names: None }
    }

    /// Passes only requests on for these names, addresses, and names of the machine itself.
    /// `*.example.org` stands for all names below `example.org`.
    #[must_use]
    pub fn names(self, names: &'s [&'s str]) -> Self {
        Self { names: Some(names), ..self }
    }

    /// Passes the exchange on, or answers it: for a service that is several layers at once.
    ///
    /// # Errors
    /// The answer.
    pub fn pass<'c, T: Transport>(
        &self,
        exchange: Exchange<'c, T>,
    ) -> Result<Exchange<'c, T>, Responded<'c, T>> {
        if let Some(names) = self.names
            && let Some(host) = exchange.head().authority().map(Authority::host)
            && !is_own_host(host, names)
        {
            return Err(exchange.refuse(MISDIRECTED));
        }
        Ok(exchange)
    }
}

impl<S: Service> Service for Hosts<'_, S> {
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
