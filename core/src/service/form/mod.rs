//! Forms: the content of a POST, as fields.

pub mod delimiter;
mod urlencoded;

pub use urlencoded::Form;

use crate::grammar::media_type::media_type;
use crate::message::{Head, Refusal, Status};
use crate::server::{Error, Exchange, Responder, Transport};

const NOT_A_FORM: &Refusal =
    &Refusal::new(Status::UNSUPPORTED_MEDIA_TYPE, "only application/x-www-form-urlencoded")
        .with_field(&("Accept", "application/x-www-form-urlencoded"));
// Which of the two it is, the field tells (RFC 9110 §12.5.3 and §15.5.16).
const CODED: &Refusal =
    &Refusal::new(Status::UNSUPPORTED_MEDIA_TYPE, "a form without a content coding only")
        .with_field(&("Accept-Encoding", "identity"));
const NO_LENGTH: &Refusal =
    &Refusal::new(Status::LENGTH_REQUIRED, "a form needs a Content-Length, or chunks");
const NOT_UTF8: &Refusal = &Refusal::new(Status::BAD_REQUEST, "the form is not in UTF-8");

impl<'c, T: Transport> Exchange<'c, T> {
    /// Reads a form sent as `application/x-www-form-urlencoded`, and decodes it in place.
    ///
    /// # Errors
    /// The answer, if it is none: 415 for another type or any content coding, 411 without a length,
    /// and 413 if it is larger than the limit `form`, all before any of it is read; 400 if it is
    /// not UTF-8. And that the transport failed.
    pub async fn form(self) -> Result<(Form<'c>, Responder<'c, T>), Error<T::Error>> {
        self.announces_form()?;
        let limit = self.receiver().limits().form;
        let (body, responder) = self.open().await?;
        let content = body.collect(limit).await?;
        let form = Form::decode(content).ok_or(NOT_UTF8)?;
        Ok((form, responder))
    }

    /// Whether the head announces a form that may be read: all that [`form`](Self::form) refuses
    /// before it reads.
    pub(crate) fn announces_form(&self) -> Result<(), &'static Refusal> {
        announced(self.head())?;
        self.accepts(self.receiver().limits().form)
    }
}

/// Whether a head announces a form.
fn announced(head: &Head<'_>) -> Result<(), &'static Refusal> {
    let fields = head.fields();
    let is_form = fields
        .only("Content-Type")
        .and_then(media_type)
        .is_some_and(|media_type| media_type.is("application", "x-www-form-urlencoded"));
    if !is_form {
        return Err(NOT_A_FORM);
    }
    if fields.first("Content-Encoding").is_some() {
        return Err(CODED);
    }
    if head.facts().declare_content() { Ok(()) } else { Err(NO_LENGTH) }
}
