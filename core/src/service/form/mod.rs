//! Forms: the content of a POST, as fields.

mod collect;
mod delimiter;
mod fields;
mod head;
mod multipart;
mod parts;
mod urlencoded;

pub(crate) use fields::{END, Size, encode_field, encode_file, encode_size};
pub use fields::{Form, FormField, FormFile};
pub use multipart::{Multipart, Part};

use crate::grammar::media_type::{MediaType, media_type};
use crate::message::{Head, Refusal, Status};
use crate::server::body::TOO_LARGE;
use crate::server::{Error, Exchange, Responder, Transport};
use crate::service::uploads::Batch;
use collect::Collector;
use delimiter::Search;
use fields::NOT_UTF8;
use parts::{Event, Parts};

const NOT_A_FORM: &Refusal = &Refusal::with_field(
    Status::UNSUPPORTED_MEDIA_TYPE,
    &(
        "no form of a type in Accept",
        "Accept",
        "application/x-www-form-urlencoded, multipart/form-data",
    ),
);
const NOT_URLENCODED: &Refusal = &Refusal::with_field(
    Status::UNSUPPORTED_MEDIA_TYPE,
    &("only application/x-www-form-urlencoded", "Accept", "application/x-www-form-urlencoded"),
);
pub(super) const NOT_MULTIPART: &Refusal = &Refusal::with_field(
    Status::UNSUPPORTED_MEDIA_TYPE,
    &("only multipart/form-data", "Accept", "multipart/form-data"),
);
// Which of the two it is, the field tells (RFC 9110 §12.5.3 and §15.5.16).
const CODED: &Refusal = &Refusal::with_field(
    Status::UNSUPPORTED_MEDIA_TYPE,
    &("a form without a content coding only", "Accept-Encoding", "identity"),
);
const NO_LENGTH: &Refusal =
    &Refusal::new(Status::LENGTH_REQUIRED, "a form needs a Content-Length, or chunks");
const NO_BOUNDARY: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "a boundary of 1 to 70 octets is needed");

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
        let search = self.announces_form()?;
        let is_urlencoded = search.is_none();
        let (body, responder) = self.open().await?;
        let mut collector = Collector { parts: Parts::new(body, search), size: 0 };
        while collector.collect()? == Event::More {
            collector.parts.body.read().await?;
        }
        let content = collector.parts.into_kept();
        let form = if is_urlencoded {
            Form::decode(content).ok_or(NOT_UTF8)?
        } else {
            Form::from_decoded(content)
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
        let Some(search) = self.announces_form()? else { return self.urlencoded().await };
        let (body, responder) = self.open().await?;
        let collector = Collector { parts: Parts::new(body, Some(search)), size: 0 };
        let form = collector.form_into(batch).await;
        if form.is_err() {
            batch.discard().await;
        }
        Ok((form?, responder))
    }

    /// Reads a form sent as `application/x-www-form-urlencoded`, and nothing else: for a device whose forms
    /// have no files, since all that [`form`](Self::form) knows of parts takes 4 KiB of flash.
    ///
    /// # Errors
    /// Those of [`form`](Self::form).
    pub fn urlencoded(
        self,
    ) -> impl Future<Output = Result<(Form<'c>, Responder<'c, T>), Error<T::Error>>> {
        // An `async fn` would hold the exchange twice.
        async move {
            self.announces_urlencoded()?;
            let (body, responder) = self.open().await?;
            let limit = body.limits().form;
            let form = Form::decode(body.collect(limit).await?).ok_or(NOT_UTF8)?;
            Ok((form, responder))
        }
    }

    /// Whether the head announces a form that may be read: all that [`urlencoded`](Self::urlencoded)
    /// refuses before it reads.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(crate) fn announces_urlencoded(&self) -> Result<(), &'static Refusal> {
        announced(self.head()).filter(is_urlencoded).ok_or(NOT_URLENCODED)?;
        self.accepts_form()
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
        let media_type = announced(self.head()).filter(is_multipart).ok_or(NOT_MULTIPART)?;
        let search = self.announces_parts(&media_type)?;
        let (body, responder) = self.open().await?;
        Ok((Multipart::new(Parts::new(body, Some(search))), responder))
    }

    /// Whether the head announces a form that may be read: all that [`form`](Self::form) refuses
    /// before it reads. What finds its parts, if it is multipart.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(crate) fn announces_form(&self) -> Result<Option<Search<'c>>, &'static Refusal> {
        let media_type = announced(self.head()).ok_or(NOT_A_FORM)?;
        if is_multipart(&media_type) {
            return self.announces_parts(&media_type).map(Some);
        }
        if !is_urlencoded(&media_type) {
            return Err(NOT_A_FORM);
        }
        self.accepts_form().map(|()| None)
    }

    fn accepts_form(&self) -> Result<(), &'static Refusal> {
        is_plain(self.head())?;
        self.accepts(self.limits().form)
    }

    /// What finds the parts that are announced.
    fn announces_parts(&self, media_type: &MediaType<'c>) -> Result<Search<'c>, &'static Refusal> {
        is_plain(self.head())?;
        let search = media_type.parameter(b"boundary").and_then(Search::new).ok_or(NO_BOUNDARY)?;
        let receiver = self.receiver();
        let fits = receiver.announced() <= self.limits().multipart;
        if fits { Ok(search) } else { Err(TOO_LARGE) }
    }
}

/// The type of content that a head announces.
fn announced<'c>(head: &Head<'c>) -> Option<MediaType<'c>> {
    head.fields().only("Content-Type").and_then(media_type)
}

fn is_urlencoded(media_type: &MediaType<'_>) -> bool {
    media_type.is("application", "x-www-form-urlencoded")
}

fn is_multipart(media_type: &MediaType<'_>) -> bool {
    media_type.is("multipart", "form-data")
}

/// Whether a form may be read as it is.
fn is_plain(head: &Head<'_>) -> Result<(), &'static Refusal> {
    if head.fields().first("Content-Encoding").is_some() {
        return Err(CODED);
    }
    if head.facts().declare_content() { Ok(()) } else { Err(NO_LENGTH) }
}
