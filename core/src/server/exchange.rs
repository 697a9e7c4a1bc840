//! One request, and the reply it is owed.

use core::any::Any;
use core::fmt::Display;
use core::net::SocketAddr;

use super::body::{Body, Incoming, Skipped};
use super::error::Error;
use super::output::Outgoing;
use super::responded::Responded;
use super::responder::{Reply, Responder};
use super::route::Route;
use super::transport::{Half, Transport};
use crate::framing::{Limits, Receiver};
use crate::grammar::date::UnixTime;
use crate::message::facts::{Expect, TransferEncoding};
use crate::message::{Head, Method, Refusal, Status, Target};
use crate::semantics::path::Path;

/// What [`Exchange::open`] comes to: the content of the request, and the means to reply.
pub type Opened<'c, T> =
    Result<(Body<'c, <T as Transport>::Rx>, Responder<'c, T>), Error<<T as Transport>::Error>>;

/// A request and the means to answer it.
///
/// [`head`](Self::head), [`target`](Self::target) and [`segments`](Self::segments) don't borrow from the
/// exchange itself, so that an arm of a `match` on them may still move it.
///
/// Each way to answer consumes the exchange, so that a request has one answer:
/// [`respond`](Self::respond) answers without reading the content of the request, [`form`](Self::form)
/// and [`open`](Self::open) read it first.
///
/// ```
/// use thimble_core::testing::{Client, Request};
/// use thimble_core::{Answer, Exchange, Method, Refusal, Service, Status, Transport};
///
/// const NOT_HERE: Refusal = Refusal::new(Status::UNAUTHORIZED, "say who you are");
///
/// async fn whoami<'c, T: Transport>(
///     exchange: Exchange<'c, T>,
/// ) -> Answer<'c, T> {
///     if exchange.method() != Method::Get {
///         return Ok(exchange.allow(&[Method::Get])); // 405, and what OPTIONS asks
///     }
///     let Some(agent) = exchange.head().fields().first("User-Agent") else {
///         return Ok(exchange.refuse(NOT_HERE));
///     };
///     let reply = exchange.respond(Status::OK).content_type("text/plain");
///     Ok(reply.content(agent)) // lives in the receive buffer, as long as the exchange
/// }
///
/// # struct Example;
/// #
/// # impl Service for Example {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         whoami(exchange).await
/// #     }
/// # }
/// #
/// let client = Client::new(Example);
/// let named = Request::get("/").field("User-Agent", "curl/8");
/// assert_eq!(client.send(&named).text(), "curl/8");
/// assert_eq!(client.get("/").text(), "401 Unauthorized: say who you are\n");
/// assert_eq!(client.post_form("/", &[]).status(), 405);
/// ```
pub struct Exchange<'c, T: Transport> {
    pub(super) parts: &'c mut Parts<'c, T>,
}

/// What an exchange is made of, by reference: handlers move it around, and futures hold it twice.
pub(super) struct Parts<'c, T: Transport> {
    pub(super) head: &'c Head<'c>,
    pub(super) route: Route<'c>,
    pub(super) rx: &'c mut T::Rx,
    pub(super) incoming: Incoming<'c>,
    pub(super) outgoing: Outgoing<'c, T>,
    /// Whether the origin of a page elsewhere was allowed.
    pub(super) is_shared: bool,
}

impl<'c, T: Transport> Parts<'c, T> {
    /// The content of the request, and where the reply comes from.
    pub(super) fn split(&'c mut self) -> (Body<'c, T::Rx>, Responder<'c, T>) {
        let Self { rx, incoming, outgoing, .. } = self;
        (Body::new(rx, incoming), Responder { outgoing })
    }
}

impl<'c, T: Transport> Exchange<'c, T> {
    /// The head of the request.
    pub const fn head(&self) -> &'c Head<'c> {
        self.parts.head
    }

    /// The method. HEAD shows as GET: the reply is the same, and its content is left out
    /// (RFC 9110 §9.3.2).
    pub fn method(&self) -> Method<'c> {
        match self.parts.head.method() {
            Method::Head => Method::Get,
            method => method,
        }
    }

    /// Whether the method is HEAD.
    pub fn is_head(&self) -> bool {
        self.parts.head.method() == Method::Head
    }

    /// The request-target.
    pub fn target(&self) -> Target<'c> {
        self.parts.head.target()
    }

    /// The segments of the path, percent-decoded: none for `/`, and an empty one at the end for a
    /// path that ends with a slash. At most [`MAX_SEGMENTS`](super::route::MAX_SEGMENTS): the last
    /// one holds the rest. A segment that is not UTF-8 shows as U+FFFD.
    ///
    /// They are any text that a client likes: `%2f` in one is a slash in it, and one may be `..`. So
    /// **none may become part of a path to a file**, not by `folder.join(segment)` either, which
    /// would lead out of `folder`: match on [`file_names`](Self::file_names) for that.
    pub fn segments(&self) -> &'c [&'c str] {
        self.parts.route.segments
    }

    /// The percent-decoded path to a file; `None` if it can't name a file, because a segment is empty,
    /// `.` or `..`, or holds NUL or an encoded slash.
    pub fn path(&self) -> Option<Path<'c>> {
        self.parts.route.decoded.and_then(Path::new)
    }

    /// Leaves out the first `count` segments: [`segments`](Self::segments) and [`path`](Self::path) are
    /// what follows them from here on. For a service that passes on what is below a path of its own; what
    /// ends before that is left as it is. [`target`](Self::target) is as it was sent.
    ///
    /// [`Mount`](crate::service::layers::Mount) is one.
    pub fn enter(&mut self, count: usize) {
        self.parts.route.enter(count);
    }

    /// The address of the client, or of the proxy in front of it; `None` if the transport doesn't know
    /// it.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.parts.outgoing.tx.peer()
    }

    /// The local address of the connection; `None` if the transport doesn't know it.
    pub fn local(&self) -> Option<SocketAddr> {
        self.parts.outgoing.tx.local()
    }

    /// What the transport knows the connection by: see [`Half::connection`].
    pub fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.parts.outgoing.tx.connection()
    }

    /// Whether the connection is secure, as TLS is.
    pub fn is_secure(&self) -> bool {
        self.parts.outgoing.tx.is_secure()
    }

    /// Adds fields to every reply to this request: refusals, 304 and the 500 for a failure included. An
    /// outer service calls this before it calls an inner one, at any depth; the fields stand behind
    /// those of the reply itself. Replies that no service sees don't have them: those to requests that
    /// can't be understood, and to `OPTIONS *`; see [`Service::fields`](super::Service::fields).
    ///
    /// The fields take up to a quarter of the transmit buffer. If there are more, or if one is invalid,
    /// the reply becomes a 500, as for [`Reply::field`].
    ///
    /// # Examples
    /// ```
    /// use thimble_core::{Answer, Exchange, Service, Transport};
    ///
    /// struct Secured<S>(S);
    ///
    /// const SECURITY: &[(&str, &str)] =
    ///     &[("Content-Security-Policy", "default-src 'self'"), ("Referrer-Policy", "no-referrer")];
    ///
    /// impl<S: Service> Service for Secured<S> {
    ///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
    ///         self.0.call(exchange.with_fields(SECURITY)).await
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn with_fields(mut self, fields: &[(&str, &str)]) -> Self {
        self.add_fields(fields);
        self
    }

    /// [`with_fields`](Self::with_fields), in place.
    pub(crate) fn add_fields(&mut self, fields: &[(&str, &str)]) {
        // Each is put in front of those that are there.
        for (name, value) in fields.iter().rev() {
            self.parts.outgoing.output.add_field(name, value);
        }
    }

    /// Sends the replies to earlier requests of a client that pipelines. They wait to leave together with
    /// the one to this request: a service whose reply takes long calls this first.
    ///
    /// # Errors
    /// [`Error::Transport`] if the transport failed.
    pub fn flush(&mut self) -> impl Future<Output = Result<(), Error<T::Error>>> {
        let Outgoing { output, tx } = &mut self.parts.outgoing;
        output.buffer.flush_interim(&mut **tx)
    }

    /// Sends 100 (Continue), to learn whether the client is still there, as [`Responder::probe`] does.
    ///
    /// # Errors
    /// [`Error::Transport`] if the transport failed.
    pub async fn probe(&mut self) -> Result<bool, Error<T::Error>> {
        let outgoing = &mut self.parts.outgoing;
        outgoing.probe().await
    }

    /// Begins the reply. The content of the request is read and dropped; if it is longer than
    /// [`Limits::drain`](crate::Limits::drain), the connection closes after the reply instead.
    pub fn respond(self, status: Status) -> Reply<'c, T> {
        self.into_responder().status(status)
    }

    /// Redirects to `location` by GET: 303 (RFC 9110 §15.4.4).
    pub fn see_other(self, location: &str) -> Responded<'c, T> {
        self.into_responder().see_other(location)
    }

    /// Answers with a refusal. Its content is the reason, as a line of text or as the server's
    /// [`RefusalPage`](super::RefusalPage).
    pub fn refuse(self, refusal: Refusal) -> Responded<'c, T> {
        self.into_responder().refuse(refusal)
    }

    /// Answers with 500, because the application failed, and passes `error` to the log. See
    /// [`Responder::fail`].
    pub fn fail(self, error: &dyn Display) -> Responded<'c, T> {
        self.into_responder().fail(error)
    }

    /// Answers a method that is not among `methods`: OPTIONS by 204, another method of RFC 9110 by 405,
    /// both with `methods` in Allow, and any other method by 501. Allow always lists OPTIONS, and HEAD
    /// if `methods` has GET.
    pub fn allow(self, methods: &[Method<'_>]) -> Responded<'c, T> {
        let method = self.parts.head.method();
        self.into_responder().allow(method, methods)
    }

    /// The content of the request, and the means to reply. Both can be used at the same time. A client
    /// that waits for 100 (Continue) is sent it here.
    ///
    /// # Errors
    /// [`Error::Transport`] if the transport failed.
    // Not an `async fn`: that would hold the exchange, too.
    pub fn open(self) -> impl Future<Output = Opened<'c, T>> {
        let (body, responder) = self.parts.split();
        async move {
            let Outgoing { output, tx } = &mut *responder.outgoing;
            if body.is_awaited() {
                if output.interim()? {
                    tx.head(output.buffer.reply());
                }
                // Replies to earlier requests must not wait for this one's content.
                output.buffer.flush_interim(*tx).await?;
            } else {
                output.sender.skip_continue();
            }
            Ok((body, responder))
        }
    }

    /// Reads the chunks of a request whose method gives content no meaning (RFC 9110 §9.3), and drops
    /// them: all methods but POST, PUT and PATCH. Chunks may turn out malformed, and a reply that was
    /// sent before can't say any more that it is the last one. [`Files`](crate::service::Files) and
    /// [`Site`](crate::service::Site) call this before they answer. Other requests are left as they are.
    ///
    /// # Errors
    /// The answer to chunks that are malformed, end early or take too long; or that the transport
    /// failed.
    pub fn skip_chunks(&mut self) -> impl Future<Output = Result<(), Error<T::Error>>> {
        let Parts { head, rx, incoming, outgoing: Outgoing { tx, output }, .. } = &mut *self.parts;
        let is_chunked = head.facts().transfer_encoding != TransferEncoding::Absent;
        // A client that waits for 100 (Continue) gets its reply instead, and that closes.
        let is_coming = head.facts().expect == Expect::Nothing;
        let is_skipped = is_chunked
            && is_coming
            && output.sender.is_persistent()
            && !matches!(head.method(), Method::Post | Method::Put | Method::Patch);
        let mut left = incoming.limits.drain;
        async move {
            if !is_skipped {
                return Ok(());
            }
            loop {
                match incoming.skip(&mut left)? {
                    Skipped::All => return Ok(()),
                    Skipped::Enough => {
                        output.sender.close();
                        return Ok(());
                    }
                    Skipped::Some => {
                        output.buffer.flush_interim(&mut **tx).await?;
                        incoming.read(&mut **rx).await?;
                    }
                }
            }
        }
    }

    /// Says that the origin of the page that sent the request was allowed by its name, so that the page may
    /// do what those of this site may.
    pub(crate) const fn share(&mut self) {
        self.parts.is_shared = true;
    }

    /// Whether refusals are shown as a page to those who accept it.
    pub(crate) const fn has_refusal_page(&self) -> bool {
        self.parts.outgoing.output.buffer.unsent.page.is_some()
    }

    /// Whether that was said.
    pub(crate) const fn is_shared(&self) -> bool {
        self.parts.is_shared
    }

    /// What is known of the content before it is opened.
    pub(crate) const fn receiver(&self) -> &Receiver {
        self.parts.incoming.receiver
    }

    pub(crate) const fn limits(&self) -> &'c Limits {
        self.parts.incoming.limits
    }

    /// The time when the request arrived.
    pub(crate) fn now(&self) -> Option<UnixTime> {
        self.parts.outgoing.output.now.map(|date| date.time)
    }

    /// Whether another request is there already, as far as that can be told before the content of this one
    /// is read.
    pub(crate) fn is_followed(&self) -> bool {
        let Incoming { receiver, window, .. } = &self.parts.incoming;
        window.unread().len() > receiver.announced()
    }

    /// Refuses content of more than `limit` octets, when it is known to be, before it is opened.
    pub(crate) fn accepts(&self, limit: usize) -> Result<(), &'static Refusal> {
        self.parts.incoming.accepts(limit)
    }

    /// Where the reply comes from, for one that doesn't need the content.
    fn into_responder(self) -> Responder<'c, T> {
        let Parts { incoming, outgoing, .. } = &mut *self.parts;
        outgoing.output.sender.close_unless_drainable(incoming.receiver);
        self.parts.split().1
    }
}
