//! The application that every frontend runs: static files, and forms.

use super::files::{Files, Found, PRECONDITION_FAILED, What, preconditions};
use super::form::{Form, FormField, NOT_MULTIPART};
use super::html::{BODY, BOTTOM, Pieces, STYLE, TOP, escape, list};
use super::place::Place;
use super::storage::{File, Metadata, Storage};
use super::submissions::{Recall, Recalled, Submission, Submissions};
use super::uploads::{Batch, Presence, Uploads};
use crate::bytes::ascii::Decimal;
use crate::message::{Method, Refusal, Status};
use crate::semantics::conditional::{Access, Outcome, Validators, evaluate};
use crate::semantics::mime::is_html;
use crate::semantics::origin::is_cross_origin;
use crate::semantics::path::Path;
use crate::server::{Answer, Error, Exchange, Half as _, Responder, Service, Transport};

/// The path at which submissions are shown.
const SHOWN_AT: &str = "submissions";
const HTML: &str = "text/html; charset=utf-8";

const FROM_ELSEWHERE: Refusal =
    Refusal::new(Status::FORBIDDEN, "files are taken only from pages of this site");

const NO_FILE: Refusal =
    Refusal::new(Status::UNPROCESSABLE_CONTENT, "no file was chosen: go back and choose one");

/// Static files, and forms: a form posted to an HTML page comes back as that page, with the
/// submitted fields in it.
///
/// The fields replace the first `<!-- form -->` that stands among text of the body: not in a tag, an
/// attribute or another comment, nor in `head`, `template`, `select`, `svg` or `math`, nor in an element
/// whose content is raw text (`script`, `style`, `title`, `textarea`, …). In a page without one, they
/// stand at the end. If a browser might not show text there, because a script is never closed for
/// instance, the page comes back unchanged. [`PlaceSearch`](super::place::PlaceSearch) has the rules.
///
/// ```
/// # use thimble_core::semantics::negotiate::Coding;
/// # use thimble_core::service::image::{Child, Directory, File, Kind, Representation};
/// # use thimble_core::service::place::Place;
/// use core::cell::RefCell;
///
/// use thimble_core::testing::Client;
/// use thimble_core::{Image, Ring, Site};
///
/// # /*
/// // As `thimble-image` builds it of a folder.
/// static FILES: Image = include!(concat!(env!("OUT_DIR"), "/site.rs"));
/// # */
/// # static FILES: Image = Image::new(&[Directory {
/// #     children: &[Child {
/// #         name: b"index.html",
/// #         is_link: false,
/// #         kind: Kind::File(File {
/// #             content_type: "text/html; charset=utf-8",
/// #             identity: Representation {
/// #                 coding: Coding::Identity,
/// #                 content: b"<h1>Guests</h1><!-- form -->",
/// #                 etag: "1",
/// #                 modified: None,
/// #             },
/// #             coded: &[],
/// #             form_place: Some(&Place { at: 15, replaced: 13 }),
/// #         }),
/// #     }],
/// #     listed: &[0],
/// # }]);
///
/// let stored = RefCell::new(Ring::<1024>::new());
/// let site = Site::new(FILES).submissions(&stored).show_submissions(Some(&stored));
///
/// let client = Client::new(site);
/// assert_eq!(client.get("/").field("Content-Type"), Some("text/html; charset=utf-8"));
/// assert!(client.post_form("/", &[("name", "Ada")]).text().contains("Ada"));
/// assert!(client.get("/submissions").text().contains("Ada"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Site<'s, S, K = (), R = (), U = ()> {
    files: Files<'s, S>,
    takes_forms: bool,
    submissions: K,
    shown: Option<R>,
    uploads: U,
}

impl<S: Storage> Site<'_, S> {
    /// A site of the files in `storage`. Forms are answered, and not stored.
    pub const fn new(storage: S) -> Self {
        let files = Files::new(storage);
        Self { files, takes_forms: true, submissions: (), shown: None, uploads: () }
    }
}

impl<'s, S: Storage, K: Submissions, R: Recall, U: Uploads> Site<'s, S, K, R, U> {
    /// The names of index files, as for [`Files::index`]. The default is `index.html` and `index.htm`.
    #[must_use]
    pub fn index(self, index: &'s [&'s str]) -> Self {
        Self { files: self.files.index(index), ..self }
    }

    /// Content-Types of your own by extension, as for [`Files::types`].
    #[must_use]
    pub fn types(self, types: &'s [(&'s str, &'s str)]) -> Self {
        Self { files: self.files.types(types), ..self }
    }

    /// The value of Cache-Control for files, as for [`Files::cache_control`]; the default is
    /// `no-cache`. The answer to a form always has `no-store`.
    #[must_use]
    pub fn cache_control(self, cache_control: &'s str) -> Self {
        Self { files: self.files.cache_control(cache_control), ..self }
    }

    /// Answers 404 for a directory without an index, instead of listing it.
    #[must_use]
    pub fn without_listings(self) -> Self {
        Self { files: self.files.without_listings(), ..self }
    }

    /// Serves and lists names that begin with a dot, too, as for [`Files::show_hidden`].
    #[must_use]
    pub fn show_hidden(self) -> Self {
        Self { files: self.files.show_hidden(), ..self }
    }

    /// Answers every POST by 405, instead of taking forms.
    #[must_use]
    pub fn without_forms(self) -> Self {
        Self { takes_forms: false, ..self }
    }

    /// Passes each submitted form to `submissions`, and answers the client once it is stored there.
    #[must_use]
    pub fn submissions<K2: Submissions>(self, submissions: K2) -> Site<'s, S, K2, R, U> {
        let Self { files, takes_forms, shown, uploads, .. } = self;
        Site { files, takes_forms, submissions, shown, uploads }
    }

    /// Shows the stored submissions at `/submissions`, to everybody, if `shown` is given.
    #[must_use]
    pub fn show_submissions<R2: Recall>(self, shown: Option<R2>) -> Site<'s, S, K, R2, U> {
        let Self { files, takes_forms, submissions, uploads, .. } = self;
        Site { files, takes_forms, submissions, shown, uploads }
    }

    /// Keeps files that come with forms in `uploads`, but for those that pages of other origins send
    /// (403), unless [`Cors`](super::layers::Cors) around this allows their very origin. If its [folder](Uploads::folder) is listed, the page has a form that sends files there.
    #[must_use]
    pub fn uploads<U2: Uploads>(self, uploads: U2) -> Site<'s, S, K, R, U2> {
        let Self { files, takes_forms, submissions, shown, .. } = self;
        Site { files, takes_forms, submissions, shown, uploads }
    }

    /// Answers a form posted to a page.
    fn submit<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
        page: &S::File,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            let (path, peer) = (exchange.target().path(), exchange.peer());
            // Preconditions count only where all would be well without them (RFC 9110 §13.2.1).
            exchange.announces_form()?;
            if !is_in_state(&exchange, page) {
                return Ok(exchange.refuse(*PRECONDITION_FAILED));
            }
            let is_followed = T::Tx::REPLIES_WAIT && exchange.is_followed();
            let (form, respond) = exchange.form().await?;
            // Not held any longer than until it is kept.
            let kept = {
                let submission = Submission { time: respond.now(), path, peer, form, kept: "" };
                let later = if T::Tx::REPLIES_WAIT && is_followed { respond.later() } else { None };
                self.submissions.begin(&submission, later).await
            };
            if let Err(refusal) = kept {
                return Ok(respond.refuse(refusal));
            }
            Self::receipt(respond, page, form.fields()).await
        }
    }

    /// Answers a form whose files go into `batch`, posted to a page or else to the folder that has them.
    fn keep<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
        mut batch: U::Batch,
        page: Option<&S::File>,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            let (path, peer) = (exchange.target().path(), exchange.peer());
            let is_multipart = exchange.announces_form()?.is_some();
            if !is_multipart && page.is_none() {
                return Ok(exchange.refuse(*NOT_MULTIPART));
            }
            if is_multipart && is_cross_origin(exchange.head()) && !exchange.is_shared() {
                return Ok(exchange.refuse(FROM_ELSEWHERE));
            }
            if page.is_some_and(|page| !is_in_state(&exchange, page)) {
                return Ok(exchange.refuse(*PRECONDITION_FAILED));
            }
            let (form, respond) = exchange.form_into(&mut batch).await?;
            if page.is_none() && !form.fields().any(|field| field.has_file()) {
                return Ok(respond.refuse(NO_FILE));
            }
            // Not held any longer than until it is kept.
            let kept = {
                let (time, kept) = (respond.now(), batch.names());
                let submission = Submission { time, path, peer, form, kept };
                self.submissions.submit(&submission).await
            };
            if let Err(refusal) = kept {
                batch.discard().await;
                return Ok(respond.refuse(refusal));
            }
            batch.accept();
            // Not its path: that may be another one before a proxy.
            let Some(page) = page else { return Ok(respond.see_other("./")) };
            let submission = Submission { kept: batch.names(), ..Submission::new(path, form) };
            let fields = submission.fields().map(|(field, kept)| {
                let value = kept.unwrap_or(field.value);
                FormField { value, ..field }
            });
            Self::receipt(respond, page, fields).await
        }
    }

    /// Answers with the page that a form was posted to, and what was submitted in it.
    fn receipt<'c, 'f, T: Transport, F: Into<FormField<'f>>>(
        mut respond: Responder<'c, T>,
        page: &S::File,
        fields: impl Iterator<Item = F> + Clone,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            let length = page.metadata().len;
            let place = page.form_place(respond.scratch()).await;
            let mut shown = 0;
            if place.is_some() {
                list(fields.clone(), &mut |piece| shown += piece.len() as u64);
            }
            // Without a place for them, the page comes back as it is.
            let Place { at, replaced } = place.unwrap_or_default();
            let after = at + replaced;
            let mut stream = respond
                .status(Status::OK)
                .content_type(HTML)
                .field("Cache-Control", "no-store")
                .stream_exact(length - replaced + shown);
            page.send(0, at, &mut stream).await?;
            if place.is_some() {
                for piece in Pieces::new(fields) {
                    stream.render(&|emit| piece.show(emit)).await?;
                }
            }
            page.send(after, length - after, &mut stream).await?;
            stream.finish()
        }
    }

    /// Whether `path` is that of the folder in which files are kept.
    fn lists_kept_files(&self, path: &Path<'_>) -> bool {
        self.uploads.folder().is_some_and(|folder| path.parts() == [folder, b""])
    }

    /// Shows the stored submissions, the latest first.
    fn show<'c, T: Transport>(
        exchange: Exchange<'c, T>,
        kept: &'c R,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            match preconditions(&exchange) {
                Outcome::Proceed => {}
                Outcome::NotModified => return Ok(exchange.respond(Status::NOT_MODIFIED).empty()),
                Outcome::Failed => return Ok(exchange.refuse(*PRECONDITION_FAILED)),
            }
            // Pages weigh nothing where there is only one.
            let mut first = 0usize;
            if R::PAGE != usize::MAX
                && let Some(number) = exchange.query().get("from")
            {
                first = number.parse().unwrap_or_default();
            }
            let mut stream = exchange
                .respond(Status::OK)
                .content_type(HTML)
                .field("Cache-Control", "no-store")
                .stream();
            if stream.omits_content() {
                return stream.finish();
            }
            // Not in the receive buffer: behind what has arrived, there may be no room for a submission.
            let mut recalled = Recalled::new(stream.set_aside().await?);
            let mut count = 0;
            loop {
                // Where the store fails, the page must not look whole.
                let age = first.saturating_add(count);
                let is_there = kept.recall(age, &mut recalled).await.map_err(|_| Error::Cut)?;
                if R::PAGE != usize::MAX && count == R::PAGE && is_there {
                    stream.render(&|emit| next_page(age, emit)).await?;
                    return stream.finish();
                }
                let fields = is_there.then(|| recalled.fields());
                stream.render(&|emit| part(count, fields, emit)).await?;
                if !is_there {
                    return stream.finish();
                }
                count += 1;
            }
        }
    }
}

impl<S: Storage, K: Submissions, R: Recall, U: Uploads> Service for Site<'_, S, K, R, U> {
    // Not an `async fn`: that would hold the exchange twice.
    fn call<'c, T: Transport>(
        &'c self,
        mut exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            exchange.skip_chunks().await?;
            if let Method::Extension(_) = exchange.method() {
                return Ok(exchange.allow(&[]));
            }
            if let (Some(kept), [SHOWN_AT]) = (&self.shown, exchange.segments()) {
                return match exchange.method() {
                    Method::Get => Self::show(exchange, kept).await,
                    _ => Ok(exchange.allow(&[Method::Get])),
                };
            }
            let mut found = Found::default();
            self.files.open(&exchange, &mut found).await;
            let methods: &[Method<'_>] = match &found.what {
                What::File(file)
                    if self.takes_forms
                        && exchange.method() != Method::Get
                        && file.has_length()
                        && is_html(self.files.content_type(file, found.path.type_name())) =>
                {
                    if exchange.method() == Method::Post {
                        if U::Keeps::IS_PRESENT
                            && let Some(batch) = self.uploads.begin()
                        {
                            return U::Keeps::future(|| self.keep(exchange, batch, Some(file)))
                                .await;
                        }
                        return self.submit(exchange, file).await;
                    }
                    &[Method::Get, Method::Post]
                }
                What::Entries(_)
                    if U::Keeps::IS_PRESENT
                        && self.takes_forms
                        && self.lists_kept_files(&found.path) =>
                {
                    if exchange.method() == Method::Post
                        && let Some(batch) = self.uploads.begin()
                    {
                        return U::Keeps::future(|| self.keep(exchange, batch, None)).await;
                    }
                    let methods = &[Method::Get, Method::Post];
                    let listing = || self.files.answer::<_, true>(exchange, &mut found, methods);
                    return U::Keeps::future(listing).await;
                }
                _ => &[Method::Get],
            };
            self.files.answer::<_, false>(exchange, &mut found, methods).await
        }
    }
}

/// Whether a request that may change something finds the page in the state that it asks for.
fn is_in_state<T: Transport>(exchange: &Exchange<'_, T>, page: &impl File) -> bool {
    let Metadata { modified, etag, .. } = page.metadata();
    let validators = Validators { etag, modified };
    let outcome = evaluate(exchange.head(), &validators, Access::Changes, exchange.now());
    outcome == Outcome::Proceed
}

const LIST_STYLE: &str = "\
    h2{font-size:1.1em;margin:1.5em 0 0}p{margin:0}h2+p{opacity:.8}\n\
    dl{display:grid;grid-template-columns:fit-content(40%) 1fr;gap:.3em 1em;margin:.5em 0;padding-left:1em;border-left:.3em solid var(--a)}\n\
    dt{opacity:.8}dd{margin:0;white-space:pre-wrap}p a{display:inline-block;padding:.65em 0}\n";

/// The part of the page of submissions that shows the one with this number, or its end; and before the
/// first, its start.
fn part(number: usize, kept: Option<Form<'_>>, emit: &mut dyn FnMut(&[u8])) {
    if number == 0 {
        for piece in [TOP, "Submissions", STYLE, LIST_STYLE, BODY, "Submissions</h1>\n"] {
            emit(piece.as_bytes());
        }
    }
    let Some(kept) = kept else {
        if number == 0 {
            emit(b"<p>None yet.</p>\n");
        }
        return emit(BOTTOM.as_bytes());
    };
    // The first of its fields are path and time.
    let mut fields = kept.fields();
    let FormField { name: path, value: time, .. } = fields.next().unwrap_or_default();
    emit(b"<h2>");
    escape(path, emit);
    emit(b"</h2>\n");
    // A device without a clock has no time for it.
    if !time.is_empty() {
        emit(b"<p>");
        escape(time, emit);
        emit(b"</p>\n");
    }
    list(fields, emit);
    emit(b"\n");
}

/// The end of a page of submissions that is followed by another one, which begins at this age.
fn next_page(age: usize, emit: &mut dyn FnMut(&[u8])) {
    emit(b"<p><a href=\"?from=");
    emit(Decimal::new(age as u64).as_bytes());
    emit(b"\">Older ones</a></p>\n");
    emit(BOTTOM.as_bytes());
}
