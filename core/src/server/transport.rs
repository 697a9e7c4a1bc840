//! What a network stack provides: two halves of a connection, one to read and one to write.

use core::any::Any;
use core::fmt::Display;
use core::net::SocketAddr;
use core::task::{Context, Poll};

use crate::message::head::request_line_of;
use crate::message::{Refusal, Status};

/// What the connection is waiting for.
///
/// Core has no clock. It announces each phase on the half that is about to wait, just before it
/// reads or writes. The frontend sets a deadline for it, and when that has passed makes the read or
/// write fail with [`embedded_io::ErrorKind::TimedOut`]. The same phase may be announced again while it
/// lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// As wide as a pointer, so that a step can be returned in registers. Not `non_exhaustive`: a frontend
// has to have a deadline for each.
#[repr(usize)]
pub enum Phase {
    /// Reading: no octet of the next request has arrived. After a time-out, the connection closes without
    /// a reply.
    Idle,
    /// Reading: a request head has begun. A time-out is answered by 408.
    Head,
    /// Reading: the content of the request. A time-out is answered by 408, if no reply has begun.
    Content,
    /// Writing: the reply.
    Reply,
    /// Reading: the sending side is shut, and octets that still arrive are dropped, so that the client
    /// reads the reply before it sees the connection closed (RFC 9112 §9.6).
    Drain,
}

/// How a reply can wait for something without holding up the requests behind it: it stays in the transmit
/// buffer until that is done.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Later<'a> {
    /// Where the transport finds it: what [`Half::awaited`] returns.
    pub awaited: &'a (dyn Any + Send + Sync),
    /// Where in the transmit buffer the reply stands, for [`Half::untrue`].
    pub reply: usize,
}

/// What answers a request in the clear that arrives where TLS is spoken.
pub const NEEDS_TLS: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "TLS is spoken here: use https:// instead of http://");

/// One reply, for an access log.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The head of the request as it was received; the part that has arrived if the request was refused
    /// early, and empty if none has.
    pub head: &'a [u8],
    /// The status of the final reply.
    pub status: Status,
    /// Octets of content that were sent, without the octets of the transfer coding.
    pub content: u64,
}

impl<'a> Record<'a> {
    /// The record of a reply with this `status` and so many octets of content.
    pub const fn new(head: &'a [u8], status: Status, content: u64) -> Self {
        Self { head, status, content }
    }

    /// The request-line, without its CRLF. It may hold any octet.
    pub fn request_line(&self) -> &'a [u8] {
        request_line_of(self.head)
    }
}

/// What the driver tells a half of a connection, and asks it, besides reading and writing. Every method
/// has a default that does nothing.
pub trait Half {
    /// Of the transmitting half: whether replies may be made while what they tell of is still being done,
    /// in [`awaited`](Self::awaited). Then, `write` and `write_more` first wait until all of it is done; if
    /// something has failed, they write nothing, and return an error. The driver asks
    /// [`untrue`](Self::untrue), and writes a 503 after the replies that are true, as the last octets of the
    /// connection.
    const REPLIES_WAIT: bool = false;

    /// Tells that the half is about to wait in `phase`.
    fn phase(&mut self, phase: Phase) {
        let _ = phase;
    }

    /// Tells of a head, with its final empty line: on the receiving half a request's (or the part that
    /// has arrived, if it is refused early), on the transmitting half a reply's, interim replies
    /// included.
    fn head(&mut self, head: &[u8]) {
        let _ = head;
    }

    /// On the transmitting half: tells that the application failed to answer a request, as `error` says.
    /// The client gets a 500, or the connection is cut. [`replied`](Self::replied) follows, unless
    /// nothing is sent.
    fn failed(&mut self, error: &dyn Display) {
        let _ = error;
    }

    /// On the transmitting half: tells that a reply is complete, or was cut short after its head.
    fn replied(&mut self, record: &Record<'_>) {
        let _ = record;
    }

    /// On the transmitting half: the address of the client, or of the proxy in front of it; `None` if it
    /// is unknown.
    fn peer(&self) -> Option<SocketAddr> {
        None
    }

    /// On the transmitting half: the local address of the connection; `None` if it is unknown.
    fn local(&self) -> Option<SocketAddr> {
        None
    }

    /// On the transmitting half: what the transport knows the connection by, for a service of the same
    /// system that waits for something else as well, and has to learn meanwhile that the client sends,
    /// reads or leaves. `None` if there is no such thing.
    fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }

    /// On the receiving half: whether octets have arrived that the system doesn't tell of any more, such as
    /// those of a record of TLS that was read as a whole.
    fn has_octets(&self) -> bool {
        false
    }

    /// On the transmitting half: where services put what replies have to wait for, if
    /// [they may](Self::REPLIES_WAIT).
    fn awaited(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }

    /// On the transmitting half: where in the transmit buffer the first reply stands that isn't true, since
    /// what it tells of has failed; `None` if it wasn't that which made a write fail. It is told once: the
    /// next write only writes.
    fn untrue(&mut self) -> Option<usize> {
        None
    }

    /// On the transmitting half: whether [`untrue`](Self::untrue) has told of such a reply.
    fn has_failed(&self) -> bool {
        false
    }

    /// On the transmitting half: whether the connection is secure, as TLS is.
    fn is_secure(&self) -> bool {
        false
    }

    /// On the transmitting half: what answers all requests of this connection, such as [`NEEDS_TLS`]; `None`
    /// if the service does.
    fn refuses(&self) -> Option<&'static Refusal> {
        None
    }

    /// On the transmitting half: whether the server is stopping. The reply whose head is being made then
    /// is the last one on this connection, and says so.
    fn stopping(&self) -> bool {
        false
    }

    /// On the transmitting half: waits for [`stopping`](Self::stopping). A half that is not polled anew when
    /// the server stops has to wake the task of `context` then.
    fn poll_stopping(&mut self, context: &Context<'_>) -> Poll<()> {
        let _ = context;
        if self.stopping() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The half that receives.
///
/// `read` waits until at least one octet has arrived, and returns 0 once the peer has shut its sending
/// side.
pub trait Receive: embedded_io_async::Read + Half {}

impl<R: embedded_io_async::Read + Half> Receive for R {}

/// The half that transmits.
///
/// `write` waits until it can take at least one octet. A return of 0 is an error to core.
#[expect(async_fn_in_trait, reason = "`Send` follows from the transport, as DESIGN asks")]
pub trait Transmit: embedded_io_async::Write + Half {
    /// Shuts the sending side: the peer reads all that was written, then the end.
    async fn close(&mut self) -> Result<(), Self::Error>;

    /// Whether the network stack drops octets that arrive after the driver has left the connection as
    /// [`Closed`](super::Ended::Closed). An operating system's sockets reset the client instead, which may
    /// then lose the rest of its reply: so the driver waits for the end of the client's octets.
    fn ignores_late_octets(&self) -> bool {
        false
    }

    /// Writes like `write`. More octets follow at once, so these need not be sent in a packet of their
    /// own.
    async fn write_more(&mut self, octets: &[u8]) -> Result<usize, Self::Error> {
        self.write(octets).await
    }

    /// Sends at most `length` octets of a file, from `offset` on, without copying them into a buffer.
    /// `file` is what `File::handle` of its storage returns. Returns how many octets were sent, 0 if the
    /// file ends at `offset`; `None` if this transport can't send this file.
    async fn send_file(
        &mut self,
        file: &(dyn Any + Send + Sync),
        offset: u64,
        length: u64,
    ) -> Result<Option<u64>, Self::Error> {
        let _ = (file, offset, length);
        Ok(None)
    }
}

/// A connection, as two halves that can be borrowed at the same time.
///
/// This one talks to a client in memory. For what blocks, there is
/// [`Blocking`](super::blocking::Blocking), with an example at [`Driver::serve`].
///
/// [`Driver::serve`]: super::Driver::serve
///
/// ```
/// use core::task::Waker;
/// use std::hint::spin_loop;
///
/// use embedded_io::ErrorKind;
/// use thimble_core::server::blocking::block_on;
/// use thimble_core::server::{Buffers, Half, Phase, Transmit};
/// use thimble_core::{Limits, NoClock, Driver, Transport};
/// # use thimble_core::{Answer, Exchange, Service, Status};
///
/// /// What the client sent, and what it is sent.
/// struct Memory(Request, Reply);
/// struct Request(&'static [u8]);
/// struct Reply(Vec<u8>);
///
/// impl Transport for Memory {
///     type Error = ErrorKind;
///     type Rx = Request;
///     type Tx = Reply;
///
///     fn halves(&mut self) -> (&mut Request, &mut Reply) {
///         (&mut self.0, &mut self.1)
///     }
/// }
///
/// impl embedded_io::ErrorType for Request {
///     type Error = ErrorKind;
/// }
///
/// impl embedded_io_async::Read for Request {
///     async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
///         // embedded-io has slices as blocking readers; 0 is the end.
///         embedded_io::Read::read(&mut self.0, buffer).map_err(|never| match never {})
///     }
/// }
///
/// impl Half for Request {
///     fn phase(&mut self, phase: Phase) {
///         // A deadline begins here, if nothing comes.
///         let _ = phase;
///     }
/// }
///
/// impl embedded_io::ErrorType for Reply {
///     type Error = ErrorKind;
/// }
///
/// impl embedded_io_async::Write for Reply {
///     async fn write(&mut self, octets: &[u8]) -> Result<usize, ErrorKind> {
///         self.0.extend_from_slice(octets);
///         Ok(octets.len())
///     }
///
///     async fn flush(&mut self) -> Result<(), ErrorKind> {
///         Ok(())
///     }
/// }
///
/// impl Half for Reply {}
///
/// impl Transmit for Reply {
///     async fn close(&mut self) -> Result<(), ErrorKind> {
///         Ok(())
///     }
/// }
///
/// # struct Hello;
/// #
/// # impl Service for Hello {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         Ok(exchange.respond(Status::OK).text("Hello, world!\n"))
/// #     }
/// # }
/// #
/// let request = Request(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
/// let mut connection = Memory(request, Reply(Vec::new()));
/// let server = Driver::new(Hello, NoClock, Limits::DEVICE);
/// let (mut rx, mut tx) = ([0; 6 * 1024], [0; 1024]);
/// let buffers = Buffers { rx: &mut rx, tx: &mut tx, fields: &mut [] };
/// let ended = block_on(server.serve(&mut connection, buffers), Waker::noop(), spin_loop);
/// # assert_eq!(ended, Ok(thimble_core::Ended::Closed));
/// assert!(connection.1.0.starts_with(b"HTTP/1.1 200 OK\r\n"));
/// ```
pub trait Transport {
    /// What goes wrong in reading and writing.
    type Error: embedded_io::Error;
    /// The half that receives.
    type Rx: Receive + embedded_io::ErrorType<Error = Self::Error>;
    /// The half that transmits.
    type Tx: Transmit + embedded_io::ErrorType<Error = Self::Error>;

    /// Both halves.
    fn halves(&mut self) -> (&mut Self::Rx, &mut Self::Tx);
}
