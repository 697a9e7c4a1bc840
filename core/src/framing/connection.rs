//! One connection without I/O: requests in, replies out, and whether another request may follow.

use super::limits::Limits;
use super::receiver::{HeadSpan, Receiver};
use super::sender::Sender;
use crate::message::{FieldEntry, Head, ParseError};

/// The server's end of one HTTP/1.1 connection: a receiving and a sending side.
///
/// Pass octets that arrive to [`receive`](Self::receive), which returns how many of them it has consumed,
/// and what they mean. Take the octets to be sent from the [`Sender`], which writes them into your
/// buffer. When the reply is whole, [`next_request`](Self::next_request) says whether another request may
/// follow. Nothing here allocates, panics, or knows about sockets and clocks.
///
/// [`Driver::serve`](crate::Driver::serve) uses these same types. It calls the [`Receiver`] directly,
/// which writes the places of field lines into a table, and returns where content stands instead of a
/// slice.
///
/// # Examples
/// One exchange, in octets: a POST of five in two chunks, answered by two.
/// ```
/// use thimble_core::bytes::cursor::Cursor;
/// use thimble_core::framing::{Connection, Event, Length, Limits};
/// use thimble_core::message::{Method, ParseError, Status};
///
/// let mut connection = Connection::new(Limits::DESKTOP);
/// let input = b"POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
///     2\r\n19\r\n3\r\n+23\r\n0\r\n\r\n";
///
/// // The head is not whole yet: nothing is consumed, and the same octets come again with more.
/// let received = connection.receive(&input[..40])?;
/// assert!(matches!(received.event, Event::More));
/// assert_eq!(received.consumed, 0);
///
/// let received = connection.receive(input)?;
/// let Event::Head(head) = received.event else { panic!() };
/// assert_eq!((head.method(), head.target().path()), (Method::Post, "/sum"));
/// assert_eq!(received.consumed, 59);
///
/// let mut rest = &input[received.consumed..];
/// let mut content = Vec::new();
/// loop {
///     let received = connection.receive(rest)?;
///     rest = &rest[received.consumed..];
///     match received.event {
///         Event::Content(piece) => content.extend_from_slice(piece),
///         Event::Complete => break,
///         other => panic!("{other:?}"),
///     }
/// }
/// assert_eq!((&content[..], rest.len()), (&b"19+23"[..], 0));
///
/// let mut output = [0; 128];
/// let mut cursor = Cursor::new(&mut output);
/// let sender = connection.reply();
/// sender.emit_status(Status::OK, None, &mut cursor)?;
/// sender.emit_field("Content-Type", &[b"text/plain"], &mut cursor)?;
/// sender.emit_end_of_head(Length::Exact(2), &mut cursor)?;
/// assert_eq!(sender.emit_content(b"42", &mut cursor)?, 2);
/// cursor.push(sender.end()?);
/// let count = cursor.count();
/// assert_eq!(
///     &output[..count],
///     b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n42",
/// );
/// assert!(connection.next_request());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Connection {
    receiver: Receiver,
    sender: Sender,
}

/// What [`Connection::receive`] has found.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Received<'i> {
    /// Octets of the input that are consumed: don't pass them again.
    pub consumed: usize,
    /// What they mean.
    pub event: Event<'i>,
}

/// What octets mean.
#[derive(Clone, Copy, Debug)]
pub enum Event<'i> {
    /// Nothing yet: pass what was not consumed again, with more octets behind it.
    More,
    /// A request head.
    Head(Head<'i>),
    /// Some of the content, decoded. Never empty.
    Content(&'i [u8]),
    /// The request is complete. What follows belongs to the next one.
    Complete,
}

impl Connection {
    /// A new connection, on which nothing was received yet.
    pub fn new(limits: Limits) -> Self {
        Self { receiver: Receiver::new(limits.of_message()), sender: Sender::new() }
    }

    /// Reads the next element from `input`, the octets that follow those consumed before.
    ///
    /// # Errors
    /// The error in the request. It can't be read any further: answer with [`ParseError::refusal`], then
    /// close the connection.
    ///
    /// # Complexity
    /// Linear in the octets that are new, also when they come one by one.
    pub fn receive<'i>(&mut self, input: &'i [u8]) -> Result<Received<'i>, ParseError> {
        if self.receiver.awaits_head() {
            let HeadSpan { skipped, length } = self.find_head(input, &mut [])?;
            let rest = input.get(skipped..).unwrap_or_default();
            let Some((head, _)) = length.and_then(|length| rest.split_at_checked(length)) else {
                return Ok(Received { consumed: skipped, event: Event::More });
            };
            let parsed = self.receiver.head(head, &[]);
            let event = Event::Head(*self.accept(head, &parsed)?);
            return Ok(Received { consumed: skipped + head.len(), event });
        }
        let decoded = self.receiver.decode(input).inspect_err(|_| self.sender.close())?;
        let consumed = decoded.framing + decoded.content;
        let event = match input.get(decoded.framing..consumed) {
            Some(content @ [_, ..]) => Event::Content(content),
            _ if self.receiver.is_complete() => Event::Complete,
            _ => Event::More,
        };
        Ok(Received { consumed, event })
    }

    /// Takes note that no octet will follow: the client shut its sending side. It still reads replies.
    ///
    /// `unread` is what was received and not consumed.
    ///
    /// # Errors
    /// [`ParseError::TruncatedHead`] or [`ParseError::TruncatedContent`], when the request is not
    /// complete (RFC 9112 §8).
    pub fn receive_end(&mut self, unread: &[u8]) -> Result<(), ParseError> {
        let ended = self.receiver.end(unread);
        if ended == Err(ParseError::TruncatedHead) {
            self.refuse(unread);
        } else if ended.is_err() {
            self.receiver.give_up();
            self.sender.close();
        }
        ended
    }

    /// Looks for a head at the start of `input`, as [`Receiver::find_head`] does, and
    /// [refuses](Self::refuse) what can't become one.
    ///
    /// # Errors
    /// The error in the request. The [`Sender`] is ready to answer it.
    pub fn find_head(
        &mut self,
        input: &[u8],
        table: &mut [FieldEntry],
    ) -> Result<HeadSpan, ParseError> {
        self.receiver.find_head(input, table).inspect_err(|_| self.refuse(input))
    }

    /// Accepts `head`, which was [parsed](Receiver::head) from all of `octets`: from here on, its content
    /// and its reply are framed as it says. An error in it is [refused](Self::refuse).
    ///
    /// # Errors
    /// The error in the request. The [`Sender`] is ready to answer it.
    // By reference: it is large to copy.
    #[inline(never)]
    pub fn accept<'a, 'h>(
        &mut self,
        octets: &[u8],
        head: &'a Result<Head<'h>, ParseError>,
    ) -> Result<&'a Head<'h>, ParseError> {
        let accepted = head.as_ref().map_err(|error| *error);
        let accepted = accepted.and_then(|head| {
            let expects_continue = self.receiver.accept(head)?;
            self.sender.answer(head, expects_continue);
            Ok(head)
        });
        accepted.inspect_err(|_| self.refuse(octets))
    }

    /// Stops reading a request that can't be understood, of which `received` is what has arrived. The
    /// reply to it is the last one of the connection.
    pub fn refuse(&mut self, received: &[u8]) {
        self.receiver.give_up();
        self.sender.refuse(received);
    }

    /// Both sides, to be used at the same time.
    pub const fn sides(&mut self) -> (&mut Receiver, &mut Sender) {
        (&mut self.receiver, &mut self.sender)
    }

    /// The receiving side.
    pub const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// The sending side, which knows the reply's status and how much of it was emitted.
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The sending side, to begin the final reply.
    ///
    /// If the content of the request is not complete yet, and the client still waits for 100 (Continue) or
    /// has declared more than the limit `drain`, this reply becomes the last one.
    pub fn reply(&mut self) -> &mut Sender {
        self.sender.close_unless_drainable(&self.receiver);
        &mut self.sender
    }

    /// Makes this reply, or the next one, the last of the connection; its head says so.
    pub const fn close(&mut self) {
        self.sender.close();
    }

    /// Whether another request may follow: if so, [`receive`](Self::receive) reads it. Otherwise, shut the
    /// sending side, and keep reading for a little while, so that the client gets to read the reply
    /// (RFC 9112 §9.6).
    ///
    /// Call it when the reply is whole, and the request too: receive and drop content that was not read.
    pub fn next_request(&mut self) -> bool {
        let goes_on =
            self.receiver.is_complete() && self.sender.is_complete() && self.sender.is_persistent();
        if goes_on {
            self.receiver.next_request();
            self.sender.next_request();
        }
        goes_on
    }
}
