//! Files that come with forms: how they are kept.

use core::future::{Pending, pending};

use crate::message::Refusal;

/// Keeps the files that come with forms. [`Exchange::form_into`](crate::Exchange::form_into) gives
/// them to it while they arrive.
///
/// # Examples
/// One that keeps files in memory, and has no room for large ones.
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, Mutex, PoisonError};
///
/// use thimble_core::message::{Refusal, Status};
/// use thimble_core::service::{Batch, Present, Uploads};
/// use thimble_core::testing::{Client, FormPart, Request};
/// use thimble_core::{Answer, Exchange, Service, Transport};
///
/// const FULL: &Refusal =
///     &Refusal::new(Status::INSUFFICIENT_STORAGE, "files of 1000 octets at most");
///
/// #[derive(Clone, Default)]
/// struct Memory(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);
///
/// #[derive(Default)]
/// struct Files {
///     memory: Memory,
///     files: Vec<(String, Vec<u8>)>,
///     names: String,
/// }
///
/// impl Uploads for Memory {
///     type Keeps = Present;
///     type Batch = Files;
///
///     fn begin(&self) -> Option<Files> {
///         Some(Files { memory: self.clone(), ..Files::default() })
///     }
/// }
///
/// impl Batch for Files {
///     async fn create(&mut self, filename: &str) -> Result<(), &'static Refusal> {
///         // What a client says must not become a path as it is.
///         let name = filename.replace(|letter: char| !letter.is_alphanumeric(), "_");
///         self.files.push((name, Vec::new()));
///         Ok(())
///     }
///
///     async fn write(&mut self, octets: &[u8]) -> Result<(), &'static Refusal> {
///         let (_, content) = self.files.last_mut().ok_or(FULL)?;
///         content.extend_from_slice(octets);
///         if content.len() > 1000 { Err(FULL) } else { Ok(()) }
///     }
///
///     async fn keep(&mut self) -> Result<(), &'static Refusal> {
///         let mut kept = self.memory.0.lock().unwrap_or_else(PoisonError::into_inner);
///         for (name, content) in self.files.drain(..) {
///             self.names += &format!("{name}/");
///             kept.entry(name).or_insert(content);
///         }
///         Ok(())
///     }
///
///     fn names(&self) -> &str {
///         &self.names
///     }
///
///     fn accept(&mut self) {}
/// }
///
/// impl Service for Memory {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         let mut files = Files { memory: self.clone(), ..Files::default() };
///         let (_, respond) = exchange.form_into(&mut files).await?;
///         files.accept();
///         Ok(respond.see_other("/"))
///     }
/// }
///
/// let memory = Memory::default();
/// let client = Client::new(&memory);
/// let request = |content: &[u8]| {
///     Request::post("/").multipart(&[FormPart::file("file", "a.txt", "text/plain", content)])
/// };
/// assert_eq!(client.send(&request(b"Roses")).status(), 303);
/// assert_eq!(client.send(&request(&[0; 1001])).status(), 507);
/// assert_eq!(memory.0.lock().unwrap()["a_txt"], b"Roses");
/// ```
pub trait Uploads {
    /// [`Present`]; or [`Absent`] if files are never kept, so that nothing that does it becomes part of a program.
    type Keeps: Presence;

    /// The files of one form.
    type Batch: Batch;

    /// Begins a form; `None` if its files aren't kept.
    fn begin(&self) -> Option<Self::Batch>;

    /// The folder of the site in which kept files stand: its path from the root, as
    /// [`Path::parts`](crate::semantics::path::Path::parts) has it. `None` if they are no part of the site.
    fn folder(&self) -> Option<&[u8]> {
        None
    }
}

/// Whether files may be kept, as a type: a condition alone would leave the futures that keep them part of every
/// program.
pub trait Presence {
    /// Whether it is [`Present`].
    const IS_PRESENT: bool;

    /// The future of `F`, if it is needed.
    type Of<F: Future>: Future<Output = F::Output>;

    /// Makes a future that is only needed where files are kept.
    fn future<F: Future>(make: impl FnOnce() -> F) -> Self::Of<F>;
}

/// Files may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Present;

/// Files are never kept.
#[derive(Clone, Copy, Debug)]
pub struct Absent;

impl Presence for Present {
    const IS_PRESENT: bool = true;

    type Of<F: Future> = F;

    fn future<F: Future>(make: impl FnOnce() -> F) -> F {
        make()
    }
}

impl Presence for Absent {
    const IS_PRESENT: bool = false;

    type Of<F: Future> = Pending<F::Output>;

    fn future<F: Future>(_: impl FnOnce() -> F) -> Pending<F::Output> {
        pending()
    }
}

/// The files of one form, which are kept together or not at all: what becomes of the form turns out at
/// its end. If a batch is dropped that was not [accepted](Self::accept), nothing of it stays.
///
/// The errors are what answers the client: 507 if there is no room, for instance.
#[expect(async_fn_in_trait, reason = "`Send` follows from the batch, as DESIGN asks")]
pub trait Batch {
    /// Begins a file, after the one before is whole. `filename` is what the client calls it: any text, or
    /// none.
    ///
    /// # Errors
    /// The refusal that answers the client instead.
    async fn create(&mut self, filename: &str) -> Result<(), &'static Refusal>;

    /// Adds octets to the file that was begun last.
    ///
    /// # Errors
    /// The refusal that answers the client instead.
    async fn write(&mut self, octets: &[u8]) -> Result<(), &'static Refusal>;

    /// Gives each file a name of its own: the form is whole.
    ///
    /// # Errors
    /// The refusal that answers the client instead.
    async fn keep(&mut self) -> Result<(), &'static Refusal>;

    /// The names that the files were given, each with a slash behind it, in their order; nothing before.
    fn names(&self) -> &str;

    /// Lets the files stay.
    fn accept(&mut self);

    /// Removes what there is, as dropping it does, but before the client hears that it was refused.
    async fn discard(&mut self) {}
}

/// Keeps files, or not.
impl<U: Uploads> Uploads for Option<U> {
    type Keeps = U::Keeps;

    type Batch = U::Batch;

    fn begin(&self) -> Option<U::Batch> {
        self.as_ref()?.begin()
    }

    fn folder(&self) -> Option<&[u8]> {
        self.as_ref()?.folder()
    }
}

/// Keeps nothing.
impl Uploads for () {
    type Keeps = Absent;

    type Batch = Self;

    fn begin(&self) -> Option<Self> {
        None
    }
}

/// Has no files.
impl Batch for () {
    async fn create(&mut self, _: &str) -> Result<(), &'static Refusal> {
        Ok(())
    }

    async fn write(&mut self, _: &[u8]) -> Result<(), &'static Refusal> {
        Ok(())
    }

    async fn keep(&mut self) -> Result<(), &'static Refusal> {
        Ok(())
    }

    fn names(&self) -> &'static str {
        ""
    }

    fn accept(&mut self) {}
}
