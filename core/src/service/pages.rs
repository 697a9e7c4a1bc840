//! Pages that are found by other paths than their own.

use super::storage::{Node, OpenError, Storage};
use crate::semantics::negotiate::Coding;
use crate::semantics::path::Path;

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

impl<S: Storage> Storage for Pages<S> {
    type File = S::File;
    type Entries = S::Entries;

    // Not an `async fn`: nothing is added to what the inner one does.
    fn open(
        &self,
        path: &Path<'_>,
        coding: Coding,
    ) -> impl Future<Output = Result<Node<S::File>, OpenError>> {
        self.inner.open(path, coding)
    }

    fn list(&self, path: &Path<'_>) -> impl Future<Output = Result<S::Entries, OpenError>> {
        self.inner.list(path)
    }

    async fn open_page(&self, path: &Path<'_>, coding: Coding) -> Result<Node<S::File>, OpenError> {
        let name = path.name();
        if !self.without_extensions || path.is_directory() || name.ends_with(PAGE) {
            return Err(OpenError::NotFound);
        }
        let mut buffer = [0; LONGEST];
        let page = with_extension(name, &mut buffer).and_then(|name| path.sibling(name));
        self.inner.open(&page.ok_or(OpenError::NotFound)?, coding).await
    }

    fn has_single_page(&self) -> bool {
        self.single_page
    }

    fn end_of_pages(&self) -> &str {
        self.inner.end_of_pages()
    }
}

fn with_extension<'b>(name: &[u8], buffer: &'b mut [u8; LONGEST]) -> Option<&'b [u8]> {
    let (stem, rest) = buffer.split_at_mut_checked(name.len())?;
    stem.copy_from_slice(name);
    rest.get_mut(..PAGE.len())?.copy_from_slice(PAGE);
    buffer.get(..name.len() + PAGE.len())
}
