//! Static files over a [`Storage`].

mod byteranges;
mod listing;
pub mod plan;

use super::storage::{File, Metadata, Node, OpenError, Storage, slice};
use crate::message::{Method, Refusal, Status};
use crate::semantics::conditional::{Access, Outcome, Validators, evaluate};
use crate::semantics::mime::{is_compressible, own_type_of};
use crate::semantics::negotiate::{Coding, Codings, accepts_type, choose_first};
use crate::semantics::path::Path;
use crate::server::{Answer, Exchange, Reply, Responded, Service, Stream, Transport};

use plan::NO_CACHE;
pub(super) use plan::PRECONDITION_FAILED;
pub use plan::{Content, Plan, Request, Resource, Variant, plan};

const NOT_FOUND: Refusal = Refusal::new(Status::NOT_FOUND, "nothing is served at this path");
/// The file in the root whose content replies have when nothing is found.
const NOT_FOUND_PAGE: &[u8] = b"404.html";

/// A service of the files in a storage: GET, HEAD and OPTIONS, with preconditions, ranges, and
/// content codings as they stand in the storage.
#[derive(Clone, Copy, Debug)]
pub struct Files<'s, S> {
    storage: S,
    index: &'s [&'s str],
    types: &'s [(&'s str, &'s str)],
    cache_control: &'s str,
    shows_hidden: bool,
    lists: bool,
}

/// What a request's path leads to. It is filled in place: to return it would take more code.
pub(super) struct Found<'p, S: Storage> {
    /// What that is.
    pub(super) what: What<S::File, S::Entries>,
    /// Its path.
    pub(super) path: Path<'p>,
    /// The coding that is sent; `None` when none is acceptable.
    coding: Option<Coding>,
    /// The file in that coding, if there is one.
    coded: Option<S::File>,
}

/// What stands at a path.
pub(super) enum What<F, E> {
    /// Nothing that could be opened.
    Nothing(OpenError),
    /// Nothing, and a page that says so.
    Page(F),
    /// A file.
    File(F),
    /// A directory, whose path lacks the slash at its end.
    Directory,
    /// A directory to be listed.
    Entries(E),
}

impl<'s, S: Storage> Files<'s, S> {
    /// Serves the files in `storage`, and lists its directories.
    pub const fn new(storage: S) -> Self {
        let index = &["index.html", "index.htm"];
        Self {
            storage,
            index,
            types: &[],
            cache_control: NO_CACHE,
            shows_hidden: false,
            lists: true,
        }
    }

    /// The names of index files: a directory is served as the first of them that it holds. The default
    /// is `index.html` and `index.htm`.
    #[must_use]
    pub fn index(self, index: &'s [&'s str]) -> Self {
        Self { index, ..self }
    }

    /// Content-Types of your own: pairs of an extension, in upper or lower case, and the type of the files
    /// that have it. They win over the built-in ones; if an extension is given twice, the last one counts.
    #[must_use]
    pub fn types(self, types: &'s [(&'s str, &'s str)]) -> Self {
        Self { types, ..self }
    }

    /// The value of Cache-Control for files (RFC 9111 §5.2.2); if it is empty, the field is not sent.
    /// Listings have it, too, if it begins with `no-`, and otherwise `no-cache`: what is in a directory
    /// changes at any time. The default is `no-cache`: a cache asks each time whether its copy is still the latest,
    /// and gets a 304 without content if it is. Without the field, browsers guess from the age of a file
    /// how long they may use their copy without asking.
    #[must_use]
    pub fn cache_control(self, cache_control: &'s str) -> Self {
        Self { cache_control, ..self }
    }

    /// Serves and lists names that begin with a dot, too. Without this they are 404, all but
    /// `/.well-known/`.
    #[must_use]
    pub fn show_hidden(self) -> Self {
        Self { shows_hidden: true, ..self }
    }

    /// Answers 404 for a directory without an index, instead of listing it.
    #[must_use]
    pub fn without_listings(self) -> Self {
        Self { lists: false, ..self }
    }

    /// Opens what the request's path leads to.
    pub(super) async fn open<'p, T: Transport>(
        &self,
        exchange: &Exchange<'p, T>,
        found: &mut Found<'p, S>,
    ) where
        's: 'p,
    {
        let is_get = exchange.method() == Method::Get;
        if let Some(path) = exchange.path().filter(|path| self.shows(path)) {
            found.path = path;
            loop {
                self.find(found).await;
                if let What::Nothing(OpenError::NotFound) = found.what
                    && let Ok(Node::File(file)) =
                        self.storage.open_page(&found.path, Coding::Identity).await
                {
                    found.what = What::File(file);
                    found.path.shorten();
                }
                if !self.storage.has_single_page() {
                    break;
                }
                match found.what {
                    What::Nothing(OpenError::NotFound)
                        if is_get
                            && found.path != Path::ROOT
                            && is_navigation(exchange, &found.path) =>
                    {
                        found.path = Path::ROOT;
                    }
                    // That is no page of the application.
                    What::Entries(_) if self.falls_back(exchange, found) => {
                        found.what = What::Nothing(OpenError::NotFound);
                        break;
                    }
                    _ => break,
                }
            }
        }
        if let What::File(file) = &found.what
            && is_get
        {
            let (mut there, mut made) = (file.metadata().codings, file.made_codings());
            loop {
                found.coding = choose_first(exchange.head(), there.or(made), there);
                let Some(coding) = found.coding.filter(|coding| *coding != Coding::Identity) else {
                    break;
                };
                if there.contains(coding) {
                    let opened = if found.path.is_short() {
                        self.storage.open_page(&found.path, coding).await
                    } else {
                        self.storage.open(&found.path, coding).await
                    };
                    if let Ok(Node::File(file)) = opened
                        && file.has_length()
                    {
                        found.coded = Some(file);
                        break;
                    }
                    // What seemed to be there may be gone, or not for us.
                    there = there.without(coding);
                    continue;
                }
                made = made.without(coding);
                // The type is looked up only for those who take a coding.
                if made_codings(file, self.content_type(file, found.path.type_name()))
                    == Codings::NONE
                {
                    made = Codings::NONE;
                } else if let Ok(file) = file.encode(coding).await {
                    found.coded = Some(file);
                    break;
                }
            }
        }
        // The storage may have a page for what is not found.
        let mut page = Path::ROOT;
        if let What::Nothing(OpenError::NotFound) = found.what
            && is_get
            && page.enter(NOT_FOUND_PAGE)
            && let Ok(Node::File(page)) = self.storage.open(&page, Coding::Identity).await
            && page.has_length()
        {
            found.what = What::Page(page);
        }
    }

    /// Whether what was found, in the root, stands for what was asked for.
    fn falls_back<'p, T: Transport>(
        &self,
        exchange: &Exchange<'p, T>,
        found: &Found<'p, S>,
    ) -> bool {
        self.storage.has_single_page()
            && matches!(found.path.parts(), [b"", _])
            && exchange.path() != Some(Path::ROOT)
    }

    /// Opens what stands at the path of `found`: for a directory its index, if it has one.
    async fn find<'p>(&self, found: &mut Found<'p, S>)
    where
        's: 'p,
    {
        let is_directory = found.path.is_directory();
        let mut index = self.index.iter();
        loop {
            if is_directory {
                found.path.leave();
                let Some(name) = index.next() else { break };
                if !found.path.enter(name.as_bytes()) {
                    continue;
                }
            }
            found.what = match self.storage.open(&found.path, Coding::Identity).await {
                Ok(Node::File(file)) => What::File(file),
                Ok(Node::Directory) if !is_directory => What::Directory,
                Ok(Node::Directory) => What::Nothing(OpenError::NotFound),
                Err(error) => What::Nothing(error),
            };
            if !is_directory || !matches!(found.what, What::Nothing(OpenError::NotFound)) {
                return;
            }
        }
        if self.lists {
            found.what = match self.storage.list(&found.path).await {
                Ok(entries) => What::Entries(entries),
                Err(error) => What::Nothing(error),
            };
        }
    }

    /// The Content-Type of a file.
    pub(super) fn content_type<'f>(&self, file: &'f S::File, name: &[u8]) -> &'f str
    where
        's: 'f,
    {
        own_type_of(self.types, name).unwrap_or_else(|| file.content_type(name))
    }

    /// Answers a request whose path leads to `found`, which has `methods` if it is a file or a listing. A
    /// listing that `TAKES_FILES` has a form for them.
    pub(super) fn answer<'c, T: Transport, const TAKES_FILES: bool>(
        &'c self,
        mut exchange: Exchange<'c, T>,
        found: &mut Found<'c, S>,
        methods: &'c [Method<'c>],
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            let is_get = exchange.method() == Method::Get;
            if let What::Entries(entries) = &mut found.what
                && is_get
            {
                return match preconditions(&exchange) {
                    Outcome::Proceed => {
                        self.list::<_, TAKES_FILES>(exchange, entries, &found.path).await
                    }
                    Outcome::NotModified => {
                        let mut reply = exchange.respond(Status::NOT_MODIFIED);
                        self.add_cache_control(&mut reply);
                        Ok(reply.empty())
                    }
                    Outcome::Failed => Ok(exchange.refuse(*PRECONDITION_FAILED)),
                };
            }
            let found = &*found;
            let varies = match found.what {
                What::File(_) => self.falls_back(&exchange, found),
                // Who goes to a page there gets another one. Where refusals have a page, too, they say so.
                What::Nothing(_) => self.storage.has_single_page() && !exchange.has_refusal_page(),
                What::Page(_) => self.storage.has_single_page(),
                _ => false,
            };
            if varies {
                exchange.add_fields(&[("Vary", "Accept")]);
            }
            let file = match &found.what {
                What::Nothing(error) => return Ok(exchange.refuse(Refusal::from(*error))),
                What::Directory => return Ok(add_slash(exchange)),
                What::Entries(_) => return Ok(exchange.allow(methods)),
                What::File(_) if !is_get => return Ok(exchange.allow(methods)),
                What::File(file) | What::Page(file) => file,
            };
            let plan = self.plan(&exchange, found, file, methods);
            let file = found.coded.as_ref().unwrap_or(file);
            match begin(exchange, &plan, file) {
                Begun::Whole(responded) => Ok(responded),
                Begun::Parts(stream) => send(&plan, file, stream).await,
            }
        }
    }

    /// Adds Cache-Control to a listing, if there is anything to say.
    fn add_cache_control<T: Transport>(&self, reply: &mut Reply<'_, T>) {
        if !self.cache_control.is_empty() {
            let is_strict = self.cache_control.starts_with("no-");
            let value = if is_strict { self.cache_control } else { NO_CACHE };
            reply.add("Cache-Control", &[value.as_bytes()]);
        }
    }

    /// Plans the reply to a request that leads to `file`.
    fn plan<'p, 'c: 'p, T: Transport>(
        &'p self,
        exchange: &Exchange<'c, T>,
        found: &'p Found<'c, S>,
        file: &'p S::File,
        methods: &'p [Method<'p>],
    ) -> Plan<'p> {
        let name = match found.what {
            What::Page(_) => NOT_FOUND_PAGE,
            _ => found.path.type_name(),
        };
        let content_type = self.content_type(file, name);
        if let What::Page(_) = found.what {
            return Plan::not_found(content_type, file.metadata().len);
        }
        let codings = file.metadata().codings.or(made_codings(file, content_type));
        let coded = found.coded.as_ref().unwrap_or(file);
        let variant = found.coding.map(|coding| variant(coding, coded));
        let head = exchange.head();
        let request = Request { method: head.method(), fields: head, now: exchange.now() };
        let cache_control = self.cache_control;
        let resource = Resource { content_type, cache_control, methods, codings, variant };
        if !coded.has_length() {
            return plan(&request, resource).to_end();
        }
        plan(&request, resource)
    }

    fn shows(&self, path: &Path<'_>) -> bool {
        self.shows_hidden || !path.is_hidden()
    }
}

/// A reply that is begun.
enum Begun<'c, T: Transport> {
    /// It is whole already.
    Whole(Responded<'c, T>),
    /// Its content is still to be sent, range by range.
    Parts(Stream<'c, T>),
}

/// Begins a reply as it is planned for `file`.
fn begin<'c, T: Transport>(
    exchange: Exchange<'c, T>,
    plan: &Plan<'_>,
    file: &impl File,
) -> Begun<'c, T> {
    let mut reply = exchange.respond(plan.status);
    plan.fields_of_file(|name, value| {
        if file.has_length() || name != "Accept-Ranges" {
            reply.add(name, value);
        }
    });
    match (plan.content, file.as_slice()) {
        (Content::None, _) if plan.reason.is_empty() => Begun::Whole(reply.empty()),
        (Content::None, _) => Begun::Whole(reply.refused(&Refusal::new(plan.status, plan.reason))),
        (Content::Whole | Content::One(_), Some(memory)) => {
            let content = plan.range(0).map(|range| slice(memory, range.first, range.len()));
            Begun::Whole(reply.content(content.unwrap_or_default()))
        }
        _ if file.has_length() => Begun::Parts(reply.stream_exact(plan.length())),
        _ => Begun::Parts(reply.stream()),
    }
}

/// Sends the content of a reply, range by range. A future of its own: so a listing takes the place of the
/// plan and of this.
fn send<'c, T: Transport>(
    plan: &Plan<'_>,
    file: &impl File,
    mut stream: Stream<'c, T>,
) -> impl Future<Output = Answer<'c, T>> {
    async move {
        let mut index = 0;
        while !stream.omits_content() {
            stream.render(&|emit| plan.delimiter(index, emit)).await?;
            let Some(range) = plan.range(index) else { break };
            file.send(range.first, range.len(), &mut stream).await?;
            index += 1;
        }
        stream.finish()
    }
}

impl<S: Storage> Service for Files<'_, S> {
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
            let mut found = Found::default();
            self.open(&exchange, &mut found).await;
            self.answer::<_, false>(exchange, &mut found, &[Method::Get]).await
        }
    }
}

impl<S: Storage> Default for Found<'_, S> {
    fn default() -> Self {
        let what = What::Nothing(OpenError::NotFound);
        Self { what, path: Path::ROOT, coding: Some(Coding::Identity), coded: None }
    }
}

/// Whether a browser goes to a page by this request, and not to what a page is made of.
fn is_navigation<T: Transport>(exchange: &Exchange<'_, T>, path: &Path<'_>) -> bool {
    let mut accepted = exchange.head().fields().all("Accept");
    !path.name().contains(&b'.') && accepted.any(|line| accepts_type(line, b"text/html"))
}

/// The preconditions of a request for a page that is made anew each time, and so has no validators
/// (RFC 9110 §13.2.2).
pub(super) fn preconditions<T: Transport>(exchange: &Exchange<'_, T>) -> Outcome {
    let validators = Validators { etag: None, modified: None };
    evaluate(exchange.head(), &validators, Access::Reads, exchange.now())
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound => NOT_FOUND,
            OpenError::Forbidden => Self::new(Status::FORBIDDEN, "this file may not be read"),
            OpenError::Busy => Self::new(Status::SERVICE_UNAVAILABLE, "try again in a moment"),
            OpenError::Failed => Self::new(Status::INTERNAL_SERVER_ERROR, "the storage failed"),
        }
    }
}

/// The codings that a file of this type is put into.
fn made_codings(file: &impl File, content_type: &str) -> Codings {
    let made = file.made_codings();
    if made == Codings::NONE || is_compressible(content_type) { made } else { Codings::NONE }
}

fn variant<F: File>(coding: Coding, file: &F) -> Variant<'_> {
    let Metadata { len, modified, etag, .. } = file.metadata();
    Variant { coding, len, validators: Validators { etag, modified } }
}

/// Redirects to the same path with a slash at its end, so that relative links in the index work.
///
/// The Location is relative: behind a proxy that serves this under another path, it stays there. And
/// since a file may come to stand in the folder's place, nobody follows it without asking again.
fn add_slash<T: Transport>(exchange: Exchange<'_, T>) -> Responded<'_, T> {
    // 301 lets a client change the method to GET; 308 doesn't (RFC 9110 §15.4.2).
    let status = match exchange.method() {
        Method::Get => Status::MOVED_PERMANENTLY,
        _ => Status::PERMANENT_REDIRECT,
    };
    let (path, query) = (exchange.target().path().as_bytes(), exchange.target().query());
    let mut name = path.rsplit(|&octet| octet == b'/').next().unwrap_or_default();
    let mut location = [b"".as_slice(); 16];
    let (pairs, _) = location.as_chunks_mut();
    let mut slots = pairs.iter_mut();
    // What stands before a colon in the first segment would be a scheme (RFC 3986 §4.2).
    if let Some([here, _]) = slots.next()
        && name.contains(&b':')
    {
        *here = b"./";
    }
    loop {
        let Some([piece, behind]) = slots.next() else { return exchange.refuse(NOT_FOUND) };
        // Browsers read a backslash as a slash, and two of them as what comes before a host.
        let backslash = name.iter().position(|&octet| octet == b'\\');
        (*piece, name) = name.split_at_checked(backslash.unwrap_or(name.len())).unwrap_or_default();
        *behind = if name.is_empty() { b"/" } else { b"%5C" };
        name = match name {
            [_, rest @ ..] => rest,
            [] => break,
        };
    }
    if let Some(query) = query {
        let Some(pair) = slots.next() else { return exchange.refuse(NOT_FOUND) };
        *pair = [b"?", query.as_bytes()];
    }
    let mut reply = exchange.respond(status).field_of("Location", &location);
    reply.add("Cache-Control", &[NO_CACHE.as_bytes()]);
    reply.empty()
}
