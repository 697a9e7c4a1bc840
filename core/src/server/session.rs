//! One connection between its requests: which step comes next, without taking any.

use super::body::{Arrived, Incoming};
use super::buffer::{Buffer, Unsent};
use super::output::Output;
use super::refusal_page::RefusalPage;
use super::transport::{Phase, Record};
use crate::bytes::span::Span;
use crate::bytes::window::Window;
use crate::fast::Room;
use crate::framing::{Connection, Date, Limits};
use crate::message::{FieldEntry, Refusal, Status};

/// What answers a head that was too slow.
const TOO_SLOW: &Refusal = &Refusal::new(Status::REQUEST_TIMEOUT, "the head came too slowly");

/// The state in which [`Driver::serve`](super::Driver::serve) left a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// As wide as a pointer, so that a step can be returned in registers. Not `non_exhaustive`: a frontend
// has to do something about each.
#[repr(usize)]
pub enum Ended {
    /// It is idle, and both buffers are empty. Serve it again when something arrives.
    Idle,
    /// It is over. The sending side is shut, and the client had its time to read the reply.
    Closed,
    /// It is over in the middle of a reply. Reset it, so that the client doesn't take the part that it got
    /// for the whole.
    Cut,
}

/// The memory of a connection.
#[derive(Debug)]
pub struct Buffers<'b> {
    /// The receive buffer. It holds a request's head, and content that its handler has not read yet.
    /// [`Limits::receive_buffer`] says how large it should be; if it is smaller, limits shrink to fit it.
    pub rx: &'b mut [u8],
    /// The transmit buffer. Half of it has to hold the head of any reply: 1 KiB is enough for most.
    pub tx: &'b mut [u8],
    /// Room for the places of a head's field lines, for quick look-ups. If it is too small for them, or
    /// empty, look-ups search the head instead; so they do on targets of less than 64 bits, whatever is lent.
    pub fields: &'b mut [FieldEntry],
}
/// Octets of content that leave at once, with a head before them: a sender begins with ten segments
/// (RFC 6928), whatever it hears.
const FLIGHT: u64 = 12 * 1024;

/// A connection while it is served. Nothing here is generic, so that it exists once.
// In this order: what every step looks at is where a microcontroller's short instructions reach.
#[repr(C)]
pub(super) struct Session<'b> {
    /// What of `rx` was received and not consumed.
    unread: Span,
    rx: &'b mut [u8],
    /// Where in `rx` the head of the request stands that is answered, or was last; what there is of
    /// it, if it is refused early.
    head: Span,
    tx: &'b mut [u8],
    /// What of `tx` is to be sent.
    pub(super) unsent: Unsent,
    stage: Stage,
    fields: Room<'b, FieldEntry>,
    connection: Connection,
    limits: &'b Limits,
}

/// Where a connection stands.
///
/// ```text
/// Head --> Answer --> Drain --> Head
///   |                   `-----> Linger --> Over
///   `------------------------------------> Over
/// ```
#[derive(Clone, Copy)]
enum Stage {
    /// A head is awaited. Without one, the connection may be left as idle or not.
    Head { may_idle: bool },
    /// A request is to be answered; by a refusal, if there is one before its head is accepted.
    Answer(Option<&'static Refusal>),
    /// What is left of its content is thrown away, so many octets at most.
    Drain { left: usize },
    /// The sending side is shut, and so many octets at most are thrown away.
    Linger { left: usize },
    /// That was all.
    Over(Ended),
}

/// What is to be done next.
pub(super) enum Step {
    /// Answer what is asked, by the refusal if there is one, and [`conclude`](Session::conclude).
    Answer(Option<&'static Refusal>),
    /// Send all that the transmit buffer holds.
    Flush,
    /// Read, and tell [`arrived`](Session::arrived).
    Read(Phase),
    /// Shut the sending side.
    Close,
    /// Nothing.
    End(Ended),
}

/// A request that is to be answered, and what its reply is made of, lent by the session.
pub(super) struct Lent<'s> {
    /// The head of the request, which is whole.
    pub(super) head: &'s [u8],
    pub(super) fields: &'s [FieldEntry],
    pub(super) connection: &'s mut Connection,
    /// What follows the head.
    pub(super) window: Window<'s>,
    pub(super) limits: &'s Limits,
    pub(super) tx: &'s mut [u8],
    pub(super) unsent: &'s mut Unsent,
}

impl<'b> Session<'b> {
    pub(super) fn new(
        limits: &'b Limits,
        page: Option<&'static RefusalPage>,
        buffers: Buffers<'b>,
    ) -> Self {
        let Buffers { rx, tx, fields } = buffers;
        Self {
            connection: Connection::new(limits.within(rx.len())),
            limits,
            rx,
            tx,
            fields: Room::new(fields),
            unread: Span::default(),
            head: Span::default(),
            unsent: Unsent::new(page),
            stage: Stage::Head { may_idle: false },
        }
    }

    /// The next step.
    pub(super) fn step(&mut self) -> Step {
        if !self.buffer().fill_page() {
            return Step::Flush;
        }
        if let Stage::Drain { left } = self.stage
            && self.unsent.is_empty()
            && let Some(step) = self.drain(left)
        {
            return step;
        }
        if let Stage::Head { may_idle } = self.stage
            && let Some(step) = self.seek(may_idle)
        {
            return step;
        }
        match self.stage {
            // Replies before it wait to leave together with it, unless that could take room from
            // its head.
            Stage::Answer(refusal) if self.unsent.len <= self.head_room() => Step::Answer(refusal),
            Stage::Over(ended) => Step::End(ended),
            Stage::Linger { left: 0 } => Step::End(Ended::Closed),
            Stage::Linger { .. } => {
                self.unread = Span::default();
                Step::Read(Phase::Drain)
            }
            _ => Step::Flush,
        }
    }

    /// Looks for a head. There is nothing else to do when there is one, or when something is to be
    /// sent first.
    fn seek(&mut self, may_idle: bool) -> Option<Step> {
        let mut window = Window::new(self.rx, &mut self.unread);
        let found = match self.connection.find_head(window.unread(), self.fields.entries()) {
            Ok(found) => found,
            Err(error) => {
                self.refuse(error.refusal());
                return None;
            }
        };
        window.consume(found.skipped);
        let is_idle = window.unread().is_empty();
        if let Some(length) = found.length {
            self.head = self.freeze(length);
            self.stage = Stage::Answer(None);
            return None;
        }
        // Empty lines before a request-line are counted as long as its connection is served.
        let may_idle = may_idle && found.skipped == 0;
        self.stage = Stage::Head { may_idle };
        if !self.unsent.is_empty() {
            return None;
        }
        Some(match (is_idle, may_idle) {
            (true, true) => Step::End(Ended::Idle),
            (true, false) => Step::Read(Phase::Idle),
            (false, _) => Step::Read(Phase::Head),
        })
    }

    /// Sets a head of `length` octets apart: it stays where it is while the reply is made, and octets
    /// that arrive go behind it. If a form might not fit there, the head moves to the front first.
    fn freeze(&mut self, length: usize) -> Span {
        let behind = self.rx.len().saturating_sub(self.unread.start + length);
        let Limits { form, line, .. } = *self.limits;
        if self.unread.start > 0 && behind < form.saturating_add(line) {
            Window::new(self.rx, &mut self.unread).compact();
        }
        Span { start: self.unread.start, end: self.unread.start + length }
    }

    /// Lends the request that is to be answered. [`rejoin`](Self::rejoin) follows when it is.
    pub(super) fn lend(&mut self) -> Option<Lent<'_>> {
        let Self { unread, rx, head, tx, unsent, fields, limits, connection, .. } = self;
        // Counted from the end of the head on.
        *unread = Span { start: 0, end: unread.end - head.end };
        let (front, behind) = rx.split_at_mut_checked(head.end)?;
        let window = Window::new(behind, unread);
        let head = front.get(head.start..)?;
        Some(Lent { head, fields: fields.entries(), connection, window, limits, tx, unsent })
    }

    /// Counts what is unread from the start of the buffer again.
    pub(super) const fn rejoin(&mut self) {
        if let Stage::Answer(None) = self.stage {
            self.unread = self.unread.behind(self.head.end);
        }
    }

    /// Has what arrived refused.
    fn refuse(&mut self, refusal: &'static Refusal) {
        self.head = self.unread;
        self.stage = Stage::Answer(Some(refusal));
    }

    /// Octets of earlier replies that may be in the transmit buffer while a request is answered.
    fn head_room(&self) -> usize {
        // The path is decoded into the transmit buffer.
        self.tx.len().saturating_sub(self.connection.receiver().target_length()) / 2
    }

    /// What reading came to, in the stage that asked for it.
    pub(super) fn arrived(&mut self, arrived: Arrived) {
        let window = Window::new(self.rx, &mut self.unread);
        let unread = window.unread();
        match (&mut self.stage, arrived) {
            (Stage::Linger { left }, Arrived::Octets) => {
                *left = left.saturating_sub(unread.len());
            }
            (_, Arrived::Octets) => {}
            (Stage::Head { .. }, Arrived::End) => match self.connection.receive_end(unread) {
                Ok(()) => self.stage = Stage::Over(Ended::Closed),
                Err(error) => self.refuse(error.refusal()),
            },
            (Stage::Head { .. }, Arrived::Nothing) if !unread.is_empty() => {
                self.connection.refuse(unread);
                self.refuse(TOO_SLOW);
            }
            // The rest of the content won't come.
            (Stage::Drain { .. }, _) => self.connection.close(),
            _ => self.stage = Stage::Over(Ended::Closed),
        }
    }

    /// The reply is whole: goes on with what follows it.
    pub(super) fn conclude(&mut self) {
        self.unsent.end_reply();
        self.stage = Stage::Drain { left: self.limits.drain };
        self.renew();
    }

    /// Nothing is to be sent any more.
    pub(super) fn end_early(&mut self) {
        self.unsent = Unsent::new(None);
        self.connection.close();
        self.stage = Stage::Drain { left: 0 };
    }

    /// Goes on with the next request, if this one is done with.
    fn renew(&mut self) -> bool {
        let goes_on = self.connection.next_request();
        if goes_on {
            self.stage = Stage::Head { may_idle: true };
        }
        goes_on
    }

    /// Drops content that the service has not read; `None` if the connection then takes another request.
    fn drain(&mut self, mut left: usize) -> Option<Step> {
        if self.connection.sender().is_persistent() {
            let (receiver, _) = self.connection.sides();
            let window = Window::new(self.rx, &mut self.unread);
            let mut incoming = Incoming { receiver, window, limits: self.limits };
            while let Ok(decoded) = incoming.decode(left) {
                let Some(decoded) = decoded else {
                    self.stage = Stage::Drain { left };
                    return Some(Step::Read(Phase::Content));
                };
                if decoded.content == 0 {
                    break;
                }
                left -= decoded.content;
                incoming.window.consume(decoded.framing + decoded.content);
            }
            if self.renew() {
                return None;
            }
        }
        let left = if self.may_close_at_once() { 0 } else { self.limits.linger };
        self.stage = Stage::Linger { left };
        Some(Step::Close)
    }

    /// Whether the client has its reply even if it is reset for what it still sends (RFC 9112 §9.6):
    /// it said that it sends nothing, nothing is there, and the reply has gone in one flight.
    fn may_close_at_once(&self) -> bool {
        let sender = self.connection.sender();
        self.is_silent()
            && sender.is_last_request()
            && sender.is_first_reply()
            && sender.content() <= FLIGHT
    }

    /// Whether all requests were read, and nothing else is there.
    fn is_silent(&self) -> bool {
        self.unread.start == self.unread.end && self.connection.receiver().is_complete()
    }

    /// Doesn't wait for the end of a client that has sent whole requests.
    pub(super) fn leave_if_silent(&mut self) {
        if self.is_silent() {
            self.stage = Stage::Over(Ended::Closed);
        }
    }

    /// Where to read into, and what is there.
    pub(super) fn window(&mut self) -> Window<'_> {
        Window::new(self.rx, &mut self.unread)
    }

    /// What is to be sent.
    pub(super) fn buffer(&mut self) -> Buffer<'_> {
        Buffer::new(self.tx, &mut self.unsent)
    }

    /// The output, to begin another reply in place of one of which nothing has left.
    pub(super) fn reply(&mut self, now: Option<Date>) -> Output<'_> {
        // What is refused early may or may not be whole, and must not get another reply for that.
        let is_early = matches!(self.stage, Stage::Answer(Some(_)));
        let request = if is_early { b"" } else { self.head.of(self.rx) };
        // As large as it was for the exchange: what was added stands at its end.
        let room = self.tx.len().saturating_sub(self.unsent.path);
        let octets = self.tx.get_mut(..room).unwrap_or_default();
        let buffer = Buffer::new(octets, &mut self.unsent);
        Output::new(buffer, self.connection.reply(), now, request)
    }

    /// Whether the reply is whole, as far as it has been sent.
    pub(super) fn is_whole(&self) -> bool {
        self.connection.sender().is_complete() && !self.unsent.writing
    }

    /// The head of the request that is answered.
    pub(super) fn head(&self) -> &[u8] {
        self.head.of(self.rx)
    }

    /// What a log says about the reply.
    pub(super) fn record(&self) -> Record<'_> {
        let sender = self.connection.sender();
        Record { head: self.head(), status: sender.status(), content: sender.content() }
    }

    /// Whether an error of reading matters no more.
    pub(super) const fn is_lingering(&self) -> bool {
        matches!(self.stage, Stage::Linger { .. })
    }
}
