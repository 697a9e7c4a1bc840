//! Replies, from the status to the moment they are staged.

use super::draft::{Draft, emit_line};
use super::error::Error;
use super::refusal_page::RefusalPage;
use super::stream::Stream;
use super::transport::{Half, Transport};
use crate::bytes::cursor::Cursor;
use crate::framing::{EmitError, Length};
use crate::grammar::date::UnixTime;
use crate::message::{Method, Refusal, Status};
use crate::semantics::methods::{allowed, no_names, refuse};

/// Where the reply of one exchange comes from. It is gone once a reply was begun.
pub struct Responder<'c, T: Transport> {
    pub(super) tx: &'c mut T::Tx,
    pub(super) draft: &'c mut Draft<'c>,
}

/// A reply whose head is being staged: fields can be added.
///
/// What can't be emitted (a field that could end its line early, a head larger than the buffer has
/// room for) makes it a 500 in the end, since nothing of it has left yet.
///
/// ```
/// use thimble_core::testing::Client;
/// use thimble_core::{Error, Exchange, Responded, Service, Status, Transport};
///
/// async fn temperature<'c, T: Transport>(
///     exchange: Exchange<'c, T>,
/// ) -> Result<Responded<'c, T>, Error<T::Error>> {
///     let text = format!("{{\"celsius\": {}}}", 21.5);
///     let reply = exchange.respond(Status::OK).field("Cache-Control", "no-store");
///     reply.content_type("application/json").send(text.as_bytes()).await
/// }
///
/// # struct Example;
/// #
/// # impl Service for Example {
/// #     async fn call<'c, T: Transport>(
/// #         &'c self,
/// #         exchange: Exchange<'c, T>,
/// #     ) -> Result<Responded<'c, T>, Error<T::Error>> {
/// #         temperature(exchange).await
/// #     }
/// # }
/// #
/// let reply = Client::new(Example).get("/");
/// assert_eq!(reply.text(), "{\"celsius\": 21.5}");
/// assert_eq!(reply.field("Cache-Control"), Some("no-store"));
/// ```
pub struct Reply<'c, T: Transport> {
    pub(super) tx: &'c mut T::Tx,
    pub(super) draft: &'c mut Draft<'c>,
}

/// A reply that is staged. The driver sends it when the handler returns it.
///
/// There is no other way to make one than to answer the exchange, and it can't be kept for another: a
/// handler that forgets to answer doesn't compile.
///
/// ```compile_fail,E0308
/// use thimble_core::{Error, Exchange, Responded, Service, Status, Transport};
///
/// struct Forgetful;
///
/// impl Service for Forgetful {
///     async fn call<'c, T: Transport>(
///         &'c self,
///         exchange: Exchange<'c, T>,
///     ) -> Result<Responded<'c, T>, Error<T::Error>> {
///         exchange.respond(Status::OK).field("A", "b"); // neither `empty`, `text` nor `send`
///     }
/// }
/// ```
///
/// What an outer service gets of an inner one is this as well, and it passes it on:
///
/// ```
/// use thimble_core::testing::Client;
/// use thimble_core::{Error, Exchange, Responded, Service, Status, Transport};
///
/// /// Answers at one path, and nowhere else.
/// struct Only<S>(&'static str, S);
///
/// impl<S: Service> Service for Only<S> {
///     async fn call<'c, T: Transport>(
///         &'c self,
///         exchange: Exchange<'c, T>,
///     ) -> Result<Responded<'c, T>, Error<T::Error>> {
///         if exchange.target().path() != self.0 {
///             return Ok(exchange.respond(Status::NOT_FOUND).empty());
///         }
///         let responded = self.1.call(exchange).await?;
///         Ok(responded)
///     }
/// }
///
/// # struct Example;
/// #
/// # impl Service for Example {
/// #     async fn call<'c, T: Transport>(
/// #         &'c self,
/// #         exchange: Exchange<'c, T>,
/// #     ) -> Result<Responded<'c, T>, Error<T::Error>> {
/// #         Ok(exchange.respond(Status::OK).text("here"))
/// #     }
/// # }
/// #
/// let client = Client::new(Only("/a", Example));
/// assert_eq!((client.get("/a").text(), client.get("/b").status()), ("here", 404));
/// ```
#[must_use = "a handler returns this, and then it is sent"]
pub struct Responded<'c, T: Transport> {
    pub(super) tx: &'c mut T::Tx,
    pub(super) draft: &'c mut Draft<'c>,
    /// Octets to be sent behind those staged. They are accounted for already.
    pub(super) tail: &'c [u8],
}

impl<'c, T: Transport> Responder<'c, T> {
    /// Begins a reply.
    pub fn status(self, status: Status) -> Reply<'c, T> {
        self.draft.status(status);
        Reply { tx: self.tx, draft: self.draft }
    }

    /// Redirects to `location` by GET: 303 (RFC 9110 §15.4.4), what follows a form.
    pub fn see_other(self, location: &str) -> Responded<'c, T> {
        let mut reply = self.status(Status::SEE_OTHER);
        reply.add("Location", &[location.as_bytes()]);
        reply.empty()
    }

    /// Answers with a refusal, and its reason in a line of text, or in the server's
    /// [`RefusalPage`].
    pub fn refuse(self, refusal: Refusal) -> Responded<'c, T> {
        let mut reply = self.status(refusal.status);
        if let Some((name, value)) = refusal.field {
            reply = reply.field(name, value);
        }
        reply.refused(refusal)
    }

    /// The time of the request.
    pub(crate) fn now(&self) -> Option<UnixTime> {
        self.draft.now.map(|date| date.time)
    }

    /// The free part of the transmit buffer, to work in before the reply is begun.
    pub(crate) fn scratch(&mut self) -> &mut [u8] {
        self.draft.output.free()
    }

    /// Answers a method that is not among `methods`: OPTIONS with what is (204), a method known to
    /// RFC 9110 with 405 and the same, any other with 501. HEAD comes with GET, and OPTIONS always.
    pub fn allow(self, method: Method<'_>, methods: &[Method<'_>]) -> Responded<'c, T> {
        let refusal = refuse(method);
        let mut reply = self.status(refusal.status);
        if refusal.status != Status::NOT_IMPLEMENTED {
            reply.add("Allow", allowed(methods, &mut no_names()));
        }
        reply.refused(refusal)
    }
}

impl<'c, T: Transport> Reply<'c, T> {
    /// Adds a field.
    #[must_use]
    pub fn field(self, name: &str, value: &str) -> Self {
        self.field_of(name, &[value.as_bytes()])
    }

    /// Adds a field whose value is made of parts that are joined.
    #[must_use]
    pub fn field_of(self, name: &str, value: &[&[u8]]) -> Self {
        self.draft.field(name, value);
        self
    }

    /// [`field_of`](Self::field_of), in place, with a name that is known to be good.
    pub(crate) fn add(&mut self, name: &'static str, value: &[&[u8]]) {
        self.draft.own_field(name, value);
    }

    /// Adds Content-Type.
    #[must_use]
    pub fn content_type(mut self, media_type: &str) -> Self {
        self.add("Content-Type", &[media_type.as_bytes()]);
        self
    }

    /// The reply has no content.
    pub fn empty(self) -> Responded<'c, T> {
        self.content(b"")
    }

    /// The content is plain text.
    pub fn text(self, text: &'c str) -> Responded<'c, T> {
        self.content_type("text/plain; charset=utf-8").content(text.as_bytes())
    }

    /// The content is HTML.
    pub fn html(self, html: &'c str) -> Responded<'c, T> {
        self.content_type("text/html; charset=utf-8").content(html.as_bytes())
    }

    /// The content is `content`, which outlives the exchange. It is sent when the handler has
    /// returned, in one write with the head when there is room.
    pub fn content(mut self, content: &'c [u8]) -> Responded<'c, T> {
        let tail = if self.whole(content.len()) { content } else { b"" };
        Responded { tx: self.tx, draft: self.draft, tail }
    }

    /// The content is `content`, which needn't outlive the handler: it is sent now, if it is larger
    /// than there is room for in the transmit buffer.
    pub async fn send(self, content: &[u8]) -> Result<Responded<'c, T>, Error<T::Error>> {
        let mut stream = self.stream_exact(content.len() as u64);
        stream.queue(content).await?;
        stream.finish()
    }

    /// Content whose length turns out at the end.
    pub fn stream(self) -> Stream<'c, T> {
        Stream::new(self, Length::Unknown)
    }

    /// Content of a length that is known, in octets.
    pub fn stream_exact(self, length: u64) -> Stream<'c, T> {
        Stream::new(self, Length::Exact(length))
    }

    /// Content that says why; none where the status has none.
    pub(crate) fn refused(self, refusal: Refusal) -> Responded<'c, T> {
        if refusal.status.has_no_content() {
            return self.empty();
        }
        let mut reply = self;
        if let Some((page, head)) = reply.draft.page
            && head.is_none_or(|head| page.is_accepted(head))
        {
            return reply.shown(page, refusal);
        }
        reply.add("Content-Type", &[b"text/plain; charset=utf-8"]);
        let mut counted = Cursor::new(&mut []);
        emit_line(&refusal, &mut counted);
        if reply.whole(counted.count()) {
            reply.draft.line(&refusal);
        }
        Responded { tx: reply.tx, draft: reply.draft, tail: b"" }
    }

    /// Content that is a page, which is staged when the reply is whole otherwise.
    fn shown(mut self, page: &'static RefusalPage, refusal: Refusal) -> Responded<'c, T> {
        self.add("Vary", &[b"Accept"]);
        self.add("Content-Type", &[b"text/html; charset=utf-8"]);
        if self.whole(page.len(&refusal)) && self.draft.check().is_ok() {
            self.draft.output.put_page(page, refusal);
        }
        Responded { tx: self.tx, draft: self.draft, tail: b"" }
    }

    /// Ends the head of a reply whose content is `count` octets. Returns whether they are sent.
    fn whole(&mut self, count: usize) -> bool {
        self.end_head(Length::Exact(count as u64));
        self.draft.whole(count)
    }

    /// Ends the head.
    pub(super) fn end_head(&mut self, length: Length) {
        if self.tx.stopping() {
            self.draft.sending.close();
        }
        self.draft.end_head(length);
        if self.draft.check().is_ok() {
            self.tx.head(self.draft.output.reply());
        }
    }
}

impl<T: Transport> Responded<'_, T> {
    /// Sends what doesn't fit the transmit buffer, and leaves the rest staged.
    pub(super) fn send(&mut self) -> impl Future<Output = Result<(), Error<T::Error>>> {
        self.draft.output.send(self.tail, self.tx)
    }

    /// Whether it could be made.
    pub(super) fn check(&self) -> Result<(), EmitError> {
        self.draft.check()
    }
}
