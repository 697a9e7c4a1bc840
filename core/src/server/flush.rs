//! Sending what the transmit buffer holds, in as few writes as possible.

use core::any::Any;

use super::buffer::{Buffer, Unsent};
use super::error::Error;
use super::output::Output;
use super::transport::{Phase, Transmit};

/// The most octets handed over in one write. Kernels are slower with more at once.
const MAX_WRITE: usize = 64 * 1024;

/// Content of more octets than this goes in segments of its own, and a head before it doesn't wait for it. Linux
/// sends a file of 1 MiB in half the time then: each piece of it would cross one of the kernel's buffers.
const LONG: u64 = 512 * 1024;

/// What is sent in place of a reply that isn't true. It answers a POST, so it has content, whatever the
/// request was that came last.
const NOT_DONE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Retry-After: 5\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 56\r\n\
    Connection: close\r\n\r\n\
    503 Service Unavailable: the form can't be kept for now\n";

impl Buffer<'_> {
    /// Sends all that the buffer holds, no unfinished chunk among it.
    pub(super) fn flush<W: Transmit>(
        &mut self,
        tx: &mut W,
    ) -> impl Future<Output = Result<(), Error<W::Error>>> {
        self.flush_before(b"", Then::Nothing, tx)
    }

    /// Sends all that the buffer holds, and `tail` behind it.
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
            if W::REPLIES_WAIT && tx.has_failed() {
                return Err(Error::Cut);
            }
            if self.unsent.len > self.unsent.earlier {
                self.unsent.committed = true;
                self.unsent.added = 0;
            }
            if self.unsent.writing {
                return Err(Error::Cut);
            }
            let mut octets = self.octets.get(..self.unsent.len).unwrap_or_default();
            loop {
                if octets.is_empty() {
                    octets = core::mem::take(&mut tail);
                }
                if octets.is_empty() {
                    break;
                }
                self.unsent.writing = true;
                tx.phase(Phase::Reply);
                let piece = octets.get(..MAX_WRITE).unwrap_or(octets);
                let written = match then {
                    Then::More => tx.write_more(piece).await,
                    _ => tx.write(piece).await,
                };
                // embedded-io's own `write_all` panics when a write takes nothing.
                octets = match written {
                    Err(_)
                        if W::REPLIES_WAIT
                            && let Some(at) = tx.untrue() =>
                    {
                        tail = b"";
                        self.withdraw(at);
                        self.octets.get(..self.unsent.len).unwrap_or_default()
                    }
                    Err(error) => return Err(Error::Transport(error)),
                    Ok(0) => return Err(Error::Cut),
                    Ok(written) => octets.get(written..).unwrap_or_default(),
                };
            }
            if self.unsent.writing && then == Then::Nothing {
                tx.flush().await.map_err(Error::Transport)?;
            }
            self.unsent.len = 0;
            self.unsent.earlier = 0;
            self.unsent.writing = false;
            if W::REPLIES_WAIT && tx.has_failed() { Err(Error::Cut) } else { Ok(()) }
        }
    }

    /// Puts a 503 in the place of the replies from `at` on, as the last of the connection.
    fn withdraw(&mut self, at: usize) {
        *self.unsent = Unsent { len: at, committed: true, writing: true, ..Unsent::new(None) };
        // There is room: a reply was in its place.
        let _ = self.push(NOT_DONE);
    }

    /// Sends all that the buffer holds, which is no part of the final reply.
    pub(super) fn flush_interim<W: Transmit>(
        &mut self,
        tx: &mut W,
    ) -> impl Future<Output = Result<(), Error<W::Error>>> {
        self.unsent.earlier = self.unsent.len;
        self.flush(tx)
    }

    /// Sends `octets` behind all that the buffer holds: together with it when there is room.
    pub(super) fn send<W: Transmit>(
        &mut self,
        octets: &[u8],
        tx: &mut W,
    ) -> impl Future<Output = Result<(), Error<W::Error>>> {
        let room = self.free().len();
        let (with_it, rest) = octets.split_at_checked(room).unwrap_or((octets, b""));
        // There is room for it.
        let _ = self.push(with_it);
        let then = if rest.is_empty() { Then::Later } else { Then::Nothing };
        self.flush_before(rest, then, tx)
    }
}

impl Output<'_> {
    /// Sends octets of a file behind all that the buffer holds, `length` from `offset` on, as far as the
    /// transport can. Returns how many went.
    ///
    /// # Errors
    /// [`Error::Cut`] when the file has become shorter.
    pub(super) async fn send_file<W: Transmit>(
        &mut self,
        file: &(dyn Any + Send + Sync),
        offset: u64,
        length: u64,
        tx: &mut W,
    ) -> Result<u64, Error<W::Error>> {
        let then = if length > LONG { Then::Content } else { Then::More };
        self.buffer.flush_before(b"", then, tx).await?;
        let mut sent = 0;
        while sent < length {
            tx.phase(Phase::Reply);
            self.buffer.unsent.writing = true;
            let rest = length - sent;
            let count = tx.send_file(file, offset + sent, rest).await.map_err(Error::Transport)?;
            self.buffer.unsent.writing = false;
            let Some(count) = count else { break };
            if count == 0 {
                return Err(Error::Cut);
            }
            let count = count.min(rest);
            self.sender.account(usize::try_from(count).unwrap_or_default())?;
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
    /// The same, in segments of its own.
    Content,
    /// More, with which they are to leave: they stay in the buffer.
    Later,
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;
    use core::future::{pending, ready};
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    use embedded_io::ErrorKind;

    use super::super::buffer::Unsent;
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

    /// A half on which the reply at octet 7 isn't true.
    #[derive(Default)]
    struct Waiting {
        sent: std::vec::Vec<u8>,
        has_failed: bool,
    }

    impl embedded_io::ErrorType for Waiting {
        type Error = ErrorKind;
    }

    impl embedded_io_async::Write for Waiting {
        async fn write(&mut self, octets: &[u8]) -> Result<usize, ErrorKind> {
            if !self.has_failed {
                return Err(ErrorKind::Other);
            }
            self.sent.extend_from_slice(octets);
            Ok(octets.len())
        }

        async fn flush(&mut self) -> Result<(), ErrorKind> {
            Ok(())
        }
    }

    impl Half for Waiting {
        const REPLIES_WAIT: bool = true;

        fn untrue(&mut self) -> Option<usize> {
            self.has_failed = true;
            Some(7)
        }

        fn has_failed(&self) -> bool {
            self.has_failed
        }
    }

    impl Transmit for Waiting {
        fn close(&mut self) -> impl Future<Output = Result<(), ErrorKind>> {
            ready(Ok(()))
        }
    }

    #[test]
    fn a_reply_that_is_not_true_is_the_last_one_and_says_so() {
        let (mut buffer, mut unsent, mut tx) = ([0; 512], Unsent::default(), Waiting::default());
        let mut output = Buffer::new(&mut buffer, &mut unsent);
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(output.push(b"reply 1reply 2"), Ok(()));
        for _ in 0..2 {
            let sent = pin!(output.send(&[b'3'; 600], &mut tx)).poll(&mut context);
            assert_eq!(sent, Poll::Ready(Err(Error::Cut)));
            assert_eq!(tx.sent, [b"reply 1", NOT_DONE].concat());
        }
        let text = core::str::from_utf8(NOT_DONE).unwrap();
        let (head, page) = text.split_once("\r\n\r\n").unwrap();
        let length = std::format!("\r\nContent-Length: {}\r\n", page.len());
        assert!(head.contains(&length) && head.ends_with("\r\nConnection: close"), "{head}");
    }

    #[test]
    fn nothing_follows_a_write_that_was_given_up() {
        let (mut buffer, mut unsent, mut tx) = ([0; 8], Unsent::default(), Stuck { taken: 0 });
        let mut output = Buffer::new(&mut buffer, &mut unsent);
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(output.push(b"abc"), Ok(()));
        assert_eq!(pin!(output.flush(&mut tx)).poll(&mut context), Poll::Pending);
        assert_eq!(pin!(output.flush(&mut tx)).poll(&mut context), Poll::Ready(Err(Error::Cut)));
        assert!(output.unsent.writing);
    }
}
