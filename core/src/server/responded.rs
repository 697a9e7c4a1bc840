//! Replies that are made.

use super::error::{Error, FAILED};
use super::output::Outgoing;
use super::transport::Transport;
use crate::framing::EmitError;
use crate::message::Status;

/// The result of a handler: the reply, or the error that `?` passes on.
pub type Answer<'c, T> = Result<Responded<'c, T>, Error<<T as Transport>::Error>>;

/// A reply that is made. The driver sends what is left of it when the handler returns it.
///
/// Only an answer to the exchange makes one, and it can't be used for another exchange: a handler that
/// forgets to answer doesn't compile.
///
/// ```compile_fail,E0308
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// struct Forgetful;
///
/// impl Service for Forgetful {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         exchange.respond(Status::OK).field("A", "b"); // neither `empty`, `text` nor `send`
///     }
/// }
/// ```
///
/// An outer service gets it from the inner one, and passes it on:
///
/// ```
/// use thimble_core::testing::Client;
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// /// Answers at one path, and nowhere else.
/// struct Only<S>(&'static str, S);
///
/// impl<S: Service> Service for Only<S> {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         if exchange.target().path() != self.0 {
///             return Ok(exchange.respond(Status::NOT_FOUND).empty());
///         }
///         let responded = self.1.call(exchange).await?;
///         Ok(responded)
///     }
/// }
///
/// # struct Example;
/// #
/// # impl Service for Example {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         Ok(exchange.respond(Status::OK).text("here"))
/// #     }
/// # }
/// #
/// let client = Client::new(Only("/a", Example));
/// assert_eq!((client.get("/a").text(), client.get("/b").status()), ("here", 404));
/// ```
#[must_use = "a handler returns this, and then it is sent"]
pub struct Responded<'c, T: Transport> {
    pub(super) outgoing: &'c mut Outgoing<'c, T>,
    /// Octets to be sent behind those in the buffer. They are accounted for already.
    pub(super) tail: &'c [u8],
}

impl<T: Transport> Responded<'_, T> {
    /// The status of the reply; 500 if the reply is invalid.
    pub fn status(&self) -> Status {
        match self.check() {
            Ok(()) => self.outgoing.output.sender.status(),
            Err(_) => FAILED.status,
        }
    }

    /// Octets of content that are sent: 0 in reply to HEAD, and 0 if the reply is invalid, without the
    /// content of the 500 that replaces it.
    pub fn length(&self) -> u64 {
        match self.check() {
            Ok(()) => self.outgoing.output.sender.content(),
            Err(_) => 0,
        }
    }

    /// Sends what doesn't fit the transmit buffer, and leaves the rest there.
    pub(super) fn send(&mut self) -> impl Future<Output = Result<(), Error<T::Error>>> {
        let Outgoing { tx, output } = &mut *self.outgoing;
        output.buffer.send(self.tail, *tx)
    }

    /// Whether it could be made.
    pub(super) fn check(&self) -> Result<(), EmitError> {
        self.outgoing.output.check()
    }
}
