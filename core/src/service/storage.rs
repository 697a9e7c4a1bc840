//! Storage: where files come from. What is built into a program is an [`Image`].

use core::any::Any;

use crate::grammar::date::UnixTime;
use crate::grammar::etag::EntityTag;
use crate::semantics::mime;
use crate::semantics::negotiate::{Coding, Codings};
use crate::semantics::path::Path;
use crate::server::{Error, Stream, Transport};
use crate::service::place::{Place, PlaceSearch};

pub use super::image::Image;
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

    /// Opens what stands at `path`, in `coding`.
    ///
    /// No spelling of `path` may lead out of the tree. Its segments are never empty, `.` or `..`,
    /// and hold neither `/` nor NUL; no segment at all names the root.
    ///
    /// Another coding than [`Coding::Identity`] is asked for only when the
    /// [`codings`](Metadata::codings) of the file at `path` have it: in a folder, that is the file
    /// beside it whose name ends with the coding's [suffix](Coding::suffix), too.
    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<Self::File>, OpenError>;

    /// Lists the directory at `path`. [`OpenError::NotFound`] if that can't be.
    async fn list(&self, path: &Path<'_>) -> Result<Self::Entries, OpenError>;
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
pub enum OpenError {
    /// Nothing is there, or nothing that may be served: 404.
    NotFound,
    /// It is there, and may not be read: 403.
    Forbidden,
    /// It can't be opened for now, and may be later: 503.
    Busy,
    /// The storage failed: 500.
    Failed,
}

/// The storage failed while a file was read. What was already sent can't be taken back: the
/// connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError;

/// What is known of an open file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata<'f> {
    /// Octets.
    pub len: u64,
    /// When it was last changed, if that is known.
    pub modified: Option<UnixTime>,
    /// Its entity tag, if there is one: strong when a change of any octet changes it
    /// (RFC 9110 §8.8.1).
    pub etag: Option<EntityTag<'f>>,
    /// The codings that it can be opened in besides [`Coding::Identity`].
    pub codings: Codings,
}

/// An open file.
#[expect(async_fn_in_trait, reason = "`Send` follows from the file, as DESIGN asks")]
pub trait File {
    /// What is known of it.
    fn metadata(&self) -> Metadata<'_>;

    /// Reads at `offset` into `buffer`, as much as is there; 0 at the end of the file.
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError>;

    /// Its Content-Type. `name` is the last segment of its path.
    fn content_type(&self, name: &[u8]) -> &str {
        mime::content_type(name)
    }

    /// The whole of it, when it is memory already, as in flash.
    fn as_slice(&self) -> Option<&'static [u8]> {
        None
    }

    /// Queues `length` octets of it from `offset` on.
    ///
    /// # Errors
    /// [`Error::Cut`] when the file has become shorter: what was declared can't be sent any more.
    async fn send<T: Transport>(
        &self,
        mut offset: u64,
        length: u64,
        stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
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

    /// Where submitted fields go into it, as a page of HTML that is read through `buffer`; `None` where
    /// there is no place for them.
    async fn form_place(&self, buffer: &mut [u8]) -> Option<Place> {
        let mut search = PlaceSearch::default();
        loop {
            let count = self.read_at(search.seen(), buffer).await.ok()?;
            if count == 0 || search.look(buffer.get(..count)?) {
                return search.place(self.metadata().len);
            }
        }
    }

    /// What the operating system knows it by, for a transport that can send it without reading it:
    /// on a desktop, a [`std::fs::File`](https://doc.rust-lang.org/std/fs/struct.File.html).
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
/// What can't be opened is not among them.
#[expect(async_fn_in_trait, reason = "`Send` follows from the storage, as DESIGN asks")]
pub trait Entries {
    /// Does what takes time before the first [`next`](Self::next), such as reading and sorting, so
    /// that what can't be listed is still refused. A request for the head alone doesn't ask for it.
    async fn begin(&mut self) -> Result<(), OpenError> {
        Ok(())
    }

    /// The next entry; `None` after the last.
    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError>;
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'e> {
    /// Its name, which may be any octets but `/` and NUL.
    pub name: &'e [u8],
    /// Whether it is a directory, or a link to one.
    pub is_directory: bool,
    /// Whether it is a link.
    pub is_link: bool,
    /// Octets of a file.
    pub len: u64,
    /// When it was last changed, if that is known.
    pub modified: Option<UnixTime>,
}

/// Nothing to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEntries;

impl Entries for NoEntries {
    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        Ok(None)
    }
}
