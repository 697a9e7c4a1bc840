//! Storage: where files come from. What is built into a program is an
//! [`Image`](super::Image).

use core::any::Any;

use crate::grammar::date::UnixTime;
use crate::grammar::etag::EntityTag;
use crate::semantics::mime;
use crate::semantics::negotiate::{Coding, Codings};
use crate::semantics::path::Path;
use crate::server::{Error, Stream, Transport};
use crate::service::place::{Place, PlaceSearch};

pub use super::order::listing_order;

/// A tree of files, opened by decoded path.
///
/// ```
/// use thimble_core::semantics::negotiate::Coding;
/// use thimble_core::semantics::path::Path;
/// use thimble_core::service::storage::{
///     File, Metadata, NoEntries, Node, OpenError, ReadError, Storage,
/// };
/// use thimble_core::testing::{Client, Request};
/// use thimble_core::Site;
///
/// /// Files that are made when they are asked for: `/3` is three times `x`.
/// struct Made;
///
/// struct Crosses(u64);
///
/// impl Storage for Made {
///     type File = Crosses;
///     type Entries = NoEntries;
///
///     async fn open(&self, path: &Path<'_>, _: Coding) -> Result<Node<Crosses>, OpenError> {
///         let mut segments = path.segments();
///         match (segments.next(), segments.next()) {
///             (None, _) => Ok(Node::Directory),
///             (Some(name), None) => {
///                 let count = str::from_utf8(name).ok().and_then(|name| name.parse().ok());
///                 count.map(|count| Node::File(Crosses(count))).ok_or(OpenError::NotFound)
///             }
///             _ => Err(OpenError::NotFound),
///         }
///     }
///
///     async fn list(&self, _: &Path<'_>) -> Result<NoEntries, OpenError> {
///         Err(OpenError::NotFound)
///     }
/// }
///
/// impl File for Crosses {
///     fn metadata(&self) -> Metadata<'_> {
///         Metadata { len: self.0, ..Metadata::default() }
///     }
///
///     async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
///         let rest = usize::try_from(self.0.saturating_sub(offset)).unwrap_or(usize::MAX);
///         let count = rest.min(buffer.len());
///         buffer[..count].fill(b'x');
///         Ok(count)
///     }
/// }
///
/// let client = Client::new(Site::new(Made));
/// assert_eq!(client.get("/3").text(), "xxx");
/// let some = client.send(&Request::get("/100").field("Range", "bytes=90-"));
/// assert_eq!((some.status(), some.text()), (206, "xxxxxxxxxx"));
/// assert_eq!(client.get("/y").status(), 404);
/// ```
#[expect(async_fn_in_trait, reason = "`Send` follows from the storage, as DESIGN asks")]
pub trait Storage {
    /// An open file.
    type File: File;
    /// A directory that is being listed.
    type Entries: Entries;

    /// Opens the file or directory at `path`, a file in `coding`.
    ///
    /// No `path` may lead out of the tree. Its segments are never empty, `.` or `..`, and hold neither
    /// `/` nor NUL; a path without segments is the root.
    ///
    /// `coding` is [`Coding::Identity`], or one of the [`codings`](Metadata::codings) of the file at `path`.
    /// In a folder, the file in that coding stands beside it, with the coding's
    /// [suffix](Coding::suffix) at the end of its name.
    ///
    /// # Errors
    /// The reason why it can't be opened, which decides the status of the reply.
    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<Self::File>, OpenError>;

    /// Lists the directory at `path`.
    ///
    /// # Errors
    /// [`OpenError::NotFound`] if it can't be listed, or another reason.
    async fn list(&self, path: &Path<'_>) -> Result<Self::Entries, OpenError>;

    /// Opens the page that is found by `path`, at which nothing stands, without its extension, as
    /// [`Pages::without_extensions`](super::Pages::without_extensions) has it.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    async fn open_page(
        &self,
        path: &Path<'_>,
        coding: Coding,
    ) -> Result<Node<Self::File>, OpenError> {
        let _ = (path, coding);
        Err(OpenError::NotFound)
    }

    /// Whether the index of the root answers navigations that find nothing, as
    /// [`Pages::single_page`](super::Pages::single_page) has it.
    fn has_single_page(&self) -> bool {
        false
    }

    /// What pages that are made of it end with, such as listings, as [`Appended`](super::Appended) has it.
    #[expect(clippy::unnecessary_literal_bound, reason = "others have a text of their own")]
    fn end_of_pages(&self) -> &str {
        ""
    }
}

/// What stands at a path.
#[derive(Debug)]
pub enum Node<F> {
    /// A file.
    File(F),
    /// A directory.
    Directory,
}

/// Why nothing could be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing is there, or nothing that may be served: 404.
    NotFound,
    /// It exists, but may not be read: 403.
    Forbidden,
    /// It can't be opened now, but may be later: 503.
    Busy,
    /// The storage failed: 500.
    Failed,
}

/// The storage failed while a file or a list was read. If part of the reply has been sent, the connection
/// is cut, so that the client notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError;

/// What is known of an open file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata<'f> {
    /// Its length in octets, if the [length is known](File::has_length).
    pub len: u64,
    /// When it was last changed, if that is known.
    pub modified: Option<UnixTime>,
    /// Its entity tag, if it has one. It is strong if any change of the content changes it
    /// (RFC 9110 §8.8.1).
    pub etag: Option<EntityTag<'f>>,
    /// The content codings that it can be opened in, besides [`Coding::Identity`].
    pub codings: Codings,
}

/// An open file.
#[expect(async_fn_in_trait, reason = "`Send` follows from the file, as DESIGN asks")]
pub trait File {
    /// What is known of it.
    fn metadata(&self) -> Metadata<'_>;

    /// Whether its length is known before all of it has been read. A file of unknown length is sent
    /// [to its end](Self::send_to_end), and has neither ranges nor codings.
    fn has_length(&self) -> bool {
        true
    }

    /// Reads into `buffer`, from `offset` on. Returns how many octets were read, which may be fewer than
    /// there is room for, and 0 only at the end of the file.
    ///
    /// # Errors
    /// The storage failed.
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError>;

    /// The content codings that it can be [put into](Self::encode) when a client asks for one that it
    /// doesn't stand in. Only files of types that [become smaller](mime::is_compressible) are.
    fn made_codings(&self) -> Codings {
        Codings::NONE
    }

    /// It in `coding`, which is one of its [`made_codings`](Self::made_codings). The tag of the same state
    /// in the same coding is the same, and the tags of different codings differ (RFC 9110 §8.8.3.3).
    ///
    /// # Errors
    /// It can't be made, or not now, or is no smaller for it: whatever the reason, the file is sent in
    /// another coding.
    async fn encode(&self, coding: Coding) -> Result<Self, OpenError>
    where
        Self: Sized,
    {
        let _ = coding;
        Err(OpenError::NotFound)
    }

    /// Its Content-Type. `name` is the last segment of its path.
    fn content_type(&self, name: &[u8]) -> &str {
        mime::content_type(name)
    }

    /// Its whole content, if that is in memory or flash for as long as the program runs.
    fn as_slice(&self) -> Option<&'static [u8]> {
        None
    }

    /// Writes `length` octets of it to `stream`, from `offset` on; all of it, if it has no
    /// [length](Self::has_length).
    ///
    /// # Errors
    /// [`Error::Cut`] if the file has become shorter or can't be read, so that the declared length can't
    /// be sent; and the errors of [`Stream::queue`].
    async fn send<T: Transport>(
        &self,
        mut offset: u64,
        length: u64,
        stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
        if !self.has_length() {
            return self.send_to_end(stream).await;
        }
        let end = offset + length;
        if let Some(handle) = self.handle() {
            offset += stream.send_file(handle, offset, length).await?;
        }
        while offset < end {
            let space = stream.space().await?;
            let most = usize::try_from(end - offset).unwrap_or(usize::MAX).min(space.len());
            let space = space.get_mut(..most).unwrap_or_default();
            let count = self.read_at(offset, space).await.unwrap_or_default();
            if count == 0 {
                return Err(Error::Cut);
            }
            stream.advance(count)?;
            offset += count as u64;
        }
        Ok(())
    }

    /// Writes all of it to `stream`, until reading it ends. A file without a
    /// [length](Self::has_length) has to implement this, with a buffer of its own.
    ///
    /// # Errors
    /// [`Error::Cut`] if it can't be read, so that the reply doesn't look whole; and the errors of
    /// [`Stream::queue`].
    async fn send_to_end<T: Transport>(
        &self,
        _stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
        Err(Error::Cut)
    }

    /// The place of submitted fields in it, if it is a page of HTML; `None` if there is none. `buffer` is
    /// memory to read it with.
    async fn form_place(&self, buffer: &mut [u8]) -> Option<Place> {
        let mut search = PlaceSearch::default();
        loop {
            let count = self.read_at(search.seen(), buffer).await.ok()?;
            if count == 0 || search.look(buffer.get(..count)?) {
                return search.place(self.metadata().len);
            }
        }
    }

    /// The operating system's handle of it, for a transport that can send a file without reading it: on
    /// a desktop, a [`std::fs::File`](https://doc.rust-lang.org/std/fs/struct.File.html).
    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }
}

/// `length` octets of `memory` from `offset` on.
pub(super) fn slice(memory: &[u8], offset: u64, length: u64) -> &[u8] {
    let rest = usize::try_from(offset).ok().and_then(|offset| memory.get(offset..));
    let rest = rest.unwrap_or_default();
    usize::try_from(length).ok().and_then(|length| rest.get(..length)).unwrap_or(rest)
}

/// The entries of a directory, in [`listing_order`]: directories before files, each sorted by name.
/// Entries that can't be opened are left out.
#[expect(async_fn_in_trait, reason = "`Send` follows from the storage, as DESIGN asks")]
pub trait Entries {
    /// Prepares the list, by reading and sorting for instance. It is called before the first
    /// [`next`](Self::next), while an error can still be answered by a refusal, and not for HEAD.
    ///
    /// # Errors
    /// The reason why the directory can't be listed.
    async fn begin(&mut self) -> Result<(), OpenError> {
        Ok(())
    }

    /// The next entry; `None` after the last.
    ///
    /// # Errors
    /// The storage failed.
    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError>;
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'e> {
    /// Its name: any octets but `/` and NUL.
    pub name: &'e [u8],
    /// Whether it is a directory, or a link to one.
    pub is_directory: bool,
    /// Whether it is a link.
    pub is_link: bool,
    /// The length of a file in octets.
    pub len: u64,
    /// When it was last changed, if that is known.
    pub modified: Option<UnixTime>,
}

/// A list without entries, for a storage that lists nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEntries;

impl Entries for NoEntries {
    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        Ok(None)
    }
}
