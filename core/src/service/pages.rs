//! Pages that are found by other paths than their own.

use core::any::Any;

use super::place::Place;
use super::storage::{File, Metadata, Node, OpenError, ReadError, Storage};
use crate::semantics::negotiate::Coding;
use crate::semantics::path::Path;
use crate::server::{Error, Stream, Transport};

/// What stands at the end of the name of a page.
const PAGE: &[u8] = b".html";

/// Octets of the longest name that a page is looked for by, with [`PAGE`].
const LONGEST: usize = 128;

/// A storage around another one, in which pages are found by shorter paths, or one page by all of them.
///
/// # Examples
/// ```
/// use thimble_core::service::Pages;
/// use thimble_core::testing::{Client, Request};
/// use thimble_core::{Files, Image};
///
/// # fn served(image: Image) {
/// // An application of one page, which reads the path by a script.
/// let client = Client::new(Files::new(Pages::new(image).single_page()));
/// let navigation = Request::get("/orders/17").field("Accept", "text/html");
/// assert_eq!(client.send(&navigation).status(), 200);
/// assert_eq!(client.get("/missing.png").status(), 404);
///
/// // `/about` is `about.html`.
/// let client = Client::new(Files::new(Pages::new(image).without_extensions()));
/// assert_eq!(client.get("/about").field("Content-Type"), Some("text/html; charset=utf-8"));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pages<S> {
    inner: S,
    single_page: bool,
    without_extensions: bool,
}

impl<S> Pages<S> {
    /// What is in `inner`, by the same paths.
    pub const fn new(inner: S) -> Self {
        Self { inner, single_page: false, without_extensions: false }
    }

    /// Answers a navigation that finds nothing by the index of the root, with 200: a GET that accepts
    /// `text/html` by its name, as browsers do when they go to a page, for a path whose last segment has
    /// no dot. All else that is missing, such as a picture or what a script asks for, is 404 as ever.
    #[must_use]
    pub fn single_page(self) -> Self {
        Self { single_page: true, ..self }
    }

    /// Finds `about.html` by `/about`, too, if there is nothing called `about`; with its content codings,
    /// and as a page that takes forms. Neither path redirects to the other, and `/about/` is none. Names of
    /// more than 123 octets are not looked for.
    #[must_use]
    pub fn without_extensions(self) -> Self {
        Self { without_extensions: true, ..self }
    }
}

/// A file of [`Pages`].
#[derive(Clone, Copy, Debug)]
pub struct Page<F> {
    file: F,
    /// Whether it was found without its extension.
    is_short: bool,
}

impl<S: Storage> Storage for Pages<S> {
    type File = Page<S::File>;
    type Entries = S::Entries;

    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<Self::File>, OpenError> {
        let name = path.name();
        let is_page = self.without_extensions && !path.is_directory() && !name.ends_with(PAGE);
        // What is called so in a coding may belong to nothing.
        let is_there = !is_page || coding == Coding::Identity || {
            let plain = self.inner.open(path, Coding::Identity).await;
            !matches!(plain, Err(OpenError::NotFound))
        };
        let found =
            if is_there { self.inner.open(path, coding).await } else { Err(OpenError::NotFound) };
        match found {
            Err(OpenError::NotFound) if is_page => {
                let mut buffer = [0; LONGEST];
                let page = with_extension(name, &mut buffer);
                let page = page.and_then(|name| path.sibling(name)).ok_or(OpenError::NotFound)?;
                match self.inner.open(&page, coding).await? {
                    Node::File(file) => Ok(Node::File(Page { file, is_short: true })),
                    Node::Directory => Err(OpenError::NotFound),
                }
            }
            Ok(Node::File(file)) => Ok(Node::File(Page { file, is_short: false })),
            Ok(Node::Directory) => Ok(Node::Directory),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, path: &Path<'_>) -> Result<S::Entries, OpenError> {
        self.inner.list(path).await
    }

    fn has_single_page(&self) -> bool {
        self.single_page
    }
}

fn with_extension<'b>(name: &[u8], buffer: &'b mut [u8; LONGEST]) -> Option<&'b [u8]> {
    let (stem, rest) = buffer.split_at_mut_checked(name.len())?;
    stem.copy_from_slice(name);
    rest.get_mut(..PAGE.len())?.copy_from_slice(PAGE);
    buffer.get(..name.len() + PAGE.len())
}

impl<F: File> File for Page<F> {
    fn metadata(&self) -> Metadata<'_> {
        self.file.metadata()
    }

    fn has_length(&self) -> bool {
        self.file.has_length()
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.file.read_at(offset, buffer).await
    }

    fn type_name<'n>(&self, name: &'n [u8]) -> &'n [u8] {
        if self.is_short { b"page.html" } else { self.file.type_name(name) }
    }

    fn content_type(&self, name: &[u8]) -> &str {
        self.file.content_type(name)
    }

    fn as_slice(&self) -> Option<&'static [u8]> {
        self.file.as_slice()
    }

    async fn send<T: Transport>(
        &self,
        offset: u64,
        length: u64,
        stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
        self.file.send(offset, length, stream).await
    }

    async fn send_to_end<T: Transport>(
        &self,
        stream: &mut Stream<'_, T>,
    ) -> Result<(), Error<T::Error>> {
        self.file.send_to_end(stream).await
    }

    async fn form_place(&self, buffer: &mut [u8]) -> Option<Place> {
        self.file.form_place(buffer).await
    }

    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.file.handle()
    }
}
