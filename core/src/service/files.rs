//! Static files over a [`Storage`].

use super::storage::{File, Metadata, Node, OpenError, Storage};
use crate::grammar::date::imf_fixdate;
use crate::message::{Method, Refusal, Status};
use crate::semantics::mime::content_type;
use crate::semantics::negotiate::Coding;
use crate::server::{Error, Exchange, Reply, Responded, Service, Stream, Transport};

const NOT_FOUND: Refusal = Refusal::new(Status::NOT_FOUND, "nothing is served at this path");

/// A service of the files in a storage: GET, HEAD and OPTIONS.
#[derive(Clone, Copy, Debug)]
pub struct Files<'s, S> {
    storage: S,
    index: &'s [&'s str],
    shows_hidden: bool,
}

/// What a request's path leads to.
pub(super) enum Found<F> {
    /// A file, with its Content-Type.
    File(F, &'static str),
    /// A directory, whose path lacks the slash at its end.
    Directory,
}

impl<'s, S: Storage> Files<'s, S> {
    /// Serves the files in `storage`.
    pub const fn new(storage: S) -> Self {
        Self { storage, index: &["index.html"], shows_hidden: false }
    }

    /// The names that stand for a directory, the first that exists; `index.html` if nothing is said.
    #[must_use]
    pub fn index(self, index: &'s [&'s str]) -> Self {
        Self { index, ..self }
    }

    /// Whether names that begin with a dot are served, too. `/.well-known/` always is.
    #[must_use]
    pub fn hidden(self, shows_hidden: bool) -> Self {
        Self { shows_hidden, ..self }
    }

    /// Opens what the request's path leads to.
    pub(super) async fn open<T: Transport>(
        &self,
        exchange: &Exchange<'_, T>,
    ) -> Result<Found<S::File>, Refusal> {
        let path = exchange
            .path()
            .filter(|path| self.shows_hidden || !path.is_hidden())
            .ok_or(NOT_FOUND)?;
        if !path.is_directory() {
            return match self.storage.open(&path, Coding::Identity).await {
                Ok(Node::File(file)) => Ok(Found::File(file, content_type(path.name()))),
                Ok(Node::Directory) => Ok(Found::Directory),
                Err(error) => Err(error.into()),
            };
        }
        for path in self.index.iter().filter_map(|name| path.child(name.as_bytes())) {
            match self.storage.open(&path, Coding::Identity).await {
                Ok(Node::File(file)) => return Ok(Found::File(file, content_type(path.name()))),
                Ok(Node::Directory) | Err(OpenError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NOT_FOUND)
    }

    /// Answers a request whose path leads to `found`, other methods than `methods` refused.
    pub(super) async fn answer<'c, T: Transport>(
        &self,
        exchange: Exchange<'c, T>,
        found: Found<S::File>,
        methods: &[Method<'_>],
    ) -> Result<Responded<'c, T>, Error<T::Error>> {
        match found {
            Found::Directory => Ok(add_slash(exchange)),
            Found::File(file, content_type) if exchange.method() == Method::Get => {
                send(exchange, &file, content_type).await
            }
            Found::File(..) => Ok(exchange.allow(methods)),
        }
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
            OpenError::Forbidden => Self::new(Status::FORBIDDEN, "this file may not be read"),
            OpenError::Busy => Self::new(Status::SERVICE_UNAVAILABLE, "try again in a moment"),
            OpenError::Failed => Self::new(Status::INTERNAL_SERVER_ERROR, "the storage failed"),
        }
    }
}

/// Redirects to the same path with a slash at its end, so that relative links in the index work.
fn add_slash<T: Transport>(exchange: Exchange<'_, T>) -> Responded<'_, T> {
    // 301 lets a client change the method to GET; 308 doesn't (RFC 9110 §15.4.2).
    let status = match exchange.method() {
        Method::Get => Status::MOVED_PERMANENTLY,
        _ => Status::PERMANENT_REDIRECT,
    };
    let (path, query) = (exchange.target().path(), exchange.target().query());
    let mark: &[u8] = if query.is_some() { b"?" } else { b"" };
    let location = [path.as_bytes(), b"/", mark, query.unwrap_or_default().as_bytes()];
    exchange.respond(status).field_of("Location", &location).empty()
}

/// Sends a whole file.
async fn send<'c, T: Transport, F: File>(
    exchange: Exchange<'c, T>,
    file: &F,
    content_type: &str,
) -> Result<Responded<'c, T>, Error<T::Error>> {
    let Metadata { len, modified, .. } = file.metadata();
    // A date in the future would be no validator (RFC 9110 §8.8.2.1).
    let modified = match (modified, exchange.now()) {
        (Some(modified), Some(now)) => Some(modified.min(now)),
        (modified, _) => modified,
    };
    let mut reply: Reply<'c, T> = exchange.respond(Status::OK).content_type(content_type);
    if let Some(modified) = modified {
        reply = reply.field_of("Last-Modified", &[&imf_fixdate(modified)]);
    }
    if let Some(content) = file.as_slice() {
        return Ok(reply.content(content));
    }
    let mut stream = reply.stream_exact(len);
    if !stream.omits_content() {
        copy(file, 0, len, &mut stream).await?;
    }
    stream.finish()
}

/// Queues `length` octets of a file from `offset` on.
///
/// # Errors
/// [`Error::Cut`] when the file has become shorter: what was declared can't be sent any more.
pub(super) async fn copy<T: Transport, F: File>(
    file: &F,
    mut offset: u64,
    length: u64,
    stream: &mut Stream<'_, T>,
) -> Result<(), Error<T::Error>> {
    let end = offset + length;
    while offset < end {
        let space = stream.space().await?;
        let most = usize::try_from(end - offset).unwrap_or(usize::MAX).min(space.len());
        let space = space.get_mut(..most).unwrap_or_default();
        let count = file.read_at(offset, space).await.unwrap_or_default();
        if count == 0 {
            return Err(Error::Cut);
        }
        stream.advance(count)?;
        offset += count as u64;
    }
    Ok(())
}
