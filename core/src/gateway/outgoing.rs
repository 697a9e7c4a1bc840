//! A script's reply on its way to the client.

use core::any::Any;

use super::head::ReplyHead;
use crate::message::Status;
use crate::server::{Answer, Error, Reply, Responder, Stream, Transport};

/// A script's reply that is being sent.
///
/// The script may say anything of its content's length. What is too much is left out, and what is missing
/// cuts the connection at the [end](Self::finish), so that the client notices. Content of a status that has
/// none is left out, too (RFC 9110 §6.4.1).
pub struct Outgoing<'c, T: Transport> {
    stream: Stream<'c, T>,
    /// Octets that the script has announced and not sent yet.
    left: Option<u64>,
}

impl<'c, T: Transport> Outgoing<'c, T> {
    /// Begins the reply of `head`.
    pub fn begin(head: &ReplyHead<'_>, respond: Responder<'c, T>) -> Self {
        let status = head.status();
        let mut reply: Reply<'c, T> = respond.status(status);
        if let Some(content_type) = head.content_type() {
            reply = reply.field_of("Content-Type", &[content_type]);
        }
        for field in head.fields() {
            reply = reply.field_of(field.name, &[field.value]);
        }
        let has_none = status.has_no_content() || status == Status::RESET_CONTENT;
        let left = if has_none { Some(0) } else { head.content_length() };
        let stream = match left {
            Some(length) => reply.stream_exact(length),
            None => reply.stream(),
        };
        Self { stream, left }
    }

    /// Puts a piece of content into the transmit buffer, as [`Stream::queue`] does. Returns how many octets
    /// of it were left out.
    ///
    /// # Errors
    /// Those of [`Stream::queue`].
    pub async fn queue(&mut self, content: &[u8]) -> Result<usize, Error<T::Error>> {
        let room = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let (content, excess) = content.split_at_checked(room).unwrap_or((content, b""));
        self.stream.queue(content).await?;
        self.left = self.left.map(|left| left.saturating_sub(content.len() as u64));
        Ok(excess.len())
    }

    /// Sends all that was queued.
    ///
    /// # Errors
    /// Those of [`Stream::flush`].
    pub async fn flush(&mut self) -> Result<(), Error<T::Error>> {
        self.stream.flush().await
    }

    /// Asks whether the client is still there, as [`Stream::probe`] does.
    ///
    /// # Errors
    /// Those of [`Stream::probe`].
    pub async fn probe(&mut self) -> Result<bool, Error<T::Error>> {
        self.stream.probe().await
    }

    /// Whether content is left out whatever comes: the request was HEAD, or the status has none.
    pub fn omits_content(&self) -> bool {
        self.stream.omits_content()
    }

    /// Whether the reply is whole, whatever comes: content is left out, or all that was announced is there.
    pub fn is_full(&self) -> bool {
        self.stream.omits_content() || self.left == Some(0)
    }

    /// Octets that the script has announced and not sent, of content that is not left out.
    pub fn missing(&self) -> u64 {
        if self.stream.omits_content() { 0 } else { self.left.unwrap_or_default() }
    }

    /// What the transport knows the connection by, as [`Exchange::connection`] returns it.
    ///
    /// [`Exchange::connection`]: crate::Exchange::connection
    pub fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.stream.connection()
    }

    /// Ends the reply.
    ///
    /// # Errors
    /// Those of [`Stream::finish`]: [`Error::Emit`] if less content came than was announced, which cuts the
    /// connection.
    pub fn finish(self) -> Answer<'c, T> {
        self.stream.finish()
    }
}
