//! Forms: the content of a POST, as fields.

mod collect;
pub mod delimiter;
mod fields;
mod multipart;
mod part;
mod parts;
mod urlencoded;

pub(crate) use fields::{END, encode_field, encode_file, encode_size};
pub use fields::{Form, FormField, FormFile};
pub use multipart::{Multipart, Part};

use crate::grammar::media_type::{MediaType, media_type};
use crate::grammar::parameter::parameters;
use crate::message::{Head, Refusal, Status};
use crate::server::body::TOO_LARGE;
use crate::server::{Error, Exchange, Responder, Transport};
use crate::service::uploads::Batch;
use collect::Collector;
use delimiter::Delimiters;
use fields::NOT_UTF8;

const NOT_A_FORM: &Refusal = &Refusal::new(
    Status::UNSUPPORTED_MEDIA_TYPE,
    "only application/x-www-form-urlencoded and multipart/form-data",
)
.with_field(&("Accept", "application/x-www-form-urlencoded, multipart/form-data"));
const NOT_URLENCODED: &Refusal =
    &Refusal::new(Status::UNSUPPORTED_MEDIA_TYPE, "only application/x-www-form-urlencoded")
        .with_field(&("Accept", "application/x-www-form-urlencoded"));
pub(super) const NOT_MULTIPART: &Refusal =
    &Refusal::new(Status::UNSUPPORTED_MEDIA_TYPE, "only multipart/form-data")
        .with_field(&("Accept", "multipart/form-data"));
// Which of the two it is, the field tells (RFC 9110 §12.5.3 and §15.5.16).
const CODED: &Refusal =
    &Refusal::new(Status::UNSUPPORTED_MEDIA_TYPE, "a form without a content coding only")
        .with_field(&("Accept-Encoding", "identity"));
const NO_LENGTH: &Refusal =
    &Refusal::new(Status::LENGTH_REQUIRED, "a form needs a Content-Length, or chunks");
const NO_BOUNDARY: &Refusal = &Refusal::new(
    Status::BAD_REQUEST,
    "multipart/form-data needs a boundary, of 70 octets at most",
);

impl<'c, T: Transport> Exchange<'c, T> {
    /// Reads a form sent as `application/x-www-form-urlencoded` or `multipart/form-data`, and decodes
    /// it in place. Files that come with it are thrown away: their names, types and sizes are left.
    /// [`multipart`](Self::multipart) gives their content.
    ///
    /// # Errors
    /// The answer, if it is none: 415 for another type or any content coding, 411 without a length,
    /// and 413 if it is larger than the limit `form` (with files, `multipart`), all before any of it is
    /// read; 413 if it turns out to be, or to be over another limit; 400 if it is malformed, or not
    /// UTF-8. And that the transport failed.
    pub async fn form(self) -> Result<(Form<'c>, Responder<'c, T>), Error<T::Error>> {
        let delimiters = self.announces_form()?;
        let limit = self.receiver().limits().form;
        let (body, responder) = self.open().await?;
        let form = match delimiters {
            Some(delimiters) => Collector::new(body, delimiters).form().await?,
            None => Form::decode(body.collect(limit).await?).ok_or(NOT_UTF8)?,
        };
        Ok((form, responder))
    }

    /// Reads a form like [`form`](Self::form), but the content of its files goes into `batch`, which has
    /// kept them when this returns, and [lets them stay](Batch::accept) if the form is accepted. Files that
    /// weren't chosen are left out.
    ///
    /// # Errors
    /// Those of [`form`](Self::form), and those of `batch`.
    pub async fn form_into<B: Batch>(
        self,
        batch: &mut B,
    ) -> Result<(Form<'c>, Responder<'c, T>), Error<T::Error>> {
        let Some(delimiters) = self.announces_form()? else { return self.urlencoded().await };
        let (body, responder) = self.open().await?;
        let form = Collector::new(body, delimiters).form_into(batch).await;
        if form.is_err() {
            batch.discard().await;
        }
        Ok((form?, responder))
    }

    /// Reads a form sent as `application/x-www-form-urlencoded`, and nothing else: for a device whose forms
    /// have no files, since all that [`form`](Self::form) knows of parts takes some kibibytes of flash.
    ///
    /// # Errors
    /// Those of [`form`](Self::form).
    pub async fn urlencoded(self) -> Result<(Form<'c>, Responder<'c, T>), Error<T::Error>> {
        self.announces_urlencoded()?;
        let limit = self.receiver().limits().form;
        let (body, responder) = self.open().await?;
        let form = Form::decode(body.collect(limit).await?).ok_or(NOT_UTF8)?;
        Ok((form, responder))
    }

    /// Whether the head announces a form that may be read: all that [`urlencoded`](Self::urlencoded)
    /// refuses before it reads.
    pub(crate) fn announces_urlencoded(&self) -> Result<(), &'static Refusal> {
        announced(self.head(), is_urlencoded, NOT_URLENCODED)?;
        self.accepts(self.receiver().limits().form)
    }

    /// The parts of a form sent as `multipart/form-data`, to be read while they arrive, and where the
    /// reply comes from.
    ///
    /// # Errors
    /// The answer, if it is none: 415 for another type or any content coding, 411 without a length,
    /// 400 without a boundary, and 413 if it is larger than the limit `multipart`, all before any of it
    /// is read. And that the transport failed.
    pub async fn multipart(
        self,
    ) -> Result<(Multipart<'c, T::Rx>, Responder<'c, T>), Error<T::Error>> {
        let announced = announced(self.head(), is_multipart, NOT_MULTIPART)?;
        let delimiters = self.announces_parts(&announced)?;
        let (body, responder) = self.open().await?;
        Ok((Multipart::new(body, delimiters), responder))
    }

    /// Whether the head announces a form that may be read: all that [`form`](Self::form) refuses
    /// before it reads. What finds its parts, if it is multipart.
    pub(crate) fn announces_form(&self) -> Result<Option<Delimiters<'c>>, &'static Refusal> {
        let is_form =
            |media_type: &MediaType<'_>| is_urlencoded(media_type) || is_multipart(media_type);
        let announced = announced(self.head(), is_form, NOT_A_FORM)?;
        if is_multipart(&announced.media_type) {
            return self.announces_parts(&announced).map(Some);
        }
        self.accepts(self.receiver().limits().form)?;
        Ok(None)
    }

    /// What finds the parts that are announced.
    fn announces_parts(
        &self,
        announced: &Announced<'c>,
    ) -> Result<Delimiters<'c>, &'static Refusal> {
        let delimiters = boundary(announced).and_then(Delimiters::new).ok_or(NO_BOUNDARY)?;
        let receiver = self.receiver();
        let fits = receiver.announced() <= receiver.limits().multipart;
        if fits { Ok(delimiters) } else { Err(TOO_LARGE) }
    }
}

/// The type of a form that a head announces.
struct Announced<'c> {
    /// Content-Type.
    value: &'c [u8],
    media_type: MediaType<'c>,
}

/// The form that a head announces, when it is of a type that is taken; others get `refusal`.
fn announced<'c>(
    head: &'c Head<'c>,
    is_taken: fn(&MediaType<'_>) -> bool,
    refusal: &'static Refusal,
) -> Result<Announced<'c>, &'static Refusal> {
    let fields = head.fields();
    let value = fields.only("Content-Type").unwrap_or_default();
    let media_type = media_type(value).filter(is_taken).ok_or(refusal)?;
    if fields.first("Content-Encoding").is_some() {
        return Err(CODED);
    }
    if head.facts().declare_content() {
        Ok(Announced { value, media_type })
    } else {
        Err(NO_LENGTH)
    }
}

fn is_urlencoded(media_type: &MediaType<'_>) -> bool {
    media_type.is("application", "x-www-form-urlencoded")
}

fn is_multipart(media_type: &MediaType<'_>) -> bool {
    media_type.is("multipart", "form-data")
}

/// The only boundary among the parameters of a type.
fn boundary<'c>(&Announced { value, media_type }: &Announced<'c>) -> Option<&'c [u8]> {
    let (mut boundary, mut count) = (None, 0);
    parameters(value, media_type.length(), &mut |parameter| {
        if parameter.name.of(value).eq_ignore_ascii_case(b"boundary") {
            (boundary, count) = (Some(parameter.value.of(value)), count + 1);
        }
    });
    boundary.filter(|_| count == 1)
}
