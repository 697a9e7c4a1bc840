//! What an application implements.

use super::exchange::Exchange;
use super::responded::Answer;
use super::transport::Transport;

/// A request that may pass, or what answers it.
pub type Admitted<'c, T> = Result<Exchange<'c, T>, Answer<'c, T>>;

/// What an application implements; once, for every frontend.
///
/// Routes are the arms of a `match`. Services compose by calling each other: a service passes on the
/// requests that it has no answer for.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// use thimble_core::testing::Client;
/// use thimble_core::{Answer, Exchange, Method, Service, Status, Transport};
///
/// /// A lamp, in front of another service.
/// struct Lamp<S> {
///     is_on: AtomicBool,
///     other: S,
/// }
///
/// impl<S: Service> Service for Lamp<S> {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         match (exchange.method(), exchange.segments()) {
///             (Method::Get, ["lamp"]) => {
///                 let state = if self.is_on.load(Ordering::Relaxed) { "on" } else { "off" };
///                 Ok(exchange.respond(Status::OK).text(state))
///             }
///             (Method::Post, ["lamp", state @ ("on" | "off")]) => {
///                 self.is_on.store(*state == "on", Ordering::Relaxed);
///                 Ok(exchange.see_other("/lamp"))
///             }
///             (_, ["lamp"]) => Ok(exchange.allow(&[Method::Get])),
///             (_, ["lamp", "on" | "off"]) => Ok(exchange.allow(&[Method::Post])),
///             _ => self.other.call(exchange).await,
///         }
///     }
/// }
///
/// struct Nothing;
///
/// impl Service for Nothing {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         Ok(exchange.respond(Status::NOT_FOUND).text("nothing here\n"))
///     }
/// }
///
/// let client = Client::new(Lamp { is_on: AtomicBool::new(false), other: Nothing });
/// assert_eq!(client.post_form("/lamp/on", &[]).field("Location"), Some("/lamp"));
/// assert_eq!(client.get("/lamp").text(), "on");
/// assert_eq!(client.get("/other").status(), 404);
/// ```
#[expect(async_fn_in_trait, reason = "`Send` follows from the service, as DESIGN asks")]
pub trait Service {
    /// Answers one request.
    ///
    /// # Errors
    /// Any [`Error`](super::Error) that a method of the exchange has returned. The driver answers it with
    /// its status, if none of the reply has been sent, and otherwise cuts the connection.
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T>;

    /// Lets a request pass that is about the server and no path, `OPTIONS *` or CONNECT, or answers it. What
    /// passes is answered without the service. A service around another one that refuses some requests has to
    /// refuse these as well, and otherwise ask the inner one.
    ///
    /// # Errors
    /// The answer.
    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        Ok(exchange)
    }

    /// Names and values of fields for replies that no service makes: refusals of requests that can't be
    /// understood or come too slowly, and the reply to `OPTIONS *`. Only the outermost service is asked.
    /// [`AddFields`](crate::service::layers::AddFields) has its own here.
    fn fields(&self) -> &[(&str, &str)] {
        &[]
    }
}

impl<S: Service> Service for &S {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        (**self).call(exchange).await
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        (**self).admit(exchange).await
    }

    fn fields(&self) -> &[(&str, &str)] {
        (**self).fields()
    }
}
