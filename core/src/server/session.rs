//! One connection between its requests: which step comes next, without taking any.

use super::body::{Arrived, Incoming};
use super::output::Output;
use super::transport::{Phase, Record};
use super::unsent::Unsent;
use crate::bytes::span::Span;
use crate::bytes::window::Window;
use crate::framing::{Connection, Date, Limits};
use crate::message::{FieldEntry, Refusal, Status};

/// What answers a head that was too slow.
const TOO_SLOW: &Refusal = &Refusal::new(Status::REQUEST_TIMEOUT, "the head came too slowly");

/// How [`Server::serve`](super::Server::serve) left a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// As wide as a pointer, so that a step can be returned in registers.
#[repr(usize)]
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
    fields: &'b mut [FieldEntry],
    connection: Connection,
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
    /// Send all that is staged.
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
    pub(super) tx: &'s mut [u8],
    pub(super) unsent: &'s mut Unsent,
}

impl<'b> Session<'b> {
    pub(super) fn new(limits: Limits, buffers: Buffers<'b>) -> Self {
        let Buffers { rx, tx, fields } = buffers;
        Self {
            connection: Connection::new(limits.within(rx.len())),
            rx,
            tx,
            fields,
            unread: Span::default(),
            head: Span::default(),
            unsent: Unsent::default(),
            stage: Stage::Head { may_idle: false },
        }
    }

    /// The next step.
    pub(super) fn step(&mut self) -> Step {
        if !self.output(None).stage_page() {
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
        let found = match self.connection.find_head(window.unread(), self.fields) {
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

    /// Sets a head of `length` octets apart: it stays where it is while the reply is made, and what
    /// arrives goes behind it. It moves to the front when a form might not fit there.
    fn freeze(&mut self, length: usize) -> Span {
        let behind = self.rx.len().saturating_sub(self.unread.start + length);
        let Limits { form, line, .. } = *self.connection.receiver().limits();
        if self.unread.start > 0 && behind < form.saturating_add(line) {
            Window::new(self.rx, &mut self.unread).compact();
        }
        Span { start: self.unread.start, end: self.unread.start + length }
    }

    /// Lends the request that is to be answered. [`rejoin`](Self::rejoin) follows when it is.
    pub(super) fn lend(&mut self) -> Option<Lent<'_>> {
        let Self { unread, rx, head, tx, unsent, fields, connection, .. } = self;
        // Counted from the end of the head on.
        *unread = Span { start: 0, end: unread.end - head.end };
        let (front, behind) = rx.split_at_mut_checked(head.end)?;
        let window = Window::new(behind, unread);
        Some(Lent { head: front.get(head.start..)?, fields, connection, window, tx, unsent })
    }

    /// Counts what is unread from the start of the buffer again.
    pub(super) const fn rejoin(&mut self) {
        self.unread = self.unread.behind(self.head.end);
    }

    /// Has what arrived refused.
    fn refuse(&mut self, refusal: &'static Refusal) {
        self.head = self.unread;
        self.stage = Stage::Answer(Some(refusal));
    }

    /// Octets of earlier replies that may be staged while a request is answered.
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
        self.stage = Stage::Drain { left: self.connection.receiver().limits().drain };
        self.renew();
    }

    /// Goes on with the next request, if this one is done with.
    fn renew(&mut self) -> bool {
        let goes_on = self.connection.next_request();
        if goes_on {
            self.stage = Stage::Head { may_idle: true };
        }
        goes_on
    }

    /// Throws away content that nobody wanted; `None` when the connection goes on after it.
    fn drain(&mut self, mut left: usize) -> Option<Step> {
        if self.connection.sender().is_persistent() {
            let (receiver, _) = self.connection.sides();
            let mut incoming =
                Incoming { receiver, window: Window::new(self.rx, &mut self.unread) };
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
        // Closing at once could take the reply from a client that still sends (RFC 9112 §9.6).
        let is_all_read =
            self.connection.receiver().is_complete() && self.unread.start == self.unread.end;
        let left = if is_all_read { 0 } else { self.connection.receiver().limits().drain };
        self.stage = Stage::Linger { left };
        Some(Step::Close)
    }

    /// Where to read into, and what is there.
    pub(super) fn window(&mut self) -> Window<'_> {
        Window::new(self.rx, &mut self.unread)
    }

    /// What is to be sent.
    pub(super) fn output(&mut self, now: Option<Date>) -> Output<'_> {
        let (_, sender) = self.connection.sides();
        Output::new(self.tx, &mut self.unsent, sender, now)
    }

    /// The output, to begin another reply in place of one of which nothing has left.
    pub(super) fn reply(&mut self, now: Option<Date>) -> Output<'_> {
        Output::new(self.tx, &mut self.unsent, self.connection.reply(), now)
    }

    /// Whether the reply is whole, as far as it has been sent.
    pub(super) fn is_whole(&self) -> bool {
        self.connection.sender().is_complete() && !self.unsent.writing
    }

    /// The head of the request that is answered.
    pub(super) fn head(&self) -> &[u8] {
        let Span { start, end } = self.head;
        self.rx.get(start..end).unwrap_or_default()
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
