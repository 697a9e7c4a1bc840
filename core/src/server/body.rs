//! The content of a request, as it arrives.

use embedded_io::{Error as _, ErrorKind};

use super::error::Error;
use super::transport::{Phase, Receive};
use crate::bytes::window::Window;
use crate::framing::connection::Receiving;
use crate::message::{ParseError, Refusal, Status};

/// What answers content that was too slow.
const TOO_SLOW: Refusal =
    Refusal::new(Status::REQUEST_TIMEOUT, "the content took too long to arrive");
/// What answers content that is too large.
const TOO_LARGE: Refusal =
    Refusal::new(Status::CONTENT_TOO_LARGE, "the content is larger than is accepted here");

/// The content of a request, decoded in place in the receive buffer.
#[derive(Debug)]
pub struct Body<'c, R> {
    rx: &'c mut R,
    receiving: &'c mut Receiving,
    window: Window<'c>,
}

impl<'c, R: Receive> Body<'c, R> {
    pub(super) const fn new(
        rx: &'c mut R,
        receiving: &'c mut Receiving,
        window: Window<'c>,
    ) -> Self {
        Self { rx, receiving, window }
    }

    pub(crate) const fn receiving(&self) -> &Receiving {
        self.receiving
    }

    /// Whether nothing of the content is there yet.
    pub(super) fn is_awaited(&self) -> bool {
        self.window.unread().is_empty() && !self.receiving.is_complete()
    }

    /// The next piece of the content, as much as is there; `None` at its end. Pieces say nothing
    /// about the chunks or packets that they came in.
    ///
    /// # Errors
    /// The answer to content that is malformed, ends early or takes too long; or that the transport
    /// failed.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, Error<R::Error>> {
        loop {
            let decoded = self.receiving.decode(self.window.unread())?;
            if !decoded.content.is_empty() {
                return Ok(Some(self.window.take(decoded.consumed, decoded.content)));
            }
            self.window.consume(decoded.consumed);
            if self.receiving.is_complete() {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    /// All of the content, in place, when it is at most `limit` octets.
    ///
    /// # Errors
    /// 413 when it is more than `limit`, or than the receive buffer has room for, as early as that
    /// is known; and what [`chunk`](Self::chunk) returns.
    pub async fn collect(mut self, limit: usize) -> Result<&'c mut [u8], Error<R::Error>> {
        let mut room = limit.min(self.window.room());
        loop {
            let decoded = self.receiving.decode(self.window.unread())?;
            let count = decoded.content.len();
            if 0 < count && count <= room {
                self.window.keep(decoded.consumed - count, count);
            } else {
                self.window.consume(decoded.consumed);
            }
            room = room.checked_sub(count).ok_or(TOO_LARGE)?;
            self.accepts(room)?;
            if self.receiving.is_complete() {
                return Ok(self.window.into_kept());
            }
            if count == 0 {
                self.read().await?;
            }
        }
    }

    /// Whether content of `limit` octets at most may follow, by what is known of it before it is
    /// read.
    pub(super) fn accepts(&self, limit: usize) -> Result<(), Refusal> {
        let limit = limit.min(self.window.room()) as u64;
        if self.receiving.announced() > limit { Err(TOO_LARGE) } else { Ok(()) }
    }

    /// The free part of the receive buffer, to work in instead of reading the content.
    pub(crate) fn into_scratch(self) -> &'c mut [u8] {
        self.window.into_free()
    }

    async fn read(&mut self) -> Result<(), Error<R::Error>> {
        self.rx.phase(Phase::Content);
        let free = self.window.free();
        if free.is_empty() {
            return Err(TOO_LARGE.into());
        }
        match self.rx.read(free).await {
            Ok(0) => {
                self.receiving.give_up();
                Err(ParseError::TruncatedContent.into())
            }
            Ok(count) => {
                self.window.fill(count);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                self.receiving.give_up();
                Err(TOO_SLOW.into())
            }
            Err(error) => Err(Error::Transport(error)),
        }
    }

    /// Reads what is left of the content and throws it away, `limit` octets at most. Returns
    /// whether that was all.
    pub(super) async fn drain(&mut self, limit: u64) -> Result<bool, Error<R::Error>> {
        let mut left = limit;
        loop {
            let count = match self.chunk().await {
                Ok(Some(piece)) => piece.len() as u64,
                Ok(None) => return Ok(true),
                Err(Error::Transport(error)) => return Err(Error::Transport(error)),
                Err(_) => return Ok(false),
            };
            let Some(rest) = left.checked_sub(count) else { return Ok(false) };
            left = rest;
        }
    }
}
