//! Replies, from the status to the end of their heads.

use core::fmt::Display;

use super::error::{Error, FAILED};
use super::output::{Output, emit_line};
use super::refusal_page::RefusalPage;
use super::responded::Responded;
use super::stream::Stream;
use super::transport::{Half, Transport};
use crate::bytes::cursor::Cursor;
use crate::framing::Length;
use crate::grammar::date::UnixTime;
use crate::message::{Method, Refusal, Status};
use crate::semantics::methods::{allowed, no_names, refuse};

/// Where the reply of one exchange comes from. It is gone once a reply was begun.
pub struct Responder<'c, T: Transport> {
    pub(super) tx: &'c mut T::Tx,
    pub(super) output: &'c mut Output<'c>,
}

/// A reply whose head is being made: fields can be added.
///
/// What can't be emitted (a field that could end its line early or says how the message is framed,
/// content with a status that has none, a head larger than the buffer has room for) makes it a 500 in
/// the end, since nothing of it has left yet; and the log says what it was.
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
    pub(super) output: &'c mut Output<'c>,
}

impl<'c, T: Transport> Responder<'c, T> {
    /// Begins a reply.
    pub fn status(self, status: Status) -> Reply<'c, T> {
        self.output.status(status);
        Reply { tx: self.tx, output: self.output }
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

    /// Answers with 500, because the application failed; the log says how, and the client doesn't
    /// learn it.
    ///
    /// # Examples
    /// ```
    /// use thimble_core::{Answer, Exchange, Service, Status, Transport};
    ///
    /// # fn degrees() -> Result<&'static str, std::num::ParseIntError> { Ok("21") }
    /// struct Thermometer;
    ///
    /// impl Service for Thermometer {
    ///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
    ///         match degrees() {
    ///             Ok(degrees) => Ok(exchange.respond(Status::OK).text(degrees)),
    ///             Err(error) => Ok(exchange.fail(&error)),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn fail(self, error: &dyn Display) -> Responded<'c, T> {
        self.tx.failed(error);
        self.refuse(*FAILED)
    }

    /// The time of the request.
    pub(crate) fn now(&self) -> Option<UnixTime> {
        self.output.now.map(|date| date.time)
    }

    /// The free part of the transmit buffer, to work in before the reply is begun.
    pub(crate) fn scratch(&mut self) -> &mut [u8] {
        self.output.free()
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
        self.output.field(name, value);
        self
    }

    /// [`field_of`](Self::field_of), in place, with a name that is known to be good.
    pub(crate) fn add(&mut self, name: &'static str, value: &[&[u8]]) {
        self.output.own_field(name, value);
    }

    /// Adds Content-Type, of which a reply has one.
    #[must_use]
    pub fn content_type(self, media_type: &str) -> Self {
        self.output.content_type(media_type);
        self
    }

    /// Closes the connection after this reply, which says so to the client.
    #[must_use]
    pub fn close(self) -> Self {
        self.output.sender.close();
        self
    }

    /// The reply has no content.
    pub fn empty(self) -> Responded<'c, T> {
        self.content(b"")
    }

    /// The content is plain text, if no other [`content_type`](Self::content_type) was said.
    pub fn text(self, text: &'c str) -> Responded<'c, T> {
        self.output.usual_type("text/plain; charset=utf-8");
        self.content(text.as_bytes())
    }

    /// The content is HTML, if no other [`content_type`](Self::content_type) was said.
    pub fn html(self, html: &'c str) -> Responded<'c, T> {
        self.output.usual_type("text/html; charset=utf-8");
        self.content(html.as_bytes())
    }

    /// The content is JSON (RFC 8259), if no other [`content_type`](Self::content_type) was said.
    /// JSON that doesn't outlive the handler goes by `.content_type("application/json")` and
    /// [`send`](Self::send).
    pub fn json(self, json: &'c [u8]) -> Responded<'c, T> {
        self.output.usual_type("application/json");
        self.content(json)
    }

    /// The content is `content`, which outlives the exchange. It is sent when the handler has
    /// returned, in one write with the head when there is room.
    pub fn content(mut self, content: &'c [u8]) -> Responded<'c, T> {
        let tail = if self.whole(content.len()) { content } else { b"" };
        Responded { tx: self.tx, output: self.output, tail }
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
        self.begin(Length::Unknown)
    }

    /// Content of a length that is known, in octets.
    pub fn stream_exact(self, length: u64) -> Stream<'c, T> {
        self.begin(Length::Exact(length))
    }

    fn begin(mut self, length: Length) -> Stream<'c, T> {
        self.end_head(length);
        Stream { tx: self.tx, output: self.output }
    }

    /// Content that says why; none where the status has none.
    pub(crate) fn refused(self, refusal: Refusal) -> Responded<'c, T> {
        if refusal.status.has_no_content() {
            return self.empty();
        }
        let mut reply = self;
        if let Some((page, head)) = reply.output.page
            && head.is_none_or(|head| page.is_accepted(head))
        {
            return reply.shown(page, refusal);
        }
        reply.output.usual_type("text/plain; charset=utf-8");
        let mut counted = Cursor::new(&mut []);
        emit_line(&refusal, &mut counted);
        if reply.whole(counted.count()) {
            reply.output.line(&refusal);
        }
        Responded { tx: reply.tx, output: reply.output, tail: b"" }
    }

    /// Content that is a page, which is staged when the reply is whole otherwise.
    fn shown(mut self, page: &'static RefusalPage, refusal: Refusal) -> Responded<'c, T> {
        self.add("Vary", &[b"Accept"]);
        self.add("Content-Type", &[b"text/html; charset=utf-8"]);
        if self.whole(page.len(&refusal)) && self.output.check().is_ok() {
            self.output.put_page(page, refusal);
        }
        Responded { tx: self.tx, output: self.output, tail: b"" }
    }

    /// Ends the head of a reply whose content is `count` octets. Returns whether they are sent.
    fn whole(&mut self, count: usize) -> bool {
        self.end_head(Length::Exact(count as u64));
        self.output.whole(count)
    }

    /// Ends the head.
    fn end_head(&mut self, length: Length) {
        if self.tx.stopping() {
            self.output.sender.close();
        }
        self.output.end_head(length);
        if self.output.check().is_ok() {
            self.tx.head(self.output.reply());
        }
    }
}
