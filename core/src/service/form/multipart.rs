//! `multipart/form-data` (RFC 7578), part by part as it arrives.

use super::fields::DEFAULT_TYPE;
use super::parts::{Event, Parts};
use crate::server::{Error, Receive};

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

impl<'c, R: Receive> Multipart<'c, R> {
    pub(super) const fn new(parts: Parts<'c, R>) -> Self {
        Self { parts, in_part: false }
    }

    /// The next part; `None` when there is no other, and the whole content is well-formed. What is
    /// unread of the part before is thrown away.
    ///
    /// # Errors
    /// The answer to content that is malformed, ends early or takes too long, or is over one of the
    /// limits; or that the transport failed.
    pub async fn next(&mut self) -> Result<Option<Part<'_, 'c, R>>, Error<R::Error>> {
        loop {
            match self.parts.next()? {
                Event::More => self.parts.body.read().await?,
                Event::Content | Event::Last => {}
                Event::Close => return Ok(None),
                Event::Head => break,
            }
        }
        self.in_part = true;
        Ok(Some(Part { multipart: self }))
    }
}

impl<R: Receive> Part<'_, '_, R> {
    /// The name of the field.
    pub fn name(&self) -> &str {
        let [start, name_end, ..] = self.multipart.parts.ends;
        self.multipart.parts.text(start, name_end - 1)
    }

    /// The name of the file, when it is one: empty where nothing was chosen. Decoded from `filename*`
    /// (RFC 8187), if there is one that makes sense, or else from `filename`.
    pub fn filename(&self) -> Option<&str> {
        self.multipart.parts.filename()
    }

    /// Its media type, as it was sent, with its parameters; `text/plain` if none was (RFC 7578 §4.4).
    pub fn content_type(&self) -> &str {
        let [.., start, end] = self.multipart.parts.ends;
        if start == end { DEFAULT_TYPE } else { self.multipart.parts.text(start, end) }
    }

    /// The next piece of its content, as much as is there; `None` at its end. Pieces say nothing about
    /// the chunks or packets that they came in.
    ///
    /// # Errors
    /// What [`Multipart::next`] returns.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, Error<R::Error>> {
        let Multipart { parts, in_part } = &mut *self.multipart;
        while *in_part {
            match parts.next()? {
                Event::More => parts.body.read().await?,
                event => {
                    *in_part = event == Event::Content;
                    if parts.piece.length() > 0 {
                        return Ok(Some(parts.piece.of(parts.body.kept())));
                    }
                }
            }
        }
        Ok(None)
    }
}
