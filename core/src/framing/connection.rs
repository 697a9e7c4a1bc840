//! One connection without I/O: requests in, replies out, and whether it goes on.

use super::limits::Limits;
use super::receiver::{HeadSpan, Receiver};
use super::sender::Sender;
use crate::message::{FieldEntry, Head, ParseError};

/// The server's end of one HTTP/1.1 connection: a receiving and a sending side.
///
/// Octets that arrive go through [`receive`](Self::receive), which says how many of them it is done
/// with and what they mean. Octets to be sent come from the [`Sender`], which puts them where it is
/// told. When the reply is whole, [`next_request`](Self::next_request) says whether another may
/// follow. Nothing here allocates, panics, or knows about sockets and clocks.
///
/// [`Server::serve`](crate::Server::serve) is made of these same types. It has heads found and parsed
/// by the [`Receiver`], which puts the places of field lines into a table, and finds where content
/// stands without lending it.
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

/// What octets were found to be, and how many of them are done with.
#[derive(Clone, Copy, Debug)]
pub struct Received<'i> {
    /// Octets of the input that must not be passed again.
    pub consumed: usize,
    /// What they are.
    pub event: Event<'i>,
}

/// What octets mean.
#[derive(Clone, Copy, Debug)]
pub enum Event<'i> {
    /// They are not whole: come again with what was not consumed, and more behind it.
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
        Self { receiver: Receiver::new(limits), sender: Sender::new() }
    }

    /// Finds out what `input`, the octets that follow those consumed before, means.
    ///
    /// # Errors
    /// What the client did wrong. The request can't be read any further: answer it (with
    /// [`ParseError::refusal`]), then close.
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

    /// Says that no octet will follow: the client shut its sending side. It still reads replies.
    ///
    /// `unread` is what was received and not consumed.
    ///
    /// # Errors
    /// [`ParseError::TruncatedHead`] or [`ParseError::TruncatedContent`], when the request is not
    /// complete (RFC 9112 §8).
    pub fn receive_end(&mut self, unread: &[u8]) -> Result<(), ParseError> {
        self.receiver.end(unread).inspect_err(|error| match error {
            ParseError::TruncatedHead => self.refuse(unread),
            _ => {
                self.receiver.give_up();
                self.sender.close();
            }
        })
    }

    /// Looks for a head at the start of `input`, as [`Receiver::find_head`] does, and
    /// [refuses](Self::refuse) what can't become one.
    ///
    /// # Errors
    /// What the client did wrong: the reply is made ready to say so.
    pub fn find_head(
        &mut self,
        input: &[u8],
        table: &mut [FieldEntry],
    ) -> Result<HeadSpan, ParseError> {
        self.receiver.find_head(input, table).inspect_err(|_| self.refuse(input))
    }

    /// Takes a head, which is all of `octets` and was [parsed](Receiver::head) there: what it says
    /// decides how content and reply are framed. One that can't be taken is
    /// [refused](Self::refuse).
    ///
    /// # Errors
    /// What the client did wrong: the reply is made ready to say so.
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

    /// Gives up a request of which only `received` has arrived, and nothing that comes is understood
    /// any more. The reply to it is the last one.
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

    /// The sending side: how far the reply is, and with which status.
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The sending side, to begin the final reply.
    ///
    /// A request whose content is not complete by then makes this the last reply, if the client
    /// still waits for 100 (Continue), or is known to have more to send than the limit `drain`.
    pub fn reply(&mut self) -> &mut Sender {
        self.sender.close_unless_drainable(&self.receiver);
        &mut self.sender
    }

    /// Makes the next reply the last one of this connection, and say so.
    pub const fn close(&mut self) {
        self.sender.close();
    }

    /// Whether the connection goes on: if so, [`receive`](Self::receive) takes the next request.
    /// Otherwise, once the request is complete, shut the sending side, and read on for a little
    /// while, so that the client gets to read the reply (RFC 9112 §9.6).
    ///
    /// To be asked when the reply is whole, and the request too: receive and drop what nobody
    /// wanted.
    pub fn next_request(&mut self) -> bool {
        let goes_on =
            self.receiver.is_complete() && self.sender.is_complete() && self.sender.is_persistent();
        if goes_on {
            self.receiver.next_request();
        }
        goes_on
    }
}
