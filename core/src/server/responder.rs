//! Replies, from the status to the moment they are staged.

use super::error::Error;
use super::output::Output;
use super::stream::Stream;
use super::transport::{Half, Transport};
use crate::framing::encode::Sending;
use crate::framing::{EmitError, Length};
use crate::grammar::date::UnixTime;
use crate::message::{Method, Refusal, Status};
use crate::semantics::methods::{allowed, refuse};

/// Where the reply of one exchange comes from. It is gone once a reply was begun.
pub struct Responder<'c, T: Transport> {
    pub(super) tx: &'c mut T::Tx,
    pub(super) sending: &'c mut Sending,
    pub(super) output: Output<'c>,
    pub(super) now: Option<UnixTime>,
}

/// A reply whose head is being staged: fields can be added.
///
/// What can't be emitted (a field that could end its line early, a head larger than the buffer has
/// room for) makes it a 500 in the end, since nothing of it has left yet.
pub struct Reply<'c, T: Transport> {
    pub(super) responder: Responder<'c, T>,
    pub(super) fault: Option<EmitError>,
}

/// A reply that is staged. The driver sends it when the handler returns it.
#[must_use = "a handler returns this, and then it is sent"]
pub struct Responded<'c, T: Transport> {
    pub(super) tx: &'c mut T::Tx,
    pub(super) output: Output<'c>,
    /// Octets to be sent behind those staged. They are accounted for already.
    pub(super) tail: &'c [u8],
}

impl<'c, T: Transport> Responder<'c, T> {
    /// Begins a reply.
    pub fn status(mut self, status: Status) -> Reply<'c, T> {
        let (sending, now) = (&mut *self.sending, self.now);
        let staged = self.output.emit_head(|output| sending.emit_status(status, now, output));
        Reply { fault: staged.err(), responder: self }
    }

    /// Redirects to `location` by GET: 303 (RFC 9110 §15.4.4), what follows a form.
    pub fn see_other(self, location: &str) -> Responded<'c, T> {
        self.status(Status::SEE_OTHER).field("Location", location).empty()
    }

    /// Answers with a refusal, and its reason in a line of text.
    pub fn refuse(self, refusal: Refusal) -> Responded<'c, T> {
        self.status(refusal.status).refused(refusal)
    }

    /// The time of the request.
    pub(crate) const fn now(&self) -> Option<UnixTime> {
        self.now
    }

    /// The free part of the transmit buffer, to work in before the reply is begun.
    pub(crate) fn scratch(&mut self) -> &mut [u8] {
        self.output.free()
    }

    /// A reply that is staged whole but for `tail`.
    pub(super) fn responded(self, tail: &'c [u8]) -> Responded<'c, T> {
        Responded { tx: self.tx, output: self.output, tail }
    }

    /// 500 in place of a reply that can't be emitted. If even that can't, nothing is staged, and
    /// the driver cuts the connection.
    pub(super) fn fail(mut self) -> Responded<'c, T> {
        self.output.revoke();
        self.sending.restart();
        let mut reply = self.status(Status::INTERNAL_SERVER_ERROR);
        match reply.end_head(Length::Exact(0)) {
            Ok(()) => drop(reply.responder.sending.end()),
            Err(_) => reply.responder.output.revoke(),
        }
        reply.responder.responded(b"")
    }

    /// Answers a method that is not among `methods`: OPTIONS with what is (204), a method known to
    /// RFC 9110 with 405 and the same, any other with 501. HEAD comes with GET, and OPTIONS always.
    pub fn allow(self, method: Method<'_>, methods: &[Method<'_>]) -> Responded<'c, T> {
        let refusal = refuse(method);
        let mut reply = self.status(refusal.status);
        if refusal.status != Status::NOT_IMPLEMENTED {
            reply.add("Allow", &allowed(methods));
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
    pub fn field_of(mut self, name: &str, value: &[&[u8]]) -> Self {
        self.add(name, value);
        self
    }

    /// [`field_of`](Self::field_of), in place.
    pub(crate) fn add(&mut self, name: &str, value: &[&[u8]]) {
        let Responder { sending, output, .. } = &mut self.responder;
        let staged = output.emit_head(|output| sending.emit_field(name, value, output));
        self.fault = self.fault.or(staged.err());
    }

    /// Adds Content-Type.
    #[must_use]
    pub fn content_type(self, media_type: &str) -> Self {
        self.field("Content-Type", media_type)
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
        let sent = self.end_head(Length::Exact(content.len() as u64)).and_then(|()| {
            let sending = &mut *self.responder.sending;
            sending.account(content.len())?;
            sending.end()
        });
        let tail = if self.responder.sending.omits_content() { b"" } else { content };
        match sent {
            Ok(_) => self.responder.responded(tail),
            Err(_) => self.responder.fail(),
        }
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
        let reply = self.content_type("text/plain; charset=utf-8");
        let Refusal { status, reason } = refusal;
        let code = crate::bytes::ascii::Decimal::new(u64::from(status.code()));
        let separator: &[u8] = if reason.is_empty() { b"" } else { b": " };
        let line = [
            code.as_bytes(),
            b" ",
            status.reason().as_bytes(),
            separator,
            reason.as_bytes(),
            b"\n",
        ];
        reply.line(&line)
    }

    /// Content in parts that fit the transmit buffer.
    fn line(mut self, parts: &[&[u8]]) -> Responded<'c, T> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let staged = self.end_head(Length::Exact(length as u64)).and_then(|()| {
            let Responder { sending, output, .. } = &mut self.responder;
            for part in parts {
                if output.stage(part, sending)? < part.len() {
                    return Err(EmitError::Full);
                }
            }
            sending.end()
        });
        match staged {
            Ok(_) => self.responder.responded(b""),
            Err(_) => self.responder.fail(),
        }
    }

    /// Ends the head.
    pub(super) fn end_head(&mut self, length: Length) -> Result<(), EmitError> {
        let Responder { tx, sending, output, .. } = &mut self.responder;
        if tx.stopping() {
            sending.close();
        }
        match self.fault {
            Some(fault) => Err(fault),
            None => output.emit_head(|output| sending.emit_end_of_head(length, output)),
        }?;
        tx.head(output.reply());
        Ok(())
    }
}

impl<T: Transport> Responded<'_, T> {
    /// Sends what doesn't fit the transmit buffer, and leaves the rest staged.
    pub(super) async fn send(mut self) -> Result<(), Error<T::Error>> {
        self.output.send(self.tail, self.tx).await
    }
}
