//! Replies, from the status to the end of their heads.

use core::any::Any;
use core::fmt::Display;

use super::body::Body;
use super::error::{Error, FAILED};
use super::output::Outgoing;
use super::responded::{Answer, Responded};
use super::stream::Stream;
use super::transport::{Half, Later, Transport};
use crate::framing::Length;
use crate::grammar::date::UnixTime;
use crate::message::{Method, Refusal, Status};
use crate::semantics::methods::{allowed, no_names, refusal_of};

/// The means to reply to one request. Each of its methods that begins a reply consumes it.
pub struct Responder<'c, T: Transport> {
    pub(super) outgoing: &'c mut Outgoing<'c, T>,
}

/// A reply whose head is being made: fields can be added.
///
/// If a part of it is invalid (a field that could end its line early or frames the message, content
/// with a status that allows none, a head that is larger than half of the transmit buffer), the client
/// gets a 500 instead, and the log says what was wrong.
///
/// ```
/// use thimble_core::testing::Client;
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// async fn temperature<'c, T: Transport>(
///     exchange: Exchange<'c, T>,
/// ) -> Answer<'c, T> {
///     let text = format!("{{\"celsius\": {}}}", 21.5);
///     let reply = exchange.respond(Status::OK).field("Cache-Control", "no-store");
///     reply.content_type("application/json").send(text.as_bytes()).await
/// }
///
/// # struct Example;
/// #
/// # impl Service for Example {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         temperature(exchange).await
/// #     }
/// # }
/// #
/// let reply = Client::new(Example).get("/");
/// assert_eq!(reply.text(), "{\"celsius\": 21.5}");
/// assert_eq!(reply.field("Cache-Control"), Some("no-store"));
/// ```
pub struct Reply<'c, T: Transport> {
    pub(super) outgoing: &'c mut Outgoing<'c, T>,
}

impl<'c, T: Transport> Responder<'c, T> {
    /// Begins a reply.
    pub fn status(self, status: Status) -> Reply<'c, T> {
        self.outgoing.output.status(status);
        Reply { outgoing: self.outgoing }
    }

    /// Redirects to `location` by GET: 303 (RFC 9110 §15.4.4), the usual answer to a form.
    pub fn see_other(self, location: &str) -> Responded<'c, T> {
        let mut reply = self.status(Status::SEE_OTHER);
        reply.add("Location", &[location.as_bytes()]);
        reply.empty()
    }

    /// Answers with a refusal. Its content is the reason, as a line of text or as the server's
    /// [`RefusalPage`](super::RefusalPage).
    pub fn refuse(self, refusal: Refusal) -> Responded<'c, T> {
        self.refuse_by(&refusal)
    }

    pub(super) fn refuse_by(self, refusal: &Refusal) -> Responded<'c, T> {
        let mut reply = self.status(refusal.status);
        if let Some((name, value)) = refusal.reason.field() {
            reply.add(name, &[value.as_bytes()]);
        }
        reply.refused(refusal)
    }

    /// Answers with 500, because the application failed. `error` goes to the log, not to the client.
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
        self.outgoing.tx.failed(error);
        self.refuse_by(FAILED)
    }

    /// What the transport knows the connection by: see [`Half::connection`].
    pub fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.outgoing.tx.connection()
    }

    /// Sends 100 (Continue) though nobody waits for it, which clients ignore (RFC 9110 §15.2). A client that
    /// has closed the connection, and not only shut its sending side, resets it now. Returns false if
    /// nothing was sent: HTTP/1.0 has no interim replies.
    ///
    /// # Errors
    /// [`Error::Transport`] if the transport failed.
    pub async fn probe(&mut self) -> Result<bool, Error<T::Error>> {
        self.outgoing.probe().await
    }

    /// Closes the connection after this reply, which says so, unless what is left of the content can be read
    /// and dropped: it can't when it is longer than [`Limits::drain`](crate::Limits::drain). Call this when
    /// `body` is not read any further.
    pub fn close_unless_drainable(&mut self, body: &Body<'_, T::Rx>) {
        self.outgoing.output.sender.close_unless_drainable(body.receiver());
    }

    /// What the reply may wait for in the transmit buffer, if it may.
    pub(crate) fn later(&self) -> Option<Later<'_>> {
        if !T::Tx::REPLIES_WAIT {
            return None;
        }
        let Outgoing { output, tx } = &*self.outgoing;
        Some(Later { awaited: tx.awaited()?, reply: output.buffer.unsent.earlier })
    }

    /// The time of the request.
    pub(crate) fn now(&self) -> Option<UnixTime> {
        self.outgoing.output.now.map(|date| date.time)
    }

    /// The free part of the transmit buffer, to work in before the reply is begun.
    pub(crate) fn scratch(&mut self) -> &mut [u8] {
        self.outgoing.output.buffer.free()
    }

    /// Answers `method`, which is not among `methods`, as
    /// [`Exchange::allow`](super::Exchange::allow) does.
    pub fn allow(self, method: Method<'_>, methods: &[Method<'_>]) -> Responded<'c, T> {
        let refusal = refusal_of(method);
        let status = refusal.map_or(Status::NO_CONTENT, |refusal| refusal.status);
        let mut reply = self.status(status);
        if status != Status::NOT_IMPLEMENTED {
            reply.add("Allow", allowed(methods, &mut no_names()));
        }
        match refusal {
            Some(refusal) => reply.refused(refusal),
            None => reply.empty(),
        }
    }
}

impl<'c, T: Transport> Reply<'c, T> {
    /// Adds a field.
    #[must_use]
    pub fn field(self, name: &str, value: &str) -> Self {
        self.field_of(name, &[value.as_bytes()])
    }

    /// Adds a field whose value is the concatenation of `value`.
    #[must_use]
    pub fn field_of(self, name: &str, value: &[&[u8]]) -> Self {
        self.outgoing.output.field(name, value);
        self
    }

    /// [`field_of`](Self::field_of), in place, with a name that is known to be good.
    pub(crate) fn add(&mut self, name: &'static str, value: &[&[u8]]) {
        self.outgoing.output.own_field(name, value);
    }

    /// Sets Content-Type. To call it twice is an error, and the reply becomes a 500.
    #[must_use]
    pub fn content_type(self, media_type: &str) -> Self {
        self.outgoing.output.content_type(media_type);
        self
    }

    /// Closes the connection after this reply, which has `Connection: close`.
    #[must_use]
    pub fn close(self) -> Self {
        self.outgoing.output.sender.close();
        self
    }

    /// Completes the reply without content.
    pub fn empty(self) -> Responded<'c, T> {
        self.content(b"")
    }

    /// Completes the reply with text. Its Content-Type is `text/plain; charset=utf-8`, unless
    /// [`content_type`](Self::content_type) was called.
    pub fn text(self, text: &'c str) -> Responded<'c, T> {
        self.outgoing.output.usual_type("text/plain; charset=utf-8");
        self.content(text.as_bytes())
    }

    /// Completes the reply with HTML. Its Content-Type is `text/html; charset=utf-8`, unless
    /// [`content_type`](Self::content_type) was called.
    pub fn html(self, html: &'c str) -> Responded<'c, T> {
        self.outgoing.output.usual_type("text/html; charset=utf-8");
        self.content(html.as_bytes())
    }

    /// Completes the reply with JSON (RFC 8259). Its Content-Type is `application/json`, unless
    /// [`content_type`](Self::content_type) was called. For JSON that doesn't outlive the handler, use
    /// `.content_type("application/json")` and [`send`](Self::send).
    pub fn json(self, json: &'c [u8]) -> Responded<'c, T> {
        self.outgoing.output.usual_type("application/json");
        self.content(json)
    }

    /// Completes the reply with `content`, which outlives the exchange. It is sent when the handler has
    /// returned, in one write with the head if both fit the transmit buffer.
    pub fn content(mut self, content: &'c [u8]) -> Responded<'c, T> {
        let tail = if self.whole(content.len()) { content } else { b"" };
        Responded { outgoing: self.outgoing, tail }
    }

    /// Completes the reply with `content`, which needn't outlive the handler: what doesn't fit the
    /// transmit buffer is sent now.
    ///
    /// # Errors
    /// [`Error::Transport`] if the transport failed,
    /// [`Error::Emit`] if the reply is invalid.
    pub async fn send(self, content: &[u8]) -> Answer<'c, T> {
        let mut stream = self.stream_exact(content.len() as u64);
        stream.queue(content).await?;
        stream.finish()
    }

    /// Begins content of unknown length: chunked for HTTP/1.1, until the connection closes for HTTP/1.0.
    pub fn stream(self) -> Stream<'c, T> {
        self.begin(Length::Unknown)
    }

    /// Begins content of exactly `length` octets.
    pub fn stream_exact(self, length: u64) -> Stream<'c, T> {
        self.begin(Length::Exact(length))
    }

    fn begin(mut self, length: Length) -> Stream<'c, T> {
        self.end_head(length);
        Stream { outgoing: self.outgoing }
    }

    /// Content that says why.
    pub(crate) fn refused(mut self, refusal: &Refusal) -> Responded<'c, T> {
        let count = self.outgoing.output.begin_refusal(refusal);
        if self.whole(count) {
            self.outgoing.output.line(refusal);
        }
        Responded { outgoing: self.outgoing, tail: b"" }
    }

    /// Ends the head of a reply whose content is `count` octets. Returns whether they are sent.
    fn whole(&mut self, count: usize) -> bool {
        self.end_head(Length::Exact(count as u64));
        self.outgoing.output.whole(count)
    }

    /// Ends the head.
    fn end_head(&mut self, length: Length) {
        let Outgoing { tx, output } = &mut *self.outgoing;
        if tx.stopping() {
            output.sender.close();
        }
        output.end_head(length);
        if output.check().is_ok() {
            tx.head(output.buffer.reply());
        }
    }
}
