//! `multipart/form-data` (RFC 7578), part by part as it arrives.

use super::delimiter::{Delimiters, Event};
use super::parts::Parts;
use crate::bytes::ascii::as_str;
use crate::bytes::span::Span;
use crate::server::{Body, Error, Receive};

/// The type of a part that says none (RFC 7578 §4.4).
pub(super) const DEFAULT_TYPE: &str = "text/plain";

/// A form as `multipart/form-data`, whose parts come one after the other while they arrive. Nothing of
/// it is kept but the head of the part that is being read, so a file may be of any size.
///
/// ```
/// use thimble_core::testing::{Client, FormPart, Request};
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// /// Says how many lines the files have.
/// async fn lines<'c, T: Transport>(exchange: Exchange<'c, T>) -> Answer<'c, T> {
///     let (mut form, respond) = exchange.multipart().await?; // 100 Continue goes out here
///     let mut text = String::new();
///     while let Some(mut part) = form.next().await? {
///         let Some(filename) = part.filename().map(str::to_owned) else { continue };
///         let mut lines = 0;
///         while let Some(chunk) = part.chunk().await? {
///             lines += chunk.iter().filter(|&&octet| octet == b'\n').count();
///         }
///         text += &format!("{filename}, {}: {lines}\n", part.content_type());
///     }
///     respond.status(Status::OK).send(text.as_bytes()).await
/// }
///
/// # struct Example;
/// #
/// # impl Service for Example {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         lines(exchange).await
/// #     }
/// # }
/// #
/// let client = Client::new(Example);
/// let parts = [
///     FormPart::text("title", "Poems"),
///     FormPart::file("poem", "a.txt", "text/plain", b"Roses\nViolets\n"),
///     FormPart::file("poem", "b.txt", "text/plain", b"-- no delimiter\r\n--\r\n\r\n"),
/// ];
/// let request = Request::post("/").multipart(&parts);
/// assert_eq!(client.send(&request).text(), "a.txt, text/plain: 2\nb.txt, text/plain: 3\n");
/// assert_eq!(client.post_form("/", &[]).status(), 415);
/// ```
#[derive(Debug)]
pub struct Multipart<'c, R> {
    parts: Parts<'c, R>,
    /// Whether the end of a part is still to come.
    in_part: bool,
}

/// A part of a form: a text, or a file.
///
/// What it says of itself is whatever the client likes: a file name may hold slashes, and a type may
/// be wrong. So **no file name may become part of a path** as it is.
#[derive(Debug)]
pub struct Part<'m, 'c, R> {
    multipart: &'m mut Multipart<'c, R>,
}

/// Some of the content of a part.
enum Piece<'c> {
    InBuffer(Span),
    Held(&'c [u8]),
}

impl<'c, R: Receive> Multipart<'c, R> {
    pub(super) const fn new(body: Body<'c, R>, delimiters: Delimiters<'c>) -> Self {
        Self { parts: Parts::new(body, delimiters), in_part: false }
    }

    /// The next part; `None` when there is no other, and the whole content is well-formed. What is
    /// unread of the part before is thrown away.
    ///
    /// # Errors
    /// The answer to content that is malformed, ends early or takes too long, or is over one of the
    /// limits; or that the transport failed.
    pub async fn next(&mut self) -> Result<Option<Part<'_, 'c, R>>, Error<R::Error>> {
        while self.piece().await?.is_some() {}
        self.parts.truncate(0);
        loop {
            match self.parts.next()? {
                None => self.parts.body.read().await?,
                Some(Event::Close) => return Ok(None),
                Some(_) => {
                    self.in_part = true;
                    return Ok(Some(Part { multipart: self }));
                }
            }
        }
    }

    /// Some of the content of the part, if there is one; `None` at its end.
    fn piece(&mut self) -> impl Future<Output = Result<Option<Piece<'c>>, Error<R::Error>>> {
        async {
            while self.in_part {
                match self.parts.next()? {
                    None => self.parts.body.read().await?,
                    Some(Event::Content(length)) => {
                        return Ok(Some(Piece::InBuffer(self.parts.last(length))));
                    }
                    Some(Event::Held(octets)) => return Ok(Some(Piece::Held(octets))),
                    Some(_) => self.in_part = false,
                }
            }
            Ok(None)
        }
    }
}

impl<R: Receive> Part<'_, '_, R> {
    /// The name of the field.
    pub fn name(&self) -> &str {
        self.text(self.multipart.parts.head().name)
    }

    /// The name of the file, when it is one: empty where nothing was chosen. Decoded from `filename*`
    /// (RFC 8187), when there is one, or else from `filename`.
    pub fn filename(&self) -> Option<&str> {
        self.multipart.parts.filename()
    }

    /// Its media type, as it was sent, with its parameters; `text/plain` if none was (RFC 7578 §4.4).
    pub fn content_type(&self) -> &str {
        self.multipart.parts.head().content_type.map_or(DEFAULT_TYPE, |span| self.text(span))
    }

    /// The next piece of its content, as much as is there; `None` at its end. Pieces say nothing about
    /// the chunks or packets that they came in.
    ///
    /// # Errors
    /// What [`Multipart::next`] returns.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, Error<R::Error>> {
        Ok(match self.multipart.piece().await? {
            Some(Piece::InBuffer(span)) => Some(span.of(self.multipart.parts.octets())),
            Some(Piece::Held(octets)) => Some(octets),
            None => None,
        })
    }

    fn text(&self, span: Span) -> &str {
        // It was found to be UTF-8.
        as_str(span.of(self.multipart.parts.octets()))
    }
}
