//! The content of a request, as it arrives.

use embedded_io::{Error as _, ErrorKind};

use super::error::Error;
use super::transport::{Phase, Receive};
use crate::bytes::window::Window;
use crate::framing::decode::Decoded;
use crate::framing::{Limits, Receiver};
use crate::message::{ParseError, Refusal, Status};

/// What answers content that was too slow.
const TOO_SLOW: &Refusal = &Refusal::new(Status::REQUEST_TIMEOUT, "the content came too slowly");
/// What answers content that is too large.
pub(crate) const TOO_LARGE: &Refusal =
    &Refusal::new(Status::CONTENT_TOO_LARGE, "the content is too large");

/// The content of a request, decoded in place in the receive buffer.
///
/// ```
/// use thimble_core::testing::{Client, Request};
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// async fn count<'c, T: Transport>(
///     exchange: Exchange<'c, T>,
/// ) -> Answer<'c, T> {
///     let (mut body, respond) = exchange.open().await?; // 100 Continue goes out here
///     let mut lines = 0;
///     while let Some(chunk) = body.chunk().await? {
///         lines += chunk.iter().filter(|&&octet| octet == b'\n').count();
///     }
///     respond.status(Status::OK).send(lines.to_string().as_bytes()).await
/// }
///
/// # struct Example;
/// #
/// # impl Service for Example {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         count(exchange).await
/// #     }
/// # }
/// #
/// let client = Client::new(Example);
/// let request = Request::post("/").chunks(&[b"one\ntw", b"o\n"]);
/// assert_eq!(client.send(&request).text(), "2");
/// let request = Request::post("/").content("one\n").field("Expect", "100-continue");
/// assert_eq!(client.send(&request).text(), "1");
/// ```
#[derive(Debug)]
pub struct Body<'c, R> {
    pub(super) rx: &'c mut R,
    pub(super) incoming: &'c mut Incoming<'c>,
}

/// What reading came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// More octets.
    Octets,
    /// The end of them.
    End,
    /// Nothing, in time.
    Nothing,
}

/// Content that is decoded as it arrives.
#[derive(Debug)]
pub(super) struct Incoming<'c> {
    pub(super) receiver: &'c mut Receiver,
    pub(super) window: Window<'c>,
    pub(super) limits: &'c Limits,
}

/// How much of the content was thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    /// What is there. More will come.
    Some,
    /// As much as may be, and more will come.
    Enough,
    /// All of it.
    All,
}

/// Reads into `window`, which has room.
pub(super) fn receive<R: Receive>(
    rx: &mut R,
    window: &mut Window<'_>,
    phase: Phase,
) -> impl Future<Output = Result<Arrived, R::Error>> {
    async move {
        rx.phase(phase);
        match rx.read(window.free()).await {
            Ok(0) => Ok(Arrived::End),
            Ok(count) => {
                window.fill(count);
                Ok(Arrived::Octets)
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(Arrived::Nothing),
            Err(error) => Err(error),
        }
    }
}

impl Incoming<'_> {
    /// Whether content of `limit` octets at most may follow, by what is known of it before it is
    /// read.
    pub(super) fn accepts(&self, limit: usize) -> Result<(), &'static Refusal> {
        if self.receiver.announced() > self.window.room_within(limit) {
            Err(TOO_LARGE)
        } else {
            Ok(())
        }
    }

    /// The next content, still to be taken from the window, or none at its end; `None` when more has
    /// to be read first.
    ///
    /// # Errors
    /// It is malformed; or it is, or is known to become, more than `room` octets.
    pub(super) fn decode(&mut self, room: usize) -> Result<Option<Decoded>, &'static Refusal> {
        let decoded = self.receiver.decode(self.window.unread()).map_err(ParseError::refusal)?;
        let fits = self.receiver.announced().saturating_add(decoded.content) <= room;
        if fits && decoded.content > 0 {
            return Ok(Some(decoded));
        }
        // What comes after it is drained.
        self.window.consume(decoded.framing + decoded.content);
        if !fits {
            return Err(TOO_LARGE);
        }
        if self.receiver.is_complete() {
            return Ok(Some(Decoded::default()));
        }
        if self.window.free().is_empty() { Err(TOO_LARGE) } else { Ok(None) }
    }

    /// Keeps the next content that is there, when no more than `room` octets of it may follow. Returns
    /// how many octets that is, none at its end; `None` when more has to be read first.
    ///
    /// # Errors
    /// Those of [`decode`](Self::decode).
    pub(super) fn keep(&mut self, room: usize) -> Result<Option<usize>, &'static Refusal> {
        let decoded = self.decode(room)?;
        Ok(decoded.map(|Decoded { framing, content }| {
            self.window.keep(framing, content);
            content
        }))
    }

    /// Keeps the content that is there. Returns whether that was the last of it.
    ///
    /// # Errors
    /// It is malformed; or all of it is more than `limit` octets, or than there is room for.
    fn collect(&mut self, limit: usize) -> Result<bool, &'static Refusal> {
        loop {
            match self.keep(self.window.room_within(limit))? {
                None => return Ok(false),
                Some(0) => return Ok(true),
                Some(_) => {}
            }
        }
    }

    /// Throws content away, `left` octets at most.
    ///
    /// # Errors
    /// It is malformed.
    pub(super) fn skip(&mut self, left: &mut usize) -> Result<Skipped, &'static Refusal> {
        loop {
            match self.decode(*left) {
                Ok(Some(Decoded { content: 0, .. })) => return Ok(Skipped::All),
                Ok(Some(Decoded { framing, content })) => {
                    *left = left.saturating_sub(content);
                    self.window.consume(framing + content);
                }
                Ok(None) => return Ok(Skipped::Some),
                Err(refusal) if refusal.status == TOO_LARGE.status => return Ok(Skipped::Enough),
                Err(refusal) => return Err(refusal),
            }
        }
    }

    /// Reads more of it.
    pub(super) fn read<R: Receive>(
        &mut self,
        rx: &mut R,
    ) -> impl Future<Output = Result<(), Error<R::Error>>> {
        async move {
            let arrived = receive(rx, &mut self.window, Phase::Content).await;
            self.arrived(arrived)
        }
    }

    /// What reading came to.
    fn arrived<E>(&mut self, arrived: Result<Arrived, E>) -> Result<(), Error<E>> {
        let refusal = match arrived.map_err(Error::Transport)? {
            Arrived::Octets => return Ok(()),
            Arrived::End => ParseError::TruncatedContent.refusal(),
            Arrived::Nothing => TOO_SLOW,
        };
        self.receiver.give_up();
        Err(refusal.into())
    }
}

impl<'c, R: Receive> Body<'c, R> {
    pub(super) const fn new(rx: &'c mut R, incoming: &'c mut Incoming<'c>) -> Self {
        Self { rx, incoming }
    }

    pub(crate) const fn receiver(&self) -> &Receiver {
        self.incoming.receiver
    }

    pub(crate) const fn limits(&self) -> &'c Limits {
        self.incoming.limits
    }

    /// Whether nothing of the content is there yet.
    pub(super) fn is_awaited(&self) -> bool {
        self.incoming.window.unread().is_empty() && !self.receiver().is_complete()
    }

    /// Whether [`chunk`](Self::chunk) returns without waiting for the client, mostly: some of the content is
    /// there, or all of it was read.
    pub fn is_ready(&self) -> bool {
        let is_here = !self.incoming.window.unread().is_empty() || self.rx.has_octets();
        is_here || self.receiver().is_complete()
    }

    /// Whether what is left may be read and dropped, so that the connection can go on: it is no longer than
    /// [`Limits::drain`](crate::Limits::drain), as far as is known.
    pub fn is_drainable(&self) -> bool {
        self.receiver().is_drainable()
    }

    /// Stops reading the content, of which the rest will not come in time: the connection has to close.
    pub fn give_up(&mut self) {
        self.incoming.receiver.give_up();
    }

    /// The next piece of the content, as much as has arrived; `None` at its end. Where a piece ends says
    /// nothing about the chunks or packets that it came in.
    ///
    /// # Errors
    /// [`Error::Refused`] if the content is malformed (400), ends early (400) or comes too slowly (408);
    /// [`Error::Transport`] if the transport failed. Pass either on by `?`.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, Error<R::Error>> {
        let Decoded { framing, content } = loop {
            if let Some(decoded) = self.incoming.decode(usize::MAX)? {
                break decoded;
            }
            self.incoming.read(self.rx).await?;
        };
        if content == 0 {
            return Ok(None);
        }
        Ok(Some(self.incoming.window.take(framing, content)))
    }

    /// The receive buffer behind the head, of which this content fills what is kept.
    pub(crate) const fn window(&mut self) -> &mut Window<'c> {
        &mut self.incoming.window
    }

    /// What is kept of the content.
    pub(crate) fn kept(&self) -> &[u8] {
        self.incoming.window.as_kept()
    }

    /// Keeps the next content, as [`Incoming::keep`] does.
    pub(crate) fn keep(&mut self, room: usize) -> Result<Option<usize>, &'static Refusal> {
        self.incoming.keep(room)
    }

    /// Reads more of it.
    pub(crate) fn read(&mut self) -> impl Future<Output = Result<(), Error<R::Error>>> {
        self.incoming.read(self.rx)
    }

    /// What is kept.
    pub(crate) fn into_kept(self) -> &'c mut [u8] {
        self.incoming.window.kept()
    }

    /// All of the content, in the receive buffer, if it is at most `limit` octets.
    ///
    /// # Errors
    /// [`Error::Refused`] (413) if it is longer than `limit` or than the receive buffer has room for, as
    /// early as that is known; and the errors of [`chunk`](Self::chunk).
    pub fn collect(
        self,
        limit: usize,
    ) -> impl Future<Output = Result<&'c mut [u8], Error<R::Error>>> {
        async move {
            while !self.incoming.collect(limit)? {
                self.incoming.read(self.rx).await?;
            }
            Ok(self.incoming.window.kept())
        }
    }
}
