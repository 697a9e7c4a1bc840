//! A storage in the program itself, as in flash.
//!
//! The package `thimble-image` makes an [`Image`] of a folder when a program is built, with all that
//! would otherwise be found out for each request: types, entity tags, dates, codings, and the order
//! of listings. Nothing here allocates, waits, or fails.
//!
//! Each directory is a table of its own, sorted by name, and names its directories by their place
//! among all: so links to directories cost nothing, also those that lead upwards. A path is looked up
//! segment by segment, by a binary search in each table, as it stands in the request. That is cheap
//! enough to look an index up like any other file.

use super::place::Place;
use super::storage::{self, Entries, Entry, Metadata, Node, OpenError, ReadError, Storage, slice};
use crate::grammar::date::UnixTime;
use crate::grammar::etag::EntityTag;
use crate::semantics::negotiate::{Coding, Codings};
use crate::semantics::path::Path;
use crate::server::{Error, Stream, Transport};

/// A tree of files in memory that lasts as long as the program.
///
/// ```
/// use thimble_core::semantics::negotiate::Coding;
/// use thimble_core::service::image::{Child, Directory, File, Image, Kind, Representation};
/// use thimble_core::service::place::Place;
///
/// static SITE: Image = Image::new(&[Directory {
///     children: &[Child {
///         name: b"index.html",
///         is_link: false,
///         kind: Kind::File(File {
///             content_type: "text/html; charset=utf-8",
///             identity: Representation {
///                 coding: Coding::Identity,
///                 content: b"<h1>Hello</h1>",
///                 etag: "1",
///                 modified: None,
///             },
///             coded: &[],
///             form_place: Some(&Place { at: 14, replaced: 0 }),
///         }),
///     }],
///     listed: &[0],
/// }]);
///
/// static SERVICE: thimble_core::Site<'static, Image> = thimble_core::Site::new(SITE);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Image {
    directories: &'static [Directory],
}

/// A directory of an [`Image`].
#[derive(Clone, Copy, Debug)]
pub struct Directory {
    /// Its children, sorted by name, octet by octet.
    pub children: &'static [Child],
    /// The indices of its children, in the [order of listings](storage::listing_order).
    pub listed: &'static [u16],
}

/// What stands in a [`Directory`].
#[derive(Clone, Copy, Debug)]
pub struct Child {
    /// Its name.
    pub name: &'static [u8],
    /// Whether it was a link.
    pub is_link: bool,
    /// What it is, or what the link leads to.
    pub kind: Kind,
}

/// A file or a directory of an [`Image`].
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A file.
    File(File),
    /// A directory.
    Directory {
        /// Its index among all directories of the image.
        index: u16,
        /// When it was last changed, if that is known.
        modified: Option<UnixTime>,
    },
}

/// A file of an [`Image`].
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its Content-Type.
    pub content_type: &'static str,
    /// The content as it is, in no coding.
    pub identity: Representation,
    /// The same content in other codings.
    pub coded: &'static [Representation],
    /// Where submitted fields are put, if it is an HTML page with a place for them.
    pub form_place: Option<&'static Place>,
}

/// A file of an [`Image`] in one coding.
#[derive(Clone, Copy, Debug)]
pub struct Representation {
    /// Its coding.
    pub coding: Coding,
    /// All of it.
    pub content: &'static [u8],
    /// Its strong entity tag, without the quotes.
    pub etag: &'static str,
    /// When it was last changed, if that is known.
    pub modified: Option<UnixTime>,
}

impl Image {
    /// An image of `directories`, of which the first is the root. If there are none, every path is 404.
    pub const fn new(directories: &'static [Directory]) -> Self {
        Self { directories }
    }

    /// All its directories, the root first.
    pub const fn directories(&self) -> &'static [Directory] {
        self.directories
    }

    /// What stands at `path`.
    fn find(&self, path: &Path<'_>) -> Option<Found> {
        let mut directory = self.directory(0)?;
        let mut segments = path.segments();
        while let Some(segment) = segments.next() {
            let children = directory.children;
            let at = children.binary_search_by(|child| child.name.cmp(segment)).ok()?;
            match &children.get(at)?.kind {
                Kind::Directory { index, .. } => directory = self.directory(*index)?,
                Kind::File(file) => {
                    return segments.next().is_none().then_some(Found::File(file));
                }
            }
        }
        Some(Found::Directory(directory))
    }

    fn directory(&self, index: u16) -> Option<&'static Directory> {
        self.directories.get(usize::from(index))
    }
}

enum Found {
    File(&'static File),
    Directory(&'static Directory),
}

impl Storage for Image {
    type File = ImageFile;
    type Entries = ImageEntries;

    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<ImageFile>, OpenError> {
        match self.find(path).ok_or(OpenError::NotFound)? {
            Found::Directory(_) => Ok(Node::Directory),
            Found::File(file) => {
                let mut all = file.coded.iter().chain([&file.identity]);
                let representation = all.find(|known| known.coding == coding);
                let representation = representation.ok_or(OpenError::NotFound)?;
                Ok(Node::File(ImageFile { file, representation }))
            }
        }
    }

    async fn list(&self, path: &Path<'_>) -> Result<ImageEntries, OpenError> {
        match self.find(path) {
            Some(Found::Directory(directory)) => Ok(ImageEntries { directory, listed: 0 }),
            _ => Err(OpenError::NotFound),
        }
    }
}

/// An open file of an [`Image`].
#[derive(Clone, Copy, Debug)]
pub struct ImageFile {
    file: &'static File,
    representation: &'static Representation,
}

impl storage::File for ImageFile {
    fn metadata(&self) -> Metadata<'_> {
        let Representation { coding, content, etag, modified } = *self.representation;
        let codings = match coding {
            Coding::Identity => self.file.codings(),
            _ => Codings::NONE,
        };
        let etag = Some(EntityTag::strong(etag.as_bytes()));
        Metadata { len: content.len() as u64, modified, etag, codings }
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let content = self.representation.content;
        let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn send<T: Transport>(
        &self,
        offset: u64,
        length: u64,
        stream: &mut Stream<'_, T>,
    ) -> impl Future<Output = Result<(), Error<T::Error>>> {
        let content = slice(self.representation.content, offset, length);
        async move { stream.render(&|emit| emit(content)).await }
    }

    async fn form_place(&self, _: &mut [u8]) -> Option<Place> {
        self.file.form_place.copied()
    }

    fn content_type(&self, _: &[u8]) -> &str {
        self.file.content_type
    }

    fn as_slice(&self) -> Option<&'static [u8]> {
        Some(self.representation.content)
    }
}

impl File {
    /// The codings that it is there in besides [`Coding::Identity`].
    fn codings(&self) -> Codings {
        self.coded.iter().fold(Codings::NONE, |all, coded| all.with(coded.coding))
    }
}

/// A directory of an [`Image`] that is being listed.
#[derive(Clone, Debug)]
pub struct ImageEntries {
    directory: &'static Directory,
    /// How many of its children were listed.
    listed: usize,
}

impl Entries for ImageEntries {
    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        let Directory { children, listed } = self.directory;
        let next = listed.get(self.listed).and_then(|place| children.get(usize::from(*place)));
        self.listed += 1;
        Ok(next.map(|&Child { name, is_link, kind }| {
            let (is_directory, len, modified) = match kind {
                Kind::Directory { modified, .. } => (true, 0, modified),
                Kind::File(File { identity: Representation { content, modified, .. }, .. }) => {
                    (false, content.len() as u64, modified)
                }
            };
            Entry { name, is_directory, is_link, len, modified }
        }))
    }
}
