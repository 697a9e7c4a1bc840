//! The service: hands requests to the Python threads, and sends what they reply.

use std::sync::Arc;

use thimble_core::message::facts::Expect;
use thimble_core::service::storage::File as _;
use thimble_core::{
    Answer, Body, Error, Exchange, Refusal, Reply, Responded, Responder, Service, Status, Stream,
    Transport,
};

use crate::call::{Ask, Asked, Call, Content, Part, Unread};
use crate::mount::Mount;
use crate::pool::{Job, Pool};
use crate::request::{self, Request};

const FAILED: Refusal = Refusal::new(Status::INTERNAL_SERVER_ERROR, "");
/// What the log says of a reply that ended too early.
const CUT: &str = "the application failed in the middle of its reply";

/// A WSGI application, and folders that are served without it.
pub(crate) struct Wsgi {
    pub(crate) pool: Arc<Pool>,
    pub(crate) mounts: Vec<Mount>,
    /// Octets of content that are waited for before the application is called.
    pub(crate) buffer: usize,
    /// Whether requests say which address they came to.
    pub(crate) tells_local: bool,
}

impl Service for Wsgi {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match self.mounts.iter().find(|mount| mount.has(exchange.segments())) {
            Some(mount) => mount.call(exchange).await,
            None => self.ask(exchange).await,
        }
    }
}

/// The request, from which content and the reply come.
enum Source<'c, T: Transport> {
    /// Its content is not read.
    Closed(Exchange<'c, T>),
    Open(Body<'c, T::Rx>, Responder<'c, T>),
}

impl<'c, T: Transport> Source<'c, T> {
    async fn open(self) -> Result<Self, Error<T::Error>> {
        match self {
            Self::Closed(exchange) => {
                let (body, responder) = exchange.open().await?;
                Ok(Self::Open(body, responder))
            }
            open @ Self::Open(..) => Ok(open),
        }
    }

    /// More of the content; nothing at its end.
    async fn read(&mut self) -> Result<&[u8], Error<T::Error>> {
        match self {
            Self::Closed(_) => Ok(b""),
            Self::Open(body, _) => Ok(body.chunk().await?.unwrap_or_default()),
        }
    }

    fn refuse(self, refusal: Refusal) -> Responded<'c, T> {
        match self {
            Self::Closed(exchange) => exchange.refuse(refusal),
            Self::Open(_, responder) => responder.refuse(refusal),
        }
    }

    /// Begins the reply. What is left of the content can still be read if it was opened.
    fn respond(self, status: Status) -> (Option<Body<'c, T::Rx>>, Reply<'c, T>) {
        match self {
            Self::Closed(exchange) => (None, exchange.respond(status)),
            Self::Open(body, responder) => (Some(body), responder.status(status)),
        }
    }
}

impl Wsgi {
    /// Has the application answer.
    async fn ask<'c, T: Transport>(&'c self, mut exchange: Exchange<'c, T>) -> Answer<'c, T> {
        exchange.flush().await?;
        let call = Call::new(&self.pool);
        let mut request = Box::new(Request::new(&exchange, &call));
        if self.tells_local {
            request.local = exchange.local();
        }
        let facts = *exchange.head().facts();
        let waits_for_continue = facts.expect == Expect::Continue;
        let mut source = Source::Closed(exchange);
        if facts.declare_content() {
            let length = facts.content_length().valid();
            let is_short = length.is_none_or(|length| length <= self.buffer as u64);
            let mut begun = Vec::new();
            let mut is_whole = false;
            if is_short && !waits_for_continue {
                source = source.open().await?;
                is_whole = self.buffer(&mut source, &mut begun).await?;
            }
            request.content = if is_whole {
                request::Content::Whole(begun)
            } else {
                request::Content::Streamed { begun, length }
            };
        }
        let can_read_late = !waits_for_continue && !request.content.is_whole();
        let asked = Asked::new(&call);
        self.pool.push(Job::Answer(request));
        loop {
            match asked.next().await {
                Ask::Read => {
                    source = source.open().await?;
                    asked.answer(Ok(source.read().await?.to_vec()));
                }
                Ask::Fail => return Ok(source.refuse(FAILED)),
                Ask::Send(part) => {
                    if can_read_late && !part.is_last {
                        source = source.open().await?;
                    }
                    return self.reply(source, asked, part).await;
                }
            }
        }
    }

    /// Collects content, no more than a limit and a piece. Returns whether that is all of it.
    async fn buffer<T: Transport>(
        &self,
        source: &mut Source<'_, T>,
        to: &mut Vec<u8>,
    ) -> Result<bool, Error<T::Error>> {
        while to.len() <= self.buffer {
            match source.read().await? {
                b"" => return Ok(true),
                octets => to.extend_from_slice(octets),
            }
        }
        Ok(false)
    }

    /// Sends the reply that `part` begins.
    async fn reply<'c, T: Transport>(
        &'c self,
        source: Source<'c, T>,
        asked: Asked,
        mut part: Part,
    ) -> Answer<'c, T> {
        let Some(head) = part.head.take() else { return Ok(source.refuse(FAILED)) };
        let (mut body, mut reply) = source.respond(head.status);
        for (name, value) in head.fields() {
            reply = reply.field_of(name, &[value]);
        }
        let mut stream = match head.length {
            Some(length) => reply.stream_exact(length),
            None => reply.stream(),
        };
        drop(head);
        loop {
            self.send(&mut stream, &part).await?;
            let is_last = part.is_last;
            match part.content {
                Content::Shared(octets) if is_last => {
                    self.pool.push(Job::Drop { _content: octets });
                }
                Content::Shared(octets) => asked.give_back(octets),
                Content::Copied(_) | Content::Of { .. } => {}
            }
            if is_last {
                return stream.finish();
            }
            part = loop {
                match asked.next().await {
                    Ask::Send(part) => break part,
                    Ask::Fail => return Err(Error::Application(&CUT)),
                    Ask::Read => {
                        let read = match &mut body {
                            Some(body) => Ok(body.chunk().await?.unwrap_or_default().to_vec()),
                            None => Err(Unread::Late),
                        };
                        asked.answer(read);
                    }
                }
            };
        }
    }

    /// Sends content. What is not the last leaves at once.
    async fn send<T: Transport>(
        &self,
        stream: &mut Stream<'_, T>,
        part: &Part,
    ) -> Result<(), Error<T::Error>> {
        let octets = match &part.content {
            Content::Copied(octets) => octets.as_slice(),
            Content::Shared(octets) => octets,
            Content::Of { file, offset, length } => {
                return file.send(*offset, *length, stream).await;
            }
        };
        match (octets, part.is_last) {
            (b"", _) => Ok(()),
            (_, true) => stream.queue(octets).await,
            (_, false) => stream.write(octets).await,
        }
    }
}
