//! A text of yours at the end of every page.

use core::any::Any;

use super::place::Place;
use super::storage::{File, Metadata, Node, OpenError, ReadError, Storage, slice};
use crate::bytes::cursor::Cursor;
use crate::grammar::etag::EntityTag;
use crate::semantics::mime::{is_html, own_type_of};
use crate::semantics::negotiate::{Coding, Codings};
use crate::semantics::path::Path;
use crate::server::{Error, Stream, Transport};

/// Octets of the longest entity tag of a page, with what marks the text.
const LONGEST: usize = 64;

/// A storage around another one, whose pages of HTML end with a text of yours: listings that are made of it,
/// too. [`Live`](super::layers::Live) has its script in all pages by this.
///
/// Such a page is a representation of its own (RFC 9110 §8): its length and its ranges are those of the
/// whole, and it has an entity tag that no page without the text has, nor one with another text, so that
/// caches never mix them. It has no Last-Modified, which couldn't tell them apart, and no content codings.
/// All other files are as they were, and with an empty text, pages are, too.
///
/// # Examples
/// ```
/// use thimble_core::service::Appended;
/// use thimble_core::testing::Client;
/// use thimble_core::{Files, Image};
///
/// # fn served(image: Image) {
/// let client = Client::new(Files::new(Appended::new(image, "<script src=\"/count.js\"></script>")));
/// assert!(client.get("/").text().ends_with("<script src=\"/count.js\"></script>"));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Appended<'s, S> {
    inner: S,
    text: &'s str,
    /// What stands for the text in entity tags.
    mark: u32,
    types: &'s [(&'s str, &'s str)],
}

impl<'s, S> Appended<'s, S> {
    /// What is in `inner`, with `text` at the end of each page.
    pub const fn new(inner: S, text: &'s str) -> Self {
        Self { inner, text, mark: hash(text.as_bytes()), types: &[] }
    }

    /// Content-Types of your own, as they are given to [`Files::types`](super::Files::types): they say which
    /// files are pages.
    #[must_use]
    pub fn types(self, types: &'s [(&'s str, &'s str)]) -> Self {
        Self { types, ..self }
    }
}

impl<'s, S: Storage> Appended<'s, S> {
    /// `node`, which is called `name`, with the text if it is a page.
    fn page(
        &self,
        node: Node<S::File>,
        name: &[u8],
        coding: Coding,
    ) -> Node<AppendedFile<'s, S::File>> {
        let Node::File(inner) = node else { return Node::Directory };
        let own = own_type_of(self.types, name);
        let is_page = !self.text.is_empty()
            && coding == Coding::Identity
            && is_html(own.unwrap_or_else(|| inner.content_type(name)));
        let (text, tag) = if is_page {
            (self.text, Tag::of(inner.metadata().etag, self.mark))
        } else {
            ("", None)
        };
        Node::File(AppendedFile { inner, text, tag })
    }
}

impl<'s, S: Storage> Storage for Appended<'s, S> {
    type File = AppendedFile<'s, S::File>;
    type Entries = S::Entries;

    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<Self::File>, OpenError> {
        Ok(self.page(self.inner.open(path, coding).await?, path.name(), coding))
    }

    fn list(&self, path: &Path<'_>) -> impl Future<Output = Result<S::Entries, OpenError>> {
        self.inner.list(path)
    }

    async fn open_page(
        &self,
        path: &Path<'_>,
        coding: Coding,
    ) -> Result<Node<Self::File>, OpenError> {
        Ok(self.page(self.inner.open_page(path, coding).await?, b"page.html", coding))
    }

    fn has_single_page(&self) -> bool {
        self.inner.has_single_page()
    }

    fn end_of_pages(&self) -> &str {
        self.text
    }
}

/// A file in an [`Appended`] storage.
#[derive(Clone, Copy, Debug)]
pub struct AppendedFile<'s, F> {
    inner: F,
    /// Empty, if it is no page.
    text: &'s str,
    tag: Option<Tag>,
}

impl<F: File> AppendedFile<'_, F> {
    /// The part of the text that stands in `length` octets from `offset` on, of a page whose own length is
    /// `own`.
    fn text_in(&self, own: u64, offset: u64, length: u64) -> &[u8] {
        let end = offset.saturating_add(length).saturating_sub(own);
        let first = offset.saturating_sub(own);
        slice(self.text.as_bytes(), first, end.saturating_sub(first))
    }
}

impl<F: File> File for AppendedFile<'_, F> {
    fn metadata(&self) -> Metadata<'_> {
        let metadata = self.inner.metadata();
        if self.text.is_empty() {
            return metadata;
        }
        Metadata {
            len: metadata.len.saturating_add(self.text.len() as u64),
            modified: None,
            etag: self.tag.as_ref().map(Tag::shown),
            codings: Codings::NONE,
        }
    }

    fn has_length(&self) -> bool {
        self.inner.has_length()
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let own = self.inner.metadata().len;
        if self.text.is_empty() {
            return self.inner.read_at(offset, buffer).await;
        }
        if offset < own {
            let left = usize::try_from(own - offset).unwrap_or(usize::MAX);
            let most = buffer.len().min(left);
            return self.inner.read_at(offset, buffer.get_mut(..most).unwrap_or_default()).await;
        }
        let text = self.text_in(own, offset, buffer.len() as u64);
        buffer.get_mut(..text.len()).unwrap_or_default().copy_from_slice(text);
        Ok(text.len())
    }

    fn made_codings(&self) -> Codings {
        if self.text.is_empty() { self.inner.made_codings() } else { Codings::NONE }
    }

    async fn encode(&self, coding: Coding) -> Result<Self, OpenError> {
        let inner = self.inner.encode(coding).await?;
        Ok(Self { inner, text: self.text, tag: self.tag })
    }

    fn content_type(&self, name: &[u8]) -> &str {
        self.inner.content_type(name)
    }

    fn as_slice(&self) -> Option<&'static [u8]> {
        if self.text.is_empty() { self.inner.as_slice() } else { None }
    }

    async fn send<T: Transport>(
        &self,
        offset: u64,
        length: u64,
        stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
        let own = self.inner.metadata().len;
        let is_own = self.text.is_empty() || !self.has_length();
        let of_file = if is_own { length } else { length.min(own.saturating_sub(offset)) };
        if of_file > 0 || is_own {
            self.inner.send(offset, of_file, stream).await?;
        }
        let text = match (self.text, self.has_length()) {
            ("", _) => return Ok(()),
            (text, false) => text.as_bytes(),
            (_, true) => self.text_in(own, offset, length),
        };
        stream.queue(text).await
    }

    async fn send_to_end<T: Transport>(
        &self,
        stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
        self.inner.send_to_end(stream).await?;
        stream.queue(self.text.as_bytes()).await
    }

    // Not an `async fn`: a form is never shown in the text.
    fn form_place(&self, buffer: &mut [u8]) -> impl Future<Output = Option<Place>> {
        self.inner.form_place(buffer)
    }

    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        if self.text.is_empty() { self.inner.handle() } else { None }
    }
}

/// The entity tag of a page with its text.
#[derive(Clone, Copy, Debug)]
struct Tag {
    is_weak: bool,
    opaque: [u8; LONGEST],
    length: usize,
}

impl Tag {
    /// That of the page, with the mark of the text behind it; `None` if it has none, or there is no room.
    fn of(tag: Option<EntityTag<'_>>, mark: u32) -> Option<Self> {
        let EntityTag { is_weak, opaque } = tag?;
        let mut octets = [0; LONGEST];
        let mut spelled = Cursor::new(&mut octets);
        spelled.push(opaque);
        spelled.push(b"+");
        for digit in (0..8).rev().map(|place| (mark >> (place * 4)) & 0xf) {
            let digit = char::from_digit(digit, 16).unwrap_or_default();
            spelled.push(digit.encode_utf8(&mut [0; 4]).as_bytes());
        }
        spelled.written().ok()?;
        let length = spelled.count();
        Some(Self { is_weak, opaque: octets, length })
    }

    fn shown(&self) -> EntityTag<'_> {
        let opaque = self.opaque.get(..self.length).unwrap_or_default();
        EntityTag { is_weak: self.is_weak, opaque }
    }
}

/// FNV-1a, of 32 bits.
const fn hash(mut octets: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    while let [octet, rest @ ..] = octets {
        hash = (hash ^ *octet as u32).wrapping_mul(0x0100_0193);
        octets = rest;
    }
    hash
}
