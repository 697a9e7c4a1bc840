//! Which types of forms are read, as a type: what is not chosen is not linked.

use super::fields::Form;
use crate::message::Refusal;
use crate::server::{Error, Exchange, Responder, Transport};

/// Reads the forms that a [store](crate::service::Submissions) takes.
#[expect(async_fn_in_trait, reason = "`Send` follows from the transport, as DESIGN asks")]
pub trait FormReader {
    /// Whether the head announces a form that may be read.
    ///
    /// # Errors
    /// All that [`read`](Self::read) refuses before it reads.
    fn announces<T: Transport>(&self, exchange: &Exchange<'_, T>) -> Result<(), &'static Refusal>;

    /// Reads the form.
    ///
    /// # Errors
    /// Those of [`Exchange::form`].
    async fn read<'c, T: Transport>(
        &self,
        exchange: Exchange<'c, T>,
    ) -> Result<(Form<'c>, Responder<'c, T>), Error<T::Error>>;
}

/// Forms of either type, as [`Exchange::form`] reads them.
#[derive(Clone, Copy, Debug)]
pub struct AnyForm;

/// Forms without files, as [`Exchange::urlencoded`] reads them; others are 415.
#[derive(Clone, Copy, Debug)]
pub struct Urlencoded;

impl FormReader for AnyForm {
    fn announces<T: Transport>(&self, exchange: &Exchange<'_, T>) -> Result<(), &'static Refusal> {
        exchange.announces_form().map(drop)
    }

    async fn read<'c, T: Transport>(
        &self,
        exchange: Exchange<'c, T>,
    ) -> Result<(Form<'c>, Responder<'c, T>), Error<T::Error>> {
        exchange.form().await
    }
}

impl FormReader for Urlencoded {
    fn announces<T: Transport>(&self, exchange: &Exchange<'_, T>) -> Result<(), &'static Refusal> {
        exchange.announces_urlencoded()
    }

    async fn read<'c, T: Transport>(
        &self,
        exchange: Exchange<'c, T>,
    ) -> Result<(Form<'c>, Responder<'c, T>), Error<T::Error>> {
        exchange.urlencoded().await
    }
}
