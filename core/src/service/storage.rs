//! Storage: where files come from.

use core::any::Any;

use crate::grammar::date::UnixTime;
use crate::semantics::path::Path;

/// A tree of files, opened by decoded path.
#[expect(async_fn_in_trait, reason = "`Send` follows from the storage, as DESIGN asks")]
pub trait Storage {
    /// An open file.
    type File: File;

    /// Opens what stands at `path`.
    ///
    /// No spelling of `path` may lead out of the tree. Its segments are never empty, `.` or `..`,
    /// and hold neither `/` nor NUL; no segment at all names the root.
    async fn open(&self, path: &Path<'_>) -> Result<Node<Self::File>, OpenError>;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Octets.
    pub len: u64,
    /// When it was last changed, if that is known.
    pub modified: Option<UnixTime>,
}

/// An open file.
#[expect(async_fn_in_trait, reason = "`Send` follows from the file, as DESIGN asks")]
pub trait File {
    /// What is known of it.
    fn metadata(&self) -> Metadata;

    /// Reads at `offset` into `buffer`, as much as is there; 0 at the end of the file.
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError>;

    /// What the operating system knows it by, for a transport that can send it without a copy.
    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }

    /// The whole of it, when it is memory already, as in flash.
    fn as_slice(&self) -> Option<&'static [u8]> {
        None
    }
}
