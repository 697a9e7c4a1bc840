//! The driver: reads requests, calls the service, sends what it replies.

use embedded_io::{Error as _, ErrorKind};
use embedded_io_async::Read;

use super::body::{Body, Incoming};
use super::draft::Draft;
use super::error::Error;
use super::exchange::{Exchange, Parts};
use super::output::{Output, Staged};
use super::responder::{Responded, Responder};
use super::route::Route;
use super::transport::{Half, Phase, Record, Transmit, Transport};
use crate::bytes::span::Span;
use crate::bytes::window::Window;
use crate::framing::encode::Date;
use crate::framing::{Connection, Limits};
use crate::grammar::date::UnixTime;
use crate::message::head::request_line_of;
use crate::message::{FieldEntry, Method, ParseError, Refusal, Status, Target};

/// What an application implements; once, for every frontend.
#[expect(async_fn_in_trait, reason = "`Send` follows from the service, as DESIGN asks")]
pub trait Service {
    /// Answers one request.
    ///
    /// # Errors
    /// What `?` passes on: the driver answers it, as far as it still can.
    async fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> Result<Responded<'c, T>, Error<T::Error>>;
}

impl<S: Service> Service for &S {
    async fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> Result<Responded<'c, T>, Error<T::Error>> {
        (**self).call(exchange).await
    }
}

/// The time of day.
pub trait Clock {
    /// The time now; `None` where nobody knows it, and then replies have no Date
    /// (RFC 9110 §6.6.1).
    fn now(&self) -> Option<UnixTime>;
}

/// No clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Option<UnixTime> {
        None
    }
}

/// How [`Server::serve`] left a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is idle, and both buffers are empty: serve it again when something arrives.
    Idle,
    /// It is over: the sending side is shut, and the client had its time to read the reply.
    Closed,
    /// It is over in the middle of a reply: reset it, so that the client can't take what it got for
    /// the whole.
    Cut,
}

/// The memory of a connection.
#[derive(Debug)]
pub struct Buffers<'b> {
    /// Receives: it holds a request's head, and what its handler has not read of the content.
    /// [`Limits::receive_buffer`] says how large it should be; limits shrink to fit what it is.
    pub rx: &'b mut [u8],
    /// Transmits. Half of it has to hold the head of every reply: 1 KiB is enough for most.
    pub tx: &'b mut [u8],
    /// The places of field lines, so that look-ups need not go over the head again. Without room
    /// for all, they do.
    pub fields: &'b mut [FieldEntry],
}

/// A service with what it needs besides a transport.
#[derive(Clone, Copy, Debug)]
pub struct Server<S, C> {
    /// The application.
    pub service: S,
    /// The clock.
    pub clock: C,
    /// The limits.
    pub limits: Limits,
}

/// What is left to do on a connection after one request.
enum Next {
    Request,
    Ended(Ended),
}

/// What waiting for a head came to.
enum Waited {
    /// A head of this many octets is at the start of what is unread.
    Head(usize),
    Ended(Ended),
    Refused(Refusal),
}

/// What answers a head that was too slow.
const TOO_SLOW: Refusal =
    Refusal::new(Status::REQUEST_TIMEOUT, "the request took too long to arrive");
/// What answers a reply that could not be emitted.
const FAILED: Refusal = Refusal::new(Status::INTERNAL_SERVER_ERROR, "");

impl<S: Service, C: Clock> Server<S, C> {
    /// A server of `service`.
    pub const fn new(service: S, clock: C, limits: Limits) -> Self {
        Self { service, clock, limits }
    }

    /// Serves requests on a connection until it is idle or over.
    ///
    /// The buffers can be used for another connection in between.
    ///
    /// # Errors
    /// That the transport failed: nobody is there any more.
    ///
    /// # Cancel safety
    /// None: when the future is dropped, reset the connection.
    pub fn serve<'b, T: Transport>(
        &'b self,
        transport: &'b mut T,
        buffers: Buffers<'b>,
    ) -> impl Future<Output = Result<Ended, T::Error>> {
        let Buffers { rx, tx, fields } = buffers;
        // Made before the future, which would hold what it is made of, too.
        let mut session = Session {
            connection: Connection::new(self.limits.within(rx.len())),
            transport,
            rx,
            tx,
            fields,
            unread: Span::default(),
            staged: Staged::default(),
        };
        async move {
            let mut is_first = true;
            loop {
                match session.exchange(self, is_first).await {
                    Ok(Next::Request) => is_first = false,
                    Ok(Next::Ended(ended)) => return Ok(ended),
                    Err(Error::Transport(error)) => return Err(error),
                    Err(_) => return Ok(Ended::Cut),
                }
            }
        }
    }
}

/// One call of [`Server::serve`].
struct Session<'b, T> {
    connection: Connection,
    transport: &'b mut T,
    rx: &'b mut [u8],
    tx: &'b mut [u8],
    fields: &'b mut [FieldEntry],
    /// What of `rx` was received and not consumed.
    unread: Span,
    /// What of `tx` is to be sent.
    staged: Staged,
}

impl<T: Transport> Session<'_, T> {
    /// Takes one request and answers it.
    async fn exchange<S: Service, C: Clock>(
        &mut self,
        server: &Server<S, C>,
        is_first: bool,
    ) -> Result<Next, Error<T::Error>> {
        let (head, refusal) = match self.wait_for_head(is_first).await? {
            Waited::Ended(ended) => return Ok(Next::Ended(ended)),
            Waited::Refused(refusal) => (self.unread, Some(refusal)),
            Waited::Head(length) => (self.freeze(length), None),
        };
        let outcome = self.answer(server, head, refusal.as_ref()).await;
        let outcome = outcome.or_else(|error| {
            let now = server.clock.now().map(Date::from);
            self.refuse(error, now)
        });
        let outcome = match outcome {
            _ if self.staged.is_torn() => Err(Error::Cut),
            Ok(()) if !self.connection.sending().is_complete() => Err(Error::Cut),
            outcome => outcome,
        };
        if outcome.is_ok() || self.staged.is_committed() {
            self.record(head);
        }
        outcome?;
        self.conclude().await
    }

    /// Has a request answered whose head is at a span of `rx`, unless it is refused already.
    async fn answer<S: Service, C: Clock>(
        &mut self,
        server: &Server<S, C>,
        head: Span,
        refusal: Option<&Refusal>,
    ) -> Result<(), Error<T::Error>> {
        let (front, behind) = self.rx.split_at_mut_checked(head.end).ok_or(Error::Cut)?;
        let octets = front.get(head.start..).unwrap_or_default();
        let (rx, tx) = self.transport.halves();
        rx.head(octets);
        self.unread.start = head.end;
        // A head that is refused already is not accepted.
        let accepted = self.connection.accept(octets, self.fields);
        // The path is decoded into the transmit buffer.
        let scratch = accepted.as_ref().map_or(0, |head| Route::scratch(head.target().path()));
        let room = self.tx.len().saturating_sub(scratch);
        Output::new(self.tx, &mut self.staged).begin(room, tx).await?;
        let parsed = match &accepted {
            Ok(parsed) => parsed,
            Err(error) => {
                let refusal = refusal.copied().unwrap_or_else(|| Refusal::from(*error));
                return Err(Error::Refused(refusal));
            }
        };
        if scratch > self.tx.len() / 4 {
            return Err(ParseError::RequestLineTooLong.into());
        }

        let (buffer, scratch) = self.tx.split_at_mut_checked(room).ok_or(Error::Cut)?;
        let route = Route::new(parsed.target().path(), scratch);
        let (receiving, sending) = self.connection.halves();
        let mut content = Span { start: 0, end: self.unread.end - head.end };
        let incoming = Incoming { receiving, window: Window::new(behind, &mut content) };
        let now = server.clock.now().map(Date::from);
        let draft = Draft::new(sending, Output::new(buffer, &mut self.staged), now);
        let mut parts: Parts<'_, T> =
            Parts { head: parsed, route: &route, rx, tx, incoming, draft };
        let reply = match parsed.target() {
            // It is about the server, not about a path of it (RFC 9110 §9.3.7).
            Target::Asterisk => {
                let (_, responder) = parts.split();
                Ok(responder.allow(Method::Options, &[Method::Get, Method::Post]))
            }
            Target::Authority(_) => {
                let (_, responder) = parts.split();
                Ok(responder.allow(Method::Connect, &[]))
            }
            Target::Origin(_) | Target::Absolute(..) => {
                server.service.call(Exchange { parts: &mut parts }).await
            }
        };
        let outcome = match reply {
            Ok(mut reply) => reply.send().await,
            Err(error) => Err(error),
        };
        self.unread = content.behind(head.end);
        outcome
    }

    /// Sets a head of `length` octets apart: it stays where it is while the reply is made, and what
    /// arrives goes behind it. It moves to the front when a form might not fit there.
    fn freeze(&mut self, length: usize) -> Span {
        let behind = self.rx.len().saturating_sub(self.unread.start + length);
        let Limits { form, line, .. } = *self.connection.limits();
        if self.unread.start > 0 && behind < form.saturating_add(line) {
            Window::new(self.rx, &mut self.unread).compact();
        }
        Span { start: self.unread.start, end: self.unread.start + length }
    }

    /// Reads until a head is there whole.
    async fn wait_for_head(&mut self, is_first: bool) -> Result<Waited, Error<T::Error>> {
        let connection = &mut self.connection;
        let (rx, tx) = self.transport.halves();
        let mut window = Window::new(self.rx, &mut self.unread);
        // Empty lines before a request-line are counted as long as its connection is served.
        let mut may_idle = !is_first;
        loop {
            match connection.find_head(window.unread(), self.fields) {
                Err(error) => return Ok(Waited::Refused(error.into())),
                Ok(found) => {
                    window.consume(found.skipped);
                    may_idle &= found.skipped == 0;
                    if let Some(length) = found.length {
                        return Ok(Waited::Head(length));
                    }
                }
            }
            // Nothing more is to be answered before the client sends again.
            Output::new(self.tx, &mut self.staged).flush(tx).await?;
            let is_idle = window.unread().is_empty();
            if is_idle && may_idle {
                return Ok(Waited::Ended(Ended::Idle));
            }
            rx.phase(if is_idle { Phase::Idle } else { Phase::Head });
            let refusal = match rx.read(window.free()).await {
                Ok(count @ 1..) => {
                    window.fill(count);
                    continue;
                }
                Ok(0) => connection.receive_end(window.unread()).err().map(Refusal::from),
                Err(error) if error.kind() != ErrorKind::TimedOut => {
                    return Err(Error::Transport(error));
                }
                Err(_) if is_idle => None,
                Err(_) => {
                    connection.refuse_head(window.unread());
                    Some(TOO_SLOW)
                }
            };
            return Ok(refusal.map_or(Waited::Ended(Ended::Closed), Waited::Refused));
        }
    }

    /// Answers with a refusal, in place of a reply that was begun, as long as none of it has left.
    fn refuse(&mut self, error: Error<T::Error>, now: Option<Date>) -> Result<(), Error<T::Error>> {
        let refusal = match error {
            Error::Refused(refusal) => refusal,
            Error::Emit(_) | Error::Cut => FAILED,
            Error::Transport(_) => return Err(error),
        };
        if self.staged.is_committed() {
            return Err(Error::Cut);
        }
        let (_, tx) = self.transport.halves();
        let (receiving, sending) = self.connection.halves();
        sending.restart();
        sending.close_unless_drainable(receiving);
        let mut output = Output::new(self.tx, &mut self.staged);
        output.revoke();
        let mut draft = Draft::new(sending, output, now);
        let responder: Responder<'_, T> = Responder { tx, draft: &mut draft };
        // It is staged whole: nothing is to be sent behind it.
        let _ = responder.refuse(refusal);
        Ok(())
    }

    /// Tells the transport of a reply, for its log.
    fn record(&mut self, head: Span) {
        let sending = self.connection.sending();
        let (_, tx) = self.transport.halves();
        tx.replied(&Record {
            request_line: request_line_of(self.rx.get(head.start..head.end).unwrap_or_default()),
            status: sending.status(),
            content: sending.content(),
        });
    }

    /// What follows a reply: the next request, or the end of the connection.
    async fn conclude(&mut self) -> Result<Next, Error<T::Error>> {
        let drain = self.connection.limits().drain;
        self.staged.settle();
        if self.connection.renew() {
            return Ok(Next::Request);
        }
        let (rx, tx) = self.transport.halves();
        Output::new(self.tx, &mut self.staged).flush(tx).await?;
        if self.connection.sending().is_persistent() {
            let (receiving, _) = self.connection.halves();
            let window = Window::new(self.rx, &mut self.unread);
            Body::new(rx, &mut Incoming { receiving, window }).drain(drain).await?;
            if self.connection.renew() {
                return Ok(Next::Request);
            }
        }
        tx.close().await.map_err(Error::Transport)?;
        let is_all_read = self.connection.is_all_read() && self.unread.start == self.unread.end;
        if !is_all_read {
            // Closing now could take the reply from a client that still sends (RFC 9112 §9.6).
            let mut left = drain;
            while left > 0 {
                rx.phase(Phase::Drain);
                match rx.read(self.rx).await {
                    Ok(count @ 1..) => left = left.saturating_sub(count as u64),
                    Ok(0) | Err(_) => break,
                }
            }
        }
        Ok(Next::Ended(Ended::Closed))
    }
}
