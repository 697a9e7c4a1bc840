//! Static files over a [`Storage`].

mod listing;
mod multipart;
pub mod plan;

use super::storage::{File, Metadata, Node, OpenError, Storage, slice};
use crate::message::{Method, Refusal, Status};
use crate::semantics::conditional::Validators;
use crate::semantics::mime::own_type_of;
use crate::semantics::negotiate::{Coding, choose};
use crate::semantics::path::Path;
use crate::server::{Error, Exchange, Responded, Service, Stream, Transport};

pub(super) use plan::OTHER_STATE;
pub use plan::{Content, Plan, Request, Resource, Variant, plan};

const NOT_FOUND: Refusal = Refusal::new(Status::NOT_FOUND, "nothing is served at this path");
/// The file in the root whose content replies have when nothing is found.
const NOT_FOUND_PAGE: &[u8] = b"/404.html";

/// A service of the files in a storage: GET, HEAD and OPTIONS, with preconditions, ranges, and
/// content codings as they stand in the storage.
#[derive(Clone, Copy, Debug)]
pub struct Files<'s, S> {
    storage: S,
    index: &'s [&'s str],
    types: &'s [(&'s str, &'s str)],
    shows_hidden: bool,
    lists: bool,
}

/// What a request's path leads to.
pub(super) enum Found<'p, F, E> {
    /// A file.
    File(Opened<'p, F>),
    /// A directory, whose path lacks the slash at its end.
    Directory,
    /// A directory to be listed, and its path.
    Entries(E, Path<'p>),
    /// Nothing, and a page that says so.
    Nothing(F),
}

/// A file, open for one request.
pub(super) struct Opened<'p, F> {
    /// As it is.
    pub(super) file: F,
    /// Its path.
    pub(super) path: Path<'p>,
    /// The coding that is sent; `None` when none is acceptable.
    coding: Option<Coding>,
    /// In that coding, if there is one.
    coded: Option<F>,
}

type FoundIn<'p, S> = Found<'p, <S as Storage>::File, <S as Storage>::Entries>;

impl<'s, S: Storage> Files<'s, S> {
    /// Serves the files in `storage`, and lists its directories.
    pub const fn new(storage: S) -> Self {
        let index = &["index.html", "index.htm"];
        Self { storage, index, types: &[], shows_hidden: false, lists: true }
    }

    /// The names that stand for a directory, the first that exists; if nothing is said, `index.html`
    /// and `index.htm`.
    #[must_use]
    pub fn index(self, index: &'s [&'s str]) -> Self {
        Self { index, ..self }
    }

    /// Pairs of an extension, in any case, and the Content-Type of files that have it, where those
    /// that are known don't fit. Of several, the last one counts.
    #[must_use]
    pub fn types(self, types: &'s [(&'s str, &'s str)]) -> Self {
        Self { types, ..self }
    }

    /// Whether names that begin with a dot are served, too. `/.well-known/` always is.
    #[must_use]
    pub fn hidden(self, shows_hidden: bool) -> Self {
        Self { shows_hidden, ..self }
    }

    /// Whether a directory without an index is listed, as it is if nothing is said. Otherwise it is
    /// 404.
    #[must_use]
    pub fn listing(self, lists: bool) -> Self {
        Self { lists, ..self }
    }

    /// Opens what the request's path leads to.
    pub(super) async fn open<'p, T: Transport>(
        &self,
        exchange: &Exchange<'p, T>,
    ) -> Result<FoundIn<'p, S>, Refusal>
    where
        's: 'p,
    {
        let found = match exchange.path().filter(|path| self.shows(path)) {
            Some(path) => self.find(exchange, path).await,
            None => Err(OpenError::NotFound),
        };
        // The storage may have a page for what is not found.
        if let Err(OpenError::NotFound) = found
            && exchange.method() == Method::Get
            && let Some(path) = Path::new(NOT_FOUND_PAGE)
            && let Ok(Node::File(page)) = self.storage.open(&path, Coding::Identity).await
        {
            return Ok(Found::Nothing(page));
        }
        found.map_err(Refusal::from)
    }

    async fn find<'p, T: Transport>(
        &self,
        exchange: &Exchange<'p, T>,
        path: Path<'p>,
    ) -> Result<FoundIn<'p, S>, OpenError>
    where
        's: 'p,
    {
        let is_directory = path.is_directory();
        let mut index = self.index.iter().filter_map(|name| path.child(name.as_bytes()));
        let mut candidate = if is_directory { index.next() } else { Some(path) };
        while let Some(at) = candidate {
            match self.storage.open(&at, Coding::Identity).await {
                Ok(Node::File(file)) => {
                    return Ok(Found::File(self.choose(exchange, file, at).await));
                }
                Ok(Node::Directory) if !is_directory => return Ok(Found::Directory),
                Err(error) if !is_directory || error != OpenError::NotFound => return Err(error),
                Ok(Node::Directory) | Err(_) => candidate = index.next(),
            }
        }
        if !self.lists {
            return Err(OpenError::NotFound);
        }
        Ok(Found::Entries(self.storage.list(&path).await?, path))
    }

    /// Opens a file in the coding that the request asks for.
    async fn choose<'p, T: Transport>(
        &self,
        exchange: &Exchange<'p, T>,
        file: S::File,
        path: Path<'p>,
    ) -> Opened<'p, S::File> {
        let mut codings = file.metadata().codings;
        let mut opened = Opened { file, path, coding: Some(Coding::Identity), coded: None };
        while exchange.method() == Method::Get {
            opened.coding = choose(exchange.head(), codings);
            let Some(coding) = opened.coding.filter(|coding| *coding != Coding::Identity) else {
                break;
            };
            if let Ok(Node::File(file)) = self.storage.open(&path, coding).await {
                opened.coded = Some(file);
                break;
            }
            // What seemed to be there may be gone, or not for us.
            codings = codings.without(coding);
        }
        opened
    }

    /// The Content-Type of a file.
    pub(super) fn content_type<'f>(&self, file: &'f S::File, name: &[u8]) -> &'f str
    where
        's: 'f,
    {
        own_type_of(self.types, name).unwrap_or_else(|| file.content_type(name))
    }

    /// Answers a request whose path leads to `found`, of which a file has `methods`.
    #[expect(clippy::manual_async_fn, reason = "an async function holds its arguments twice")]
    pub(super) fn answer<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
        found: FoundIn<'c, S>,
        methods: &'c [Method<'c>],
    ) -> impl Future<Output = Result<Responded<'c, T>, Error<T::Error>>> {
        async move {
            let is_get = exchange.method() == Method::Get;
            let mut found = found;
            let (plan, file) = match &mut found {
                Found::Directory => return Ok(add_slash(exchange)),
                Found::Entries(..) if !is_get => return Ok(exchange.allow(&[Method::Get])),
                Found::Entries(entries, path) => return self.list(exchange, entries, path).await,
                Found::File(_) if !is_get => return Ok(exchange.allow(methods)),
                Found::File(opened) => self.plan(&exchange, opened, methods),
                Found::Nothing(file) => {
                    let content_type = self.content_type(file, NOT_FOUND_PAGE);
                    (Plan::not_found(content_type, file.metadata().len), &*file)
                }
            };
            match begin(exchange, &plan, file.as_slice()) {
                Begun::Whole(responded) => Ok(responded),
                Begun::Parts(mut stream) => {
                    let mut index = 0;
                    while !stream.omits_content() {
                        let range = plan.range(index);
                        stream.render(&|emit| plan.delimiter(range, emit)).await?;
                        let Some(range) = range else { break };
                        file.send(range.first, range.len(), &mut stream).await?;
                        index += 1;
                    }
                    stream.finish()
                }
            }
        }
    }

    fn plan<'p, 'c: 'p, T: Transport>(
        &'p self,
        exchange: &Exchange<'c, T>,
        opened: &'p Opened<'c, S::File>,
        methods: &'p [Method<'p>],
    ) -> (Plan<'p>, &'p S::File) {
        let Opened { file, path, coding, coded } = opened;
        let content_type = self.content_type(file, path.name());
        let codings = file.metadata().codings;
        let file = coded.as_ref().unwrap_or(file);
        let variant = coding.map(|coding| variant(coding, file));
        let head = exchange.head();
        let request = Request { method: head.method(), fields: head, now: exchange.now() };
        (plan(&request, Resource { content_type, methods, codings, variant }), file)
    }

    fn shows(&self, path: &Path<'_>) -> bool {
        self.shows_hidden || !path.is_hidden()
    }
}

enum Begun<'c, T: Transport> {
    Whole(Responded<'c, T>),
    Parts(Stream<'c, T>),
}

fn begin<'c, T: Transport>(
    exchange: Exchange<'c, T>,
    plan: &Plan<'_>,
    memory: Option<&'static [u8]>,
) -> Begun<'c, T> {
    let mut reply = exchange.respond(plan.status);
    plan.fields(|name, value| reply.add(name, value));
    let span = match plan.content {
        Content::None if plan.status != Status::OK => {
            return Begun::Whole(reply.refused(Refusal::new(plan.status, plan.reason)));
        }
        Content::None | Content::Whole => Some((0, plan.length())),
        Content::One(range) => Some((range.first, range.len())),
        Content::Parts(_) => None,
    };
    match (memory, span) {
        (Some(memory), Some((first, length))) => {
            Begun::Whole(reply.content(slice(memory, first, length)))
        }
        _ => Begun::Parts(reply.stream_exact(plan.length())),
    }
}

impl<S: Storage> Service for Files<'_, S> {
    async fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> Result<Responded<'c, T>, Error<T::Error>> {
        if let Method::Extension(_) = exchange.method() {
            return Ok(exchange.allow(&[]));
        }
        match self.open(&exchange).await {
            Ok(found) => self.answer(exchange, found, &[Method::Get]).await,
            Err(refusal) => Ok(exchange.refuse(refusal)),
        }
    }
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound => NOT_FOUND,
            OpenError::Forbidden => Self::new(Status::FORBIDDEN, "this may not be read"),
            OpenError::Busy => Self::new(Status::SERVICE_UNAVAILABLE, "try again in a moment"),
            OpenError::Failed => Self::new(Status::INTERNAL_SERVER_ERROR, "the storage failed"),
        }
    }
}

fn variant<F: File>(coding: Coding, file: &F) -> Variant<'_> {
    let Metadata { len, modified, etag, .. } = file.metadata();
    Variant { coding, len, validators: Validators { etag, modified } }
}

/// Redirects to the same path with a slash at its end, so that relative links in the index work.
fn add_slash<T: Transport>(exchange: Exchange<'_, T>) -> Responded<'_, T> {
    // 301 lets a client change the method to GET; 308 doesn't (RFC 9110 §15.4.2).
    let status = match exchange.method() {
        Method::Get => Status::MOVED_PERMANENTLY,
        _ => Status::PERMANENT_REDIRECT,
    };
    let (path, query) = (exchange.target().path(), exchange.target().query());
    let mut location = heapless::Vec::<&[u8], 32>::new();
    // Browsers read a backslash as a slash, and two of them as what comes before a host.
    for (index, piece) in path.as_bytes().split(|&octet| octet == b'\\').enumerate() {
        let parts: &[&[u8]] = if index == 0 { &[piece] } else { &[b"%5C", piece] };
        if location.extend_from_slice(parts).is_err() {
            return exchange.refuse(NOT_FOUND);
        }
    }
    let mark: &[u8] = if query.is_some() { b"?" } else { b"" };
    if location.extend_from_slice(&[b"/", mark, query.unwrap_or_default().as_bytes()]).is_err() {
        return exchange.refuse(NOT_FOUND);
    }
    exchange.respond(status).field_of("Location", &location).empty()
}
