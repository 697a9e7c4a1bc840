//! The application that every frontend runs: static files, and forms.

use super::files::{Files, Found, OTHER_STATE, What};
use super::form::Form;
use super::html::{OVERLAP, Pieces, PlaceSearch, TOP, escape, list};
use super::storage::{File, Metadata, Storage};
use super::submissions::{Submission, Submissions};
use crate::message::{Method, Status};
use crate::semantics::conditional::{Access, Outcome, Validators, evaluate};
use crate::semantics::mime::is_html;
use crate::server::{Error, Exchange, Responded, Service, Transport};

/// Where submissions are shown, when they are.
const SHOWN_AT: &str = "submissions";
const HTML: &str = "text/html; charset=utf-8";

/// Static files, and forms: a form posted to an HTML page comes back as that page, with the
/// submitted fields in it.
///
/// ```
/// # use thimble_core::semantics::negotiate::Coding;
/// # use thimble_core::service::image::{Child, Directory, File, Kind, Representation};
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
/// #         }),
/// #     }],
/// #     listed: &[0],
/// # }]);
///
/// let kept = RefCell::new(Ring::<1024>::new());
/// let site = Site::new(FILES).submissions(&kept).show_submissions(true);
///
/// let client = Client::new(site);
/// assert_eq!(client.get("/").field("Content-Type"), Some("text/html; charset=utf-8"));
/// assert!(client.post_form("/", &[("name", "Ada")]).text().contains("Ada"));
/// assert!(client.get("/submissions").text().contains("Ada"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Site<'s, S, K = ()> {
    files: Files<'s, S>,
    takes_forms: bool,
    submissions: K,
    shows_submissions: bool,
}

impl<S: Storage> Site<'_, S> {
    /// A site of the files in `storage`. Forms are taken, and not kept.
    pub const fn new(storage: S) -> Self {
        let files = Files::new(storage);
        Self { files, takes_forms: true, submissions: (), shows_submissions: false }
    }
}

impl<'s, S: Storage, K: Submissions> Site<'s, S, K> {
    /// The names that stand for a directory, the first that exists; if nothing is said, `index.html`
    /// and `index.htm`.
    #[must_use]
    pub fn index(self, index: &'s [&'s str]) -> Self {
        Self { files: self.files.index(index), ..self }
    }

    /// Content-Types by extension, as [`Files::types`] has them.
    #[must_use]
    pub fn types(self, types: &'s [(&'s str, &'s str)]) -> Self {
        Self { files: self.files.types(types), ..self }
    }

    /// Whether a directory without an index is listed, as it is if nothing is said. Otherwise it is
    /// 404.
    #[must_use]
    pub fn listing(self, lists: bool) -> Self {
        Self { files: self.files.listing(lists), ..self }
    }

    /// Whether names that begin with a dot are served, too. `/.well-known/` always is.
    #[must_use]
    pub fn hidden(self, shows_hidden: bool) -> Self {
        Self { files: self.files.hidden(shows_hidden), ..self }
    }

    /// Whether forms are taken, as they are if nothing is said. Otherwise POST is 405.
    #[must_use]
    pub fn forms(self, takes_forms: bool) -> Self {
        Self { takes_forms, ..self }
    }

    /// Gives each submitted form to `submissions`, too.
    #[must_use]
    pub fn submissions<K2: Submissions>(self, submissions: K2) -> Site<'s, S, K2> {
        Site {
            files: self.files,
            takes_forms: self.takes_forms,
            submissions,
            shows_submissions: self.shows_submissions,
        }
    }

    /// Whether those that were kept are shown at `/submissions`, to everybody.
    #[must_use]
    pub fn show_submissions(self, shows_submissions: bool) -> Self {
        Self { shows_submissions, ..self }
    }

    /// Answers a form posted to a page.
    fn submit<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
        page: &S::File,
    ) -> impl Future<Output = Result<Responded<'c, T>, Error<T::Error>>> {
        async move {
            let path = exchange.target().path();
            if !is_in_state(&exchange, page) {
                return Ok(exchange.refuse(OTHER_STATE));
            }
            let (form, mut respond) = exchange.form().await?;
            self.submissions.submit(&Submission { time: respond.now(), path, form });

            let length = page.metadata().len;
            let mut search = PlaceSearch::default();
            page.look(respond.scratch(), OVERLAP, |offset, octets| search.look(offset, octets))
                .await;
            let place = search.place(length);
            let after = place.at + place.replaced;
            let mut shown = 0;
            list(form.iter(), &mut |piece| shown += piece.len() as u64);
            let mut stream = respond
                .status(Status::OK)
                .content_type(HTML)
                .field("Cache-Control", "no-store")
                .stream_exact(length - place.replaced + shown);
            page.send(0, place.at, &mut stream).await?;
            for piece in Pieces::new(form.iter()) {
                stream.render(&|emit| piece.show(emit)).await?;
            }
            page.send(after, length - after, &mut stream).await?;
            stream.finish()
        }
    }

    /// Shows the submissions that were kept, the latest first.
    fn show<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Result<Responded<'c, T>, Error<T::Error>>> {
        let (body, respond) = exchange.into_unread();
        let record = body.into_scratch();
        let mut stream = respond
            .status(Status::OK)
            .content_type(HTML)
            .field("Cache-Control", "no-store")
            .stream();
        let mut age = 0;
        async move {
            loop {
                let length = self.submissions.recall(age, record);
                let kept = length.and_then(|length| record.get(..length)).map(Form::from_decoded);
                stream.render(&|emit| part(age, kept, emit)).await?;
                if kept.is_none() {
                    return stream.finish();
                }
                age += 1;
            }
        }
    }
}

impl<S: Storage, K: Submissions> Service for Site<'_, S, K> {
    async fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> Result<Responded<'c, T>, Error<T::Error>> {
        match (exchange.method(), exchange.segments()) {
            (Method::Extension(_), _) => return Ok(exchange.allow(&[])),
            (Method::Get, [SHOWN_AT]) if self.shows_submissions => {
                return self.show(exchange).await;
            }
            (_, [SHOWN_AT]) if self.shows_submissions => return Ok(exchange.allow(&[Method::Get])),
            _ => {}
        }
        let mut found = Found::default();
        self.files.open(&exchange, &mut found).await;
        let methods: &[Method<'_>] = match &found.what {
            What::File(file)
                if self.takes_forms
                    && file.has_length()
                    && is_html(self.files.content_type(file, found.path.name())) =>
            {
                if exchange.method() == Method::Post {
                    return self.submit(exchange, file).await;
                }
                &[Method::Get, Method::Post]
            }
            _ => &[Method::Get],
        };
        self.files.answer(exchange, &mut found, methods).await
    }
}

/// Whether a request that may change something finds the page in the state that it asks for.
fn is_in_state<T: Transport>(exchange: &Exchange<'_, T>, page: &impl File) -> bool {
    let Metadata { modified, etag, .. } = page.metadata();
    let validators = Validators { etag, modified };
    let outcome = evaluate(exchange.head(), &validators, Access::Changes, exchange.now());
    outcome == Outcome::Proceed
}

/// The part of the page of submissions that shows the one of this age, or its end; and before the
/// first, its start.
fn part(age: usize, kept: Option<Form<'_>>, emit: &mut dyn FnMut(&[u8])) {
    const STYLE: &str = "Submissions</title>\n\
        <style>body{font:1em/1.5 system-ui,sans-serif;margin:auto;max-width:40em;padding:1em}\
        dt{font-weight:bold}dd{overflow-wrap:anywhere;white-space:pre-wrap}</style>\n\
        </head>\n<body>\n<h1>Submissions</h1>\n";
    const NONE: &str = "<p>None yet.</p>\n";
    const BOTTOM: &str = "</body>\n</html>\n";

    if age == 0 {
        emit(TOP.as_bytes());
        emit(STYLE.as_bytes());
    }
    let Some(kept) = kept else {
        if age == 0 {
            emit(NONE.as_bytes());
        }
        return emit(BOTTOM.as_bytes());
    };
    // The first of its fields are path and time.
    let mut fields = kept.iter();
    let (path, time) = fields.next().unwrap_or_default();
    emit(b"<h2>");
    escape(path, emit);
    emit(b"</h2>\n<p>");
    escape(time, emit);
    emit(b"</p>\n");
    list(fields, emit);
    emit(b"\n");
}
