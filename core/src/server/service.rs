//! What an application implements.

use super::error::Error;
use super::exchange::Exchange;
use super::responded::Responded;
use super::transport::Transport;

/// What a handler returns: the reply, or what `?` passes on.
pub type Answer<'c, T> = Result<Responded<'c, T>, Error<<T as Transport>::Error>>;

/// What an application implements; once, for every frontend.
#[expect(async_fn_in_trait, reason = "`Send` follows from the service, as DESIGN asks")]
pub trait Service {
    /// Answers one request.
    ///
    /// # Errors
    /// What `?` passes on: the driver answers it, as far as it still can.
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T>;
}

impl<S: Service> Service for &S {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        (**self).call(exchange).await
    }
}
