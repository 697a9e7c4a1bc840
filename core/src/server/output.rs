//! The transmit buffer: what is staged in it leaves in as few writes as possible.

use core::any::Any;
use core::mem;

use super::error::Error;
use super::refusal_page::RefusalPage;
use super::transport::{Phase, Transmit};
use crate::bytes::cursor::{Cursor, Full};
use crate::framing::EmitError;
use crate::framing::encode::{CHUNK_MAX, CHUNK_PREFIX, CHUNK_SUFFIX, Sending, chunk_prefix};
use crate::message::Refusal;

/// The most octets handed over in one write. Kernels are slower with more at once.
const MAX_WRITE: usize = 64 * 1024;

/// What is staged in the transmit buffer. It outlives the exchange that staged it, so that the
/// replies to pipelined requests leave together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Staged {
    /// Octets staged.
    len: usize,
    /// How many of those belong to earlier replies.
    earlier: usize,
    /// Whether octets of the final reply of this exchange have left.
    committed: bool,
    /// Whether a write is under way. It stays so when the future that wrote was dropped, and then
    /// nobody knows how much of it went.
    writing: bool,
    /// The first thing of the reply's head that could not be emitted.
    fault: Option<EmitError>,
    /// A page that is to be staged behind all that.
    page: Option<Page>,
}

/// A page, from which so many octets are staged or sent already. They are accounted for.
#[derive(Clone, Copy, Debug)]
struct Page {
    shown_by: &'static RefusalPage,
    refusal: Refusal,
    done: usize,
}

impl Staged {
    /// Octets staged.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is staged.
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The reply is whole: what comes next belongs to another one.
    pub(super) const fn settle(&mut self) {
        self.earlier = self.len;
        self.committed = false;
        self.fault = None;
    }

    /// Whether the reply of this exchange can no more be taken back.
    pub(super) const fn is_committed(&self) -> bool {
        self.committed
    }

    /// Whether a write was given up half-way.
    pub(super) const fn is_torn(&self) -> bool {
        self.writing
    }
}

/// The transmit buffer in use.
#[derive(Debug)]
pub(super) struct Output<'c> {
    buffer: &'c mut [u8],
    staged: &'c mut Staged,
    /// Where the chunk begins that is being staged.
    chunk: Option<usize>,
}

impl<'c> Output<'c> {
    pub(super) const fn new(buffer: &'c mut [u8], staged: &'c mut Staged) -> Self {
        Self { buffer, staged, chunk: None }
    }

    /// Room for one reply head, in octets: the same for each, whatever is staged before it.
    const fn head_room(&self) -> usize {
        self.buffer.len() / 2
    }

    /// Where the next part of the reply's head goes.
    pub(super) fn head(&mut self) -> Cursor<'_> {
        let end = self.buffer.len().min(self.staged.earlier + self.head_room());
        Cursor::new(self.buffer.get_mut(self.staged.len..end).unwrap_or_default())
    }

    /// Stages all of `octets`, or nothing.
    pub(super) fn push(&mut self, octets: &[u8]) -> Result<(), Full> {
        let mut free = Cursor::new(self.free());
        free.push(octets);
        self.staged.len += free.written()?;
        Ok(())
    }

    /// Whether nothing is staged.
    pub(super) const fn is_empty(&self) -> bool {
        self.staged.len == 0
    }

    /// What is staged of the reply of this exchange.
    pub(super) fn reply(&self) -> &[u8] {
        self.buffer.get(self.staged.earlier..self.staged.len).unwrap_or_default()
    }

    /// Takes back what is staged of the reply of this exchange.
    pub(super) const fn revoke(&mut self) {
        self.staged.len = self.staged.earlier;
        self.staged.fault = None;
        self.staged.page = None;
        self.chunk = None;
    }

    /// Has the page of a refusal staged, as far as there is room, by each call of
    /// [`stage_page`](Self::stage_page).
    pub(super) const fn put_page(&mut self, shown_by: &'static RefusalPage, refusal: Refusal) {
        self.staged.page = Some(Page { shown_by, refusal, done: 0 });
    }

    /// Stages more of the page that is to be staged. Returns whether nothing is left of it.
    pub(super) fn stage_page(&mut self) -> bool {
        let Some(Page { shown_by, refusal, done }) = self.staged.page else { return true };
        let mut free = Cursor::new(self.free());
        let (mut skipped, mut left) = (done, 0);
        shown_by.emit(&refusal, &mut |piece| {
            let rest = piece.get(skipped..).unwrap_or_default();
            skipped -= piece.len() - rest.len();
            let (fits, more) = rest.split_at_checked(free.free()).unwrap_or((rest, b""));
            free.push(fits);
            left += more.len();
        });
        let count = free.count();
        self.fill(count);
        self.staged.page = (left > 0).then_some(Page { shown_by, refusal, done: done + count });
        left == 0
    }

    /// Says that something of the reply's head could not be emitted.
    pub(super) fn fail(&mut self, fault: EmitError) {
        self.staged.fault = self.staged.fault.or(Some(fault));
    }

    /// Whether the whole head could be emitted so far.
    pub(super) fn check(&self) -> Result<(), EmitError> {
        self.staged.fault.map_or(Ok(()), Err)
    }

    /// The buffer behind what is staged.
    pub(super) fn free(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.staged.len..).unwrap_or_default()
    }

    /// Three quarters of the buffer, of which nothing is staged: it goes on with the first.
    pub(super) fn set_aside(&mut self) -> &'c mut [u8] {
        let buffer = mem::take(&mut self.buffer);
        let (first, rest) = buffer.split_at_mut(buffer.len() / 4);
        self.buffer = first;
        rest
    }

    /// Says that `count` octets were put into what [`free`](Self::free) returned.
    pub(super) fn fill(&mut self, count: usize) {
        self.staged.len = self.staged.len.saturating_add(count).min(self.buffer.len());
    }

    /// Stages as much of `content` as there is room for, in a chunk if the reply is chunked.
    /// Returns how much that is.
    pub(super) fn stage(
        &mut self,
        content: &[u8],
        sending: &mut Sending,
    ) -> Result<usize, EmitError> {
        if sending.omits_content() {
            sending.account(content.len())?;
            return Ok(content.len());
        }
        let room = if sending.is_chunked() {
            self.chunk_room()
        } else {
            self.buffer.len() - self.staged.len
        };
        let content = content.get(..room).unwrap_or(content);
        if content.is_empty() {
            return Ok(0);
        }
        sending.account(content.len())?;
        if sending.is_chunked() && self.chunk.is_none() {
            self.chunk = Some(self.staged.len);
            self.staged.len += CHUNK_PREFIX;
        }
        self.push(content)?;
        Ok(content.len())
    }

    /// Data that the chunk being staged, or a new one, has room for.
    fn chunk_room(&self) -> usize {
        let used = self.chunk.map_or(0, |start| self.staged.len - start - CHUNK_PREFIX);
        let framing = if self.chunk.is_some() { 0 } else { CHUNK_PREFIX };
        let free = (self.buffer.len() - self.staged.len).saturating_sub(framing + CHUNK_SUFFIX);
        free.min(CHUNK_MAX - used)
    }

    /// Ends the chunk being staged.
    pub(super) fn end_chunk(&mut self) {
        let Some(start) = self.chunk.take() else { return };
        let size = self.staged.len - start - CHUNK_PREFIX;
        if let Some(prefix) = self.buffer.get_mut(start..start + CHUNK_PREFIX) {
            prefix.copy_from_slice(&chunk_prefix(size));
        }
        // `chunk_room` has left room for this.
        let _ = self.push(b"\r\n");
    }

    /// Sends all that is staged, no unfinished chunk among it.
    pub(super) fn flush<W: Transmit>(
        &mut self,
        tx: &mut W,
    ) -> impl Future<Output = Result<(), Error<W::Error>>> {
        self.flush_before(b"", Then::Nothing, tx)
    }

    /// Sends all that is staged, and `tail` behind it.
    fn flush_before<W: Transmit>(
        &mut self,
        mut tail: &[u8],
        then: Then,
        tx: &mut W,
    ) -> impl Future<Output = Result<(), Error<W::Error>>> {
        async move {
            if then == Then::Later {
                return Ok(());
            }
            if self.staged.len > self.staged.earlier {
                self.staged.committed = true;
            }
            if self.staged.writing {
                return Err(Error::Cut);
            }
            let mut octets = self.buffer.get(..self.staged.len).unwrap_or_default();
            loop {
                if octets.is_empty() {
                    octets = core::mem::take(&mut tail);
                }
                if octets.is_empty() {
                    break;
                }
                self.staged.writing = true;
                tx.phase(Phase::Reply);
                let piece = octets.get(..MAX_WRITE).unwrap_or(octets);
                let written = match then {
                    Then::More => tx.write_more(piece).await,
                    _ => tx.write(piece).await,
                };
                // embedded-io's own `write_all` panics when a write takes nothing.
                octets = match written.map_err(Error::Transport)? {
                    0 => return Err(Error::Cut),
                    written => octets.get(written..).unwrap_or_default(),
                };
            }
            if self.staged.writing && then == Then::Nothing {
                tx.flush().await.map_err(Error::Transport)?;
            }
            let Staged { committed, fault, page, .. } = *self.staged;
            *self.staged = Staged { committed, fault, page, ..Staged::default() };
            Ok(())
        }
    }

    /// Sends all that is staged, which is no part of the final reply.
    pub(super) fn flush_interim<W: Transmit>(
        &mut self,
        tx: &mut W,
    ) -> impl Future<Output = Result<(), Error<W::Error>>> {
        self.staged.earlier = self.staged.len;
        self.flush(tx)
    }

    /// Sends `octets` behind all that is staged: together with it when there is room.
    pub(super) fn send<W: Transmit>(
        &mut self,
        octets: &[u8],
        tx: &mut W,
    ) -> impl Future<Output = Result<(), Error<W::Error>>> {
        let room = self.free().len();
        let (with_staged, rest) = octets.split_at_checked(room).unwrap_or((octets, b""));
        // There is room for it.
        let _ = self.push(with_staged);
        let then = if rest.is_empty() { Then::Later } else { Then::Nothing };
        self.flush_before(rest, then, tx)
    }

    /// Sends octets of a file behind all that is staged, `length` from `offset` on, as far as the
    /// transport can. Returns how many went.
    ///
    /// # Errors
    /// [`Error::Cut`] when the file has become shorter.
    pub(super) async fn send_file<W: Transmit>(
        &mut self,
        file: &(dyn Any + Send + Sync),
        offset: u64,
        length: u64,
        sending: &mut Sending,
        tx: &mut W,
    ) -> Result<u64, Error<W::Error>> {
        self.flush_before(b"", Then::More, tx).await?;
        let mut sent = 0;
        while sent < length {
            tx.phase(Phase::Reply);
            self.staged.writing = true;
            let rest = length - sent;
            let count = tx.send_file(file, offset + sent, rest).await.map_err(Error::Transport)?;
            self.staged.writing = false;
            let Some(count) = count else { break };
            if count == 0 {
                return Err(Error::Cut);
            }
            let count = count.min(rest);
            sending.account(usize::try_from(count).unwrap_or_default())?;
            sent += count;
        }
        Ok(sent)
    }
}

/// What follows octets that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Nothing,
    /// More of the same reply, at once.
    More,
    /// More, with which they are to leave: they stay staged.
    Later,
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;
    use core::future::{pending, ready};
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    use super::super::transport::Half;
    use super::*;

    /// A half that takes one octet, and then nothing for the time being.
    struct Stuck {
        taken: usize,
    }

    impl embedded_io::ErrorType for Stuck {
        type Error = Infallible;
    }

    impl embedded_io_async::Write for Stuck {
        async fn write(&mut self, _: &[u8]) -> Result<usize, Infallible> {
            if self.taken > 0 {
                pending::<()>().await;
            }
            self.taken += 1;
            Ok(1)
        }

        async fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    impl Half for Stuck {}

    impl Transmit for Stuck {
        fn close(&mut self) -> impl Future<Output = Result<(), Infallible>> {
            ready(Ok(()))
        }
    }

    #[test]
    fn nothing_follows_a_write_that_was_given_up() {
        let (mut buffer, mut staged, mut tx) = ([0; 8], Staged::default(), Stuck { taken: 0 });
        let mut output = Output::new(&mut buffer, &mut staged);
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(output.push(b"abc"), Ok(()));
        assert_eq!(pin!(output.flush(&mut tx)).poll(&mut context), Poll::Pending);
        assert_eq!(pin!(output.flush(&mut tx)).poll(&mut context), Poll::Ready(Err(Error::Cut)));
        assert!(output.staged.is_torn());
    }
}
