//! Content that is sent piece by piece.

use core::any::Any;

use super::error::Error;
use super::output::{Outgoing, Render};
use super::responded::{Answer, Responded};
use super::transport::{Half as _, Transport};
use crate::framing::EmitError;

/// A reply whose content is being sent. If the request was HEAD, or the status allows no content, the
/// content is counted, and not sent.
///
/// ```
/// use thimble_core::testing::Client;
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// async fn numbers<'c, T: Transport>(
///     exchange: Exchange<'c, T>,
/// ) -> Answer<'c, T> {
///     let mut out = exchange.respond(Status::OK).content_type("text/plain").stream();
///     for number in 0..1000 {
///         // Gathered in the transmit buffer, sent when it is full. `write` sends at once.
///         out.queue(format!("{number}\n").as_bytes()).await?;
///     }
///     out.finish()
/// }
///
/// # struct Example;
/// #
/// # impl Service for Example {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         numbers(exchange).await
/// #     }
/// # }
/// #
/// let reply = Client::new(Example).get("/");
/// assert_eq!(reply.text().lines().count(), 1000);
/// // The length was not known before: HTTP/1.1 has chunks for that, 1.0 the end of the connection.
/// assert_eq!(reply.field("Transfer-Encoding"), Some("chunked"));
/// ```
pub struct Stream<'c, T: Transport> {
    pub(super) outgoing: &'c mut Outgoing<'c, T>,
}

impl<'c, T: Transport> Stream<'c, T> {
    /// Whether content is not sent, so that it need not be made.
    pub fn omits_content(&self) -> bool {
        self.outgoing.output.sender.omits_content()
    }

    /// What the transport knows the connection by: see [`Half::connection`](super::Half::connection).
    pub fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.outgoing.tx.connection()
    }

    /// Sends a piece of content, and returns when the transport has taken it.
    ///
    /// # Errors
    /// [`Error::Transport`] if the transport failed; [`Error::Emit`] if the content becomes longer than
    /// declared, or if the head is invalid.
    pub async fn write(&mut self, content: &[u8]) -> Result<(), Error<T::Error>> {
        self.queue(content).await?;
        self.flush().await
    }

    /// Puts a piece of content into the transmit buffer. It is sent when the buffer is full, by the next
    /// [`write`](Self::write) or [`flush`](Self::flush), or at the end.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn queue(&mut self, mut content: &[u8]) -> Result<(), Error<T::Error>> {
        let Outgoing { tx, output } = &mut *self.outgoing;
        output.check()?;
        if !output.sender.is_chunked() && !output.sender.omits_content() {
            output.sender.account(content.len())?;
            return output.buffer.send(content, *tx).await;
        }
        loop {
            let gone = output.content(content)?;
            content = content.get(gone..).unwrap_or_default();
            if content.is_empty() {
                return Ok(());
            }
            if gone == 0 && output.buffer.is_empty() {
                return Err(EmitError::Full.into());
            }
            output.end_chunk();
            output.buffer.flush(*tx).await?;
        }
    }

    /// Queues what `render` emits. It is asked again, and what is sent already left out, whenever
    /// the transmit buffer was full: so it is no future, and nothing of it is held meanwhile.
    pub(crate) fn render(
        &mut self,
        render: &Render<'_>,
    ) -> impl Future<Output = Result<(), Error<T::Error>>> {
        let mut sent = 0;
        async move {
            let Outgoing { tx, output } = &mut *self.outgoing;
            while !output.render(render, &mut sent)? {
                output.end_chunk();
                output.buffer.flush(*tx).await?;
            }
            Ok(())
        }
    }

    /// Sends all that was queued.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn flush(&mut self) -> Result<(), Error<T::Error>> {
        let Outgoing { tx, output } = &mut *self.outgoing;
        output.check()?;
        output.end_chunk();
        output.buffer.flush(*tx).await
    }

    /// Most of the transmit buffer, to work in: the rest of the content goes through what is left.
    /// Sends what is queued, so that it has the same size whatever was.
    pub(crate) async fn set_aside(&mut self) -> Result<&'c mut [u8], Error<T::Error>> {
        self.flush().await?;
        Ok(self.outgoing.output.set_aside())
    }

    /// Room in the transmit buffer to put content into, at least one octet; sends what is queued if
    /// there is none. For content of declared length only.
    pub(crate) async fn space(&mut self) -> Result<&mut [u8], Error<T::Error>> {
        let Outgoing { tx, output } = &mut *self.outgoing;
        output.check()?;
        if output.buffer.free().is_empty() {
            output.buffer.flush(*tx).await?;
        }
        Ok(output.buffer.free())
    }

    /// Queues `count` octets that were put into what [`space`](Self::space) returned.
    pub(crate) fn advance(&mut self, count: usize) -> Result<(), Error<T::Error>> {
        self.outgoing.output.sender.account(count)?;
        self.outgoing.output.buffer.fill(count);
        Ok(())
    }

    /// Sends octets of a file behind what is queued, `length` from `offset` on, as far as the
    /// transport can by `handle`, which is what it knows the file by. Returns how many went: none
    /// when there is room for all of them in the transmit buffer, from where they leave together
    /// with the head. For content of declared length only.
    pub(crate) async fn send_file(
        &mut self,
        handle: &(dyn Any + Send + Sync),
        offset: u64,
        length: u64,
    ) -> Result<u64, Error<T::Error>> {
        let Outgoing { tx, output } = &mut *self.outgoing;
        output.check()?;
        if length <= output.buffer.free().len() as u64 {
            return Ok(0);
        }
        output.send_file(handle, offset, length, *tx).await
    }

    /// Sends an octet that says nothing, so that a client which has closed the connection, and not only shut
    /// its sending side, resets it now. Returns false if nothing was sent: only chunks have room for that, in
    /// their sizes. Call it once at most, for some recipients read only so many digits.
    ///
    /// ```abnf
    /// chunk-size = 1*HEXDIG                               ; RFC 9112 §7.1
    /// ```
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn probe(&mut self) -> Result<bool, Error<T::Error>> {
        self.flush().await?;
        let has_room = self.outgoing.output.sender.is_chunked()
            && !self.outgoing.output.sender.omits_content();
        if has_room {
            // The size of the next chunk, or of the last one, follows.
            self.outgoing.output.buffer.push(b"0").map_err(EmitError::from)?;
            self.outgoing.output.buffer.flush(self.outgoing.tx).await?;
        }
        Ok(has_room)
    }

    /// Ends the content.
    ///
    /// # Errors
    /// [`Error::Emit`] if the content is shorter than declared, or if the head is invalid. If part of the
    /// reply has been sent, the driver then cuts the connection, so that the client notices.
    pub fn finish(self) -> Answer<'c, T> {
        let output = &mut self.outgoing.output;
        output.check()?;
        output.end_chunk();
        let tail = output.sender.end()?;
        Ok(Responded { outgoing: self.outgoing, tail })
    }
}
